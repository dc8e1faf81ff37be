//! The study that is being written, what it takes, and asking it.

use super::{duration, emit};
use crate::study::StudyProgress;
use crate::study::templates::TEMPLATES;
use crate::ui::core::command::{StudyCommand, StudyDraft};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::features::study::job::StudyCount;
use crate::ui::widgets::{format_bytes, named, row};
use eframe::egui;
use egui::{FontId, RichText, Ui};

/// Bytes of a row with the usual signals, as the bundled templates write them.
const ROW_BYTES: f64 = 1500.0;
/// Width of a field for a number.
const FIELD_PT: f32 = 56.0;
/// Room below the text for folder, estimate and buttons, points.
const BELOW_PT: f32 = 160.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    egui::ScrollArea::vertical().id_salt("study describe").auto_shrink(false).show(ui, |ui| {
        beginnings(ui, cx);
        text(ui, cx);
        folder(ui, cx);
        part(ui, cx);
        estimate(ui, cx);
        start(ui, cx);
    });
}

fn beginnings(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let menu = ui.menu_button("Template…", |ui| {
            for template in TEMPLATES {
                if ui.button(template.id).on_hover_text(template.help).clicked() {
                    emit(cx, StudyCommand::Template(template.id));
                    ui.close();
                }
            }
        });
        menu.response.on_hover_text("A study for the tables of a paper; replaces the text below");
        let screen = ui.button("From what is on the screen").on_hover_text(
            "The open photos and annotations, the question in the prompt box, the open model; plain decoding, and the \
                methods that act beside it. Replaces the text below",
        );
        if screen.clicked() {
            emit(cx, StudyCommand::FromScreen);
        }
        if ui.button("Open a study…").on_hover_text("A TOML file").clicked() {
            emit(cx, StudyCommand::PickFile);
        }
        let is_any = !cx.state.study.draft.text.trim().is_empty();
        let save = ui.add_enabled(is_any, egui::Button::new("Save the study…"));
        if save.on_hover_text("As a TOML file, for gazelens study run too").clicked() {
            emit(cx, StudyCommand::PickSave);
        }
        let file = cx.state.study.draft.file.as_ref();
        let (name, help) = match file {
            Some(path) => (
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
                format!("Paths are relative to this file's folder: {}", path.display()),
            ),
            None => (
                "not saved".to_owned(),
                "Until it is saved, paths are relative to the folder that the program was started in".to_owned(),
            ),
        };
        ui.label(RichText::new(name).weak()).on_hover_text(help);
    });
}

/// Puts a changed draft in place.
fn set(cx: &mut PanelContext<'_>, change: impl FnOnce(&mut StudyDraft)) {
    let mut draft = cx.state.study.draft.clone();
    change(&mut draft);
    emit(cx, StudyCommand::SetDraft(Box::new(draft)));
}

fn text(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut text = cx.state.study.draft.text.clone();
    let height_pt = (ui.available_height() - BELOW_PT).max(120.0);
    let scroll =
        egui::ScrollArea::vertical().id_salt("study text").max_height(height_pt).min_scrolled_height(height_pt);
    scroll.show(ui, |ui| {
        let line_pt = ui.text_style_height(&egui::TextStyle::Monospace);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "lines of a screen")]
        let lines = (height_pt / line_pt - 1.0).clamp(6.0, 200.0) as usize;
        let size_pt = egui::TextStyle::Monospace.resolve(ui.style()).size;
        let edit = egui::TextEdit::multiline(&mut text)
            .font(FontId::monospace(size_pt))
            .code_editor()
            .hint_text("Choose a template, or begin with what is on the screen")
            .desired_rows(lines)
            .desired_width(f32::INFINITY);
        let response = ui.add(edit);
        named(ui, &response, "Text of the study");
        if response.changed() {
            set(cx, |draft| draft.text = text);
        }
    });
    match &cx.state.study.checked {
        Some(Err(why)) => {
            ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().error_fg_color)).wrap());
        }
        Some(Ok(settings)) => {
            ui.label(RichText::new(format!("A study of {}", count(*settings, "setting"))).weak().small())
                .on_hover_text("Values that are varied and seeds each make a setting of their own");
        }
        None => {}
    }
}

fn folder(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    row(ui, "Rows in", "The run's folder: a new one, or one to go on with", |ui| {
        let mut out = cx.state.study.draft.out.clone();
        let edit = egui::TextEdit::singleline(&mut out).hint_text("a folder").desired_width(260.0);
        let response = ui.add(edit);
        named(ui, &response, "Folder of the rows");
        if response.changed() {
            set(cx, |draft| draft.out = out);
        }
        if ui.button("Choose…").clicked() {
            emit(cx, StudyCommand::PickOut);
        }
    });
}

fn part(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    row(ui, "Only", "A part of the study; all of it where nothing is typed", |ui| {
        let draft = &cx.state.study.draft;
        let is_wrong = [draft.shard().is_err(), draft.most().is_err()];
        let (mut part, mut limit) = (draft.part.clone(), draft.limit.clone());
        ui.label("part");
        let help = "I/N: every N-th photo, counted from 0. 0/4, 1/4, 2/4 and 3/4 make up the whole study, on one \
            machine or on four; as --shard of gazelens study run. Parts can share the folder of the rows";
        if field(ui, &mut part, ("Part of the study", "I/N", help), is_wrong[0]) {
            set(cx, |draft| draft.part = part);
        }
        ui.label("at most");
        let help = "So many questions of this part, photo by photo, each in every setting; as --limit of gazelens \
            study run. Try a study with a few, then take the number away and go on";
        if field(ui, &mut limit, ("Most questions", "all", help), is_wrong[1]) {
            set(cx, |draft| draft.limit = limit);
        }
        ui.label("questions");
    });
}

/// A short field; red where its words are none. `true` when they changed.
fn field(ui: &mut Ui, text: &mut String, (name, hint, help): (&str, &str, &str), is_wrong: bool) -> bool {
    let colour = is_wrong.then(|| ui.visuals().error_fg_color);
    let edit = egui::TextEdit::singleline(text).hint_text(hint).desired_width(FIELD_PT).text_color_opt(colour);
    let response = ui.add(edit);
    named(ui, &response, name);
    response.on_hover_text(help).changed()
}

fn estimate(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    row(ui, "Takes", "Questions, time and disk, before anything is asked", |ui| {
        let study = &cx.state.study;
        let is_study = matches!(study.checked, Some(Ok(_)));
        let button = ui.add_enabled(is_study && !study.is_counting, egui::Button::new("Estimate"));
        let button = button.on_hover_text("Opens photos, annotations and questions in the background and counts them");
        if button.on_disabled_hover_text("There is no study to count yet").clicked() {
            emit(cx, StudyCommand::Count);
        }
        let study = &cx.state.study;
        match &study.count {
            _ if study.is_counting => drop(ui.weak("Counting…")),
            None => {}
            Some(Err(why)) => drop(ui.colored_label(ui.visuals().error_fg_color, why)),
            Some(Ok(counted)) => {
                let is_same = StudyDraft { out: study.draft.out.clone(), ..counted.draft.clone() } == study.draft;
                let stale = if is_same { "" } else { " (before the last change)" };
                ui.label(format!("{}{stale}", words(cx, counted))).on_hover_text(explained(counted));
            }
        }
    });
}

/// "30 photos, 180 questions × 10 settings = 1800 rows; about 3 min at the last study's rate; about 2.6 MiB of rows".
fn words(cx: &PanelContext<'_>, counted: &StudyCount) -> String {
    let rows = counted.questions * counted.settings;
    let rows_words = format!(
        "{}, {} × {} = {}",
        count(counted.photos, "photo"),
        count(counted.questions, "question"),
        count(counted.settings, "setting"),
        count(rows, "row"),
    );
    let time = match secs_of_row(cx) {
        Some((secs, by)) => format!("about {} {by}", duration(secs * rows as f64)),
        None => "the time is known after the first photo".to_owned(),
    };
    let bytes = |of_row: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a disk")]
        format_bytes((rows as f64 * of_row) as u64)
    };
    let disk = bytes(counted.row_bytes.unwrap_or(ROW_BYTES));
    let traces = match counted.trace_bytes {
        Some(of_trace) => format!(", about {} of traces", bytes(of_trace)),
        None if counted.keeps_traces => ", and traces: how large is known after the first photo".to_owned(),
        None => String::new(),
    };
    format!("{rows_words}; {time}; about {disk} of rows{traces}")
}

/// Seconds of a row as far as any were asked on this machine, and what they are known from.
fn secs_of_row(cx: &PanelContext<'_>) -> Option<(f64, &'static str)> {
    let study = &cx.state.study;
    let of_rate = |progress: StudyProgress| Some(progress.per_sec()).filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate);
    let now = study.asking.as_ref().and_then(|asking| asking.progress).and_then(of_rate);
    let last = study.ended.as_ref().and_then(|ended| of_rate(ended.as_ref().ok()?.progress));
    let of_answer = || {
        let timings = cx.state.current_run()?.timings?;
        Some(timings.vision_secs + timings.prefill_secs + timings.decode_secs).filter(|secs| *secs > 0.0)
    };
    now.map(|secs| (secs, "at the rate of the study under way"))
        .or_else(|| last.map(|secs| (secs, "at the last study's rate")))
        .or_else(|| of_answer().map(|secs| (secs, "if each takes as long as the shown answer")))
}

/// Where the numbers come from.
fn explained(counted: &StudyCount) -> String {
    let rows = match counted.row_bytes {
        Some(bytes) => format!("A row takes {bytes:.0} bytes in the run that is there already"),
        None => format!("A row takes about {ROW_BYTES:.0} bytes with the signals of the templates"),
    };
    let traces = match counted.trace_bytes {
        Some(_) => "Traces are as large as those of the run that is there already",
        None if counted.keeps_traces => "How large a trace is depends on the model and on the length of answers",
        None => "No traces are kept: traces = true below [signals] keeps that of every answer",
    };
    let warnings = counted.warnings.iter().map(|warning| format!("\n{warning}"));
    format!("{rows}\n{traces}{}", warnings.collect::<String>())
}

fn start(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let memory = cx.state.model.info.as_ref().map(|info| info.weight_bytes);
    let needs = memory.map_or(String::new(), |bytes| {
        format!(": about {} of weights more if the study uses the model that is open", format_bytes(bytes))
    });
    ui.horizontal_wrapped(|ui| {
        let why_not = cx.state.study.why_not_start();
        let button = ui.add_enabled(why_not.is_none(), egui::Button::new(RichText::new("Start").strong()));
        let help = "Asks in the background and writes each row as it comes. A folder with rows of this study goes on \
            where it ended";
        if button.on_hover_text(help).on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
            emit(cx, StudyCommand::Start);
        }
        // Why it is grey comes first.
        let opens = || format!("Opens a model of its own, beside the one of the window{needs}");
        let note = why_not.map_or_else(opens, str::to_owned);
        ui.label(RichText::new(note).weak().small());
    });
}
