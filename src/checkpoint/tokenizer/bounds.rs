//! The library's work on a text, within bounds and without its panics.

use super::growth::Growth;
use super::shape::Shape;
use crate::panics;
use serde_json::Value;
use tokenizers::{NormalizedString, Normalizer as _, NormalizerWrapper};

/// A text that is tokenised: half a million characters are more than any decoder's positions.
pub(super) const MOST_TEXT_BYTES: usize = 512 << 10;
/// The same behind each normalizer. The library holds some 150 bytes for each of these.
const MOST_NORMALIZED_BYTES: usize = 1 << 20;
/// What one normalizer may make of it before it is measured.
const MOST_STEP_BYTES: usize = 8 << 20;
/// A text that ids become.
const MOST_DECODED_BYTES: usize = 16 << 20;
/// What models and added tokens may take, **units** comparisons: about a second.
const MOST_STEPS: usize = 1 << 31;

/// What a tokenizer may do; see [`Shape`].
#[derive(Debug)]
pub(super) struct Bounds {
    normalizers: Vec<(NormalizerWrapper, Growth)>,
    decoder_growth: usize,
    longest_token: usize,
    steps_per_byte: usize,
    /// Added tokens around which the library looks for spaces or letters, from the text's beginning each time.
    looked_around: Vec<String>,
}

impl Bounds {
    /// The bounds of a file that was read. An error is what was found.
    pub(super) fn new(shape: Shape) -> Result<Self, String> {
        let read = |step: Value| serde_json::from_value::<NormalizerWrapper>(step).map_err(|error| error.to_string());
        let steps = shape.normalizers.into_iter();
        let normalizers =
            contained(|| steps.map(|(step, growth)| Ok((read(step)?, growth))).collect::<Result<_, String>>())?;
        let bounds = Self {
            normalizers,
            decoder_growth: shape.decoder_growth,
            longest_token: shape.longest_token.max(1),
            steps_per_byte: shape.steps_per_byte,
            looked_around: Vec::new(),
        };
        for token in &shape.normalized_tokens {
            bounds.expect_text(token)?;
        }
        Ok(bounds)
    }

    /// Remembers an added token: `is_looked_around` where what stands beside it matters.
    pub(super) fn add_token(&mut self, content: &str, is_looked_around: bool) {
        self.longest_token = self.longest_token.max(content.len());
        if is_looked_around && !content.is_empty() {
            self.looked_around.push(content.to_owned());
        }
    }

    /// Whether a text of at most [`MOST_TEXT_BYTES`] can be tokenised in bounds; otherwise what was found.
    pub(super) fn expect_text(&self, text: &str) -> Result<(), String> {
        let at_most = self.normalizers.iter().fold(text.len(), |bytes, (_, growth)| growth.of(bytes));
        let normalized = if at_most <= MOST_NORMALIZED_BYTES { at_most } else { self.normalized_len(text)? };
        let around = self.looked_around.iter().map(|token| text.matches(token.as_str()).count() + 1).sum::<usize>();
        let steps = normalized.saturating_mul(self.steps_per_byte).saturating_add(around.saturating_mul(text.len()));
        if steps > MOST_STEPS {
            return Err(format!(
                "one that takes some {steps} steps for a text of {} bytes, more than {MOST_STEPS}",
                text.len()
            ));
        }
        Ok(())
    }

    /// The length of a normalized text, found step by step: the bounds of a whole chain are far above what it makes of
    /// real texts.
    fn normalized_len(&self, text: &str) -> Result<usize, String> {
        contained(|| {
            let mut normalized = NormalizedString::from(text);
            for (step, growth) in &self.normalizers {
                let before = normalized.len();
                if growth.of(before) <= MOST_STEP_BYTES {
                    step.normalize(&mut normalized).map_err(|error| error.to_string())?;
                }
                if growth.of(before) > MOST_STEP_BYTES || normalized.len() > MOST_NORMALIZED_BYTES {
                    return Err(format!(
                        "one whose normalizers can make more than {MOST_NORMALIZED_BYTES} bytes of a text of {}",
                        text.len()
                    ));
                }
            }
            Ok(normalized.len())
        })
    }

    /// Whether ids become a text in bounds; `name_bytes` counts the letters of their names where that matters.
    pub(super) fn expect_ids(&self, num_ids: usize, name_bytes: impl FnOnce() -> usize) -> Result<(), String> {
        let decoded = |names: usize| names.saturating_add(num_ids).saturating_mul(self.decoder_growth);
        let at_most = decoded(num_ids.saturating_mul(self.longest_token));
        if at_most > MOST_DECODED_BYTES && decoded(name_bytes()) > MOST_DECODED_BYTES {
            return Err(format!("one that makes more than {MOST_DECODED_BYTES} bytes of {num_ids} ids"));
        }
        Ok(())
    }
}

/// What the library does with a value, or the words of its panic.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    panics::contain(work).unwrap_or_else(|words| Err(format!("one that the tokenizers library fails on ({words})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bounds(change: impl FnOnce(&mut Value)) -> Result<Bounds, String> {
        let mut file = json!({"normalizer": null, "added_tokens": [], "decoder": null,
            "model": {"type": "BPE", "vocab": {}, "merges": []}});
        change(&mut file);
        Bounds::new(Shape::read(file.to_string().as_bytes())?)
    }

    fn replace(from: &str, to: &str) -> Value {
        json!({"type": "Replace", "pattern": {"String": from}, "content": to})
    }

    #[test]
    fn a_chain_that_explodes_is_refused_for_the_texts_on_which_it_does() {
        let chain = vec![replace("a", "aaaaaaaaaa"); 12];
        let bomb = bounds(|file| file["normalizer"] = json!({"type": "Sequence", "normalizers": chain})).unwrap();
        assert_eq!(bomb.expect_text("Why?"), Ok(()), "nothing to replace");
        let found = bomb.expect_text("a").unwrap_err();
        assert_eq!(found, "one whose normalizers can make more than 1048576 bytes of a text of 1", "a terabyte");
        let chain = vec![replace("a", "aaaaaaaaaa"); 12];
        let opened = bounds(|file| {
            file["normalizer"] = json!({"type": "Sequence", "normalizers": chain});
            file["added_tokens"] = json!([{"content": "a", "normalized": true}]);
        });
        assert_eq!(opened.unwrap_err(), found, "when it is opened");
    }

    #[test]
    fn long_texts_of_real_chains_are_in_bounds() {
        let quotes = [replace("``", "\""), replace("''", "\"")];
        let chain = json!([quotes[0], quotes[1], {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}]);
        let albert = bounds(|file| file["normalizer"] = json!({"type": "Sequence", "normalizers": chain})).unwrap();
        assert_eq!(albert.expect_text(&"Wäs ﬁ? ".repeat(20_000)), Ok(()), "far below what it could grow to");
        let llama = json!([{"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")]);
        let llama = bounds(|file| file["normalizer"] = json!({"type": "Sequence", "normalizers": llama})).unwrap();
        assert_eq!(llama.expect_text(&"a b".repeat(100_000)), Ok(()), "300,000 letters");
    }

    #[test]
    fn models_that_try_everything_get_short_texts() {
        let model = |kind: &str, vocab: Value| json!({"type": kind, "vocab": vocab, "max_input_chars_per_word": 200});
        let unigram = bounds(|file| file["model"] = model("Unigram", json!([["a".repeat(2_000), 0.0]]))).unwrap();
        assert_eq!(unigram.expect_text(&"a".repeat(30_000)), Ok(()), "a long prompt");
        assert!(unigram.expect_text(&"a".repeat(40_000)).is_err(), "2,000 beginnings for each letter");
        let pieces = bounds(|file| file["model"] = model("WordPiece", json!({}))).unwrap();
        assert!(
            pieces.expect_text(&"a".repeat(100_000)).is_ok() && pieces.expect_text(&"a".repeat(120_000)).is_err(),
            "all parts"
        );
        let mut around = bounds(|_| ()).unwrap();
        around.add_token("a", true);
        assert!(
            around.expect_text(&"a".repeat(30_000)).is_ok() && around.expect_text(&"a".repeat(60_000)).is_err(),
            "from the start"
        );
    }

    #[test]
    fn ids_become_texts_in_bounds() {
        let decoder = |file: &mut Value| {
            file["decoder"] = replace("a", "aaaaaaaaaa");
            file["model"]["vocab"] = json!({"a".repeat(2_000): 0});
        };
        let bounds = bounds(decoder).unwrap();
        assert_eq!(bounds.expect_ids(100, || 200_000), Ok(()), "an answer");
        assert_eq!(bounds.expect_ids(1_000, || 3_000), Ok(()), "of short tokens");
        let found = bounds.expect_ids(1_000, || 2_000_000).unwrap_err();
        assert_eq!(found, "one that makes more than 16777216 bytes of 1000 ids", "of long ones");
    }
}
