//! Small files by hand.
