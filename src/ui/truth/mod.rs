//! What is known about the image that is looked at: its objects with their masks, what people wrote about it, which categories it has.
//!
//! Masks are read from the annotations and drawn into pixels on a thread of their own ([`reader`]), scores of a map against them on another
//! ([`scorer`]); the window takes what is ready.

pub mod image;
pub(super) mod reader;

pub use image::{CategoryTruth, ImageTruth, ObjectTruth};
