//! EAH: one head's view of the image for all heads of a shallow layer.

use super::rules::{Count, MOST_LAYERS, Places, WHOLE_PROMPT, edit_range, is_ordinary, layer};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};
use crate::model::{Probe, Site};
use crate::trace::TokenAction;
use candle_core::{Result as TensorResult, Tensor};

const ID: &str = "eah";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "EAH: one head for all",
    help: "Gives the attention map of the head that piles most attention on single image tokens to all heads of its \
        layer while the prompt is read",
    paper: "Zhang et al., Seeing Clearly by Layer Two: Enhancing Attention Heads to Alleviate Hallucination in LVLMs, \
        arXiv:2411.09968",
    acts: Acts::Attention,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::whole("layer", "1", (0, MOST_LAYERS), "Decoder layer, 0-based; a default scales by depth")
            .by_depth(),
        ParameterInfo::real(
            "threshold",
            "0.002",
            (0.0, 1.0),
            "An image token counts where its mean attention from later positions is above this",
        )
        .usual(0.0, 0.01),
    ],
    presets: &[
        Preset {
            id: "paper",
            help: "Layer two, as the paper and the authors' README say",
            values: &[("layer", "1"), ("threshold", "0.002")],
        },
        Preset {
            id: "official",
            help: "What the authors' released file runs with: nothing if the head is the first, and means over one row \
                too many",
            values: &[("layer", "15"), ("threshold", "0.0008")],
        },
    ],
    ..MethodInfo::NONE
};

/// EAH.
///
/// Of each head of `layer` the image tokens count whose mean attention from the later rows of the prompt is above
/// `threshold`; the map of the head with most goes to all heads, each keeping its values. Rows of the answer stay.
/// **Source**: Zhang et al. 2024; `modeling_llama_eah.py` lines 73-101 of the authors' code.
/// **Differs** from that code in the number of later rows, which is the true one, and where its first head can never
/// be chosen (test `eah_counts_every_later_row_and_may_choose_the_first_head`; preset `official` does both as it).
pub(super) struct Eah;

impl Registered for Eah {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Eah {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let threshold = parameters.number("threshold")?;
        parameters.count("layer")?;
        let is_official = parameters.choice(PRESET)? == "official";
        let (places, count) = (Places::default(), Count::default());
        Ok(Box::new(Active { threshold, is_official, places, layer_idx: 0, chosen: None, count }))
    }
}

#[derive(Clone)]
struct Active {
    threshold: f64,
    is_official: bool,
    places: Places,
    layer_idx: usize,
    /// The head whose map all get.
    chosen: Option<usize>,
    count: Count,
}

impl Active {
    /// The head with most image tokens above the threshold, the first among equals. `probs` `[heads, prompt, prompt]`.
    fn choose(&self, probs: &Tensor) -> TensorResult<Option<usize>> {
        let (num_heads, prompt_len, _) = probs.dims3()?;
        let span = self.places.span;
        let columns = probs.narrow(2, span.start, span.len)?;
        let sums: Vec<Vec<f32>> = columns.sum(1)?.to_vec2()?;
        let mut most = (0, None);
        for (head_idx, sums) in (0..num_heads).zip(sums) {
            let own = probs.get(head_idx)?.narrow(0, span.start, span.len)?.narrow(1, span.start, span.len)?;
            let own: Vec<Vec<f32>> = own.to_vec2()?;
            let counts = |(idx, sum): (usize, &f32)| {
                let own = own.get(idx).and_then(|row| row.get(idx)).copied().unwrap_or_default();
                let later = prompt_len.saturating_sub(span.start + idx + usize::from(!self.is_official));
                later > 0 && f64::from(sum - own) / later as f64 > self.threshold
            };
            let count = sums.iter().enumerate().filter(|one| counts(*one)).count();
            if count > most.0 {
                most = (count, Some(head_idx));
            }
        }
        Ok(most.1.filter(|head_idx| !self.is_official || *head_idx > 0))
    }
}

impl Probe for Active {
    fn wants_probs(&self, site: &Site) -> bool {
        is_ordinary(site) && site.layer_idx == self.layer_idx && !self.places.prompt(site).is_empty()
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        let rows = self.places.prompt(site);
        // Where the end of the prompt runs once more, its head is known.
        if site.query_start == 0 {
            let prompt = probs.narrow(1, 0, rows.len())?.narrow(2, 0, rows.len())?;
            self.chosen = self.choose(&prompt)?;
        }
        let Some(head_idx) = self.chosen else {
            self.count.add(0);
            return Ok(None);
        };
        let (num_heads, _, key_len) = probs.dims3()?;
        self.count.add((num_heads - 1) * rows.len() * key_len);
        let share = |rows: &Tensor| rows.narrow(0, head_idx, 1)?.broadcast_as(rows.shape())?.contiguous();
        edit_range(probs, 1, rows, share).map(Some)
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.places = Places::of(question, ID)?;
        self.layer_idx = layer(parameters, "layer", question.num_hidden_layers())?;
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }

    /// The head is chosen by the whole prompt.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { WHOLE_PROMPT } else { Reach::NOTHING }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn did(&mut self) -> Option<String> {
        let did = self.count.did(Acted::OnProbs);
        let Some(head_idx) = self.chosen else { return Some(did) };
        Some(TokenAction::spread_note(&did, self.layer_idx, head_idx))
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.count.report(ID, Acted::OnProbs))
    }
}
