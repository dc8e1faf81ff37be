//! Files that the window has open: nothing that it writes takes their place.

use crate::data::dataset::{Dataset, PhotoPlace};
use crate::engine::{ImageSource, ModelSource};
use crate::files::Outputs;
use crate::ui::features::AppState;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that the window has open, so that nothing that it writes takes their place. Quick to take: what is long is
/// shared.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct OpenFiles {
    dataset: Option<Arc<Dataset>>,
    /// Photos that were asked about, whether the data set has them or not.
    asked: Vec<PathBuf>,
    model: Option<ModelSource>,
}

impl OpenFiles {
    /// What is open now.
    pub(in crate::ui) fn of(state: &AppState) -> Self {
        let AppState { browse, runs, model, .. } = state;
        let mut asked: Vec<PathBuf> = runs
            .iter()
            .filter_map(|run| match &run.question.image {
                ImageSource::Path(path) => Some(path.clone()),
                ImageSource::Bundled(_) => None,
            })
            .collect();
        asked.sort();
        asked.dedup();
        let model = model.loading.as_ref().map(|loading| &loading.source).or(model.source.as_ref()).cloned();
        Self { dataset: browse.dataset.clone(), asked, model }
    }

    /// Outputs that know all of it.
    pub(in crate::ui) fn outputs(&self) -> Outputs {
        let mut outputs = Outputs::default();
        if let Some(dataset) = &self.dataset {
            for row in dataset.rows() {
                if let Some(PhotoPlace::File(path)) = &row.photo {
                    outputs.reads("an open photo", path);
                }
            }
            let annotations = [
                dataset.instances().map(|file| file.path()),
                dataset.captions().map(|file| file.path()),
                dataset.questions().map(|file| file.path()),
            ];
            annotations.into_iter().flatten().for_each(|path: &Path| outputs.reads("the open annotations", path));
        }
        outputs.reads_all("an open photo", &self.asked);
        if let Some(model) = &self.model {
            outputs.reads_all("a file of the open model", &model.files());
        }
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::answered;

    #[test]
    fn nothing_that_is_open_is_written_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [photo, model, decoder] = ["p.png", "config.json", "d.gguf"].map(|name| folder.path().join(name));
        for path in [&photo, &model, &decoder] {
            std::fs::write(path, b"{}").expect("a writable folder");
        }
        let mut state = answered();
        let id = state.current_run().expect("answered").id;
        state.runs.get_mut(id).expect("there").question.image = ImageSource::Path(photo.clone());
        for source in [
            ModelSource::Folder(folder.path().to_owned()),
            ModelSource::Gguf { decoder: decoder.clone(), mmproj: None },
        ] {
            state.model.source = Some(source.clone());
            let open = OpenFiles::of(&state);
            let of_model = if matches!(source, ModelSource::Folder(_)) { &model } else { &decoder };
            for (path, what) in [(&photo, "an open photo"), (of_model, "a file of the open model")] {
                let link = folder.path().join("figure.svg");
                std::fs::hard_link(path, &link).expect("a link");
                let why = open.outputs().claim("the figure", &link).expect_err(what).to_string();
                assert!(
                    why.starts_with("Cannot write the figure, as it is the same file as ") && why.contains(what),
                    "{why}"
                );
                std::fs::remove_file(link).expect("is there");
            }
            open.outputs().claim("the figure", &folder.path().join("other.svg")).expect("another name");
        }
    }
}
