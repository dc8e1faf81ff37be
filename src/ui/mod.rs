//! The window.
//!
//! Data flows round: [`App`] drains the worker's events and the user's [`Command`]s into
//! [`features::AppState`] (pure reducers, tested without a window), [`features::derived`] makes maps and numbers of the
//! shown trace and keeps them, panels read both and emit commands. Nothing that paints waits, reads files or walks a
//! whole trace.
//!
//! What is said lies below who acts on it. A room uses those of the rows above its own, and itself:
//!
//! | layer | room | what it holds |
//! | --- | --- | --- |
//! | 0 | `core` | what is said: commands, their keys, settings, panels as data; knows no state |
//! | 1 | `widgets` | canvas, grid, colour bar, chips, forms, theme: know no state of ours |
//! | 1 | `background` | latest-wins worker, link to the engine, thumbnails, notes being written |
//! | 2 | `features` | a folder each: state, reducer, panels; [`features::AppState`] is all their states |
//! | 3 | `shell` | the application object, draining events, carrying out effects, docking, menu, status bar |
//!
//! A feature reads the other features' states; what it takes of their panels is in the table of [`features`].
//!
//! - a new command: one variant in [`core::command`], one line in its table, one arm in the reducer of its feature;
//!   menus, keys and help follow.
//! - a new panel: one file in its feature and one line in [`core::pane::PANES`], with its content in `shell::room`.

pub mod background;
pub mod core;
pub mod features;
pub mod shell;
pub mod widgets;

pub use self::core::command::Command;
pub use background::link::{EngineLink, Waker};
pub use features::figure::preview::Preview;
pub use shell::app::{App, AppOptions};
pub use shell::run::{RunError, WindowOptions, run};
