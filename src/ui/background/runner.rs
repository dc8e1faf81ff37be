//! Jobs of the window, each on a thread of its own: polled every frame, never waited for.

use super::link::Waker;
use poll_promise::Promise;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A dialog that comes back empty within this time was never on the screen: nobody cancels that fast.
const LEAST_DIALOG: Duration = Duration::from_millis(600);

/// How far a job is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// "Reading `instances_val2014.json`".
    pub what: String,
    /// 0 to 1.
    pub share: f32,
    /// Whether it can be stopped.
    pub can_stop: bool,
}

/// A kind of job of which one runs at a time: where it tells how far it is, and is told to stop.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct Track {
    stop: Arc<AtomicBool>,
    progress: Arc<Mutex<Option<Progress>>>,
}

impl Track {
    /// Tells the job to stop.
    pub(in crate::ui) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// How far the job is; `None` while there is none.
    pub(in crate::ui) fn progress(&self) -> Option<Progress> {
        self.progress.lock().ok().and_then(|progress| progress.clone())
    }

    fn set(&self, now: Option<Progress>) {
        if let Ok(mut progress) = self.progress.lock() {
            *progress = now;
        }
    }
}

/// Runs jobs that come back as a `T`.
pub(in crate::ui) struct Runner<T: Send + 'static> {
    wake: Waker,
    running: Vec<Promise<Option<T>>>,
    dialog_open: Arc<AtomicBool>,
}

impl<T: Send + 'static> Runner<T> {
    /// `wake` draws a frame.
    pub(in crate::ui) fn new(wake: Waker) -> Self {
        Self { wake, running: Vec::new(), dialog_open: Arc::default() }
    }

    /// Jobs that were not heard of yet.
    pub(in crate::ui) fn num_running(&self) -> usize {
        self.running.len()
    }

    /// Starts a job; `None` is nothing to say.
    pub(in crate::ui) fn spawn(&mut self, name: &str, job: impl FnOnce() -> Option<T> + Send + 'static) {
        let wake = Arc::clone(&self.wake);
        self.running.push(Promise::spawn_thread(name, move || {
            let done = job();
            wake();
            done
        }));
    }

    /// Starts a job that tells how far it is. One that can be stopped is told so by the flag; one that cannot leaves a
    /// stop that is meant for another alone.
    pub(in crate::ui) fn spawn_on(
        &mut self,
        track: &Track,
        name: &str,
        can_stop: bool,
        job: impl FnOnce(&AtomicBool, &mut dyn FnMut(&str, f32)) -> T + Send + 'static,
    ) {
        if can_stop {
            track.stop.store(false, Ordering::Relaxed);
        }
        let (track, wake) = (track.clone(), Arc::clone(&self.wake));
        self.spawn(name, move || {
            let mut tell = |what: &str, share: f32| {
                track.set(Some(Progress { what: what.to_owned(), share, can_stop }));
                wake();
            };
            let done = job(&track.stop, &mut tell);
            track.set(None);
            Some(done)
        });
    }

    /// Shows a dialog of the desktop; `none` where none appeared. One at a time: a second one would hide behind the
    /// first.
    pub(in crate::ui) fn spawn_dialog(
        &mut self,
        none: T,
        dialog: impl FnOnce(rfd::FileDialog) -> Option<T> + Send + 'static,
    ) {
        if self.dialog_open.swap(true, Ordering::Relaxed) {
            return;
        }
        let open = Arc::clone(&self.dialog_open);
        self.spawn("gazelens-dialog", move || {
            let begun = Instant::now();
            let picked = dialog(rfd::FileDialog::new());
            open.store(false, Ordering::Relaxed);
            or_none(picked, none, begun.elapsed())
        });
    }

    /// What was finished since the last call.
    pub(in crate::ui) fn poll(&mut self) -> Vec<T> {
        let mut done = Vec::new();
        for promise in std::mem::take(&mut self.running) {
            match promise.try_take() {
                Ok(result) => done.extend(result),
                Err(unfinished) => self.running.push(unfinished),
            }
        }
        done
    }
}

/// What was picked, or that there was no dialog.
fn or_none<T>(picked: Option<T>, none: T, elapsed: Duration) -> Option<T> {
    picked.or_else(|| (elapsed < LEAST_DIALOG).then_some(none))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_dialog_that_returns_at_once_was_none() {
        let (fast, slow) = (Duration::from_millis(20), Duration::from_secs(2));
        assert_eq!(or_none(None, "none", fast), Some("none"), "nobody cancels that fast");
        assert_eq!(or_none(None, "none", slow), None, "cancelled by the user");
        assert_eq!(or_none(Some("picked"), "none", fast), Some("picked"), "picked");
    }

    #[test]
    fn a_job_tells_how_far_it_is_and_stops_when_it_is_told_to() {
        let (sender, woken) = channel();
        let mut runner = Runner::new(Arc::new(move || {
            sender.send(()).ok();
        }));
        let track = Track::default();
        track.stop(); // of an earlier one
        runner.spawn_on(&track, "gazelens-test", true, |stop, tell| {
            tell("Counting", 0.5);
            let begun = Instant::now();
            while !stop.load(Ordering::Relaxed) && begun.elapsed() < SOON {
                std::thread::yield_now();
            }
            begun.elapsed() < SOON
        });
        woken.recv_timeout(SOON).expect("the window is woken");
        let progress = track.progress().expect("it tells");
        assert_eq!((progress.what.as_str(), progress.can_stop), ("Counting", true), "what and how");
        assert!((progress.share - 0.5).abs() < 1e-6 && runner.poll().is_empty(), "half of it");
        track.stop();
        woken.recv_timeout(SOON).expect("woken again");
        let done = std::iter::repeat_with(|| runner.poll()).find(|done| !done.is_empty()).expect("endless");
        assert_eq!((done, track.progress(), runner.num_running()), (vec![true], None, 0), "it stopped, and is over");
    }
}
