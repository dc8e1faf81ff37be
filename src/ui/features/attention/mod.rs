//! Where the model looks: layers, heads, colours and what the map is of.

pub(in crate::ui) mod colours;
pub(in crate::ui) mod heads;
pub(in crate::ui) mod layers;
pub(in crate::ui) mod map_bar;
pub(in crate::ui) mod outliers;
