//! By hand, and what has no value.

use super::*;

const PHOTOS: [usize; 6] = [0, 0, 1, 1, 2, 2];

fn items(scores: &[f64], photos: &[usize]) -> Vec<Item> {
    scores.iter().zip(photos).map(|(score, photo)| Item { score: *score, photo: *photo }).collect()
}

fn labelled(scores: &[f64], labels: &[bool]) -> Vec<LabelledItem> {
    (scores.iter().zip(labels).enumerate())
        .map(|(photo, (score, is_positive))| LabelledItem { score: *score, is_positive: *is_positive, photo })
        .collect()
}

/// To the digits that are written down.
#[track_caller]
fn assert_near(found: impl Into<Option<f64>>, expected: f64, what: &str) {
    let found = found.into().expect("a number");
    assert!((found - expected).abs() < 6e-6, "{what}: {found}, expected {expected}");
}

#[test]
fn wilson_by_hand() {
    for (successes, num_items, low, high) in [(8, 10, 0.49016, 0.94332), (2, 50, 0.01104, 0.13460)] {
        let interval = wilson(successes, num_items).expect("a share").interval.expect("an interval");
        assert_near(interval.low, low, "low");
        assert_near(interval.high, high, "high");
    }
    let none = wilson(0, 5).expect("a share").interval.expect("an interval");
    assert!(none.low >= 0.0 && none.low < 1e-12, "no share is below 0");
    assert_eq!(wilson(0, 0), Err(NoEstimate::NoItems), "nothing of nothing");
    assert_eq!(wilson(3, 2), Err(NoEstimate::TooMany { num_items: 2, found: 3 }), "more than all");
}

#[test]
fn a_clustered_mean_by_hand() {
    let items = items(&[1.0, 1.0, 0.0, 0.0, 1.0, 0.0], &PHOTOS);
    let naive = mean(&items, MeanError::Independent).expect("a mean");
    assert_near(naive.value, 0.5, "mean");
    assert_near(naive.standard_error, 0.22361, "independent");
    assert_near(mean(&items, MeanError::Miller).expect("a mean").standard_error, 0.25276, "Miller");
    let by_photo = mean(&items, MeanError::ByPhoto).expect("a mean");
    assert_near(by_photo.standard_error.map(|error| error / 1.5_f64.sqrt()), 0.23570, "without C / (C - 1)");
    assert_eq!((by_photo.num_items, by_photo.num_clusters, by_photo.method), (6, 3, "by photo, t"), "counted");
}

#[test]
fn mcnemar_and_power_by_hand() {
    let found = mcnemar(3, 12);
    assert_near(found.exact_p, 0.03516, "exact");
    assert_near(found.chi_square, 4.26667, "corrected");
    let sd = sd_of_difference(0.5, 0.5, 0.5).expect("a deviation");
    assert_eq!(items_needed(sd, 0.03, 0.05, 0.8), Ok(2181), "as lmms-eval documents it");
    assert_near(
        sd_of_paired_shares(175, 74, 3000).ok(),
        (249.0 / 3000.0 - (101.0 / 3000.0_f64).powi(2)).sqrt(),
        "pilot",
    );
    let never = mcnemar(0, 0);
    assert_eq!((never.chi_square, never.chi_square_p, never.z), (None, None, None), "they never differ");
    assert_near(never.exact_p, 1.0, "nothing to find");
    assert_near(holm(&[0.01, 0.04, 0.03]).expect("p-values")[2], 0.06, "the second of three");
    assert_eq!(holm(&[]), Ok(Vec::new()), "an empty family");
    assert!(holm(&[f64::NAN]).is_err() && holm(&[1.5]).is_err(), "no p-values");
    for (sd, difference, alpha, power) in [(0.5, 0.0, 0.05, 0.8), (f64::NAN, 0.1, 0.05, 0.8), (0.5, 0.1, 0.0, 0.8)] {
        assert!(items_needed(sd, difference, alpha, power).is_err(), "{sd} {difference} {alpha} {power}");
    }
    assert_eq!(sd_of_paired_shares(1, 1, 0), Err(NoEstimate::NoItems), "no pilot");
    assert!(sd_of_paired_shares(2, 2, 3).is_err(), "more than all");
}

#[test]
fn auroc_by_hand() {
    let labels = [true, true, true, false, false, false, false];
    let scores = [0.9, 0.8, 0.4, 0.7, 0.3, 0.2, 0.4];
    let found = auroc(&labelled(&scores, &labels)).expect("an area");
    assert_near(found.by_photo.value, 0.875, "area");
    assert_near(found.delong.standard_error, 0.14829, "DeLong");
    assert_eq!((found.num_positives, found.num_negatives), (3, 4), "counted");
    // Every item a photo of its own: the two differ by their degrees of freedom alone.
    let pairs: Vec<LabelledPair> = (scores.iter().zip(labels).enumerate())
        .map(|(photo, (score, is_positive))| LabelledPair { first: *score, second: -score, is_positive, photo })
        .collect();
    assert_near(auroc_difference(&pairs).expect("a difference").by_photo.value, 0.75, "0.875 less 0.125");
    let mirrored: Vec<f64> = scores.iter().map(|score| -score).collect();
    assert_near(auroc(&labelled(&mirrored, &labels)).expect("an area").by_photo.value, 0.125, "turned round");
    let zeros = auroc(&labelled(&[0.0, -0.0], &[true, false])).expect("an area");
    assert_near(zeros.by_photo.value, 0.5, "both zeros are the same");
}

#[test]
fn errors_by_photo_are_delongs_where_every_item_is_a_photo() {
    let labels: Vec<bool> = (0..400).map(|idx| idx % 2 == 0).collect();
    let scores: Vec<f64> = (0..400_u32).map(|idx| f64::from(idx * 7919 % 401 + 100 * ((idx + 1) % 2))).collect();
    let found = auroc(&labelled(&scores, &labels)).expect("an area");
    let (by_photo, delong) = (found.by_photo.standard_error.expect("one"), found.delong.standard_error.expect("one"));
    assert!((by_photo / delong - 1.0).abs() < 2.0 / 400.0, "{by_photo} and {delong} but for degrees of freedom");
}

#[test]
fn what_has_no_value_says_why() {
    assert_eq!(mean(&[], MeanError::ByPhoto), Err(NoEstimate::NoItems), "mean");
    assert_eq!(ratio(&[]), Err(NoEstimate::NoItems), "quotient");
    let nothing = PhotoRatio { numerator: 0.0, denominator: 0.0, num_items: 1 };
    assert_eq!(ratio(&[nothing, nothing]), Err(NoEstimate::NothingBelow), "0 / 0");
    assert_eq!(auroc(&[]), Err(NoEstimate::NoItems), "area");
    assert_eq!(auroc(&labelled(&[1.0, 2.0], &[true, true])), Err(NoEstimate::OneClass), "positives alone");
    assert_eq!(average_precision(&labelled(&[1.0], &[false])), Err(NoEstimate::OneClass), "negatives alone");
    assert_eq!(auroc_difference(&[]), Err(NoEstimate::NoItems), "difference of areas");
    assert_eq!(paired_difference(&[]), Err(NoEstimate::NoItems), "difference");
    let bad = items(&[1.0, f64::NAN], &PHOTOS);
    assert_eq!(mean(&bad, MeanError::Miller), Err(NoEstimate::NotFinite { item_idx: 1 }), "not-a-number");
    assert!(mean(&items(&[f64::MAX, f64::MAX], &PHOTOS), MeanError::ByPhoto).is_err(), "a sum beyond all numbers");
    assert_eq!(bootstrap(0, 0, 1, |_| Some(1.0)).err(), Some(NoEstimate::NoItems), "no photos");
    assert_eq!(bootstrap(3, 3, 1, |_| None).err(), Some(NoEstimate::NoMetric), "no metric");
    assert_eq!(bootstrap(3, 3, 1, |_| Some(f64::NAN)).err(), Some(NoEstimate::NoMetric), "not-a-number");
    let wrong = bootstrap_difference(&[[1.0]], &[[1.0], [2.0]], 0, 1, |[sum]| Some(*sum));
    assert_eq!(wrong.err(), Some(NoEstimate::WrongLength { expected: 1, found: 2 }), "other photos");
}

#[test]
fn one_photo_has_a_value_and_no_error() {
    for error in [MeanError::ByPhoto, MeanError::Miller] {
        let found = mean(&items(&[1.0, 0.0, 1.0], &[5, 5, 5]), error).expect("a mean");
        assert_eq!((found.standard_error, found.interval, found.num_clusters), (None, None, 1), "{error:?}");
    }
    let one = mean(&items(&[1.0], &[5]), MeanError::Independent).expect("a mean");
    assert_eq!((one.standard_error, one.interval), (None, None), "one item");
    let found = ratio(&[PhotoRatio { numerator: 1.0, denominator: 2.0, num_items: 2 }]).expect("a quotient");
    assert_eq!((found.standard_error, found.interval), (None, None), "quotient");
    let found = bootstrap_sums(&[[1.0]], 1, 1, |[sum]| Some(*sum)).expect("a value");
    assert_eq!((found.estimate.interval, found.num_draws), (None, 0), "nothing to draw");
    let pair = LabelledPair { first: 1.0, second: 0.0, is_positive: true, photo: 0 };
    let found = auroc_difference(&[pair, LabelledPair { is_positive: false, ..pair }]).expect("a difference");
    assert_eq!((found.by_photo.standard_error, found.delong.standard_error), (None, None), "one of each class");
    assert_eq!((found.t, found.p, found.delong_z, found.delong_p), (None, None, None, None), "no test");
}

#[test]
fn no_spread_is_no_test() {
    let all = mean(&items(&[1.0; 6], &PHOTOS), MeanError::ByPhoto).expect("a mean");
    let three = wilson(3, 3).expect("a share");
    assert_eq!((all.standard_error, all.interval), (Some(0.0), three.interval), "as many items as photos");
    let pair = PairedItem { first: 1.0, second: 1.0, photo: 0 };
    let same = paired_difference(&[pair, PairedItem { photo: 1, ..pair }]).expect("a difference");
    assert_eq!((same.t, same.p, same.z, same.z_p), (None, None, None, None), "they never differ");
    let apart = PairedItem { second: 0.0, ..pair };
    let apart = paired_difference(&[apart, PairedItem { photo: 1, ..apart }]).expect("a difference");
    assert_eq!(apart.difference.interval, Some(Interval { low: 1.0, high: 1.0 }), "a difference is no share");
    let found = auroc(&labelled(&[3.0, 2.0, 1.0, 0.0], &[true, true, false, false])).expect("an area");
    assert_eq!((found.by_photo.interval, found.delong.interval), (None, None), "nothing is known about the error of 1");
}

#[test]
fn draws_come_from_their_seed() {
    let photos: Vec<[f64; 2]> = (0..40_u32).map(|idx| [f64::from(idx % 3), 4.0]).collect();
    let quotient = |[y, x]: &[f64; 2]| Some(y / x);
    let first = bootstrap_sums(&photos, 160, 42, quotient);
    assert_eq!(first, bootstrap_sums(&photos, 160, 42, quotient), "the same seed");
    assert_ne!(first, bootstrap_sums(&photos, 160, 43, quotient), "another");
    let of_none = bootstrap(2, 2, 1, |drawn| (drawn == [0, 1]).then_some(1.0)).expect("a value");
    assert!(of_none.num_undefined > 1000, "{} of 2000 draws are others", of_none.num_undefined);
}

#[test]
fn settings_that_do_not_differ_have_a_difference_of_nothing() {
    let photos: Vec<[f64; 2]> = (0..40_u32).map(|idx| [f64::from(idx % 3), 4.0]).collect();
    let same = bootstrap_difference(&photos, &photos, 160, 42, |[y, x]| Some(y / x)).expect("a difference");
    assert_eq!(same.estimate.interval, Some(Interval { low: 0.0, high: 0.0 }), "the same photos in every draw");
}
