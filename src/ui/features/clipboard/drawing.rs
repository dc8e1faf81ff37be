//! Pictures that are drawn beside the window.

use crate::ui::features::figure::preview::Subject;
use crate::ui::widgets::canvas::CanvasPicture;
use eframe::egui::ColorImage;

/// Something to be drawn.
pub(in crate::ui) enum Wanted {
    /// The photo as it is shown.
    Photo(Box<CanvasPicture>),
    /// The figure, with as many dots per inch as it is written with.
    Figure(Subject),
}

/// A picture and what it is of.
pub(in crate::ui) type Drawn = (&'static str, ColorImage);

/// Draws it; takes its time. An error is one sentence.
pub(in crate::ui) fn draw(wanted: &Wanted) -> Result<Drawn, String> {
    match wanted {
        Wanted::Photo(picture) => {
            let (size, rgb) = picture.draw();
            Ok(("the photo as shown", ColorImage::from_rgb(size, &rgb)))
        }
        Wanted::Figure(subject) => {
            let raster = subject.raster()?;
            Ok(("the figure", ColorImage::from_rgb(raster.size.map(|side| side as usize), &raster.rgb)))
        }
    }
}
