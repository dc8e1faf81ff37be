//! Whether what comes is worth the wait.

use super::options::Patience;
use std::time::{Duration, Instant};

/// One file or answer on its way, over all attempts to get it.
///
/// Only what comes beyond the most that there ever was counts: a hub that lets a file begin again and again brings
/// nothing.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Patience,
    /// **Units** bytes.
    most: u64,
    /// What there was when enough had come the last time, and when that was.
    since: (u64, Instant),
    in_vain: u32,
    /// When it is over whatever comes.
    end: Option<Instant>,
}

impl Watch {
    /// Of a file that there are so many bytes of.
    pub(super) fn of_file(patience: Patience, bytes: u64) -> Self {
        Self { patience, most: bytes, since: (bytes, Instant::now()), in_vain: 0, end: None }
    }

    /// Of an answer that is read into memory, which has to come to its end.
    pub(super) fn of_answer(patience: Patience) -> Self {
        let end = Instant::now() + patience.progress_within * 5;
        Self { end: Some(end), ..Self::of_file(patience, 0) }
    }

    /// So many bytes are there.
    pub(super) fn reached(&mut self, bytes: u64) {
        self.most = self.most.max(bytes);
        if self.most - self.since.0 >= self.patience.progress_bytes {
            self.since = (self.most, Instant::now());
            self.in_vain = 0;
        }
    }

    /// An attempt is over. How often that was so without enough having come.
    pub(super) fn broke_off(&mut self) -> u32 {
        self.in_vain += 1;
        self.in_vain
    }

    /// Until when something has to come.
    pub(super) fn deadline(&self) -> Instant {
        let next = self.since.1 + self.patience.progress_within;
        self.end.map_or(next, |end| end.min(next))
    }

    /// Why the waiting was over.
    pub(super) fn too_slow(&self) -> String {
        let secs = |time: Duration| time.as_secs_f64().ceil();
        if self.end.is_some_and(|end| end <= Instant::now()) {
            return format!("the answer took more than {} s", secs(self.patience.progress_within * 5));
        }
        let Patience { progress_bytes, progress_within, .. } = self.patience;
        format!("less than {progress_bytes} bytes came in {} s", secs(progress_within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Patience {
        Patience { progress_bytes: 100, ..Patience::default() }
    }

    #[test]
    fn only_what_was_never_there_is_progress() {
        let mut watch = Watch::of_file(patience(), 1000);
        for round in 1..4 {
            watch.reached(0);
            watch.reached(1099);
            assert_eq!(watch.broke_off(), round, "the same bytes again");
        }
        watch.reached(1100);
        assert_eq!(watch.broke_off(), 1, "a hundred more");
    }

    #[test]
    fn drops_add_up_to_progress_and_single_ones_do_not() {
        let mut watch = Watch::of_file(patience(), 0);
        let mut most = 0;
        for byte in 1..=250 {
            watch.reached(byte);
            most = most.max(watch.broke_off());
        }
        assert_eq!(most, 100, "every hundredth begins anew");
    }

    #[test]
    fn an_answer_has_an_end_that_no_progress_moves() {
        let mut file = Watch::of_file(patience(), 0);
        let mut answer = Watch::of_answer(Patience { progress_within: Duration::ZERO, ..patience() });
        let first = file.deadline();
        std::thread::sleep(Duration::from_millis(2));
        file.reached(100);
        answer.reached(100);
        assert!(file.deadline() > first, "a file may take as long as it comes");
        assert!(answer.deadline() <= Instant::now() && answer.too_slow().contains("more than 0 s"), "an answer not");
    }
}
