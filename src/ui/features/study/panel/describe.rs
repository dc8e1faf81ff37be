//! The study that is being written, what it takes, and asking it.

use super::{duration, emit};
use crate::study::templates::TEMPLATES;
use crate::ui::core::command::{StudyCommand, StudyDraft};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::features::study::job::StudyCount;
use crate::ui::features::study::state::StudyState;
use crate::ui::widgets::{format_bytes, named, row};
use eframe::egui;
use egui::{FontId, RichText, Ui};

/// Bytes of a row with the usual signals, as the bundled templates write them.
const ROW_BYTES: f64 = 1500.0;
/// Room below the text for folder, estimate and buttons, points.
const BELOW_PT: f32 = 130.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    egui::ScrollArea::vertical().id_salt("study describe").auto_shrink(false).show(ui, |ui| {
        beginnings(ui, cx);
        text(ui, cx);
        folder(ui, cx);
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
        let size_pt = egui::TextStyle::Monospace.resolve(ui.style()).size;
        let edit = egui::TextEdit::multiline(&mut text)
            .font(FontId::monospace(size_pt))
            .code_editor()
            .hint_text("Choose a template, or begin with what is on the screen")
            .desired_rows(12)
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

fn estimate(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    row(ui, "Takes", "Questions times settings; time and disk as the last answers let expect", |ui| {
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
                let stale = if counted.text == study.draft.text { "" } else { " (of the text before)" };
                ui.label(format!("{}{stale}", words(cx, counted))).on_hover_text(counted.warnings.join("\n"));
            }
        }
    });
}

/// "30 photos, 180 questions × 10 settings = 1800 rows; about 3 min; about 2.6 MiB".
fn words(cx: &PanelContext<'_>, counted: &StudyCount) -> String {
    let rows = counted.questions * counted.settings;
    let rows_words = format!(
        "{}, {} × {} = {}",
        count(counted.photos, "photo"),
        count(counted.questions, "question"),
        count(counted.settings, "setting"),
        count(rows, "row"),
    );
    let last =
        cx.state.study.ended.as_ref().and_then(|ended| ended.as_ref().ok()).map(|ended| ended.progress.per_sec());
    let rate = last.filter(|rate| *rate > 0.0);
    let secs = rate.map(|rate| 1.0 / rate).or_else(|| {
        let timings = cx.state.current_run().and_then(|run| run.timings)?;
        Some(timings.vision_secs + timings.prefill_secs + timings.decode_secs).filter(|secs| *secs > 0.0)
    });
    let time = match (secs, rate) {
        (Some(secs), Some(_)) => format!("; about {} at the last study's rate", duration(secs * rows as f64)),
        (Some(secs), None) => {
            format!("; about {} if each takes as long as the shown answer", duration(secs * rows as f64))
        }
        (None, _) => "; the time is known after the first rows".to_owned(),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a disk")]
    let bytes = (rows as f64 * row_bytes(&cx.state.study)) as u64;
    format!("{rows_words}{time}; about {} of rows", format_bytes(bytes))
}

/// Of the run that is looked at, else of the bundled templates.
fn row_bytes(study: &StudyState) -> f64 {
    let rows = study.run.as_ref().map(|run| run.rows.as_slice()).unwrap_or_default();
    let sizes: Vec<f64> =
        rows.iter().take(20).filter_map(|row| serde_json::to_string(row).ok()).map(|text| text.len() as f64).collect();
    if sizes.is_empty() { ROW_BYTES } else { sizes.iter().sum::<f64>() / sizes.len() as f64 }
}

fn start(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let memory = cx.state.model.info.as_ref().map(|info| info.weight_bytes);
    let needs = memory.map_or(String::new(), |bytes| {
        format!(": about {} of weights more, where it is the model that is open", format_bytes(bytes))
    });
    ui.horizontal_wrapped(|ui| {
        let why_not = cx.state.study.why_not_start();
        let button = ui.add_enabled(why_not.is_none(), egui::Button::new(RichText::new("Start").strong()));
        let help = "Asks in the background and writes each row as it comes. A folder with rows of this study goes on \
            where it ended";
        if button.on_hover_text(help).on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
            emit(cx, StudyCommand::Start);
        }
        let note = format!("Opens a model of its own, beside the one of the window{needs}");
        ui.label(RichText::new(note).weak().small());
    });
}
