//! Instruction contrastive decoding: the other branch is told to be someone who sees badly.

use super::{BETA, alpha};
use crate::checkpoint::{IMAGE_PLACEHOLDER, PromptIds};
use crate::decode::contrast::{Combined, Contrast};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, QuestionContext, Step};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, ParameterInfo, Parameters, Registered, Strength, Word,
};
use crate::model::ImagePlace;

const ID: &str = "icd";
/// The word behind which a system text ends, in LLaVA's own templates.
const USER: &str = "USER:";
/// Names and texts of the authors' prefixes, in their order.
const PREFIXES: [(&str, &str); 5] = [
    ("detector", "You are an object detector to recognize every different objects."),
    (
        "shapes",
        "You are an object detector to recognize every different objects by focusing the shapes, colors and \
            relationships of objects.",
    ),
    ("avoid", "I want you avoid any specific identification or categorization of the objects depicted."),
    ("confused", "You are a confused objects detector to provide a fuzzy overview or impression of the image."),
    ("overview", "You are an object detector to provide a general overview or impression of the image."),
];
const NAMES: [&str; 5] = [PREFIXES[0].0, PREFIXES[1].0, PREFIXES[2].0, PREFIXES[3].0, PREFIXES[4].0];

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "ICD: disturbed instruction",
    help: "Contrasts the model's prediction with one under a disturbing instruction and favours tokens that only the \
        plain instruction supports",
    paper: "Wang et al., Mitigating Hallucinations in Large Vision-Language Models with Instruction Contrastive \
        Decoding, Findings of ACL 2024, arXiv:2403.18715",
    word: Word::Strategy,
    acts: Acts::Branch,
    cost: "a second branch: one more prompt pass, and one more row a token",
    parameters: &[
        alpha("1"),
        BETA,
        ParameterInfo::choice(
            "prefix",
            "confused",
            &NAMES,
            "Published text that takes the place of the system's words",
        ),
        ParameterInfo::text(
            "prompt",
            "",
            "Full text of the contrast branch, with one <image>, instead of the prefix; @FILE reads it",
        ),
    ],
    strength: Some(Strength { parameter: "alpha", none: 0.0 }),
    ..MethodInfo::NONE
};

/// ICD.
///
/// The same image and question; the prefix takes the place of everything before `USER:`, and where a template has no
/// `USER:` it stands directly before the image. With `prompt` the other branch reads that text, word for word.
/// **Source**: Wang et al. 2024; `gen_scripts/icd_llava_pope.py` lines 51-63 and 117-122,
/// `icd_utils/icd_sample_llava.py` lines 161-180 of the authors' code (which does not start for LLaVA: it imports a
/// name that is not there). **Differs** from that code in not running the vision encoder a second time on the same
/// image. The code tries five prefixes in turn; the default here is the one the paper's name is about.
pub(super) struct Icd;

impl Registered for Icd {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Icd {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("alpha")?, beta: parameters.number("beta")? };
        let prefix = parameters.choice("prefix")?;
        let prefix = PREFIXES.iter().find(|(name, _)| *name == prefix).map_or("", |(_, text)| text);
        let prompt = parameters.text("prompt");
        if !prompt.is_empty() && prompt.matches(IMAGE_PLACEHOLDER).count() != 1 {
            return Err(parameters.bad("prompt", format!("a text with exactly one {IMAGE_PLACEHOLDER}")));
        }
        Ok(Box::new(ActiveIcd { contrast, prefix, prompt: None }))
    }
}

#[derive(Clone)]
struct ActiveIcd {
    contrast: Contrast,
    prefix: &'static str,
    /// Of the other branch, once the question is known.
    prompt: Option<PromptIds>,
}

impl ActiveMethod for ActiveIcd {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        if parameters.text("prompt").is_empty() {
            parameters.spell_out("prompt", disturbed(question.full_prompt, self.prefix));
        }
        let text = parameters.text("prompt");
        let prompt = question.encode(text);
        self.prompt = Some(prompt.map_err(|cause| DecodeError::OtherPrompt { owner: ID, cause: Box::new(cause) })?);
        Ok(())
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let image = context.image(ID)?;
        let Some(prompt) = &self.prompt else { return Err(DecodeError::NumBranches { expected: 2, found: 1 }) };
        let image = ImagePlace { span: prompt.image_token_span, ..image };
        Ok(vec![context.embed(prompt.ids.clone(), Some(image))?])
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let negative = step.branch()?;
        Ok(Some(self.contrast.of(step.logits, negative)))
    }
}

/// The prompt with a prefix in place of its system text.
fn disturbed(full_prompt: &str, prefix: &str) -> String {
    let image = full_prompt.find(IMAGE_PLACEHOLDER).unwrap_or(full_prompt.len());
    let (before, rest) = full_prompt.split_at(image);
    match before.rfind(USER) {
        Some(user) => format!("{prefix} {}{rest}", before.get(user..).unwrap_or_default()),
        None => format!("{before}{prefix} {rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_takes_the_place_of_the_system_text() {
        let system = "A chat between a curious user and an assistant. USER: <image>\nIs it USER: x? ASSISTANT:";
        assert_eq!(disturbed(system, "Dim."), "Dim. USER: <image>\nIs it USER: x? ASSISTANT:", "LLaVA's template");
        assert_eq!(disturbed("USER: <image>\nq ASSISTANT:", "Dim."), "Dim. USER: <image>\nq ASSISTANT:", "without one");
        assert_eq!(
            disturbed("[INST] <image>\nq [/INST]", "Dim."),
            "[INST] Dim. <image>\nq [/INST]",
            "another template"
        );
    }
}
