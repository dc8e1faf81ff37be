//! Panics of libraries as errors: a file that makes one stop must not stop the program.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Calls of [`contain`] that this thread is in.
    static CONTAINED: Cell<usize> = const { Cell::new(0) };
}

/// Runs something that may panic; a panic is returned as its words and nothing is printed of it.
///
/// What the work can reach and may have left half changed must not be used again: give it values that nobody else has,
/// or only read.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static SILENCE: Once = Once::new();
    SILENCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if CONTAINED.get() == 0 {
                report(panic);
            }
        }));
    });
    CONTAINED.set(CONTAINED.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(CONTAINED.get() - 1);
    result.map_err(|panic| words(&*panic))
}

/// What a panic says.
pub fn words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    // Assertions put their operands on lines of their own.
    words.unwrap_or("no reason").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_its_words_and_everything_else_goes_on() {
        assert_eq!(contain(|| 1 + 1), Ok(2), "no panic");
        assert_eq!(contain(|| panic!("one {}", "two")), Err::<(), _>("one two".to_owned()), "made words");
        let nested = contain(|| contain(|| panic!("a\n  b")).is_err());
        assert_eq!((nested, CONTAINED.get()), (Ok(true), 0), "one inside the other");
        assert_eq!(contain(|| std::panic::panic_any(7)), Err::<(), _>("no reason".to_owned()), "no words");
    }
}
