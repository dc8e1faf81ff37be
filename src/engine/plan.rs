//! What a question asks of the decoding: its methods, and the prompt that they make of its words.

use super::error::EngineError;
use super::fork::Recalled;
use super::messages::{Prompt, Question};
use super::method_specs::MethodSpecs;
use super::open::Answerer;
use super::reuse::Editor;
use super::spec::{check_beams, spec_info};
use crate::checkpoint::{CheckpointError, IMAGE_PLACEHOLDER, PromptIds};
use crate::decode::{
    ActiveMethod, FirstAnswer, FirstQuestion, MethodInfo, Parameters, QuestionContext, Reach, Stack, Word, Words, build,
};
use crate::geometry::ImageLayout;
use crate::model::Prepared;
use crate::trace::SpecInfo;
use std::collections::BTreeMap;

/// What a question asks of the decoding about a photo that was prepared, checked before anything is computed.
pub(super) struct Plan {
    pub(super) methods: Stack,
    /// Of every method of the stack, in its order.
    stacked: Vec<SpecInfo>,
    /// Of every method of the stack: what is asked first.
    pub(super) first_questions: Vec<Vec<FirstQuestion>>,
    pub(super) strategy: SpecInfo,
    pub(super) interventions: Vec<SpecInfo>,
    /// What the two before do not say.
    pub(super) further: Vec<SpecInfo>,
    pub(super) full_prompt: String,
    /// The day that the chat template wrote into the prompt.
    pub(super) template_date: Option<String>,
    pub(super) prompt: PromptIds,
    /// What a fork need not compute again.
    pub(super) recalled: Option<Recalled>,
}

/// A method with its parameters as they are used.
pub(super) struct Built {
    pub(super) word: Word,
    pub(super) info: &'static MethodInfo,
    pub(super) active: Box<dyn ActiveMethod>,
    pub(super) parameters: Parameters,
}

/// The methods of a question, with the files that their parameters name read.
pub(super) fn built(question: &Question) -> Result<Vec<Built>, EngineError> {
    let mut all = Vec::new();
    for (word, spec) in MethodSpecs::of(question).in_order() {
        let (method, active, parameters) = build(word, &spec.name, &spec.parameters)?;
        all.push(Built { word, info: method.info(), active, parameters });
    }
    Ok(all)
}

impl Plan {
    pub(super) fn new(model: &Answerer, question: &Question, prepared: &Prepared) -> Result<Self, EngineError> {
        Self::of(model, question, prepared, built(question)?, &[])
    }

    /// The same of any methods, once what they ask first was answered, method by method.
    pub(super) fn of(
        model: &Answerer,
        question: &Question,
        prepared: &Prepared,
        mut all: Vec<Built>,
        answers: &[Vec<FirstAnswer>],
    ) -> Result<Self, EngineError> {
        let (mut full_prompt, template_date) = full_prompt(model, &reworded(&question.prompt, &all)?)?;
        for (idx, method) in all.iter_mut().enumerate() {
            let answers = answers.get(idx).map_or(&[][..], Vec::as_slice);
            if let Some(rewritten) = method.active.rewrite(&full_prompt, answers)? {
                full_prompt = rewritten;
            }
        }
        let layout = &prepared.framed.layout;
        let tokenizer = &model.checkpoint.tokenizer;
        let prompt = model.vlm.prompt(tokenizer, &full_prompt, layout)?;
        let context = QuestionContext {
            model: &*model.vlm,
            weight_hash: &model.info.weight_hash,
            tokenizer,
            full_prompt: &full_prompt,
            prompt: &prompt,
            layout,
            input_shape: prepared.pixel_values.dims(),
            cls_patches: model
                .vlm
                .encoders()
                .first()
                .filter(|first| first.has_cls)
                .map(|_| first_encoder_patches(layout)),
            seed: question.sampling.seed,
            temperature: question.sampling.temperature,
        };
        for method in &mut all {
            method.active.prepare(&mut method.parameters, &context)?;
        }
        let stacked: Vec<SpecInfo> = all.iter().map(|one| spec_info(one.info.id, &one.parameters)).collect();
        let of = |word| all.iter().zip(&stacked).filter(move |(one, _)| one.word == word).map(|(_, spec)| spec.clone());
        let (interventions, further) = (of(Word::Intervention).collect(), of(Word::Method).collect());
        let strategy = of(Word::Strategy).next();
        let strategy = strategy.unwrap_or_else(|| SpecInfo { name: "plain".to_owned(), parameters: BTreeMap::new() });
        let first_questions = all.iter().map(|one| one.active.first_questions()).collect();
        let methods = Stack::new(all.into_iter().map(|one| (one.info, one.active)).collect());
        check_beams(question, &methods)?;
        let recalled = None;
        Ok(Self {
            methods,
            stacked,
            first_questions,
            strategy,
            interventions,
            further,
            full_prompt,
            template_date,
            prompt,
            recalled,
        })
    }

    /// Whether there are several methods besides plain decoding.
    pub(super) fn is_stack(&self) -> bool {
        self.stacked.iter().filter(|spec| spec.name != "plain").count() > 1
    }

    /// What the methods change in a branch.
    pub(super) fn reach(&self, branch_idx: usize) -> Reach {
        self.methods.reach(branch_idx, self.prompt.ids.len())
    }

    /// Those that do.
    pub(super) fn reaching(&self, branch_idx: usize) -> Vec<Editor> {
        let reaches = |idx: usize| self.methods.reaches(idx, branch_idx, self.prompt.ids.len());
        let reaching = self.stacked.iter().enumerate().filter(|(idx, _)| reaches(*idx));
        reaching.map(|(idx, spec)| Editor { spec: spec.clone(), file_hash: self.methods.file_hash(idx) }).collect()
    }
}

/// Patches of the first encoder: the cells of the regions that it saw.
fn first_encoder_patches(layout: &ImageLayout) -> usize {
    layout.of_encoder(0).map_or_else(|| layout.len(), |own| own.len())
}

/// The words as the methods want them, one after the other.
fn reworded(prompt: &Prompt, methods: &[Built]) -> Result<Prompt, EngineError> {
    let mut prompt = prompt.clone();
    for method in methods {
        let templated = matches!(prompt, Prompt::Templated(_));
        let (Prompt::Templated(text) | Prompt::Raw(text)) = &mut prompt;
        if let Some(words) = method.active.reword(&Words { text, templated })? {
            *text = words;
        }
    }
    Ok(prompt)
}

/// The text that is tokenised, and the day in it.
pub(super) fn full_prompt(model: &Answerer, prompt: &Prompt) -> Result<(String, Option<String>), EngineError> {
    let words = match prompt {
        Prompt::Raw(text) => return Ok((text.clone(), None)),
        Prompt::Templated(words) => words,
    };
    let found = words.matches(IMAGE_PLACEHOLDER).count();
    if found > 0 {
        return Err(CheckpointError::PlaceholderInQuestion { found }.into());
    }
    let (template, date) = (model.template()?, model.date());
    Ok((template.render_on(words, date)?, template.asks_for_the_date().then(|| date.to_string())))
}
