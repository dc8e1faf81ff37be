//! How far asking about all listed images is, and the button that stops it.

use crate::ui::core::command::{Command, ListCommand};
use crate::ui::features::dataset::panel::PanelContext;
use crate::ui::widgets::named;
use eframe::egui;
use egui::{Label, RichText, Ui};

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let state = cx.state;
    let Some(queue) = state.all_photos.queue() else { return };
    ui.horizontal(|ui| {
        let stop = ui.small_button("Stop").on_hover_text("Stops asking about all photos; answers so far stay");
        named(ui, &stop, "Stop asking about all photos");
        if stop.clicked() {
            cx.emit(Command::List(ListCommand::StopAsking));
        }
        ui.label(format!("{} of {}", queue.done, queue.total));
        let share = queue.done as f32 / queue.total.max(1) as f32;
        ui.add(egui::ProgressBar::new(share).desired_width(ui.available_width().max(20.0)).desired_height(6.0));
    });
    let image = state.all_photos.image().and_then(|image| state.library.position(image));
    let name = image.and_then(|idx| state.library.images().get(idx)).map_or("", |image| image.name.as_str());
    let words =
        if queue.is_waiting() { "Waiting for your question".to_owned() } else { format!("Asking about {name}") };
    let help = format!(
        "“{}”\nA question of yours goes first. All are asked about the original photos",
        state.all_photos.text()
    );
    let label = Label::new(RichText::new(words).small().weak()).truncate().show_tooltip_when_elided(false);
    ui.add(label).on_hover_text(help);
}
