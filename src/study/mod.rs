//! Studies: one description of what is asked of which model about which photos, asked of thousands, on one machine or
//! on many, with a row for every answer.
//!
//! 1. A [`Study`] is a file ([`mod@file`]); [`templates`] has one for each table of a paper.
//! 2. [`StudyData`] opens its photos, annotations and questions, [`Setting`] spells out its settings: both the same on
//!    every machine.
//! 3. [`StudyRun`] asks, photo by photo, and writes an [`AnswerRow`] as it becomes known ([`store`]). Started again it
//!    goes on; shards share one folder.
//! 4. [`merge()`] puts shards together and says what is missing.
//! 5. [`MmvpVlm`] needs no run: a CLIP by itself, over a published set of pairs.
//! 6. [`export()`] writes answers as other programs read them, [`Import`] makes rows of what they answered.
//!
//! Nothing here depends on the clock, the number of shards or where a run was stopped: the same study makes the same
//! rows.

mod benchmarks;
mod data;
mod error;
mod export;
pub mod file;
mod import;
mod item;
mod merge;
mod mmvp_vlm;
mod pair_looks;
mod pairs;
mod parquet;
mod plan;
pub mod report;
mod row;
mod runner;
mod score;
mod setting;
mod signals;
mod slurm;
pub mod store;
pub mod templates;

#[cfg(test)]
mod tests;

pub use data::StudyData;
pub use error::StudyError;
pub use export::{ExportFormat, Exported, export};
pub use file::{Study, TemplateId};
pub use import::{Import, ImportReport};
pub use item::{Item, StudyPhoto};
pub use merge::{GrowingRun, MergeReport, Merged, merge, write_rows};
pub use mmvp_vlm::{MmvpVlm, MmvpVlmScores, PATTERNS, PairScore, Statement, mmvp_vlm_table};
pub use pair_looks::{PairLooker, PairPlan};
pub use pairs::{PairsFile, PhotoPair};
pub use parquet::{write_answers, write_words};
pub use plan::{StudyModel, StudyPlan, StudyStep, clip_of, model_of};
pub use row::{AnswerRow, WordRow};
pub use runner::{StudyProgress, StudyRun, StudySummary, looking_for, size_of_part};
pub use setting::Setting;
pub use signals::{MeasureError, SIGNALS, Signal, SignalAt, SignalValue, Signals, add_signal, signals};
pub use slurm::SlurmJob;
