use super::*;
use proptest::prelude::*;

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

fn aligned(reference: &str, other: &str) -> Alignment {
    Alignment::new(&words(reference), &words(other))
}

fn counts(kept: usize, changed: usize, inserted: usize, removed: usize) -> ChangeCounts {
    ChangeCounts { kept, changed, inserted, removed }
}

/// The textbook's table.
fn longest_common(a: &[u8], b: &[u8]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut corner = 0;
        for (idx, y) in b.iter().enumerate() {
            let above = row[idx + 1];
            row[idx + 1] = if x == y { corner + 1 } else { above.max(row[idx]) };
            corner = above;
        }
    }
    row[b.len()]
}

#[test]
fn a_word_in_another_words_place_is_changed() {
    let found = aligned("a red kite on the beach", "a blue kite on the sand");
    assert_eq!(found.counts(), counts(4, 2, 0, 0), "red and beach");
    assert_eq!((found.other_of(1), found.reference_of(5)), (Some(1), Some(5)), "held against what stands there");
    assert_eq!(found.change_of_other(1), Some(Change::Changed), "blue");
    assert_eq!(found.sentence(), "2 changed of 6 tokens; first difference at token 1", "in words");
}

#[test]
fn what_only_one_answer_has_has_no_partner() {
    let found = aligned("a kite on the beach", "a large red kite on the");
    assert_eq!(found.counts(), counts(4, 0, 2, 1), "large red, beach");
    assert_eq!(found.reference_of(1), None, "large was put in");
    assert_eq!(found.other_of(4), None, "beach was left out");
    assert_eq!(found.change_of_reference(4), Some(Change::Removed), "and says so");
    assert_eq!((found.other_of(9), found.change_of_other(9)), (None, None), "beyond the end there is nothing");
    assert_eq!(found.sentence(), "2 inserted, 1 removed of 5 tokens; first difference at token 1", "in words");
}

#[test]
fn a_longer_stretch_pairs_its_beginning_and_inserts_the_rest() {
    let found = aligned("the cat sleeps", "the two brown dogs sleeps");
    assert_eq!(found.counts(), counts(2, 1, 2, 0), "two for cat, then brown dogs");
    let spans: Vec<_> = found.spans().iter().map(|span| (span.change, span.other.clone())).collect();
    let expected = [(Change::Kept, 0..1), (Change::Changed, 1..2), (Change::Inserted, 2..4), (Change::Kept, 4..5)];
    assert_eq!(spans, expected, "in reading order");
}

#[test]
fn equal_answers_are_said_to_be_equal() {
    let found = aligned("no change at all", "no change at all");
    assert!(found.is_same() && found.first_difference().is_none(), "nothing differs");
    assert_eq!(found.sentence(), "The answers are the same: 4 tokens", "and that is said");
    assert_eq!(aligned("", "").sentence(), "Both answers are empty", "nothing against nothing");
    assert_eq!(aligned("", "a word").counts(), counts(0, 0, 2, 0), "everything is new");
}

#[test]
fn two_thousand_tokens_are_aligned_at_once() {
    let begun = std::time::Instant::now();
    let even: Vec<u32> = (0..2000).map(|i| 2 * i).collect();
    let odd: Vec<u32> = (0..2000).map(|i| 2 * i + 1).collect();
    assert_eq!(Alignment::new(&even, &odd).counts().changed, 2000, "nothing in common");
    let mut edited = even.clone();
    edited.insert(700, 1);
    edited.remove(1500);
    assert_eq!(Alignment::new(&even, &edited).counts(), counts(1999, 0, 1, 1), "two edits");
    assert!(begun.elapsed().as_secs() < 5, "took {:?}", begun.elapsed());
}

proptest! {
    #[test]
    fn spans_tile_both_answers_and_share_as_much_as_can_be(
        a in prop::collection::vec(0_u8..5, 0..40),
        b in prop::collection::vec(0_u8..5, 0..40),
    ) {
        let found = Alignment::new(&a, &b);
        let (mut x, mut y) = (0, 0);
        for span in found.spans() {
            prop_assert_eq!((span.reference.start, span.other.start), (x, y), "no gap, no overlap");
            (x, y) = (span.reference.end, span.other.end);
            let (left, right) = (&a[span.reference.clone()], &b[span.other.clone()]);
            match span.change {
                Change::Kept => prop_assert_eq!(left, right, "kept is equal"),
                Change::Changed => prop_assert!(left.len() == right.len() && left[0] != right[0], "in pairs"),
                Change::Inserted => prop_assert!(left.is_empty() && !right.is_empty(), "only in the other"),
                Change::Removed => prop_assert!(right.is_empty() && !left.is_empty(), "only in the reference"),
            }
        }
        prop_assert_eq!((x, y), (a.len(), b.len()), "to the ends");
        prop_assert_eq!(found.counts().kept, longest_common(&a, &b), "as many as the textbook finds");
    }

    #[test]
    fn partners_point_at_each_other_in_order(
        a in prop::collection::vec(0_u8..4, 0..30),
        b in prop::collection::vec(0_u8..4, 0..30),
    ) {
        let found = Alignment::new(&a, &b);
        let pairs: Vec<_> = (0..a.len()).filter_map(|idx| Some((idx, found.other_of(idx)?))).collect();
        prop_assert!(pairs.iter().all(|(x, y)| found.reference_of(*y) == Some(*x)), "both ways");
        prop_assert!(pairs.windows(2).all(|pair| pair[0].1 < pair[1].1), "never crossing");
        prop_assert_eq!(found.is_same(), a == b, "the same only if equal");
        let before = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
        prop_assert_eq!(found.first_difference(), (a != b).then_some(before), "where they part");
    }
}
