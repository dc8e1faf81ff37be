//! One run less another, patch by patch.

use crate::engine::RunId;
use crate::geometry::Framing;
use crate::render::HeatMap;
use crate::ui::features::Source;
use crate::ui::features::derived::compare::{ComparedColumn, Draft};
use crate::ui::features::derived::format_value;
use crate::ui::features::derived::shown::Values;

/// Rows are kept in 16 bits: equal attention may differ by this part of the brightest value.
const ROUNDING: f32 = 1.0 / 1024.0;

/// One run less the reference.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Of which the reference is subtracted.
    pub run: RunId,
    /// Value by value, or why nothing can be subtracted.
    pub map: Result<HeatMap, String>,
    /// The largest difference to either side.
    pub reach: f32,
    /// Ends of the colour scale to either side: at least what rounding may move, so that noise is not painted as if it
    /// were something.
    pub scale: f32,
    /// What is subtracted from what.
    pub caption: String,
}

/// `other` less `reference`, patch by patch, where their patches are the same places of the photo.
pub(super) fn subtract(
    (reference, before): (&ComparedColumn, &Draft<'_>),
    (other, after): (&ComparedColumn, &Draft<'_>),
    place: &str,
    source: Source,
) -> Difference {
    let mut caption = if source.of_tokens() {
        format!(
            "Run {} ({}) minus run {} ({}). {place}, patch by patch",
            other.nr, other.title, reference.nr, reference.title
        )
    } else {
        format!("Run {} minus run {}. {place}, patch by patch", other.nr, reference.nr)
    };
    if before.trace.run.weight_hash != after.trace.run.weight_hash {
        caption.push_str(". Two models: a layer or head of one is not that of the other");
    }
    let map = match (&reference.map, &other.map) {
        _ if before.trace.layout != after.trace.layout => Err(other_patches(reference, before, other, after)),
        (Ok(a), Ok(b)) => {
            let values = b.values.iter().zip(a.values.iter()).map(|(b, a)| b - a).collect();
            Ok(Values { values, image_share: 0.0 }.heat(&a.layout))
        }
        (Err(why), _) => Err(format!("Run {}: {why}", reference.nr)),
        (_, Err(why)) => Err(format!("Run {}: {why}", other.nr)),
    };
    let reach = map.as_ref().map_or(0.0, |map| map.values.iter().fold(0.0_f32, |reach, value| reach.max(value.abs())));
    let brightest = |column: &ComparedColumn| {
        column.map.as_ref().map_or(0.0, |map| map.values.iter().copied().fold(0.0_f32, f32::max))
    };
    let least = ROUNDING * brightest(reference).max(brightest(other));
    if map.is_ok() && reach <= least {
        let at_most = format_value(reach);
        caption = if reach > 0.0 {
            format!("{caption}. Equal but for rounding: at most {at_most}")
        } else {
            format!("{caption}. Equal everywhere")
        };
    }
    Difference { run: other.run, map, reach, scale: reach.max(least), caption }
}

/// Why patches cannot be subtracted: they lie elsewhere on the photo.
fn other_patches(reference: &ComparedColumn, before: &Draft<'_>, other: &ComparedColumn, after: &Draft<'_>) -> String {
    let said = |draft: &Draft<'_>| {
        let run = &draft.trace.run;
        let framing = match run.preprocessing.framing {
            Framing::Crop => "cropped",
            Framing::Pad => "padded",
        };
        format!("the photo {framing} in {}", draft.trace.layout.words())
    };
    format!(
        "Not subtracted: run {} saw {}, run {} {}, so their patches are different places",
        other.nr,
        said(after),
        reference.nr,
        said(before)
    )
}
