//! Colours of categories.

/// A category's colour, 8-bit sRGB: it depends on nothing but its number, so it stays when others are hidden, filtered or sorted.
///
/// Numbers that follow each other lie a golden angle apart on the wheel of hues, which keeps any few of them far from each other; three steps
/// of brightness tell those apart that come to lie near each other again. Each is bright enough to be seen on a photo and dark enough for
/// white text.
pub fn category_color(category_id: u32) -> [u8; 3] {
    const GOLDEN_ANGLE: f64 = 137.507_764_050_037_85;
    let hue = (f64::from(category_id) * GOLDEN_ANGLE) % 360.0 / 60.0;
    let (saturation, value) = match category_id % 3 {
        0 => (0.85, 0.92),
        1 => (0.65, 0.98),
        _ => (0.95, 0.72),
    };
    // Hue, saturation, value to red, green, blue: each channel is a trapezium over the hue, shifted by a third of the wheel.
    [5.0, 3.0, 1.0].map(|shift: f64| {
        let position = (shift + hue) % 6.0;
        let share = position.min(4.0 - position).clamp(0.0, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
        let byte = ((value - value * saturation * share) * 255.0).round() as u8;
        byte
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_that_meet_in_one_image_are_told_apart() {
        let colours: Vec<[u8; 3]> = (1..=90).map(category_color).collect();
        let distance =
            |a: &[u8; 3], b: &[u8; 3]| -> u32 { a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum() };
        for (idx, a) in colours.iter().enumerate() {
            for b in &colours[idx + 1..] {
                assert!(distance(a, b) >= 8, "all of COCO differ: {a:?} and {b:?}");
            }
            for b in colours.iter().skip(idx + 1).take(7) {
                assert!(distance(a, b) >= 70, "neighbours differ much: {a:?} and {b:?}");
            }
            assert!(a.iter().max() >= Some(&180), "bright enough for a photo: {a:?}");
        }
        assert_eq!(category_color(u32::MAX), category_color(u32::MAX), "any number has one");
    }
}
