//! How much longer a step of a tokenizer can make a text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The longest token, **units** bytes; published ones have up to 512.
pub(super) const LONGEST_TOKEN_BYTES: usize = 2_048;
/// What a step may put in place of a character or of a pattern, **units** bytes; published ones put up to 33 (NFKC's
/// longest).
const MOST_REPLACED_BYTES: usize = 64;
/// What decoders may make of a byte, all together; those of published tokenizers make one.
const MOST_DECODER_GROWTH: usize = 64;

/// What a step makes of a text at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Growth {
    /// Bytes for each byte.
    pub(super) per_byte: usize,
    /// Bytes besides.
    pub(super) added: usize,
}

impl Growth {
    fn times(per_byte: usize) -> Self {
        Self { per_byte, added: 0 }
    }

    /// How long a text can become.
    pub(super) fn of(self, bytes: usize) -> usize {
        bytes.saturating_mul(self.per_byte).saturating_add(self.added)
    }
}

/// What a normalizer can add, from its description.
///
/// **Source**: Unicode's own bounds for its normal forms (UAX 15, "Maximum expansion"): 3 for NFC and NFD in UTF-8, 11
/// for NFKC and NFKD.
pub(super) fn normalizer_growth(step: &Value) -> Result<Growth, String> {
    // By its fields, as the library reads old files that do not name the kind.
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    if let Some(prepended) = text("prepend") {
        return expect_short(prepended).map(|added| Growth { per_byte: 1, added });
    }
    if let Some(charsmap) = text("precompiled_charsmap") {
        return longest_replacement(charsmap).map(|bytes| Growth::times(bytes.max(1)));
    }
    if step.get("pattern").is_some() {
        return replacement(step);
    }
    Ok(Growth::times(match text("type").unwrap_or_default() {
        "NFC" | "NFD" => 3,
        "NFKC" | "NFKD" => 11,
        // One of NFD, spaces around ideographs and small letters.
        "Bert" | "BertNormalizer" => 8,
        "Lowercase" | "ByteLevel" => 2,
        _ => 1,
    }))
}

/// A pattern that is replaced by a text.
fn replacement(step: &Value) -> Result<Growth, String> {
    let content = expect_short(step.get("content").and_then(Value::as_str).unwrap_or_default())?;
    Ok(match step["pattern"]["String"].as_str() {
        Some(pattern) if !pattern.is_empty() => Growth::times(content.div_ceil(pattern.len()).max(1)),
        // It may match nothing, between any two characters and at the end.
        _ => Growth { per_byte: content + 1, added: content },
    })
}

fn expect_short(text: &str) -> Result<usize, String> {
    if text.len() > MOST_REPLACED_BYTES {
        return Err(format!("a replacement of {} bytes, more than {MOST_REPLACED_BYTES}", text.len()));
    }
    Ok(text.len())
}

/// The longest text that a compiled character map puts in place of a character.
///
/// The map is base64 of a length, so many bytes of 32-bit units, and the replacements with a NUL behind each.
///
/// **Source**: `spm_precompiled` 0.1.4, `parse`.
fn longest_replacement(charsmap: &str) -> Result<usize, String> {
    let bytes =
        STANDARD.decode(charsmap).map_err(|error| format!("a precompiled_charsmap that is no base64 ({error})"))?;
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(format!("a precompiled_charsmap of {} bytes", bytes.len()));
    };
    let claimed = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some(replacements) = rest.get(claimed / 4 * 4..) else {
        return Err(format!("a precompiled_charsmap that claims {claimed} bytes and has {}", rest.len()));
    };
    let longest = replacements.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or_default();
    if longest > MOST_REPLACED_BYTES {
        return Err(format!("a replacement of {longest} bytes, more than {MOST_REPLACED_BYTES}"));
    }
    Ok(longest)
}

/// Times that a chain of decoders can make the names of tokens longer.
pub(super) fn decoder_growth(steps: &[&Value]) -> Result<usize, String> {
    let mut growth: usize = 1;
    for step in steps {
        let per_byte = if step.get("pattern").is_some() {
            let growth = replacement(step)?;
            growth.per_byte + growth.added
        } else {
            // These put a space where words or marks were, at most between any two characters.
            match step.get("type").and_then(Value::as_str).unwrap_or_default() {
                "WordPiece" | "BPEDecoder" | "CTC" => 2,
                _ => 1,
            }
        };
        growth = growth.saturating_mul(per_byte);
    }
    if growth > MOST_DECODER_GROWTH {
        return Err(format!("decoders that make a text {growth} times as long, more than {MOST_DECODER_GROWTH}"));
    }
    Ok(growth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn growth(step: &Value) -> Result<(usize, usize), String> {
        normalizer_growth(step).map(|growth| (growth.per_byte, growth.added))
    }

    fn replace(pattern: &Value, content: &str) -> Value {
        json!({"type": "Replace", "pattern": pattern, "content": content})
    }

    fn charsmap(claimed: u32, rest: &[u8]) -> Value {
        let bytes = [&claimed.to_le_bytes()[..], rest].concat();
        json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(bytes)})
    }

    #[test]
    fn normalizers_add_at_most_what_is_expected() {
        let string = json!({"String": " "});
        assert_eq!(growth(&replace(&string, "▁")), Ok((3, 0)), "LLaMA's space");
        assert_eq!(growth(&replace(&json!({"String": "``"}), "\"")), Ok((1, 0)), "shorter");
        assert_eq!(growth(&replace(&json!({"String": ""}), "ab")), Ok((3, 2)), "between all characters");
        assert_eq!(growth(&replace(&json!({"Regex": "x*"}), "ab")), Ok((3, 2)), "may match nothing");
        assert_eq!(growth(&json!({"type": "Prepend", "prepend": "▁"})), Ok((1, 3)), "once");
        assert_eq!(growth(&json!({"prepend": "▁"})), Ok((1, 3)), "without its kind");
        assert_eq!(growth(&json!({"type": "NFKC"})), Ok((11, 0)), "by Unicode");
        assert_eq!(growth(&charsmap(8, b"\0\0\0\0\0\0\0\0ab\0abcde\0")), Ok((5, 0)), "the longest replacement");
        assert_eq!(Growth { per_byte: 3, added: 2 }.of(10), 32, "of ten bytes");
    }

    #[test]
    fn steps_that_explode_are_refused() {
        let long = "a".repeat(65);
        assert_eq!(
            growth(&replace(&json!({"String": "a"}), &long)),
            Err("a replacement of 65 bytes, more than 64".to_owned()),
            "at once"
        );
        assert_eq!(
            growth(&charsmap(u32::MAX, b"\0\0")),
            Err("a precompiled_charsmap that claims 4294967295 bytes and has 2".to_owned()),
            "8 GB"
        );
        assert_eq!(
            growth(&charsmap(0, long.as_bytes())),
            Err("a replacement of 65 bytes, more than 64".to_owned()),
            "compiled"
        );
        assert!(
            growth(&json!({"precompiled_charsmap": "?"})).is_err_and(|found| found.contains("is no base64")),
            "no base64"
        );
        let ten = replace(&json!({"String": "a"}), "aaaaaaaaaa");
        assert_eq!(decoder_growth(&[&ten]), Ok(10), "one");
        assert_eq!(
            decoder_growth(&[&ten; 2]),
            Err("decoders that make a text 100 times as long, more than 64".to_owned()),
            "two"
        );
        assert!(decoder_growth(&[&ten; 40]).is_err(), "beyond any number");
    }
}
