//! What the CPU draws.

/// A drawn picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns and rows.
    pub size: [u32; 2],
    /// Row-major 8-bit gamma-space red, green, blue, alpha; premultiplied. Clear where there is neither photo nor
    /// anything the model saw.
    pub rgba: Vec<u8>,
    /// Patches without a finite value, which were left unpainted.
    pub missing: usize,
}
