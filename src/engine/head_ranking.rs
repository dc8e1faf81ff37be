//! Heads ranked by what they do to words: which of them speak for hallucinated ones.

mod silenced;
mod word;

use super::error::EngineError;
use super::messages::Prompt;
use super::open::OpenModel;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use word::Reader;

/// A word of an answer, and whether what it names is in the photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedWord {
    /// The photo.
    pub image: PathBuf,
    /// What was asked about it.
    pub prompt: Prompt,
    /// Where in the answer it stands.
    pub place: WordPlace,
    /// Whether the photo lacks it.
    pub is_hallucinated: bool,
}

/// Where in an answer a word stands: its first token is what is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordPlace {
    /// The answer's ids up to that token, the last of them.
    Tokens(Vec<u32>),
    /// In words.
    Text {
        /// The answer up to the word.
        before: String,
        /// The word, with the space in front of it.
        word: String,
    },
}

/// See [`rank_heads`].
#[derive(Debug, Clone, PartialEq)]
pub struct HeadRanking {
    /// Layers, and heads a layer.
    pub shape: [usize; 2],
    /// What a hallucinated word owes a head more than a grounded one does, layer by layer. **Units**: probability.
    pub scores: Vec<f64>,
    /// Of every score, over photos; `None` with fewer than two of them.
    pub standard_errors: Option<Vec<f64>>,
    /// Hallucinated and grounded words.
    pub num_words: [usize; 2],
    /// Photos they are about.
    pub num_photos: usize,
}

impl HeadRanking {
    /// Layer and head of those whose score is above 0, the largest score first; the earlier head first among equals.
    pub fn order(&self) -> Vec<(usize, usize)> {
        let mut order: Vec<(usize, f64)> =
            self.scores.iter().copied().enumerate().filter(|(_, score)| *score > 0.0).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let num_heads = self.shape[1].max(1);
        order.into_iter().map(|(idx, _)| (idx / num_heads, idx % num_heads)).collect()
    }
}

/// Ranks the heads of a decoder for AD-HH.
///
/// The influence of a head on a word is the probability of the word's first token less that without the head: its
/// output is 0 before the output projection, in the row that predicts the token. A head's score is the mean influence
/// on hallucinated words less that on grounded ones. Standard errors are those of photos drawn anew, each with its
/// words. `progress` gets the words done. A raised `cancel` ends it within one layer.
///
/// Rows before the word are computed once for all heads, and words of one answer that follow each other share them;
/// layers below a head's are not computed again.
/// **Source**: Yang et al., ICLR 2025, section 3; the authors' code with its default `prob_diff`.
/// **Differs** from that code, which takes every place where the token's text occurs for the word, and where a word is
/// an answer's first: there it silences the head in all rows of the prompt (golden
/// `scores_of_heads_are_what_pytorch_computes`).
/// **Errors**: words of one kind alone, a word that adds no token.
pub fn rank_heads(
    model: &OpenModel,
    words: &[JudgedWord],
    progress: &mut dyn FnMut(usize),
    cancel: &AtomicBool,
) -> Result<HeadRanking, EngineError> {
    let model = model.answerer()?;
    let num_hallucinated = words.iter().filter(|word| word.is_hallucinated).count();
    let num_words = [num_hallucinated, words.len() - num_hallucinated];
    if num_words.contains(&0) {
        let [hallucinated, grounded] = num_words;
        return Err(EngineError::OneKindOfWords { hallucinated, grounded });
    }
    let config = model.vlm.decoder().config();
    let shape = [config.num_hidden_layers, config.num_attention_heads];
    let mut reader = Reader::new(model, cancel);
    let mut influences = Vec::with_capacity(words.len());
    for (idx, word) in words.iter().enumerate() {
        influences.push(reader.influences(word)?);
        progress(idx + 1);
    }
    let sizes = num_words.map(|count| count as f64);
    let means = [true, false].map(|is_hallucinated| {
        let own = words.iter().zip(&influences).filter(|(word, _)| word.is_hallucinated == is_hallucinated);
        let mut sums = vec![0.0; shape[0] * shape[1]];
        for (_, influences) in own {
            add(&mut sums, influences, 1.0);
        }
        let size = sizes[usize::from(!is_hallucinated)];
        sums.into_iter().map(|sum| sum / size).collect::<Vec<f64>>()
    });
    // What each photo adds to a score beyond its share.
    let mut photos: BTreeMap<&PathBuf, Vec<f64>> = BTreeMap::new();
    for (word, influences) in words.iter().zip(&influences) {
        let (kind, sign) = if word.is_hallucinated { (0, 1.0) } else { (1, -1.0) };
        let own = photos.entry(&word.image).or_insert_with(|| vec![0.0; shape[0] * shape[1]]);
        add(own, influences, sign / sizes[kind]);
        add(own, &means[kind], -sign / sizes[kind]);
    }
    let (num_photos, many) = (photos.len(), photos.len() as f64);
    let error = |idx: usize| {
        let squares: f64 = photos.values().filter_map(|own| own.get(idx)).map(|own| own * own).sum();
        (squares * many / (many - 1.0)).sqrt()
    };
    let standard_errors = (num_photos > 1).then(|| (0..shape[0] * shape[1]).map(error).collect());
    let [mut scores, grounded] = means;
    add(&mut scores, &grounded, -1.0);
    Ok(HeadRanking { shape, scores, standard_errors, num_words, num_photos })
}

fn add(sums: &mut [f64], values: &[f64], weight: f64) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
}
