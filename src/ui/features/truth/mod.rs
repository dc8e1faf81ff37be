//! What is known about the image that is looked at: its objects with their masks, what people wrote about it, which
//! categories it has.
//!
//! [`image`] is what is known, [`numbers`] what maps and words are held against it for. Masks are drawn into pixels on
//! a thread of their own, as is what takes longer than a frame ([`slow_numbers`]); the window takes what is ready.

pub(in crate::ui) mod metrics;
pub(in crate::ui) mod objects;
pub(in crate::ui) mod origin;
pub mod slow_numbers;
pub(in crate::ui) mod state;

pub mod image;
pub mod marks;
pub mod numbers;
pub mod questions;

pub use self::image::{CategoryTruth, ImageTruth, ObjectTruth};
pub use marks::{MarkedWord, Marks};
pub use numbers::{Scores, TruthNumbers};
pub use slow_numbers::{Overlap, SlowNumbers};
