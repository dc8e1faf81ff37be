//! Branches and the choice of tokens.
