//! What was finished while people may have looked elsewhere: a short message that goes away by itself. What must not be
//! missed is a [`crate::ui::features::Notice`] instead.

use crate::ui::core::command::Command;

/// How long one stays. **Units** seconds.
const SHOWN_SECS: f64 = 5.0;
/// How long one stays after the pointer left it. **Units** seconds.
const AFTER_POINTER_SECS: f64 = 2.0;
/// More than these would hide what is worked on: the oldest goes.
const MOST_TOASTS: usize = 3;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    /// For closing it.
    pub id: u64,
    /// What was finished.
    pub text: String,
    /// What may come next, as a button: its text and its command.
    pub action: Option<(String, Command)>,
    /// `None` until it was on the screen.
    ends_secs: Option<f64>,
}

/// The messages that stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Toasts {
    toasts: Vec<Toast>,
    next_id: u64,
}

impl Toasts {
    /// Those that stand, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Toast> {
        self.toasts.iter()
    }

    /// Says something; the same sentence is not said twice at once.
    pub fn push(&mut self, text: impl Into<String>) {
        self.push_with(text, None);
    }

    /// The same, with a button.
    pub fn push_with(&mut self, text: impl Into<String>, action: Option<(String, Command)>) {
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.next_id += 1;
        self.toasts.push(Toast { id: self.next_id, text, action, ends_secs: None });
        if self.toasts.len() > MOST_TOASTS {
            self.toasts.remove(0);
        }
    }

    /// Takes away those whose time is over; says in how long the next one ends. `now_secs` is any clock that only goes
    /// forward; `held` is whether none may go: the pointer is on one of them, or nobody looks at the window.
    pub fn advance(&mut self, now_secs: f64, held: bool) -> Option<f64> {
        for toast in &mut self.toasts {
            let ends = toast.ends_secs.get_or_insert(now_secs + SHOWN_SECS);
            if held {
                *ends = ends.max(now_secs + AFTER_POINTER_SECS);
            }
        }
        self.toasts.retain(|toast| toast.ends_secs.is_none_or(|ends| ends > now_secs));
        let ends = self.toasts.iter().filter_map(|toast| toast.ends_secs);
        ends.min_by(f64::total_cmp).map(|ends| ends - now_secs)
    }

    /// Takes one away.
    pub fn dismiss(&mut self, id: u64) {
        self.toasts.retain(|toast| toast.id != id);
    }

    /// Takes away those whose button did this.
    pub fn settle(&mut self, command: &Command) {
        self.toasts.retain(|toast| toast.action.as_ref().is_none_or(|(_, action)| action != command));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(toasts: &Toasts) -> Vec<&str> {
        toasts.iter().map(|toast| toast.text.as_str()).collect()
    }

    #[test]
    fn a_toast_goes_by_itself_five_seconds_after_it_was_seen() {
        let mut toasts = Toasts::default();
        assert_eq!(toasts.advance(0.0, false), None, "nothing is there, so nothing is drawn for it");
        toasts.push("Saved");
        let wait = toasts.advance(100.0, false).expect("it stands");
        assert!((wait - 5.0).abs() < 1e-9, "its time begins when it is first drawn: {wait}");
        toasts.push("Copied");
        assert!(toasts.advance(104.0, false).is_some_and(|wait| (wait - 1.0).abs() < 1e-9), "the older one's end");
        toasts.advance(105.0, false);
        assert_eq!(texts(&toasts), ["Copied"], "one after the other");
        assert_eq!(toasts.advance(109.5, false), None, "both are gone");
    }

    #[test]
    fn none_goes_while_the_pointer_is_on_one_and_a_moment_after() {
        let mut toasts = Toasts::default();
        toasts.push("Saved");
        toasts.advance(0.0, false);
        toasts.advance(4.9, true);
        toasts.advance(60.0, true);
        assert_eq!(texts(&toasts).len(), 1, "it may be read");
        toasts.advance(61.0, false);
        assert_eq!(texts(&toasts).len(), 1, "the pointer just left");
        toasts.advance(62.5, false);
        assert!(texts(&toasts).is_empty(), "now it is gone");
    }

    #[test]
    fn few_stand_and_each_sentence_once() {
        let mut toasts = Toasts::default();
        for text in ["a", "b", "a", "c", "d"] {
            toasts.push(text);
        }
        assert_eq!(texts(&toasts), ["a", "c", "d"], "the oldest went");
        let id = toasts.iter().next().expect("some stand").id;
        toasts.dismiss(id);
        toasts.push_with("e", Some(("Show it".to_owned(), Command::ToggleHelp)));
        toasts.settle(&Command::ToggleHelp);
        assert_eq!(texts(&toasts), ["c", "d"], "closed, and done");
    }
}
