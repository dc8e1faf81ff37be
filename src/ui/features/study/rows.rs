//! From a row of a study to its photo, with question, answer, word and map, as if it had been asked by hand.

use super::files::{FoundRow, RowWish};
use super::reading::ReadRun;
use super::state::{Awaited, StudyEffect};
use crate::engine::{ImageSource, ModelSource, Prompt, Question, Request, Sampling, Spec};
use crate::study::AnswerRow;
use crate::study::file::DEMO;
use crate::ui::core::command::{Command, PromptView};
use crate::ui::core::pane::Pane;
use crate::ui::features::{AppState, Effect, Phase, Severity, Until};
use std::ops::RangeInclusive;
use std::path::Path;

impl AppState {
    /// Looks for the photo of a row, and for its trace.
    pub(super) fn find_study_row(&mut self, place: usize) -> Vec<Effect> {
        let Some(run) = self.study.run.clone() else { return Vec::new() };
        let Some(row) = run.rows.get(place) else { return Vec::new() };
        self.study.shown_row = Some(place);
        let images = &run.header.study.data.images;
        let has_name = |source: &ImageSource| match source {
            ImageSource::Bundled(name) => *name == row.photo,
            ImageSource::Path(path) => path.ends_with(&row.photo),
        };
        let open = self.library.images().iter().map(|image| &image.source).find(|source| has_name(source)).cloned();
        let wish = RowWish {
            place,
            folder: run.folder.clone(),
            base: run.header.folder.clone(),
            images: images.clone(),
            photo: row.photo.clone(),
            key: row.key.clone(),
            open,
        };
        vec![Effect::Study(StudyEffect::FindRow(Box::new(wish)))]
    }

    /// Photo and trace of a row were looked for: shows what was seen, or asks.
    pub(super) fn study_row_found(&mut self, found: FoundRow) -> Vec<Effect> {
        let FoundRow { wish, photo, trace } = found;
        let run = self.study.run.clone().filter(|run| run.folder == wish.folder);
        let Some(run) = run else { return Vec::new() };
        let Some(row) = run.rows.get(wish.place).filter(|row| row.key == wish.key) else { return Vec::new() };
        let image = match photo {
            Ok(image) => image,
            Err(why) => {
                let action = Some(("Open a folder…".to_owned(), Command::OpenImageFolder));
                self.notices.push((Severity::Warning, Until::Dismissed), why, "", action);
                return Vec::new();
            }
        };
        let (question, is_darkened) = match self.study_question(&run, row, image.clone()) {
            Ok(made) => made,
            Err(why) => {
                self.notices.push((Severity::Warning, Until::OtherPhoto), why, "", None);
                return Vec::new();
            }
        };
        self.show_study_photo(&run, &image, wish.open.is_none());
        row.prompt.clone_into(&mut self.ask.text);
        self.prompting.view = PromptView::Attention;
        let tokens = word_of(row);
        let mut effects = match trace {
            Some(Ok(trace)) => {
                let id = self.runs.begin(question);
                if let Some(run) = self.runs.get_mut(id) {
                    run.start(*trace);
                    run.phase = Phase::Finished;
                }
                self.selection.clear();
                self.selection.hold_word(tokens);
                Vec::new()
            }
            other => {
                if let Some(Err(why)) = other {
                    self.notices.push((Severity::Warning, Until::OtherPhoto), why, "The question is asked again", None);
                }
                let effects = self.ask_study_question(question, row, (tokens, is_darkened));
                // Behind the question: asking lets go of what was said of the one before.
                self.say_what_differs(&run, row, is_darkened);
                effects
            }
        };
        effects.push(Effect::BringToFront(Pane::Photo));
        effects
    }

    /// The question of a row, and whether its photo was darkened, which is left out.
    fn study_question(&self, run: &ReadRun, row: &AnswerRow, image: ImageSource) -> Result<(Question, bool), String> {
        let settings = run.settings.as_ref().map_err(Clone::clone)?;
        let setting = settings.get(row.setting_number).filter(|setting| setting.name == row.setting);
        let setting = setting.ok_or_else(|| {
            format!("The study of this run has no setting `{}` at its place: {}", row.setting, run.folder.display())
        })?;
        let question = Question {
            prompt: Prompt::Templated(row.prompt.clone()),
            framing: run.header.study.model.framing,
            sampling: Sampling { seed: row.sampler_seed.unwrap_or(row.seed), ..setting.sampling },
            max_new_tokens: setting.max_new_tokens,
            strategy: Spec::default(),
            methods: setting.methods.clone(),
            ..self.ask.question(image)
        };
        Ok((question, setting.prompting.is_some()))
    }

    /// Looks at a photo; one that is not among the open ones joins them.
    fn show_study_photo(&mut self, run: &ReadRun, image: &ImageSource, is_new: bool) {
        if let Some(idx) = self.library.add([image.clone()]) {
            self.select_image(idx);
        }
        let data = &run.header.study.data;
        if let (true, ImageSource::Path(path)) = (is_new, image) {
            // Annotations are relative to the same folder as photos.
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let above = folder.ancestors().find(|above| above.join(&data.images) == folder);
            let mut paths = vec![folder.clone()];
            let annotations = data.annotations.as_ref().filter(|path| path.as_path() != Path::new(DEMO));
            paths.extend(annotations.map(|path| above.map_or_else(|| path.clone(), |above| above.join(path))));
            let text = format!("Only this photo of the study was opened; the others are in {}", folder.display());
            self.notices.offer(text, vec![("Open all of them".to_owned(), Command::AddPaths(paths))]);
        }
    }

    fn say_what_differs(&mut self, run: &ReadRun, row: &AnswerRow, is_darkened: bool) {
        if is_darkened {
            let said = row.answer.as_deref().unwrap_or_default().trim();
            let text =
                format!("Asked here about the photo as it is; the study darkened it, and the answer was “{said}”");
            let more = "Attention prompting (the panel API) repeats what the study asked";
            self.notices.push((Severity::Warning, Until::NextQuestion), text, more, None);
        }
        let header = &run.header;
        let other = self.model.info.as_ref().filter(|info| info.weight_hash != header.weight_hash);
        if let Some(info) = other {
            let text = format!("Answered here by {}; the study asked {}", info.id, header.model);
            let source = ModelSource::named(&header.study.model.id);
            let action = Some((format!("Open {}", header.model), Command::OpenModel(source)));
            self.notices.push((Severity::Info, Until::Dismissed), text, "Answers may differ", action);
        }
    }

    /// Shows the answer to this very question, if there is one of the open model; else asks.
    fn ask_study_question(
        &mut self,
        question: Question,
        row: &AnswerRow,
        (tokens, is_darkened): (RangeInclusive<usize>, bool),
    ) -> Vec<Effect> {
        let weights = self.model.info.as_ref().map(|info| info.weight_hash.clone());
        let known = self.runs.of_image(&question.image).filter(|run| run.question.is_same(&question));
        let known = known.filter(|run| {
            let by = run.trace.as_ref().map(|trace| &trace.run.weight_hash);
            run.phase.is_active() || (run.phase == Phase::Finished && by == weights.as_ref())
        });
        let known = known.map(|run| run.id).last();
        let (id, effects) = if let Some(id) = known {
            self.runs.show(id);
            self.selection.clear();
            self.notices.another_question();
            (Some(id), Vec::new())
        } else {
            let effects = self.send(question);
            let id = effects.iter().find_map(|effect| match effect {
                Effect::Send(Request::Ask(id, _)) => Some(*id),
                _ => None,
            });
            (id, effects)
        };
        let answer = row.answer.clone().unwrap_or_default();
        self.study.awaited = id.map(|run| Awaited { run, tokens, answer, is_told: is_darkened });
        self.follow_study_row();
        effects
    }

    /// Holds the word of a row when its answer has come.
    pub(in crate::ui) fn follow_study_row(&mut self) {
        let Some(Awaited { run: id, .. }) = &self.study.awaited else { return };
        let is_over = self.runs.get(*id).is_none_or(|run| !run.phase.is_active());
        if !is_over {
            return;
        }
        let Some(Awaited { run: id, tokens, answer, is_told }) = self.study.awaited.take() else { return };
        let shown = self.current_run().filter(|run| run.id == id && run.phase == Phase::Finished);
        let Some(trace) = shown.and_then(|run| run.trace.as_ref()) else { return };
        let (is_same, num_tokens) = (trace.text().trim() == answer.trim(), trace.output.len());
        let tokens = if is_same { tokens } else { 0..=0 };
        if !is_same && !is_told {
            let text = format!("This answer is another one than the study's, which was “{}”", answer.trim());
            self.notices.push((Severity::Warning, Until::NextQuestion), text, "", None);
        }
        if self.selection.is_empty() && *tokens.end() < num_tokens {
            self.selection.hold_word(tokens);
        }
    }
}

/// The word that a row is about: the first that is not in the photo, else the first object word, else the first token.
fn word_of(row: &AnswerRow) -> RangeInclusive<usize> {
    let hallucinated = row.words.iter().find(|word| word.status == "hallucinated");
    let word = hallucinated.or(row.words.first()).map(|word| word.tokens.as_slice());
    match word.and_then(|tokens| tokens.iter().min().zip(tokens.iter().max())) {
        Some((first, last)) => *first..=*last,
        None => 0..=0,
    }
}
