//! Which raw values the ends of the colours mean, panel by panel, and the bars that say so.

use super::number::number;
use super::recipe::{Colour, Scale};
use super::resolve::{Content, Resolved, ResolvedPanel, UNIT};
use crate::render::{Colouring, HeatStyle, colormap, colormap_by_id, value_range};

/// One scale, of one panel or of several.
#[derive(Debug, Clone, PartialEq)]
pub struct ColourScale {
    /// What its values are.
    pub unit: String,
    /// How they are coloured; the range is the one that is really shown.
    pub style: HeatStyle,
    /// Places of the panels that use it.
    pub panels: Vec<usize>,
    /// 0 is its middle.
    pub signed: bool,
    /// Whether there are values below and above its ends: they have the ends' colours, and the bar says so.
    pub beyond: [bool; 2],
}

/// A panel's values, what they are and whether 0 is in the middle of their colours.
fn coloured(panel: &ResolvedPanel) -> Option<(&[f32], &str, bool)> {
    match &panel.content {
        Content::Photo(photo) => photo.heat.as_ref().map(|heat| (&*heat.values, heat.unit.as_str(), heat.signed)),
        Content::Cells(cells) => Some((&cells.values, cells.unit.as_str(), false)),
        Content::Words(words) => words.shade.as_ref().map(|(unit, values)| (&**values, unit.as_str(), false)),
        Content::Lines(_) | Content::Bars(_) => None,
    }
}

/// Every scale of a figure, in the order of its first panel.
pub fn scales(resolved: &Resolved, colour: &Colour) -> Vec<ColourScale> {
    let mut all: Vec<ColourScale> = Vec::new();
    for (idx, panel) in resolved.panels.iter().enumerate() {
        let Some((values, unit, signed)) = coloured(panel) else { continue };
        let own = own_range(values, signed);
        let is_map = is_map(panel);
        let given = panel.range.or(match colour.scale {
            Scale::Fixed(range) if !signed && is_map => Some(range),
            _ => None,
        });
        let is_shared = matches!(colour.scale, Scale::Shared | Scale::Fixed(_))
            || (colour.scale == Scale::ZeroToOne && unit == UNIT);
        let same = |scale: &&mut ColourScale| {
            let first = scale.panels.first().and_then(|first| resolved.panels.get(*first));
            scale.unit == unit && scale.signed == signed && first.is_some_and(|first| first.range.is_none())
        };
        let shares = panel.range.is_none() && is_shared;
        if shares && let Some(scale) = all.iter_mut().find(same) {
            scale.panels.push(idx);
            if given.is_none() {
                let [lo, hi] = scale.style.range;
                scale.style.range = [lo.min(own[0]), hi.max(own[1])];
            }
            scale.beyond = joined(scale.beyond, beyond(own, given));
            continue;
        }
        let id = if signed { &colour.difference_map } else { &colour.map };
        let style = HeatStyle {
            colormap: colormap_by_id(id).unwrap_or(0),
            range: given.unwrap_or(own),
            gamma: colour.gamma,
            opacity: colour.opacity,
            alpha_ramp: colour.alpha_ramp,
            resampling: colour.resampling,
            combine: colour.regions,
        };
        all.push(ColourScale { unit: unit.to_owned(), style, panels: vec![idx], signed, beyond: beyond(own, given) });
    }
    for scale in &mut all {
        scale.style.range = colormap(scale.style.colormap).effective_range(scale.style.range);
    }
    all
}

/// A number a head or a word is another quantity than the maps that the figure's range is about.
fn is_map(panel: &ResolvedPanel) -> bool {
    match &panel.content {
        Content::Cells(cells) => cells.cell.len() > 1,
        content => matches!(content, Content::Photo(_)),
    }
}

/// Says of every panel what its colours mean.
pub(super) fn say(resolved: &mut Resolved, colour: &Colour) {
    for scale in scales(resolved, colour) {
        let [lo, hi] = scale.style.range.map(|end| number(f64::from(end)));
        let others = |idx: usize| {
            let others: Vec<usize> = scale.panels.iter().copied().filter(|other| *other != idx).collect();
            if others.is_empty() {
                "of this panel alone".to_owned()
            } else {
                format!("shared with {}", places(&others))
            }
        };
        for idx in scale.panels.iter().copied() {
            let how = format!("{}; colours from {lo} to {hi}, {}", scale.unit, others(idx));
            if let Some(panel) = resolved.panels.get_mut(idx) {
                panel.colours.get_or_insert(how);
            }
        }
    }
}

/// "panels 2 and 3".
fn places(panels: &[usize]) -> String {
    let numbers: Vec<String> = panels.iter().map(|idx| (idx + 1).to_string()).collect();
    match numbers.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("panels {} and {last}", first.join(", ")),
        _ => format!("panel {}", numbers.concat()),
    }
}

/// Why not all maps of a figure share one scale where they should: values of different units cannot be compared.
pub(super) fn unshared(resolved: &Resolved, colour: &Colour) -> Option<String> {
    if colour.scale != Scale::Shared {
        return None;
    }
    let maps = |panel: &ResolvedPanel| is_map(panel) && panel.range.is_none();
    let groups: Vec<String> = scales(resolved, colour)
        .into_iter()
        .filter(|scale| !scale.signed)
        .filter(|scale| scale.panels.iter().all(|idx| resolved.panels.get(*idx).is_some_and(maps)))
        .map(|scale| format!("{} ({})", places(&scale.panels), scale.unit))
        .collect();
    let [first @ .., last] = groups.as_slice() else { return None };
    let first = if first.is_empty() { return None } else { first.join(", ") };
    let why = format!("The maps of {first} and {last} have different units");
    Some(format!("{why}: each unit has its own bar, or choose the scale “0 to 1 each”"))
}

/// Whether a panel's own range lies below and above the one that it is given.
fn beyond([lo, hi]: [f32; 2], given: Option<[f32; 2]>) -> [bool; 2] {
    given.map_or([false; 2], |[from, to]| [lo < from, hi > to])
}

fn joined(a: [bool; 2], b: [bool; 2]) -> [bool; 2] {
    [a[0] || b[0], a[1] || b[1]]
}

/// From 0, or symmetric about it, to the largest value; never without width.
fn own_range(values: &[f32], signed: bool) -> [f32; 2] {
    let [lo, hi] = value_range(values).unwrap_or([0.0, 1.0]);
    let (lo, hi) = (lo.min(0.0), hi.max(0.0));
    if signed {
        let reach = lo.abs().max(hi);
        return if reach > 0.0 { [-reach, reach] } else { [-1.0, 1.0] };
    }
    if hi > lo { [lo, hi] } else { [0.0, 1.0] }
}

/// The opaque colour of a value.
pub(super) fn colour_of(style: &HeatStyle, value: f32) -> [u8; 3] {
    let map = colormap(style.colormap);
    map.at(Colouring::new(style, map).position(value).0).map(byte)
}

/// Opaque colours of the whole range in as many steps, **shape** `[steps, 4]`.
pub(super) fn bar_colours(style: &HeatStyle, steps: u16) -> Vec<u8> {
    let map = colormap(style.colormap);
    let colouring = Colouring::new(style, map);
    let [lo, hi] = style.range;
    let colours = (0..steps).flat_map(|step| {
        let part = (f32::from(step) + 0.5) / f32::from(steps.max(1));
        let [r, g, b] = map.at(colouring.position(lo + (hi - lo) * part).0).map(byte);
        [r, g, b, 255]
    });
    colours.collect()
}

fn byte(x: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 first")]
    let byte = (x.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_a_given_range_are_known() {
        assert_eq!(beyond([0.0, 0.5], None), [false, false], "its own range has all of them");
        assert_eq!(beyond([0.0, 0.5], Some([0.1, 0.4])), [true, true], "on both sides");
        assert_eq!(joined([true, false], beyond([0.0, 0.5], Some([0.0, 0.4]))), [true, true], "of any panel");
    }

    #[test]
    fn ranges_begin_at_zero_and_have_a_width() {
        let cases: [(&[f32], bool, [f32; 2], &str); 4] = [
            (&[0.2, 0.5], false, [0.0, 0.5], "attention begins at 0"),
            (&[-0.2, 0.1], true, [-0.2, 0.2], "differences are symmetric"),
            (&[0.0, 0.0], false, [0.0, 1.0], "zeros"),
            (&[0.0], true, [-1.0, 1.0], "no difference"),
        ];
        for (values, diverging, expected, what) in cases {
            assert_eq!(own_range(values, diverging).map(f32::to_bits), expected.map(f32::to_bits), "{what}");
        }
    }
}
