//! What the user must know: one sentence and what to do next, until dismissed.

use crate::ui::command::Command;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Something was left out.
    Warning,
    /// Something failed.
    Error,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// For dismissing it.
    pub id: u64,
    /// How bad.
    pub severity: Severity,
    /// What happened.
    pub text: String,
    /// What to do next, in words; empty when the button says it all.
    pub advice: String,
    /// What to do next, as a button: its text and its command.
    pub action: Option<(String, Command)>,
}

/// The messages that stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notices {
    notices: Vec<Notice>,
    next_id: u64,
}

/// More than these would fill the window: the oldest goes.
const MOST_NOTICES: usize = 4;

impl Notices {
    /// Those that stand, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter()
    }

    /// Adds one; the same sentence is not said twice.
    pub fn push(&mut self, severity: Severity, text: impl Into<String>, advice: impl Into<String>, action: Option<(String, Command)>) {
        let text = text.into();
        self.notices.retain(|notice| notice.text != text);
        self.next_id += 1;
        self.notices.push(Notice { id: self.next_id, severity, text, advice: advice.into(), action });
        if self.notices.len() > MOST_NOTICES {
            self.notices.remove(0);
        }
    }

    /// Takes one away.
    pub fn dismiss(&mut self, id: u64) {
        self.notices.retain(|notice| notice.id != id);
    }

    /// Takes away every one whose button would do `command`: it was done.
    pub fn settle(&mut self, command: &Command) {
        self.notices.retain(|notice| notice.action.as_ref().is_none_or(|(_, action)| action != command));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_sentence_stands_once_and_few_stand_at_all() {
        let mut notices = Notices::default();
        notices.push(Severity::Error, "No such file", "", None);
        notices.push(Severity::Error, "No such file", "", None);
        assert_eq!(notices.iter().count(), 1, "said once");
        for i in 0..10 {
            notices.push(Severity::Info, format!("message {i}"), "", None);
        }
        assert_eq!(notices.iter().count(), MOST_NOTICES, "the oldest went");
        let id = notices.iter().next().expect("some stand").id;
        notices.dismiss(id);
        assert_eq!(notices.iter().count(), MOST_NOTICES - 1, "dismissed");
    }
}
