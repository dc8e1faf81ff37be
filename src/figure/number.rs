//! A number as people read it.

/// Three significant digits, no zeros that say nothing: `0.0123`, `1.2e-5`, `0`.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value.is_finite() { "0".to_owned() } else { "–".to_owned() };
    }
    let scientific = format!("{value:.2e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let text = if (-4..5).contains(&exponent) {
        let decimals = usize::try_from(2 - exponent).unwrap_or(0);
        trimmed(&format!("{value:.decimals$}")).to_owned()
    } else {
        let mantissa = scientific.split_once('e').map_or(scientific.as_str(), |(mantissa, _)| mantissa);
        format!("{}e{exponent}", trimmed(mantissa))
    };
    // A real minus sign.
    text.replace('-', "−")
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_minus_sign() {
        let cases = [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (0.5, "0.5"),
            (1.0, "1"),
            (12.3456, "12.3"),
            (1234.5, "1234"),
            (-0.25, "−0.25"),
            (0.000_012_3, "1.23e−5"),
            (2.0e7, "2e7"),
            (9.999e-5, "0.0001"),
            (f64::NAN, "–"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected, "{value}");
        }
    }
}
