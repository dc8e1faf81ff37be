//! Lists that a program of somebody else may add to: what this crate brings, and behind it what was added.

use std::sync::{PoisonError, RwLock};

/// What was added to a list, for as long as the program runs.
#[derive(Debug)]
pub struct Added<T: ?Sized + 'static>(RwLock<Vec<&'static T>>);

/// A name that something else has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Expected a name that nothing else has, found {found}, which there is already")]
pub struct NameTaken {
    /// The name.
    pub found: String,
}

impl<T: ?Sized> Added<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    /// What was added, in that order.
    pub fn all(&self) -> Vec<&'static T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds to the list.
    ///
    /// **Errors**: its name is that of one in the list, or of one that the crate brings.
    pub fn add(&self, item: &'static T, name: impl Fn(&T) -> &str, own: &[&str]) -> Result<(), NameTaken> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let found = name(item);
        if own.contains(&found) || all.iter().any(|other| name(other) == found) {
            return Err(NameTaken { found: found.to_owned() });
        }
        all.push(item);
        Ok(())
    }
}

impl<T: ?Sized> Default for Added<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_stands_behind_and_has_a_name_of_its_own() {
        let added: Added<str> = Added::new();
        let add = |name: &'static str| added.add(name, |name| name, &["plain"]);
        assert_eq!((add("b"), add("a")), (Ok(()), Ok(())), "two names");
        assert_eq!(added.all(), ["b", "a"], "in their order");
        for found in ["a", "plain"] {
            assert_eq!(add(found), Err(NameTaken { found: found.to_owned() }), "{found} is there");
        }
        assert_eq!(added.all().len(), 2, "nothing was added twice");
    }
}
