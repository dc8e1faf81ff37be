//! The room as a whole on a trace that can be worked out by hand.
