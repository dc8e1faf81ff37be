//! What studies need besides the window's thread: reading and filtering runs, asking studies.

use super::job::StudyJob;
use super::reading::{ListWish, Listed, ReadAnswer, ReadWish, Reader};
use super::state::StudyState;
use crate::study::StudyPlan;
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Least time between two looks at the files of a run.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A run that takes long to read is read again after so many times that.
const READING_SHARE: f64 = 5.0;

/// What studies need besides the window's thread: reading and filtering runs, asking studies.
pub(in crate::ui) struct Studies {
    wake: Waker,
    reader: Latest<ReadWish, ReadAnswer>,
    lister: Latest<ListWish, Arc<Listed>>,
    asked: Option<Asked>,
    /// Between two looks at the files.
    pause: Duration,
    job: Option<StudyJob>,
}

/// The last reading that was asked for.
struct Asked {
    wish: ReadWish,
    at: Instant,
    /// Nothing came of it yet.
    is_waiting: bool,
}

impl Studies {
    /// `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let mut reader = Reader::default();
        Self {
            wake: Arc::clone(wake),
            reader: Latest::new("gazelens-study-read", wake, move |wish| reader.read(wish)),
            lister: Latest::new("gazelens-study-list", wake, |wish: &ListWish| {
                Arc::new(Listed::of(&wish.run, &wish.filter))
            }),
            asked: None,
            pause: LOOK_EVERY,
            job: None,
        }
    }

    /// Begins to ask a study.
    pub(in crate::ui) fn start(&mut self, plan: StudyPlan) {
        self.job = Some(StudyJob::start(plan, &self.wake));
    }

    /// Stops behind the answer that is being made.
    pub(in crate::ui) fn pause(&self) {
        if let Some(job) = &self.job {
            job.pause();
        }
    }

    /// Takes in what came and asks for what is looked at. Says when to look again, if it is to be.
    pub(in crate::ui) fn follow(&mut self, state: &mut StudyState) -> Option<Duration> {
        self.follow_job(state);
        if let Some(answer) = self.reader.poll() {
            self.take(answer, state);
        }
        let again = self.look(state);
        let wish = state.run.as_ref().map(|run| ListWish { run: Arc::clone(run), filter: state.view.filter.clone() });
        self.lister.ask(wish);
        if let Some(listed) = self.lister.poll() {
            state.listed = Some(listed);
        }
        again
    }

    fn follow_job(&mut self, state: &mut StudyState) {
        let Some(job) = &self.job else { return };
        let told = job.told();
        if let Some(asking) = &mut state.asking {
            let begins = asking.progress.is_none() && told.progress.is_some();
            asking.stage = told.stage;
            asking.progress = told.progress;
            // Its folder is a run from here on.
            if begins {
                let out = asking.out.clone();
                state.look_at(out);
            }
        }
        if let Some(end) = told.end {
            self.job = None;
            state.asking = None;
            state.ended = Some(end);
            // What was written last is read at once.
            if let Some(asked) = &mut self.asked {
                asked.at = asked.at.checked_sub(self.pause).unwrap_or(asked.at);
            }
        }
    }

    fn take(&mut self, answer: ReadAnswer, state: &mut StudyState) {
        if let Some(asked) = &mut self.asked {
            asked.is_waiting = false;
        }
        match answer {
            ReadAnswer::Same => {}
            ReadAnswer::Read(run, secs) => {
                self.pause = LOOK_EVERY.max(Duration::from_secs_f64(secs * READING_SHARE));
                state.problem = None;
                state.run = Some(run);
            }
            ReadAnswer::Failed(why) => {
                state.problem = Some(why);
                (state.run, state.listed) = (None, None);
            }
        }
    }

    /// Asks for the run that is looked at: at once when it is another one, else from time to time while it may grow.
    fn look(&mut self, state: &StudyState) -> Option<Duration> {
        let Some(folder) = &state.folder else {
            self.asked = None;
            self.reader.ask(None);
            return None;
        };
        let number = match &self.asked {
            Some(asked) if asked.wish.folder == *folder => {
                if asked.is_waiting {
                    return None; // its coming wakes the window
                }
                let is_over = state.run.as_ref().is_some_and(|run| run.found.is_complete());
                if (is_over || !state.visible) && state.asking.is_none() {
                    return None;
                }
                let left = self.pause.saturating_sub(asked.at.elapsed());
                if !left.is_zero() {
                    return Some(left);
                }
                asked.wish.number + 1
            }
            _ => 0,
        };
        let wish = ReadWish { folder: folder.clone(), number };
        self.reader.ask(Some(wish.clone()));
        self.asked = Some(Asked { wish, at: Instant::now(), is_waiting: true });
        None
    }
}
