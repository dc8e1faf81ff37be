//! Which tokens a recipe means: by place, by word, or by how much they look at the image.

use super::PanelError;
use crate::analysis::chair::Objects;
use crate::analysis::{Selection, TokenRef, TokenSet, image_share_per_token};
use crate::data::dataset::is_same_photo;
use crate::figure::font::settable;
use crate::figure::meaning::{annotated_objects, first_hallucinated, judged_words, object_words, occurrences};
use crate::figure::recipe::{ObjectWords, Show, Tokens, Verdict, selections};
use crate::figure::{FigureError, Inputs};
use crate::trace::Trace;

/// Shorter words are articles, prepositions and the like.
const SHORTEST_WORD: usize = 3;

/// The same tokens by place, and what they are in words where that is a meaning: "“beach” is object word 2".
pub(super) fn by_place(tokens: &Tokens, of: &str, inputs: &Inputs) -> Result<(Tokens, Option<String>), PanelError> {
    if !tokens.by_meaning() {
        let mut placed = tokens.clone();
        placed.output.sort_unstable();
        placed.output.dedup();
        return Ok((placed, None));
    }
    let trace = inputs.trace(of)?;
    let mut output = tokens.output.clone();
    let mut what = Vec::new();
    if let Some(word) = &tokens.word {
        let all = occurrences(trace, word);
        let nr = tokens.occurrence.unwrap_or(1);
        let (found, count) = (all.get(nr.saturating_sub(1)), all.len());
        let word = settable(word.trim());
        let found = found.ok_or_else(|| {
            PanelError::NotInAnswer(match count {
                0 => format!("The answer has no word “{word}”"),
                _ => format!("The answer has the word “{word}” {}, not {nr} times", times(count)),
            })
        })?;
        output.extend(&found.tokens);
        if tokens.occurrence.is_some() {
            what.push(format!("“{}” is occurrence {nr} of {count}", settable(&found.text)));
        }
    }
    if let Some(nr) = tokens.object_word {
        let all = object_words(trace);
        let found = all.get(nr.saturating_sub(1)).ok_or_else(|| {
            PanelError::NotInAnswer(match all.len() {
                0 => "The answer has no object word".to_owned(),
                1 => format!("The answer has 1 object word, so none with number {nr}"),
                count => format!("The answer has {count} object words, so none with number {nr}"),
            })
        })?;
        output.extend(&found.tokens);
        what.push(format!("“{}” is object word {nr} of {}", settable(&found.text), all.len()));
    }
    if let Some(annotations) = &tokens.first_hallucinated {
        let objects = annotated(annotations, of, inputs)?;
        let found = first_hallucinated(trace, &objects).ok_or_else(|| {
            PanelError::NotInAnswer("The answer has no hallucinated object word, by the annotations".to_owned())
        })?;
        output.extend(&found.tokens);
        what.push(format!("“{}” is the first hallucinated word, by the annotations", settable(&found.text)));
    }
    if let Some(ObjectWords { verdict, annotations }) = &tokens.objects {
        let objects = annotations.as_ref().map(|name| annotated(name, of, inputs)).transpose()?;
        let found = judged_words(trace, *verdict, objects.as_ref());
        if found.is_empty() {
            let kind = match verdict {
                Verdict::Any => "",
                Verdict::Grounded => "grounded ",
                Verdict::Hallucinated => "hallucinated ",
            };
            return Err(PanelError::NotInAnswer(format!("The answer has no {kind}object word")));
        }
        output.extend(found.into_iter().flat_map(|word| word.tokens));
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
    let placed = Tokens { output, prompt: tokens.prompt.clone(), together: tokens.together, ..Tokens::default() };
    Ok((placed, (!what.is_empty()).then(|| what.join("; "))))
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// What the annotations say is in the photo of an answer.
fn annotated(annotations: &str, of: &str, inputs: &Inputs) -> Result<Objects, PanelError> {
    let unknown = || {
        let why = "No word can be judged: the annotations do not say what is in this photo";
        PanelError::NotInAnswer(why.to_owned())
    };
    let instances = inputs.annotations.get(annotations);
    let instances =
        instances.ok_or_else(|| FigureError::NoInput { kind: "annotations", name: annotations.to_owned() })?;
    let name = inputs.photo_names.get(of).map_or("", String::as_str);
    let image = instances.images().iter().find(|image| is_same_photo(&image.file_name, name)).ok_or_else(unknown)?;
    annotated_objects(instances, image.id).ok_or_else(unknown)
}

/// A panel with its words by place, and what they are. An error names the word that the answer does not have.
pub(super) fn placed(show: &Show, inputs: &Inputs) -> Result<(Show, Vec<String>), PanelError> {
    let mut show = show.clone();
    let mut meanings: Vec<String> = Vec::new();
    for (of, tokens) in selections(&mut show) {
        let (placed, meaning) = by_place(tokens, of, inputs)?;
        *tokens = placed;
        meanings.extend(meaning.filter(|meaning| !meanings.contains(meaning)));
    }
    Ok((show, meanings))
}

/// What "the whole answer" is, as in the window: the generated tokens that have a row and are words or signs, so not
/// the one that ends it.
pub(in crate::figure) fn whole_answer(trace: &Trace) -> Vec<usize> {
    let words: Vec<usize> = TokenSet::words(trace).collect();
    if words.is_empty() { (0..trace.decoder_attention.len()).collect() } else { words }
}

/// Whether the tokens are [`whole_answer`], named or not.
pub(super) fn is_whole(tokens: &Tokens, trace: &Trace) -> bool {
    tokens.prompt.is_empty() && (tokens.output.is_empty() || tokens.output == whole_answer(trace))
}

/// The set of a trace; [`whole_answer`] where none is named. `tokens` are those of [`placed`].
pub(super) fn token_set(tokens: &Tokens, trace: &Trace) -> TokenSet {
    let reduce = tokens.together;
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
