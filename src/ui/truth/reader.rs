//! The thread that reads what is known about the image looked at.

use super::ImageTruth;
use crate::analysis::chair::Extractor;
use crate::data::dataset::Dataset;
use crate::ui::link::Waker;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::Arc;
use std::thread::JoinHandle;

/// An image of a data set.
#[derive(Debug, Clone)]
struct Wish {
    dataset: Arc<Dataset>,
    row: usize,
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dataset, &other.dataset) && self.row == other.row
    }
}

/// See the module's documentation. The latest wish wins.
pub(in crate::ui) struct TruthReader {
    wanted: Option<Sender<Wish>>,
    done: Receiver<(Wish, Arc<ImageTruth>)>,
    shown: Option<Wish>,
    thread: Option<JoinHandle<()>>,
}

impl TruthReader {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let (wanted, wishes) = channel::<Wish>();
        let (sender, done) = channel();
        let wake = Arc::clone(wake);
        let thread = std::thread::Builder::new().name("gazelens-truth".to_owned()).spawn(move || {
            let extractor = Extractor::default();
            while let Ok(mut wish) = wishes.recv() {
                while let Ok(newer) = wishes.try_recv() {
                    wish = newer;
                }
                let truth = look(&wish, &extractor);
                if sender.send((wish, Arc::new(truth))).is_err() {
                    return;
                }
                wake();
            }
        });
        Self { wanted: Some(wanted), done, shown: None, thread: thread.ok() }
    }

    /// Asks for an image; `true` when it is another one than before.
    pub(in crate::ui) fn show(&mut self, dataset: Option<&Arc<Dataset>>, row: Option<usize>) -> bool {
        let wish = dataset.zip(row).map(|(dataset, row)| Wish { dataset: Arc::clone(dataset), row });
        if self.shown == wish {
            return false;
        }
        if let (Some(wish), Some(wanted)) = (&wish, &self.wanted) {
            wanted.send(wish.clone()).ok();
        }
        self.shown = wish;
        true
    }

    /// What was read of the image that is wanted now.
    pub(in crate::ui) fn poll(&mut self) -> Option<Arc<ImageTruth>> {
        let done = std::iter::from_fn(|| self.done.try_recv().ok());
        done.filter(|(wish, _)| self.shown.as_ref() == Some(wish)).last().map(|(_, truth)| truth)
    }
}

impl Drop for TruthReader {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn look(wish: &Wish, extractor: &Extractor) -> ImageTruth {
    let Wish { dataset, row } = wish;
    let id = dataset.rows().get(*row).and_then(|row| row.image_id);
    let captions: Vec<&str> = dataset.captions_of(*row).iter().map(|caption| caption.text.as_str()).collect();
    let instances = dataset.instances().map(AsRef::as_ref);
    ImageTruth::look(id.unwrap_or_default(), instances.filter(|_| id.is_some()), &captions, extractor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::opening::{bundled, join};

    #[test]
    fn the_latest_wish_arrives() {
        let (sender, woken) = channel();
        let wake: Waker = Arc::new(move || {
            sender.send(()).ok();
        });
        let dataset = join(bundled(), None).dataset;
        let mut reader = TruthReader::new(&wake);
        assert!(reader.show(Some(&dataset), Some(0)), "another image");
        assert!(!reader.show(Some(&dataset), Some(0)), "the same");
        reader.show(Some(&dataset), Some(5));
        let truth = loop {
            woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
            if let Some(truth) = reader.poll() {
                break truth;
            }
        };
        assert_eq!(Some(truth.image_id), dataset.rows()[5].image_id, "the one asked for last");
        assert!(reader.show(Some(&dataset), None) && reader.poll().is_none(), "nothing is looked at");
    }
}
