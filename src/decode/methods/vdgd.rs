//! VDGD: the photo is described first, and tokens count less the farther they are from the description.

use super::BETA;
use super::rules::descending;
use crate::checkpoint::IMAGE_PLACEHOLDER;
use crate::decode::contrast::{Combined, keep, probabilities};
use crate::decode::method::{ActiveMethod, FirstAnswer, FirstQuestion, Method, QuestionContext, Reach, Step};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};
use crate::model::{Decoder, ModelError, Probe, Site, Tower};
use candle_core::{Result as TensorResult, Tensor};
use std::ops::Range;
use std::sync::Arc;

const ID: &str = "vdgd";
const QUESTION: &str = "Describe the image in detail.";
/// Most tokens of a generated description.
const MOST_TOKENS: usize = 512;
const INTRODUCTION: &str = "The input image is described as follows: ";
/// Temperature and nucleus of the authors' code.
const TEMPERATURE: f64 = 0.5;
const NUCLEUS: f64 = 0.5;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "VDGD: description grounding",
    help: "Has the photo described first, puts the description into the prompt, and favours tokens that are probable \
        somewhere in it",
    paper: "Ghosh et al., Visual Description Grounding Reduces Hallucinations and Boosts Reasoning in LVLMs, ICLR \
        2025, arXiv:2405.15683",
    acts: Acts::Prompt,
    cost: "an answer that describes the photo first, and a longer prompt",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::text(
            "description",
            "",
            "Description of the photo; empty for the model's own greedy one; @FILE reads it",
        ),
        ParameterInfo::real("weight", "1", (0.0, 10.0), "How much the distance counts; 0 not at all").usual(0.0, 2.0),
        BETA,
        ParameterInfo::choice(
            "form",
            "subtract",
            &["subtract", "replace"],
            "`subtract` the distance from the logits as in the paper; `replace` them by it as in the official code",
        ),
    ],
    presets: &[
        Preset { id: "paper", help: "The distance is subtracted", values: &[("form", "subtract")] },
        Preset {
            id: "official",
            help: "The distance, divided by the vocabulary, takes the place of the logits of a \
            nucleus, as the authors' code",
            values: &[("form", "replace")],
        },
    ],
    ..MethodInfo::NONE
};

/// VDGD.
///
/// Behind the image stands `The input image is described as follows: {description} `. A token's distance is `g(v) =
/// min_j -log p_j(v)`, `p_j` what the ordinary branch predicts where the description's token `j` follows; `l - weight
/// g` is chosen from.
/// **Source**: Ghosh et al. 2025, section 4; `generate_desc_logits.py` and `vdgd.py` of the authors' code.
/// **Differs** from the paper in looking at the description's tokens alone, as that code does, and from that code in
/// subtracting (`form=replace` does what it does) and in one pass a token: the distances come out of the pass over the
/// prompt, where that code reads prompt and photo again for every token (golden `vdgd`, which has no cache).
pub(super) struct Vdgd;

impl Registered for Vdgd {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Vdgd {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let description = parameters.text("description").trim_end().to_owned();
        Ok(Box::new(ActiveVdgd {
            description: Some(description).filter(|text| !text.is_empty()),
            weight: parameters.number("weight")?,
            beta: parameters.number("beta")?,
            replaces: parameters.choice("form")? == "replace",
            pieces: Arc::default(),
            decoder: None,
            view: Rows::default(),
            ground: None,
        }))
    }
}

#[derive(Clone)]
struct ActiveVdgd {
    /// `None` until it is known.
    description: Option<String>,
    weight: f64,
    beta: f64,
    replaces: bool,
    /// The description's tokens.
    pieces: Arc<[String]>,
    decoder: Option<Arc<Decoder>>,
    view: Rows,
    ground: Option<Arc<Ground>>,
}

/// What the description says of every token of the vocabulary.
struct Ground {
    distances: Vec<f32>,
    /// Which of the description's tokens is nearest.
    nearest: Vec<usize>,
}

impl ActiveMethod for ActiveVdgd {
    fn first_questions(&self) -> Vec<FirstQuestion> {
        let ask = || FirstQuestion { words: QUESTION.to_owned(), max_new_tokens: MOST_TOKENS };
        self.description.is_none().then(ask).into_iter().collect()
    }

    fn rewrite(&mut self, full_prompt: &str, answers: &[FirstAnswer]) -> Result<Option<String>, DecodeError> {
        if let (None, [answer]) = (&self.description, answers) {
            self.description = Some(answer.text.trim().to_owned());
        }
        let Some(description) = &self.description else { return Ok(None) };
        let Some((before, behind)) = full_prompt.split_once(IMAGE_PLACEHOLDER) else {
            return Err(DecodeError::NoImage { owner: ID });
        };
        let (line, question) = behind.strip_prefix('\n').map_or(("", behind), |question| ("\n", question));
        Ok(Some(format!("{before}{IMAGE_PLACEHOLDER}{line}{INTRODUCTION}{description} {question}")))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        question.image_span(ID)?;
        // Its words are not known while the question about them is still to be asked.
        let Some(description) = &self.description else { return Ok(()) };
        parameters.spell_out("description", description);
        let introduction = question.full_prompt.find(&format!("{INTRODUCTION}{description} "));
        let start = introduction.map_or(0, |at| at + INTRODUCTION.len());
        let tokens = question.tokenizer.tokens_of(question.full_prompt, start..start + description.len());
        let (len, following) =
            tokens.map_err(|cause| DecodeError::OtherPrompt { owner: ID, cause: Box::new(cause) })?;
        let end = question.prompt.ids.len().saturating_sub(following);
        let tokens = end.saturating_sub(len)..end;
        let ids = question.prompt.ids.get(tokens.clone()).unwrap_or_default();
        self.pieces = ids.iter().map(|id| question.tokenizer.piece(*id)).collect();
        // A token is predicted by the position before it.
        let rows = tokens.start.saturating_sub(1)..tokens.end.saturating_sub(1);
        let last_layer_idx = question.num_hidden_layers().saturating_sub(1);
        self.view = Rows { range: rows, last_layer_idx, hidden: None };
        self.decoder = Some(Arc::new(question.model.decoder().clone()));
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(&mut self.view)
    }

    /// Nothing changes; the positions that predict the description have to run.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx != 0 {
            return Reach::NOTHING;
        }
        Reach { vision: false, first_position: self.view.range.start, by_position: false }
    }

    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let ground = match &self.ground {
            Some(ground) => Arc::clone(ground),
            None => Arc::new(self.ground(step.logits.len())?),
        };
        self.ground = Some(Arc::clone(&ground));
        #[expect(clippy::cast_possible_truncation, reason = "a parameter of a few digits")]
        let weight = self.weight as f32;
        let logits = if self.replaces {
            replaced(step.logits, &ground.distances)
        } else {
            let scores = step.logits.iter().zip(&ground.distances).map(|(l, distance)| l - weight * distance).collect();
            keep(scores, step.logits, self.beta)
        };
        let note = Some(self.note(&logits, &ground));
        Ok(Some(Combined { note, ..Combined::of(logits) }))
    }
}

impl ActiveVdgd {
    /// From the positions that predict the description; nothing is far from a description without words.
    fn ground(&mut self, vocab_size: usize) -> Result<Ground, DecodeError> {
        let none = Ground { distances: vec![0.0; vocab_size], nearest: vec![0; vocab_size] };
        if self.pieces.is_empty() {
            return Ok(none);
        }
        let missing = || DecodeError::NotSeen { what: "positions of the description up to", idx: self.view.range.end };
        let hidden = self.view.hidden.take().ok_or_else(missing)?;
        let decoder = self.decoder.as_ref().ok_or_else(missing)?;
        let rows = decoder.read_out(&decoder.final_norm(&hidden)?)?;
        let rows: Vec<Vec<f32>> = rows.to_vec2().map_err(ModelError::part("Reading logits"))?;
        let mut ground = Ground { distances: vec![f32::INFINITY; vocab_size], ..none };
        for (row_idx, row) in rows.iter().enumerate() {
            let max = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            let log_sum = max + row.iter().map(|logit| (f64::from(*logit) - max).exp()).sum::<f64>().ln();
            for ((distance, nearest), logit) in ground.distances.iter_mut().zip(&mut ground.nearest).zip(row) {
                #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a probability")]
                let own = (log_sum - f64::from(*logit)) as f32;
                if own < *distance {
                    (*distance, *nearest) = (own, row_idx);
                }
            }
        }
        Ok(ground)
    }

    /// Which word of the description grounds the most probable token.
    fn note(&self, logits: &[f32], ground: &Ground) -> String {
        let best = (0..)
            .zip(logits)
            .fold((0_usize, f32::NEG_INFINITY), |best, (id, logit)| if *logit > best.1 { (id, *logit) } else { best });
        let word = ground.nearest.get(best.0).and_then(|nearest| self.pieces.get(*nearest));
        let distance = ground.distances.get(best.0).copied().unwrap_or_default();
        match word {
            Some(word) => format!("nearest in the description: \"{}\", distance {distance:.2}", word.trim()),
            None => "the description has no words".to_owned(),
        }
    }
}

/// The authors' form: of a nucleus at their temperature each token gets its distance, divided by the vocabulary.
fn replaced(logits: &[f32], distances: &[f32]) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "a number of one digit")]
    let scaled: Vec<f32> = logits.iter().map(|logit| logit / TEMPERATURE as f32).collect();
    let p = probabilities(&scaled);
    let mut replaced = vec![f32::NEG_INFINITY; logits.len()];
    let mut before = 0.0;
    for id in descending(&p) {
        // Up to and with the one that brings them above the share.
        if before > NUCLEUS {
            break;
        }
        before += p.get(id).copied().unwrap_or_default();
        if let (Some(logit), Some(distance)) = (replaced.get_mut(id), distances.get(id)) {
            *logit = -distance / logits.len() as f32;
        }
    }
    replaced
}

/// Copies the last layer's output at some positions of the ordinary prompt.
#[derive(Clone, Default)]
struct Rows {
    range: Range<usize>,
    last_layer_idx: usize,
    hidden: Option<Tensor>,
}

impl Probe for Rows {
    fn wants_hidden(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder
            && site.branch_idx == 0
            && site.layer_idx == self.last_layer_idx
            && !self.range.is_empty()
            && site.query_start <= self.range.start
            && self.range.end <= site.query_start + site.query_len
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> TensorResult<Option<Tensor>> {
        let rows = hidden.narrow(0, self.range.start - site.query_start, self.range.len())?;
        self.hidden = Some(rows.force_contiguous()?.copy()?);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nucleus_ends_with_the_token_that_brings_it_above_the_share() {
        // At temperature 0.5: 16, 9, 4, 1 of 30.
        let logits = [3.0_f32, 1.0, 4.0, 2.0].map(f32::ln);
        let none = f32::NEG_INFINITY;
        let found = replaced(&logits, &[4.0, 8.0, 2.0, 1.0]);
        assert_eq!(found, [none, none, -0.5, none], "16/30 is above the half");
        // 9, 9, 4, 1 of 23: two are needed.
        let logits = [3.0_f32, 1.0, 3.0, 2.0].map(f32::ln);
        assert_eq!(replaced(&logits, &[4.0, 8.0, 2.0, 1.0]), [-1.0, none, -0.5, none], "18/23 is");
    }

    #[test]
    fn the_description_stands_behind_the_image_and_its_line() {
        let mut parameters = Parameters::resolve(&Vdgd, &[("description".to_owned(), "A dog. \n".to_owned())]).unwrap();
        let mut active = Vdgd.build(&mut parameters).unwrap();
        let mut rewritten = |prompt: &str| active.rewrite(prompt, &[]).unwrap().unwrap();
        let expected = "USER: <image>\nThe input image is described as follows: A dog. What is it? ASSISTANT:";
        assert_eq!(rewritten("USER: <image>\nWhat is it? ASSISTANT:"), expected, "behind the line");
        let expected = "Q: <image>The input image is described as follows: A dog.  what?";
        assert_eq!(rewritten("Q: <image> what?"), expected, "without one");
    }
}
