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

/// What ends a message besides dismissing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Nothing does.
    Dismissed,
    /// It speaks of the shown photo: another one is shown.
    OtherPhoto,
    /// It speaks of a question: another one is asked, or another photo is shown.
    NextQuestion,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// For dismissing it.
    pub id: u64,
    /// How bad.
    pub severity: Severity,
    /// How long it is true.
    pub until: Until,
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
    pub fn push(
        &mut self,
        (severity, until): (Severity, Until),
        text: impl Into<String>,
        advice: impl Into<String>,
        action: Option<(String, Command)>,
    ) {
        let text = text.into();
        self.notices.retain(|notice| notice.text != text);
        self.next_id += 1;
        self.notices.push(Notice { id: self.next_id, severity, until, text, advice: advice.into(), action });
        if self.notices.len() > MOST_NOTICES {
            self.notices.remove(0);
        }
    }

    /// Takes away what spoke of the question before.
    pub fn another_question(&mut self) {
        self.notices.retain(|notice| notice.until != Until::NextQuestion);
    }

    /// Takes away what spoke of the photo before, and of questions about it.
    pub fn another_photo(&mut self) {
        self.notices.retain(|notice| notice.until == Until::Dismissed);
    }

    /// Takes one away.
    pub fn dismiss(&mut self, id: u64) {
        self.notices.retain(|notice| notice.id != id);
    }

    /// Takes all away.
    pub fn dismiss_all(&mut self) {
        self.notices.clear();
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
        notices.push((Severity::Error, Until::Dismissed), "No such file", "", None);
        notices.push((Severity::Error, Until::Dismissed), "No such file", "", None);
        assert_eq!(notices.iter().count(), 1, "said once");
        for i in 0..10 {
            notices.push((Severity::Info, Until::Dismissed), format!("message {i}"), "", None);
        }
        assert_eq!(notices.iter().count(), MOST_NOTICES, "the oldest went");
        let id = notices.iter().next().expect("some stand").id;
        notices.dismiss(id);
        assert_eq!(notices.iter().count(), MOST_NOTICES - 1, "dismissed");
        notices.dismiss_all();
        assert_eq!(notices.iter().count(), 0, "all at once");
    }

    #[test]
    fn what_is_no_longer_true_goes() {
        let mut notices = Notices::default();
        notices.push((Severity::Warning, Until::NextQuestion), "The answer was cut off", "", None);
        notices.push((Severity::Error, Until::OtherPhoto), "Not a photo", "", None);
        notices.push((Severity::Error, Until::Dismissed), "The worker stopped", "", None);
        notices.another_question();
        assert_eq!(notices.iter().count(), 2, "the answer's warning went with the next question");
        notices.another_photo();
        let left: Vec<_> = notices.iter().map(|notice| notice.text.as_str()).collect();
        assert_eq!(left, ["The worker stopped"], "what spoke of the photo went with it");
    }
}
