//! What becomes of the shown photo when a control of attention prompting moves: the map of the chosen layer, and the
//! mask on every pixel, made on a thread of its own. Only the latest wish counts; the picture itself is mixed by the
//! shader.

use crate::geometry::{ImageLayout, ImageSize};
use crate::prompting::{PromptOptions, grid_mask, photo_mask};
use crate::render::{HeatMap, PromptMask};
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::features::derived::content_key;
use crate::ui::features::{AppState, Made};
use std::sync::Arc;

#[derive(Clone)]
struct Wish {
    made: Arc<Made>,
    options: PromptOptions,
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.made, &other.made) && self.options == other.options
    }
}

/// The shown photo as attention prompting would darken it: the map of the chosen layer, and the mask on every pixel.
#[derive(Debug, Clone)]
pub(in crate::ui) struct PromptedPicture {
    /// What it was made of.
    pub(in crate::ui) made: Arc<Made>,
    /// Where the model looked, before anything was stretched.
    pub(in crate::ui) map: HeatMap,
    /// How much of each pixel stays.
    pub(in crate::ui) mask: PromptMask,
    /// Mean of the mask, 0 to 1.
    pub(in crate::ui) mean: f64,
    /// The map has no differences: nothing is darkened.
    pub(in crate::ui) is_flat: bool,
}

/// Makes the latest [`PromptedPicture`] on a thread of its own.
pub(in crate::ui) struct PromptedPictures {
    pictures: Latest<Wish, Result<PromptedPicture, String>>,
    latest: Option<Result<PromptedPicture, String>>,
}

impl PromptedPictures {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        Self { pictures: Latest::new("gazelens-prompted", wake, make), latest: None }
    }

    /// Asks for what belongs to the present settings, and takes what has come.
    pub(in crate::ui) fn follow(&mut self, state: &AppState) {
        // First what came of the wish before: while a control moves, every frame has another one.
        if let Some(done) = self.pictures.poll() {
            self.latest = Some(done);
        }
        // The grey level is the shader's business.
        let options = PromptOptions { grey: 0, ..state.prompting.settings.options };
        let wish = state.made().map(|made| Wish { made: Arc::clone(made), options });
        let same_photo = |made: &Arc<Made>| {
            state
                .made()
                .is_some_and(|now| now.request.image == made.request.image && now.request.source == made.request.source)
        };
        if matches!(&self.latest, Some(Ok(picture)) if !same_photo(&picture.made)) || wish.is_none() {
            self.latest = None;
        }
        self.pictures.ask(wish);
        if let Some(done) = self.pictures.poll() {
            self.latest = Some(done);
        }
    }

    /// The latest one of the shown photo, or why there is none; `None` while the first is made.
    pub(in crate::ui) fn picture(&self) -> Option<Result<&PromptedPicture, &str>> {
        self.latest.as_ref().map(|latest| latest.as_ref().map_err(String::as_str))
    }
}

fn make(wish: &Wish) -> Result<PromptedPicture, String> {
    let Wish { made, options } = wish;
    let attribution = &made.attribution;
    let size = attribution.view.image;
    let values = attribution.map(options.layer_idx, options.formula).map_err(|err| err.to_string())?;
    let grid = grid_mask(attribution, options).map_err(|err| err.to_string())?;
    let levels = photo_mask(&grid, &attribution.view, size, options.resample, options.geometry)
        .map_err(|err| err.to_string())?;
    let mean = mean(&levels, size);
    // Keys of other maps are counted or hashed by what they are of: the two top bits tell these from them.
    let key = content_key(&values) | 0b11 << 62;
    let map = HeatMap { layout: Arc::new(ImageLayout::of_view(&attribution.view, 0)), values: values.into(), key };
    Ok(PromptedPicture {
        made: Arc::clone(made),
        map,
        mask: PromptMask::new(size, levels),
        mean,
        is_flat: grid.is_flat,
    })
}

fn mean(levels: &[u8], size: ImageSize) -> f64 {
    let pixels = f64::from(size.width_px) * f64::from(size.height_px);
    let sum: u64 = levels.iter().map(|level| u64::from(*level)).sum();
    sum as f64 / (255.0 * pixels.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, Request};
    use crate::ui::core::command::{Command, PromptingCommand};
    use crate::ui::features::Effect;
    use crate::ui::features::mitigation::prompting::tests::attributed;
    use crate::ui::features::testing::{answered, info};
    use std::sync::mpsc::{Receiver, channel};

    fn next(pictures: &mut PromptedPictures, state: &AppState, woken: &Receiver<()>) -> PromptMask {
        woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
        pictures.follow(state);
        pictures.picture().expect("made").expect("without fault").mask.clone()
    }

    #[test]
    fn the_mask_follows_the_controls_but_not_the_grey_level() {
        let (sender, woken) = channel();
        let wake: Waker = Arc::new(move || {
            sender.send(()).ok();
        });
        let mut state = answered();
        let effects = state.apply(Command::Prompting(PromptingCommand::Find));
        let Some(Effect::Send(Request::Attribute(id, ..))) = effects.first() else { panic!("found {effects:?}") };
        state.receive(Event::Attributed(*id, attributed(), info(2, 2)), 0.0);
        let mut pictures = PromptedPictures::new(&wake);
        pictures.follow(&state);
        assert!(pictures.picture().is_none(), "it is being made");
        let first = next(&mut pictures, &state, &woken);
        assert_eq!(first.size_px(), [24, 24], "on every pixel of the photo");
        state.prompting.settings.options.grey = 99;
        pictures.follow(&state);
        assert!(woken.try_recv().is_err(), "nothing is made for another grey");
        state.prompting.settings.options.enhance = 1.0;
        pictures.follow(&state);
        let kept = pictures.picture().expect("there").expect("without fault").mask.key();
        assert_eq!(kept, first.key(), "the one before stays in sight");
        assert_ne!(next(&mut pictures, &state, &woken).key(), first.key(), "until the new one is there");
        state.apply(Command::NextImage);
        pictures.follow(&state);
        assert!(pictures.picture().is_none(), "another photo");
    }
}
