//! Everything that can be wrong with a checkpoint, one sentence each.

use std::path::PathBuf;

/// Why a checkpoint, or a prompt for it, was refused.
///
/// Every message says what was expected and what was found, and names the file last.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Nothing has that name.
    #[error("Cannot open {}: no such file or folder", path.display())]
    NoSuchFolder {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The path is not a folder.
    #[error("Expected a checkpoint folder, found {found}: {}", path.display())]
    NotAFolder {
        /// What is there instead.
        found: String,
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refused to read a file.
    #[error("Expected a readable file, found {found}: {}", path.display())]
    Read {
        /// The system's answer. Not a `source`: the sentence has it already.
        found: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A file that every checkpoint of this kind has is not there.
    #[error("Expected {expected}, found no such file: {}", path.display())]
    MissingFile {
        /// What the file is for.
        expected: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file is not JSON, or not the JSON object it should be.
    #[error("Expected a JSON object, found {found}: {}", path.display())]
    Json {
        /// The parser's answer.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// An adapter, which is nothing without the model that it was trained for.
    #[error(
        "Expected a whole checkpoint, found a {kind} adapter of {base}: merge it into that model first \
         (peft's merge_and_unload, then save_pretrained): {}",
        path.display()
    )]
    Adapter {
        /// `LoRA`, or what else peft calls it.
        kind: String,
        /// The model it belongs to.
        base: String,
        /// The adapter's configuration.
        path: PathBuf,
    },
    /// Weights in fewer bits than any type that is read.
    #[error(
        "Expected f16, bf16 or f32 weights as safetensors, or quantised ones as GGUF, \
         found weights quantised with {method}: {}",
        path.display()
    )]
    Quantised {
        /// Who quantised them, and to how many bits where the file says so.
        method: String,
        /// Where that is said.
        path: PathBuf,
    },
    /// Weights in a format that is not safetensors.
    #[error("Expected safetensors weights, found {found}: {}", path.display())]
    ForeignWeights {
        /// The format, and what to do about it.
        found: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A safetensors file that does not begin as one.
    #[error("Expected a safetensors header, found {found}: {}", path.display())]
    Header {
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A GGUF file that does not begin as one, or whose header cannot be.
    #[error("Expected a GGUF header, found {found}: {}", path.display())]
    GgufHeader {
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Several files where one is meant.
    #[error("Expected {expected}, found {found}: {}", path.display())]
    Several {
        /// What is meant.
        expected: String,
        /// How many there are.
        found: usize,
        /// The folder.
        path: PathBuf,
    },
    /// A file shorter or longer than its header says.
    #[error("Expected {expected_bytes} bytes as the file's header says, found {found_bytes} (was the download \
        interrupted?): {}", path.display())]
    Truncated {
        /// By the header.
        expected_bytes: usize,
        /// On disk.
        found_bytes: usize,
        /// The file.
        path: PathBuf,
    },
    /// The index names a shard that is not there.
    #[error("Expected the shard {shard}, found no such file beside the index that names it: {}", index.display())]
    MissingShard {
        /// The shard's file name.
        shard: String,
        /// The index.
        index: PathBuf,
    },
    /// The index says that a shard holds a tensor, and it does not.
    #[error("Expected the tensor {tensor} as the index says, found no such tensor in the shard: {}", path.display())]
    NotInShard {
        /// The tensor.
        tensor: String,
        /// The shard.
        path: PathBuf,
    },
    /// Two tensors that are the same one.
    #[error("Expected one tensor for {canonical}, found {first} in {} and {second}: \
        {}", first_path.display(), second_path.display())]
    Duplicate {
        /// The model's name for it.
        canonical: String,
        /// The first stored name.
        first: String,
        /// Its file.
        first_path: PathBuf,
        /// The second stored name.
        second: String,
        /// Its file.
        second_path: PathBuf,
    },
    /// The model needs a tensor that is not there.
    #[error("Expected the tensor {name}, found no tensor of that name in any layout: {files}")]
    MissingTensor {
        /// The model's name for it.
        name: String,
        /// The weight files.
        files: String,
    },
    /// A tensor of another shape than the configuration asks for.
    #[error("Expected shape {expected:?} for the tensor {name}, found {found:?}: {}", path.display())]
    Shape {
        /// The stored name.
        name: String,
        /// From the configuration.
        expected: Vec<usize>,
        /// In the file.
        found: Vec<usize>,
        /// The file.
        path: PathBuf,
    },
    /// A tensor of a type that is not a floating-point weight.
    #[error("Expected f32, f16 or bf16 for the tensor {name}, found {found}: {}", path.display())]
    Dtype {
        /// The stored name.
        name: String,
        /// Its type.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Tensors that the model never asked for: it is not the model the configuration describes.
    #[error("Expected every tensor to have a place in the model, found {count} without one ({names}): {files}")]
    Unused {
        /// How many.
        count: usize,
        /// The stored names of the first ones.
        names: String,
        /// Their files.
        files: String,
    },
    /// candle could not make a tensor.
    #[error("Expected to load the tensor {name}, found {found}: {}", path.display())]
    Tensor {
        /// The stored name.
        name: String,
        /// candle's answer.
        found: Box<candle_core::Error>,
        /// The file.
        path: PathBuf,
    },
    /// A weight file that became shorter while it was read.
    #[error("Cannot use the model: its weights were truncated while it was open, open it again: {}", path.display())]
    Lost {
        /// The file.
        path: PathBuf,
    },
    /// A weight file that another program wrote into.
    #[error("Cannot use the model: its weights have changed since it was opened, open it again: {}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A field of a configuration file with a value that cannot be.
    #[error("Expected {expected} for {field}, found {found}: {}", path.display())]
    Field {
        /// Its full name, `text_config.hidden_size`.
        field: String,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A tokenizer file that the tokenizers library cannot use.
    #[error("Expected a tokenizer, found {found}: {}", path.display())]
    Tokenizer {
        /// The library's answer.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A token whose id is not the one the configuration gives it.
    #[error("Expected id {expected} for the token {token}, found {found}: {}", path.display())]
    TokenId {
        /// The token.
        token: String,
        /// By the configuration.
        expected: u32,
        /// By the tokenizer.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// The tokenizer has ids that the embedding has no row for.
    #[error(
        "Expected token ids below {rows}, the rows of the embedding, found {id} for {}: {}",
        if token.is_empty() { "a token without text" } else { token.as_str() }, path.display()
    )]
    Vocabulary {
        /// Rows of the embedding.
        rows: usize,
        /// The token.
        token: String,
        /// Its id.
        id: u32,
        /// The tokenizer's file.
        path: PathBuf,
    },
    /// A prompt without its image, or with several.
    #[error("Expected exactly one <image> in the prompt, found {found}")]
    Placeholder {
        /// How many.
        found: usize,
    },
    /// A question that has the image's place in it, which is the chat template's to add.
    #[error(
        "Expected a question without <image>, which the chat template adds, found {found} in it: leave it out, \
         or give the whole prompt as an exact one (--raw-prompt)"
    )]
    PlaceholderInQuestion {
        /// How many.
        found: usize,
    },
    /// A text that could not be tokenised, or ids that could not be turned to text.
    #[error("Expected text that the tokenizer can handle, found {found}")]
    Text {
        /// The library's answer.
        found: String,
    },
    /// A chat template that does not render, or renders without the image or the question.
    #[error("Expected a chat template that places the image and the question, found {found}: {}", path.display())]
    Template {
        /// The engine's answer.
        found: String,
        /// The file.
        path: PathBuf,
    },
}
