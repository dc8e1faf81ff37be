//! Words of an answer by what they are: the second object word, the first hallucinated one, this word. Token numbers
//! mean something in one
//! answer only; these mean something in every answer.

use super::recipe::{ObjectWords, Tokens, Verdict};
use crate::analysis::TokenRef;
use crate::analysis::chair::{Extractor, GroundTruth, Mention, Objects, Status, tokens_of};
use crate::data::coco::Instances;
use crate::trace::Trace;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

static EXTRACTOR: LazyLock<Extractor> = LazyLock::new(Extractor::default);

/// A word of an answer with the generated tokens that make it: a run without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerWord {
    /// As the answer has it.
    pub text: String,
    /// From the first to the last.
    pub tokens: Vec<usize>,
    /// CHAIR's category, if it is an object word.
    pub category: Option<&'static str>,
}

/// The tokens of these bytes of the answer, without gaps, as the window takes a word.
fn tokens_at(trace: &Trace, bytes: &Range<usize>) -> Vec<usize> {
    let set = tokens_of(trace, bytes);
    let places = || set.tokens().iter().filter_map(|at| if let TokenRef::Output(at) = at { Some(*at) } else { None });
    match (places().min(), places().max()) {
        (Some(first), Some(last)) => (first..=last).collect(),
        _ => Vec::new(),
    }
}

/// The object words of an answer in its order, every mention: what the window underlines.
///
/// **Source**: CHAIR, see [`crate::analysis::chair`].
pub fn object_words(trace: &Trace) -> Vec<AnswerWord> {
    let text = trace.text();
    let word = |Mention { bytes, category, .. }: Mention| AnswerWord {
        tokens: tokens_at(trace, &bytes),
        text: text.get(bytes).unwrap_or_default().to_owned(),
        category: Some(category),
    };
    let all = EXTRACTOR.mentions(&text).into_iter().map(word);
    all.filter(|word| !word.tokens.is_empty()).collect()
}

/// CHAIR's categories that the annotations say are in an image; `None` where they do not say what is in it.
pub fn annotated_objects(instances: &Instances, image_id: u64) -> Option<Objects> {
    if !instances.says_what_is_in(image_id) {
        return None;
    }
    let row = instances.image_row(image_id)?;
    let categories = instances.categories();
    let name = |id: u32| categories.iter().find(|category| category.id == id).map(|category| category.name.as_str());
    let names = instances.annotations_of(row).iter().filter_map(|one| Some((image_id, name(one.category_id)?)));
    let mut truth = GroundTruth::new();
    truth.add_instances(&EXTRACTOR, [image_id], names);
    truth.objects(image_id).cloned()
}

/// The first object word of an answer that names nothing of the image.
pub fn first_hallucinated(trace: &Trace, objects: &Objects) -> Option<AnswerWord> {
    let is_absent = |word: &AnswerWord| {
        word.category.is_some_and(|category| Status::of(category, Some(objects)) == Status::Hallucinated)
    };
    object_words(trace).into_iter().find(is_absent)
}

/// Every place where an answer has this word, in its order; large and small letters are the same. A word may have
/// spaces in it ("hot dog").
pub fn occurrences(trace: &Trace, word: &str) -> Vec<AnswerWord> {
    let wanted: Vec<char> = word.trim().chars().flat_map(folded).collect();
    let text = trace.text();
    // Letters as they are compared, each with the bytes that it comes from.
    let letters: Vec<(char, Range<usize>)> = text
        .char_indices()
        .flat_map(|(at, letter)| folded(letter).into_iter().map(move |one| (one, at..at + letter.len_utf8())))
        .collect();
    let mut found = Vec::new();
    let mut at = 0;
    while !wanted.is_empty() && at + wanted.len() <= letters.len() {
        let end = at + wanted.len();
        let is_here = letters.get(at..end).is_some_and(|part| part.iter().map(|(one, _)| one).eq(&wanted));
        let edges = [(at.checked_sub(1), at), (Some(end - 1), end)];
        let letter = |at: usize| letters.get(at).map(|(letter, _)| *letter);
        let apart = |(before, after): (Option<usize>, usize)| is_edge(before.and_then(letter), letter(after));
        if !is_here || !edges.into_iter().all(apart) {
            at += 1;
            continue;
        }
        let bytes = letters.get(at).zip(letters.get(end - 1)).map(|((_, first), (_, last))| first.start..last.end);
        let bytes = bytes.unwrap_or_default();
        let tokens = tokens_at(trace, &bytes);
        if !tokens.is_empty() {
            found.push(AnswerWord { text: text.get(bytes).unwrap_or_default().to_owned(), tokens, category: None });
        }
        at = end;
    }
    found
}

/// A letter as it is compared.
fn folded(letter: char) -> Vec<char> {
    if letter.is_whitespace() || letter == '\u{2581}' { vec![' '] } else { letter.to_lowercase().collect() }
}

/// Whether a word may begin or end between two letters.
fn is_edge(before: Option<char>, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return true };
    let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    !(inside(before) && inside(after)) || has_no_spaces(before) || has_no_spaces(after)
}

/// Scripts that write words without spaces between them.
pub(super) fn has_no_spaces(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The word that makes exactly these tokens, and which of its occurrences it is, counted from 1.
pub fn word_at(trace: &Trace, tokens: &[usize]) -> Option<(String, usize)> {
    let is_word = |at: &usize| trace.output.get(*at).is_some_and(|token| !token.special);
    if tokens.is_empty() || !tokens.iter().all(is_word) {
        return None;
    }
    let text: String = tokens.iter().filter_map(|at| trace.output.get(*at)).map(|token| token.text.as_str()).collect();
    let is_space = |letter: char| letter.is_whitespace() || letter == '\u{2581}';
    // A full stop that shares a token with the word is none of it.
    let inner = text.trim_matches(|letter: char| !letter.is_alphanumeric());
    let word = if inner.is_empty() { text.trim_matches(is_space) } else { inner };
    let place = occurrences(trace, word).iter().position(|found| found.tokens == tokens)?;
    Some((word.to_owned(), place + 1))
}

/// What tokens of an answer are, by meaning: a hallucinated word first, then an object word, then the word itself.
/// `None` where they are
/// none of these, as two words are. `judged` is the name of the annotations and what they say is in the photo.
pub fn described(trace: &Trace, tokens: &Tokens, judged: Option<(&str, &Objects)>) -> Option<Tokens> {
    if !tokens.prompt.is_empty() || tokens.output.is_empty() {
        return None;
    }
    let same = Tokens { together: tokens.together, ..Tokens::default() };
    if let Some((annotations, objects)) = judged
        && first_hallucinated(trace, objects).is_some_and(|word| word.tokens == tokens.output)
    {
        return Some(Tokens { first_hallucinated: Some(annotations.to_owned()), ..same });
    }
    if let Some(place) = object_words(trace).iter().position(|word| word.tokens == tokens.output) {
        return Some(Tokens { object_word: Some(place + 1), ..same });
    }
    let (word, nr) = word_at(trace, &tokens.output)?;
    Some(Tokens { word: Some(word), occurrence: (nr > 1).then_some(nr), ..same })
}

/// The object words of a kind. `objects` are those of the photo; without them nothing is grounded or hallucinated.
pub fn judged_words(trace: &Trace, verdict: Verdict, objects: Option<&Objects>) -> Vec<AnswerWord> {
    let wanted = match verdict {
        Verdict::Any => None,
        Verdict::Grounded => Some(Status::Grounded),
        Verdict::Hallucinated => Some(Status::Hallucinated),
    };
    let is_it = |word: &AnswerWord| {
        wanted.is_none_or(|wanted| word.category.is_some_and(|category| Status::of(category, objects) == wanted))
    };
    object_words(trace).into_iter().filter(is_it).collect()
}

/// What marked tokens are: [`described`], or every object word of a kind.
pub fn described_mark(trace: &Trace, tokens: &Tokens, judged: Option<(&str, &Objects)>) -> Option<Tokens> {
    let all = |verdict: Verdict| {
        let words = judged_words(trace, verdict, judged.map(|(_, objects)| objects));
        let places: BTreeSet<usize> = words.into_iter().flat_map(|word| word.tokens).collect();
        let mut wanted = tokens.output.clone();
        wanted.sort_unstable();
        wanted.dedup();
        (!wanted.is_empty() && tokens.prompt.is_empty() && places.into_iter().eq(wanted)).then(|| {
            let annotations = judged.filter(|_| verdict != Verdict::Any).map(|(name, _)| name.to_owned());
            let objects = Some(ObjectWords { verdict, annotations });
            Tokens { objects, together: tokens.together, ..Tokens::default() }
        })
    };
    all(Verdict::Grounded).or_else(|| all(Verdict::Hallucinated)).or_else(|| all(Verdict::Any))
}

/// The generated tokens that a selection means in an answer, those by number and by meaning; `None` where it has no
/// such word or the photo's
/// objects are not known. The whole answer has no token by name.
pub fn places(trace: &Trace, tokens: &Tokens, objects: Option<&Objects>) -> Option<Vec<usize>> {
    let mut all = tokens.output.clone();
    if let Some(word) = &tokens.word {
        all.extend(occurrences(trace, word).get(tokens.occurrence.unwrap_or(1).checked_sub(1)?)?.tokens.iter());
    }
    if let Some(nr) = tokens.object_word {
        all.extend(object_words(trace).get(nr.checked_sub(1)?)?.tokens.iter());
    }
    if tokens.first_hallucinated.is_some() {
        all.extend(first_hallucinated(trace, objects?)?.tokens);
    }
    all.sort_unstable();
    all.dedup();
    Some(all)
}
