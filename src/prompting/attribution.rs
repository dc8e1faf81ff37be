//! The maps of every layer, from which a mask is made without the model.

use super::{Formula, PromptingError};
use crate::geometry::{ModelView, PatchGrid};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Which model looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// CLIP: what each patch adds to the similarity of photo and query.
    #[default]
    Clip,
    /// LLaVA: where the decoder looked while it answered the query.
    Llava,
}

impl Source {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Clip, Self::Llava];

    /// Its name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Llava => "llava",
        }
    }

    /// The one of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.id() == id)
    }
}

/// Where a model looked for a query. Values are those of the model, not yet stretched to any range. One that a file
/// holds has as many values as it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Attribution {
    /// Which part of the photo the patches lie on.
    pub view: ModelView,
    /// Their values.
    pub maps: Maps,
}

/// See [`Attribution`].
#[derive(Deserialize)]
struct Raw {
    view: ModelView,
    maps: Maps,
}

impl TryFrom<Raw> for Attribution {
    type Error = PromptingError;

    fn try_from(Raw { view, maps }: Raw) -> Result<Self, PromptingError> {
        let attribution = Self { view, maps };
        attribution.check_sizes().map(|()| attribution)
    }
}

/// Values by source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Maps {
    /// See [`ClipMaps`].
    Clip(ClipMaps),
    /// See [`LlavaMaps`].
    Llava(LlavaMaps),
}

/// What CLIP's patches have to do with a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipMaps {
    /// Layers of the image tower.
    pub num_layers: usize,
    /// What each patch adds to the similarity through the attention of each layer, **shape** `[num_layers, patches]`.
    #[serde(deserialize_with = "numbers")]
    pub contributions: Vec<f32>,
    /// How far each patch, as it leaves each layer, points to the text; in units of the image embedding's length, so
    /// not a cosine. **Shape** `[num_layers, patches]`.
    #[serde(deserialize_with = "numbers")]
    pub similarities: Vec<f32>,
    /// Cosine of each patch of the last layer and the text, **shape** `[patches]`.
    #[serde(deserialize_with = "numbers")]
    pub last_cosines: Vec<f32>,
}

/// What a decoder's heads, on average, looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlavaMaps {
    /// Decoder layers.
    pub num_layers: usize,
    /// Answer tokens.
    pub num_tokens: usize,
    /// Attention of the position that predicted each token, mean over heads, **shape** `[num_tokens, num_layers,
    /// patches]`.
    #[serde(deserialize_with = "numbers")]
    pub attention: Vec<f32>,
    /// The same with every head divided by what it spends on the image first. **Shape** as `attention`.
    #[serde(deserialize_with = "numbers")]
    pub image_attention: Vec<f32>,
}

/// JSON has no word for what is no number: it is written as `null`.
fn numbers<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let values = Vec::<Option<f32>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f32::NAN)).collect())
}

/// The two maps that a mask is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RawMaps {
    /// Where the model looked.
    pub(super) looked: Vec<f64>,
    /// How little a patch itself resembles the query (CLIP).
    pub(super) unlike: Option<Unlike>,
}

/// See [`RawMaps`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unlike {
    /// Still similarities: to be turned round and stretched to 0..1.
    Similarity(Vec<f64>),
    /// One minus a cosine: taken as it is.
    OneMinusCosine(Vec<f64>),
}

impl Attribution {
    /// Which model looked.
    pub fn source(&self) -> Source {
        match self.maps {
            Maps::Clip(_) => Source::Clip,
            Maps::Llava(_) => Source::Llava,
        }
    }

    /// The patches.
    pub fn grid(&self) -> PatchGrid {
        self.view.grid
    }

    /// Layers that there are maps of.
    pub fn num_layers(&self) -> usize {
        match &self.maps {
            Maps::Clip(maps) => maps.num_layers,
            Maps::Llava(maps) => maps.num_layers,
        }
    }

    /// Answer tokens that there are maps of; 0 for CLIP.
    pub fn num_tokens(&self) -> usize {
        if let Maps::Llava(maps) = &self.maps { maps.num_tokens } else { 0 }
    }

    /// The published layer: for CLIP the last but one (22 of 24), for LLaVA the one five eighths up (20 of 32).
    pub fn default_layer(&self) -> usize {
        match &self.maps {
            Maps::Clip(maps) => maps.num_layers.saturating_sub(2),
            Maps::Llava(maps) => maps.num_layers.saturating_mul(5) / 8,
        }
    }

    /// The same attribution over some of the answer's tokens (an object word, say) instead of all of them; CLIP's has
    /// none and stays as it is.
    pub fn of_tokens(&self, tokens: Range<usize>) -> Result<Self, PromptingError> {
        let Maps::Llava(maps) = &self.maps else { return Ok(self.clone()) };
        let row = maps.num_layers.saturating_mul(self.grid().len());
        let range = tokens.start.saturating_mul(row)..tokens.end.saturating_mul(row);
        let part = |values: &[f32]| values.get(range.clone()).map(<[f32]>::to_vec);
        let refused = || PromptingError::Tokens { count: maps.num_tokens, start: tokens.start, end: tokens.end };
        if tokens.start >= tokens.end || tokens.end > maps.num_tokens {
            return Err(refused());
        }
        let maps = LlavaMaps {
            num_layers: maps.num_layers,
            num_tokens: tokens.len(),
            attention: part(&maps.attention).ok_or_else(refused)?,
            image_attention: part(&maps.image_attention).ok_or_else(refused)?,
        };
        Ok(Self { view: self.view, maps: Maps::Llava(maps) })
    }

    /// The map of a layer that shows where the model looked, before anything is stretched: what `--map-out` writes as
    /// `attribution`.
    ///
    /// **Shape**: `[patches]`. **Units**: CLIP: similarity, in lengths of the image embedding; LLaVA: attention.
    pub fn map(&self, layer_idx: Option<usize>, formula: Formula) -> Result<Vec<f32>, PromptingError> {
        let raw = self.raw(layer_idx, formula)?;
        Ok(raw.looked.iter().map(|value| narrow(*value)).collect())
    }

    pub(super) fn raw(&self, layer_idx: Option<usize>, formula: Formula) -> Result<RawMaps, PromptingError> {
        let (count, found) = (self.num_layers(), layer_idx.unwrap_or_else(|| self.default_layer()));
        if found >= count {
            return Err(PromptingError::Layer { count, found });
        }
        self.check_sizes()?;
        let patches = self.grid().len();
        let raw = match &self.maps {
            Maps::Clip(maps) => maps.raw(found, formula, patches),
            Maps::Llava(maps) => RawMaps { looked: maps.looked(found, formula, patches), unlike: None },
        };
        let unlike = match &raw.unlike {
            Some(Unlike::Similarity(values) | Unlike::OneMinusCosine(values)) => values.as_slice(),
            None => &[],
        };
        for values in [raw.looked.as_slice(), unlike] {
            if let Some((patch_idx, found)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(PromptingError::NotFinite { patch_idx, found: *found });
            }
        }
        Ok(raw)
    }

    fn check_sizes(&self) -> Result<(), PromptingError> {
        let patches = self.grid().len();
        let sizes = match &self.maps {
            Maps::Clip(maps) => vec![
                ("contributions", maps.num_layers.saturating_mul(patches), maps.contributions.len()),
                ("similarities", maps.num_layers.saturating_mul(patches), maps.similarities.len()),
                ("cosines", patches, maps.last_cosines.len()),
            ],
            Maps::Llava(maps) => {
                let rows = maps.num_tokens.max(1).saturating_mul(maps.num_layers);
                let expected = rows.saturating_mul(patches);
                vec![("attention", expected, maps.attention.len()), ("attention", expected, maps.image_attention.len())]
            }
        };
        match sizes.into_iter().find(|(_, expected, found)| expected != found || *expected == 0) {
            Some((what, expected, found)) => Err(PromptingError::Size { what, expected: expected.max(1), found }),
            None => Ok(()),
        }
    }
}

impl ClipMaps {
    fn raw(&self, layer_idx: usize, formula: Formula, patches: usize) -> RawMaps {
        let layers = |values: &[f32], layers: Range<usize>| {
            let mut sums = vec![0.0; patches];
            for layer in values.chunks_exact(patches.max(1)).skip(layers.start).take(layers.len()) {
                sums.iter_mut().zip(layer).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            sums
        };
        match formula {
            Formula::Official => RawMaps {
                looked: layers(&self.contributions, layer_idx..layer_idx + 1),
                unlike: Some(Unlike::Similarity(layers(&self.similarities, layer_idx..layer_idx + 1))),
            },
            Formula::Paper => RawMaps {
                looked: layers(&self.contributions, layer_idx..self.num_layers),
                unlike: Some(Unlike::OneMinusCosine(
                    self.last_cosines.iter().map(|cosine| 1.0 - f64::from(*cosine)).collect(),
                )),
            },
        }
    }
}

impl LlavaMaps {
    /// Mean over tokens.
    fn looked(&self, layer_idx: usize, formula: Formula, patches: usize) -> Vec<f64> {
        let values = match formula {
            Formula::Official => &self.image_attention,
            Formula::Paper => &self.attention,
        };
        let mut sums = vec![0.0; patches];
        let layers = values.chunks_exact(patches.max(1)).skip(layer_idx).step_by(self.num_layers.max(1));
        for layer in layers {
            sums.iter_mut().zip(layer).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        sums.into_iter().map(|sum| sum / self.num_tokens.max(1) as f64).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "maps were f32 before they were added up")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}
