//! What a session says besides its traces. Whatever is missing, or was written otherwise by another version, is as on the first day.

use crate::data::dataset::{Dataset, PhotoPlace, Query};
use crate::engine::{ImageSource, ModelSource, Question, RunId, Timings};
use crate::ui::state::{Direction, ForkedFrom, Phase, PopeAnswer, Saved, TokenPos};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

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
    /// Where tags and notes are kept.
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
    /// The open model.
    #[serde(deserialize_with = "lenient")]
    pub model: Option<ModelSource>,
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
