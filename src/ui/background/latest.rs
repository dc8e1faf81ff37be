//! A thread that does one thing for the window; only the latest wish counts.

use crate::ui::background::link::Waker;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// A thread that does one thing for the window; only the latest wish counts. Wishes that are equal ask for the same.
pub(in crate::ui) struct Latest<W, R> {
    wanted: Option<Sender<W>>,
    done: Receiver<(W, R)>,
    asked: Option<W>,
    thread: Option<JoinHandle<()>>,
}

impl<W: Clone + PartialEq + Send + 'static, R: Send + 'static> Latest<W, R> {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(name: &str, wake: &Waker, mut work: impl FnMut(&W) -> R + Send + 'static) -> Self {
        let (wanted, wishes) = channel::<W>();
        let (sender, done) = channel();
        let wake = Arc::clone(wake);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(mut wish) = wishes.recv() {
                while let Ok(newer) = wishes.try_recv() {
                    wish = newer;
                }
                let result = work(&wish);
                if sender.send((wish, result)).is_err() {
                    return;
                }
                wake();
            }
        });
        Self { wanted: Some(wanted), done, asked: None, thread: thread.ok() }
    }

    /// Asks, unless this was asked last; `true` when it is something else than before. `None` wants nothing any more.
    pub(in crate::ui) fn ask(&mut self, wish: Option<W>) -> bool {
        if self.asked == wish {
            return false;
        }
        if let (Some(wish), Some(wanted)) = (&wish, &self.wanted) {
            wanted.send(wish.clone()).ok();
        }
        self.asked = wish;
        true
    }

    /// What was asked last: a wish that takes a while to make need not be made again.
    pub(in crate::ui) fn asked(&self) -> Option<&W> {
        self.asked.as_ref()
    }

    /// What came of the latest wish.
    pub(in crate::ui) fn poll(&mut self) -> Option<R> {
        let done = std::iter::from_fn(|| self.done.try_recv().ok());
        done.filter(|(wish, _)| self.asked.as_ref() == Some(wish)).last().map(|(_, result)| result)
    }
}

impl<W, R> Drop for Latest<W, R> {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wish_counts() {
        let (sender, woken) = channel();
        let wake: Waker = Arc::new(move || {
            sender.send(()).ok();
        });
        let mut squares = Latest::new("squares", &wake, |n: &u32| n * n);
        assert!(squares.ask(Some(2)) && !squares.ask(Some(2)), "asked once");
        squares.ask(Some(3));
        let found = loop {
            woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
            if let Some(found) = squares.poll() {
                break found;
            }
        };
        assert_eq!(found, 9, "of the last number");
        assert!(squares.ask(None) && squares.poll().is_none(), "nothing is wanted");
    }
}
