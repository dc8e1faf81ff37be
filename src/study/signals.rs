//! What is measured at an answer and at its words: one line each in [`SIGNALS`], from which `gazelens list signals`,
//! study files and tables are made.

use super::StudyError;
use crate::analysis::localisation::{Counted, Evaluation, LocalisationError, PatchCoverage, Ranked, metrics};
use crate::analysis::{
    AnalysisError, ClsVariant, DamroOptions, MapOptions, Pick, Reduce, Selection, TokenRef, TokenSet, attention_on_top,
    cls_map, decoder_map, image_share_per_layer, layer_head_maps, overlap, split,
};
use crate::data::coco::Mask;
use crate::geometry::Combine;
use crate::names::hint;
use crate::registry::{Added, NameTaken};
use crate::trace::Trace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Where a signal is measured.
#[derive(Debug, Clone, Copy)]
pub struct SignalAt<'a> {
    /// The answer.
    pub trace: &'a Trace,
    /// The tokens: of a word, or those that stand for the answer.
    pub tokens: &'a TokenSet,
    /// The object that they are about, where annotations have it.
    pub mask: Option<&'a Mask>,
}

/// A number, or one a layer, a head or a rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SignalValue {
    /// One.
    Number(f64),
    /// Several, in a documented order.
    List(Vec<f32>),
}

/// Values by column.
pub type Signals = BTreeMap<String, SignalValue>;

/// Why a signal could not be measured at an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Of a map.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// Of a map against a mask.
    #[error(transparent)]
    Localisation(#[from] LocalisationError),
}

/// Something that is measured.
#[derive(Debug)]
pub struct Signal {
    /// Unique name.
    pub id: &'static str,
    /// Columns that it fills, with shapes and units.
    pub columns: &'static str,
    /// One line.
    pub help: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// Fills its columns; a column that is not defined here stays away.
    pub measure: fn(&SignalAt<'_>, &mut Signals) -> Result<(), MeasureError>,
}

/// Those that the crate brings.
pub const SIGNALS: &[Signal] = &[
    Signal {
        id: "localisation",
        columns: "precision, recall, iou, mse, mass, mass_ratio, pointing_game, roc_auc, average_precision",
        help: "Every metric of the decoder's attention against the object's mask: mean over layers, heads and tokens, \
            nearest, the pixels that the model saw, threshold at the mean",
        paper: "Tomita et al.; the other metrics as `gazelens list metrics` says",
        measure: localisation,
    },
    Signal {
        id: "image_share",
        columns: "image_share (0 to 1), image_share_by_layer (one a layer)",
        help: "Attention on the image as part of all keys: mean over heads, layers and tokens",
        paper: "Liu et al., PAI, ECCV 2024; Jiang et al., SVAR, CVPR 2025",
        measure: image_share,
    },
    Signal {
        id: "split",
        columns: "share_first, share_system, share_question, share_answer (0 to 1)",
        help: "Attention on the first position, the text before the image, the question and the answer so far",
        paper: "The kinds of keys of `gazelens trace`",
        measure: shares,
    },
    Signal {
        id: "damro",
        columns: "h_unsplit, h_mean (H_1 to H_10), f_unsplit, f_mean (F of the three largest)",
        help: "Overlap of the decoder's largest patches with those of the encoder's [CLS], and the decoder's attention \
            on the three largest of them; both readings of [CLS]",
        paper: "Gong et al., DAMRO, EMNLP 2024, section 3",
        measure: outliers,
    },
    Signal {
        id: "confidence",
        columns: "probability, min_probability, entropy_nats",
        help: "Probability of the tokens (mean and least) and entropy of what they were chosen from (mean)",
        paper: "Zhou et al., LURE, ICLR 2024 (uncertainty)",
        measure: confidence,
    },
    Signal {
        id: "heads",
        columns: "head_image_share (layers x heads, a layer's heads in a row)",
        help: "Attention of every head on the image as part of all keys, mean over tokens",
        paper: "Jiang et al., SVAR, CVPR 2025; Yang et al., AD-HH, ICLR 2025",
        measure: heads,
    },
];

static ADDED: Added<Signal> = Added::new();

/// Every signal: [`SIGNALS`] and those that were added.
pub fn signals() -> impl Iterator<Item = &'static Signal> {
    SIGNALS.iter().chain(ADDED.all())
}

/// Adds a signal to them.
///
/// **Errors**: a name that another has.
pub fn add_signal(signal: &'static Signal) -> Result<(), NameTaken> {
    let own: Vec<&str> = SIGNALS.iter().map(|signal| signal.id).collect();
    ADDED.add(signal, |signal| signal.id, &own)
}

/// The signals of these names, in the order of display.
///
/// **Errors**: a name that there is not.
pub(super) fn chosen(names: &[String], path: &Path) -> Result<Vec<&'static Signal>, StudyError> {
    let known = || signals().map(|signal| signal.id);
    for found in names {
        if !known().any(|id| id == found) {
            let all: Vec<&str> = known().collect();
            return Err(StudyError::Unfit {
                expected: format!("signals among {}", all.join(", ")),
                found: format!("`{found}`{}", hint(found, known())),
                path: path.to_owned(),
            });
        }
    }
    Ok(signals().filter(|signal| names.iter().any(|name| name == signal.id)).collect())
}

/// Fills the columns of all of them; what could not be measured is said.
pub(super) fn measure(all: &[&'static Signal], at: &SignalAt<'_>, warnings: &mut Vec<String>) -> Signals {
    let mut values = Signals::new();
    for signal in all {
        if let Err(why) = (signal.measure)(at, &mut values) {
            let said = format!("No {}: {why}", signal.id);
            if !warnings.contains(&said) {
                warnings.push(said);
            }
        }
    }
    values
}

const ALL: Selection = Selection { layers: Pick::All(Reduce::Mean), heads: Pick::All(Reduce::Mean) };

fn localisation(at: &SignalAt<'_>, values: &mut Signals) -> Result<(), MeasureError> {
    let Some(mask) = at.mask else { return Ok(()) };
    let map = decoder_map(at.trace, at.tokens, ALL, MapOptions::default())?;
    let coverage = PatchCoverage::new(&at.trace.layout, mask.pixels(), Combine::default())?;
    let ranked = Ranked::of_patches(&map.values, &coverage, Counted::Seen)?;
    put_metrics(&ranked, "", values);
    Ok(())
}

/// Every metric at the map's mean that is defined, behind a prefix of its name.
pub(super) fn put_metrics(ranked: &Ranked, prefix: &str, values: &mut Signals) {
    let evaluation = Evaluation::at_mean(ranked);
    for metric in metrics() {
        if let Ok(value) = metric.value(&evaluation) {
            values.insert(format!("{prefix}{}", metric.id), SignalValue::Number(value));
        }
    }
}

fn image_share(at: &SignalAt<'_>, values: &mut Signals) -> Result<(), MeasureError> {
    let by_layer = image_share_per_layer(at.trace, at.tokens, Pick::All(Reduce::Mean))?;
    let mean = by_layer.iter().map(|share| f64::from(*share)).sum::<f64>() / by_layer.len().max(1) as f64;
    values.insert("image_share".to_owned(), SignalValue::Number(mean));
    values.insert("image_share_by_layer".to_owned(), SignalValue::List(by_layer));
    Ok(())
}

fn shares(at: &SignalAt<'_>, values: &mut Signals) -> Result<(), MeasureError> {
    let splits: Result<Vec<_>, _> = at.tokens.tokens().iter().map(|token| split(at.trace, *token, ALL)).collect();
    let Some(mean) = crate::analysis::AttentionSplit::mean(&splits?) else { return Ok(()) };
    let [first, system, _, question, answer] = mean.parts();
    for (name, share) in [("first", first), ("system", system), ("question", question), ("answer", answer)] {
        values.insert(format!("share_{name}"), SignalValue::Number(share));
    }
    Ok(())
}

fn outliers(at: &SignalAt<'_>, values: &mut Signals) -> Result<(), MeasureError> {
    let options = DamroOptions::of(at.trace)?;
    let decoder = decoder_map(at.trace, at.tokens, options.decoder, MapOptions::default())?.values;
    for (variant, name) in [(ClsVariant::Unsplit, "unsplit"), (ClsVariant::HeadMean, "mean")] {
        let encoder = match cls_map(at.trace, options.vision_layer_idx, variant) {
            // Only published for encoders whose heads are split.
            Err(AnalysisError::NoUnsplit) => continue,
            other => other.map_err(MeasureError::from)?,
        };
        if encoder.len() != decoder.len() {
            let (expected, found) = (encoder.len(), decoder.len());
            return Err(AnalysisError::WrongShape { what: "patches", expected, found }.into());
        }
        #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
        let curve = overlap(&encoder, &decoder, options.up_to).into_iter().map(|share| share as f32).collect();
        values.insert(format!("h_{name}"), SignalValue::List(curve));
        if let Some(share) = attention_on_top(&encoder, &decoder, options.count) {
            values.insert(format!("f_{name}"), SignalValue::Number(share));
        }
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "as every signal's")]
fn confidence(at: &SignalAt<'_>, values: &mut Signals) -> Result<(), MeasureError> {
    let tokens = at.tokens.tokens().iter().filter_map(|token| match token {
        TokenRef::Output(idx) => at.trace.output.get(*idx),
        TokenRef::Prompt(_) => None,
    });
    let of: Vec<(f64, f64)> =
        tokens.map(|token| (f64::from(token.logprob).exp(), f64::from(token.entropy_nats))).collect();
    if of.is_empty() {
        return Ok(());
    }
    let mean = |part: fn(&(f64, f64)) -> f64| of.iter().map(part).sum::<f64>() / of.len() as f64;
    let least = of.iter().map(|(probability, _)| *probability).fold(f64::INFINITY, f64::min);
    let numbers = [("probability", mean(|one| one.0)), ("min_probability", least), ("entropy_nats", mean(|one| one.1))];
    for (name, number) in numbers.into_iter().filter(|(_, number)| number.is_finite()) {
        values.insert(name.to_owned(), SignalValue::Number(number));
    }
    Ok(())
}

fn heads(at: &SignalAt<'_>, values: &mut Signals) -> Result<(), MeasureError> {
    let maps = layer_head_maps(at.trace, at.tokens, MapOptions::default())?;
    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    let shares = maps.totals.iter().map(|share| *share as f32).collect();
    values.insert("head_image_share".to_owned(), SignalValue::List(shares));
    Ok(())
}
