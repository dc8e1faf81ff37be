//! Light or dark, and how large.

use serde::{Deserialize, Serialize};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// That of the desktop.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl ThemeChoice {
    /// In the menu's order, with their labels.
    pub const ALL: [(Self, &str); 3] = [(Self::System, "Follow system"), (Self::Light, "Light"), (Self::Dark, "Dark")];
}

/// Interface sizes on offer; keys go from one to the next.
pub const SCALES: [f32; 8] = [0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0];

/// A size within those on offer, in steps of 5 %.
pub fn scale_within(scale: f32) -> f32 {
    let [least, .., most] = SCALES;
    // What is no number is the usual size.
    if scale.is_nan() { 1.0 } else { ((scale.clamp(least, most) * 20.0).round() / 20.0).clamp(least, most) }
}

/// The next size on offer.
pub fn scale_stepped(scale: f32, larger: bool) -> f32 {
    let apart = |other: f32| (other - scale).abs() > 0.01;
    let next = if larger {
        SCALES.into_iter().find(|other| *other > scale && apart(*other))
    } else {
        SCALES.into_iter().rev().find(|other| *other < scale && apart(*other))
    };
    scale_within(next.unwrap_or(scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_through_every_size_and_stop_at_both_ends() {
        let mut seen = vec![scale_within(0.0)];
        for _ in 0..20 {
            seen.push(scale_stepped(seen[seen.len() - 1], true));
        }
        seen.dedup();
        assert_eq!(seen, SCALES, "up");
        for _ in 0..20 {
            seen.push(scale_stepped(seen[seen.len() - 1], false));
        }
        seen.dedup();
        assert_eq!(seen[SCALES.len()..].iter().rev().copied().collect::<Vec<_>>(), SCALES[..SCALES.len() - 1], "down");
        assert_eq!(scale_stepped(0.8, true).to_bits(), 0.9_f32.to_bits(), "from between two");
    }

    #[test]
    fn a_size_of_another_version_is_brought_within() {
        let within = [0.0, 0.6, 0.8, 1.25, 2.5, f32::INFINITY, f32::NAN].map(scale_within);
        let expected = [0.75, 0.75, 0.8, 1.25, 2.0, 2.0, 1.0];
        assert_eq!(within.map(f32::to_bits), expected.map(f32::to_bits), "never unreadable");
    }
}
