//! The question about one object.

use crate::data::pope::Label;
use serde::{Deserialize, Serialize};

/// How the question is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Template {
    /// `shipped`: "Is there a dog in the image?" with "an" where English wants it: the wording of the files the authors
    /// ship, also where a plural follows ("Is there a scissors in the image?").
    #[default]
    Shipped,
    /// `imange`: what the authors' script really makes, by putting "an" for every "a": "Is there an apple in the
    /// imange?"
    Imange,
}

impl Template {
    /// Every wording.
    pub const ALL: [Self; 2] = [Self::Shipped, Self::Imange];

    /// Its name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Shipped => "shipped",
            Self::Imange => "imange",
        }
    }

    /// The wording of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.id() == id)
    }

    /// The question about an object.
    pub fn question(self, object: &str) -> String {
        match self {
            Self::Shipped if takes_an(object) => format!("Is there an {object} in the image?"),
            Self::Imange if object.starts_with(VOWELS) => format!("Is there an {object} in the imange?"),
            Self::Shipped | Self::Imange => format!("Is there a {object} in the image?"),
        }
    }
}

/// "a dog", "an umbrella".
pub fn with_article(object: &str) -> String {
    if takes_an(object) { format!("an {object}") } else { format!("a {object}") }
}

const VOWELS: [char; 5] = ['a', 'e', 'i', 'o', 'u'];
/// Vowel letters that sound like "you" or "won".
const CONSONANT_SOUNDS: [&str; 6] = ["uni", "use", "usu", "eu", "ewe", "one"];
/// A letter that is not heard.
const SILENT: [&str; 4] = ["hour", "honest", "honor", "heir"];

fn takes_an(object: &str) -> bool {
    let object = object.to_lowercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| object.starts_with(prefix));
    // An "unidentified" or "uninteresting" thing is heard with its vowel.
    let negated = starts(&["unid", "unim", "unin"]);
    (object.starts_with(VOWELS) && (negated || !starts(&CONSONANT_SOUNDS))) || starts(&SILENT)
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopeQuestion {
    /// The object asked about.
    pub category: String,
    /// The question.
    pub text: String,
    /// Whether the object is there.
    pub label: Label,
}
