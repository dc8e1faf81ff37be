//! `gazelens bench`: how fast the model is on this machine.

use super::args::{BenchArgs, Common};
use super::failure::Failure;
use anyhow::anyhow;

pub(super) fn run(_common: &Common, _args: &BenchArgs) -> Result<(), Failure> {
    Err(Failure::Work(anyhow!("Expected a benchmark, found none yet")))
}
