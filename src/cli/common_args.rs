//! What several commands take: the model, and the forms of single values.

use crate::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource};
use crate::geometry::Framing;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What every command takes that opens a model, and no other.
#[derive(Debug, Clone, Args)]
pub(super) struct ModelArgs {
    /// `demo` or `demo-clip` (bundled), the folder of a Hugging Face checkpoint, a GGUF decoder, or a hub id such as
    /// llava-hf/llava-1.5-7b-hf.
    #[arg(long, default_value = "demo", value_name = "MODEL", help_heading = "Model")]
    pub(super) model: String,
    /// Projector file of a GGUF pair; the one beside the decoder unless given.
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub(super) mmproj: Option<PathBuf>,
    #[command(flatten)]
    pub(super) place: PlaceArgs,
}

/// Where a model computes, of every command that computes with one.
#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// Where to run: auto, cpu, cuda[:N] or metal[:N].
    #[arg(long, default_value = "auto", value_name = "DEVICE", help_heading = "Model")]
    pub(super) device: DevicePreference,
    /// Type to compute in; auto is f32 on the CPU, over weights as they are stored, and the checkpoint's own on a GPU;
    /// quantised weights are kept.
    #[arg(long, value_enum, default_value_t = Dtype::Auto, help_heading = "Model")]
    pub(super) dtype: Dtype,
    /// Threads to compute with; all cores unless given (the window keeps one for itself).
    #[arg(long, value_name = "N", value_parser = thread_count, help_heading = "Model", allow_negative_numbers = true)]
    pub(super) threads: Option<usize>,
}

impl PlaceArgs {
    /// That model there.
    pub(super) fn request(&self, source: ModelSource) -> LoadRequest {
        LoadRequest { source, device: self.device, dtype: self.dtype.into() }
    }
}

/// See [`DtypePreference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Dtype {
    Auto,
    F32,
    F16,
    Bf16,
}

impl From<Dtype> for DtypePreference {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Auto => Self::Auto,
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::Bf16 => Self::Bf16,
        }
    }
}

/// See [`Framing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FramingArg {
    /// Shorter edge to size, centre crop.
    Crop,
    /// The whole photo on a square of the mean colour.
    Pad,
}

impl From<FramingArg> for Framing {
    fn from(framing: FramingArg) -> Self {
        match framing {
            FramingArg::Crop => Self::Crop,
            FramingArg::Pad => Self::Pad,
        }
    }
}

/// A whole number, said in plain words where it is none.
pub(super) fn from_zero<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| "expected a whole number from 0".to_owned())
}

/// A grey level.
pub(super) fn grey_level(text: &str) -> Result<u8, String> {
    text.trim().parse().map_err(|_| "expected a whole number from 0 to 255".to_owned())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// More threads than any machine has cores only wait for each other.
const MOST_THREADS: usize = 1024;

pub(super) fn thread_count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=MOST_THREADS).contains(count));
    count.ok_or_else(|| format!("expected a whole number from 1 to {MOST_THREADS}"))
}

pub(super) fn question(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("expected a question, found nothing".to_owned()) } else { Ok(text.to_owned()) }
}
