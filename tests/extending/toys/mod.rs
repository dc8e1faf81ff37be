//! One of each.

pub(crate) mod family;
pub(crate) mod method;
pub(crate) mod metric;
pub(crate) mod source;
