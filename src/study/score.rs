//! From an answer to its row.

use super::data::StudyData;
use super::item::{Item, StudyPhoto};
use super::row::{AnswerRow, WordRow};
use super::signals::{Signal, SignalAt, Signals, measure};
use crate::analysis::chair::{Marked, Status, tokens_of};
use crate::analysis::pope::{YesNoWords, YesProbability};
use crate::analysis::{Reduce, TokenRef, TokenSet};
use crate::engine::is_limit_sentence;
use crate::trace::Trace;

/// What all answers of a study are scored with.
pub(super) struct Scoring<'a> {
    pub(super) data: &'a StudyData,
    pub(super) signals: Vec<&'static Signal>,
}

impl Scoring<'_> {
    /// Fills a row with what an answer says and what is measured at it.
    pub(super) fn fill(&self, row: &mut AnswerRow, item: &Item, photo: &StudyPhoto, trace: &Trace) {
        row.photo_sha256 = Some(trace.run.image_hash.clone());
        row.warnings.extend(trace.warnings.iter().filter(|text| !is_limit_sentence(text)).cloned());
        if !trace.has_decoder() {
            row.cosines = trace.similarity.iter().map(|text| f64::from(text.cosine)).collect();
            return;
        }
        let text = trace.text();
        row.num_tokens = Some(trace.output.len());
        let is_ended = trace.output.last().is_some_and(|token| token.special);
        row.ended = Some(if is_ended { "stop" } else { "limit" }.to_owned());
        let logprobs = trace.output.iter().map(|token| f64::from(token.logprob));
        let mean = logprobs.sum::<f64>() / trace.output.len().max(1) as f64;
        row.mean_logprob = Some(mean).filter(|mean| mean.is_finite() && !trace.output.is_empty());
        if item.label.is_some() {
            self.yes_or_no(row, item, trace);
        } else {
            self.caption(row, photo, trace, &text);
        }
        row.answer = Some(text.trim().to_owned());
    }

    fn yes_or_no(&self, row: &mut AnswerRow, item: &Item, trace: &Trace) {
        let first = trace.output.first();
        if let Some(yes) = first.and_then(|token| YesProbability::of_token(token, YesNoWords::default())) {
            row.p_yes = Some(yes.yes);
            row.p_yes_bounds = Some([yes.at_least, yes.at_most]);
        }
        let tokens = TokenSet::output(0);
        let mask = self.data.mask(item);
        let at = SignalAt { trace, tokens: &tokens, mask: mask.as_ref() };
        row.signals.extend(measure(&self.signals, &at, &mut row.warnings));
    }

    fn caption(&self, row: &mut AnswerRow, photo: &StudyPhoto, trace: &Trace, text: &str) {
        let written = trace.output.iter().enumerate().filter(|(_, token)| !token.special);
        let all = TokenSet::new(written.map(|(idx, _)| TokenRef::Output(idx)), Reduce::Mean);
        if !all.tokens().is_empty() {
            let at = SignalAt { trace, tokens: &all, mask: None };
            row.signals.extend(measure(&self.signals, &at, &mut row.warnings));
        }
        let marked = self.data.judge(row, photo, text);
        let words = marked.into_iter().map(|one| self.word(one, photo, trace, text, &mut row.warnings));
        row.words = words.collect();
    }

    fn word(
        &self,
        Marked { mention, status }: Marked,
        photo: &StudyPhoto,
        trace: &Trace,
        text: &str,
        warnings: &mut Vec<String>,
    ) -> WordRow {
        let tokens = tokens_of(trace, &mention.bytes);
        let mask = (status == Status::Grounded).then(|| self.data.mask_of_word(photo, mention.category)).flatten();
        let at = SignalAt { trace, tokens: &tokens, mask: mask.as_ref() };
        let signals = if tokens.tokens().is_empty() { Signals::new() } else { measure(&self.signals, &at, warnings) };
        let places = tokens.tokens().iter().filter_map(|token| match token {
            TokenRef::Output(idx) => Some(*idx),
            TokenRef::Prompt(_) => None,
        });
        // The answer is shown without the spaces before it.
        let before = text.len() - text.trim_start().len();
        let bytes = [mention.bytes.start, mention.bytes.end].map(|byte| byte.saturating_sub(before));
        WordRow {
            text: text.get(mention.bytes.clone()).unwrap_or_default().to_owned(),
            category: mention.category.to_owned(),
            status: status.id().to_owned(),
            bytes,
            tokens: places.collect(),
            signals,
        }
    }
}
