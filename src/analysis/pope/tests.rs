//! Questions, scorers and figures worked by hand and against published numbers.

use super::*;
use crate::analysis::chair::Extractor;
use crate::trace::Candidate;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn articles_are_those_of_english_or_those_of_the_script() {
    let shipped = |object| Template::Shipped.question(object);
    assert_eq!(shipped("dog"), "Is there a dog in the image?", "a consonant");
    assert_eq!(shipped("umbrella"), "Is there an umbrella in the image?", "a vowel");
    assert_eq!(shipped("unicycle"), "Is there a unicycle in the image?", "a vowel that sounds like a consonant");
    assert_eq!(shipped("hourglass"), "Is there an hourglass in the image?", "a silent consonant");
    assert_eq!(shipped("scissors"), "Is there a scissors in the image?", "as shipped");
    assert_eq!(Template::Imange.question("apple"), "Is there an apple in the imange?", "the script's own typing error");
    assert_eq!(Template::Imange.question("dog"), "Is there a dog in the image?", "which vowels bring out");
    for template in Template::ALL {
        assert_eq!(Template::by_id(template.id()), Some(template), "found by name");
    }
}

/// (id, answer, what it says, what it counts as for yes, for no).
const ANSWERS: &[(&str, &str, Said, Outcome, Outcome)] = &[
    ("official", "No, there is none.", Said::No, Outcome::No, Outcome::No),
    ("official", "Yes. There is not a cat.", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("official", "There is not", Said::No, Outcome::No, Outcome::No),
    ("official", "NO", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("official", "\nNo", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("official", "", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("official", "There isn't", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("vcd", "Yes", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("vcd", "I know it is snow", Said::No, Outcome::No, Outcome::No),
    ("vcd", "Yes, I know", Said::Unknown, Outcome::Yes, Outcome::No),
    ("vcd", "Perhaps", Said::Unknown, Outcome::No, Outcome::Yes),
    ("clearsight", "It is not", Said::No, Outcome::No, Outcome::No),
    ("clearsight", "Perhaps", Said::Unknown, Outcome::No, Outcome::Yes),
    ("opera", "Yes. There is not a cat.", Said::No, Outcome::No, Outcome::No),
    ("opera", "There isn't", Said::No, Outcome::No, Outcome::No),
    ("opera", "NO", Said::No, Outcome::No, Outcome::No),
    ("opera", "Perhaps", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("icd", "yes", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("icd", "Perhaps", Said::Unknown, Outcome::Excluded, Outcome::Excluded),
    ("icd", "Yes, no", Said::No, Outcome::No, Outcome::No),
    ("s0", " Yes, it is", Said::Yes, Outcome::Yes, Outcome::Yes),
    ("s0", "No.", Said::No, Outcome::No, Outcome::No),
    ("s0", "Not Sure", Said::Unknown, Outcome::Excluded, Outcome::Excluded),
    ("s0", "There is no dog", Said::Unknown, Outcome::Excluded, Outcome::Excluded),
];

#[test]
fn every_scorer_reads_answers_by_its_own_rule() {
    for &(id, answer, said, for_yes, for_no) in ANSWERS {
        let scorer = scorer(id).expect("registered");
        assert_eq!(scorer.said(answer), said, "{id}: {answer:?}");
        let outcomes = (scorer.outcome(answer, Label::Yes), scorer.outcome(answer, Label::No));
        assert_eq!(outcomes, (for_yes, for_no), "{id}: {answer:?}");
    }
}

#[test]
fn scorers_are_registered_once_with_help_paper_and_a_case() {
    let ids: BTreeSet<_> = scorers().iter().map(|scorer| scorer.id).collect();
    assert_eq!(ids.len(), scorers().len(), "unique names");
    for scorer in scorers() {
        assert!(!scorer.help.is_empty() && !scorer.paper.is_empty() && !scorer.label.is_empty(), "{scorer:?}");
        assert!(ANSWERS.iter().any(|(id, ..)| *id == scorer.id), "a case for {scorer:?}");
    }
}

#[test]
fn figures_of_four_answers_worked_by_hand() {
    let outcomes = [
        (Outcome::Yes, Label::Yes),
        (Outcome::No, Label::Yes),
        (Outcome::No, Label::Yes),
        (Outcome::Yes, Label::No),
        (Outcome::Excluded, Label::No),
    ];
    let counts = Confusion::of(outcomes);
    let figures = counts.figures();
    assert_eq!(counts.excluded, 1, "one is left out");
    assert_eq!((figures.accuracy, figures.yes_ratio), (Some(0.25), Some(0.5)), "1 of 4 right, 2 of 4 yes");
    assert_eq!((figures.precision, figures.recall), (Some(0.5), Some(1.0 / 3.0)), "1 of 2, 1 of 3");
    assert_eq!(figures.f1, Some(0.4), "2 * 1/2 * 1/3 / (1/2 + 1/3)");
    let balanced = counts.balanced();
    assert!((balanced.accuracy.expect("both labels") - 1.0 / 6.0).abs() < 1e-12, "mean of 1/3 and 0");
    assert!((balanced.precision.expect("both labels") - 0.25).abs() < 1e-12, "1/3 of 1/3 + 1");
    assert_eq!(Confusion::default().figures(), Figures::default(), "nothing has no figures");
    assert_eq!(Confusion::of([(Outcome::Yes, Label::Yes)]).balanced(), Figures::default(), "one label has no balance");
}

/// The study's table: recall and specificity in per cent, then accuracy, precision, F1, balanced and raw, for 10,071
/// present and 11,580 absent objects.
#[test]
fn the_published_table_is_balanced_and_its_raw_figures_follow() {
    for (recall, specificity, balanced, raw) in [
        (89.19, 83.27, [86.23, 84.21, 86.63], [86.02, 82.26, 85.58]),
        (89.02, 84.02, [86.52, 84.78, 86.85], [86.35, 82.89, 85.85]),
        (88.12, 84.10, [86.11, 84.72, 86.39], [85.97, 82.82, 85.39]),
    ] {
        let count = |part: f64, whole: u64| {
            let distance = |n: &u64| (*n as f64 / whole as f64 * 100.0 - part).abs();
            (0..=whole).min_by(|a, b| distance(a).total_cmp(&distance(b)))
        };
        let (tp, tn) = (count(recall, 10_071).unwrap_or(0), count(specificity, 11_580).unwrap_or(0));
        let counts = Confusion {
            true_positives: tp,
            false_negatives: 10_071 - tp,
            true_negatives: tn,
            false_positives: 11_580 - tn,
            excluded: 0,
        };
        for (figures, expected) in [(counts.balanced(), balanced), (counts.figures(), raw)] {
            let found = [figures.accuracy, figures.precision, figures.f1].map(|figure| figure.unwrap_or(0.0) * 100.0);
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 0.011, "expected {expected}, found {found}");
            }
        }
    }
}

fn statistics() -> ObjectStatistics {
    ObjectStatistics::new([
        &["person", "dog", "kite"][..],
        &["person", "dog", "dog"],
        &["person", "chair"],
        &["cat", "chair"],
        &["kite", "dog"],
    ])
}

fn absent(objects: &[&str], negatives: Negatives, seed: u64) -> Vec<String> {
    let options = PopeOptions { negatives, seed, ..PopeOptions::default() };
    let made = questions(objects, &statistics(), &options);
    made.into_iter().filter(|question| question.label == Label::No).map(|question| question.category).collect()
}

#[test]
fn statistics_worked_by_hand() {
    let statistics = statistics();
    assert_eq!(statistics.by_frequency(), ["person", "dog", "kite", "chair", "cat"], "equals as first seen");
    assert_eq!(statistics.count("dog"), 3, "twice in one image is once");
    assert_eq!(statistics.by_co_occurrence("dog"), ["person", "kite"], "equals as first seen");
    assert_eq!(statistics.by_co_occurrence("wombat"), [""; 0], "never seen");
}

#[test]
fn absent_objects_are_chosen_as_published() {
    assert_eq!(absent(&["person", "kite"], Negatives::Popular, 0), ["dog", "chair"], "the most frequent");
    assert_eq!(
        absent(&["kite", "person"], Negatives::Adversarial, 0),
        ["dog", "chair"],
        "with kite: dog; with person: chair"
    );
    let fallback = absent(&["cat", "person", "dog"], Negatives::Adversarial, 0);
    assert_eq!(fallback, ["chair", "kite"], "person: kite; then nothing is left for the dog");
}

#[test]
fn questions_of_an_image_alternate_and_are_seeded() {
    let options = PopeOptions { most_positives: Some(1), ..PopeOptions::default() };
    let made = questions(&["dog", "person"], &statistics(), &options);
    assert_eq!(made.iter().map(|q| q.label).collect::<Vec<_>>(), [Label::Yes, Label::No], "one of each");
    assert_eq!(made[0].text, "Is there a dog in the image?", "the present object first");
    assert_eq!(absent(&["dog"], Negatives::Random, 7), absent(&["dog"], Negatives::Random, 7), "the same seed");
    let others: BTreeSet<_> = (0..50).flat_map(|seed| absent(&["dog"], Negatives::Random, seed)).collect();
    assert_eq!(others.len(), 4, "every absent object comes up: {others:?}");
    let all = ["person", "dog", "kite", "chair", "cat"];
    assert!(absent(&all, Negatives::Random, 0).is_empty(), "an image that has everything");
}

#[test]
fn every_mentioned_object_is_asked_about_once() {
    let mentions = Extractor::default().mentions("A man with an umbrella, two women and an orange.");
    let questions = questions_for_mentions(&mentions, Template::Shipped);
    let texts: Vec<_> = questions.iter().map(|question| question.text.as_str()).collect();
    assert_eq!(
        texts,
        ["Is there a person in the image?", "Is there an umbrella in the image?", "Is there an orange in the image?"],
        "in the order of first mention"
    );
    assert_eq!(questions[0].mention_idxs, [0, 2], "the man and the women");
    assert_eq!(NounQuestion::verdict(Said::No), NounVerdict::TakenBack, "it disagrees with itself");
}

fn candidates(list: &[(u32, &str, f32)]) -> Vec<Candidate> {
    list.iter().map(|&(id, text, p)| Candidate { id, text: text.into(), logprob: p.ln() }).collect()
}

#[test]
fn yes_and_no_are_looked_up_in_each_kind_of_vocabulary() {
    let sentence_piece = |piece: &str| match piece {
        "\u{2581}Yes" => Some(3869),
        "\u{2581}No" => Some(1939),
        "Yes" => Some(8241),
        "\u{2581}yes" => Some(4874),
        "\u{2581}no" => Some(694),
        _ => None,
    };
    let ids = YesNoIds::look_up(YesNoWords::Pair, sentence_piece);
    assert_eq!((ids.yes, ids.no), (vec![3869], vec![1939]), "the ids of LLaVA-1.5");
    let ids = YesNoIds::look_up(YesNoWords::Any, sentence_piece);
    assert_eq!((ids.yes, ids.no), (vec![3869, 4874, 8241], vec![694, 1939]), "every form");
    let words =
        |piece: &str| ["Yes", "No"].iter().position(|word| *word == piece).and_then(|at| u32::try_from(at).ok());
    let ids = YesNoIds::look_up(YesNoWords::Pair, words);
    assert_eq!((ids.yes, ids.no), (vec![0], vec![1]), "a vocabulary without spaces");
}

#[test]
fn probability_of_yes_worked_by_hand() {
    let ids = YesNoIds { yes: vec![0], no: vec![2] };
    let step = candidates(&[(0, " Yes", 0.6), (2, " No", 0.2), (5, " A", 0.1)]);
    let both = YesProbability::from_candidates(&step, &ids).expect("both are there");
    assert!((both.yes - 0.75).abs() < 1e-6 && (both.at_most - both.at_least).abs() < 1e-12, "exact");
    assert_eq!(both.ids, ids, "the ids are stated");
    let step = candidates(&[(0, " Yes", 0.6), (5, " A", 0.3)]);
    let one = YesProbability::from_candidates(&step, &YesNoIds::among(YesNoWords::Pair, &step)).expect("one is there");
    assert!((one.yes - 1.0).abs() < 1e-12, "no is below all candidates");
    assert!((one.at_least - 0.6 / 0.7).abs() < 1e-6, "at most the 0.1 that is left: {one:?}");
    assert_eq!(YesProbability::from_candidates(&candidates(&[(5, "A", 0.9)]), &ids), None, "neither");
}

#[test]
fn candidates_are_found_by_their_text() {
    let step =
        candidates(&[(1, " Yes", 0.4), (2, "Yes", 0.2), (3, "\u{2581}no", 0.1), (4, "NO", 0.1), (5, "Not", 0.1)]);
    let pair = YesNoIds::among(YesNoWords::Pair, &step);
    assert_eq!((pair.yes, pair.no), (vec![1], vec![]), "as an answer begins");
    let any = YesNoIds::among(YesNoWords::Any, &step);
    assert_eq!((any.yes, any.no), (vec![1, 2], vec![3, 4]), "whatever the case");
}

proptest! {
    #[test]
    fn scorers_read_any_answer(answer in "\\PC{0,60}") {
        for scorer in scorers() {
            let outcomes = [Label::Yes, Label::No].map(|label| scorer.outcome(&answer, label));
            match scorer.said(&answer) {
                Said::Yes => prop_assert_eq!(outcomes, [Outcome::Yes; 2], "{:?}", scorer),
                Said::No => prop_assert_eq!(outcomes, [Outcome::No; 2], "{:?}", scorer),
                Said::Unknown => {}
            }
        }
    }

    #[test]
    fn generated_questions_are_right_and_never_repeated(
        objects in prop::collection::vec(prop::sample::select(vec!["person", "dog", "kite", "chair", "cat", "bird"]),
            0..8),
        negatives in prop::sample::select(Negatives::ALL.to_vec()),
        seed in any::<u64>(),
    ) {
        let options = PopeOptions { negatives, seed, ..PopeOptions::default() };
        let made = questions(&objects, &statistics(), &options);
        let asked: BTreeSet<_> = made.iter().map(|question| question.category.as_str()).collect();
        prop_assert_eq!(asked.len(), made.len(), "each once");
        for question in &made {
            prop_assert_eq!(objects.contains(&question.category.as_str()), question.label == Label::Yes, "labelled \
                right");
        }
    }

    #[test]
    fn the_probability_of_yes_lies_between_its_bounds(ps in prop::collection::vec(0.001_f32..0.3, 1..4),
        yes in 0..4_u32, no in 4..8_u32) {
        let list: Vec<_> = (0..).zip(&ps).map(|(id, p)| (id * 2, "x", *p)).collect();
        let ids = YesNoIds { yes: vec![yes], no: vec![no] };
        if let Some(found) = YesProbability::from_candidates(&candidates(&list), &ids) {
            prop_assert!(found.at_least <= found.yes && found.yes <= found.at_most, "{:?}", found);
            prop_assert!((0.0..=1.0).contains(&found.at_least) && (0.0..=1.0).contains(&found.at_most), "{:?}", found);
        }
    }
}
