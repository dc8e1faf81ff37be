//! `gazelens gui`: the window, with the engine's worker behind it.

use super::args::{Common, GuiArgs};
use super::failure::Failure;
use super::source;
use crate::engine::{Event, Request, RunId, Worker};
use crate::ui::{self, EngineLink, WindowOptions};
use anyhow::anyhow;

/// What to do where no window can be.
const HEADLESS: &str = "without a window ask with `gazelens trace --image FILE --prompt TEXT --out FILE`";

pub(super) fn run(common: &Common, args: GuiArgs) -> Result<(), Failure> {
    let request = source::load_request(common)?;
    if let Some(missing) = missing_display() {
        return Err(Failure::Work(anyhow!("Expected a display for the window, found {missing}; {HEADLESS}")));
    }
    let options =
        WindowOptions { model: Some(request.source), device: request.device, dtype: request.dtype, paths: args.paths };
    ui::run(options, |wake| Box::new(Worker::new(wake))).map_err(|err| Failure::Work(anyhow!("{err}; {HEADLESS}")))
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
