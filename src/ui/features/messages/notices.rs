//! What the user must know: one sentence and what to do next, until dismissed.

use crate::engine::RunId;
use crate::ui::core::command::Command;
use crate::ui::features::AppState;
use std::path::PathBuf;

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
    /// It speaks of this answer: another one is shown.
    OtherAnswer(RunId),
    /// It speaks of where a model looked: that is not what would be looked for any more.
    OtherMap,
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
    /// Other things to do next; each goes when it was done.
    pub more: Vec<(String, Command)>,
}

impl Notice {
    /// Whether it offers something to open.
    pub fn is_offer(&self) -> bool {
        matches!(self.action, Some((_, Command::AddPaths(_))))
    }

    /// What to do next, as buttons.
    pub fn actions(&self) -> impl Iterator<Item = &(String, Command)> {
        self.action.iter().chain(&self.more)
    }
}

/// The messages that stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notices {
    notices: Vec<Notice>,
    next_id: u64,
}

/// So many stand at most: the oldest goes.
const MOST_NOTICES: usize = 40;

impl Notices {
    /// Those that stand, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter()
    }

    /// Those that stand, newest first: that is what just happened. The newest that offers something to open is second
    /// at the latest.
    pub fn newest_first(&self) -> Vec<&Notice> {
        let mut ordered: Vec<_> = self.notices.iter().rev().collect();
        if let Some(at) = ordered.iter().position(|notice| notice.is_offer()).filter(|at| *at > 0) {
            let offer = ordered.remove(at);
            ordered.insert(1, offer);
        }
        ordered
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
        let (id, advice, more) = (self.next_id, advice.into(), Vec::new());
        self.notices.push(Notice { id, severity, until, text, advice, action, more });
        if self.notices.len() > MOST_NOTICES {
            let oldest = self.notices.iter().position(|notice| !notice.is_offer()).unwrap_or(0);
            self.notices.remove(oldest);
        }
    }

    /// Adds an offer of several things to do; it stands until each is done or it is dismissed.
    pub fn offer(&mut self, text: impl Into<String>, actions: Vec<(String, Command)>) {
        let mut actions = actions.into_iter();
        self.push((Severity::Info, Until::Dismissed), text, "", actions.next());
        if let Some(notice) = self.notices.last_mut() {
            notice.more = actions.collect();
        }
    }

    /// Takes away offers to open what is open now.
    pub fn opened(&mut self, paths: &[PathBuf]) {
        let is_open = |(_, command): &(String, Command)| {
            matches!(command,
            Command::AddPaths(offered) if offered.iter().any(|path| paths.contains(path)))
        };
        self.notices.retain_mut(|notice| {
            let had = notice.action.is_some();
            notice.action = notice.action.take().filter(|action| !is_open(action));
            notice.more.retain(|action| !is_open(action));
            if notice.action.is_none() && !notice.more.is_empty() {
                notice.action = Some(notice.more.remove(0));
            }
            notice.action.is_some() || !had
        });
    }

    /// Takes away what spoke of the question before.
    pub fn another_question(&mut self) {
        self.notices.retain(|notice| notice.until != Until::NextQuestion);
    }

    /// Takes away what spoke of the photo before, and of questions about it.
    pub fn another_photo(&mut self) {
        self.notices.retain(|notice| notice.until == Until::Dismissed);
    }

    /// Takes away what speaks of another answer than the shown one, or of another map.
    fn keep_true(&mut self, shown: Option<RunId>, map_is_fresh: impl FnOnce() -> bool) {
        if self.notices.iter().any(|notice| notice.until == Until::OtherMap) && !map_is_fresh() {
            self.notices.retain(|notice| notice.until != Until::OtherMap);
        }
        self.notices.retain(|notice| match notice.until {
            Until::OtherAnswer(id) => shown == Some(id),
            _ => true,
        });
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

impl AppState {
    /// No message outlives what it speaks of.
    pub(in crate::ui) fn settle_notices(&mut self) {
        let shown = self.current_run().map(|run| run.id);
        let mut notices = std::mem::take(&mut self.notices);
        notices.keep_true(shown, || self.made_is_fresh());
        self.notices = notices;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, Timings};
    use crate::ui::features::testing::{answered, trace};

    #[test]
    fn the_same_sentence_stands_once_and_few_stand_at_all() {
        let mut notices = Notices::default();
        notices.push((Severity::Error, Until::Dismissed), "No such file", "", None);
        notices.push((Severity::Error, Until::Dismissed), "No such file", "", None);
        assert_eq!(notices.iter().count(), 1, "said once");
        for i in 0..100 {
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
    fn an_offer_is_in_sight_however_much_went_wrong() {
        let mut notices = Notices::default();
        let open = |name: &str| (format!("Open {name}"), Command::AddPaths(vec![name.into()]));
        notices.offer("Found instances.json: open it too?", vec![open("instances.json")]);
        for i in 0..100 {
            notices.push((Severity::Warning, Until::Dismissed), format!("record {i} is damaged"), "", None);
        }
        let texts: Vec<String> = notices.newest_first().into_iter().map(|notice| notice.text.clone()).collect();
        assert_eq!(texts[..2], ["record 99 is damaged", "Found instances.json: open it too?"], "and the newest");
        assert_eq!(texts.len(), MOST_NOTICES, "the rest");
        notices.opened(&["instances.json".into()]);
        assert!(!notices.iter().any(Notice::is_offer), "the offer went when it was taken");
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

    #[test]
    fn a_warning_goes_with_its_answer_and_stays_in_it() {
        let mut state = answered();
        state.apply(Command::AskThis("More?".to_owned()));
        let id = RunId(2);
        state.receive(Event::Started(id, Box::new(trace())), 0.0);
        let warnings = vec!["The answer was cut off".to_owned()];
        state.receive(Event::Finished { id, timings: Timings::default(), warnings }, 1.0);
        assert_eq!(state.notices.iter().count(), 1, "said while its answer is shown");
        state.apply(Command::ShowRun(RunId(1)));
        assert_eq!(state.notices.iter().count(), 0, "the other answer was not cut off");
        let kept = state.runs.get(id).and_then(|run| run.trace.as_ref()).map(|trace| trace.warnings.len());
        assert_eq!(kept, Some(1), "it stands below its answer");
    }

    #[test]
    fn what_goes_wrong_with_another_photo_is_said_with_a_way_to_it() {
        let mut state = answered();
        state.apply(Command::AskThis("More?".to_owned()));
        state.apply(Command::NextImage);
        state.receive(Event::Failed(RunId(2), "The photo is gone: a.png".to_owned()), 1.0);
        assert_eq!(state.notices.iter().count(), 0, "no button that would ask about this photo");
        let toast = state.toasts.iter().next().cloned().expect("it is said");
        assert!(toast.text.contains("The photo is gone"), "why: {}", toast.text);
        assert_eq!(toast.action.map(|(_, show)| show), Some(Command::ShowAnswer(RunId(2))), "and where");
    }
}
