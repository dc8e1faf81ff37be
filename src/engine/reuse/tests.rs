use super::*;
use crate::decode::{DecoderPrompt, GenerateOptions, Generation, Stack};
use crate::model::fixtures::{decoder, random_tensor};
use crate::model::{Additions, Decoder, Embedded, ImagePlace, Llava, VisionLanguageModel};
use std::collections::BTreeMap;

const PLENTY: u64 = 1 << 30;

fn plain() -> Footing {
    Footing { untouched: usize::MAX, by_position: true, methods: Arc::from(Vec::new()) }
}

fn edited(untouched: usize, by_position: bool) -> Footing {
    let spec = SpecInfo { name: "edit".to_owned(), parameters: BTreeMap::new() };
    let one = Editor { spec, file_hash: None };
    Footing { untouched, by_position, methods: Arc::from(vec![one]) }
}

fn wanted(decoder: &Decoder, ids: &[u32], footing: Footing) -> Wanted {
    let embeddings = decoder.embed(ids).unwrap();
    let positions = Positions::counted(ids.len());
    Wanted {
        ids: ids.to_vec(),
        embeddings,
        positions,
        additions: Additions::default(),
        footing,
        most: ids.len() - 1,
        capacity: ids.len() + 4,
    }
}

/// Reads prompts together and answers with three tokens each; returns the first logits of every branch and how much was
/// known.
fn read(reuse: &Reuse, decoder: &Decoder, prompts: Vec<Wanted>) -> (Vec<Vec<f32>>, Vec<usize>) {
    let caches = reuse.take(&prompts);
    let known = caches.iter().map(|cache| cache.as_ref().map_or(0, KvCache::len)).collect();
    let decoded = prompts.iter().map(|prompt| {
        let (ids, embeddings, positions) = (prompt.ids.clone(), prompt.embeddings.clone(), prompt.positions.clone());
        DecoderPrompt { ids, embeddings, positions, additions: Additions::default() }
    });
    let options = GenerateOptions { max_new_tokens: 3, ..GenerateOptions::default() };
    let mut generation = Generation::resume(decoder, Stack::default(), decoded.collect(), caches, options).unwrap();
    let first = generation.step(&mut ()).unwrap().unwrap().branch_logits;
    while generation.step(&mut ()).unwrap().is_some() {}
    let generated = generation.ids().to_vec();
    let rows = decoder.embed(&generated).unwrap();
    for (prompt, cache) in prompts.into_iter().zip(generation.into_caches()) {
        let ids = prompt.ids.iter().chain(&generated).copied().collect();
        reuse.keep(prompt, cache, ids, Some(&rows));
    }
    (first, known)
}

fn expect_as_fresh(reuse: &Reuse, decoder: &Decoder, prompts: &[(&[u32], Footing)]) -> Vec<usize> {
    let make = || prompts.iter().map(|(ids, footing)| wanted(decoder, ids, footing.clone())).collect::<Vec<_>>();
    let (found, known) = read(reuse, decoder, make());
    let (expected, nothing) = read(&Reuse::new(0), decoder, make());
    assert!(nothing.iter().all(|known| *known == 0), "without a budget nothing is known");
    for (found, expected) in found.iter().zip(&expected) {
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "logits differ by {worst}");
    }
    known
}

#[test]
fn every_branch_continues_from_what_it_shares_most_with() {
    let (decoder, reuse) = (decoder(), Reuse::new(PLENTY));
    let a: &[u32] = &[1, 7, 9, 9, 9, 9, 9, 9, 8, 30, 12];
    let b: &[u32] = &[1, 7, 9, 9, 9, 9, 9, 9, 8, 31, 13, 14];
    let c: &[u32] = &[1, 7, 8, 30, 12];
    assert_eq!(expect_as_fresh(&reuse, &decoder, &[(a, plain())]), [0], "nothing is known of the first");
    let known = expect_as_fresh(&reuse, &decoder, &[(b, plain()), (a, plain()), (c, plain())]);
    assert_eq!(known, [9, 10, 2], "one kept prompt serves three branches; the last position always runs");
    let known = expect_as_fresh(&reuse, &decoder, &[(c, plain()), (b, plain())]);
    assert_eq!(known, [4, 11], "each its own");
    assert_eq!(expect_as_fresh(&reuse, &decoder, &[(&[2, 3, 4], plain())]), [0], "nothing in common");
}

#[test]
fn a_question_that_was_stopped_takes_no_room_beside_what_it_began_from() {
    let (decoder, reuse) = (decoder(), Reuse::new(PLENTY));
    let ids: Vec<u32> = (0..8).chain([20, 21, 22, 23, 24]).collect();
    read(&reuse, &decoder, vec![wanted(&decoder, &ids, plain())]);
    let before = reuse.memory();
    let other: Vec<u32> = (0..8).chain([30, 31]).collect();
    let asked = wanted(&decoder, &other, plain());
    let cache = reuse.take(std::slice::from_ref(&asked)).remove(0).unwrap();
    assert_eq!(cache.len(), 8, "what both begin with");
    reuse.keep(asked, cache, other, None);
    assert_eq!(reuse.memory(), before, "it had read nothing that is not there already");
}

#[test]
fn what_interventions_change_is_not_shared() {
    let (decoder, ids): (_, &[u32]) = (decoder(), &[1, 7, 9, 9, 9, 9, 9, 9, 8, 30, 12]);
    let known = |first: Footing, second: Footing| {
        let reuse = Reuse::new(PLENTY);
        read(&reuse, &decoder, vec![wanted(&decoder, ids, first)]);
        let caches = reuse.take(&[wanted(&decoder, ids, second)]);
        caches[0].as_ref().map_or(0, KvCache::len)
    };
    assert_eq!(known(plain(), plain()), 10, "all but the last");
    assert_eq!(known(plain(), edited(4, true)), 4, "as far as the new one leaves it alone");
    assert_eq!(known(edited(4, true), plain()), 4, "as far as the old one left it alone");
    assert_eq!(known(edited(4, true), edited(4, true)), 10, "the same intervention");
    let of_file = |byte| {
        let Editor { spec, .. } = edited(4, true).methods[0].clone();
        Footing { methods: Arc::from(vec![Editor { spec, file_hash: Some([byte; 32]) }]), ..edited(4, true) }
    };
    assert_eq!(known(of_file(1), of_file(1)), 10, "the same file");
    assert_eq!(known(of_file(1), of_file(2)), 4, "a file of the same name with other bytes");
    assert_eq!(known(edited(4, false), edited(4, false)), 4, "one that depends on the pass is never shared");
    assert_eq!(known(edited(0, false), plain()), 0, "one that changes everything leaves nothing");
}

#[test]
fn images_are_told_apart_by_their_rows_and_not_by_their_ids() {
    let model: Llava = crate::model::fixtures::llava();
    let (decoder, reuse) = (model.decoder(), Reuse::new(PLENTY));
    let ids: Vec<u32> = [1, 7].into_iter().chain([48; 9]).chain([8, 30]).collect();
    let span = crate::ids::TokenSpan { start: 2, len: 9 };
    let prompt = |seed: u64| {
        let features = model.encode_image(&random_tensor(seed, &[3, 12, 12], 1.5), &mut ()).unwrap();
        let Embedded { embeddings, positions, additions } =
            model.embed(&ids, Some(ImagePlace::new(span, &features))).unwrap();
        Wanted { ids: ids.clone(), embeddings, positions, additions, footing: plain(), most: 12, capacity: 17 }
    };
    let known: Vec<usize> =
        [5, 6, 5, 6].into_iter().flat_map(|seed| read(&reuse, decoder, vec![prompt(seed)]).1).collect();
    assert_eq!(known, [0, 2, 12, 12], "another image shares the text before it; both are kept");
}

#[test]
fn the_budget_holds_and_what_a_newer_prompt_has_goes_first() {
    let (decoder, reuse) = (decoder(), Reuse::new(PLENTY));
    let of = |first: u32, last: u32| -> Vec<u32> { (0..16).map(|at| first + at % 3).chain([last]).collect() };
    read(&reuse, &decoder, vec![wanted(&decoder, &of(4, 30), plain())]);
    let one = reuse.memory().held_bytes;
    read(&reuse, &decoder, vec![wanted(&decoder, &of(4, 31), plain())]);
    assert_eq!(reuse.memory().prompts, 2, "an answer of its own is kept beside the next question");
    read(&reuse, &decoder, vec![wanted(&decoder, &of(20, 30), plain())]);
    reuse.limit(5 * one / 2);
    let kept = reuse.memory();
    assert!(kept.held_bytes <= 5 * one / 2 && kept.prompts >= 2, "{kept:?}");
    let known = |ids: &[u32]| {
        let caches = reuse.take(&[wanted(&decoder, ids, plain())]);
        caches[0].as_ref().map_or(0, KvCache::len)
    };
    assert_eq!(known(&of(4, 32)), 16, "the first image, through its later question");
    reuse.make_room(usize::MAX);
    assert_eq!(reuse.memory().prompts, 0, "a question larger than the budget gets all of it");
}

#[test]
fn what_stands_at_other_positions_is_read_again() {
    let (decoder, reuse) = (decoder(), Reuse::new(PLENTY));
    let ids = [1, 7, 9, 9, 8, 30, 12];
    let at =
        |positions: [usize; 7]| Wanted { positions: Positions::one_row(positions), ..wanted(&decoder, &ids, plain()) };
    let known = |positions| read(&reuse, &decoder, vec![at(positions)]).1[0];
    assert_eq!(known([0, 1, 2, 3, 4, 5, 6]), 0, "nothing was read before");
    assert_eq!(known([0, 1, 2, 2, 3, 4, 5]), 3, "the same words, closer together");
    assert_eq!(known([0, 1, 2, 2, 3, 4, 5]), 6, "and once more");
}
