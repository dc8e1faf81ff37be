//! What a session keeps of studies: the run that is looked at, how it is shown, and the study that is being written.

use crate::ui::core::command::{StudyDraft, StudyView};
use crate::ui::features::study::state::StudyState;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a session keeps of studies. Rows are named by their folder, not held.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptStudy {
    /// Folder of the run that is looked at.
    pub folder: Option<String>,
    /// How it is shown.
    pub view: StudyView,
    /// Text of the study that is being written.
    pub text: String,
    /// Its file.
    pub file: Option<String>,
    /// Folder of its rows, as typed.
    pub out: String,
    /// The part of it, as typed.
    pub part: String,
    /// Most questions, as typed.
    pub limit: String,
}

impl KeptStudy {
    /// To be written.
    pub(super) fn of(study: &StudyState) -> Self {
        let StudyDraft { text, file, out, part, limit } = study.draft.clone();
        // A session may be opened from another working folder.
        let whole = |path: &PathBuf| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            path.to_string_lossy().into_owned()
        };
        let (folder, file) = (study.folder.as_ref().map(whole), file.as_ref().map(whole));
        Self { folder, view: study.view.clone(), text, file, out, part, limit }
    }

    /// Why the run cannot be looked at; `None` where it can, or there is none.
    pub(super) fn problem(&self) -> Option<String> {
        let folder = self.folder.as_ref().filter(|folder| !Path::new(folder).is_dir())?;
        Some(format!("The folder of the study's run is not where it was: {folder}"))
    }

    /// Puts it in the place of what is there. A study that is being asked goes on.
    pub(super) fn restore(self, study: &mut StudyState) {
        let Self { folder, view, text, file, out, part, limit } = self;
        let draft = StudyDraft { text, file: file.map(PathBuf::from), out, part, limit };
        study.restore(folder.map(PathBuf::from), view, draft);
    }
}
