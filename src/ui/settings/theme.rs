//! Light or dark, and how large.

use serde::{Deserialize, Serialize};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the desktop.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl ThemeChoice {
    /// In the menu's order, with their labels.
    pub const ALL: [(Self, &str); 3] = [(Self::System, "As the desktop"), (Self::Light, "Light"), (Self::Dark, "Dark")];
}

/// Interface sizes on offer; keys reach those between them.
pub const SCALES: [f32; 5] = [0.8, 1.0, 1.25, 1.5, 2.0];
