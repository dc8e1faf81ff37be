//! An answer that came to its token limit ended normally: one line below it, and the way on.

use crate::engine::is_limit_sentence;
use crate::trace::Trace;
use crate::ui::core::command::Command;
use crate::ui::core::wording::count;
use crate::ui::features::Run;
use crate::ui::features::context::PanelContext;
use eframe::egui;
use egui::Ui;

/// Where the answer stopped, and a button that continues it or asks again with a higher limit.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &Run, trace: &Trace) {
    if !run.stopped_at_limit() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.weak(format!("Stopped at the limit of {}", count(trace.output.len(), "token")));
        let (text, help, command) = if cx.state.can_continue(run) {
            ("Continue", "Generates more tokens from here, with the settings of this answer", Command::Continue)
        } else {
            (
                "Raise the limit and ask again",
                "Sets Max new tokens to twice this limit and asks the question again, with the present settings",
                Command::RaiseLimit,
            )
        };
        if ui.small_button(text).on_hover_text(help).clicked() {
            cx.emit(command);
        }
    });
}

/// What an answer warns about; its limit is no warning.
pub(in crate::ui) fn warnings(trace: &Trace) -> impl Iterator<Item = &String> {
    trace.warnings.iter().filter(|warning| !is_limit_sentence(warning))
}
