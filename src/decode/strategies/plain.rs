//! The model as it is.

use super::{Decoding, Strategy};
use crate::decode::{DecodeError, ParameterInfo, Parameters, Registered};

/// One branch, untouched logits.
pub(super) struct Plain;

struct PlainDecoding;

impl Decoding for PlainDecoding {}

impl Registered for Plain {
    fn id(&self) -> &'static str {
        "plain"
    }

    fn label(&self) -> &'static str {
        "Plain"
    }

    fn help(&self) -> &'static str {
        "The model's own distribution: greedy, or sampled when the temperature is above 0"
    }

    fn paper(&self) -> &'static str {
        ""
    }

    fn parameters(&self) -> &'static [ParameterInfo] {
        &[]
    }
}

impl Strategy for Plain {
    fn build(&self, _parameters: &mut Parameters) -> Result<Box<dyn Decoding>, DecodeError> {
        Ok(Box::new(PlainDecoding))
    }
}
