//! An answer as JSON: the object of `--json`, and the line of each of many questions.

use super::super::output;
use super::damro::Outliers;
use crate::analysis::TokenRef;
use crate::analysis::chair::{Extractor, tokens_of};
use crate::engine::Answer;
use crate::trace::{TextSimilarity, Trace};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Writes answers down; keep it for many.
#[derive(Default)]
pub(super) struct Reporter {
    extractor: Extractor,
}

impl Reporter {
    /// What was asked of what and how, the answer, its tokens, object words and outliers; `file` is where the trace is.
    pub(super) fn object(&self, answer: &Answer, file: Option<&Path>) -> Map<String, Value> {
        let trace = &answer.trace;
        let outliers = Outliers::of(trace);
        let mut object = asked(trace);
        let timings = &answer.timings;
        let similarity = trace.similarity.iter().map(|text| {
            let TextSimilarity { text, cosine, logit, probability } = text;
            json!({"text": text, "cosine": cosine, "logit": logit, "probability": probability})
        });
        let more = json!({
            "text": trace.text().trim(),
            "tokens": tokens(trace),
            "object_words": self.object_words(trace, outliers.as_ref()),
            "outliers": outliers.as_ref().map(Outliers::of_answer),
            "similarity": similarity.collect::<Vec<Value>>(),
            "prompt_tokens": trace.prompt.len(),
            "image_token_span": [trace.image_token_span.start, trace.image_token_span.len],
            "timings": {
                "load": timings.load_secs,
                "vision": timings.vision_secs,
                "prefill": timings.prefill_secs,
                "decode": timings.decode_secs,
                "tokens_per_second": timings.tokens_per_sec,
            },
            "peak_rss_bytes": output::peak_rss_bytes(),
            "forced_ids": trace.run.forced_ids,
            "trace": file.map(|file| file.display().to_string()),
            "warnings": trace.warnings,
        });
        if let Value::Object(more) = more {
            object.extend(more);
        }
        object
    }

    /// CHAIR's object words, each with the tokens that make it, counted from 0 as `gazelens metrics --token` does.
    fn object_words(&self, trace: &Trace, outliers: Option<&Outliers<'_>>) -> Vec<Value> {
        let text = trace.text();
        // Places are those in the text as it is printed.
        let trimmed = text.len() - text.trim_start().len();
        let mentions = self.extractor.mentions(&text).into_iter().map(|mention| {
            let tokens = tokens_of(trace, &mention.bytes);
            let bytes = [mention.bytes.start, mention.bytes.end];
            let characters = bytes.map(|byte| text.get(trimmed..byte).map_or(0, |before| before.chars().count()));
            json!({
                "text": text.get(mention.bytes.clone()),
                "word": mention.word,
                "category": mention.category,
                "bytes": bytes.map(|byte| byte.saturating_sub(trimmed)),
                "characters": characters,
                "tokens": output_tokens(tokens.tokens()),
                "outliers": outliers.map(|outliers| outliers.of_tokens(&tokens)),
            })
        });
        mentions.collect()
    }
}

fn output_tokens(tokens: &[TokenRef]) -> Vec<usize> {
    let of_answer = tokens.iter().filter_map(|token| match token {
        TokenRef::Output(idx) => Some(*idx),
        TokenRef::Prompt(_) => None,
    });
    of_answer.collect()
}

/// Model, photo, prompt and every setting: what the trace file calls its run.
fn asked(trace: &Trace) -> Map<String, Value> {
    let run = &trace.run;
    let object = json!({
        "model": run.model_id,
        "weight_hash": run.weight_hash,
        "device": run.device,
        "dtype": run.dtype,
        "image": run.image_path,
        "image_hash": run.image_hash,
        "image_size": [run.view.image.width_px, run.view.image.height_px],
        "framing": run.preprocessing.framing,
        "seen_rect": run.view.rect_px,
        "prompt": run.prompt,
        "full_prompt": run.full_prompt,
        "templated": run.templated,
        "template_date": run.template_date,
        "strategy": run.strategy,
        "interventions": run.interventions,
        "methods": run.methods,
        "prompting": run.prompting,
        "temperature": run.temperature,
        "top_p": run.top_p,
        "top_k": run.top_k,
        "repetition_penalty": run.repetition_penalty,
        "seed": run.seed,
        "beams": run.beams,
        "length_penalty": run.length_penalty,
        "max_new_tokens": run.max_new_tokens,
        "program_version": run.program_version,
    });
    if let Value::Object(map) = object { map } else { Map::new() }
}

fn tokens(trace: &Trace) -> Vec<Value> {
    let tokens = trace.output.iter().map(|token| {
        let mut object = json!({
            "id": token.id,
            "text": token.text,
            "special": token.special,
            "logprob": token.logprob,
            "entropy": token.entropy_nats,
            "candidates": token.candidates,
        });
        if let Some(contrast) = &token.contrast {
            object["contrast"] = json!(contrast);
        }
        if !token.actions.is_empty() {
            object["actions"] = json!(token.actions);
        }
        object
    });
    tokens.collect()
}
