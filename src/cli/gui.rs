//! `gazelens gui`: the window.

use super::args::{Common, GuiArgs};
use super::failure::Failure;
use anyhow::anyhow;

pub(super) fn run(_common: &Common, _args: GuiArgs) -> Result<(), Failure> {
    Err(Failure::Work(anyhow!("Expected a window, found none yet")))
}
