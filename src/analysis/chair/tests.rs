//! Words, mentions and figures worked by hand, and properties for any text.

use super::*;
use crate::analysis::fixture::{FIRST, SECOND, trace};
use crate::analysis::{Reduce, TokenRef, TokenSet};
use proptest::prelude::*;
use std::sync::LazyLock;

static EXTRACTOR: LazyLock<Extractor> = LazyLock::new(Extractor::default);

fn tokens(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.text).collect()
}

/// What was written and what it means.
fn found(text: &str) -> Vec<(&str, &'static str)> {
    EXTRACTOR.mentions(text).into_iter().map(|mention| (&text[mention.bytes], mention.category)).collect()
}

fn categories(text: &str) -> Vec<&'static str> {
    found(text).into_iter().map(|(_, category)| category).collect()
}

#[test]
fn words_are_those_of_nltk() {
    for (text, expected) in [
        ("A dog's bone, isn't it?", &["a", "dog", "'s", "bone", ",", "is", "n't", "it", "?"][..]),
        ("Two dogs. The cat.", &["two", "dogs", ".", "the", "cat", "."]),
        ("It is 5. a dog.", &["it", "is", "5.", "a", "dog", "."]),
        ("See the dogs.They ran", &["see", "the", "dogs.they", "ran"]),
        ("at 10:30, 3,000 cars", &["at", "10:30", ",", "3,000", "cars"]),
        ("a \"dog\" (cat) [cow].", &["a", "\"", "dog", "\"", "(", "cat", ")", "[", "cow", "]", "."]),
        ("wait... what--no", &["wait", "...", "what", "--", "no"]),
        ("the dogs' 'bowl'", &["the", "dogs", "'", "'", "bowl", "'"]),
        ("I cannot; they'll go", &["i", "can", "not", ";", "they", "'ll", "go"]),
        ("black-and-white cat/dog", &["black-and-white", "cat/dog"]),
        ("dog\u{2019}s \u{201c}bed\u{201d}", &["dog", "\u{2019}", "s", "\u{201c}", "bed", "\u{201d}"]),
        ("Mr. Dog at st. x", &["mr.", "dog", "at", "st.", "x"]),
        ("", &[]),
        (" \n\t ", &[]),
    ] {
        assert_eq!(tokens(text), expected, "{text}");
    }
}

#[test]
fn plurals_are_made_singular() {
    for (text, category) in [
        ("knives", "knife"),
        ("women", "person"),
        ("policemen", "person"),
        ("puppies", "dog"),
        ("collies", "dog"),
        ("buses", "bus"),
        ("foxes sandwiches", "sandwich"),
        ("toothbrushes", "toothbrush"),
        ("mice", "mouse"),
        ("geese", "bird"),
        ("calves", "cow"),
        ("canoes", "boat"),
        ("ties", "tie"),
        ("skis", "skis"),
        ("scissors", "scissors"),
        ("thieves", "person"),
        ("people", "person"),
    ] {
        assert_eq!(categories(text), [category], "{text}");
    }
    assert_eq!(categories("glasses, boxes, hours, is, us, has"), [""; 0], "words that only end alike");
    for lemmatiser in Lemmatiser::ALL {
        assert_eq!(Lemmatiser::by_id(lemmatiser.id()), Some(lemmatiser), "found by name");
        assert_eq!(Extractor::new(lemmatiser).mentions("dogs, women, knives").len(), 3, "{lemmatiser:?}");
    }
}

#[test]
fn the_published_lemmatisers_get_some_words_wrong() {
    let count = |lemmatiser, text| Extractor::new(lemmatiser).mentions(text).len();
    for (text, [vocabulary, wordnet, pattern]) in [
        ("men", [1, 0, 1]),
        ("vases", [1, 0, 1]),
        ("smartphones", [1, 0, 1]),
        ("a bus", [1, 1, 0]),
        ("buses", [1, 1, 1]),
        ("ties", [1, 1, 0]),
        ("a wine glass", [1, 1, 1]),
        ("a tennis racket", [1, 1, 1]),
        ("a sports ball", [1, 1, 1]),
    ] {
        assert_eq!(count(Lemmatiser::Vocabulary, text), vocabulary, "{text}");
        assert_eq!(count(Lemmatiser::WordNet, text), wordnet, "{text}");
        assert_eq!(count(Lemmatiser::Pattern, text), pattern, "{text}");
    }
}

#[test]
fn pairs_are_merged_from_the_left_and_keep_their_place() {
    assert_eq!(
        found("Hot dogs and wine glasses"),
        [("Hot dogs", "hot dog"), ("wine glasses", "wine glass")],
        "plurals"
    );
    assert_eq!(found("a Baby  Bird near adult cats"), [("Baby  Bird", "bird"), ("adult cats", "cat")], "no person");
    assert_eq!(found("a hot, dog"), [("dog", "dog")], "nothing may stand between");
    assert_eq!(
        found("a bow tie on a passenger train"),
        [("bow tie", "tie"), ("passenger train", "train")],
        "overrides"
    );
    assert_eq!(
        found("potted plants by a dining table"),
        [("potted plants", "potted plant"), ("table", "dining table")],
        ""
    );
    assert_eq!(found("baby baby bird"), [("baby", "person"), ("baby bird", "bird")], "greedy");
}

#[test]
fn published_quirks_are_kept() {
    assert_eq!(categories("a motor bike and a cheesecake"), [""; 0], "entries with a leading space never match");
    assert_eq!(categories("an iPhone"), [""; 0], "a capital letter never matches");
    assert_eq!(categories("a stove top oven"), ["oven", "oven"], "three words are never merged");
    assert_eq!(categories("home plate, train tracks"), [""; 0], "swallowed");
    assert_eq!(
        categories("a motorbike, a cupcake, a smartphone"),
        ["motorcycle", "cake", "cell phone"],
        "their neighbours"
    );
    assert_eq!(categories("a toilet seat"), ["toilet"], "one thing");
    assert_eq!(categories("a monitor, a sub and a bow"), ["tv", "sandwich", "tie"], "words, not things");
}

#[test]
fn a_toilet_drops_every_seat_and_places_stay_right() {
    let text = "The seat of the toilet, a bike seat and a dog.";
    assert_eq!(found(text), [("toilet", "toilet"), ("bike", "bicycle"), ("dog", "dog")], "no seat, no shifted place");
    assert_eq!(
        categories("A bike seat and two seats"),
        ["bicycle", "chair", "chair"],
        "without a toilet seats are chairs"
    );
    assert_eq!(categories("a toilet seat and a seat"), ["toilet"], "the merged pair counts as a toilet");
    assert_eq!(categories("a toilet and a stool"), ["toilet", "chair"], "only that word");
}

fn truth() -> GroundTruth {
    let mut truth = GroundTruth::new();
    truth.add_instances(&EXTRACTOR, [1, 2, 3], [(1, "dog"), (1, "dog"), (1, "couch"), (2, "person"), (2, "wombat")]);
    truth
}

#[test]
fn figures_over_three_captions_worked_by_hand() {
    let truth = truth();
    let captions = [(1, "A dog on a sofa, a cat."), (2, "A man and a woman."), (3, "Nothing."), (9, "A zebra.")];
    let chair = Chair::score(&EXTRACTOR, &truth, captions);
    assert_eq!((chair.num_captions, chair.num_without_truth), (3, 1), "image 9 is in no file");
    assert_eq!(chair.chair_s(), Some(1.0 / 3.0), "one of three captions");
    assert_eq!(chair.chair_i(), Some(1.0 / 5.0), "the cat of dog, sofa, cat, man, woman");
    assert_eq!(chair.recall(), Some(1.0), "dog, couch and person; the empty image has none");
    assert_eq!(chair.num_words, 9 + 6 + 2, "marks count");
    assert_eq!(chair.len(), Some(17.0 / 3.0 / 100.0), "hundreds of words a caption");
    let first = &chair.captions[0];
    assert_eq!(first.chair_i(), Some(1.0 / 3.0), "one of three words");
    let statuses: Vec<_> = first.mentions.iter().map(|marked| marked.status.id()).collect();
    assert_eq!(statuses, ["grounded", "grounded", "hallucinated"], "a sofa is a couch");
    assert_eq!(chair.captions[2].recall(), None, "an empty image has nothing to recall");
    assert_eq!(chair.captions[3].mentions[0].status, Status::Unknown, "nobody says what is in image 9");
    assert_eq!(chair.captions[3].is_hallucinated(), None, "nor whether the caption is right");
}

#[test]
fn no_captions_have_no_figures() {
    let chair = Chair::score(&EXTRACTOR, &truth(), [(9, "a dog")]);
    assert!(chair.is_empty(), "none counts");
    assert_eq!((chair.chair_s(), chair.chair_i(), chair.recall(), chair.len()), (None, None, None, None), "not 0");
}

#[test]
fn ground_truth_is_the_union_of_what_was_given() {
    let mut truth = truth();
    assert_eq!(truth.sources(), "instances", "so far");
    assert_eq!(truth.unmapped().iter().collect::<Vec<_>>(), ["wombat"], "a name that CHAIR does not know");
    truth.add_captions(&EXTRACTOR, [(1, "A dog with a kite."), (9, "A zebra.")]);
    assert_eq!(truth.objects(1), Some(&Objects::from(["couch", "dog", "kite"])), "both together");
    assert_eq!(truth.objects(3), Some(&Objects::new()), "listed without annotations: empty");
    assert_eq!(truth.objects(9), None, "captions alone do not say what is not there");
    assert_eq!((truth.sources(), truth.num_reference_captions()), ("instances and reference captions", 2), "stated");
    let mut captions = GroundTruth::new();
    captions.add_captions(&EXTRACTOR, [(9, "A zebra.")]);
    assert_eq!(captions.objects(9), Some(&Objects::from(["zebra"])), "unless they are all there is");
}

#[test]
fn a_word_of_several_tokens_is_one_selection() {
    let mut trace = trace(&[FIRST, SECOND, SECOND, FIRST, SECOND]);
    for (token, text) in trace.output.iter_mut().zip([" A", " ski", "", "s\u{e9}", "</s>"]) {
        token.text = text.into();
    }
    trace.output[4].special = true;
    assert_eq!(trace.text(), " A skis\u{e9}", "the special token adds nothing");
    let select = |bytes| tokens_of(&trace, &bytes);
    let set = |idxs: &[usize]| TokenSet::new(idxs.iter().map(|idx| TokenRef::Output(*idx)), Reduce::Mean);
    assert_eq!(select(3..7), set(&[1, 2, 3]), "the part of a character goes with its end");
    assert_eq!(select(3..6), set(&[1]), "only the first token");
    assert_eq!(select(0..2), set(&[0]), "the first word");
    assert!(select(20..30).tokens().is_empty() && select(3..3).tokens().is_empty(), "nothing there");
    assert_eq!(answer_ranges(&trace), [0..2, 2..6, 6..6, 6..9, 9..9], "one after the other");
}

/// Letters, marks and whole words that the rules look at, and any character.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "dog",
            "Dogs",
            "hot",
            "toilet",
            "seat",
            "baby",
            " ",
            "  ",
            "\n",
            "'",
            "'s",
            "n't",
            "\"",
            ".",
            "...",
            ",",
            ":",
            "--",
            "\u{130}",
            "\u{1f642}",
            "\u{df}",
            "e\u{301}",
            "cannot",
            "'tis",
            "mr.",
            "5",
            "``",
            "(",
            ")",
            "\u{201d}",
            "\u{1e9e}",
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn words_and_mentions_lie_inside_any_text(text in text()) {
        let mut end = 0;
        for word in words(&text) {
            prop_assert!(word.bytes.start >= end || word.bytes.start < word.bytes.end, "words follow one another");
            prop_assert!(text.get(word.bytes.clone()).is_some(), "on character boundaries: {:?}", word);
            end = word.bytes.start;
        }
        let mut end = 0;
        for mention in EXTRACTOR.mentions(&text) {
            prop_assert!(mention.bytes.start >= end, "mentions do not overlap");
            let written = text.get(mention.bytes.clone()).expect("on character boundaries");
            prop_assert!(!written.is_empty() && written.trim() == written, "no white space around: {written:?}");
            prop_assert_eq!(EXTRACTOR.category(&mention.word), Some(mention.category), "the category of its word");
            end = mention.bytes.end;
        }
    }

    #[test]
    fn words_hold_every_visible_character_of_ascii_once(text in "[ -~]{0,60}") {
        let joined: String = words(&text).into_iter().map(|word| word.text).collect();
        let expected: String = text.to_lowercase().split_whitespace().collect();
        prop_assert_eq!(joined, expected, "nothing is lost");
    }

    #[test]
    fn the_case_of_letters_does_not_matter(text in "[a-zA-Z .,']{0,60}") {
        let lower = EXTRACTOR.mentions(&text.to_lowercase());
        prop_assert_eq!(EXTRACTOR.mentions(&text), lower, "the same places and categories");
    }
}
