//! Both photos of a pair through both encoders, and the maps that are made of it. All of it in the background.

use crate::analysis::{MapRequest, MapSource, Normalisation};
use crate::data::Photo;
use crate::engine::{DevicePreference, DtypePreference, ModelSource};
use crate::hub::{self, HubOptions};
use crate::render::{HeatMap, PhotoTexture};
use crate::study::{PairLooker, PairPlan};
use crate::trace::Trace;
use crate::ui::background::link::Waker;
use crate::ui::background::runner::Progress;
use crate::ui::core::settings::LayerHead;
use crate::ui::features::derived::content_key;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What is said of looking that was stopped.
const STOPPED: &str = "Stopped";

/// A pair to look at.
#[derive(Debug, Clone)]
pub(super) struct LookWish {
    pub(super) photos: [PathBuf; 2],
    /// As `--model` names them.
    pub(super) models: [String; 2],
    pub(super) device: DevicePreference,
    pub(super) dtype: DtypePreference,
    /// Another one looks again.
    pub(super) number: u64,
    /// Raised to end it.
    pub(super) stop: Arc<AtomicBool>,
}

impl PartialEq for LookWish {
    fn eq(&self, other: &Self) -> bool {
        let place = |wish: &Self| (wish.device, wish.dtype, wish.number);
        self.photos == other.photos && self.models == other.models && place(self) == place(other)
    }
}

/// What is wanted of the thread that looks.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    /// Nothing now; the encoders stay open.
    Rest,
    /// The encoders are not needed any more.
    Forget,
    /// A pair.
    Look(LookWish),
}

/// What two encoders saw in two photos.
#[derive(Debug)]
pub struct SeenPair {
    /// The photos.
    pub photos: [PhotoTexture; 2],
    /// By encoder, then by photo.
    pub traces: [[Arc<Trace>; 2]; 2],
}

/// How far looking is, shared with the thread that looks.
#[derive(Clone)]
pub(super) struct Told {
    now: Arc<Mutex<Option<Progress>>>,
    wake: Waker,
}

impl Told {
    pub(super) fn new(wake: &Waker) -> Self {
        Self { now: Arc::default(), wake: Arc::clone(wake) }
    }

    pub(super) fn now(&self) -> Option<Progress> {
        self.now.lock().ok().and_then(|now| now.clone())
    }

    fn set(&self, progress: Option<Progress>) {
        if let Ok(mut now) = self.now.lock() {
            *now = progress;
        }
        (self.wake)();
    }
}

/// Looks at pairs for the window.
pub(super) struct Looker {
    looker: PairLooker,
    told: Told,
}

impl Looker {
    pub(super) fn new(told: Told) -> Self {
        Self { looker: PairLooker::default(), told }
    }

    /// What came of a wish; `None` where nothing was to come.
    pub(super) fn carry_out(&mut self, wish: &Wish) -> Option<Result<Arc<SeenPair>, String>> {
        match wish {
            Wish::Rest => None,
            Wish::Forget => {
                self.looker.forget();
                None
            }
            Wish::Look(wish) => {
                let seen = crate::panics::contain(|| self.look(wish));
                self.told.set(None);
                let seen = seen.unwrap_or_else(|why| Err(format!("Looking ended unexpectedly: {why}")));
                let stopped = wish.stop.load(Ordering::Relaxed);
                Some(seen.map(Arc::new).map_err(|why| if stopped { STOPPED.to_owned() } else { why }))
            }
        }
    }

    fn look(&mut self, wish: &LookWish) -> Result<SeenPair, String> {
        let [first, second] = &wish.photos;
        let photos = [texture(first)?, texture(second)?];
        let [of_first, of_second] = &wish.models;
        let plan = PairPlan {
            models: [source(of_first)?, source(of_second)?],
            photos: wish.photos.clone(),
            device: wish.device,
            dtype: wish.dtype,
        };
        let told = self.told.clone();
        let mut tell = |what: &str, share: f32| {
            told.set(Some(Progress { what: what.to_owned(), share, can_stop: true }));
        };
        let traces = self.looker.look(&plan, &mut tell, &wish.stop).map_err(|err| err.to_string())?;
        Ok(SeenPair { photos, traces })
    }
}

/// Where an encoder is. Nothing is downloaded because a file names it.
fn source(name: &str) -> Result<ModelSource, String> {
    match ModelSource::named(name) {
        _ if Path::new(name).is_dir() => Ok(ModelSource::Folder(name.into())),
        ModelSource::Hub { id, folder: None } => {
            let missing = || {
                format!("Expected the encoder on this machine, found it not downloaded yet: open it as a model: {name}")
            };
            let options = HubOptions::from_env().map_err(|_| missing())?;
            let options = HubOptions { offline: true, ..options };
            let folder = hub::fetch(&id, &options, &mut |_| {}, &AtomicBool::new(false)).map_err(|_| missing())?;
            Ok(ModelSource::Hub { id, folder: Some(folder) })
        }
        named => Ok(named),
    }
}

/// The end of a path or a hub id.
pub(super) fn short_name(name: &str) -> &str {
    name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(name)
}

fn texture(path: &Path) -> Result<PhotoTexture, String> {
    let photo = Photo::open(path).map_err(|err| err.to_string())?;
    let mut hasher = std::hash::DefaultHasher::new();
    ("pair", path, &photo.sha256).hash(&mut hasher);
    PhotoTexture::new(hasher.finish(), photo.size(), &photo.rgb).map_err(|err| err.to_string())
}

/// What is shown of a pair.
#[derive(Debug, Clone)]
pub(super) struct MapsWish {
    pub(super) seen: Arc<SeenPair>,
    pub(super) layer_heads: [LayerHead; 2],
    pub(super) normalisation: Normalisation,
}

impl PartialEq for MapsWish {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.seen, &other.seen)
            && (self.layer_heads, self.normalisation) == (other.layer_heads, other.normalisation)
    }
}

/// The maps of one encoder.
#[derive(Debug, Clone)]
pub struct EncoderMaps {
    /// Of the two photos.
    pub maps: [HeatMap; 2],
    /// Values at the ends of the colours, one scale for both photos.
    pub range: [f32; 2],
    /// Whose attention.
    pub source: MapSource,
    /// What a value is.
    pub unit: &'static str,
    /// Layers, and heads a layer.
    pub shape: [usize; 2],
}

/// The maps of both encoders, or why there are none.
#[derive(Debug, Clone)]
pub struct PairMaps {
    /// By encoder.
    pub encoders: [Result<EncoderMaps, String>; 2],
}

impl PairMaps {
    pub(super) fn of(wish: &MapsWish) -> Self {
        let [first, second] = &wish.seen.traces;
        let [of_first, of_second] = wish.layer_heads;
        let encoders = [(first, of_first), (second, of_second)];
        Self { encoders: encoders.map(|(traces, chosen)| encoder_maps(traces, chosen, wish.normalisation)) }
    }
}

fn encoder_maps(
    [first, second]: &[Arc<Trace>; 2],
    chosen: LayerHead,
    normalisation: Normalisation,
) -> Result<EncoderMaps, String> {
    let source = if MapSource::VISION.is_in(first, 0) { MapSource::VISION } else { MapSource::RECEIVED };
    let shape = source.shape(first, 0).map_err(|err| err.to_string())?;
    let request = chosen.request(source, shape).ok_or("This encoder gives no attention")?;
    let request = MapRequest { normalisation, ..request };
    let map = |trace: &Trace| request.compute(trace).map_err(|err| err.to_string());
    let (first, second) = (map(first)?, map(second)?);
    let hi = first.range.max.max(second.range.max);
    let heat = |map: crate::analysis::PatchMap| HeatMap {
        key: content_key(&map.values),
        values: map.values.into(),
        layout: map.layout,
    };
    let maps = [heat(first), heat(second)];
    Ok(EncoderMaps { maps, range: [0.0, hi], source, unit: source.unit(normalisation), shape })
}
