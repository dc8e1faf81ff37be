//! CLIP's text tower.

use crate::checkpoint::ClipConfig;
use crate::model::ModelError;
use crate::model::attention::CausalMask;
use crate::model::encoder::{EncoderLayer, EncoderShape};
use crate::model::linear::LayerNorm;
use crate::model::matrix::Matrix;
use crate::model::probe::{Site, Tower};
use crate::model::weights::Scope;
use candle_core::{Result, Tensor};

/// `text_eos_token_id` of configurations written before the end token was recorded in them.
const LEGACY_EOS_TOKEN_ID: u32 = 2;

/// A causal transformer whose end token stands for the text.
#[derive(Debug, Clone)]
pub struct TextTower {
    vocab_size: usize,
    max_positions: usize,
    eos_token_id: u32,
    token_embedding: Matrix,
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    final_layer_norm: LayerNorm,
}

impl TextTower {
    pub(crate) fn load(scope: &Scope<'_>, config: &ClipConfig) -> std::result::Result<Self, ModelError> {
        let shape = EncoderShape {
            hidden_size: config.text_hidden_size,
            intermediate_size: config.text_intermediate_size,
            num_attention_heads: config.text_num_attention_heads,
            layer_norm_eps: config.text_layer_norm_eps,
            hidden_act: config.text_hidden_act,
        };
        ModelError::check_sizes(&[
            ("text vocab_size", config.text_vocab_size),
            ("text max_position_embeddings", config.text_max_position_embeddings),
            ("text hidden_size", config.text_hidden_size),
            ("projection_dim", config.projection_dim),
        ])?;
        let (vocab_size, max_positions) = (config.text_vocab_size, config.text_max_position_embeddings);
        let embeddings = scope.at("embeddings");
        let layers = EncoderLayer::load_all(scope, config.text_num_hidden_layers, shape);
        Ok(Self {
            token_embedding: embeddings.table("token_embedding", [vocab_size, shape.hidden_size])?,
            position_embedding: embeddings
                .at("position_embedding")
                .tensor("weight", &[max_positions, shape.hidden_size])?,
            layers: layers?,
            final_layer_norm: scope.layer_norm("final_layer_norm", shape.hidden_size, shape.layer_norm_eps)?,
            vocab_size,
            max_positions,
            eos_token_id: config.text_eos_token_id,
        })
    }

    /// Most tokens of a text, start and end included.
    pub fn max_positions(&self) -> usize {
        self.max_positions
    }

    /// State of the end token after the last norm, **shape** `[1, hidden_size]`.
    pub(crate) fn pooled(&self, ids: &[u32]) -> std::result::Result<Tensor, ModelError> {
        if ids.is_empty() {
            return Err(ModelError::EmptyPrompt);
        }
        if ids.len() > self.max_positions {
            return Err(ModelError::ContextFull { capacity: self.max_positions, needed: ids.len() });
        }
        if let Some((position, &id)) = ids.iter().enumerate().find(|(_, id)| **id as usize >= self.vocab_size) {
            return Err(ModelError::TokenOutOfRange { id, position, vocab_size: self.vocab_size });
        }
        let mut hidden = self.embed(ids).map_err(ModelError::part("Text embedding"))?;
        let mask = CausalMask::new(0, ids.len(), None);
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            // Nobody watches this tower; the site is only a formality.
            let (query_len, key_len) = (ids.len(), ids.len());
            let (tower, encoder_idx, branch_idx) = (Tower::Decoder, 0, 0);
            let site = Site { tower, encoder_idx, layer_idx, branch_idx, query_start: 0, query_len, key_len };
            hidden =
                layer.forward(&hidden, Some(&mask), &site, &mut ()).map_err(ModelError::layer("Text", layer_idx))?;
        }
        let end = end_position(ids, self.eos_token_id);
        let pool = || self.final_layer_norm.forward(&hidden.narrow(0, end, 1)?);
        pool().map_err(ModelError::part("Text pooling"))
    }

    fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        let tokens = self.token_embedding.gather(ids, self.position_embedding.device())?;
        tokens + self.position_embedding.narrow(0, 0, ids.len())?
    }
}

/// Where the text's embedding is read: the first end token, or the largest id under a configuration from before it was
/// recorded.
///
/// **Source**: transformers `CLIPTextTransformer.forward`. Without an end token it reads position 0, and so do we.
fn end_position(ids: &[u32], eos_token_id: u32) -> usize {
    let end = if eos_token_id == LEGACY_EOS_TOKEN_ID { ids.iter().max().copied() } else { Some(eos_token_id) };
    ids.iter().position(|id| Some(*id) == end).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_at_its_first_end_token() {
        assert_eq!(end_position(&[7, 3, 9, 9], 9), 2, "first end token of two");
        assert_eq!(end_position(&[7, 3, 9, 5], 2), 2, "legacy rule takes the largest id");
        assert_eq!(end_position(&[7, 3], 9), 0, "transformers' argmax over no match");
    }
}
