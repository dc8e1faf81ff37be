//! One run: what it is, its photo with its attention, its answer with what changed.

use super::CompareMemory;
use crate::analysis::align::Change;
use crate::geometry::PatchPos;
use crate::render::{HeatStyle, PhotoTexture};
use crate::trace::Trace;
use crate::ui::core::command::{Command, CompareCommand, Elsewhere, Extend};
use crate::ui::core::wording::count;
use crate::ui::features::compare::panel::{LINE_PT, canvas_size, line, variant};
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{ComparedColumn, Comparison, format_value, sum_words};
use crate::ui::features::truth::Marks;
use crate::ui::features::truth::origin::verdict;
use crate::ui::features::{Phase, Run, TokenPos};
use crate::ui::widgets::canvas::PhotoCanvas;
use crate::ui::widgets::chip::{Chip, ChipMarks, change_word, ends_line, show_word};
use crate::ui::widgets::named;
use eframe::egui;
use egui::{RichText, Ui, vec2};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// What the run is, and what can be done with it; below it which tokens are shown.
pub(super) fn head(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    comparison: &Comparison,
    column: &ComparedColumn,
    run: &Run,
) {
    ui.spacing_mut().item_spacing = vec2(4.0, 0.0);
    let size = vec2(ui.available_width(), LINE_PT);
    let left_to_right = egui::Layout::left_to_right(egui::Align::Center);
    // Three and more columns are too narrow for name and buttons in one line.
    let narrow = comparison.columns.len() > 2;
    if narrow {
        ui.allocate_ui_with_layout(size, left_to_right, |ui| title(ui, cx, comparison, column, run));
        ui.allocate_ui_with_layout(size, left_to_right, |ui| buttons(ui, cx, comparison, column));
    } else {
        ui.allocate_ui_with_layout(size, egui::Layout::right_to_left(egui::Align::Center), |ui| {
            buttons(ui, cx, comparison, column);
            ui.with_layout(left_to_right, |ui| title(ui, cx, comparison, column, run));
        });
    }
    match &column.map {
        Ok(_) => {
            let darkened = if run.question.prompted.is_some() { "; the model saw the photo darkened" } else { "" };
            let sum = sum_words(&cx.state.view, column.tokens.len() == 1);
            let text = format!("{}, {sum} {}{darkened}", column.title, format_value(column.image_share));
            line(ui, RichText::new(&text).small().weak(), &format!("{text}\n{}", comparison.place));
        }
        Err(why) => {
            line(ui, RichText::new(why).small().color(ui.visuals().warn_fg_color), why);
        }
    }
}

/// Number and name; a click shows the run in the rest of the window.
fn title(ui: &mut Ui, cx: &mut PanelContext<'_>, comparison: &Comparison, column: &ComparedColumn, run: &Run) {
    let shown = cx.state.current_run().map(|run| run.id) == Some(run.id);
    let others = || comparison.columns.iter().filter_map(|column| cx.state.runs.get(column.run));
    let mut words = vec![variant(run)];
    if others().any(|other| other.prompt_text() != run.prompt_text()) {
        words.push(format!("“{}”", run.prompt_text()));
    }
    if others().any(|other| other.model_id() != run.model_id()) {
        words.push(run.model_id().unwrap_or("no model").to_owned());
    }
    let text = format!("{} {}", column.nr, words.join(" · "));
    let mut help = format!("Run {}: {}\n{}", column.nr, variant(run), run.prompt_text());
    help = format!("{help}\nAnswered by {}", run.model_id().unwrap_or("no model"));
    help.push_str(if shown {
        "\nThe rest of the window shows it"
    } else {
        "\nClick to show it in the rest of the window"
    });
    let rich = RichText::new(&text);
    let button = egui::Button::selectable(shown, if shown { rich.strong() } else { rich }).truncate();
    let response = ui.add(button).on_hover_text(help);
    named(ui, &response, &format!("Run {}: {}", column.nr, words.join(" · ")));
    if response.clicked() && !shown {
        cx.emit(Command::ShowRun(run.id));
    }
}

/// From the right: pin, take the difference of, take away.
fn buttons(ui: &mut Ui, cx: &mut PanelContext<'_>, comparison: &Comparison, column: &ComparedColumn) {
    let Some(compared) = cx.state.compared() else { return };
    let image = cx.state.runs.get(column.run).map(|run| run.question.image.clone());
    let is_reference = column.run == compared.reference;
    let shown = cx.state.current_run().map(|run| run.id) == Some(column.run);
    let added = image.as_ref().is_some_and(|image| cx.state.compare.added(image).contains(&column.run));
    if added && !shown && !is_reference {
        let response = ui.small_button("×").on_hover_text("Takes this run out of the comparison");
        named(ui, &response, &format!("Take run {} out", column.nr));
        if response.clicked() {
            cx.emit(Command::Compare(CompareCommand::Toggle(column.run)));
        }
    }
    let pinned = is_reference && compared.pinned;
    let (label, help) = match (is_reference, pinned) {
        (true, true) => ("Reference", "Pinned: the others are compared with it. Click to let the window choose"),
        (true, false) => ("Reference", "Chosen as the plain answer to the same question. Click to pin it"),
        (false, _) => ("Pin", "Compares the others with this run"),
    };
    let response = ui.add(egui::Button::new(RichText::new(label).small()).small().selected(pinned)).on_hover_text(help);
    named(
        ui,
        &response,
        &if is_reference { format!("Reference: run {}", column.nr) } else { format!("Pin run {}", column.nr) },
    );
    if let Some(image) = image.filter(|_| response.clicked()) {
        cx.emit(Command::Compare(CompareCommand::Pin((!pinned).then_some(column.run), image)));
    }
    if !is_reference && comparison.columns.len() > 2 {
        let on = compared.subtracted == Some(column.run);
        let response = ui.add(egui::Button::new(RichText::new("Difference").small()).small().selected(on));
        let response = response.on_hover_text("The last column shows this run less the reference");
        named(ui, &response, &format!("Difference of run {}", column.nr));
        if response.clicked() {
            cx.emit(Command::Compare(CompareCommand::Subtract(column.run)));
        }
    }
}

/// The photo with where this run looked. Returns the patch under the pointer.
pub(super) fn photo(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    photo: &PhotoTexture,
    column: &ComparedColumn,
    run: &Run,
    style: &HeatStyle,
) -> Option<PatchPos> {
    let whole = run.trace.as_ref().map(|trace| &trace.layout).filter(|layout| layout.image() == photo.size())?;
    // The map of one encoder of several lies on the regions that it saw.
    let layout = column.map.as_ref().map_or(whole, |map| &map.layout);
    let is_its_photo = cx.state.is_of_shown_photo(run);
    let heat = column.map.as_ref().ok().filter(|map| cx.state.colour.overlay_visible && map.layout == *layout);
    let heat = heat.filter(|_| is_its_photo);
    if !is_its_photo {
        ui.label(RichText::new("The photo has changed since").small().color(ui.visuals().warn_fg_color));
    }
    let linked = cx.memory.of::<CompareMemory>().hovered.filter(|pos| layout.idx(*pos).is_some());
    let selected: BTreeSet<PatchPos> = cx.state.selection.patches.iter().filter_map(|idx| whole.pos(*idx)).collect();
    let response = PhotoCanvas::new(photo, layout)
        .heat(heat.map(|map| (map.clone(), *style)))
        .marked(Vec::new(), linked.into_iter().collect())
        .selected(&selected)
        .grid_lines(cx.state.colour.patch_grid_visible)
        .show_border(true)
        .label(format!("Attention of run {}, {}", column.nr, column.title))
        .size(canvas_size(ui))
        .show(ui, &mut cx.memory.compared);
    // Patches are those of the shown run.
    let of_shown = cx.state.current_run().and_then(|run| run.trace.as_ref()).map(|trace| &trace.layout);
    let clicked = response.clicked.filter(|_| of_shown == Some(layout));
    if let Some((idx, modifiers)) = clicked.and_then(|(pos, modifiers)| Some((layout.idx(pos)?, modifiers))) {
        let extend = if modifiers.command || modifiers.shift { Extend::Toggle } else { Extend::Replace };
        cx.emit(Command::ClickPatch(idx, extend));
    }
    response.hovered
}

/// How it differs, in numbers and word by word.
pub(super) fn answer(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    comparison: &Comparison,
    column: &ComparedColumn,
    run: &Run,
) {
    let Some(trace) = &run.trace else { return };
    let (text, changed) = match (&column.alignment, &run.phase) {
        _ if !trace.has_decoder() => ("This model gives no answer in words".to_owned(), false),
        (None, _) => (format!("Reference, {}", count(trace.output.len(), "token")), false),
        (Some(alignment), phase) => {
            let so_far = if phase.is_active() { " so far" } else { "" };
            (format!("{}{so_far}", alignment.sentence()), !alignment.is_same())
        }
    };
    let rich = RichText::new(&text).small();
    let rich = if changed { rich.color(crate::ui::widgets::theme::accent(ui.visuals())) } else { rich.weak() };
    ui.add(egui::Label::new(rich).wrap());
    if let Some(judged) = cx.derived.compare.marks(run.id).and_then(Marks::sentence) {
        let sources = cx.state.truth.image.as_ref().map_or("", |truth| truth.sources);
        let words = RichText::new(&judged).small();
        ui.add(egui::Label::new(words).truncate()).on_hover_text(format!("{judged}, by {sources}"));
    }
    let to_sight = newly_held(cx, column);
    let scroll = egui::ScrollArea::vertical().id_salt(("compared answer", run.id.0)).auto_shrink(false);
    scroll.show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(1.0, 3.0);
            // Pieces stand as words, as in the answer.
            let words = if cx.state.pieces { Vec::new() } else { trace.words() };
            let mut words = words.into_iter().peekable();
            let mut idx = 0;
            while idx < trace.output.len() {
                let word = words.next_if(|word| *word.start() <= idx).unwrap_or(idx..=idx);
                let chips = word.clone().filter_map(|idx| chip(cx, comparison, column, trace, idx)).collect();
                for (idx, response) in word.clone().zip(show_word(ui, chips)) {
                    if to_sight == Some(TokenPos::Output(idx)) {
                        response.scroll_to_me(None);
                    }
                    respond(ui, cx, comparison, column, trace, (idx, &word), response);
                }
                if trace.output.get(*word.end()).is_some_and(|token| ends_line(&token.text)) {
                    ui.end_row();
                }
                idx = word.end() + 1;
            }
        });
        if let Phase::Failed(why) = &run.phase {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
    });
}

/// How a token of a column differs; those of the reference as the second column sees them.
fn change_of(comparison: &Comparison, column: &ComparedColumn, idx: usize) -> Option<Change> {
    if let Some(alignment) = &column.alignment {
        return alignment.change_of_other(idx);
    }
    let subtracted = comparison.difference.as_ref().map(|difference| difference.run);
    let other = subtracted.and_then(|run| comparison.column(run)).or(comparison.columns.get(1))?;
    other.alignment.as_ref()?.change_of_reference(idx)
}

/// One token.
fn chip<'a>(
    cx: &PanelContext<'_>,
    comparison: &Comparison,
    column: &ComparedColumn,
    trace: &'a Trace,
    idx: usize,
) -> Option<Chip<'a>> {
    let token = trace.output.get(idx)?;
    let change = change_of(comparison, column, idx).filter(|change| *change != Change::Kept);
    let suffix = change.map_or_else(String::new, |change| format!(", {}", change_word(change)));
    let word = cx.derived.compare.marks(column.run).and_then(|marks| marks.of_token(idx));
    let all = column.tokens.len() > 1 && cx.state.selection.is_empty();
    Some(Chip {
        text: &token.text,
        label: format!("Run {} token {idx}: {}{suffix}", column.nr, token.text.trim()),
        position: None,
        colormap: 0,
        held: !all && column.tokens.contains(&TokenPos::Output(idx)),
        special: token.special,
        status: word.map(|word| word.marked.status),
        marks: ChipMarks { change, ..ChipMarks::default() },
    })
}

/// Follows the pointer on one token, which may be a piece of a word: a click takes the whole word.
fn respond(
    ui: &Ui,
    cx: &mut PanelContext<'_>,
    comparison: &Comparison,
    column: &ComparedColumn,
    trace: &Trace,
    (idx, word): (usize, &RangeInclusive<usize>),
    response: egui::Response,
) {
    let Some(token) = trace.output.get(idx) else { return };
    let change = change_of(comparison, column, idx).filter(|change| *change != Change::Kept);
    let shown = cx.state.current_run().map(|run| run.id);
    let counterpart = shown.and_then(|shown| comparison.counterpart(column.run, idx, shown));
    let here = Elsewhere { run: column.run, token_idx: idx };
    if response.hovered() {
        hover(cx, counterpart, here, idx < trace.decoder_attention.len());
    }
    if response.clicked() {
        let extend = ui.input(|input| match (input.modifiers.shift, input.modifiers.command) {
            (true, _) => Extend::Range,
            (false, true) => Extend::Toggle,
            (false, false) => Extend::Replace,
        });
        let of_shown = |idx: usize| comparison.counterpart(column.run, idx, shown?);
        let whole = of_shown(*word.start()).zip(of_shown(*word.end())).filter(|(first, last)| first < last);
        cx.emit(match counterpart {
            Some(_)
                if extend == Extend::Replace
                    && let Some((first, last)) = whole =>
            {
                Command::HoldWord(first, last)
            }
            Some(idx) => Command::ClickToken(TokenPos::Output(idx), extend),
            None => Command::Compare(CompareCommand::Hold(here)),
        });
    }
    response.on_hover_ui(|ui| {
        ui.label(RichText::new(format!("Run {}, token {idx} “{}”", column.nr, token.text)).strong());
        if let Some(word) = cx.derived.compare.marks(column.run).and_then(|marks| marks.of_token(idx)) {
            let colour = crate::ui::widgets::theme::status(ui.visuals(), word.marked.status);
            ui.colored_label(colour, verdict(word, cx.state.truth.image.as_deref()));
        }
        ui.label(meaning(comparison, column, idx, change, cx));
        ui.label(format!("probability {}", format_value(token.logprob.exp())));
        if let Some(contrast) = &token.contrast {
            ui.label(contrast.sentence());
        }
    });
}

/// The first of a column's tokens, once, when others are held than before: a long answer scrolls to it. Not what the
/// pointer only passes.
fn newly_held(cx: &mut PanelContext<'_>, column: &ComparedColumn) -> Option<TokenPos> {
    let selection = &cx.state.selection;
    if selection.hovered_token.is_some() || selection.hovered_elsewhere.is_some() {
        return None;
    }
    let held = (selection.elsewhere.is_some() || !selection.tokens.is_empty()).then(|| column.tokens.first().copied());
    let held = held.flatten();
    let before = cx.memory.of::<CompareMemory>().held.insert(column.run, held).flatten();
    held.filter(|held| Some(*held) != before)
}

/// A token without a row has no map to preview: what is held stays in sight.
fn hover(cx: &mut PanelContext<'_>, counterpart: Option<usize>, here: Elsewhere, has_row: bool) {
    let rows = cx.state.current_run().and_then(|run| run.trace.as_ref()).map_or(0, |t| t.decoder_attention.len());
    match counterpart {
        Some(idx) if idx < rows => cx.hovered_token = Some(TokenPos::Output(idx)),
        None if has_row => cx.hovered_elsewhere = Some(here),
        _ => {}
    }
}

/// What stands in its place in the other answer.
fn meaning(
    comparison: &Comparison,
    column: &ComparedColumn,
    idx: usize,
    change: Option<Change>,
    cx: &PanelContext<'_>,
) -> String {
    let against = match (&column.alignment, &comparison.difference) {
        (None, Some(difference)) => comparison.column(difference.run),
        _ => comparison.columns.first(),
    };
    let Some(against) = against else { return String::new() };
    let partner = comparison.counterpart(column.run, idx, against.run);
    let trace = cx.state.runs.get(against.run).and_then(|run| run.trace.as_ref());
    let partner = partner.and_then(|idx| Some((idx, trace?.output.get(idx)?)));
    match (change, partner) {
        (Some(Change::Changed), Some((idx, other))) => {
            format!("Changed: run {} has token {idx} “{}” in its place", against.nr, other.text)
        }
        (_, None) => format!("Run {} has nothing in its place", against.nr),
        (_, Some((idx, _))) => format!("The same as token {idx} of run {}", against.nr),
    }
}
