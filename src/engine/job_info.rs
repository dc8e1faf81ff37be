//! A job in words: what its trace says of the prompt, the model and every parameter. [`super::asked`] has the way back.

use super::error::EngineError;
use super::messages::{Prompt, Prompting, Question};
use super::open::Answerer;
use super::photo::image_path;
use super::plan::Plan;
use crate::checkpoint::PromptIds;
use crate::data::Photo;
use crate::model::Framed;
use crate::trace::{PromptToken, RunInfo};

/// The prompt, token by token.
pub(super) fn prompt_tokens(model: &Answerer, prompt: &PromptIds) -> Result<Vec<PromptToken>, EngineError> {
    let tokenizer = &model.checkpoint.tokenizer;
    let pieces = tokenizer.pieces(&prompt.ids)?;
    let tokens = prompt.ids.iter().zip(pieces).enumerate().map(|(position, (id, piece))| {
        let image = prompt.image_token_span.contains(position);
        let special = !image && tokenizer.is_special(*id);
        PromptToken { id: *id, text: if special { tokenizer.piece(*id) } else { piece }, special, image }
    });
    Ok(tokens.collect())
}

/// What is needed to make the trace again.
pub(super) fn run_info(model: &Answerer, question: &Question, plan: &Plan, photo: &Photo, framed: &Framed) -> RunInfo {
    let info = &model.info;
    let (Prompt::Templated(words) | Prompt::Raw(words)) = &question.prompt;
    let templated = matches!(question.prompt, Prompt::Templated(_));
    let template = model.checkpoint.template.as_ref().filter(|_| templated);
    RunInfo {
        model_id: info.id.clone(),
        weight_hash: info.weight_hash.clone(),
        image_path: image_path(&question.image),
        image_hash: photo.sha256.clone(),
        prompt: words.clone(),
        templated,
        full_prompt: plan.full_prompt.clone(),
        template: template.map(|template| template.source().to_owned()),
        template_date: plan.template_date.clone(),
        strategy: plan.strategy.clone(),
        interventions: plan.interventions.clone(),
        methods: plan.further.clone(),
        temperature: question.sampling.temperature,
        top_p: question.sampling.top_p,
        top_k: question.sampling.top_k,
        repetition_penalty: question.sampling.repetition_penalty,
        seed: question.sampling.seed,
        beams: question.sampling.beams,
        length_penalty: question.sampling.length_penalty,
        max_new_tokens: question.max_new_tokens,
        prompting: question.prompted.as_deref().map(Prompting::info),
        forced_ids: question.fork.as_ref().map_or_else(Vec::new, |fork| fork.ids.clone()),
        preprocessing: framed.preprocessing.clone(),
        view: framed.view,
        device: model.place.device_label(),
        dtype: model.place.dtype_label().to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
