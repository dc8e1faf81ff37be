//! What program this is.

use crate::ui::core::command::Command;
use crate::ui::features::context::PanelContext;
use eframe::egui;
use egui::RichText;

pub(in crate::ui) fn show(ctx: &egui::Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.about {
        return;
    }
    let modal = crate::ui::features::context::modal(ctx, "about").show(ctx, |ui| {
        ui.set_width(420.0_f32.min(ctx.content_rect().width() - 60.0));
        ui.heading("gazelens");
        ui.label(RichText::new("A desktop explorer of where a vision-language model looks").weak());
        ui.add_space(8.0);
        let model = cx.state.model.info.as_ref();
        let rows = [
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Model", model.map_or_else(|| "none is open".to_owned(), |info| info.summary.clone())),
            ("It runs on", model.map_or_else(|| "nothing yet".to_owned(), |info| info.device.clone())),
            ("Drawn by", painted_by(ctx)),
            ("Licence", env!("CARGO_PKG_LICENSE").to_owned()),
        ];
        egui::Grid::new("about rows").num_columns(2).show(ui, |ui| {
            for (name, value) in rows {
                ui.label(RichText::new(name).weak());
                ui.add(egui::Label::new(value).wrap());
                ui.end_row();
            }
        });
        ui.add_space(8.0);
        ui.button("Close").clicked()
    });
    if modal.inner || modal.should_close() {
        cx.emit(Command::ToggleAbout);
    }
}

fn painted_by(ctx: &egui::Context) -> String {
    if crate::render::gpu::info(ctx).is_some() { "the graphics card" } else { "the processor" }.to_owned()
}
