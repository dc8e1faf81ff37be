//! Pictures and tables on their way to the clipboard. A picture is drawn beside the window: a large photo takes longer
//! than a frame.

use crate::figure::TableForm;
use crate::ui::core::pane::{Pane, TableKind};
use crate::ui::features::clipboard::drawing::{Drawn, Wanted};
use crate::ui::features::clipboard::tables;
use crate::ui::features::clipboard::tables::TableSource;
use crate::ui::features::photo::panel::picture;
use crate::ui::shell::app::App;
use eframe::egui;

impl App {
    /// The figure while its panel is in front, else the photo.
    pub(in crate::ui) fn copy_picture(&mut self, ctx: &egui::Context) {
        let figure = self.is_in_sight(Pane::Figure);
        let wanted = if figure && !self.state.figure.recipe().panels.is_empty() {
            Some(Wanted::Figure(self.figures.subject(&self.state)))
        } else {
            let [r, g, b, _] = ctx.global_style().visuals.extreme_bg_color.to_array();
            let (cx, _) = self.panels();
            picture(&cx, [r, g, b]).map(|picture| Wanted::Photo(Box::new(picture)))
        };
        match wanted {
            Some(wanted) => self.jobs.draw_picture(wanted),
            None => self.state.picture_copied(Err("There is no photo to copy yet".to_owned())),
        }
    }

    /// A picture was drawn.
    pub(in crate::ui) fn picture_drawn(&mut self, drawn: Result<Drawn, String>, ctx: &egui::Context) {
        match drawn {
            Ok((what, image)) => {
                self.state.picture_copied(Ok((what, image.size)));
                ctx.copy_image(image);
            }
            Err(why) => self.state.picture_copied(Err(why)),
        }
    }

    /// This table; without one, that of the panel under the pointer, else of the first panel in front that has one.
    pub(in crate::ui) fn copy_table(&mut self, kind: Option<TableKind>, form: TableForm, ctx: &egui::Context) {
        let source = TableSource {
            state: &self.state,
            derived: &self.derived,
            slow_numbers: &self.slow_numbers,
            over_words: self.view.shares_over_words,
        };
        let in_front = || {
            let pointed = |kind: &TableKind| self.view.pointed_pane == Some(kind.pane());
            let (pointed, others): (Vec<_>, Vec<_>) = TableKind::ALL.into_iter().partition(pointed);
            let kinds = pointed.into_iter().chain(others);
            kinds.filter(|kind| self.is_in_sight(kind.pane()))
        };
        let found = match kind {
            Some(kind) => tables::make(kind, source).map(|cells| (kind, cells)),
            None => in_front().find_map(|kind| Some((kind, tables::make(kind, source)?))),
        };
        let Some((kind, cells)) = found else {
            let why = kind.map_or_else(
                || "No visible panel has a table to copy".to_owned(),
                |kind| format!("There is no table of {} to copy yet", kind.label()),
            );
            return self.state.table_copied(Err(why));
        };
        ctx.copy_text(form.text(&cells));
        self.state.table_copied(Ok((kind, form, cells.len() - 1)));
    }
}
