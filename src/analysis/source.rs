//! What maps are maps of: one entry in [`SOURCES`] each, from which menus, captions, colour bars and figures are made.

use super::row_values::{cls_values, patch_values, vision_of};
use super::{AnalysisError, ImageKeys, Normalisation, TokenRef};
use crate::geometry::ImageLayout;
use crate::ids::{HeadIdx, LayerIdx};
use crate::registry::{Added, NameTaken};
use crate::trace::{AttentionRow, Trace, VisionAttention};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Whose layers and heads a source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The decoder's.
    Decoder,
    /// The vision encoder's.
    Encoder,
}

/// One head of one layer, and the token that was chosen.
#[derive(Debug, Clone, Copy)]
pub struct SourceAt<'a> {
    /// All that was recorded.
    pub trace: &'a Trace,
    /// Which encoder, for a source that is an encoder's.
    pub encoder: usize,
    /// Which keys are patches; `None` for a source that has no decoder's layers.
    pub keys: Option<&'a ImageKeys>,
    /// The token, and its row; `None` for a source that is the same for all.
    pub token: Option<(TokenRef, &'a AttentionRow)>,
    /// The layer.
    pub layer_idx: LayerIdx,
    /// The head; the first for a source without heads.
    pub head_idx: HeadIdx,
    /// See [`super::MapRequest::suppress_sink`].
    pub suppress_sink: bool,
}

/// Makes raw values, one a cell of the trace's layout, or of [`Trace::encoder_layout`] for a source that is an
/// encoder's.
pub type SourceValues = fn(&SourceAt<'_>) -> Result<Vec<f64>, AnalysisError>;

/// A source of maps.
#[derive(Debug)]
pub struct SourceEntry {
    /// Unique name, also in files.
    pub id: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// The same where it stands for itself in a figure's caption.
    pub subject: &'static str,
    /// One line about it.
    pub help: &'static str,
    /// Whose layers and heads it has.
    pub side: Side,
    /// Whether each token has a map of its own; otherwise it is the same for all.
    pub of_tokens: bool,
    /// Whether it has heads; one without is of whole states.
    pub has_heads: bool,
    /// What a raw value is.
    pub unit: &'static str,
    /// What a value is once it is divided by the sum over the patches; `None` for values that are parts of nothing and
    /// always raw.
    pub share_unit: Option<&'static str>,
    /// What the sum of a map's raw values is.
    pub sum: &'static str,
    /// The same as the title of a list of layers.
    pub sum_title: &'static str,
    /// Whether a trace has it, of the encoder of that number where it is an encoder's.
    pub is_in: fn(&Trace, usize) -> bool,
    /// Its values.
    pub values: SourceValues,
}

const DECODER: SourceEntry = SourceEntry {
    id: "decoder",
    label: "Decoder",
    subject: "Decoder",
    help: "Where the decoder looked when it chose the selected tokens",
    side: Side::Decoder,
    of_tokens: true,
    has_heads: true,
    unit: "attention probability",
    share_unit: Some("share of the image's attention"),
    sum: "image share",
    sum_title: "Attention on the image, mean over the shown tokens",
    is_in: |trace, _| trace.has_decoder(),
    values: |at| {
        let (Some(keys), Some((_, row))) = (at.keys, at.token) else {
            return Err(AnalysisError::NothingSelected { what: "token" });
        };
        Ok(patch_values(row, at.layer_idx, at.head_idx, keys, at.suppress_sink))
    },
};

const VISION: SourceEntry = SourceEntry {
    id: "vision",
    label: "Vision [CLS]",
    subject: "Vision encoder's [CLS]",
    help: "Where the vision encoder's [CLS] token looked; the same for every token",
    side: Side::Encoder,
    of_tokens: false,
    has_heads: true,
    unit: "[CLS] attention probability",
    share_unit: Some("share of [CLS] attention on patches"),
    sum: "sum over patches",
    sum_title: "[CLS] attention on the patches",
    is_in: |trace, encoder| trace.encoder(encoder).is_some_and(VisionAttention::has_cls),
    values: |at| {
        let vision = vision_of(at.trace, at.encoder)?;
        // One is never taken for the other.
        if !vision.has_cls() {
            return Err(AnalysisError::NoVision);
        }
        Ok(cls_values(vision, at.layer_idx, at.head_idx))
    },
};

const RECEIVED: SourceEntry = SourceEntry {
    id: "received",
    label: "Received attention",
    subject: "Attention received in the vision encoder",
    help: "What each patch received in the vision encoder, which has no [CLS]: the mean over all queries",
    side: Side::Encoder,
    of_tokens: false,
    has_heads: true,
    unit: "received attention, mean over queries",
    share_unit: Some("share of the attention that patches receive"),
    sum: "sum over patches",
    sum_title: "Attention that the patches receive",
    is_in: |trace, encoder| trace.encoder(encoder).is_some_and(|vision| !vision.has_cls()),
    values: |at| {
        let vision = vision_of(at.trace, at.encoder)?;
        if vision.has_cls() {
            return Err(AnalysisError::NotRecorded {
                what: "attention received by the patches of an encoder without [CLS]",
            });
        }
        Ok(cls_values(vision, at.layer_idx, at.head_idx))
    },
};

const NORMS: SourceEntry = SourceEntry {
    id: "norms",
    label: "Patch norms",
    subject: "Norms of the patches in the vision encoder",
    help: "L2 norms of the patches' states after a layer of the vision encoder: outliers are the large ones",
    side: Side::Encoder,
    of_tokens: false,
    has_heads: false,
    unit: "L2 norm of the patch's state",
    share_unit: None,
    sum: "sum over patches",
    sum_title: "Norms of the patches, their sum",
    is_in: |trace, encoder| trace.encoder(encoder).is_some_and(|vision| !vision.patch_norms.is_empty()),
    values: |at| {
        let vision = vision_of(at.trace, at.encoder)?;
        let norms = vision.norms(at.layer_idx);
        if norms.len() != vision.num_patches {
            return Err(AnalysisError::WrongShape { what: "norms", expected: vision.num_patches, found: norms.len() });
        }
        Ok(norms.iter().map(|&norm| f64::from(norm)).collect())
    },
};

/// The sources that the crate brings, in the order of menus.
pub static SOURCES: [SourceEntry; 4] = [DECODER, VISION, RECEIVED, NORMS];

static ADDED: Added<SourceEntry> = Added::new();

/// Every source, in the order of menus.
pub fn sources() -> impl Iterator<Item = MapSource> {
    SOURCES.iter().chain(ADDED.all()).map(MapSource)
}

/// Adds a source to them.
///
/// **Errors**: a name that another has.
pub fn add_source(entry: &'static SourceEntry) -> Result<MapSource, NameTaken> {
    let own: Vec<&str> = SOURCES.iter().map(|entry| entry.id).collect();
    ADDED.add(entry, |entry| entry.id, &own).map(|()| MapSource(entry))
}

/// Whose attention: one of [`sources`], by its name in files.
#[derive(Debug, Clone, Copy)]
pub struct MapSource(&'static SourceEntry);

impl MapSource {
    /// The decoder, when it chose a token.
    pub const DECODER: Self = Self(&SOURCES[0]);
    /// The vision encoder's `[CLS]` token.
    pub const VISION: Self = Self(&SOURCES[1]);
    /// All queries of a vision encoder without `[CLS]`: what its patches receive.
    pub const RECEIVED: Self = Self(&SOURCES[2]);
    /// Nobody's: how large the states of the vision encoder's patches are.
    pub const NORMS: Self = Self(&SOURCES[3]);

    /// All that is known of it.
    pub fn entry(self) -> &'static SourceEntry {
        self.0
    }

    /// The source of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        sources().find(|source| source.0.id == id)
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        self.0.label
    }

    /// One line about it.
    pub fn help(self) -> &'static str {
        self.0.help
    }

    /// Whether it has the vision encoder's layers.
    pub fn is_encoder(self) -> bool {
        self.0.side == Side::Encoder
    }

    /// Whether each token has a map of its own.
    pub fn of_tokens(self) -> bool {
        self.0.of_tokens
    }

    /// Whether it is the attention that is recorded: the decoder's, or that of the vision encoder's `[CLS]` or patches.
    pub fn is_attention(self) -> bool {
        [Self::DECODER, Self::VISION, Self::RECEIVED].contains(&self)
    }

    /// Whether it has heads; norms are of whole states.
    pub fn has_heads(self) -> bool {
        self.0.has_heads
    }

    /// Whether a trace has it, of the encoder of that number where it is an encoder's.
    pub fn is_in(self, trace: &Trace, encoder: usize) -> bool {
        (self.0.is_in)(trace, encoder)
    }

    /// What a value is; where there are no shares it is always raw.
    pub fn unit(self, normalisation: Normalisation) -> &'static str {
        match (normalisation, self.0.share_unit) {
            (Normalisation::ImageShare, Some(unit)) => unit,
            _ => self.0.unit,
        }
    }

    /// Layers and heads a layer in a trace; one head where it has none.
    ///
    /// **Errors**: a trace without the vision encoder.
    pub fn shape(self, trace: &Trace, encoder: usize) -> Result<[usize; 2], AnalysisError> {
        let [layers, heads] = self.all_heads(trace, encoder)?;
        Ok([layers, if self.0.has_heads { heads } else { 1 }])
    }

    /// The same with the heads of its side, where it has none of its own: what a selection is
    /// checked against.
    ///
    /// **Errors**: an encoder that the trace does not have.
    pub fn all_heads(self, trace: &Trace, encoder: usize) -> Result<[usize; 2], AnalysisError> {
        match self.0.side {
            Side::Decoder => Ok([trace.num_hidden_layers, trace.num_attention_heads]),
            Side::Encoder => {
                let count = trace.num_encoders();
                let vision = match trace.encoder(encoder) {
                    Some(vision) => vision,
                    None if count > 0 => return Err(AnalysisError::NoEncoder { count, found: encoder }),
                    None => return Err(AnalysisError::NoVision),
                };
                Ok([vision.num_hidden_layers, vision.num_attention_heads])
            }
        }
    }

    /// Whether leaving the first position out says something: the encoder parks nothing there.
    pub fn has_sink(self) -> bool {
        self.0.side == Side::Decoder && self.0.share_unit.is_some()
    }

    /// Which keys are patches, where it needs them.
    pub(super) fn keys(self, trace: &Trace) -> Result<Option<ImageKeys>, AnalysisError> {
        (self.0.side == Side::Decoder).then(|| ImageKeys::of(trace)).transpose()
    }

    /// How its maps lie on the photo.
    pub fn layout(self, trace: &Trace, encoder: usize) -> Arc<ImageLayout> {
        if self.is_encoder() { trace.encoder_layout(encoder) } else { Arc::clone(&trace.layout) }
    }

    /// Its values at one head, `expected` of them.
    pub(super) fn values(self, at: &SourceAt<'_>, expected: usize) -> Result<Vec<f64>, AnalysisError> {
        let values = (self.0.values)(at)?;
        let found = values.len();
        if found == expected { Ok(values) } else { Err(AnalysisError::WrongShape { what: "patches", expected, found }) }
    }
}

impl Default for MapSource {
    fn default() -> Self {
        Self::DECODER
    }
}

impl PartialEq for MapSource {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for MapSource {}

impl Hash for MapSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl Serialize for MapSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.id)
    }
}

impl<'de> Deserialize<'de> for MapSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::by_id(&id).ok_or_else(|| {
            let known: Vec<&str> = sources().map(|source| source.0.id).collect();
            serde::de::Error::custom(format!("expected a source of maps, one of {}, found `{id}`", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_names_of_their_own_and_are_written_by_them() {
        for source in sources() {
            let SourceEntry { id, label, subject, help, unit, sum, sum_title, .. } = source.entry();
            assert!(
                [label, subject, help, unit, sum, sum_title].iter().all(|text| !text.is_empty()),
                "{id} lacks words"
            );
            let written = serde_json::to_string(&source).expect("a name");
            assert_eq!(written, format!("\"{id}\""), "by its name");
            assert_eq!(serde_json::from_str::<MapSource>(&written).ok(), Some(source), "{id} is read");
        }
        let unknown = serde_json::from_str::<MapSource>("\"decodr\"").expect_err("no such source").to_string();
        let known: Vec<&str> = SOURCES.iter().map(|source| source.id).collect();
        assert!(unknown.starts_with("expected a source of maps, one of decoder, vision"), "{unknown}");
        assert_eq!(known, ["decoder", "vision", "received", "norms"], "the words of files");
        let taken = add_source(&SOURCES[1]).expect_err("a name that is there").found;
        assert_eq!(taken, "vision", "said by name");
    }
}
