//! VAR: attention that sinks swallow goes to the rest of the image.

use super::rules::{
    Count, Places, WHOLE_PROMPT, edit_each_row, edit_range, end, is_ordinary, joined, layer_range, numbers, start,
};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered};
use crate::model::{Probe, Site};
use candle_core::{DType, Result as TensorResult, Tensor};
use std::collections::BTreeMap;
use std::ops::Range;

const ID: &str = "var";
/// Of the norm by which sinks are found.
const NORM_EPS: f64 = 1e-6;
/// Each image token adds so much to the mass that the sinks' share is of.
const SHARE_EPS: f64 = 1e-6;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "VAR: redistribute visual sinks",
    help: "Heads that look at the image take attention from sink tokens and give it to the rest of the image, for \
        every position after it",
    paper: "Kang et al., See What You Are Told: Visual Attention Sink in Large Multimodal Models, ICLR 2025, \
        arXiv:2503.03321",
    acts: Acts::Attention,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::text(
            "dims",
            "",
            "Dimensions of the hidden states that are large in sinks, joined by +; known for LLaVA-1.5's decoders, \
                other models need them",
        ),
        ParameterInfo::real("tau", "20", (f64::MIN_POSITIVE, f64::MAX), "Least size of such a dimension of a sink")
            .usual(1.0, 50.0),
        ParameterInfo::real("rho", "0.5", (0.0, 1.0), "Largest share of sinks in the image's attention of a head"),
        ParameterInfo::real("p", "0.6", (0.0, 1.0), "Share of their attention that sinks keep; 1 is all"),
        ParameterInfo::real("mass", "0.2", (0.0, 1.0), "Least attention to the image of a head"),
        start("2"),
        end(""),
    ],
    ..MethodInfo::NONE
};

/// VAR, visual attention redistribution.
///
/// A position of the prompt is a sink of a layer if one of `dims` of the layer's input, divided by the root of the mean
/// square, is above `tau` in size. In rows after the image, heads that give the image at least `mass`, and at most
/// `rho` of that to sinks on it: all sinks keep `p` of their probability, the rest goes to the image's other tokens in
/// proportion to theirs. Layers without sinks on the image, or with nothing else there, stay.
/// **Source**: Kang et al. 2025, section 4; `src/logic/logic.py` of the authors' code.
/// **Differs** from that code where sinks of the first question serve all later ones; here every question has its own
/// (test `var_takes_from_sinks_and_gives_to_the_image`).
pub(super) struct Var;

impl Registered for Var {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Var {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (tau, rho) = (parameters.number("tau")?, parameters.number("rho")?);
        let (keep, mass) = (parameters.number("p")?, parameters.number("mass")?);
        let rule = Rule { rho, keep, mass };
        let (places, sinks, count) = (Places::default(), BTreeMap::new(), Count::default());
        Ok(Box::new(Active { tau, rule, dims: Vec::new(), places, layers: 0..0, sinks, count }))
    }
}

/// Which rows are edited, and how.
#[derive(Debug, Clone, Copy)]
struct Rule {
    rho: f64,
    keep: f64,
    mass: f64,
}

impl Rule {
    /// Edits a row in place, `sinks` in ascending order; the number of keys whose probability changed.
    fn edit(self, row: &mut [f32], image: &Range<usize>, sinks: &[usize]) -> usize {
        let at = |row: &[f32], key: usize| row.get(key).copied().map_or(0.0, f64::from);
        let of_image: f64 = image.clone().map(|key| at(row, key)).sum();
        let of_sinks: f64 = sinks.iter().filter(|key| image.contains(key)).map(|key| at(row, *key)).sum();
        let share = of_sinks / (of_image + image.len() as f64 * SHARE_EPS);
        // Most rows end here.
        if share > self.rho || of_image < self.mass {
            return 0;
        }
        let others: Vec<usize> = image.clone().filter(|key| sinks.binary_search(key).is_err()).collect();
        let left: f64 = others.iter().map(|key| at(row, *key)).sum();
        if left <= 0.0 {
            return 0;
        }
        let freed: f64 = sinks.iter().map(|key| at(row, *key)).sum::<f64>() * (1.0 - self.keep);
        if freed <= 0.0 {
            return 0;
        }
        let factors = sinks.iter().map(|key| (key, self.keep));
        let mut changed = 0;
        for (key, factor) in factors.chain(others.iter().map(|key| (key, 1.0 + freed / left))) {
            if let Some(p) = row.get_mut(*key).filter(|p| **p > 0.0) {
                #[expect(clippy::cast_possible_truncation, reason = "a probability")]
                let new = (f64::from(*p) * factor) as f32;
                *p = new;
                changed += 1;
            }
        }
        changed
    }
}

#[derive(Clone)]
struct Active {
    tau: f64,
    rule: Rule,
    dims: Vec<usize>,
    places: Places,
    layers: Range<usize>,
    /// Positions of the prompt, by layer.
    sinks: BTreeMap<usize, Vec<usize>>,
    count: Count,
}

impl Active {
    /// Sinks among the rows of a layer's input, **shape** `[rows, hidden_size]`.
    fn find(&self, input: &Tensor) -> TensorResult<Vec<usize>> {
        let input = input.to_dtype(DType::F32)?;
        let mean_square: Vec<f32> = input.sqr()?.mean(1)?.to_vec1()?;
        let columns = self.dims.iter().map(|dim| input.narrow(1, *dim, 1)?.squeeze(1)?.to_vec1::<f32>());
        let columns = columns.collect::<TensorResult<Vec<_>>>()?;
        let is_sink = |(row_idx, mean_square): &(usize, f32)| {
            let size = |column: &Vec<f32>| column.get(*row_idx).map_or(0.0, |x| f64::from(x.abs()));
            let largest = columns.iter().map(size).fold(0.0, f64::max);
            largest / (f64::from(*mean_square) + NORM_EPS).sqrt() > self.tau
        };
        Ok(mean_square.into_iter().enumerate().filter(is_sink).map(|(row_idx, _)| row_idx).collect())
    }

    fn is_edited(&self, site: &Site) -> bool {
        is_ordinary(site) && self.layers.contains(&site.layer_idx)
    }
}

impl Probe for Active {
    /// Where the end of the prompt runs once more, its sinks are known.
    fn wants_input(&self, site: &Site) -> bool {
        self.is_edited(site) && site.query_start == 0
    }

    fn input(&mut self, site: &Site, input: &Tensor) -> TensorResult<()> {
        let prompt = input.narrow(0, 0, self.places.prompt(site).len())?;
        self.sinks.insert(site.layer_idx, self.find(&prompt)?);
        Ok(())
    }

    fn wants_probs(&self, site: &Site) -> bool {
        self.is_edited(site) && !self.places.after_image(site).is_empty()
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        let image = self.places.span.range();
        let sinks = self.sinks.get(&site.layer_idx).map_or(&[][..], Vec::as_slice);
        let on_image = sinks.iter().filter(|key| image.contains(key)).count();
        if on_image == 0 || on_image == image.len() {
            self.count.add(0);
            return Ok(None);
        }
        let rows = self.places.after_image(site);
        let edit = |_: usize, _: usize, row: &mut [f32]| self.rule.edit(row, &image, sinks);
        let edited = edit_each_row(&probs.narrow(1, rows.start, rows.len())?, edit)?;
        self.count.add(edited.as_ref().map_or(0, |(_, changed)| *changed));
        edited.map(|(edited, _)| edit_range(probs, 1, rows, |_| Ok(edited))).transpose()
    }
}

/// Dimensions that are known to be large in sinks, by the width of the model.
fn published(hidden_size: usize) -> Option<&'static [usize]> {
    match hidden_size {
        4096 => Some(&[1415, 2533]),
        5120 => Some(&[2100, 4743]),
        _ => None,
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.places = Places::of(question, ID)?;
        self.layers = layer_range(parameters, question.num_hidden_layers())?;
        let hidden_size = question.model.decoder().config().hidden_size;
        if let Some(dims) = published(hidden_size).filter(|_| parameters.text("dims").trim().is_empty()) {
            parameters.spell_out("dims", joined(dims));
        }
        let dims = numbers(parameters.text("dims"), hidden_size.saturating_sub(1));
        let expected = || format!("dimensions below {hidden_size} joined by +; none are published for this width");
        self.dims = dims.ok_or_else(|| parameters.bad("dims", expected()))?;
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.rule.keep < 1.0 { Some(self) } else { None }
    }

    /// Sinks are found while the whole prompt is read.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { WHOLE_PROMPT } else { Reach::NOTHING }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn did(&mut self) -> Option<String> {
        Some(self.count.did(Acted::OnProbs))
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.count.report(ID, Acted::OnProbs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_worked_by_hand() {
        let rule = Rule { rho: 0.5, keep: 0.6, mass: 0.2 };
        // Keys 1 to 4 are the image; 0 and 2 are sinks.
        let before = [0.3_f32, 0.1, 0.2, 0.1, 0.2, 0.1];
        let mut row = before;
        assert_eq!(rule.edit(&mut row, &(1..5), &[0, 2]), 5, "two sinks, three others");
        // Freed: 0.4 of 0.5, in shares of 1 : 1 : 2.
        for (found, expected) in row.iter().zip([0.18, 0.15, 0.12, 0.15, 0.3, 0.1]) {
            assert!((found - expected).abs() < 1e-6, "{row:?}");
        }
        for rule in [Rule { rho: 0.3, ..rule }, Rule { mass: 0.7, ..rule }] {
            let mut row = before;
            assert_eq!((rule.edit(&mut row, &(1..5), &[0, 2]), row), (0, before), "{rule:?}");
        }
    }
}
