//! Words that sentences of several panels share.

use std::fmt::Display;

/// "1 answer", "3 answers".
pub(in crate::ui) fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    if number == N::from(1) { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// "a", "a and b", "a, b and c".
pub(in crate::ui) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
