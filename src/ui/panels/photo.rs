//! The photo with what looks at it.

use super::PanelContext;
use crate::ui::photos::Loaded;
use crate::ui::widgets::empty;
use egui::{RichText, Ui};

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    caption(ui, cx);
    match cx.photos.photo() {
        None => empty(ui, "No photo", "Open one on the left, or drop a file on the window"),
        Some(Loaded::Pending) => empty(ui, "Reading the photo…", ""),
        Some(Loaded::Failed(why)) => empty(ui, "This photo cannot be shown", why),
        Some(Loaded::Ready(photo)) => {
            ui.label(format!("{:?}", photo.size()));
        }
    }
}

/// Exactly what is shown: source, layer, head, tokens, normalisation.
fn caption(ui: &mut Ui, cx: &PanelContext<'_>) {
    let text = match &cx.derived.shown {
        Some(shown) => match &shown.map {
            Ok(_) => shown.caption.clone(),
            Err(why) => why.clone(),
        },
        None if cx.state.current_run().is_some() => "Waiting for the first numbers".to_owned(),
        None => "No question has been asked about this photo".to_owned(),
    };
    ui.add(egui::Label::new(RichText::new(text).weak()).truncate());
}
