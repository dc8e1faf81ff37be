//! Maps from 0 to 1 each, as papers show them: brightness then compares structure, not amounts.

use super::{Content, ResolvedPanel};
use crate::figure::number::number;
use crate::render::value_range;
use std::sync::Arc;

/// What the values are then.
pub(in crate::figure) const UNIT: &str = "0 to 1 within each map (min–max)";
/// The column of the table that holds them.
const COLUMN: &str = "0 to 1 (min-max)";

/// Maps shown with their least value as 0 and their largest as 1; the panel's data keeps both. Differences and panels
/// with ends of their own
/// stay as they are. A map of one value everywhere is 0.
pub(super) fn apply(panel: &mut ResolvedPanel) {
    if panel.range.is_some() {
        return;
    }
    let (values, unit) = match &mut panel.content {
        Content::Photo(photo) => match &mut photo.heat {
            Some(heat) if !heat.signed => (&mut heat.values, &mut heat.unit),
            _ => return,
        },
        Content::Cells(cells) if cells.cell.len() > 1 => (&mut cells.values, &mut cells.unit),
        _ => return,
    };
    let Some([lo, hi]) = value_range(values) else { return };
    let width = f64::from(hi) - f64::from(lo);
    #[expect(clippy::cast_possible_truncation, reason = "f32 is what colours are made of")]
    let part = |value: f32| if width > 0.0 { ((f64::from(value) - f64::from(lo)) / width) as f32 } else { 0.0 };
    let parts: Arc<[f32]> = values.iter().map(|value| part(*value)).collect();
    // A row a value, as tables of maps have it.
    if panel.data.table.len() == parts.len() + 1 {
        let cells = std::iter::once(COLUMN.to_owned()).chain(parts.iter().map(ToString::to_string));
        panel.data.table.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
    }
    let how = if width > 0.0 {
        format!("min–max: 0 is {}, 1 is {}", number(f64::from(lo)), number(f64::from(hi)))
    } else {
        format!("the same value everywhere ({}), shown as 0", number(f64::from(lo)))
    };
    panel.caption = format!("{}; {how}", panel.caption);
    panel.colours = Some(format!("{unit}; {how}"));
    *values = parts;
    UNIT.clone_into(unit);
}
