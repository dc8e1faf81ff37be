//! Words as `nltk.word_tokenize` makes them from lower-case text, with their places in the original.

use std::ops::Range;

/// A word or a mark of punctuation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// In lower case.
    pub text: String,
    /// Its bytes in the original text.
    pub bytes: Range<usize>,
}

/// A lower-case character with the bytes of the original one.
#[derive(Debug, Clone, Copy)]
struct Letter {
    c: char,
    start: usize,
    end: usize,
}

/// Marks that are words of their own wherever they stand.
const ALONE: &str = "«»“”‘’„\"`;@#$%&?!*[](){}<>‒–—―";
/// What may follow the end of a sentence without a space.
const AFTER_SENTENCE: &str = ")\";}]*:@'({[!?»”’>";
/// Words whose full stop belongs to them, of those that descriptions use.
const ABBREVIATIONS: [&str; 20] = [
    "a.m", "ave", "bros", "co", "corp", "dr", "ft", "inc", "jr", "ltd", "mr", "mrs", "ms", "p.m", "prof", "sr", "st",
    "u.k", "u.s", "vs",
];
/// Words that are two, split behind the first part.
const CONTRACTIONS: [(&str, &str); 10] = [
    ("can", "not"),
    ("d", "'ye"),
    ("gim", "me"),
    ("gon", "na"),
    ("got", "ta"),
    ("lem", "me"),
    ("more", "'n"),
    ("wan", "na"),
    ("'t", "is"),
    ("'t", "was"),
];

/// Splits a text.
///
/// **Source**: `NLTKWordTokenizer` with the sentences of Punkt. A full stop is a word of its own at the end of a
/// sentence, which in lower-case text is one before white space, a bracket or a quotation mark, unless it ends a
/// number, a single letter or an abbreviation. **Differs**: of Punkt's 156 abbreviations only those of plain English
/// are known. It makes no difference to mentions: none is an object.
pub fn words(text: &str) -> Vec<Word> {
    let letters: Vec<Letter> = text
        .char_indices()
        .flat_map(|(start, c)| c.to_lowercase().map(move |lower| Letter { c: lower, start, end: start + c.len_utf8() }))
        .collect();
    let breaks = Breaks::of(&letters);
    let mut found: Vec<Word> = Vec::new();
    let mut inside = false;
    for (at, letter) in letters.iter().enumerate() {
        if letter.c.is_whitespace() {
            inside = false;
            continue;
        }
        match found.last_mut() {
            Some(word) if inside && !breaks.before(at) => {
                word.text.push(letter.c);
                word.bytes.end = letter.end;
            }
            _ => found.push(Word { text: letter.c.to_string(), bytes: letter.start..letter.end }),
        }
        inside = true;
    }
    found
}

/// Where words end besides at white space.
struct Breaks<'a> {
    letters: &'a [Letter],
    /// Whether a word starts at this letter, one more than there are letters.
    starts: Vec<bool>,
}

impl<'a> Breaks<'a> {
    fn of(letters: &'a [Letter]) -> Self {
        let mut breaks = Self { letters, starts: vec![false; letters.len() + 1] };
        breaks.punctuation();
        breaks.full_stops();
        breaks.opening_apostrophes();
        // These look at where words end by now.
        for endings in [&["'s", "'m", "'d", "'"][..], &["'ll", "'re", "'ve", "n't"]] {
            breaks.endings(endings);
        }
        breaks.contractions();
        breaks
    }

    fn before(&self, at: usize) -> bool {
        self.starts.get(at).copied().unwrap_or(true)
    }

    fn get(&self, at: usize) -> Option<char> {
        self.letters.get(at).map(|letter| letter.c)
    }

    fn previous(&self, at: usize) -> Option<char> {
        at.checked_sub(1).and_then(|at| self.get(at))
    }

    /// Whether nothing, a space or another word follows: where the expressions of NLTK see a space.
    fn ends_at(&self, at: usize) -> bool {
        self.before(at) || self.get(at).is_none_or(char::is_whitespace)
    }

    fn cut(&mut self, at: usize) {
        if let Some(start) = self.starts.get_mut(at) {
            *start = true;
        }
    }

    fn isolate(&mut self, from: usize, to: usize) {
        self.cut(from);
        self.cut(to);
    }

    fn matches(&self, at: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, c)| self.get(at + offset) == Some(c))
    }

    fn punctuation(&mut self) {
        let mut at = 0;
        while let Some(c) = self.get(at) {
            let mut len = 1;
            if c == '`' || c == '.' {
                len = self.letters.iter().skip(at).take_while(|letter| letter.c == c).count();
                if c == '`' || len > 1 {
                    self.isolate(at, at + len);
                }
            } else if ALONE.contains(c) {
                self.isolate(at, at + 1);
            } else if self.matches(at, "--") || self.matches(at, "''") {
                len = 2;
                self.isolate(at, at + 2);
            } else if matches!(c, ',' | ':') && !self.get(at + 1).is_some_and(char::is_numeric) {
                // The letter behind is taken with it, so that of ",," only the first stands alone.
                self.isolate(at, at + 1);
                len = if matches!(self.get(at + 1), Some(',' | ':')) { 2 } else { 1 };
            }
            at += len;
        }
    }

    fn full_stops(&mut self) {
        for at in 0..self.letters.len() {
            let alone = self.get(at) == Some('.') && self.previous(at) != Some('.') && self.get(at + 1) != Some('.');
            if alone && at > 0 && self.ends_sentence(at) {
                self.isolate(at, at + 1);
            }
        }
    }

    fn ends_sentence(&self, at: usize) -> bool {
        let rest = self.letters.get(at + 1..).unwrap_or_default();
        let Some(next) = rest.first() else { return true };
        if rest.iter().all(|letter| letter.c.is_whitespace() || "])}>\"'»”’".contains(letter.c)) {
            return true;
        }
        if !next.c.is_whitespace() && !AFTER_SENTENCE.contains(next.c) {
            return false;
        }
        let before = self.letters.get(..at).unwrap_or_default().iter().rev();
        let word: Vec<char> =
            before.map(|letter| letter.c).take_while(|c| c.is_alphanumeric() || *c == '.' || *c == ',').collect();
        let word: String = word.into_iter().rev().collect();
        let single = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
        let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
        !(single || number || ABBREVIATIONS.contains(&word.as_str()))
    }

    /// 'tis and 'quoted', but not the 's of a genitive.
    fn opening_apostrophes(&mut self) {
        for at in 0..self.letters.len() {
            if self.get(at) != Some('\'')
                || self.previous(at).is_some_and(is_word)
                || !self.get(at + 1).is_some_and(is_word)
            {
                continue;
            }
            let clitic = ["re", "ve", "ll", "m", "t", "s", "d", "n"]
                .iter()
                .any(|clitic| self.matches(at + 1, clitic) && !self.get(at + 1 + clitic.len()).is_some_and(is_word));
            if !clitic {
                self.cut(at + 1);
            }
        }
    }

    fn endings(&mut self, endings: &[&str]) {
        for at in 1..self.letters.len() {
            let attached = !self.before(at) && self.previous(at).is_some_and(|c| c != '\'' && !c.is_whitespace());
            if attached && endings.iter().any(|ending| self.matches(at, ending) && self.ends_at(at + ending.len())) {
                self.cut(at);
            }
        }
    }

    fn contractions(&mut self) {
        for (first, second) in CONTRACTIONS {
            let (len, whole) = (first.len(), first.len() + second.len());
            for at in 0..self.letters.len() {
                let starts = if first.starts_with('\'') {
                    self.previous(at).is_none_or(char::is_whitespace)
                } else {
                    !self.previous(at).is_some_and(is_word)
                };
                let is_it = starts && self.matches(at, first) && self.matches(at + len, second);
                if is_it && !self.get(at + whole).is_some_and(is_word) {
                    self.isolate(at, at + len);
                    self.cut(at + whole);
                }
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
