//! What is said of numbers of a file that no size, rectangle, grid or layout can have: they are refused before anybody
//! counts with them.

/// Why numbers of a file were refused: what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct GeometryError {
    /// What must hold.
    pub expected: String,
    /// What is there.
    pub found: String,
}

pub(super) fn refused<T>(expected: impl Into<String>, found: impl Into<String>) -> Result<T, GeometryError> {
    Err(GeometryError { expected: expected.into(), found: found.into() })
}
