//! What is said after the question, to make the answer short. Published figures differ in it.

/// Words after the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suffix {
    /// Its name.
    pub id: &'static str,
    /// For people.
    pub label: &'static str,
    /// The words, with the space before them; empty for none.
    pub text: &'static str,
    /// Who asks so.
    pub paper: &'static str,
}

impl Suffix {
    /// The question as it is asked.
    pub fn ask(&self, question: &str) -> String {
        format!("{question}{}", self.text)
    }
}

/// Every way, the first is POPE's own.
pub fn suffixes() -> &'static [Suffix] {
    &SUFFIXES
}

/// The way of that name.
pub fn suffix(id: &str) -> Option<&'static Suffix> {
    SUFFIXES.iter().find(|suffix| suffix.id == id)
}

const SUFFIXES: [Suffix; 5] = [
    Suffix { id: "plain", label: "question only", text: "", paper: "POPE (Li et al. 2023); OPERA (Huang et al. 2024)" },
    Suffix {
        id: "one-word",
        label: "+ answer with one word",
        text: " Please answer this question with one word.",
        paper: "VCD (Leng et al. 2024); DAMRO (Gong et al. 2024); ICD (Wang et al. 2024)",
    },
    Suffix {
        id: "only-yes-no",
        label: "+ only answer yes or no",
        text: " Please only answer yes or no.",
        paper: "ICD (Wang et al. 2024)",
    },
    Suffix {
        id: "just-yes-no",
        label: "+ just answer yes or no",
        text: " Please just answer yes or no.",
        paper: "ClearSight (Yin et al. 2025)",
    },
    Suffix {
        id: "not-sure",
        label: "+ Yes, No, or Not Sure",
        text: " Answer Yes, No, or Not Sure",
        paper: "Tomita et al.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_follows_the_question_after_one_space() {
        let question = "Is there a dog in the image?";
        assert_eq!(suffixes().first().map(|plain| plain.ask(question)).as_deref(), Some(question), "POPE adds nothing");
        for way in suffixes() {
            assert_eq!(suffix(way.id), Some(way), "found by name");
            assert!(way.text.is_empty() || way.text.starts_with(' ') && !way.text.starts_with("  "), "{}", way.id);
        }
    }
}
