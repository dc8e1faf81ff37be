//! What opening takes whichever kind of model it is: weights that tell how far they are, names and notes for people.

use super::error::EngineError;
use super::messages::{MemoryEstimate, ModelSource};
use crate::checkpoint::{MappedTensor, StoredAs, Weights};
use crate::model::{SourceError, TensorSource};
use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Tensor};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Share of the opening that is over when the weights' turn comes: configuration and tokenizer are small.
pub(super) const SHARE_BEFORE_WEIGHTS: f32 = 0.2;

/// What people and traces call it.
pub(super) fn model_id(source: &ModelSource) -> String {
    match source {
        ModelSource::Demo => "demo".to_owned(),
        ModelSource::DemoClip => "demo-clip".to_owned(),
        ModelSource::Folder(path) | ModelSource::Gguf { decoder: path, .. } => path.display().to_string(),
        ModelSource::Hub { id, .. } => id.to_string(),
    }
}

/// A checkpoint's own note, and what was odd about it.
pub(super) fn note(own: &str, warnings: &[String]) -> String {
    let own = Some(own).filter(|own| !own.is_empty());
    own.into_iter().chain(warnings.iter().map(String::as_str)).collect::<Vec<_>>().join("; ")
}

/// Gets the share that is done and what is being read.
type Progress<'a> = &'a mut dyn FnMut(f32, &str);

/// Weights that tell how far they are and stop when they are told to.
pub(super) struct Source<'a> {
    weights: &'a Weights,
    /// Weights are handed on as they are stored.
    keep_types: bool,
    progress: RefCell<Progress<'a>>,
    cancel: &'a AtomicBool,
    tensors: usize,
    done: Cell<usize>,
    /// What the model needs of the memory, behind the progress.
    needs: String,
}

impl<'a> Source<'a> {
    pub(super) fn new(weights: &'a Weights, keep_types: bool, progress: Progress<'a>, cancel: &'a AtomicBool) -> Self {
        let tensors = weights.names().count().max(1);
        let (progress, done) = (RefCell::new(progress), Cell::new(0));
        Self { weights, keep_types, progress, cancel, tensors, done, needs: String::new() }
    }

    /// Tells beside the progress what the model needs of the memory.
    pub(super) fn telling(self, memory: &MemoryEstimate) -> Self {
        Self { needs: format!("; {}", memory.sentence()), ..self }
    }

    fn step(&self) -> Result<(), EngineError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        let done = self.done.get() + 1;
        self.done.set(done);
        // Every event wakes the window: a hundred of them are enough.
        if done.is_multiple_of(self.tensors.div_ceil(100)) {
            let share = (done as f32 / self.tensors as f32).min(1.0);
            let total = SHARE_BEFORE_WEIGHTS + (1.0 - SHARE_BEFORE_WEIGHTS) * share;
            if let Ok(mut progress) = self.progress.try_borrow_mut() {
                progress(total, &format!("Reading weights, tensor {done} of {}{}", self.tensors, self.needs));
            }
        }
        Ok(())
    }
}

impl TensorSource for Source<'_> {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        self.step()?;
        Ok(self.weights.tensor(name, shape, dtype, device)?)
    }

    fn optional(
        &self,
        name: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, SourceError> {
        self.step()?;
        Ok(self.weights.optional(name, shape, dtype, device)?)
    }

    fn quantised(&self, name: &str, shape: &[usize], device: &Device) -> Result<Option<Arc<QTensor>>, SourceError> {
        if self.keep_types { Ok(self.weights.quantised(name, shape, device)?) } else { Ok(None) }
    }

    fn mapped(&self, name: &str, shape: &[usize], dtype: DType) -> Result<Option<MappedTensor>, SourceError> {
        // Read as f32, every type is itself; to round it to 16 bits takes a copy.
        let stands = |mapped: &MappedTensor| match mapped.stored() {
            StoredAs::Floats(stored) => *stored == dtype || (self.keep_types && dtype == DType::F32),
            StoredAs::Blocks(_) => self.keep_types,
        };
        let mapped = self.weights.mapped(name, shape).filter(stands);
        if mapped.is_some() {
            self.step()?;
        }
        Ok(mapped)
    }
}
