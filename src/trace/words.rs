//! Which tokens of an answer make its words.

use super::{OutputToken, Trace};
use std::ops::RangeInclusive;

impl Trace {
    /// The words of the answer in order, each with its first and last generated token. A word begins with a letter or a
    /// digit behind white space, at the answer's beginning or behind a sign; signs and special tokens belong to none.
    /// In scripts that put no space between words, every token is a word.
    pub fn words(&self) -> Vec<RangeInclusive<usize>> {
        words(&self.output)
    }
}

fn words(output: &[OutputToken]) -> Vec<RangeInclusive<usize>> {
    let mut words: Vec<RangeInclusive<usize>> = Vec::new();
    // Whether the next token may go on with the last word.
    let mut is_open = false;
    for (idx, token) in output.iter().enumerate() {
        let text = token.text.as_str();
        let body = text.trim();
        if token.special || !body.chars().any(char::is_alphanumeric) {
            // A token without a text of its own is a part of a character that the next one completes.
            is_open &= text.is_empty() && !token.special;
            continue;
        }
        let begins = text.starts_with(char::is_whitespace) || !is_open || body.starts_with(is_unspaced);
        match words.last_mut().filter(|_| !begins && body.starts_with(char::is_alphanumeric)) {
            Some(word) => *word = *word.start()..=idx,
            None => words.push(idx..=idx),
        }
        is_open = text.ends_with(char::is_alphanumeric) && !text.ends_with(is_unspaced);
    }
    words
}

/// Whether a letter is of a script without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Japanese.
fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str]) -> Vec<RangeInclusive<usize>> {
        let token = |text: &&str| OutputToken {
            id: 0,
            text: (*text).to_owned(),
            special: text.starts_with('<'),
            logprob: 0.0,
            entropy_nats: 0.0,
            candidates: Vec::new(),
            contrast: None,
            actions: Vec::new(),
        };
        words(&texts.iter().map(token).collect::<Vec<_>>())
    }

    #[test]
    fn pieces_make_words_and_signs_make_none() {
        assert_eq!(found(&["A", " dog", ".", "</s>"]), [0..=0, 1..=1], "a sign and the end belong to none");
        assert_eq!(found(&[" b", "ea", "ch", " ", "umb", "rella"]), [0..=2, 4..=5], "pieces without a space go on");
        assert_eq!(found(&["well", "-", "known", "\n", "It"]), [0..=0, 2..=2, 4..=4], "signs and lines part them");
        assert_eq!(found(&[" caf", "", "é", " x"]), [0..=2, 3..=3], "a character of several tokens");
        assert_eq!(found(&["\u{9019}", "\u{96bb}", "\u{72d7}", "dog"]).len(), 4, "no space parts Chinese words");
        assert!(found(&[]).is_empty() && found(&["...", "</s>"]).is_empty(), "none at all");
    }
}
