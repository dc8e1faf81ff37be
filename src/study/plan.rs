//! A study from its text to its last row: photos, questions and models are opened, then everything is asked.

use super::StudyError;
use super::data::StudyData;
use super::file::Study;
use super::runner::{StudyProgress, StudyRun, StudySummary};
use super::store::Shard;
use crate::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource, OpenModel};
use crate::prompting::Source;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A study to ask, with models of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyPlan {
    /// TOML.
    pub text: String,
    /// The file that its paths are relative to.
    pub file: PathBuf,
    /// Folder of the rows.
    pub out: PathBuf,
    /// The part that is asked.
    pub shard: Shard,
    /// Most questions to ask; all unless given.
    pub limit: Option<usize>,
    /// Where its models run.
    pub device: DevicePreference,
    /// In which type.
    pub dtype: DtypePreference,
}

/// What a study under way tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StudyStep<'a> {
    /// What is opened before the first question.
    Opening(&'a str),
    /// How far the questions are.
    Asking(StudyProgress),
}

impl StudyPlan {
    /// Opens everything and asks what is not answered yet. A raised `finish` ends it behind the row that is being made,
    /// or while a model is opened; `cancel` at once, without that row.
    ///
    /// **Errors**: a text that is no study; what cannot be opened; a folder with rows of another study.
    pub fn ask(
        &self,
        tell: &mut dyn FnMut(StudyStep<'_>),
        finish: &AtomicBool,
        cancel: &AtomicBool,
    ) -> Result<StudySummary, StudyError> {
        let study = Study::read(&self.text, &self.file)?;
        tell(StudyStep::Opening("Opening photos and questions"));
        let data = StudyData::open(&study, &self.file, cancel)?;
        tell(StudyStep::Opening("Opening the model"));
        let named = model_of(&study, &self.file);
        let mut open = |name: &str, mmproj: Option<&Path>| {
            let request = LoadRequest { source: source(name, mmproj), device: self.device, dtype: self.dtype };
            OpenModel::open(&request, &mut |_, what| tell(StudyStep::Opening(what)), finish)
        };
        let models = open(&named.id, named.mmproj.as_deref())
            .and_then(|model| Ok((model, clip_of(&study, &self.file).map(|name| open(&name, None)).transpose()?)));
        let (model, looker) = match models {
            Err(_) if finish.load(Ordering::Relaxed) => {
                return Ok(StudySummary { is_stopped: true, ..StudySummary::default() });
            }
            opened => opened?,
        };
        let run = StudyRun {
            study: &study,
            file: &self.file,
            data: &data,
            model: &model,
            looker: looker.as_ref(),
            out: &self.out,
            shard: self.shard,
            limit: self.limit,
            one_by_one: false,
        };
        run.run(&mut |now| tell(StudyStep::Asking(now)), finish, cancel)
    }
}

/// What that name means.
fn source(name: &str, mmproj: Option<&Path>) -> ModelSource {
    match (ModelSource::named(name), mmproj) {
        (named, None) if named.is_bundled() => named,
        (_, None) if Path::new(name).is_dir() => ModelSource::Folder(name.into()),
        (ModelSource::Gguf { decoder, .. }, Some(file)) => ModelSource::Gguf { decoder, mmproj: Some(file.to_owned()) },
        (source, _) => source,
    }
}

/// The model of a study by its name and its projector, as they are found from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyModel {
    /// A path, a hub id, or `demo`.
    pub id: String,
    /// Projector of a GGUF pair.
    pub mmproj: Option<PathBuf>,
}

/// The model of a study: a path from the folder of its file where there is one of that name.
pub fn model_of(study: &Study, file: &Path) -> StudyModel {
    let mmproj = study.model.mmproj.as_ref().map(|path| beside(file, path));
    StudyModel { id: named_beside(&study.model.id, file), mmproj }
}

/// A path from the folder of a study's file.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn named_beside(name: &str, file: &Path) -> String {
    let path = beside(file, Path::new(name));
    if path.exists() && !ModelSource::named(name).is_bundled() {
        path.to_string_lossy().into_owned()
    } else {
        name.to_owned()
    }
}

/// Name of the CLIP that looks for attention prompting, as it is found from here; `None` where no setting asks for it.
pub fn clip_of(study: &Study, file: &Path) -> Option<String> {
    let all = study.settings.iter().filter_map(|setting| setting.prompting.as_ref());
    let clip = all.filter(|prompting| prompting.source == Source::Clip);
    clip.map(|prompting| prompting.model.as_deref().map_or("demo-clip".to_owned(), |name| named_beside(name, file)))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_a_study_are_found_beside_its_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("s.toml");
        for name in ["llava", "clip", "demo", "demo-clip"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let study = |model: &str, clip: &str| {
            let text = format!(
                "name = \"S\"\ntemplate = \"pope\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"prompt\"\n\
                    prompt = \"a\"\n[model]\nid = \"{model}\"\n[[settings]]\nname = \"p\"\n[settings.prompting]\n\
                    source = \"clip\"\nmodel = \"{clip}\"\n"
            );
            Study::read(&text, &file).expect("a study")
        };
        let here = |name: &str| folder.path().join(name).display().to_string();
        let found = study("llava", "clip");
        assert_eq!(model_of(&found, &file).id, here("llava"), "a folder beside it");
        assert_eq!(clip_of(&found, &file), Some(here("clip")), "the one that looks, too");
        let hub = study("llava-hf/llava-1.5-7b-hf", "demo-clip");
        assert_eq!(model_of(&hub, &file).id, "llava-hf/llava-1.5-7b-hf", "a name");
        assert_eq!(clip_of(&hub, &file).as_deref(), Some("demo-clip"), "a bundled one, whatever lies there");
        assert_eq!(model_of(&study("demo", "clip"), &file).id, "demo", "the same");
    }
}
