//! What one method of several did to a token.

use serde::{Deserialize, Serialize};

/// How a method says that all heads of a layer took over one head's map: the layer's number follows.
const SPREAD: &str = "all heads of layer ";
/// Between the layer's number and the head's.
const SPREAD_MAP: &str = " took over the map of head ";

/// What a method did to the logits that a token was chosen from. A contrast that was the only thing done is a
/// [`super::TokenContrast`] instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenAction {
    /// Registered name.
    pub method: String,
    /// Most probable token before it.
    pub before_id: u32,
    /// Its text, as a piece of the vocabulary.
    pub before: String,
    /// Most probable token after it.
    pub after_id: u32,
    /// Its text.
    pub after: String,
    /// Candidates that it removed.
    pub num_removed: usize,
    /// Total variation distance between the distributions before and after it: 0 if nothing changed, at most 1.
    pub moved: f32,
    /// What it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What a method that only measures found, in its own unit: the rank of `base-rank`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}

impl TokenAction {
    /// The note of a method that gives one head's map to all heads of its layer.
    pub(crate) fn spread_note(did: &str, layer_idx: usize, head_idx: usize) -> String {
        format!("{did}; {SPREAD}{layer_idx}{SPREAD_MAP}{head_idx}")
    }

    /// Layer and head whose map all heads of that layer took over, where a method did that and names them.
    pub fn spread_head(&self) -> Option<[usize; 2]> {
        let (_, named) = self.note.as_deref()?.split_once(SPREAD)?;
        let (layer, head) = named.split_once(SPREAD_MAP)?;
        Some([layer.parse().ok()?, head.parse().ok()?])
    }

    /// What happened in one sentence.
    pub fn sentence(&self) -> String {
        let Self { method, before, after, moved, .. } = self;
        let (before, after) = (before.trim(), after.trim());
        // What was done inside the model is in the logits that it left.
        if let Some(note) = self.note.as_ref().filter(|_| *moved == 0.0 && self.num_removed == 0) {
            return format!("{method} {note}");
        }
        let what = if self.before_id == self.after_id {
            let moved = f64::from(*moved) * 100.0;
            format!(
                "{method} left \u{201c}{after}\u{201d} the most probable token and moved {moved:.1} % of the \
                    probability"
            )
        } else {
            format!(
                "{method} made \u{201c}{after}\u{201d} the most probable token in place of \u{201c}{before}\u{201d}"
            )
        };
        let removed = match self.num_removed {
            0 => String::new(),
            1 => "; it removed 1 candidate".to_owned(),
            n => format!("; it removed {n} candidates"),
        };
        let note = self.note.as_ref().map_or_else(String::new, |note| format!("; {note}"));
        format!("{what}{removed}{note}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_says_in_words_what_it_did() {
        let mut action = TokenAction {
            method: "damro".to_owned(),
            before_id: 3,
            before: " dog".to_owned(),
            after_id: 5,
            after: " kite".to_owned(),
            num_removed: 2,
            moved: 0.25,
            note: None,
            value: None,
        };
        let changed = "damro made \u{201c}kite\u{201d} the most probable token in place of \u{201c}dog\u{201d}; it \
            removed 2 candidates";
        assert_eq!(action.sentence(), changed, "another token");
        action = TokenAction { after_id: 3, after: " dog".to_owned(), num_removed: 1, ..action };
        action.note = Some("layer 4".to_owned());
        let left = "damro left \u{201c}dog\u{201d} the most probable token and moved 25.0 % of the probability; it \
            removed 1 candidate; layer 4";
        assert_eq!(action.sentence(), left, "the same token");
        action = TokenAction { moved: 0.0, num_removed: 0, ..action };
        action.note = Some("changed 4 scores in 1 layer".to_owned());
        assert_eq!(action.sentence(), "damro changed 4 scores in 1 layer", "inside the model");
        assert_eq!(action.spread_head(), None, "no head is named");
        action.note = Some(TokenAction::spread_note("changed 4 scores", 1, 12));
        let said = "damro changed 4 scores; all heads of layer 1 took over the map of head 12";
        assert_eq!((action.sentence().as_str(), action.spread_head()), (said, Some([1, 12])), "its layer and head");
    }
}
