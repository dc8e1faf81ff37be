//! What a session says besides its traces. Whatever is missing, or was written otherwise by another version, is as on
//! the first day.

use crate::data::dataset::{Dataset, ImageNotes, PhotoPlace, Query};
use crate::engine::{AttributionRequest, ImageSource, ModelSource, Question, RunId, Timings};
use crate::prompting::{Attribution, Formula, PreOutput};
use crate::ui::features::session::studies::KeptStudy;
use crate::ui::features::{Direction, FigureBuilder, ForkedFrom, Made, Phase, Picked, PopeAnswer, Saved, TokenPos};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Photos of one folder, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The folder.
    pub folder: String,
    /// Names in it, in order.
    pub files: Vec<String>,
}

/// The window's state. Photos and annotations are named, not held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// How everything is shown and asked.
    #[serde(deserialize_with = "lenient")]
    pub settings: Saved,
    /// Where the panels are.
    pub layout: Value,
    /// The file that the session was saved to last.
    #[serde(deserialize_with = "lenient")]
    pub path: Option<String>,
    /// Whether the bundled images are among the photos.
    #[serde(deserialize_with = "lenient")]
    pub bundled: bool,
    /// The user's photos.
    #[serde(deserialize_with = "lenient")]
    pub photos: Vec<Folder>,
    /// The user's annotations and questions.
    #[serde(deserialize_with = "lenient")]
    pub annotations: Vec<String>,
    /// Annotations and questions of the user's whose photos are not open yet.
    #[serde(deserialize_with = "lenient")]
    pub waiting: Vec<String>,
    /// Where tags and notes were kept by earlier versions.
    #[serde(deserialize_with = "lenient")]
    pub notes: Option<String>,
    /// What is listed.
    #[serde(deserialize_with = "lenient")]
    pub query: Query,
    /// The image looked at.
    #[serde(deserialize_with = "lenient")]
    pub image: Option<ImageSource>,
    /// The answer on show for each image.
    #[serde(deserialize_with = "lenient")]
    pub shown: Vec<RunId>,
    /// Names of answers that were given.
    #[serde(deserialize_with = "lenient")]
    pub last_id: u64,
    /// Tokens held.
    #[serde(deserialize_with = "lenient")]
    pub tokens: Vec<TokenPos>,
    /// Patches held.
    #[serde(deserialize_with = "lenient")]
    pub patches: Vec<usize>,
    /// Reading direction.
    #[serde(deserialize_with = "lenient")]
    pub direction: Direction,
    /// The category whose objects the map is held against.
    #[serde(deserialize_with = "lenient")]
    pub category: Option<String>,
    /// What was answered to yes/no questions, whether the answers' traces are still there or not.
    #[serde(deserialize_with = "lenient")]
    pub pope: Vec<PopeAnswer>,
    /// Answers that are those of yes/no questions.
    #[serde(deserialize_with = "lenient")]
    pub pope_runs: Vec<RunId>,
    /// The name given last when the session was saved to `path`: answers up to it are there.
    #[serde(deserialize_with = "lenient")]
    pub saved_until: u64,
    /// The open model.
    #[serde(deserialize_with = "lenient")]
    pub model: Option<ModelSource>,
    /// What is noted about photos, where no file keeps it.
    #[serde(deserialize_with = "lenient")]
    pub noted: BTreeMap<String, ImageNotes>,
    /// Objects of the image looked at that are not painted, by annotation.
    #[serde(deserialize_with = "lenient")]
    pub hidden: BTreeSet<u64>,
    /// Where models looked in photos, for attention prompting.
    #[serde(deserialize_with = "lenient")]
    pub maps: Vec<KeptMaps>,
    /// What was picked for comparing, photo by photo.
    #[serde(deserialize_with = "lenient")]
    pub(in crate::ui) compared: Vec<(ImageSource, Picked)>,
    /// The list of runs is open.
    #[serde(deserialize_with = "lenient")]
    pub runs_listed: bool,
    /// The figure that is being put together.
    #[serde(deserialize_with = "lenient")]
    pub figure: Option<KeptFigure>,
    /// Where the window is.
    #[serde(deserialize_with = "lenient")]
    pub window: Option<WindowPlace>,
    /// Studies.
    #[serde(deserialize_with = "lenient")]
    pub study: KeptStudy,
}

/// Where a model looked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptMaps {
    request: AttributionRequest,
    #[serde(rename = "beside")]
    second_model: Option<ModelSource>,
    #[serde(default)]
    pre_output: Option<PreOutput>,
    model_id: String,
    weight_hash: String,
    photo_hash: String,
    /// An answer whose question has these very maps: they are long.
    #[serde(default)]
    of_run: Option<RunId>,
    /// The maps, where no answer has them.
    #[serde(default, deserialize_with = "shared", serialize_with = "in_full")]
    maps: Option<Arc<Attribution>>,
}

fn shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<Attribution>>, D::Error> {
    Ok(Option::<Attribution>::deserialize(deserializer)?.map(Arc::new))
}

#[expect(clippy::ref_option, reason = "serde calls it with the field")]
fn in_full<S: Serializer>(maps: &Option<Arc<Attribution>>, serializer: S) -> Result<S::Ok, S::Error> {
    maps.as_deref().serialize(serializer)
}

impl KeptMaps {
    /// To be written; `run` has the very maps.
    pub(super) fn of(made: &Made, run: Option<RunId>) -> Self {
        let Made { request, second_model, attribution, pre_output, model_id, weight_hash, photo_hash } = made.clone();
        let maps = run.is_none().then_some(attribution);
        Self { request, second_model, pre_output, model_id, weight_hash, photo_hash, of_run: run, maps }
    }

    /// Whether the maps themselves are in it.
    pub(super) fn is_long(&self) -> bool {
        self.maps.is_some()
    }

    /// As it was; `of` has the maps of an answer's question. `None` where they are gone, or are none.
    pub(super) fn made(self, of: impl FnOnce(RunId) -> Option<Arc<Attribution>>) -> Option<Made> {
        let Self { request, second_model, pre_output, model_id, weight_hash, photo_hash, of_run, maps } = self;
        let attribution = maps.or_else(|| of_run.and_then(of))?;
        attribution.map(None, Formula::default()).ok()?;
        let same_kind = attribution.source() == request.source;
        same_kind.then_some(Made { request, second_model, attribution, pre_output, model_id, weight_hash, photo_hash })
    }
}

/// A figure's recipe and where its files are looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptFigure {
    /// The recipe, as figures carry it.
    pub recipe: Value,
    /// Where relative paths are looked for.
    pub folder: Option<String>,
    /// The numbers are written beside it.
    pub data_too: bool,
    /// Files of maps that are written beside it.
    pub maps: BTreeMap<String, Packed>,
}

/// Bytes as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Packed(pub Vec<u8>);

impl From<String> for Packed {
    /// What is no base64 is nothing.
    fn from(text: String) -> Self {
        Self(STANDARD.decode(text).unwrap_or_default())
    }
}

impl From<Packed> for String {
    fn from(bytes: Packed) -> Self {
        STANDARD.encode(bytes.0)
    }
}

impl KeptFigure {
    /// Of what is put together; `None` while there is no panel.
    pub(super) fn of(figure: &FigureBuilder) -> Option<Self> {
        let recipe = figure.recipe();
        let folder = figure.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        let recipe = (!recipe.panels.is_empty()).then(|| serde_json::from_str(&recipe.to_json()).ok())??;
        let maps = figure.map_bytes().map(|(name, bytes)| (name.clone(), Packed(bytes.to_vec()))).collect();
        Some(Self { recipe, folder, data_too: figure.data_too, maps })
    }
}

/// Place and size of a window. **Units** points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowPlace {
    /// Of its frame on the desktop; `None` where the desktop does not tell.
    pub place: Option<[f32; 2]>,
    /// Of what is inside the frame.
    pub size: [f32; 2],
    /// It fills the desktop.
    pub maximized: bool,
}

impl WindowPlace {
    /// What a window can have: a file may say anything.
    pub(in crate::ui) fn sensible(self) -> Option<Self> {
        let fits = |side: f32, least: f32| side.is_finite() && (least..=16_384.0).contains(&side);
        let [width, height] = self.size;
        let place = self.place.filter(|place| place.iter().all(|at| at.is_finite() && at.abs() < 65_536.0));
        (fits(width, 320.0) && fits(height, 240.0)).then_some(Self { place, ..self })
    }
}

/// What is said about an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct About {
    /// Its name.
    pub(super) id: RunId,
    /// What was asked.
    pub(super) question: Question,
    /// How it ended.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) ended: Ended,
    /// Where the time went.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) timings: Option<Timings>,
    /// The answer whose beginning it shares.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) forked_from: Option<ForkedFrom>,
    /// What the user calls it.
    #[serde(default, deserialize_with = "lenient")]
    pub(super) name: String,
    /// Its number among the questions about its photo.
    #[serde(default)]
    pub(super) nr: usize,
}

/// How a question ended; one that was still being answered counts as stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ended {
    /// Answered.
    Finished,
    /// Stopped.
    #[default]
    Cancelled,
    /// It went wrong.
    Failed(String),
}

impl From<&Phase> for Ended {
    fn from(phase: &Phase) -> Self {
        match phase {
            Phase::Finished => Self::Finished,
            Phase::Waiting | Phase::Working(_) | Phase::Cancelled => Self::Cancelled,
            Phase::Failed(why) => Self::Failed(why.clone()),
        }
    }
}

impl From<Ended> for Phase {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Finished => Self::Finished,
            Ended::Cancelled => Self::Cancelled,
            Ended::Failed(why) => Self::Failed(why),
        }
    }
}

/// A value that another version wrote otherwise is the default.
fn lenient<'de, T: DeserializeOwned + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

impl Written {
    /// Names photos and annotations of a data set. Takes a moment with many.
    pub(super) fn name_files(&mut self, dataset: &Dataset) {
        let mut photos: Vec<Folder> = Vec::new();
        for row in dataset.rows() {
            let Some(PhotoPlace::File(path)) = &row.photo else { continue };
            let folder = path.parent().unwrap_or_else(|| Path::new("")).to_string_lossy();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match photos.last_mut() {
                Some(last) if last.folder == folder => last.files.push(name),
                _ => photos.push(Folder { folder: folder.into_owned(), files: vec![name] }),
            }
        }
        self.photos = photos;
        let paths = [
            dataset.instances().map(|file| file.path()),
            dataset.captions().map(|file| file.path()),
            dataset.questions().map(|file| file.path()),
        ];
        let of_user = |_: &&Path| !self.bundled;
        let paths = paths.into_iter().flatten().filter(of_user);
        self.annotations = paths.map(|path| path.to_string_lossy().into_owned()).collect();
    }

    /// The user's photos.
    pub(super) fn photo_paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.photos
            .iter()
            .flat_map(|Folder { folder, files }| files.iter().map(move |name| Path::new(folder).join(name)))
    }
}
