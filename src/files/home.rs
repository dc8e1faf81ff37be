//! The folder that a user's own files are in.

use std::path::PathBuf;

/// The user's home folder: `HOME` where that is set, else the one of the system's list of users.
///
/// `None` where there is none, or one that is no absolute path: a program that goes on with `~` makes a folder of that
/// name wherever it is.
pub fn home() -> Option<PathBuf> {
    absolute(std::env::home_dir())
}

fn absolute(home: Option<PathBuf>) -> Option<PathBuf> {
    home.filter(|home| home.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_folder_is_an_absolute_path() {
        for none in ["", "~", "home", "./x"] {
            assert_eq!(absolute(Some(none.into())), None, "{none:?} depends on the working folder");
        }
        let temp = std::env::temp_dir();
        assert_eq!(absolute(Some(temp.clone())), Some(temp), "an absolute one stays");
    }
}
