//! `gazelens gui`: the window, with the engine's worker behind it.

use super::args::GuiArgs;
use super::common_args::ModelArgs;
use super::failure::Failure;
use super::source;
use crate::engine::{Event, Request, RunId, Worker};
use crate::session::EXTENSION;
use crate::ui::{self, EngineLink, RunError, WindowOptions};
use anyhow::anyhow;
use std::path::PathBuf;

/// What to do where no window can be.
const HEADLESS: &str = "without a window ask with `gazelens trace --image FILE --prompt TEXT --out FILE`";

pub(super) fn run(model: &ModelArgs, args: GuiArgs) -> Result<(), Failure> {
    let request = source::load_request(model)?;
    if let Some(missing) = missing_display() {
        return Err(Failure::work(anyhow!("Expected a display for the window, found {missing}; {HEADLESS}")));
    }
    let (session, paths) = match args.session {
        Some(session) => (Some(session), args.paths),
        None => with_session(args.paths),
    };
    let paths = paths.into_iter().chain(args.annotations).collect();
    let (device, dtype) = (request.device, request.dtype);
    let options = WindowOptions { model: Some(request.source), device, dtype, paths, session };
    ui::run(options, |wake| Box::new(Worker::new(wake))).map_err(|RunError::NoWindow { reason }| {
        let reason = without_source_place(&reason);
        Failure::work(anyhow!(
            "Expected a display and a graphics driver for the window, found none that works ({reason}); {HEADLESS}"
        ))
    })
}

/// A session among the files, as a desktop gives them, is opened with its own model; the last one if there are several.
fn with_session(paths: Vec<PathBuf>) -> (Option<PathBuf>, Vec<PathBuf>) {
    let is_session = |path: &PathBuf| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(EXTENSION));
    let (mut sessions, rest): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_session);
    (sessions.pop(), rest)
}

/// The window system puts the line of its own source that failed before the words of the system.
fn without_source_place(reason: &str) -> &str {
    let behind = reason.rsplit_once(".rs:").map_or(reason, |(_, behind)| behind);
    behind.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == ' ')
}

/// The window system's own message for this is a stack of errors about libraries.
fn missing_display() -> Option<&'static str> {
    let unset = |name: &str| std::env::var_os(name).is_none_or(|value| value.is_empty());
    let needs_one = cfg!(all(unix, not(any(target_os = "macos", target_os = "android", target_os = "ios"))));
    let none = needs_one && unset("DISPLAY") && unset("WAYLAND_DISPLAY") && unset("WAYLAND_SOCKET");
    none.then_some("neither DISPLAY nor WAYLAND_DISPLAY set")
}

impl EngineLink for Worker {
    fn send(&mut self, request: Request) {
        Self::send(self, request);
    }

    fn try_recv(&mut self) -> Option<Event> {
        Self::try_recv(self)
    }

    fn cancel(&mut self, id: RunId) {
        Self::cancel(self, id);
    }

    fn cancel_all(&mut self) {
        Self::cancel_all(self);
    }

    fn restart(&mut self) {
        Self::restart(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_among_the_files_is_opened_as_one() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let found = with_session(paths(&["a.png", "old.gazelens", "photos", "work.GAZELENS"]));
        assert_eq!(found, (Some("work.GAZELENS".into()), paths(&["a.png", "photos"])), "the last one");
        assert_eq!(with_session(paths(&["a.png"])), (None, paths(&["a.png"])), "photos only");
    }

    #[test]
    fn only_the_words_of_the_system_are_told() {
        let told = without_source_place("os error at src/linux/mod.rs:788: Failed to open connection to X server");
        assert_eq!(told, "Failed to open connection to X server", "the place in the source is left out");
        assert_eq!(without_source_place("no adapter"), "no adapter", "plain words stay");
    }
}
