//! The description of a figure: plain data, written into every figure and beside it.
//!
//! A recipe and the inputs that it names make the same scene, and so the same bytes, wherever they are brought
//! together.

mod choices;
mod layout;
mod maps;
mod panels;
mod plots;

pub use choices::{ObjectWords, Shade, Tokens, Verdict};
pub use layout::{Bars, Colour, Layout, Scale, Typeface, Width};
pub use maps::{MapSpec, PromptSpec, Truth};
pub use panels::{GridCells, Mark, Panel, Show, selections};
pub use plots::PlotKind;

use super::FigureError;
use crate::trace::{RunInfo, Trace};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// What `format` says.
pub const FORMAT: &str = "gazelens-figure";
/// The newest version that this program reads, and the one it writes.
pub const VERSION: u32 = 1;

/// The description of a figure: plain data, written into every figure and beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`FORMAT`].
    pub format: String,
    /// Up to [`VERSION`].
    pub version: u32,
    /// Version of the program that made the figure.
    pub program_version: String,
    /// What the panels refer to by name.
    pub inputs: RecipeInputs,
    /// Where panels lie and how they are labelled.
    pub layout: Layout,
    /// How values become colours.
    pub colour: Colour,
    /// In reading order.
    pub panels: Vec<Panel>,
    /// Of a figure made in a batch: hash of the recipe that stood for all, and of the photo. Tells whether a figure is
    /// already there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

/// Everything a figure is made of, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecipeInputs {
    /// Answered questions.
    pub traces: BTreeMap<String, TraceInput>,
    /// Photos that no trace is about.
    pub images: BTreeMap<String, FileInput>,
    /// COCO instances; the file `demo` is the bundled one.
    pub annotations: BTreeMap<String, FileInput>,
    /// Attribution maps, as `gazelens prompt-image --map-out` writes them.
    pub maps: BTreeMap<String, FileInput>,
    /// Typefaces: TrueType or OpenType files, or collections of them, of which the first is taken.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fonts: BTreeMap<String, FileInput>,
}

/// One answered question: enough to tell whether a trace is the one that is meant, and to ask again where there is no
/// file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceInput {
    /// The trace file; without one the question is asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of the ids of prompt and answer.
    pub tokens_sha256: String,
    /// Model and weight hash, photo and its hash, prompt, strategy with every parameter, seed, program version.
    pub run: RunInfo,
}

/// A file and its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileInput {
    /// Path, or the name of what is bundled.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl Recipe {
    /// Without inputs and panels.
    pub fn new(layout: Layout, colour: Colour) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            inputs: RecipeInputs::default(),
            layout,
            colour,
            panels: Vec::new(),
            batch: None,
        }
    }

    /// Reads the JSON of a recipe; `name` is for messages.
    pub fn from_json(json: &str, name: &Path) -> Result<Self, FigureError> {
        let refused = |expected: &str, found: String| FigureError::Recipe {
            expected: expected.to_owned(),
            found,
            path: name.to_owned(),
        };
        // What the file claims to be comes first: a later version may have other fields.
        let head: Head =
            serde_json::from_str(json).map_err(|err| refused("a figure's recipe (JSON)", one_line(&err)))?;
        if head.format != FORMAT {
            return Err(refused(&format!("a recipe of the format `{FORMAT}`"), format!("`{}`", head.format)));
        }
        if head.version > u64::from(VERSION) {
            return Err(FigureError::Newer { known: VERSION, found: head.version, path: name.to_owned() });
        }
        let mut recipe: Self =
            serde_json::from_str(json).map_err(|err| refused("the fields of a figure's recipe", one_line(&err)))?;
        env!("CARGO_PKG_VERSION").clone_into(&mut recipe.program_version);
        recipe.version = VERSION;
        recipe.check().map_err(|err| match err {
            FigureError::Setting { expected, found } => refused(&format!("{expected} in the recipe"), found),
            other => other,
        })?;
        Ok(recipe)
    }

    /// The JSON that is embedded and written beside: the same for equal recipes.
    pub fn to_json(&self) -> String {
        // Maps have text keys and numbers are finite, so this cannot fail; an empty text would be refused by the
        // reader.
        let mut json = legible_everywhere(&serde_json::to_string_pretty(self).unwrap_or_default());
        json.push('\n');
        json
    }

    /// SHA-256 of [`Self::to_json`].
    pub fn sha256(&self) -> String {
        sha256(self.to_json().as_bytes())
    }

    /// Texts that a figure sets, and names: the time and the page that they take grow with them.
    fn check_texts(&self) -> Result<(), FigureError> {
        let RecipeInputs { traces, images, annotations, maps, fonts } = &self.inputs;
        let files = [images, annotations, maps, fonts];
        let names = traces.keys().chain(files.into_iter().flat_map(BTreeMap::keys));
        let paths = files.into_iter().flat_map(BTreeMap::values).map(|input| &input.file);
        let paths = paths.chain(traces.values().filter_map(|input| input.file.as_ref()));
        // Numbers are finite and keys are texts, so this cannot fail.
        let set = serde_json::to_value((&self.layout, &self.colour, &self.panels)).unwrap_or_default();
        let longest_set = longest(&set).max(names.map(|name| name.chars().count()).max().unwrap_or(0));
        let longest_path = paths.map(|path| path.chars().count()).max().unwrap_or(0);
        for (what, found, most) in
            [("texts and names", longest_set, MOST_LETTERS), ("paths", longest_path, MOST_PATH_LETTERS)]
        {
            if found > most {
                let expected = format!("{what} of at most {most} letters");
                return Err(FigureError::Setting { expected, found: format!("one of {found}") });
            }
        }
        Ok(())
    }

    /// Whether both are recipes of one figure: inputs are known by their hashes wherever they lie, and dots per inch
    /// count in PNG alone.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.without_places() == other.without_places()
    }

    /// Whether both have the same panels, laid out and coloured alike, whatever these are about.
    pub fn has_panels_of(&self, other: &Self) -> bool {
        let [a, b] = [self, other].map(|recipe| Layout { dpi: 0, ..recipe.layout.clone() });
        a == b && self.colour == other.colour && self.panels == other.panels
    }

    fn without_places(&self) -> Self {
        let mut recipe = Self { program_version: String::new(), version: VERSION, batch: None, ..self.clone() };
        recipe.layout.dpi = 0;
        let RecipeInputs { traces, images, annotations, maps, fonts } = &mut recipe.inputs;
        for trace in traces.values_mut() {
            trace.file = None;
            trace.run.image_path.clear();
        }
        for input in [images, annotations, maps, fonts].into_iter().flat_map(BTreeMap::values_mut) {
            input.file.clear();
        }
        recipe
    }

    /// Lists a trace; the panels refer to it by this name.
    pub fn add_trace(&mut self, name: &str, trace: &Trace, file: Option<&Path>) {
        let input = TraceInput {
            file: file.map(|path| path.display().to_string()),
            tokens_sha256: tokens_sha256(trace),
            run: (*trace.run).clone(),
        };
        self.inputs.traces.insert(name.to_owned(), input);
    }

    /// What can be said without the inputs.
    pub fn check(&self) -> Result<(), FigureError> {
        self.layout.check()?;
        self.colour.check()?;
        if self.panels.is_empty() || self.panels.len() > MOST_PANELS {
            let expected = format!("from 1 to {MOST_PANELS} panels");
            return Err(FigureError::Setting { expected, found: self.panels.len().to_string() });
        }
        let RecipeInputs { traces, images, annotations, maps, fonts } = &self.inputs;
        let most = [traces.len(), images.len(), annotations.len(), maps.len(), fonts.len()].into_iter().max();
        if most.is_some_and(|most| most > MOST_PANELS) {
            let expected = format!("at most {MOST_PANELS} inputs of a kind");
            return Err(FigureError::Setting { expected, found: most.unwrap_or_default().to_string() });
        }
        self.check_texts()?;
        self.panels.iter().try_for_each(|panel| panel.check(self.layout.columns))
    }
}

/// JSON whose letters every kind of file keeps: those that XML cannot hold, or may change as line ends, are written as
/// JSON escapes. Outside of strings JSON has none of them.
fn legible_everywhere(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out
}

/// Letters of the longest text in a value.
fn longest(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(parts) => parts.iter().map(longest).max().unwrap_or(0),
        Value::Object(fields) => fields.values().map(longest).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Letters of a title, a label or a name: more than a page has room for.
const MOST_LETTERS: usize = 1000;
/// Letters of a path: those of the longest that systems take.
const MOST_PATH_LETTERS: usize = 4096;
/// More than anybody can read.
const MOST_PANELS: usize = 400;

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: String,
    #[serde(default)]
    version: u64,
}

fn one_line(err: &serde_json::Error) -> String {
    err.to_string().replace('\n', " ")
}

/// Whether a trace is the one that a recipe means: the same question with the same answer. What is cheap to compare
/// comes first.
pub fn is_answer_of(trace: &Trace, input: &TraceInput) -> bool {
    trace.run.asks_the_same(&input.run) && tokens_sha256(trace) == input.tokens_sha256
}

/// The one whose trace a recipe means; of several the one that was computed alike, if there is one.
pub fn answer_among<'a, T>(all: impl Iterator<Item = (T, &'a Trace)>, input: &TraceInput) -> Option<T> {
    let answers = all.filter(|(_, trace)| is_answer_of(trace, input));
    answers.min_by_key(|(_, trace)| trace.run.differences(&input.run).len()).map(|(one, _)| one)
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The same of everything that is still to be read.
pub fn sha256_of(read: &mut impl Read) -> std::io::Result<String> {
    let (mut hasher, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match read.read(&mut block)? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            count => hasher.update(block.get(..count).unwrap_or_default()),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// SHA-256 of the ids of prompt and answer.
pub fn tokens_sha256(trace: &Trace) -> String {
    let prompt = trace.prompt.iter().map(|token| token.id);
    let ids = prompt.chain([u32::MAX]).chain(trace.output.iter().map(|token| token.id));
    let bytes: Vec<u8> = ids.flat_map(u32::to_le_bytes).collect();
    sha256(&bytes)
}
