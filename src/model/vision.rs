//! CLIP's vision transformer: patches, `[CLS]`, and every layer open to a probe.

use super::ModelError;
use super::encoder::{EncoderLayer, EncoderShape};
use super::linear::{LayerNorm, Linear};
use super::probe::{Probe, Site, Tower};
use super::weights::Scope;
use crate::checkpoint::{FeatureSelect, VisionConfig};
use candle_core::{Result, Tensor};

/// A vision transformer with a `[CLS]` token at position 0.
#[derive(Debug, Clone)]
pub struct VisionTower {
    config: VisionConfig,
    class_embedding: Tensor,
    patch_embedding: Linear,
    position_embedding: Tensor,
    pre_layrnorm: LayerNorm,
    layers: Vec<EncoderLayer>,
}

impl VisionTower {
    pub(crate) fn load(scope: &Scope<'_>, config: &VisionConfig) -> std::result::Result<Self, ModelError> {
        let VisionConfig { hidden_size, num_channels, patch_size, layer_norm_eps, .. } = *config;
        ModelError::check_sizes(&[
            ("vision hidden_size", hidden_size),
            ("num_channels", num_channels),
            ("patch_size", patch_size),
            ("image_size", config.image_size),
        ])?;
        if config.image_size < patch_size {
            let found = format!("{patch_size} in an image of {}", config.image_size);
            return Err(ModelError::Config { expected: "a patch size that fits the image size".to_owned(), found });
        }
        let embeddings = scope.at("embeddings");
        let patch_shape = [hidden_size, num_channels, patch_size, patch_size];
        let patch_embedding = embeddings
            .at("patch_embedding")
            .tensor("weight", &patch_shape)?
            .reshape((hidden_size, num_channels * patch_size * patch_size))
            .map_err(ModelError::part("Patch embedding"))?;
        let num_positions = 1 + (config.image_size / patch_size).pow(2);
        let layers = EncoderLayer::load_all(scope, config.num_hidden_layers, EncoderShape::of_vision(config));
        Ok(Self {
            class_embedding: embeddings.tensor("class_embedding", &[hidden_size])?,
            patch_embedding: Linear::new(patch_embedding, None),
            position_embedding: embeddings.at("position_embedding").tensor("weight", &[num_positions, hidden_size])?,
            pre_layrnorm: scope.layer_norm("pre_layrnorm", hidden_size, layer_norm_eps)?,
            layers: layers?,
            config: config.clone(),
        })
    }

    /// The configuration it was loaded with.
    pub fn config(&self) -> &VisionConfig {
        &self.config
    }

    /// Patches along one side of the image.
    pub fn patches_per_side(&self) -> usize {
        self.config.image_size / self.config.patch_size
    }

    /// The requested entries of Hugging Face's `hidden_states`: entry 0 is the input of the first layer, entry k the
    /// output of layer k - 1.
    ///
    /// Layers after the last requested one run only if the probe wants to see one of them (the trace wants all `[CLS]`
    /// rows).
    ///
    /// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`; each entry `[1 + patches, hidden_size]`,
    /// `[CLS]` first.
    ///
    /// **Differs** from candle-transformers, whose list lacks entry 0, so that its `[-2]` is the last layer
    /// (test `hidden_states_start_with_the_embeddings`).
    pub fn hidden_states(
        &self,
        pixel_values: &Tensor,
        entries: &[usize],
        branch_idx: usize,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Vec<Tensor>, ModelError> {
        let num_layers = self.layers.len();
        if let Some(&entry) = entries.iter().find(|&&entry| entry > num_layers) {
            let expected = format!("a vision feature layer of at most {num_layers}");
            return Err(ModelError::Config { expected, found: entry.to_string() });
        }
        let mut hidden = self.embed(pixel_values)?;
        let token_len = hidden.dim(0).map_err(ModelError::part("Patch embedding"))?;
        let site = |layer_idx| Site {
            tower: Tower::Vision,
            encoder_idx: 0,
            layer_idx,
            branch_idx,
            query_start: 0,
            query_len: token_len,
            key_len: token_len,
        };
        let wanted = (0..num_layers).rev().find(|&layer_idx| is_watched(probe, &site(layer_idx)));
        let depth = entries.iter().copied().max().unwrap_or(0).max(wanted.map_or(0, |layer_idx| layer_idx + 1));

        let mut states: Vec<Option<Tensor>> = vec![None; entries.len()];
        keep(&mut states, entries, 0, &hidden);
        for (layer_idx, layer) in self.layers.iter().enumerate().take(depth) {
            if probe.cancelled() {
                return Err(ModelError::Cancelled);
            }
            hidden = layer
                .forward(&hidden, None, &site(layer_idx), probe)
                .map_err(ModelError::layer("Vision", layer_idx))?;
            keep(&mut states, entries, layer_idx + 1, &hidden);
        }
        Ok(states.into_iter().flatten().collect())
    }

    /// What each token writes into `[CLS]` through the attention of a layer. **Shape**: see
    /// [`EncoderLayer::cls_contributions`].
    pub(crate) fn cls_contributions(&self, layer_idx: usize, input: &Tensor, cls_probs: &Tensor) -> Result<Tensor> {
        let layer = self.layers.get(layer_idx);
        let layer =
            layer.ok_or_else(|| candle_core::Error::Msg(format!("Expected a vision layer, found {layer_idx}")))?;
        layer.cls_contributions(input, cls_probs)
    }

    /// Input of the first layer. **Shape**: `[num_channels, image_size, image_size]` to `[1 + patches, hidden_size]`.
    fn embed(&self, pixel_values: &Tensor) -> std::result::Result<Tensor, ModelError> {
        let VisionConfig { num_channels, image_size, .. } = self.config;
        let expected = [num_channels, image_size, image_size];
        if pixel_values.dims() != expected {
            let found = pixel_values.dims().to_vec();
            return Err(ModelError::InputShape { what: "pixel values", expected: expected.to_vec(), found });
        }
        self.embed_patches(pixel_values).map_err(ModelError::part("Patch embedding"))
    }

    fn embed_patches(&self, pixel_values: &Tensor) -> Result<Tensor> {
        let pixel_values =
            pixel_values.to_device(self.class_embedding.device())?.to_dtype(self.class_embedding.dtype())?;
        let patches = self.patch_embedding.forward(&flatten_patches(&pixel_values, self.config.patch_size)?)?;
        let tokens = Tensor::cat(&[&self.class_embedding.unsqueeze(0)?, &patches], 0)?;
        self.pre_layrnorm.forward(&(tokens + &self.position_embedding)?)
    }
}

/// Patches as rows, so that the convolution whose stride is its size is one matrix product. Pixels beyond the last
/// whole patch are left out, as the convolution leaves them out.
///
/// **Shape**: `[channels, size, size]` to `[patches, channels * patch_size * patch_size]`, row-major patches.
pub(crate) fn flatten_patches(pixel_values: &Tensor, patch_size: usize) -> Result<Tensor> {
    let (num_channels, size, _) = pixel_values.dims3()?;
    let side = size / patch_size;
    pixel_values
        .narrow(1, 0, side * patch_size)?
        .narrow(2, 0, side * patch_size)?
        .contiguous()?
        .reshape(&[num_channels, side, patch_size, side, patch_size][..])?
        .permute([1, 3, 0, 2, 4])?
        .reshape((side * side, num_channels * patch_size * patch_size))
}

fn is_watched(probe: &dyn Probe, site: &Site) -> bool {
    probe.wants_input(site)
        || probe.wants_scores(site)
        || probe.wants_probs(site)
        || probe.wants_heads(site)
        || probe.wants_mlp(site)
        || probe.wants_hidden(site)
}

fn keep(states: &mut [Option<Tensor>], entries: &[usize], entry: usize, hidden: &Tensor) {
    for (state, _) in states.iter_mut().zip(entries).filter(|(_, wanted)| **wanted == entry) {
        *state = Some(hidden.clone());
    }
}

/// What the projector gets: `[CLS]` dropped or kept, several layers side by side.
///
/// **Shape**: entries `[1 + patches, hidden_size]` to `[image tokens, entries * hidden_size]`.
pub(crate) fn select_features(states: &[Tensor], select: FeatureSelect) -> Result<Tensor> {
    let selected = states.iter().map(|state| match select {
        FeatureSelect::Full => Ok(state.clone()),
        FeatureSelect::Default => state.narrow(0, 1, state.dim(0)?.saturating_sub(1)),
    });
    let selected: Vec<_> = selected.collect::<Result<_>>()?;
    match selected.as_slice() {
        [one] => one.contiguous(),
        several => Tensor::cat(several, 1),
    }
}
