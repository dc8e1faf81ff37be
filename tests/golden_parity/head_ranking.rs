//! Heads are ranked by what PyTorch computes without any cache (`tests/golden/head_ranking.py`).
//!
//! `GAZELENS_HEADS_GOLDEN` names another file of that script, with fresh words.

use crate::compare::{PROBABILITY_BOUND, largest_difference};
use crate::reference::Golden;
use crate::{golden_folder, open};
use gazelens::engine::{EngineError, JudgedWord, ModelSource, Prompt, WordPlace, rank_heads};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Of the largest score: what is ranked has to be far closer than what it is ranked by.
const SHARE_BOUND: f32 = 1e-3;

/// A word of the golden file; its photo has two names.
fn word(value: &Value, folder: &Path) -> JudgedWord {
    let text = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned();
    let place = match value["tokens"].as_array() {
        Some(ids) => {
            let ids = ids.iter().map(|id| u32::try_from(id.as_u64().expect("an id")).expect("an id"));
            WordPlace::Tokens(ids.collect())
        }
        None => WordPlace::Text { before: text("before"), word: text("word") },
    };
    JudgedWord {
        image: folder.join(format!("{}_{}.png", text("checkpoint"), value["photo"])),
        prompt: Prompt::Raw(text("prompt")),
        place,
        is_hallucinated: value["hallucinated"].as_bool().expect("yes or no"),
    }
}

#[test]
fn scores_of_heads_are_what_pytorch_computes() {
    let other = std::env::var_os("GAZELENS_HEADS_GOLDEN").map(PathBuf::from);
    let golden = Golden::open(&other.unwrap_or_else(|| golden_folder().join("head_ranking.safetensors")));
    let listed = golden.list("words");
    let names: BTreeSet<&str> = listed.iter().map(|word| word["checkpoint"].as_str().expect("a name")).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in &names {
        for photo in 0..2 {
            let copy = folder.path().join(format!("{name}_{photo}.png"));
            std::fs::copy(golden_folder().join(name).join("photo.png"), copy).expect("copied");
        }
        let model = open(ModelSource::Folder(golden_folder().join(name).join("checkpoint")));
        let own = listed.iter().filter(|word| word["checkpoint"] == *name);
        let words: Vec<JudgedWord> = own.map(|value| word(value, folder.path())).collect();
        let (mut done, go_on) = (Vec::new(), AtomicBool::new(false));
        let ranking = rank_heads(&model, &words, &mut |count| done.push(count), &go_on).expect("a ranking");
        assert_eq!(done, (1..=words.len()).collect::<Vec<_>>(), "word by word");
        let hallucinated = words.iter().filter(|word| word.is_hallucinated).count();
        assert_eq!(ranking.num_words, [hallucinated, words.len() - hallucinated], "{name}: both kinds");
        assert_eq!(ranking.num_photos, 2, "{name}: two names are two photos");

        #[expect(clippy::cast_possible_truncation, reason = "the golden file has f32")]
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let errors = ranking.standard_errors.as_deref().expect("two photos");
        for (what, found) in [("scores", narrow(&ranking.scores)), ("errors", narrow(errors))] {
            let (shape, expected) = golden.floats(&format!("{name}/{what}"));
            assert_eq!(ranking.shape.as_slice(), shape, "{name}: layers and heads");
            let differs = largest_difference(&found, &expected, what);
            let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            println!("{name}: {what} up to {largest:.1e} differ by {differs:.1e}");
            let bound = PROBABILITY_BOUND.min(SHARE_BOUND * largest);
            assert!(differs <= bound, "{name}: {what} differ by {differs}, at most {bound} is allowed");
        }
        let scores = |(layer, head): &(usize, usize)| ranking.scores[layer * ranking.shape[1] + head];
        let order = ranking.order();
        assert!(order.iter().map(scores).is_sorted_by(|a, b| a >= b), "the largest first: {order:?}");
        assert!(order.iter().all(|head| scores(head) > 0.0), "none that speaks for grounded words");

        // Whatever was read before a word, it is the same word.
        let alone: Vec<JudgedWord> = words.iter().rev().cloned().collect();
        let reversed = rank_heads(&model, &alone, &mut |_| {}, &go_on).expect("a ranking");
        let differs = largest_difference(&narrow(&reversed.scores), &narrow(&ranking.scores), "in another order");
        assert!(differs < 1e-6, "{name}: in another order scores differ by {differs}");

        let one_kind: Vec<JudgedWord> = words.into_iter().filter(|word| word.is_hallucinated).collect();
        let refused = rank_heads(&model, &one_kind, &mut |_| {}, &go_on).expect_err("nothing to compare with");
        assert!(matches!(refused, EngineError::OneKindOfWords { grounded: 0, .. }), "{refused}");
        let stopped = rank_heads(&model, &alone, &mut |_| {}, &AtomicBool::new(true)).expect_err("stopped");
        assert!(matches!(stopped, EngineError::Cancelled), "within a layer: {stopped}");
    }
    assert!(names.len() >= 3 || std::env::var_os("GAZELENS_HEADS_GOLDEN").is_some(), "{names:?}: several checkpoints");
}
