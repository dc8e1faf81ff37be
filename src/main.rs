//! gazelens, the program.

fn main() {}
