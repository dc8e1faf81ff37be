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
        let mut open = |name: &str, mmproj: Option<&Path>| {
            let request =
                LoadRequest { source: self.model_source(name, mmproj), device: self.device, dtype: self.dtype };
            OpenModel::open(&request, &mut |_, what| tell(StudyStep::Opening(what)), finish)
        };
        let mmproj = study.model.mmproj.as_ref().map(|path| self.base().join(path));
        let models = open(&study.model.id, mmproj.as_deref())
            .and_then(|model| Ok((model, clip_of(&study).map(|name| open(&name, None)).transpose()?)));
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

    fn base(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// The model of a study: a path from its folder where there is one of that name.
    fn model_source(&self, name: &str, mmproj: Option<&Path>) -> ModelSource {
        let beside = self.base().join(name);
        let text = if beside.exists() { beside.to_string_lossy().into_owned() } else { name.to_owned() };
        match (ModelSource::named(&text), mmproj) {
            (_, None) if Path::new(&text).is_dir() => ModelSource::Folder(text.into()),
            (ModelSource::Gguf { decoder, .. }, Some(file)) => {
                ModelSource::Gguf { decoder, mmproj: Some(file.to_owned()) }
            }
            (source, _) => source,
        }
    }
}

/// Name of the CLIP that looks for attention prompting; `None` where no setting asks for it.
pub fn clip_of(study: &Study) -> Option<String> {
    let all = study.settings.iter().filter_map(|setting| setting.prompting.as_ref());
    let clip = all.filter(|prompting| prompting.source == Source::Clip);
    clip.map(|prompting| prompting.model.clone().unwrap_or_else(|| "demo-clip".to_owned())).next()
}
