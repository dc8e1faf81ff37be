//! Both photos of a pair through both encoders, with models of their own.

use super::StudyError;
use crate::engine::{DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, OpenModel, look_at};
use crate::trace::Trace;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Two encoders are opened, and each looks at two photos.
const STEPS: f32 = 6.0;

/// A pair to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct PairPlan {
    /// The encoders.
    pub models: [ModelSource; 2],
    /// The photos.
    pub photos: [PathBuf; 2],
    /// Where the encoders run.
    pub device: DevicePreference,
    /// In which type.
    pub dtype: DtypePreference,
}

/// An encoder that is open.
struct Opened {
    source: ModelSource,
    place: (DevicePreference, DtypePreference),
    model: OpenModel,
}

/// Looks at pairs. It keeps the encoders that it opened: the next pair is as a rule of the same.
#[derive(Default)]
pub struct PairLooker {
    opened: Vec<Opened>,
}

impl std::fmt::Debug for PairLooker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairLooker").field("opened", &self.opened.len()).finish()
    }
}

impl PairLooker {
    /// Lets go of the encoders.
    pub fn forget(&mut self) {
        self.opened.clear();
    }

    /// What each encoder sees in each photo, by encoder and then by photo. `tell` gets what is done and the part that
    /// is over, 0 to 1. A raised `stop` ends it within a layer.
    ///
    /// **Errors**: an encoder or a photo that cannot be opened; a model that answers questions.
    pub fn look(
        &mut self,
        plan: &PairPlan,
        tell: &mut dyn FnMut(&str, f32),
        stop: &AtomicBool,
    ) -> Result<[[Arc<Trace>; 2]; 2], StudyError> {
        let place = (plan.device, plan.dtype);
        self.opened.retain(|one| one.place == place && plan.models.contains(&one.source));
        for (step, source) in plan.models.iter().enumerate() {
            if self.opened.iter().all(|one| one.source != *source) {
                let request = LoadRequest { source: source.clone(), device: plan.device, dtype: plan.dtype };
                let mut opening = |share: f32, what: &str| tell(what, (step as f32 + share) / STEPS);
                opening(0.0, "Opening the encoder");
                let model = OpenModel::open(&request, &mut opening, stop)?;
                self.opened.push(Opened { source: source.clone(), place, model });
            }
        }
        let [first, second] = &plan.models;
        Ok([self.seen(first, 2, plan, tell, stop)?, self.seen(second, 4, plan, tell, stop)?])
    }

    /// Both photos through one encoder.
    fn seen(
        &self,
        source: &ModelSource,
        step: usize,
        plan: &PairPlan,
        tell: &mut dyn FnMut(&str, f32),
        stop: &AtomicBool,
    ) -> Result<[Arc<Trace>; 2], StudyError> {
        let mut look = |step: usize, photo: &Path| -> Result<Arc<Trace>, StudyError> {
            let name = photo.file_name().unwrap_or_default().to_string_lossy();
            tell(&format!("Looking at {name}"), step as f32 / STEPS);
            // It was opened before.
            let opened = self.opened.iter().find(|one| one.source == *source).ok_or(StudyError::Stopped)?;
            Ok(Arc::new(look_at(&opened.model, &ImageSource::Path(photo.to_owned()), stop)?))
        };
        let [first, second] = &plan.photos;
        Ok([look(step, first)?, look(step + 1, second)?])
    }
}
