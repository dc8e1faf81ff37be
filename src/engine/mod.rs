//! Jobs: a question about a photo in, a trace out; on the caller's thread or on a worker that the window talks to by messages.

mod catalog;
mod messages;

pub use catalog::{Catalog, Entry, Parameter};
pub use messages::{
    DevicePreference, DtypePreference, Event, ImageSource, LoadRequest, ModelInfo, ModelSource, Prompt, PromptRows,
    Question, RecordOptions, Request, RunId, Sampling, Spec, Stage, Timings,
};
