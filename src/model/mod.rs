//! The instrumented model: vision transformer, projector and decoder with attention in the open.

mod probe;

pub use probe::{Probe, Site, Tower};
