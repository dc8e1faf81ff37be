//! How many items a study needs.

use super::NoEstimate;
use super::distributions::normal_quantile;

/// Independent items needed to find a mean paired difference:
/// `ceil(((z_{1 - alpha / 2} + z_power) sd / difference)^2)`.
///
/// `sd` is the standard deviation of the items' differences, from a pilot ([`sd_of_paired_shares`]) or assumed
/// ([`sd_of_difference`]). `alpha` is the two-sided level, `power` the probability of finding the difference.
///
/// **Source**: Miller, *Adding error bars to evals*, arXiv 2411.00640, section 5.
pub fn items_needed(sd: f64, difference: f64, alpha: f64, power: f64) -> Result<u64, NoEstimate> {
    expect(sd.is_finite() && sd >= 0.0, "a standard deviation from 0 on", sd)?;
    expect(difference.is_finite() && difference.abs() > 0.0, "a difference that is not 0", difference)?;
    expect(alpha > 0.0 && alpha < 1.0, "a level between 0 and 1", alpha)?;
    expect(power > 0.0 && power < 1.0, "a power between 0 and 1", power)?;
    // A power below the level would make it negative, and its square large.
    let reach = (normal_quantile(1.0 - 0.5 * alpha) + normal_quantile(power)).max(0.0);
    let items = (reach * sd / difference).powi(2).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; ends at the largest")]
    let items = items as u64;
    Ok(items.max(1))
}

/// Standard deviation of the difference of two scores with their own deviations and their correlation.
pub fn sd_of_difference(sd_first: f64, sd_second: f64, correlation: f64) -> Result<f64, NoEstimate> {
    expect(sd_first.is_finite() && sd_first >= 0.0, "a standard deviation from 0 on", sd_first)?;
    expect(sd_second.is_finite() && sd_second >= 0.0, "a standard deviation from 0 on", sd_second)?;
    expect((-1.0..=1.0).contains(&correlation), "a correlation from -1 to 1", correlation)?;
    let variance = sd_first * sd_first + sd_second * sd_second - 2.0 * correlation * sd_first * sd_second;
    Ok(variance.max(0.0).sqrt())
}

/// Standard deviation of the difference of two settings' right and wrong answers:
/// `sqrt((b + c) / n - ((b - c) / n)^2)`, with b and c the items that only one of them has right.
pub fn sd_of_paired_shares(only_first: u64, only_second: u64, num_items: u64) -> Result<f64, NoEstimate> {
    if num_items == 0 {
        return Err(NoEstimate::NoItems);
    }
    let found = only_first.saturating_add(only_second);
    if found > num_items {
        return Err(NoEstimate::TooMany { num_items, found });
    }
    let (b, c, n) = (only_first as f64, only_second as f64, num_items as f64);
    Ok(((b + c) / n - ((b - c) / n).powi(2)).max(0.0).sqrt())
}

fn expect(is_so: bool, what: &'static str, found: f64) -> Result<(), NoEstimate> {
    if is_so { Ok(()) } else { Err(NoEstimate::OutOfRange { what, found }) }
}
