//! How far a figure is, and a way to stop it.

use super::FigureError;
use std::sync::atomic::{AtomicBool, Ordering};

/// Told what is being done, and asked whether to go on.
pub struct Watch<'a> {
    told: Option<Told<'a>>,
}

struct Told<'a> {
    cancel: &'a AtomicBool,
    tell: &'a mut dyn FnMut(&str, f32),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("watched", &self.told.is_some()).finish()
    }
}

impl<'a> Watch<'a> {
    /// `tell` gets words and a part from 0 to 1; a raised `cancel` ends the work before the next panel.
    pub fn new(cancel: &'a AtomicBool, tell: &'a mut dyn FnMut(&str, f32)) -> Self {
        Self { told: Some(Told { cancel, tell }) }
    }

    /// Nobody looks.
    pub fn quiet() -> Self {
        Self { told: None }
    }

    pub(super) fn at(&mut self, what: impl FnOnce() -> String, part: f32) -> Result<(), FigureError> {
        let Some(told) = &mut self.told else { return Ok(()) };
        if told.cancel.load(Ordering::Relaxed) {
            return Err(FigureError::Stopped);
        }
        (told.tell)(&what(), part.clamp(0.0, 1.0));
        Ok(())
    }

    /// One panel of several is begun; together they take the work from one part to the other.
    pub(super) fn panel(
        &mut self,
        doing: &str,
        [idx, count]: [usize; 2],
        [from, to]: [f32; 2],
    ) -> Result<(), FigureError> {
        let part = from + (to - from) * idx as f32 / count.max(1) as f32;
        self.at(|| format!("{doing} panel {} of {count}", idx + 1), part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_told_until_it_is_stopped() {
        let cancel = AtomicBool::new(false);
        let mut told = Vec::new();
        let mut tell = |what: &str, part: f32| told.push((what.to_owned(), part));
        let mut watch = Watch::new(&cancel, &mut tell);
        watch.panel("Drawing", [2, 8], [0.5, 0.9]).expect("goes on");
        cancel.store(true, Ordering::Relaxed);
        assert!(matches!(watch.panel("Drawing", [3, 8], [0.5, 0.9]), Err(FigureError::Stopped)), "stopped");
        assert_eq!(told, [("Drawing panel 3 of 8".to_owned(), 0.6)], "once");
        Watch::quiet().panel("Drawing", [0, 1], [0.0, 1.0]).expect("nobody can stop it");
    }
}
