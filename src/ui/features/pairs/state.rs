//! The file of pairs that is open, the pair that is looked at, and what was seen of it.

use super::looking::{PairMaps, SeenPair, short_name};
use crate::engine::ImageSource;
use crate::study::{PairsFile, PhotoPair};
use crate::ui::core::command::{PairOrder, PairsCommand, PairsView};
use crate::ui::core::pane::Pane;
use crate::ui::features::{AppState, Effect, Progress, Severity, Until};
use std::path::PathBuf;
use std::sync::Arc;

/// The file of pairs that is open, the pair that is looked at, and what was seen of it.
#[derive(Debug, Clone, Default)]
pub struct PairsState {
    /// What the panel shows.
    pub view: PairsView,
    /// The file.
    pub file: Option<Arc<PairsFile>>,
    /// Places of the pairs in the file, as they are sorted.
    pub listed: Vec<usize>,
    /// Place of the pair that is looked at.
    pub chosen: Option<usize>,
    /// How far looking is.
    pub looking: Option<Progress>,
    /// What was seen, or why nothing was.
    pub seen: Option<Result<Arc<SeenPair>, String>>,
    /// What is shown of it.
    pub maps: Option<Arc<PairMaps>>,
    /// Whether looking is to be stopped.
    pub is_stopping: bool,
    /// Times that a pair was looked at once more.
    pub number: u64,
    /// Whether the panel is in front.
    pub visible: bool,
}

/// What is to be done outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub enum PairsEffect {
    /// A dialog for a file of pairs.
    Pick,
    /// Read a file of pairs.
    Read(PathBuf),
}

impl PairsState {
    /// The pair that is looked at.
    pub fn pair(&self) -> Option<&PhotoPair> {
        self.file.as_ref()?.pairs.get(self.chosen?)
    }

    /// What an encoder (0 or 1) is called for short.
    pub fn encoder(&self, idx: usize) -> String {
        let pair = self.pair().or_else(|| self.file.as_ref()?.pairs.first());
        let name = pair.and_then(|pair| if idx == 0 { pair.model.as_deref() } else { pair.second_model.as_deref() });
        name.map_or_else(|| format!("encoder {}", idx + 1), |name| short_name(name).to_owned())
    }

    /// Both photos of the chosen pair.
    pub fn photos(&self) -> Option<[PathBuf; 2]> {
        Some(self.file.as_ref()?.photos(self.pair()?))
    }

    fn sort(&mut self) {
        let Some(file) = &self.file else { return self.listed.clear() };
        let mut places: Vec<usize> = (0..file.pairs.len()).collect();
        let pair = |place: &usize| file.pairs.get(*place);
        let by = |number: fn(&PhotoPair) -> f64| move |place: &usize| pair(place).map_or(0.0, number);
        let sorted_by = |places: &mut Vec<usize>, number: fn(&PhotoPair) -> f64| {
            let number = by(number);
            places.sort_by(|a, b| number(a).total_cmp(&number(b)));
        };
        match self.view.order {
            PairOrder::Difference => sorted_by(&mut places, |pair| -pair.difference()),
            PairOrder::First => sorted_by(&mut places, |pair| -pair.model_cosine),
            PairOrder::Second => sorted_by(&mut places, |pair| pair.second_cosine),
            PairOrder::Names => places.sort_by_key(|place| pair(place).map(|pair| (&pair.first, &pair.second))),
        }
        self.listed = places;
    }

    fn choose(&mut self, place: Option<usize>) {
        self.chosen = place;
        (self.seen, self.maps, self.is_stopping) = (None, None, false);
    }
}

impl AppState {
    pub(in crate::ui) fn apply_pairs(&mut self, command: PairsCommand) -> Vec<Effect> {
        match command {
            PairsCommand::Pick => return vec![Effect::Pairs(PairsEffect::Pick)],
            PairsCommand::Open(path) => return vec![Effect::Pairs(PairsEffect::Read(path))],
            PairsCommand::Close => {
                self.pairs.file = None;
                self.pairs.listed.clear();
                self.pairs.choose(None);
            }
            PairsCommand::SetView(view) => {
                let is_sorted = self.pairs.view.order == view.order;
                self.pairs.view = view;
                if !is_sorted {
                    self.pairs.sort();
                }
            }
            PairsCommand::Choose(place) => {
                let is_new = self.pairs.chosen != Some(place);
                if is_new && self.pairs.file.as_ref().is_some_and(|file| place < file.pairs.len()) {
                    self.pairs.choose(Some(place));
                }
            }
            PairsCommand::Stop => self.pairs.is_stopping = true,
            PairsCommand::LookAgain => {
                self.pairs.number += 1;
                self.pairs.choose(self.pairs.chosen);
            }
            PairsCommand::ShowPhoto(idx) => {
                let photo = self.pairs.photos().and_then(|photos| photos.get(idx).cloned());
                let Some(photo) = photo else { return Vec::new() };
                if let Some(idx) = self.library.add([ImageSource::Path(photo)]) {
                    self.select_image(idx);
                }
                return vec![Effect::BringToFront(Pane::Photo)];
            }
        }
        Vec::new()
    }

    /// A file of pairs was read, or was not: a sentence.
    pub(in crate::ui) fn pairs_read(&mut self, read: Result<PairsFile, String>) -> Vec<Effect> {
        match read {
            Ok(file) => {
                self.pairs.file = Some(Arc::new(file));
                self.pairs.choose(None);
                self.pairs.sort();
                vec![Effect::BringToFront(Pane::Pairs)]
            }
            Err(why) => {
                self.notices.push((Severity::Error, Until::Dismissed), why, "", None);
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::core::command::Command;

    fn file() -> PairsFile {
        let pair = |first: &str, model_cosine, second_cosine| PhotoPair {
            first: first.to_owned(),
            second: "z.png".to_owned(),
            model_cosine,
            second_cosine,
            ..PhotoPair::default()
        };
        let pairs = vec![pair("b.png", 0.99, 0.5), pair("a.png", 0.97, 0.1), pair("c.png", 0.96, 0.05)];
        PairsFile { path: "pairs.jsonl".into(), pairs }
    }

    #[test]
    fn pairs_are_sorted_by_what_is_asked_for() {
        let mut state = AppState::default();
        assert_eq!(state.pairs_read(Ok(file())), [Effect::BringToFront(Pane::Pairs)], "the panel comes");
        for (order, expected) in [
            (PairOrder::Difference, [2, 1, 0]),
            (PairOrder::First, [0, 1, 2]),
            (PairOrder::Second, [2, 1, 0]),
            (PairOrder::Names, [1, 0, 2]),
        ] {
            let view = PairsView { order, ..state.pairs.view };
            state.apply(Command::Pairs(PairsCommand::SetView(view)));
            assert_eq!(state.pairs.listed, expected, "{order:?}");
        }
        state.apply(Command::Pairs(PairsCommand::Choose(9)));
        assert_eq!(state.pairs.chosen, None, "there is no such pair");
        state.apply(Command::Pairs(PairsCommand::Choose(1)));
        assert_eq!(state.pairs.pair().map(|pair| pair.first.as_str()), Some("a.png"), "the chosen one");
        assert_eq!(state.pairs.encoder(1), "encoder 2", "a file of before names none");
        state.apply(Command::Pairs(PairsCommand::Close));
        assert!(state.pairs.pair().is_none() && state.pairs.listed.is_empty(), "nothing is left");
    }
}
