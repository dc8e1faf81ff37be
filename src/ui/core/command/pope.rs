//! What people do with yes/no questions about objects.

use crate::analysis::pope::Label;
use crate::ui::core::settings::PopeSettings;

/// What people do with yes/no questions.
#[derive(Debug, Clone, PartialEq)]
pub enum PopeCommand {
    /// How they are made and asked.
    Set(PopeSettings),
    /// Ask those of the shown table that have no answer; all of them again when every one has.
    AskAll,
    /// Stop asking.
    Stop,
    /// Ask one and show its run.
    Ask(PopeItem),
    /// Ask about the object words of the shown answer.
    AskWords(Vec<PopeItem>),
}

/// One question of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopeItem {
    /// Without what is said after it.
    pub text: String,
    /// The right answer, where it is known.
    pub label: Option<Label>,
    /// How its object was chosen: `present`, `random`, a word of the answer; may be empty.
    pub kind: String,
}
