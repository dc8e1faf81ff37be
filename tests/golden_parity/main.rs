//! Our numbers are those of PyTorch: everything here runs through [`gazelens::engine::run_job`], as the window and
//! `gazelens trace` do, and is compared with what transformers computed (`tests/golden/make.py`) within the bounds of
//! the contract.

mod beams;
mod checkpoints;
mod compare;
mod demo;
mod directions;
mod gguf;
mod head_ranking;
mod layouts;
mod method_properties;
mod methods;
mod methods_branches;
mod methods_branches_properties;
mod methods_opera;
mod prompting;
mod reference;
mod stories;
mod strategies;
mod strategy_properties;

use gazelens::engine::{
    Answer, DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, OpenModel, Prompt, PromptRows,
    Question, RecordOptions, RunId, run_job,
};

use gazelens::trace::RowPrecision;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The manifest's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn golden_folder() -> PathBuf {
    root().join("tests/golden")
}

fn open(source: ModelSource) -> OpenModel {
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false))
        .unwrap_or_else(|err| panic!("{request:?}: {err}"))
}

/// A greedy question of which everything is kept, unrounded.
fn question(image: ImageSource, prompt: Prompt, max_new_tokens: usize) -> Question {
    let record = RecordOptions {
        precision: RowPrecision::F32,
        budget_bytes: 1 << 30,
        prompt_rows: PromptRows::None,
        logits: true,
        pixel_values: true,
    };
    Question { max_new_tokens, record, ..Question::new(image, prompt) }
}

fn ask(model: &OpenModel, question: &Question) -> Answer {
    run_job(model, RunId(1), question, &mut |_| {}, &AtomicBool::new(false))
        .unwrap_or_else(|err| panic!("{}, {:?}: {err}", model.info().id, question.prompt))
}
