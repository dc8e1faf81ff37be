//! A parameter of a method, as commands name it.

use std::path::Path;

/// A parameter of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterPlace {
    /// Registered name of the method.
    pub method: &'static str,
    /// Name of the parameter.
    pub name: &'static str,
    /// It is a text: a file that holds it is named behind an `@`.
    pub is_text: bool,
}

impl ParameterPlace {
    /// The value that names a file.
    pub fn value_of(self, path: &Path) -> String {
        let at = if self.is_text { "@" } else { "" };
        format!("{at}{}", path.display())
    }
}
