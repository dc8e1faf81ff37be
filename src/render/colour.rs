//! One value to one colour: the numbers that the shader and its CPU twin share.

use super::{ColorMap, HeatStyle};

/// A style resolved against its colour map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Colouring {
    /// Raw value of the lowest colour.
    pub lo: f32,
    /// 1 over the width of the range, 0 for a range without width (everything is then the lowest colour).
    pub inv_width: f32,
    /// Exponent on the position.
    pub gamma: f32,
    /// Of the whole overlay.
    pub opacity: f32,
    /// How much opacity depends on the position.
    pub alpha_ramp: f32,
    /// Whether the middle is 0 and strength grows to both sides.
    pub diverging: bool,
}

impl Colouring {
    /// Resolves a style; numbers outside of their range are clamped, so that any session file can be drawn.
    pub fn new(style: &HeatStyle, map: &ColorMap) -> Self {
        let [lo, inv_width] = origin_and_scale(map.effective_range(style.range));
        Self {
            lo,
            inv_width,
            gamma: if style.gamma.is_finite() { style.gamma.clamp(0.05, 20.0) } else { 1.0 },
            opacity: finite_or(style.opacity, 1.0).clamp(0.0, 1.0),
            alpha_ramp: finite_or(style.alpha_ramp, 0.0).clamp(0.0, 1.0),
            diverging: map.diverging,
        }
    }

    /// Position of a raw value on the colour map after gamma, and the strength in 0..=1 that the alpha ramp follows.
    pub fn position(&self, value: f32) -> (f32, f32) {
        let linear = ((value - self.lo) * self.inv_width).clamp(0.0, 1.0);
        if self.diverging {
            let signed = 2.0 * linear - 1.0;
            let strength = signed.abs().powf(self.gamma);
            (0.5 + 0.5 * strength.copysign(signed), strength)
        } else {
            let position = linear.powf(self.gamma);
            (position, position)
        }
    }

    /// Premultiplied gamma-space colour of a raw value.
    pub fn paint(&self, value: f32, map: &ColorMap) -> [f32; 4] {
        let (position, strength) = self.position(value);
        let alpha = self.opacity * (1.0 - self.alpha_ramp + self.alpha_ramp * strength);
        let [r, g, b] = map.at(position);
        [r * alpha, g * alpha, b * alpha, alpha]
    }
}

/// Lowest value and 1 / width of a range.
pub(super) fn origin_and_scale([lo, hi]: [f32; 2]) -> [f32; 2] {
    let width = hi - lo;
    if width > 0.0 && width.is_finite() { [lo, 1.0 / width] } else { [finite_or(lo, 0.0), 0.0] }
}

fn finite_or(value: f32, fallback: f32) -> f32 {
    if value.is_finite() { value } else { fallback }
}

/// Premultiplied gamma-space colour of a raw value; fully clear where there is no value (NaN or infinite).
pub fn colour(value: f32, style: &HeatStyle, map: &ColorMap) -> [f32; 4] {
    if value.is_finite() { Colouring::new(style, map).paint(value, map) } else { [0.0; 4] }
}

/// Premultiplied source over premultiplied destination.
pub(super) fn over(source: [f32; 4], destination: [f32; 4]) -> [f32; 4] {
    [0, 1, 2, 3].map(|c| source[c] + destination[c] * (1.0 - source[3]))
}

/// 0..=1 to 0..=255, rounded as a render target rounds.
pub(super) fn to_byte(x: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 first")]
    let byte = (x.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    byte
}

#[cfg(test)]
mod tests {
    use super::super::{colormap, colormap_by_id};
    use super::*;

    fn close(a: [f32; 4], b: [f32; 4]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn ends_of_the_range_are_ends_of_the_map() {
        let style = HeatStyle { range: [2.0, 4.0], opacity: 1.0, alpha_ramp: 0.0, ..Default::default() };
        let map = colormap(0);
        let end = |c: [u8; 3]| [f32::from(c[0]) / 255.0, f32::from(c[1]) / 255.0, f32::from(c[2]) / 255.0, 1.0];
        for (value, expected) in [(2.0, map.lut[0]), (4.0, map.lut[255]), (-1e30, map.lut[0]), (1e30, map.lut[255])] {
            assert!(close(colour(value, &style, map), end(expected)), "{value}");
        }
    }

    #[test]
    fn missing_values_are_clear() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(close(colour(value, &HeatStyle::default(), colormap(0)), [0.0; 4]), "{value} was painted");
        }
    }

    #[test]
    fn the_alpha_ramp_clears_low_values() {
        let style = HeatStyle { opacity: 0.8, alpha_ramp: 1.0, ..Default::default() };
        let alpha = |v| colour(v, &style, colormap(0))[3];
        assert!(alpha(0.0).abs() < 1e-6, "lowest value is clear");
        assert!((alpha(0.5) - 0.4).abs() < 1e-6, "linear between");
        assert!((alpha(1.0) - 0.8).abs() < 1e-6, "highest value has the whole opacity");
    }

    #[test]
    fn gamma_bends_the_position() {
        let style = HeatStyle { gamma: 0.5, ..Default::default() };
        let (position, _) = Colouring::new(&style, colormap(0)).position(0.25);
        assert!((position - 0.5).abs() < 1e-6, "0.25^0.5 is 0.5, found {position}");
    }

    #[test]
    fn zero_is_the_middle_of_a_diverging_map() {
        let map = colormap(colormap_by_id("rdbu").unwrap_or(0));
        let style = HeatStyle { range: [-0.1, 0.4], gamma: 0.5, alpha_ramp: 1.0, opacity: 1.0, ..Default::default() };
        let colouring = Colouring::new(&style, map);
        assert_eq!(colouring.position(0.0), (0.5, 0.0), "0 is the middle and clear");
        let ((up, _), (down, _)) = (colouring.position(0.1), colouring.position(-0.1));
        assert!((up - 0.75).abs() < 1e-6 && (down - 0.25).abs() < 1e-6, "gamma acts on both sides alike: {up} {down}");
    }

    #[test]
    fn a_range_without_width_paints_the_lowest_colour() {
        let style = HeatStyle { range: [0.3, 0.3], ..Default::default() };
        assert_eq!(Colouring::new(&style, colormap(0)).position(0.3), (0.0, 0.0), "no division by zero");
    }
}
