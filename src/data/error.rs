//! What can be wrong with a photo, in one sentence each.

use std::path::PathBuf;

/// A photo that could not be used. Messages end with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// The file could not be opened or read.
    #[error("Cannot open {}: {reason}", path.display())]
    Unreadable {
        /// Why, in a few words.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// The file is too long to be a photo.
    #[error("Expected a photo of at most {limit_bytes} bytes, found {found_bytes}: {}", path.display())]
    FileTooLarge {
        /// Most bytes that are read.
        limit_bytes: u64,
        /// Bytes of the file.
        found_bytes: u64,
        /// The file.
        path: PathBuf,
    },
    /// The first bytes belong to no format that is read.
    #[error("Expected a PNG, JPEG, WebP, GIF, BMP or TIFF photo, found {found}: {}", path.display())]
    UnknownFormat {
        /// What the bytes look like.
        found: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// More pixels than are read: a decompression bomb, or a panorama beyond reason.
    #[error(
        "Expected a photo of at most {limit_pixels} pixels and {limit_edge_px} pixels an edge, found {width_px} x \
            {height_px}: {}",
        path.display()
    )]
    TooManyPixels {
        /// Most pixels.
        limit_pixels: u64,
        /// Longest edge.
        limit_edge_px: u32,
        /// Columns the file announces.
        width_px: u32,
        /// Rows the file announces.
        height_px: u32,
        /// The file.
        path: PathBuf,
    },
    /// The file announces a format and does not keep to it, or ends too early.
    #[error("Cannot read the {format} photo: {reason}: {}", path.display())]
    Corrupt {
        /// The format its first bytes announce.
        format: &'static str,
        /// What is wrong, as the rest of a sentence.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A valid file with features that are not read.
    #[error("Cannot read the {format} photo: {reason}: {}", path.display())]
    Unsupported {
        /// The format its first bytes announce.
        format: &'static str,
        /// What is not supported, as the rest of a sentence.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A picture that should have grey levels alone.
    #[error("Expected a grey picture, found {found}: {}", path.display())]
    NotGrey {
        /// A colour of it, or what else it is.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Pixels that were handed over do not fill the announced size.
    #[error("Expected {expected} bytes of RGB for {width_px} x {height_px} pixels, found {found}")]
    WrongLength {
        /// `width_px * height_px * 3`.
        expected: u64,
        /// Bytes that came.
        found: usize,
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
    },
}

/// A photo that cannot become a model's input by this specification.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PreprocessError {
    /// The vision encoders here take squares.
    #[error("Expected a square model input, found {width_px} x {height_px} pixels after resizing and cropping")]
    NotSquare {
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
    },
    /// Nothing would be left, or more than any encoder takes.
    #[error("Expected a model input of 1 to {limit_px} pixels an edge, found {found_px}")]
    BadSide {
        /// Longest edge.
        limit_px: u32,
        /// The edge the specification asks for.
        found_px: u32,
    },
    /// A patch that is empty or larger than the input.
    #[error("Expected patches of 1 to {side_px} pixels, found {found_px}")]
    BadPatch {
        /// Edge of the model's input.
        side_px: u32,
        /// Edge of a patch.
        found_px: u32,
    },
    /// A number of the processor's configuration that makes infinite or undefined values.
    #[error("Expected {name} to be finite{}, found {found}", if *divides { " and not 0" } else { "" })]
    BadNumber {
        /// Field of the configuration.
        name: &'static str,
        /// Whether values are divided by it.
        divides: bool,
        /// Its value.
        found: f64,
    },
}
