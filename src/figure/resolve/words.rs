//! What is shown, in words, and the answer itself.

use super::tokens::{by_place, is_whole, whole_answer};
use super::{Content, Made, PanelData, PanelError};
use crate::analysis::{Pick, Reduce, Selection, base_rank, elbow_k, image_share_per_token};
use crate::figure::Inputs;
use crate::figure::font::settable;
use crate::figure::recipe::{Mark, Shade, Tokens};
use crate::trace::{OutputToken, RunInfo, Trace};
use std::sync::Arc;

/// An answer, set as text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Words {
    /// Set above it.
    pub question: Option<String>,
    /// In reading order.
    pub spans: Vec<Span>,
    /// What marks say, in the order of their colours.
    pub labels: Vec<String>,
    /// What colours the words, and their values.
    pub shade: Option<(String, Arc<[f32]>)>,
}

/// A run of letters with one mark or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// As it is set.
    pub text: String,
    /// Place in the labels.
    pub mark: Option<usize>,
    /// What colours it.
    pub value: Option<f32>,
}

fn together_words(together: Reduce) -> &'static str {
    match together {
        Reduce::Mean => "mean",
        Reduce::Max => "max",
    }
}

/// "layer 3", "mean over layers 2 to 5", "max over heads".
pub(super) fn choice_words(noun: &str, choice: Pick) -> String {
    match choice {
        Pick::One(idx) => format!("{noun} {idx}"),
        Pick::Span { first, last, .. } if first == last => format!("{noun} {first}"),
        Pick::Span { first, last, reduce } => {
            format!("{} over {noun}s {first} to {last}", together_words(reduce))
        }
        Pick::All(together) => format!("{} over {noun}s", together_words(together)),
    }
}

/// "1 token", "3 tokens".
pub(in crate::figure) fn number_of(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Names of as many tokens as a caption has room for.
const MOST_NAMED: usize = 4;

/// Letters of each end of a text that is shortened.
const LONGEST_END: usize = 24;

/// "token 3 “dog”", "mean over tokens 7 to 9 “black”", "mean over all 12 answer tokens".
pub(super) fn token_words(tokens: &Tokens, trace: &Trace) -> String {
    let how = together_words(tokens.together);
    if is_whole(tokens, trace) {
        return match whole_answer(trace).as_slice() {
            [one] => format!("token {one} “{}”", run_text(trace, &[*one])),
            all => format!("{how} over all {} answer tokens", all.len()),
        };
    }
    let mut names: Vec<String> =
        tokens.prompt.iter().map(|at| format!("prompt token {at} “{}”", prompt_text(trace, *at))).collect();
    let single = names.len() + tokens.output.len() == 1;
    names.extend(runs(&tokens.output).iter().map(|run| match run.as_slice() {
        [first, .., last] => format!("tokens {first} to {last} “{}”", shortened(&run_text(trace, run))),
        _ => format!("token {} “{}”", run.first().copied().unwrap_or(0), run_text(trace, run)),
    }));
    match names.as_slice() {
        [one] if single => one.clone(),
        several if several.len() <= MOST_NAMED => format!("{how} over {}", several.join(", ")),
        _ => format!("{how} over {} tokens", tokens.output.len() + tokens.prompt.len()),
    }
}

/// "“dog”", "whole answer".
pub(super) fn token_title(tokens: &Tokens, trace: &Trace) -> String {
    if is_whole(tokens, trace) {
        return "whole answer".to_owned();
    }
    let prompt = tokens.prompt.iter().map(|at| prompt_text(trace, *at));
    let all: Vec<String> = prompt.chain(runs(&tokens.output).iter().map(|run| run_text(trace, run))).collect();
    if all.len() > MOST_NAMED {
        format!("{} tokens", tokens.output.len() + tokens.prompt.len())
    } else {
        format!("“{}”", all.join("”, “"))
    }
}

/// Neighbours together: the tokens of a word, as a rule.
fn runs(tokens: &[usize]) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for &at in tokens {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last + 1 == at) => run.push(at),
            _ => runs.push(vec![at]),
        }
    }
    runs
}

fn run_text(trace: &Trace, run: &[usize]) -> String {
    let text: String = run.iter().filter_map(|at| trace.output.get(*at)).map(|token| token.text.as_str()).collect();
    settable(&text).trim().to_owned()
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 2 * LONGEST_END + 3 {
        return text.to_owned();
    }
    // Whole words only; what stands for those in between is a word too.
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let first = some_words(words.iter().copied());
    let mut last = some_words(words.iter().rev().copied());
    last.reverse();
    format!("{}” to “{}", first.join(" "), last.join(" "))
}

/// As many words as an end of a long text has room for, one at least.
fn some_words<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut taken = Vec::new();
    let mut length = 0;
    for word in words {
        length += word.chars().count() + 1;
        if length > LONGEST_END && !taken.is_empty() {
            break;
        }
        taken.push(word);
    }
    taken
}

pub(super) fn output_text(trace: &Trace, at: usize) -> String {
    trace.output.get(at).map_or(String::new(), |token| settable(&token.text).trim().to_owned())
}

fn prompt_text(trace: &Trace, at: usize) -> String {
    trace.prompt.get(at).map_or(String::new(), |token| settable(&token.text).trim().to_owned())
}

/// Which of several answers it is, by what tells them apart: model, photo, question, strategy; `None` where there is
/// one.
pub(super) fn answer_words(of: &str, inputs: &Inputs) -> Option<String> {
    let this = inputs.traces.get(of)?;
    let others = || inputs.traces.values().filter(|other| !Arc::ptr_eq(other, this));
    others().next()?;
    let strategy = |trace: &Trace| format!("{} decoding", trace.run.decoding());
    let question = |trace: &Trace| format!("“{}”", trace.run.prompt.trim());
    let photo = |trace: &Trace| trace.run.image_path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let parts: [&dyn Fn(&Trace) -> String; 4] = [&|trace| trace.run.model_id.clone(), &photo, &question, &strategy];
    let telling = parts.into_iter().filter(|part| others().any(|other| part(other) != part(this)));
    let words: Vec<String> = telling.map(|part| settable(&part(this))).collect();
    Some(if words.is_empty() { format!("answer {of}") } else { words.join(", ") })
}

/// How an answer came about where that is not the model's own greedy or drawn one: methods, and a beginning that was
/// given. No reader takes a map of it for one of the plain answer.
pub(super) fn mitigated_words(run: &RunInfo) -> Option<String> {
    let interventions = run.interventions.iter().map(|spec| spec.name.clone());
    // An encoder decodes nothing.
    let decoding = Some(run.decoding()).filter(|decoding| !["plain", "none"].contains(&decoding.as_str()));
    let methods: Vec<String> = interventions.chain(decoding).collect();
    let methods = (!methods.is_empty()).then(|| format!("{} decoding", methods.join(" + ")));
    let given = match run.forced_ids.len() {
        0 => None,
        count => Some(format!("its first {} given", number_of(count, "token"))),
    };
    let words: Vec<String> = methods.into_iter().chain(given).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// A number a token, and what it is.
fn shaded(shade: Shade, trace: &Trace) -> Result<(String, Vec<Option<f32>>), PanelError> {
    let of_choice = |value: fn(&OutputToken) -> f32| trace.output.iter().map(|token| Some(value(token))).collect();
    Ok(match shade {
        Shade::ImageShare { layers, heads } => {
            let choice = selection(layers, heads, [trace.num_hidden_layers, trace.num_attention_heads])?;
            let unit = format!("attention on the image, {}", place_words(layers, heads));
            (unit, image_share_per_token(trace, choice)?)
        }
        Shade::Probability => ("probability".to_owned(), of_choice(|token| token.logprob.exp())),
        Shade::Entropy => ("entropy (nats)".to_owned(), of_choice(|token| token.entropy_nats)),
        Shade::ElbowK => {
            let values = trace.output.iter().map(|token| elbow_k(token).map(|k| k as f32)).collect();
            ("elbow k (candidates that stand out)".to_owned(), values)
        }
        Shade::BaseRank => {
            let values: Vec<_> = trace.output.iter().map(|token| base_rank(token).map(|rank| rank as f32)).collect();
            if values.iter().all(Option::is_none) {
                let why = "expected base ranks, found none: ask with the method base-rank".to_owned();
                return Err(PanelError::NotInAnswer(why));
            }
            ("base rank (0: as the words alone)".to_owned(), values)
        }
    })
}

pub(super) fn answer(
    of: &str,
    question: bool,
    (marks, shade): (&[Mark], Option<Shade>),
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let trace = inputs.trace(of)?;
    let count = trace.output.len();
    let (mut marked, mut unmarked): (Vec<(Tokens, &str)>, Vec<String>) = (Vec::new(), Vec::new());
    for mark in marks {
        let tokens = match by_place(&mark.tokens, of, inputs) {
            Err(PanelError::NotInAnswer(why)) => {
                unmarked.push(why);
                continue;
            }
            tokens => tokens?.0,
        };
        if let Some(bad) = tokens.output.iter().find(|at| **at >= count) {
            return Err(PanelError::Other(format!(
                "expected marks on the {} of the answer, found token {bad}",
                number_of(count, "token")
            )));
        }
        marked.push((tokens, mark.label.as_str()));
    }
    let mut words = Words { question: question.then(|| settable(trace.run.prompt.trim())), ..Words::default() };
    for (_, label) in &marked {
        if !words.labels.iter().any(|known| known == label) {
            words.labels.push((*label).to_owned());
        }
    }
    let shade = shade.map(|shade| shaded(shade, trace)).transpose()?;
    if let Some((unit, values)) = &shade {
        words.shade = Some((unit.clone(), values.iter().flatten().copied().collect()));
    }
    let mut table = vec![["token", "text", "log-probability", "entropy (nats)", "mark"].map(str::to_owned).to_vec()];
    if let Some(header) = table.first_mut() {
        header.extend(shade.iter().map(|(unit, _)| unit.clone()));
    }
    for (at, token) in trace.output.iter().enumerate() {
        let mark = marked.iter().find(|(tokens, _)| tokens.output.contains(&at)).map(|(_, label)| *label);
        let label = mark.unwrap_or_default().to_owned();
        let numbers = [token.logprob.to_string(), token.entropy_nats.to_string()];
        let [logprob, entropy] = numbers;
        let value = shade.as_ref().and_then(|(_, values)| values.get(at).copied().flatten());
        let mut row = vec![at.to_string(), token.text.clone(), logprob, entropy, label];
        row.extend(shade.iter().map(|_| value.map_or_else(String::new, |value| value.to_string())));
        table.push(row);
        if token.special {
            continue;
        }
        let mark = mark.and_then(|mark| words.labels.iter().position(|label| label == mark));
        let text = settable(&token.text);
        match words.spans.last_mut() {
            // Coloured, every token is a word of its own.
            Some(last) if last.mark == mark && shade.is_none() => last.text.push_str(&text),
            _ => words.spans.push(Span { text, mark, value }),
        }
    }
    let run = &trace.run;
    let strategy = settable(&run.decoding());
    let how = if run.beams > 1 {
        format!("{} beams, length penalty {}", run.beams, run.length_penalty)
    } else if run.temperature > 0.0 {
        format!("temperature {}, seed {}", run.temperature, run.seed)
    } else {
        "greedy".to_owned()
    };
    let caption = format!("{}, {strategy} decoding, {how}, {}", settable(&run.model_id), number_of(count, "token"));
    let caption = std::iter::once(caption).chain(unmarked).collect::<Vec<_>>().join("; ");
    let data = PanelData { table, ..PanelData::default() };
    Ok(Made { title: "Answer".to_owned(), caption, content: Content::Words(words), data })
}

/// In the place of a panel that is about something the answer does not have.
pub(super) fn absent(why: &str) -> Made {
    let spans = vec![Span { text: why.to_owned(), mark: None, value: None }];
    let content = Content::Words(Words { spans, ..Words::default() });
    Made { title: "Not in this answer".to_owned(), caption: String::new(), content, data: PanelData::default() }
}

pub(super) fn selection(
    layers: Pick,
    heads: Pick,
    [num_layers, num_heads]: [usize; 2],
) -> Result<Selection, PanelError> {
    let beyond = |what: &str, count: usize, choice: Pick| {
        PanelError::Other(format!("expected {what}s below {count}, found {}", choice_words(what, choice)))
    };
    let layers = layers.layers(num_layers).ok_or_else(|| beyond("layer", num_layers, layers))?;
    let heads = heads.heads(num_heads).ok_or_else(|| beyond("head", num_heads, heads))?;
    Ok(Selection { layers, heads })
}

/// "layer 3, head 1", "mean over layers and heads".
pub(super) fn place_words(layers: Pick, heads: Pick) -> String {
    let (layers, heads) = (choice_words("layer", layers), choice_words("head", heads));
    match (layers.strip_suffix(" over layers"), heads.strip_suffix(" over heads")) {
        (Some(a), Some(b)) if a == b => format!("{a} over layers and heads"),
        _ => format!("{layers}, {heads}"),
    }
}
