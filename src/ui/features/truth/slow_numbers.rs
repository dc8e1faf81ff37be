//! What takes longer than a frame: the ground truth of an image, the map on every pixel of the photo, a metric of every
//! layer and head, and how a word compares with all others. Each has a thread of its own, and only the latest wish
//! counts.

use crate::analysis::chair::Extractor;
use crate::analysis::localisation::{Counted, MetricGrid, PatchCoverage, PhotoMap, Sampling, metrics};
use crate::analysis::{ClsVariant, DamroOptions, OutlierAgreement, Reduce, TokenRef, TokenSet, damro};
use crate::data::dataset::Dataset;
use crate::engine::RunId;
use crate::geometry::{Combine, PatchGrid};
use crate::render::{GridMaps, GridRange, HeatMap, OverlapMap};
use crate::trace::Trace;
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::core::settings::MetricChoice;
use crate::ui::features::AppState;
use crate::ui::features::derived::{Derived, GridValues};
use crate::ui::features::truth::ImageTruth;
use crate::ui::features::truth::numbers::{counted, outputs};
use crate::ui::features::truth::questions::QuestionMaker;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// An image of a data set.
#[derive(Clone)]
struct ImageWish {
    dataset: Arc<Dataset>,
    row: usize,
}

impl PartialEq for ImageWish {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dataset, &other.dataset) && self.row == other.row
    }
}

#[derive(Clone)]
struct OverlapWish {
    map: HeatMap,
    combine: Combine,
    counted: Counted,
}

impl PartialEq for OverlapWish {
    fn eq(&self, other: &Self) -> bool {
        let of = |wish: &Self| (wish.map.key, wish.combine, wish.counted);
        of(self) == of(other) && self.map.layout == other.map.layout
    }
}

/// The shown map on every pixel of the photo.
#[derive(Debug, Clone)]
pub struct Overlap {
    /// The map that it was made of.
    pub of_map: u64,
    /// The pixels that count in it.
    pub counted: Counted,
    /// To be painted.
    pub map: OverlapMap,
}

#[derive(Clone)]
struct GridWish {
    values: GridValues,
    coverage: Arc<PatchCoverage>,
    counted: Counted,
    metric: MetricChoice,
}

impl PartialEq for GridWish {
    fn eq(&self, other: &Self) -> bool {
        self.values.key == other.values.key
            && Arc::ptr_eq(&self.coverage, &other.coverage)
            && (self.counted, self.metric) == (other.counted, other.metric)
    }
}

/// A metric of every layer and head.
#[derive(Debug, Clone)]
pub struct MetricCells {
    /// To be painted: one value a cell.
    pub maps: GridMaps,
    /// The metric itself.
    pub metric: MetricGrid,
}

/// What the outliers depend on.
#[derive(Debug, Clone, PartialEq)]
struct OutlierKey {
    run: RunId,
    version: u64,
    tokens: Vec<usize>,
    variant: ClsVariant,
}

#[derive(Clone)]
struct OutlierWish {
    key: OutlierKey,
    trace: Arc<Trace>,
}

impl PartialEq for OutlierWish {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// What takes longer than a frame: the ground truth of an image, the map on every pixel of the photo, a metric of every
/// layer and head, and how a word compares with all others.
pub struct SlowNumbers {
    images: Latest<ImageWish, Arc<ImageTruth>>,
    overlaps: Latest<OverlapWish, Option<Overlap>>,
    grids: Latest<GridWish, Result<MetricCells, String>>,
    outliers: Latest<OutlierWish, Result<OutlierAgreement, String>>,
    questions: QuestionMaker,
    /// The map on every pixel, when hits and misses are shown.
    pub overlap: Option<Overlap>,
    /// A metric of every layer and head.
    pub grid: Option<Result<MetricCells, String>>,
    /// The chosen tokens' outliers against those of the others.
    pub outlier_agreement: Option<Result<OutlierAgreement, String>>,
}

impl SlowNumbers {
    /// Starts the threads; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let extractor = Extractor::default();
        let mut grids_made = 0;
        Self {
            images: Latest::new("gazelens-truth", wake, move |wish| Arc::new(look(wish, &extractor))),
            overlaps: Latest::new("gazelens-overlap", wake, overlap),
            grids: Latest::new("gazelens-metrics", wake, move |wish| {
                grids_made += 1;
                metric_cells(wish, grids_made)
            }),
            outliers: Latest::new("gazelens-outliers", wake, |wish: &OutlierWish| {
                let tokens = wish.key.tokens.iter().map(|idx| TokenRef::Output(*idx));
                let tokens = TokenSet::new(tokens, Reduce::Mean);
                let options = DamroOptions::of(&wish.trace).map_err(|err| err.to_string())?;
                damro(&wish.trace, &tokens, &options, wish.key.variant).map_err(|err| err.to_string())
            }),
            questions: QuestionMaker::new(wake),
            overlap: None,
            grid: None,
            outlier_agreement: None,
        }
    }

    /// Asks for what is known about the image looked at, and takes what has come.
    pub(in crate::ui) fn follow_image(&mut self, state: &mut AppState) {
        let row = state.current_row().map(|(row, _)| row);
        let wish = state.browse.dataset.as_ref().zip(row);
        let wish = wish.map(|(dataset, row)| ImageWish { dataset: Arc::clone(dataset), row });
        if self.images.ask(wish) {
            state.truth.another_image();
        }
        if let Some(truth) = self.images.poll() {
            let image = state.library.current().map(|image| &image.source);
            state.truth.known(truth, image);
        }
        self.questions.follow(state);
    }

    /// Asks for what belongs to what is shown, and takes what has come.
    pub(in crate::ui) fn follow(&mut self, state: &AppState, derived: &Derived) {
        let map = derived.shown.as_ref().and_then(|shown| shown.map.as_ref().ok());
        let overlap = map.filter(|_| state.truth.view.overlap && state.truth.category().is_some());
        let overlap = overlap.map(|map| OverlapWish {
            map: map.clone(),
            combine: state.colour.style.combine,
            counted: counted(state),
        });
        let none = overlap.is_none();
        self.overlaps.ask(overlap);
        if let Some(made) = self.overlaps.poll() {
            self.overlap = made;
        } else if none {
            self.overlap = None;
        }
        self.follow_grid(state, derived);
        self.follow_outliers(state);
    }

    /// The trace is copied for the other thread when something changed, not in every frame.
    fn follow_outliers(&mut self, state: &AppState) {
        let variant = state.truth.view.cls_variant();
        let wanted = state.current_run().and_then(|run| {
            let trace = run.trace.as_ref()?;
            let tokens = outputs(state, trace)?;
            Some((OutlierKey { run: run.id, version: run.version, tokens, variant }, trace))
        });
        if self.outliers.asked().map(|asked| &asked.key) != wanted.as_ref().map(|(key, _)| key) {
            self.outliers.ask(wanted.map(|(key, trace)| OutlierWish { key, trace: Arc::new(trace.clone()) }));
            self.outlier_agreement = None;
        }
        self.outlier_agreement = self.outliers.poll().or(self.outlier_agreement.take());
    }

    fn follow_grid(&mut self, state: &AppState, derived: &Derived) {
        let values = derived.grid.values();
        let category = state.truth.category().and_then(|category| derived.truth.coverage(category.id));
        let metric = state.truth.view.grid_metric;
        let wish = values.zip(category).map(|(values, coverage)| GridWish {
            values: values.clone(),
            coverage: Arc::clone(coverage),
            counted: counted(state),
            metric,
        });
        let none = wish.is_none();
        self.grids.ask(wish);
        if let Some(made) = self.grids.poll() {
            self.grid = Some(made);
        } else if none {
            self.grid = None;
        }
    }
}

fn look(wish: &ImageWish, extractor: &Extractor) -> ImageTruth {
    let ImageWish { dataset, row } = wish;
    let id = dataset.rows().get(*row).and_then(|row| row.image_id);
    let captions: Vec<&str> = dataset.captions_of(*row).iter().map(|caption| caption.text.as_str()).collect();
    let instances = dataset.instances().map(AsRef::as_ref);
    ImageTruth::look(id.unwrap_or_default(), instances.filter(|_| id.is_some()), &captions, extractor)
}

fn overlap(wish: &OverlapWish) -> Option<Overlap> {
    let map = PhotoMap::new(&wish.map.layout, &wish.map.values, Sampling::Nearest, wish.combine).ok()?;
    Some(Overlap { of_map: wish.map.key, counted: wish.counted, map: OverlapMap::new(&map, wish.counted) })
}

fn metric_cells(wish: &GridWish, made: u64) -> Result<MetricCells, String> {
    let GridValues { layers, heads, values, .. } = &wish.values;
    let metric = metrics().nth(wish.metric.0).ok_or("This metric is not in this version")?;
    let (shape, go_on) = ([*layers, *heads], AtomicBool::new(false));
    let cells = MetricGrid::of_values(values, shape, &wish.coverage, wish.counted, metric, &go_on)
        .map_err(|err| err.to_string())?;
    #[expect(clippy::cast_possible_truncation, reason = "colours")]
    let colour = |figure: &Option<f64>| figure.map_or(f32::NAN, |figure| figure as f32);
    let colours: Arc<[f32]> = cells.values.iter().map(colour).collect();
    let one = PatchGrid { rows: 1, cols: 1 };
    // Keys of other grids are counted from 0: the top bit tells these from them.
    let maps = GridMaps::new(made | 1 << 63, shape, one, colours, GridRange::Shared);
    Ok(MetricCells { maps, metric: cells })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::dataset::opening::{bundled, join};
    use std::sync::mpsc::channel;

    #[test]
    fn the_image_looked_at_is_known_after_a_moment() {
        let (sender, woken) = channel();
        let wake: Waker = Arc::new(move || {
            sender.send(()).ok();
        });
        let mut state = AppState::default();
        let joined = join(bundled(), None);
        let id = joined.dataset.rows().get(5).and_then(|row| row.image_id);
        state.joined(0, joined);
        let mut numbers = SlowNumbers::new(&wake);
        state.library.select(0);
        numbers.follow_image(&mut state);
        state.library.select(5);
        while state.truth.image.is_none() {
            numbers.follow_image(&mut state);
            woken.recv_timeout(std::time::Duration::from_mins(1)).expect("the window is woken");
            numbers.follow_image(&mut state);
        }
        assert_eq!(state.truth.image.as_ref().map(|image| image.image_id), id, "the one looked at last");
    }
}
