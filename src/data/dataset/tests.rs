//! Joining, searching, notes.
