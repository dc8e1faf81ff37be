//! How large a photo may be.

/// How large a photo may be. What is refused is refused before memory is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Of the file, **units** bytes.
    pub max_file_bytes: u64,
    /// Of the image. The default is where Pillow raises `DecompressionBombError`.
    pub max_pixels: u64,
    /// Longest edge.
    pub max_edge_px: u32,
}

impl Default for PhotoLimits {
    fn default() -> Self {
        Self { max_file_bytes: 512 << 20, max_pixels: 178_956_970, max_edge_px: 65_535 }
    }
}
