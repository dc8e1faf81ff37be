//! Against `SciPy`, statsmodels, scikit-learn and plain loops (`tests/golden/study_statistics.py`), to 1e-9.

use super::*;
use serde_json::Value;

fn golden(key: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/statistics.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the golden file")).expect("JSON");
    let cases = golden[key].as_array().expect("a list of cases").clone();
    assert!(!cases.is_empty(), "{key} has cases");
    cases
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn counts(value: &Value) -> Vec<usize> {
    let count = |number: &Value| usize::try_from(number.as_u64().expect("a count")).expect("small");
    value.as_array().expect("a list").iter().map(count).collect()
}

#[track_caller]
fn assert_close(found: impl Into<Option<f64>>, expected: &Value, what: &str) {
    let (found, expected) = (found.into().unwrap_or(f64::NAN), expected.as_f64().expect("a number"));
    assert!((found - expected).abs() <= 1e-9 * expected.abs().min(1.0), "{what}: {found:e}, expected {expected:e}");
}

#[track_caller]
fn assert_interval(found: Option<Interval>, expected: &Value, what: &str) {
    let found = found.expect("an interval");
    // Ends next to 0 have the rounding of what they are the difference of.
    for (found, expected) in [found.low, found.high].into_iter().zip(numbers(expected)) {
        assert!((found - expected).abs() <= 1e-9, "{what}: {found}, expected {expected}");
    }
}

#[test]
fn tails_and_quantiles_are_those_of_scipy() {
    use distributions::{
        chi_square_tail, fair_binomial, normal_quantile, normal_tail, student_tail, t_quantile, t_two_sided,
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/statistics.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the golden file")).expect("JSON");
    let mut compared = 0;
    let mut compare = |key: &str, function: &dyn Fn(&[f64]) -> f64| {
        for row in golden["distributions"][key].as_array().expect("rows") {
            let row = numbers(row);
            let (expected, arguments) = row.split_last().expect("a value");
            let found = function(arguments);
            // A quantile that is 0 is found by halving.
            let off = (found - expected).abs() / expected.abs().max(1e-300);
            assert!(
                off < 1e-12 || (found - expected).abs() < 1e-50,
                "{key} {arguments:?}: {found:e}, not {expected:e}"
            );
            compared += 1;
        }
    };
    compare("normal_quantile", &|a| normal_quantile(a[0]));
    compare("normal_tail", &|a| normal_tail(a[0]));
    compare("t_quantile", &|a| t_quantile(a[1], a[0]));
    compare("t_tail", &|a| student_tail(a[1], a[0]));
    compare("t_tail", &|a| 0.5 * t_two_sided(-a[1], a[0]));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
    compare("binomial", &|a| fair_binomial(a[0] as u64, a[1] as u64));
    compare("chi_square", &|a| chi_square_tail(a[0]));
    assert!(compared > 100, "rows were compared");
}

#[test]
fn shares_have_the_intervals_of_statsmodels() {
    for case in golden("wilson") {
        let row = numbers(&case);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
        let found = wilson(row[0] as u64, row[1] as u64).expect("a share");
        assert_interval(found.interval, &Value::from(row[2..].to_vec()), &format!("{row:?}"));
    }
}

#[test]
fn means_have_the_errors_of_pairs_written_out() {
    for case in golden("means") {
        let items: Vec<Item> = counts(&case["photos"])
            .into_iter()
            .zip(numbers(&case["scores"]))
            .map(|(photo, score)| Item { score, photo })
            .collect();
        let [by_photo, miller, naive] = [MeanError::ByPhoto, MeanError::Miller, MeanError::Independent]
            .map(|error| mean(&items, error).expect("a mean"));
        assert_close(by_photo.value, &case["value"], "mean");
        assert_close(by_photo.standard_error, &case["sandwich"], "by photo");
        assert_close(miller.standard_error, &case["miller"], "Miller");
        assert_close(naive.standard_error, &case["naive"], "independent");
        assert_interval(by_photo.interval, &case["interval"], by_photo.method);
    }
}

#[test]
fn quotients_and_draws_are_those_of_plain_loops() {
    for case in golden("ratios") {
        let rows = |key: &str| -> Vec<[f64; 2]> {
            let rows = case[key].as_array().expect("rows").iter().map(numbers);
            rows.map(|row| [row[0], row[1]]).collect()
        };
        let (photos, other) = (rows("rows"), rows("other"));
        let parts: Vec<PhotoRatio> =
            photos.iter().map(|[y, x]| PhotoRatio { numerator: *y, denominator: *x, num_items: 6 }).collect();
        let found = ratio(&parts).expect("a quotient");
        assert_close(found.value, &case["value"], "quotient");
        assert_close(found.standard_error, &case["error"], "its error");
        assert_interval(found.interval, &case["interval"], "its interval");
        assert_eq!((found.num_items, found.num_clusters), (6 * photos.len(), photos.len()), "counted");
        let quotient = |[y, x]: &[f64; 2]| (*x > 0.0).then(|| y / x);
        let seed = case["draws"]["seed"].as_u64().expect("a seed");
        for (key, found) in [
            ("draws", bootstrap_sums(&photos, 0, seed, quotient)),
            ("difference", bootstrap_difference(&photos, &other, 0, seed, quotient)),
        ] {
            let (found, expected) = (found.expect("draws"), &case[key]);
            assert_close(found.estimate.value, &expected["value"], key);
            assert_close(found.estimate.standard_error, &expected["error"], key);
            assert_interval(found.estimate.interval, &expected["interval"], key);
            assert_eq!(Some(found.num_undefined as u64), expected["undefined"].as_u64(), "{key} without a value");
            assert_eq!((found.num_draws, found.seed), (NUM_DRAWS, seed), "said");
        }
    }
}

#[test]
fn two_settings_are_compared_as_statsmodels_does() {
    for case in golden("mcnemar") {
        let row = case.as_array().expect("a row").clone();
        let found = mcnemar(row[0].as_u64().expect("b"), row[1].as_u64().expect("c"));
        assert_close(found.exact_p, &row[2], "exact p");
        assert_close(found.chi_square, &row[3], "chi-square");
        assert_close(found.chi_square_p, &row[4], "its p");
        assert_close(found.z.map(f64::abs), &Value::from(row[5].as_f64().expect("z").abs()), "z");
    }
    for case in golden("paired") {
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let items: Vec<PairedItem> = counts(&case["photos"])
            .into_iter()
            .zip(first.into_iter().zip(second))
            .map(|(photo, (first, second))| PairedItem { first, second, photo })
            .collect();
        let found = paired_difference(&items).expect("a difference");
        assert_close(found.difference.value, &case["value"], "difference");
        assert_close(found.difference.standard_error, &case["error"], "its error");
        assert_interval(found.difference.interval, &case["interval"], "its interval");
        for (key, found) in [("t", found.t), ("p", found.p), ("z", found.z), ("z_p", found.z_p)] {
            assert_close(found, &case[key], key);
        }
    }
}

#[test]
fn families_and_sizes_are_those_of_statsmodels() {
    for case in golden("holm") {
        let found = holm(&numbers(&case[0])).expect("p-values");
        for (found, expected) in found.iter().zip(numbers(&case[1])) {
            assert_close(*found, &Value::from(expected), "adjusted p");
        }
    }
    for case in golden("power") {
        let [sd, difference, alpha, power, expected] = numbers(&case)[..] else { panic!("a row") };
        let found = items_needed(sd, difference, alpha, power).expect("a number of items");
        assert!((found as f64 - expected).abs() < 0.5, "{found} items, expected {expected}");
    }
}

#[test]
fn detectors_have_the_areas_of_scikit_learn() {
    for case in golden("detectors") {
        let labels: Vec<bool> = counts(&case["labels"]).into_iter().map(|label| label == 1).collect();
        let photos = counts(&case["photos"]);
        let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
        let pairs: Vec<LabelledPair> = (first.iter().zip(&second))
            .zip(labels.iter().zip(&photos))
            .map(|((&first, &second), (&is_positive, &photo))| LabelledPair { first, second, is_positive, photo })
            .collect();
        let items: Vec<LabelledItem> = pairs
            .iter()
            .map(|pair| LabelledItem { score: pair.first, is_positive: pair.is_positive, photo: pair.photo })
            .collect();
        let (found, expected) = (auroc(&items).expect("an area"), &case["one"]);
        assert_close(found.by_photo.value, &expected["value"], "area");
        assert_close(found.by_photo.standard_error, &expected["error"], "by photo");
        assert_interval(found.by_photo.interval, &expected["interval"], "by photo");
        assert_close(found.delong.standard_error, &expected["delong"], "DeLong");
        assert_interval(found.delong.interval, &expected["delong_interval"], "DeLong");
        let precision = average_precision(&items).expect("positives");
        assert_close(precision.value, &expected["average_precision"], "average precision");
        assert_close(precision.prevalence, &expected["prevalence"], "prevalence");

        let (found, expected) = (auroc_difference(&pairs).expect("a difference"), &case["difference"]);
        assert_close(found.by_photo.value, &expected["value"], "difference");
        assert_close(found.by_photo.standard_error, &expected["error"], "its error");
        assert_interval(found.by_photo.interval, &expected["interval"], "its interval");
        assert_close(found.delong.standard_error, &expected["delong"], "DeLong");
        assert_interval(found.delong.interval, &expected["delong_interval"], "DeLong");
        assert_close(found.p, &expected["p"], "p");
        assert_close(found.delong_p, &expected["delong_p"], "DeLong's p");
    }
}
