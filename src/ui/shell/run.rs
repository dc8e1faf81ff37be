//! Opening the window.

use crate::data::dataset::NotesPlaces;
use crate::engine::{DevicePreference, DtypePreference, ModelSource};
use crate::files;
use crate::ui::background::link::{EngineLink, Waker};
use crate::ui::shell::app::{App, AppOptions};
use crate::ui::shell::screen;
use eframe::egui;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No display, no graphics driver.
    #[error(
        "Expected a display and a graphics driver, found none that works ({reason}); the other commands need neither"
    )]
    NoWindow {
        /// The system's words.
        reason: String,
    },
}

/// What the window opens with.
#[derive(Debug, Clone, Default)]
pub struct WindowOptions {
    /// The model; `None` is the demo.
    pub model: Option<ModelSource>,
    /// Where it runs.
    pub device: DevicePreference,
    /// In which type.
    pub dtype: DtypePreference,
    /// Photos and folders.
    pub paths: Vec<PathBuf>,
    /// A session to open.
    pub session: Option<PathBuf>,
}

/// Opens the window and returns when it is closed. `connect` starts the worker; the closure it is given wakes the
/// window.
pub fn run(options: WindowOptions, connect: impl FnOnce(Waker) -> Box<dyn EngineLink>) -> Result<(), RunError> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("gazelens")
        .with_icon(icon())
        .with_app_id("gazelens")
        .with_inner_size(screen::FIRST_SIZE_PT)
        .with_min_inner_size(screen::LEAST_SIZE_PT)
        .with_drag_and_drop(true);
    let native = eframe::NativeOptions {
        renderer: eframe::Renderer::Wgpu,
        viewport,
        persistence_path: settings_file(),
        ..eframe::NativeOptions::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        let ctx = cc.egui_ctx.clone();
        let link = connect(Arc::new(move || ctx.request_repaint()));
        let WindowOptions { model, device, dtype, paths, session } = options;
        let model = Some(model.unwrap_or(ModelSource::Demo));
        let options = AppOptions {
            model,
            device,
            dtype,
            paths,
            session,
            recovery: state_folder(),
            notes: notes_places(),
            ..AppOptions::new(link)
        };
        Ok(Box::new(App::new(cc, options)))
    });
    eframe::run_native("gazelens", native, create).map_err(|err| RunError::NoWindow { reason: err.to_string() })
}

/// Where this user's programs keep what should survive them: recovery files.
fn state_folder() -> Option<PathBuf> {
    let states = if cfg!(target_os = "windows") {
        folder_in("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        files::home().map(|home| home.join("Library/Application Support"))
    } else {
        folder_in("XDG_STATE_HOME").or_else(|| files::home().map(|home| home.join(".local/state")))
    };
    states.map(|states| states.join("gazelens").join("recovery"))
}

/// Where notes are kept that cannot lie beside their photos: with the user's settings.
fn notes_places() -> NotesPlaces {
    let settings = if cfg!(target_os = "windows") {
        folder_in("APPDATA")
    } else if cfg!(target_os = "macos") {
        files::home().map(|home| home.join("Library/Application Support"))
    } else {
        folder_in("XDG_CONFIG_HOME").or_else(|| files::home().map(|home| home.join(".config")))
    };
    NotesPlaces { spare: settings.map(|settings| settings.join("gazelens").join("notes")) }
}

/// A folder that a variable names.
fn folder_in(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Where settings are kept if not where eframe keeps them: of a `HOME` that is no absolute path it would make a folder
/// in the working folder.
fn settings_file() -> Option<PathBuf> {
    let has_place = cfg!(windows) || files::home().is_some() || folder_in("XDG_DATA_HOME").is_some();
    // Below a device nothing can be made: settings last as long as the window.
    (!has_place).then(|| Path::new("/dev/null").join("settings.ron"))
}

/// The program's own icon, as the desktop has it.
fn icon() -> egui::IconData {
    // A window without an icon is a window all the same.
    eframe::icon_data::from_png_bytes(include_bytes!("../../../assets/desktop/icon-128.png")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_has_the_icon_of_the_desktop() {
        let icon = icon();
        assert_eq!((icon.width, icon.height), (128, 128), "it was read");
        let pixel = |x: usize, y: usize| icon.rgba.get(4 * (128 * y + x)..4 * (128 * y + x) + 4).map(<[u8]>::to_vec);
        assert_eq!(pixel(64, 64), Some(vec![253, 231, 37, 255]), "the pupil");
        assert_eq!(pixel(0, 0).and_then(|pixel| pixel.last().copied()), Some(0), "the corners are round");
    }
}
