//! What the patches have to do with a text: each one's share in what `[CLS]` becomes, and how far it points to the text
//! itself.
//!
//! Attention writes into `[CLS]`, layer by layer, a sum over tokens; with the last norm and the projection taken apart
//! the same way, the similarity of photo and text becomes a sum over layers and patches. One head after the other is
//! never needed: the weighted values of all heads go through the output projection together.

use super::Clip;
use crate::model::linear::LayerNorm;
use crate::model::{ModelError, Probe, ProbeChain, Site, Tower};
use candle_core::{DType, Result, Tensor};

/// What the patches have to do with a text: each one's share in what `[CLS]` becomes, and how far it points to the text
/// itself. All of it is f32 in memory, for every layer.
#[derive(Debug, Clone)]
pub struct Contributions {
    /// The image in the shared space, not normalised, **shape** `[projection_dim]`.
    pub image_embedding: Tensor,
    /// Layers of the image tower.
    pub num_layers: usize,
    /// What each patch adds to the similarity through the attention of each layer, **shape** `[num_layers, patches]`.
    pub attention: Vec<f32>,
    /// The same reading of each patch as it leaves each layer, **shape** `[num_layers, patches]`.
    pub patches: Vec<f32>,
    /// Cosine of each patch of the last layer, with a norm of its own, and the text. **Shape** `[patches]`.
    pub last_cosines: Vec<f32>,
}

impl Clip {
    /// Takes the similarity of a photo and a text apart. The probe sees all vision layers; what it makes of the
    /// probabilities is what counts.
    ///
    /// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`, `text` `[projection_dim]`, of any length.
    ///
    /// **Source**: `API_CLIP/hook.py:24-83` and `main.py:95-110`: the last norm is applied to every term with the mean
    /// and the deviation of the final `[CLS]`, its mean and bias divided by the number of terms. That number is `2 L -
    /// 1` there (47 for 24 layers), though there are `2 L + 1` terms; it moves all patches alike.
    pub fn contributions(
        &self,
        pixel_values: &Tensor,
        text: &Tensor,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Contributions, ModelError> {
        let num_layers = self.config.vision.num_hidden_layers;
        let entries: Vec<usize> = (0..=num_layers).collect();
        let mut rows = ClsProbs::default();
        let mut chain = ProbeChain::new().with(probe).with(&mut rows);
        let states = self.vision.hidden_states(pixel_values, &entries, 0, &mut chain)?;
        let reading = Reading::new(self, &states, text).map_err(ModelError::part("Image projection"))?;
        let (mut attention, mut patches) = (Vec::new(), Vec::new());
        for (layer_idx, (pair, probs)) in states.windows(2).zip(&rows.0).enumerate() {
            let [before, after] = pair else { continue };
            if probe.cancelled() {
                return Err(ModelError::Cancelled);
            }
            let mut read = || -> Result<()> {
                let parts = self.vision.cls_contributions(layer_idx, before, probs)?;
                attention.extend(reading.of_attention(&parts)?);
                patches.extend(reading.of_patches(after)?);
                Ok(())
            };
            read().map_err(ModelError::layer("Vision", layer_idx))?;
        }
        let last_cosines = self.patch_cosines(&states, text).map_err(ModelError::part("Image projection"))?;
        for values in [&attention, &patches, &last_cosines] {
            if let Some(&found) = values.iter().find(|value| !value.is_finite()) {
                return Err(ModelError::NotFinite { what: "contribution of a patch", found });
            }
        }
        Ok(Contributions { image_embedding: reading.image_embedding, num_layers, attention, patches, last_cosines })
    }

    /// Cosines of the last layer's patches and a text.
    fn patch_cosines(&self, states: &[Tensor], text: &Tensor) -> Result<Vec<f32>> {
        let Some(last) = states.last() else { return Ok(Vec::new()) };
        let patches = last.narrow(0, 1, last.dim(0)?.saturating_sub(1))?;
        let projected = self.visual_projection.forward(&self.post_layernorm.forward(&patches)?)?;
        let projected = projected.to_dtype(DType::F32)?;
        let lengths = projected.sqr()?.sum(1)?.sqrt()?;
        let length = text.sqr()?.sum_all()?.sqrt()?;
        let dots = projected.matmul(&text.unsqueeze(1)?)?.squeeze(1)?;
        dots.div(&lengths.broadcast_mul(&length)?)?.to_vec1()
    }
}

/// The rows of `[CLS]`, **shape** `[heads, tokens]` a layer.
#[derive(Default)]
struct ClsProbs(Vec<Tensor>);

impl Probe for ClsProbs {
    fn wants_probs(&self, site: &Site) -> bool {
        site.tower == Tower::Vision
    }

    fn probs(&mut self, _site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        // Copied, so that the whole matrix can go.
        self.0.push(probs.narrow(1, 0, 1)?.squeeze(1)?.force_contiguous()?);
        Ok(None)
    }
}

/// The last norm, the projection and the text as one direction: how terms of the final `[CLS]` are read.
struct Reading {
    image_embedding: Tensor,
    /// Norm weight times projection times text, **shape** `[hidden_size, 1]`.
    direction: Tensor,
    /// Sum of the direction.
    total: f64,
    /// Norm bias along the text.
    bias: f64,
    mean: f64,
    deviation: f64,
    num_terms: f64,
    length: f64,
}

impl Reading {
    fn new(clip: &Clip, states: &[Tensor], text: &Tensor) -> Result<Self> {
        let last = states.last().ok_or_else(|| candle_core::Error::msg("Expected a layer, found none"))?;
        let cls = last.narrow(0, 0, 1)?;
        let image_embedding = clip.visual_projection.forward(&clip.post_layernorm.forward(&cls)?)?;
        let image_embedding = image_embedding.squeeze(0)?.to_dtype(DType::F32)?;
        let text = text.broadcast_div(&text.sqr()?.sum_all()?.sqrt()?)?.unsqueeze(1)?;
        // The projection's transpose, wherever and however its weights lie.
        let hidden_size = clip.config.vision.hidden_size;
        let unit = Tensor::eye(hidden_size, last.dtype(), last.device())?;
        let along_text = clip.visual_projection.forward(&unit)?.to_dtype(DType::F32)?.matmul(&text)?;
        let LayerNorm { weight, bias, eps } = &clip.post_layernorm;
        let direction = along_text.mul(&weight.to_dtype(DType::F32)?.unsqueeze(1)?)?;
        let bias = along_text.mul(&bias.to_dtype(DType::F32)?.unsqueeze(1)?)?;
        let values = wide(&cls)?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        Ok(Self {
            length: wide(&image_embedding)?.iter().map(|value| value * value).sum::<f64>().sqrt(),
            image_embedding,
            total: wide(&direction)?.iter().sum(),
            bias: wide(&bias)?.iter().sum(),
            direction,
            mean,
            deviation: (variance + f64::from(*eps)).sqrt(),
            num_terms: (2 * clip.config.vision.num_hidden_layers).saturating_sub(1).max(1) as f64,
        })
    }

    /// Terms of all tokens of a layer's attention; those of the patches.
    fn of_attention(&self, parts: &Tensor) -> Result<Vec<f32>> {
        let num_tokens = parts.dim(0)? as f64;
        self.read(parts, self.num_terms * num_tokens)
    }

    /// The patches themselves.
    fn of_patches(&self, state: &Tensor) -> Result<Vec<f32>> {
        self.read(state, self.num_terms)
    }

    fn read(&self, rows: &Tensor, num_terms: f64) -> Result<Vec<f32>> {
        let dots = wide(&rows.to_dtype(DType::F32)?.matmul(&self.direction)?)?;
        let reading = |dot: f64| {
            let normed = (dot - self.mean * self.total / num_terms) / self.deviation + self.bias / num_terms;
            normed / self.length
        };
        #[expect(clippy::cast_possible_truncation, reason = "as exact as the f32 product that it is made of")]
        let narrow = |value: f64| value as f32;
        Ok(dots.into_iter().skip(1).map(|dot| narrow(reading(dot))).collect())
    }
}

fn wide(values: &Tensor) -> Result<Vec<f64>> {
    let values = values.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>()?;
    Ok(values.into_iter().map(f64::from).collect())
}
