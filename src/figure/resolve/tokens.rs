//! Which tokens a recipe means: by place, by word, or by how much they look at the image.

use super::PanelError;
use crate::analysis::{Selection, TokenRef, TokenSet, image_share_per_token};
use crate::figure::recipe::Tokens;
use crate::trace::Trace;

/// Shorter words are articles, prepositions and the like.
const SHORTEST_WORD: usize = 3;

/// The same tokens by place.
pub(super) fn by_place(tokens: &Tokens, trace: &Trace) -> Result<Tokens, PanelError> {
    let mut output = tokens.output.clone();
    if let Some(word) = &tokens.word {
        let wanted = word.trim().to_lowercase();
        let found = words(trace).into_iter().find(|at| text(trace, at).trim().to_lowercase() == wanted);
        output.extend(found.ok_or_else(|| PanelError::NotInAnswer(format!("The answer has no word “{word}”")))?);
    }
    if let Some(rank) = tokens.looking {
        let found = words_that_look(trace).into_iter().nth(rank);
        let (count, words) = (rank + 1, if rank == 0 { "word" } else { "words" });
        output.extend(
            found.ok_or_else(|| {
                PanelError::NotInAnswer(format!("The answer has fewer than {count} {words} for things"))
            })?,
        );
    }
    output.sort_unstable();
    output.dedup();
    Ok(Tokens { output, word: None, looking: None, ..tokens.clone() })
}

/// What "the whole answer" is, as in the window: the generated tokens that have a row and are words or signs, so not the one that ends it.
pub(super) fn whole_answer(trace: &Trace) -> Vec<usize> {
    let words: Vec<usize> = TokenSet::words(trace).collect();
    if words.is_empty() { (0..trace.decoder_attention.len()).collect() } else { words }
}

/// Whether the tokens are [`whole_answer`], named or not.
pub(super) fn is_whole(tokens: &Tokens, trace: &Trace) -> bool {
    tokens.prompt.is_empty() && (tokens.output.is_empty() || tokens.output == whole_answer(trace))
}

/// The set of a trace; [`whole_answer`] where none is named. `tokens` are [`by_place`].
pub(super) fn token_set(tokens: &Tokens, trace: &Trace) -> TokenSet {
    let reduce = tokens.together.into();
    if tokens.output.is_empty() && tokens.prompt.is_empty() {
        return TokenSet::new(whole_answer(trace).into_iter().map(TokenRef::Output), reduce);
    }
    let prompt = tokens.prompt.iter().map(|at| TokenRef::Prompt(*at));
    TokenSet::new(prompt.chain(tokens.output.iter().map(|at| TokenRef::Output(*at))), reduce)
}

fn text(trace: &Trace, word: &[usize]) -> String {
    word.iter().filter_map(|at| trace.output.get(*at)).map(|token| token.text.as_str()).collect()
}

/// Words for things, as runs of tokens, by the attention that goes to the image, most first; each word once.
pub(in crate::figure) fn words_that_look(trace: &Trace) -> Vec<Vec<usize>> {
    let Ok(shares) = image_share_per_token(trace, Selection::default()) else { return Vec::new() };
    let share = |word: &[usize]| {
        let known: Vec<f32> = word.iter().filter_map(|at| shares.get(*at).copied().flatten()).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f32>() / known.len() as f32)
    };
    let is_word = |word: &str| {
        let word = word.trim();
        word.chars().count() >= SHORTEST_WORD && word.chars().all(char::is_alphabetic) && !is_common(word)
    };
    let all = words(trace).into_iter().filter(|word| is_word(&text(trace, word)));
    let mut ranked: Vec<(f32, Vec<usize>)> = all.filter_map(|word| share(&word).map(|share| (share, word))).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut chosen: Vec<Vec<usize>> = Vec::new();
    for (_, word) in ranked {
        let name = text(trace, &word).trim().to_lowercase();
        if !chosen.iter().any(|other| text(trace, other).trim().to_lowercase() == name) {
            chosen.push(word);
        }
    }
    chosen
}

/// Runs of tokens that make a word: a new one begins with a space.
fn words(trace: &Trace) -> Vec<Vec<usize>> {
    let mut words: Vec<Vec<usize>> = Vec::new();
    let mut inside = false;
    for (at, token) in trace.output.iter().enumerate() {
        let letters = token.text.trim_start();
        if token.special || letters.is_empty() || !letters.chars().all(char::is_alphabetic) {
            inside = false;
            continue;
        }
        let begins = !inside || token.text.starts_with(char::is_whitespace);
        match words.last_mut() {
            Some(word) if !begins => word.push(at),
            _ => words.push(vec![at]),
        }
        inside = true;
    }
    words
}

/// Words that name nothing in a photo.
fn is_common(word: &str) -> bool {
    const COMMON: [&str; 36] = [
        "the",
        "and",
        "with",
        "that",
        "this",
        "there",
        "are",
        "has",
        "have",
        "which",
        "also",
        "its",
        "for",
        "from",
        "image",
        "photo",
        "picture",
        "yes",
        "not",
        "was",
        "can",
        "their",
        "into",
        "two",
        "one",
        "other",
        "features",
        "shows",
        "depicts",
        "contains",
        "scene",
        "side",
        "left",
        "right",
        "visible",
        "background",
    ];
    COMMON.contains(&word.to_lowercase().as_str())
}
