//! Opening `tokenizer.json` together with what the files beside it say about special tokens.

use super::bounds::{Bounds, contained};
use super::shape::{Shape, expect_added};
use super::{PromptStyle, TextTokenizer};
use crate::checkpoint::files::{Files, parse_object};
use crate::checkpoint::{CheckpointError, IMAGE_PLACEHOLDER};
use serde_json::{Map, Value};
use std::collections::HashSet;
use tokenizers::{AddedToken, Tokenizer};

const TOKENIZER: &str = "tokenizer.json";
/// Of a GGUF file, whose vocabulary has no template of what stands around a text. In a folder `tokenizer.json` alone
/// says that: transformers 5 passes `add_bos_token` of `tokenizer_config.json` over where there is one.
pub(in crate::checkpoint) const GGUF_ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
/// Tokens that templates may name and that are special whatever tokenizer.json says.
const SPECIAL_KEYS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"];
/// Embeddings are padded to round numbers (64, 128, ...); a larger gap to the tokenizer means that the two do not
/// belong together.
const PADDING_ROWS: usize = 1024;

/// Letters, marks, line ends, letters of several bytes, and a text without any.
const TRIED: [&str; 4] = [
    "",
    "a",
    "USER: <image>\nWhat is this, and \"why\"? (1+23=24) ASSISTANT:",
    " Où est l'été? 你好, мир \u{1f642}  \t\u{fdfa}\u{200d}",
];
/// Shorter files that are no tokenizer are read once more, to say what they are instead.
const LONGEST_TRIED_AGAIN_BYTES: usize = 1 << 20;

/// What the model expects of its tokenizer.
#[derive(Debug, Clone, Copy)]
pub(in crate::checkpoint) struct TokenizerSpec {
    pub(in crate::checkpoint) style: PromptStyle,
    pub(in crate::checkpoint) image_token_id: Option<u32>,
    pub(in crate::checkpoint) bos_token_id: Option<u32>,
    /// Rows of the embedding.
    pub(in crate::checkpoint) num_rows: usize,
}

/// `tokenizer_config.json`, `special_tokens_map.json` and, from old versions, `added_tokens.json`.
#[derive(Debug, Default)]
pub(in crate::checkpoint) struct TokenizerFiles {
    config: Map<String, Value>,
    special: Map<String, Value>,
    added: Map<String, Value>,
}

impl TokenizerFiles {
    /// Reads all three; any of them may be missing.
    pub(in crate::checkpoint) fn read(files: &Files) -> Result<Self, CheckpointError> {
        Ok(Self {
            config: files.object("tokenizer_config.json")?.unwrap_or_default(),
            special: files.object("special_tokens_map.json")?.unwrap_or_default(),
            added: files.object("added_tokens.json")?.unwrap_or_default(),
        })
    }

    /// Content of a special token by its role: a text, or an object with one.
    fn role(&self, key: &str) -> Option<&str> {
        [&self.config, &self.special].into_iter().find_map(|map| content(map.get(key)?))
    }

    /// The special tokens by role, for templates.
    pub(in crate::checkpoint) fn template_tokens(&self) -> Map<String, Value> {
        let role = |key: &str| Some((key.to_owned(), Value::String(self.role(key)?.to_owned())));
        let mut tokens: Map<String, Value> = SPECIAL_KEYS.iter().filter_map(|key| role(key)).collect();
        // Names of a model's own: beside the common ones, and in objects.
        let own = self.config.keys().filter(|key| key.ends_with("_token") && !SPECIAL_KEYS.contains(&key.as_str()));
        tokens.extend(own.filter_map(|key| role(key)));
        for key in ["extra_special_tokens", "model_specific_special_tokens"] {
            let named = self.config.get(key).and_then(Value::as_object).into_iter().flatten();
            tokens.extend(named.filter_map(|(name, value)| Some((name.clone(), Value::from(content(value)?)))));
        }
        tokens
    }

    /// Every token that these files call special.
    fn special_contents(&self) -> Vec<&str> {
        let mut contents: Vec<&str> = SPECIAL_KEYS.iter().filter_map(|key| self.role(key)).collect();
        for map in [&self.config, &self.special] {
            for key in ["additional_special_tokens", "extra_special_tokens", "model_specific_special_tokens"] {
                match map.get(key) {
                    Some(Value::Array(list)) => contents.extend(list.iter().filter_map(content)),
                    Some(Value::Object(named)) => contents.extend(named.values().filter_map(content)),
                    _ => {}
                }
            }
        }
        contents
    }

    /// Tokens by id, in the order of the ids: `added_tokens_decoder`, or what `added_tokens.json` says where there is
    /// none.
    fn added_tokens(&self) -> Vec<(u32, AddedToken)> {
        let Some(Value::Object(map)) = self.config.get("added_tokens_decoder") else {
            let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
            let token = |name: &String| AddedToken::from(name.as_str(), false).normalized(false);
            let mut tokens: Vec<(u32, AddedToken)> =
                self.added.iter().filter_map(|(name, value)| Some((id(value)?, token(name)))).collect();
            tokens.sort_by_key(|(id, _)| *id);
            return tokens;
        };
        let token = |id: &String, value: &Value| {
            let flag = |key: &str, default: bool| value.get(key).and_then(Value::as_bool).unwrap_or(default);
            let special = flag("special", false);
            let token = AddedToken::from(content(value)?, special)
                .lstrip(flag("lstrip", false))
                .rstrip(flag("rstrip", false))
                .single_word(flag("single_word", false))
                .normalized(flag("normalized", !special));
            Some((id.parse().ok()?, token))
        };
        let mut tokens: Vec<(u32, AddedToken)> = map.iter().filter_map(|(id, value)| token(id, value)).collect();
        tokens.sort_by_key(|(id, _)| *id);
        tokens
    }
}

fn content(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str()).filter(|content| !content.is_empty())
}

/// Opens a checkpoint's tokenizer and checks its ids against the embedding.
pub(in crate::checkpoint) fn load(
    files: &Files,
    beside: &TokenizerFiles,
    spec: TokenizerSpec,
    warnings: &mut Vec<String>,
) -> Result<TextTokenizer, CheckpointError> {
    let path = files.path(TOKENIZER);
    let refused = |found: String| CheckpointError::Tokenizer { found, path: path.clone() };
    let Some(bytes) = files.bytes(TOKENIZER)? else {
        let mut expected = "a tokenizer.json".to_owned();
        if files.bytes("tokenizer.model")?.is_some() {
            expected.push_str(" beside tokenizer.model (save the tokenizer with transformers' save_pretrained)");
        }
        return Err(CheckpointError::MissingFile { expected, path });
    };
    let bytes = crate::json::tidy(&bytes);
    // What the file says about itself is looked at before the library does what it says.
    let shape = match Shape::read(&bytes) {
        Ok(shape) => shape,
        Err(found) => {
            if bytes.len() <= LONGEST_TRIED_AGAIN_BYTES {
                parse_object(&bytes, &path)?;
            }
            return Err(refused(found));
        }
    };
    let mut bounds = Bounds::new(shape).map_err(refused)?;
    let mut inner = contained(|| {
        let mut inner = Tokenizer::from_bytes(&bytes).map_err(|error| error.to_string())?;
        // Files are saved with whatever the last training used; a prompt is neither cut nor filled.
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        inner.with_padding(None);
        Ok(inner)
    })
    .map_err(refused)?;
    add_tokens(&mut inner, &bounds, beside, &path)?;
    for token in inner.get_added_tokens_decoder().values() {
        bounds.add_token(&token.content, token.lstrip || token.rstrip || token.single_word);
    }
    let special: HashSet<u32> =
        inner.get_added_tokens_decoder().into_iter().filter(|(_, token)| token.special).map(|(id, _)| id).collect();
    let bos = beside.role("bos_token").map(str::to_owned).or_else(|| inner.id_to_token(spec.bos_token_id?));
    let bos = bos.and_then(|bos| inner.token_to_id(&bos).map(|id| (bos, id)));
    let tokenizer = TextTokenizer {
        add_bos: beside.config.get(GGUF_ADD_BOS).and_then(Value::as_bool),
        bos,
        pad_token_id: beside.role("pad_token").and_then(|pad| inner.token_to_id(pad)),
        inner,
        bounds,
        path,
        style: spec.style,
        special,
        image_token_id: spec.image_token_id,
        num_rows: spec.num_rows,
    };
    tokenizer.expect_ids(warnings)?;
    tokenizer.try_out()?;
    let says = beside.config.get("add_bos_token").and_then(Value::as_bool);
    if let (Some(says), Some((bos, id))) = (says, &tokenizer.bos) {
        let has = tokenizer.encode_text("a").is_ok_and(|ids| ids.first() == Some(id));
        if says != has {
            let does = if has { "puts it there" } else { "does not put it there" };
            let path = files.path("tokenizer_config.json");
            warnings.push(format!(
                "Ignored add_bos_token: {says}, as transformers 5 does: tokenizer.json says what stands in front of a \
                 text, and it {does} ({bos}): {}",
                path.display()
            ));
        }
    }
    Ok(tokenizer)
}

fn add_tokens(
    inner: &mut Tokenizer,
    bounds: &Bounds,
    beside: &TokenizerFiles,
    path: &std::path::Path,
) -> Result<(), CheckpointError> {
    let refused = |found: String| CheckpointError::Tokenizer { found, path: path.to_owned() };
    let known = inner.get_added_tokens_decoder();
    let mut tokens = beside.added_tokens();
    // What `added_tokens_decoder` says of a token counts before what tokenizer.json says of it; `added_tokens.json`
    // says nothing but its id.
    let says_all = beside.config.get("added_tokens_decoder").is_some_and(Value::is_object);
    tokens.retain(|(id, token)| {
        known.get(id).is_none_or(|known| if says_all { known != token } else { known.content != token.content })
    });
    expect_added(tokens.iter().map(|(_, token)| token.content.as_str())).map_err(refused)?;
    for (_, token) in tokens.iter().filter(|(_, token)| token.normalized) {
        bounds.expect_text(&token.content).map_err(refused)?;
    }
    // All at once: the library builds its automaton anew for each call.
    let added: Vec<AddedToken> = tokens.iter().map(|(_, token)| token.clone()).collect();
    contained(|| inner.add_tokens(added).map_err(|error| error.to_string())).map_err(refused)?;
    for (id, token) in tokens {
        let found = inner.token_to_id(&token.content);
        if found != Some(id) {
            let found = found.map_or_else(|| "no such token".to_owned(), |id| id.to_string());
            return Err(CheckpointError::TokenId { token: token.content, expected: id, found, path: path.to_owned() });
        }
    }
    // A token of the vocabulary that only these files call special; one that is not in the vocabulary has no embedding
    // and is left alone.
    let marked: Vec<AddedToken> = beside
        .special_contents()
        .into_iter()
        .filter(|name| inner.token_to_id(name).is_some_and(|id| !known.get(&id).is_some_and(|token| token.special)))
        .map(|name| AddedToken::from(name, true).normalized(false))
        .collect();
    contained(|| inner.add_special_tokens(marked).map_err(|error| error.to_string())).map_err(refused)?;
    Ok(())
}

impl TextTokenizer {
    /// Tokenises some texts and back: a file on which the library panics is refused when it is opened, not when it is
    /// asked.
    fn try_out(&self) -> Result<(), CheckpointError> {
        let refused = |found: String| CheckpointError::Tokenizer { found, path: self.path.clone() };
        for text in TRIED {
            self.bounds.expect_text(text).map_err(refused)?;
            let tried = contained(|| {
                for with_special in [true, false] {
                    // That it cannot tokenise a text is said when somebody asks for one.
                    let Ok(encoding) = self.inner.encode_fast(text, with_special) else { continue };
                    let ids = encoding.get_ids();
                    let _ = self.inner.decode(ids, true);
                    let _ = self.inner.decode(ids.get(..1).unwrap_or_default(), false);
                }
                Ok(())
            });
            tried.map_err(refused)?;
        }
        Ok(())
    }

    /// Every id has a row of the embedding, and `<image>` has the id that the model looks for.
    fn expect_ids(&self, warnings: &mut Vec<String>) -> Result<(), CheckpointError> {
        let added = self.inner.get_added_tokens_decoder();
        let vocabulary = self.inner.get_vocab(true);
        let highest =
            vocabulary.values().copied().filter(|id| self.image_token_id != Some(*id)).max().unwrap_or_default();
        if self.is_beyond_rows(highest) {
            let beyond: Vec<u32> = vocabulary.values().copied().filter(|id| self.is_beyond_rows(*id)).collect();
            // The original layout's tokenizers carry a <pad> that its models never had a row for; it is refused when a
            // prompt has it.
            let harmless = self.style == PromptStyle::Chunks && beyond.iter().all(|id| added.contains_key(id));
            if !harmless {
                return Err(self.vocabulary_error(highest));
            }
        }
        let known = usize::try_from(highest).unwrap_or(usize::MAX).saturating_add(1);
        if self.num_rows.saturating_sub(known) > PADDING_ROWS {
            warnings.push(format!(
                "Expected a tokenizer of about {} tokens, the rows of the embedding, found {known}: {}",
                self.num_rows,
                self.path.display()
            ));
        }
        let (PromptStyle::Expanded, Some(expected)) = (self.style, self.image_token_id) else { return Ok(()) };
        let found = self.inner.token_to_id(IMAGE_PLACEHOLDER);
        if found == Some(expected) {
            return Ok(());
        }
        let found = found.map_or_else(|| "no such token".to_owned(), |id| id.to_string());
        Err(CheckpointError::TokenId { token: IMAGE_PLACEHOLDER.to_owned(), expected, found, path: self.path.clone() })
    }
}
