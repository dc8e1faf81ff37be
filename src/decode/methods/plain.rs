//! The model as it is.

use crate::decode::method::{ActiveMethod, Method};
use crate::decode::{Acts, DecodeError, MethodInfo, Parameters, Registered, Word};

const INFO: MethodInfo = MethodInfo {
    id: "plain",
    label: "Plain",
    help: "The model's own distribution: greedy, or sampled when the temperature is above 0",
    paper: "",
    word: Word::Strategy,
    acts: Acts::Logits,
    cost: "nothing",
    ..MethodInfo::NONE
};

/// One branch, untouched logits.
pub(super) struct Plain;

impl Registered for Plain {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Plain {
    fn build(&self, _parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(ActivePlain))
    }
}

#[derive(Clone)]
struct ActivePlain;

impl ActiveMethod for ActivePlain {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn keeps_state(&self) -> bool {
        false
    }
}
