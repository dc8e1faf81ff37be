//! Words made singular.

use std::collections::HashSet;

/// How a word becomes the one that is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lemmatiser {
    /// `vocabulary`: `WordNet`'s rules for plurals, applied when they lead to a word that CHAIR knows; "mice" and "geese" besides.
    #[default]
    Vocabulary,
    /// `none`: every word as it stands; for languages without plurals and for telling what the rules do.
    AsWritten,
}

impl Lemmatiser {
    /// Every way there is.
    pub const ALL: [Self; 2] = [Self::Vocabulary, Self::AsWritten];

    /// Its name on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Vocabulary => "vocabulary",
            Self::AsWritten => "none",
        }
    }

    /// The way of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.id() == id)
    }

    /// The known word that this one is a form of; the word itself if there is none.
    pub(super) fn lemma<'a>(self, word: &'a str, known: &HashSet<&'static str>) -> std::borrow::Cow<'a, str> {
        if self == Self::AsWritten || known.contains(word) {
            return word.into();
        }
        if let Some((_, singular)) = IRREGULAR.iter().find(|(plural, _)| *plural == word) {
            return (*singular).into();
        }
        let singular = ENDINGS.iter().find_map(|(plural, singular)| {
            let candidate = format!("{}{singular}", word.strip_suffix(plural)?);
            known.contains(candidate.as_str()).then_some(candidate)
        });
        singular.map_or(word.into(), Into::into)
    }
}

/// **Source**: the noun rules of `WordNet`'s morphy, with "ves" also for "knives", and "oes".
const ENDINGS: [(&str, &str); 11] = [
    ("ves", "f"),
    ("ves", "fe"),
    ("men", "man"),
    ("ies", "y"),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("oes", "o"),
    ("s", ""),
];

const IRREGULAR: [(&str, &str); 2] = [("mice", "mouse"), ("geese", "goose")];
