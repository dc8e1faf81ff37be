//! Words made singular.

use std::borrow::Cow;
use std::collections::HashSet;

/// How a word becomes the one that is looked up. All know the same plurals; they differ in the few words that the
/// published scripts get wrong, which their figures depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lemmatiser {
    /// `vocabulary`: rules for plurals, applied when they lead to a word that CHAIR knows. Right for every word of the
    /// table.
    #[default]
    Vocabulary,
    /// `wordnet`: what `WordNetLemmatizer` of NLTK makes of nouns, as in the fork that OPERA, DAMRO, PAI and EAH use:
    /// "men" stay men and are nobody, "vases" are "vas", "smartphones" and some twenty others are unknown.
    WordNet,
    /// `pattern`: what `singularize` of pattern.en makes of them, as in the original script: a "bus" is a "bu" and so
    /// no bus, "ties" are "ty".
    Pattern,
}

impl Lemmatiser {
    /// Every way there is.
    pub const ALL: [Self; 3] = [Self::Vocabulary, Self::WordNet, Self::Pattern];

    /// Its name on the command line and in files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Vocabulary => "vocabulary",
            Self::WordNet => "wordnet",
            Self::Pattern => "pattern",
        }
    }

    /// The way of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.id() == id)
    }

    /// What this way makes of a word where that is not what the rules make of it.
    fn exception(self, word: &str) -> Option<&'static str> {
        match self {
            Self::Vocabulary => None,
            Self::WordNet => {
                let unknown = NOT_IN_WORDNET.iter().find(|unknown| **unknown == word).copied();
                unknown.or_else(|| other(&WORDNET, word))
            }
            Self::Pattern => other(&PATTERN, word),
        }
    }

    /// The known word that this one is a form of; the word itself if there is none.
    pub(super) fn lemma<'w>(self, word: &'w str, known: &HashSet<&'static str>) -> Cow<'w, str> {
        if let Some(lemma) = self.exception(word) {
            return lemma.into();
        }
        if known.contains(word) {
            return word.into();
        }
        if let Some(singular) = other(&IRREGULAR, word) {
            return singular.into();
        }
        let singular = ENDINGS.iter().find_map(|(plural, singular)| {
            let candidate = format!("{}{singular}", word.strip_suffix(plural)?);
            known.contains(candidate.as_str()).then_some(candidate)
        });
        singular.map_or(word.into(), Into::into)
    }
}

fn other(pairs: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    pairs.iter().find(|(from, _)| *from == word).map(|(_, to)| *to)
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

const IRREGULAR: [(&str, &str); 3] = [("mice", "mouse"), ("geese", "goose"), ("taxies", "taxi")];

/// Found by comparing every word of the table in all its plural forms with NLTK 3.10 over `WordNet` 3.0.
const NOT_IN_WORDNET: [&str; 23] = [
    "bikers",
    "bluejays",
    "brindles",
    "coworkers",
    "firetrucks",
    "hairdryers",
    "lenovos",
    "longboards",
    "macbooks",
    "men",
    "netbooks",
    "paddleboats",
    "pitbulls",
    "riverboats",
    "sailboards",
    "shortboards",
    "skimboards",
    "smartphones",
    "soliders",
    "stovetops",
    "teddybears",
    "televisons",
    "hots",
];
const WORDNET: [(&str, &str); 2] = [("sports", "sport"), ("vases", "vas")];

/// Found in the same way with the port of pattern.en in `TextBlob` 0.20.
const PATTERN: [(&str, &str); 13] = [
    ("airbus", "airbu"),
    ("airbuses", "bus"),
    ("bus", "bu"),
    ("canoes", "cano"),
    ("glass", "glas"),
    ("magpies", "magpy"),
    ("minibus", "minibu"),
    ("people", "person"),
    ("sports", "sport"),
    ("tennis", "tenni"),
    ("thieves", "thieve"),
    ("ties", "ty"),
    ("oxen", "ox"),
];
