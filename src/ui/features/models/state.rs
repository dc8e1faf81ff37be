//! The model that is open, and the one being opened.

use crate::engine::{DevicePreference, DtypePreference, LoadRequest, ModelInfo, ModelSource, ModelTask};
use std::sync::Arc;

/// How opening goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Loading {
    /// What is being opened.
    pub source: ModelSource,
    /// 0..=1.
    pub share: f32,
    /// "Reading weights, shard 2 of 3".
    pub what: String,
    /// It is the model of the session that was opened: earlier answers are its own.
    pub of_session: bool,
    /// It came from the hub just now.
    pub downloaded: bool,
}

/// The model that is open, and the one being opened.
#[derive(Debug, Clone, Default)]
pub struct ModelState {
    /// The open model.
    pub info: Option<Arc<ModelInfo>>,
    /// Where the open model came from, for opening it again after a worker died.
    pub source: Option<ModelSource>,
    /// The one being opened.
    pub loading: Option<Loading>,
    /// Where models run.
    pub device: DevicePreference,
    /// In which type.
    pub dtype: DtypePreference,
    /// The worker is gone and waits for a restart.
    pub worker_dead: bool,
    /// The model that it had or was opening when it went: opened again, it might take the next one with it.
    pub died_with: Option<ModelSource>,
}

impl ModelState {
    /// What the open model can do.
    pub fn task(&self) -> ModelTask {
        self.info.as_ref().map(|info| info.task).unwrap_or_default()
    }

    /// The worker is gone; returns what a restart opens.
    pub fn died(&mut self) -> ModelSource {
        let at_work = self.loading.take().map(|loading| loading.source).or_else(|| self.source.clone());
        self.died_with = at_work.filter(|source| !matches!(source, ModelSource::Demo | ModelSource::DemoClip));
        self.worker_dead = true;
        self.after_restart()
    }

    /// What a restart opens: the model that was open, but not one with which the worker went.
    pub fn after_restart(&self) -> ModelSource {
        let open = self.source.clone().filter(|source| self.died_with.as_ref() != Some(source));
        open.unwrap_or(ModelSource::Demo)
    }

    /// Begins to open a model.
    pub fn open(&mut self, source: ModelSource) -> LoadRequest {
        self.loading = Some(Loading {
            source: source.clone(),
            share: 0.0,
            what: "Opening the model".to_owned(),
            of_session: false,
            downloaded: false,
        });
        LoadRequest { source, device: self.device, dtype: self.dtype }
    }

    /// A model is open.
    pub fn loaded(&mut self, info: Arc<ModelInfo>) {
        if let Some(loading) = self.loading.take() {
            self.source = Some(loading.source);
        }
        self.died_with = None;
        self.info = Some(info);
    }
}

/// For people: "the demo model", or the folder's path.
pub fn source_label(source: &ModelSource) -> String {
    match source {
        ModelSource::Demo => "the demo model".to_owned(),
        ModelSource::DemoClip => "the demo CLIP".to_owned(),
        ModelSource::Folder(path) | ModelSource::Gguf { decoder: path, .. } => path.display().to_string(),
        ModelSource::Hub { id, .. } => id.to_string(),
    }
}

/// Puts a model at the head of the recent ones, each once, at most eight. The bundled ones are always at hand, and a
/// GGUF decoder with a projector of another folder has no name of its own.
pub(in crate::ui) fn remember(recent: &mut Vec<String>, source: &ModelSource) {
    if matches!(source, ModelSource::Demo | ModelSource::DemoClip | ModelSource::Gguf { mmproj: Some(_), .. }) {
        return;
    }
    crate::ui::core::prefs::remember(recent, source_label(source));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_remembered_once_and_first() {
        let mut recent = Vec::new();
        for i in 0..10 {
            remember(&mut recent, &ModelSource::named(&format!("/m{i}")));
        }
        remember(&mut recent, &ModelSource::named("/m5"));
        assert_eq!(recent.first().map(String::as_str), Some("/m5"), "the last one opened");
        assert_eq!(recent.len(), 8, "no more than eight");
        assert_eq!(recent.iter().filter(|name| *name == "/m5").count(), 1, "once");
        for name in ["org/name@v1", "model.gguf"] {
            remember(&mut recent, &ModelSource::named(name));
            assert_eq!(
                recent.first().map(|name| ModelSource::named(name)),
                Some(ModelSource::named(name)),
                "as it was"
            );
        }
        remember(&mut recent, &ModelSource::Demo);
        assert_eq!(recent.first().map(String::as_str), Some("model.gguf"), "the demo is always at hand");
    }
}
