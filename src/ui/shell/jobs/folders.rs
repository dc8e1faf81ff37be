//! Folders in the desktop's own file manager.

use crate::ui::shell::jobs::{JobDone, Jobs};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

impl Jobs {
    /// Shows the folder that a file lies in.
    pub(in crate::ui) fn show_folder(&mut self, file: PathBuf) {
        self.spawn("gazelens-folder", move || {
            let (program, arguments) = viewer(&file);
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let why = match command.status() {
                // Windows' own says 1 when all went well.
                Ok(status) if status.success() || cfg!(windows) => return None,
                Ok(_) => format!("{program} could not open it"),
                Err(err) => format!("{program}: {}", crate::files::reason(&err)),
            };
            Some(JobDone::FolderNotShown(format!("Cannot show the folder of {}: {why}", file.display())))
        });
    }
}

/// The desktop's program and what it is given. A whole path is never taken for an option.
fn viewer(file: &Path) -> (&'static str, Vec<OsString>) {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().unwrap_or(&file).to_owned();
    if cfg!(windows) {
        let mut select = OsString::from("/select,");
        select.push(file);
        ("explorer", vec![select])
    } else if cfg!(target_os = "macos") {
        ("open", vec!["-R".into(), file.into()])
    } else {
        ("xdg-open", vec![folder.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_manager_gets_a_whole_path() {
        let (program, arguments) = viewer(Path::new("-photos/a.png"));
        assert!(["xdg-open", "open", "explorer"].contains(&program), "{program}");
        let given = arguments.last().map(|given| given.to_string_lossy().into_owned()).unwrap_or_default();
        assert!(given.contains("-photos") && !given.starts_with("-photos"), "no option: {given}");
    }
}
