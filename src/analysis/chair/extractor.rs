//! Object words in a text.

use super::lemma::Lemmatiser;
use super::words::{Word, words};
use crate::data::chair::categories;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// An object word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its bytes in the text: `&text[mention.bytes.clone()]` is what was written.
    pub bytes: Range<usize>,
    /// The word that was recognised, singular and in lower case.
    pub word: String,
    /// The category it means.
    pub category: &'static str,
}

/// What one text says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// Object words in the text's order.
    pub mentions: Vec<Mention>,
    /// Words and marks of punctuation, merged pairs as one: what OPERA's `Len` counts.
    pub num_words: usize,
}

/// Pairs that are one word, as they are published; repetitions and the three words that never match left out.
const PAIRS: [&str; 26] = [
    "motor bike",
    "motor cycle",
    "air plane",
    "traffic light",
    "street light",
    "traffic signal",
    "stop light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "suit case",
    "sports ball",
    "baseball bat",
    "baseball glove",
    "tennis racket",
    "wine glass",
    "hot dog",
    "cell phone",
    "mobile phone",
    "teddy bear",
    "hair drier",
    "potted plant",
    "laptop computer",
    "home plate",
    "train track",
    "bow tie",
];
/// Animals of which there are babies and adults.
const ANIMALS: [&str; 12] =
    ["bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal", "cub"];
/// Vehicles for passengers.
const VEHICLES: [&str; 2] = ["jet", "train"];
/// Pairs that are another word.
const OVERRIDES: [(&str, &str); 3] = [("bow tie", "tie"), ("toilet seat", "toilet"), ("wine glas", "wine glass")];

/// Finds object words. Making one builds its tables: keep it.
#[derive(Debug, Clone)]
pub struct Extractor {
    /// Category of every word.
    categories: HashMap<&'static str, &'static str>,
    /// What a pair becomes.
    pairs: HashMap<String, &'static str>,
    /// Words that may come out of the lemmatiser: those of categories and the parts of pairs.
    known: HashSet<&'static str>,
    lemmatiser: Lemmatiser,
}

impl Default for Extractor {
    fn default() -> Self {
        Self::new(Lemmatiser::default())
    }
}

impl Extractor {
    /// With this way to make words singular.
    pub fn new(lemmatiser: Lemmatiser) -> Self {
        let mut by_word = HashMap::new();
        for category in categories() {
            by_word.extend(category.words.into_iter().map(|word| (word, category.name)));
        }
        let mut pairs: HashMap<String, &'static str> = PAIRS.iter().map(|pair| ((*pair).to_owned(), *pair)).collect();
        for animal in ANIMALS {
            pairs.extend(["baby", "adult"].map(|age| (format!("{age} {animal}"), animal)));
        }
        pairs.extend(VEHICLES.map(|vehicle| (format!("passenger {vehicle}"), vehicle)));
        pairs.extend(OVERRIDES.map(|(pair, word)| (pair.to_owned(), word)));
        let parts = by_word.keys().copied().chain(PAIRS).flat_map(|words| words.split(' '));
        let known = parts.chain(ANIMALS).chain(VEHICLES).chain(["passenger", "baby", "adult"]).collect();
        Self { categories: by_word, pairs, known, lemmatiser }
    }

    /// How words are made singular.
    pub fn lemmatiser(&self) -> Lemmatiser {
        self.lemmatiser
    }

    /// The category that a word, or the name of an annotated category, means.
    pub fn category(&self, word: &str) -> Option<&'static str> {
        self.categories.get(word).copied()
    }

    /// The object words of a text.
    pub fn mentions(&self, text: &str) -> Vec<Mention> {
        self.read(text).mentions
    }

    /// The object words of a text and how many words it has.
    pub fn read(&self, text: &str) -> Reading {
        let merged = self.merged(words(text));
        let has = |wanted: &str| merged.iter().any(|word| word.text == wanted);
        let drops_seats = has("toilet") && has("seat");
        let num_words = merged.len();
        let kept = merged.into_iter().filter(|word| !(drops_seats && word.text == "seat"));
        let mentions = kept.filter_map(|Word { text, bytes }| {
            let category = self.category(&text)?;
            Some(Mention { bytes, word: text, category })
        });
        Reading { mentions: mentions.collect(), num_words }
    }

    /// Singular words with pairs put together, greedily from the left.
    fn merged(&self, words: Vec<Word>) -> Vec<Word> {
        let mut merged: Vec<Word> = Vec::with_capacity(words.len());
        let mut rest = words.into_iter().map(|word| self.singular(word)).peekable();
        while let Some(word) = rest.next() {
            let pair = rest.peek().and_then(|next| self.pairs.get(&format!("{} {}", word.text, next.text)));
            let next = pair.and_then(|whole| Some((*whole, rest.next()?)));
            merged.push(match next {
                Some((whole, next)) => Word { text: whole.to_owned(), bytes: word.bytes.start..next.bytes.end },
                None => word,
            });
        }
        merged
    }

    fn singular(&self, word: Word) -> Word {
        let text = self.lemmatiser.lemma(&word.text, &self.known).into_owned();
        Word { text, ..word }
    }
}
