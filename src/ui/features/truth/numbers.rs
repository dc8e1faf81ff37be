//! The shown map held against the objects of the image: metrics, curves, and which objects it lies on. Patch by patch,
//! which is exact for a map whose patches are not smoothed, and takes microseconds.

use crate::analysis::chair::Extractor;
use crate::analysis::localisation::{
    CategoryShare, Counted, CurvePoint, Evaluation, PatchCoverage, Ranked, Undefined, category_shares, metrics,
};
use crate::analysis::{MapOptions, Normalisation, Reduce, TokenRef, TokenSet, WordOrigin, decoder_map, word_origin};
use crate::data::coco::Category;
use crate::data::pope::Label;
use crate::engine::RunId;
use crate::geometry::{Combine, ImageLayout};
use crate::render::HeatMap;
use crate::trace::Trace;
use crate::ui::core::settings::{Cut, LayerHead};
use crate::ui::features::derived::{ShownMap, selection_of};
use crate::ui::features::truth::{ImageTruth, Marks};
use crate::ui::features::{AppState, Run, TokenPos};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Thresholds of a curve.
const CURVE_POINTS: usize = 101;

/// What the metrics depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    map: u64,
    category_id: u32,
    cut: Cut,
    counted: Counted,
}

/// What a word's origin depends on.
#[derive(Debug, Clone, PartialEq)]
struct OriginKey {
    run: RunId,
    version: u64,
    tokens: Vec<usize>,
    choice: LayerHead,
}

/// The shown map against the chosen category.
#[derive(Debug, Clone)]
pub struct Scores {
    key: Key,
    /// The category.
    pub category_id: u32,
    /// Which pixels count.
    pub counted: Counted,
    /// Where the map is cut, in its own numbers.
    pub threshold: f64,
    /// The mean over the pixels that count.
    pub mean: f64,
    /// Largest value of the map.
    pub max: f64,
    /// In the order of [`metrics`].
    pub values: Vec<Result<f64, Undefined>>,
    /// From the smallest to the largest value.
    pub curve: Vec<CurvePoint>,
    /// Pixels that count, and those of them in the mask.
    pub pixels: u64,
    /// See `pixels`.
    pub mask_area: u64,
}

/// The shown map held against the objects of the image: metrics, curves, and which objects it lies on.
#[derive(Debug, Default)]
pub struct TruthNumbers {
    extractor: Extractor,
    /// Object words of the answer.
    pub marks: Marks,
    image: Option<Arc<ImageTruth>>,
    layout: Option<(Arc<ImageLayout>, Combine)>,
    coverages: BTreeMap<u32, Arc<PatchCoverage>>,
    /// Against the chosen category, or why there are none.
    pub scores: Option<Result<Scores, String>>,
    /// What is known about the choice of the held tokens, or why nothing is; `None` where none are held.
    pub origin: Option<Result<WordOrigin, String>>,
    origin_key: Option<OriginKey>,
    shares_of: Option<u64>,
    /// Categories by the attention of the shown map inside their masks, most first; once all masks are laid on patches.
    pub shares: Vec<CategoryShare<u32>>,
    word_shares_of: Option<(OriginKey, bool)>,
    /// The same of what the decoder attended to when it chose the held tokens, whatever map is shown.
    pub word_shares: Vec<CategoryShare<u32>>,
}

impl TruthNumbers {
    /// Finds object words.
    pub(in crate::ui) fn extractor(&self) -> &Extractor {
        &self.extractor
    }

    /// Brings everything up to date. Masks that are not chosen are laid on patches until the deadline; returns whether
    /// some are missing.
    pub(in crate::ui) fn advance(
        &mut self,
        state: &AppState,
        run: &Run,
        shown: Option<&ShownMap>,
        deadline: Instant,
    ) -> bool {
        let truth = state.truth.image.as_ref();
        self.marks.update(run, truth, &self.extractor);
        self.trace_back(state, run);
        let (Some(truth), Some(trace)) = (truth, &run.trace) else {
            self.forget();
            return false;
        };
        let layout = &state.view.source.layout(trace, state.view.encoder);
        let combine = state.colour.style.combine;
        let is_laid = self.layout.as_ref().is_some_and(|laid| (&laid.0, laid.1) == (layout, combine));
        let same_image = self.image.as_ref().is_some_and(|image| Arc::ptr_eq(image, truth));
        if !same_image || !is_laid {
            self.forget();
            self.image = Some(Arc::clone(truth));
            self.layout = Some((Arc::clone(layout), combine));
        }
        if !truth.listed {
            return false;
        }
        if !truth.fits(layout.image()) {
            let [width, height] = truth.size_px;
            let size = layout.image();
            self.scores = Some(Err(format!(
                "The annotations are for {width} x {height} pixels, this photo has {} x {}",
                size.width_px, size.height_px
            )));
            return false;
        }
        let more = self.cover(truth, state.truth.category().map(|category| category.id), deadline);
        let map = shown.and_then(|shown| shown.map.as_ref().ok());
        self.score(state, map);
        self.share(map, more);
        self.share_of_word(state, trace, more);
        more
    }

    /// Walks all heads of the held tokens, when they or what is shown of them changed.
    fn trace_back(&mut self, state: &AppState, run: &Run) {
        let choice = state.view.decoder;
        let held = run.trace.as_ref().and_then(|trace| Some((trace, outputs(state, trace)?)));
        let key = held.map(|(trace, tokens)| (trace, OriginKey { run: run.id, version: run.version, tokens, choice }));
        if self.origin_key.as_ref() == key.as_ref().map(|(_, key)| key) {
            return;
        }
        self.origin = key.as_ref().and_then(|(trace, key)| {
            let selection = selection_of(choice, trace.num_hidden_layers, trace.num_attention_heads)?;
            let tokens = TokenSet::new(key.tokens.iter().map(|idx| TokenRef::Output(*idx)), Reduce::Mean);
            Some(word_origin(trace, &tokens, selection).map_err(|err| err.to_string()))
        });
        self.origin_key = key.map(|(_, key)| key);
    }

    /// The category that a word names, else the word.
    pub fn category_of(&self, object: &str) -> String {
        let object = object.trim().to_lowercase();
        let mention = self.extractor.mentions(&object).into_iter().next();
        mention.map_or(object, |mention| mention.category.to_owned())
    }

    /// Whether a photo shows what a word names; `None` where nobody who annotated it knows such a thing.
    pub fn label_of(&self, object: &str, truth: &ImageTruth, known: &[Category]) -> Option<Label> {
        let category = &*self.category_of(object);
        let object = object.trim().to_lowercase();
        let shown = [category, &object].into_iter().any(|name| truth.category_named(name).is_some());
        if shown || truth.chair.as_ref().is_some_and(|objects| objects.contains(category)) {
            return Some(Label::Yes);
        }
        let is_known = known.iter().any(|known| known.name == category || known.name == object);
        (truth.listed && is_known).then_some(Label::No)
    }

    /// Nothing is shown.
    pub(in crate::ui) fn clear(&mut self) {
        self.marks = Marks::default();
        self.origin = None;
        self.origin_key = None;
        self.forget();
    }

    fn forget(&mut self) {
        self.image = None;
        self.layout = None;
        self.coverages.clear();
        self.scores = None;
        self.shares_of = None;
        self.shares.clear();
        self.word_shares_of = None;
        self.word_shares.clear();
    }

    /// Lays masks on patches, the chosen one first. Returns whether some are missing.
    fn cover(&mut self, truth: &ImageTruth, first: Option<u32>, deadline: Instant) -> bool {
        let Some((layout, combine)) = self.layout.clone() else { return false };
        let chosen = truth.categories.iter().filter(|category| Some(category.id) == first);
        let others = truth.categories.iter().filter(|category| Some(category.id) != first);
        let mut made = 0;
        for category in chosen.chain(others) {
            let Some(mask) = category.mask.as_ref().ok().filter(|_| !self.coverages.contains_key(&category.id)) else {
                continue;
            };
            if made > 0 && Instant::now() >= deadline {
                return true;
            }
            if let Ok(coverage) = PatchCoverage::new(&layout, mask.pixels(), combine) {
                self.coverages.insert(category.id, Arc::new(coverage));
            }
            made += 1;
        }
        false
    }

    /// How a category's mask lies on the patches.
    pub fn coverage(&self, category_id: u32) -> Option<&Arc<PatchCoverage>> {
        self.coverages.get(&category_id)
    }

    fn score(&mut self, state: &AppState, map: Option<&HeatMap>) {
        let Some((map, category)) = map.zip(state.truth.category()) else {
            self.scores = None;
            return;
        };
        let counted = counted(state);
        let key = Key { map: map.key, category_id: category.id, cut: state.truth.view.cut, counted };
        if matches!(&self.scores, Some(Ok(scores)) if scores.key == key) {
            return;
        }
        let Some(coverage) = self.coverages.get(&category.id) else {
            let why = category.mask.as_ref().err().cloned();
            self.scores = Some(Err(why.unwrap_or_else(|| "Its mask does not lie on the patches".to_owned())));
            return;
        };
        self.scores = Some(scores(key, map, coverage));
    }

    fn share(&mut self, map: Option<&HeatMap>, more: bool) {
        if more || self.shares_of == map.map(|map| map.key) {
            return;
        }
        self.shares_of = map.map(|map| map.key);
        self.shares = map.map_or_else(Vec::new, |map| self.inside(&map.values));
    }

    /// Of the held tokens: in the decoder's layer and head, under every source.
    fn share_of_word(&mut self, state: &AppState, trace: &Trace, more: bool) {
        let suppress_sink = state.view.suppress_sink;
        let key = self.origin_key.clone().map(|key| (key, suppress_sink));
        if more || self.word_shares_of == key {
            return;
        }
        let map = key.as_ref().and_then(|(key, _)| {
            let selection = selection_of(key.choice, trace.num_hidden_layers, trace.num_attention_heads)?;
            let tokens = TokenSet::new(key.tokens.iter().map(|idx| TokenRef::Output(*idx)), Reduce::Mean);
            let options = MapOptions { normalisation: Normalisation::Raw, suppress_sink };
            decoder_map(trace, &tokens, selection, options).ok()
        });
        self.word_shares = map.map_or_else(Vec::new, |map| self.inside(&map.values));
        self.word_shares_of = key;
    }

    /// A map's attention inside every category's masks, most first.
    fn inside(&self, values: &[f32]) -> Vec<CategoryShare<u32>> {
        let categories = self.coverages.iter().map(|(id, coverage)| (*id, &**coverage));
        category_shares(values, categories).unwrap_or_default()
    }
}

/// The generated tokens that are held, if nothing else is.
pub(in crate::ui) fn outputs(state: &AppState, trace: &Trace) -> Option<Vec<usize>> {
    let held = &state.selection.tokens;
    let tokens: Option<Vec<usize>> =
        held.iter().map(|pos| if let TokenPos::Output(idx) = pos { Some(*idx) } else { None }).collect();
    tokens.filter(|tokens| !tokens.is_empty() && tokens.iter().all(|idx| *idx < trace.output.len()))
}

/// Which pixels count.
pub(in crate::ui) fn counted(state: &AppState) -> Counted {
    if state.truth.view.paper_area { Counted::Whole } else { Counted::Seen }
}

fn scores(key: Key, map: &HeatMap, coverage: &PatchCoverage) -> Result<Scores, String> {
    let ranked = Ranked::of_patches(&map.values, coverage, key.counted).map_err(|err| err.to_string())?;
    let [_, max] = ranked.range();
    let threshold = match key.cut {
        Cut::Mean => ranked.mean(),
        Cut::OfMax(part) => f64::from(part) * max,
    };
    let evaluation = Evaluation::at(&ranked, threshold);
    Ok(Scores {
        key,
        category_id: key.category_id,
        counted: key.counted,
        threshold,
        mean: ranked.mean(),
        max,
        values: metrics().map(|metric| metric.value(&evaluation)).collect(),
        curve: ranked.curve(CURVE_POINTS),
        pixels: ranked.pixels(),
        mask_area: ranked.mask_area(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::coco::Instances;
    use crate::ui::core::command::{Command, Extend};
    use crate::ui::features::derived::Derived;
    use crate::ui::features::testing::answered;
    use crate::ui::features::{Source, TokenPos};
    use std::path::Path;
    use std::time::Duration;

    /// A dog on the first of four patches, a cat on the last.
    const OBJECTS: &str = r#"{
        "images": [{"id": 1, "width": 24, "height": 24, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "dog", "supercategory": "animal"}, {"id": 2, "name": "cat", "supercategory": "animal"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 144, "bbox": [0, 0, 12, 12],
             "segmentation": [[0, 0, 12, 0, 12, 12, 0, 12]]},
            {"id": 2, "image_id": 1, "category_id": 2, "iscrowd": 0, "area": 144, "bbox": [12, 12, 12, 12],
             "segmentation": [[12, 12, 24, 12, 24, 24, 12, 24]]}
        ]
    }"#;

    fn of(shares: &[CategoryShare<u32>], id: u32) -> f64 {
        shares.iter().find(|share| share.category == id).map_or(f64::NAN, |share| share.share)
    }

    #[test]
    fn a_words_attention_is_the_decoders_under_every_source() {
        let mut state = answered();
        let trace = state.runs.get_mut(RunId(1)).and_then(|run| run.trace.as_mut()).expect("answered");
        let vision = trace.vision.as_mut().map(Arc::make_mut).expect("an encoder");
        vision.cls_attention = vec![0.4, 0.3, 0.2, 0.1]; // the decoder's rows are 1 to 4 parts of 10
        let instances = Instances::from_bytes(OBJECTS.as_bytes(), Path::new("i.json")).expect("COCO");
        state.truth.image = Some(Arc::new(ImageTruth::look(1, Some(&instances), &[], &Extractor::default())));
        state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Replace));
        let mut derived = Derived::default();
        for source in [Source::DECODER, Source::VISION, Source::DECODER] {
            state.view.source = source;
            while derived.advance(&state, Duration::from_secs(5)) {}
            let word = &derived.truth.word_shares;
            assert!((of(word, 1) - 0.1).abs() < 1e-6, "the dog, {source:?}: {word:?}");
            assert!((of(word, 2) - 0.4).abs() < 1e-6, "the cat, {source:?}: {word:?}");
            let shown = of(&derived.truth.shares, 1);
            let expected = if source == Source::VISION { 0.4 } else { 0.1 };
            assert!((shown - expected).abs() < 1e-6, "the shown map has its own, {source:?}: {shown}");
        }
        // Another layer and head: other numbers, of the decoder's own choice.
        state.view.decoder.layer = crate::ui::core::settings::Axis { idx: 1, reduce: None };
        state.view.suppress_sink = true;
        while derived.advance(&state, Duration::from_secs(5)) {}
        assert!((of(&derived.truth.word_shares, 1) - 0.1).abs() < 1e-6, "parts of the image stay what they are");
        state.apply(Command::Clear);
        while derived.advance(&state, Duration::from_secs(5)) {}
        assert!(derived.truth.word_shares.is_empty(), "no word is held");
    }
}
