//! From the vision tower's width to the decoder's.

use crate::checkpoint::{Activation, LlavaConfig};
use crate::model::ModelError;
use crate::model::linear::{Linear, activate};
use crate::model::weights::Scope;
use candle_core::{Result, Tensor};

/// LLaVA-1.5's `mlp2x_gelu`: matrix, activation, matrix.
#[derive(Debug, Clone)]
pub struct Projector {
    linear_1: Linear,
    hidden_act: Activation,
    linear_2: Linear,
}

impl Projector {
    pub(crate) fn load(scope: &Scope<'_>, config: &LlavaConfig) -> std::result::Result<Self, ModelError> {
        let vision_width = config.vision.hidden_size * config.vision_feature_layers.len();
        let (width, bias) = (config.text.hidden_size, config.multimodal_projector_bias);
        Ok(Self {
            linear_1: scope.linear("linear_1", vision_width, width, bias)?,
            hidden_act: config.projector_hidden_act,
            linear_2: scope.linear("linear_2", width, width, bias)?,
        })
    }

    /// **Shape**: `[image tokens, vision width]` to `[image tokens, hidden_size]`.
    pub fn forward(&self, features: &Tensor) -> std::result::Result<Tensor, ModelError> {
        self.project(features).map_err(ModelError::part("Projector"))
    }

    fn project(&self, features: &Tensor) -> Result<Tensor> {
        self.linear_2.forward(&activate(self.hidden_act, self.linear_1.forward(features)?)?)
    }
}
