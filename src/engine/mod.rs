//! Jobs: a question about a photo in, a trace out; on the caller's thread or on a worker that the window talks to by
//! messages.
//!
//! - [`OpenModel::open`] opens a checkpoint on a device;
//! - [`run_job`] answers a question with it and tells every token as it comes, or compares texts with a photo where it
//!   has no decoder: the window's worker, the command line and the tests are callers of this one function;
//! - [`attribute`] says where a model looked for a query; a question with a [`Prompting`] is about the photo darkened
//!   by that;
//! - [`vti_directions`] makes what the method `vti` steers by, from photos and pairs of captions;
//! - [`look_at`] says where an encoder's `[CLS]` looks in a photo alone;
//! - [`embed_photos`] gives photos a vector each, and [`blind_pairs`] finds those that one encoder takes for nearly the
//!   same and another does not;
//! - [`rank_heads`] finds the heads that speak for hallucinated words, for the method `ad-hh`;
//! - [`AboutPhoto`] answers many questions about one photo in passes that they share;
//! - [`Worker`] is the thread that does both for the window, stopped by flags, fed and drained through bounded
//!   channels;
//! - what one question computed and another on the same image would compute again is kept with the model, within a
//!   budget;
//! - the recorder is the probe that fills a trace on the way, row by row;
//! - [`catalog`] lists everything that is registered, for menus, `gazelens list` and the documentation.

mod asked;
mod attribution;
mod backend;
mod bench;
mod blind_pairs;
mod branches;
mod catalog;
mod device;
mod directions;
mod embeddings;
mod encoder;
mod encoder_job;
mod error;
mod estimate;
mod fork;
mod head_ranking;
mod hub;
mod job;
mod job_info;
mod loading;
mod messages;
mod method_bench;
mod method_specs;
mod model_files;
mod open;
mod photo;
mod plan;
mod prefixes;
mod prompting;
mod recall;
mod recorder;
mod reuse;
mod reuse_bench;
mod run;
mod spec;
mod tensor_file;
mod together;
mod vision;
mod worker;

pub use crate::decode::{Acts, MOST_BEAMS, ParameterInfo, ParameterKind, Preset, Strength, scaled_layer};
pub use crate::trace::Sampling;
pub use attribution::attribute;
pub use bench::{BenchRatios, BenchReport, BenchRun, bench};
pub use blind_pairs::{BlindPair, BlindPairs, PairLimits, blind_pairs};
pub use catalog::{Catalog, Entry, catalog};
pub use device::Place;
pub use directions::{CaptionPair, TowerDirections, VtiDirections, vti_directions};
pub use embeddings::{
    EmbeddedPhotos, EmbeddedText, EmbeddingCache, Embeddings, UnreadPhoto, embed_photo, embed_photos, embed_text,
    logit_scale,
};
pub use error::{EngineError, SpecError};
pub use estimate::{free_memory, plan_memory};
pub use head_ranking::{HeadRanking, JudgedWord, WordPlace, rank_heads};
pub use messages::{
    ATTRIBUTION_TOKENS, Answer, Attributed, AttributionRequest, DevicePreference, DtypePreference, Event, Fork,
    ImageSource, KeptMemory, LoadRequest, MAX_NEW_TOKENS, MemoryEstimate, ModelInfo, ModelSource, ModelTask, Prompt,
    PromptRows, Prompting, Question, RecordOptions, Request, RunId, Spec, Stage, Timings, is_limit_sentence,
};
pub use method_bench::{MethodCost, MethodsReport, bench_methods};
pub use open::{OpenModel, only_sees};
pub use reuse_bench::{FurtherQuestions, further_questions};
pub use run::{look_at, run_job};
pub use spec::{check_names, check_specs};
pub use together::AboutPhoto;
pub use worker::{Backend, BackendFactory, Wake, Worker};
