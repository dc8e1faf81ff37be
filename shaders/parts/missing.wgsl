// Marks a texel without a value: a NaN need not survive shader compilers.
const MISSING_ABOVE = 1.0e38;
