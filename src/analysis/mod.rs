//! Numbers from a trace: which tokens, layers and heads are put together, and how.
