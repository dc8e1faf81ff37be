//! What pairs need besides the window's thread: looking, and making maps.

use super::looking::{LookWish, Looker, MapsWish, PairMaps, SeenPair, Told, Wish};
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::features::AppState;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What comes of a wish.
type Looked = Option<Result<Arc<SeenPair>, String>>;

/// What pairs need besides the window's thread: looking, and making maps.
pub(in crate::ui) struct PairLooks {
    looker: Latest<Wish, Looked>,
    mapper: Latest<MapsWish, Arc<PairMaps>>,
    told: Told,
    /// Ends what is being looked at.
    stop: Arc<AtomicBool>,
}

impl Drop for PairLooks {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl PairLooks {
    /// `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let told = Told::new(wake);
        let mut looker = Looker::new(told.clone());
        Self {
            looker: Latest::new("gazelens-pairs", wake, move |wish| looker.carry_out(wish)),
            mapper: Latest::new("gazelens-pair-maps", wake, |wish| Arc::new(PairMaps::of(wish))),
            told,
            stop: Arc::default(),
        }
    }

    /// Takes in what came and asks for what is looked at.
    pub(in crate::ui) fn follow(&mut self, state: &mut AppState) {
        let wish = self.wanted(state);
        if wish.as_ref() != self.looker.asked() {
            // Whoever looks at another pair waits for this one no longer.
            self.stop.store(true, Ordering::Relaxed);
            if let Some(Wish::Look(look)) = &wish {
                self.stop = Arc::clone(&look.stop);
            }
            self.looker.ask(wish);
        }
        let pairs = &mut state.pairs;
        if pairs.is_stopping {
            self.stop.store(true, Ordering::Relaxed);
        }
        if let Some(seen) = self.looker.poll().flatten() {
            pairs.seen = Some(seen);
            pairs.is_stopping = false;
        }
        pairs.looking = if pairs.chosen.is_some() && pairs.seen.is_none() { self.told.now() } else { None };
        let seen = pairs.seen.as_ref().and_then(|seen| seen.as_ref().ok());
        self.mapper.ask(seen.map(|seen| MapsWish {
            seen: Arc::clone(seen),
            layer_heads: pairs.view.layer_heads,
            normalisation: pairs.view.normalisation,
        }));
        if let Some(maps) = self.mapper.poll() {
            pairs.maps = Some(maps);
        }
    }

    fn wanted(&self, state: &AppState) -> Option<Wish> {
        let pairs = &state.pairs;
        let before = self.looker.asked();
        if pairs.file.is_none() {
            return before.map(|_| Wish::Forget);
        }
        let Some((pair, photos)) = pairs.pair().zip(pairs.photos()) else { return before.map(|_| Wish::Rest) };
        let models = [pair.model.clone()?, pair.second_model.clone()?];
        let (device, dtype) = (state.model.device, state.model.dtype);
        let look = LookWish { photos, models, device, dtype, number: pairs.number, stop: Arc::default() };
        let look = Wish::Look(look);
        // A panel behind others begins nothing; what it began goes on.
        if pairs.visible || before == Some(&look) { Some(look) } else { before.cloned() }
    }
}
