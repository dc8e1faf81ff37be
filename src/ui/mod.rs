//! The window.
//!
//! Data flows round: [`App`] drains the worker's events and the user's [`Command`]s into [`state::AppState`] (pure
//! reducers, tested without a window), [`derived`] makes maps and numbers of the shown trace and keeps them, panels
//! read both and emit commands. Nothing that paints waits, reads files or walks a whole trace.
//!
//! What is said lies below who acts on it: [`pane`], [`settings`] and [`command`] are plain data and know no state.
//!
//! - a new command: one variant in [`command`], one line in its table, one arm in [`state`]'s reducer; menus, keys and
//!   help follow.
//! - a new panel: one variant in [`pane::Pane`], one file in `panels`.

mod ahead;
mod app;
pub mod canvas;
pub mod colour_bar;
pub mod command;
mod copying;
pub mod derived;
mod done;
mod drawing;
pub mod figure_files;
mod figures;
pub mod head_grid;
mod jobs;
mod latest;
pub mod layout;
mod link;
mod notes_writer;
pub mod open_files;
mod opening;
pub mod palette;
pub mod pane;
mod panels;
mod photos;
mod prompted;
mod run;
mod screen;
pub mod session;
mod sessions;
pub mod settings;
mod shortcuts;
pub mod state;
mod tables;
mod theme;
pub mod truth;
mod widgets;
mod wording;
mod words;

pub use app::{App, AppOptions};
pub use command::Command;
pub use figures::Preview;
pub use link::{EngineLink, Waker};
pub use run::{RunError, WindowOptions, run};
