//! A study of what is on the screen: the open photos, the question, the methods as they are set.

use crate::data::dataset::PhotoPlace;
use crate::engine::{ImageSource, ModelSource};
use crate::study::file::{
    DEMO, DataSpec, ModelSpec, PromptingSpec, Query, QuestionSource, QuestionSpec, SettingSpec, SignalSpec,
};
use crate::study::{Study, TemplateId};
use crate::ui::features::AppState;
use std::path::{Path, PathBuf};

/// What is asked where the prompt box is empty.
const PROMPT: &str = "Please describe this image in detail.";

impl AppState {
    /// A study that asks the question in the prompt box, plainly and with the methods that act, about every photo of
    /// the folder that the shown one lies in. With a file of questions open, those are asked.
    pub(super) fn study_of_screen(&self) -> Study {
        let sources = &self.browse.sources;
        let is_bundled = self.browse.bundled || !matches!(self.current_image(), Some(ImageSource::Path(_)));
        let images = match self.current_image() {
            Some(ImageSource::Path(path)) if !is_bundled => path.parent().map_or_else(PathBuf::new, Path::to_owned),
            _ => sources.photos.iter().find_map(folder_of).filter(|_| !is_bundled).unwrap_or_else(|| DEMO.into()),
        };
        let file =
            |path: Option<&Path>| path.map(|path| if is_bundled { PathBuf::from(DEMO) } else { path.to_owned() });
        let annotations = file(sources.instances.as_ref().map(|file| file.path()));
        let captions = file(sources.captions.as_ref().map(|file| file.path()));
        // The bundled questions are on offer all the time: only a file that somebody opened is meant.
        let questions = sources.questions.as_ref().filter(|_| !is_bundled).map(|file| file.path().to_owned());
        let (from, template, prompt) = if questions.is_some() {
            (QuestionSource::Pope, TemplateId::Pope, None)
        } else {
            let text = self.ask.text.trim();
            let text = if text.is_empty() { PROMPT } else { text };
            (QuestionSource::Prompt, TemplateId::Chair, Some(text.to_owned()))
        };
        Study {
            name: "What is on the screen".to_owned(),
            template,
            data: DataSpec { images, recursive: false, annotations, captions },
            questions: QuestionSpec {
                from,
                file: questions,
                labels: None,
                prompt,
                suffix: String::new(),
                negatives: Vec::new(),
                positives: None,
                absent: None,
                seed: 42,
                photos: None,
            },
            model: self.study_model(),
            settings: self.study_settings(),
            signals: SignalSpec { measured: vec!["image_share".to_owned(), "confidence".to_owned()], traces: false },
        }
    }

    fn study_model(&self) -> ModelSpec {
        let (id, mmproj) = match &self.model.source {
            None | Some(ModelSource::Demo) => (DEMO.to_owned(), None),
            Some(ModelSource::DemoClip) => ("demo-clip".to_owned(), None),
            Some(ModelSource::Folder(path)) => (path.display().to_string(), None),
            Some(ModelSource::Gguf { decoder, mmproj }) => (decoder.display().to_string(), mmproj.clone()),
            Some(ModelSource::Hub { id, .. }) => (id.to_string(), None),
        };
        let sampling = self.ask.sampling();
        ModelSpec {
            id,
            mmproj,
            framing: self.ask.framing,
            max_new_tokens: self.ask.max_new_tokens,
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            beams: sampling.beams,
        }
    }

    /// Plain decoding; beside it the methods that act, and the darkened photo where the next question is about one.
    fn study_settings(&self) -> Vec<SettingSpec> {
        let seeds = vec![self.ask.seed];
        let plain = SettingSpec { name: "plain".to_owned(), seeds: seeds.clone(), ..SettingSpec::default() };
        let mut settings = vec![plain];
        let (strategy, methods) = self.ask.specs();
        let strategy = Some(strategy).filter(|strategy| !strategy.is_plain());
        let methods: Vec<String> = strategy.iter().chain(&methods).map(ToString::to_string).collect();
        if !methods.is_empty() {
            let name = self.ask.methods_names();
            settings.push(SettingSpec { name, methods, seeds: seeds.clone(), ..SettingSpec::default() });
        }
        if self.next_is_prompted() {
            let prompting = &self.prompting.settings;
            let model = Some(prompting.clip.clone()).filter(|clip| !clip.is_empty());
            let spec =
                PromptingSpec { source: prompting.source, model, query: Query::Question, options: prompting.options };
            let name = "attention prompting".to_owned();
            settings.push(SettingSpec { name, prompting: Some(spec), seeds, ..SettingSpec::default() });
        }
        settings
    }
}

fn folder_of(place: &PhotoPlace) -> Option<PathBuf> {
    match place {
        PhotoPlace::File(path) => path.parent().map(Path::to_owned),
        PhotoPlace::Bundled(_) => None,
    }
}
