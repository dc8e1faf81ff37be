//! What was opened lately: sessions, data sets, models. Whether it is still there is looked up on a thread each time
//! the list is opened.

use crate::engine::ModelSource;
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::core::command::{Command, SessionCommand};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::named;
use eframe::egui;
use egui::{Context, RichText, Ui};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Letters of a name that are shown.
const MOST_CHARS: usize = 44;

/// Files to look for, and the how many-th time.
type Wish = (u64, Vec<PathBuf>);

/// What was looked up.
#[derive(Default)]
pub(in crate::ui) struct RecentMemory {
    lookup: Option<Latest<Wish, HashSet<PathBuf>>>,
    missing: HashSet<PathBuf>,
    /// The last frame in which the list was open.
    frame: u64,
    /// Counts how often it was opened: files come and go between.
    round: u64,
}

impl std::fmt::Debug for RecentMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecentMemory").field("missing", &self.missing).finish_non_exhaustive()
    }
}

impl RecentMemory {
    fn look_up(&mut self, ctx: &Context, entries: &[Entry]) {
        let now = ctx.cumulative_frame_nr();
        if now > self.frame + 1 {
            self.round += 1;
        }
        self.frame = now;
        let lookup = self.lookup.get_or_insert_with(|| {
            let ctx = ctx.clone();
            let wake: Waker = Arc::new(move || ctx.request_repaint());
            Latest::new("gazelens-recent", &wake, |(_, paths): &Wish| {
                paths.iter().filter(|path| !path.exists()).cloned().collect()
            })
        });
        lookup.ask(Some((self.round, entries.iter().filter_map(|entry| entry.path.clone()).collect())));
        if let Some(missing) = lookup.poll() {
            self.missing = missing;
        }
    }
}

/// One line of the list.
struct Entry {
    name: String,
    /// What is told besides the name.
    place: String,
    /// A file or folder that must be there.
    path: Option<PathBuf>,
    command: Command,
}

impl Entry {
    fn of_path(text: &str, command: impl FnOnce(PathBuf) -> Command) -> Self {
        let path = PathBuf::from(text);
        Self { name: file_name(&path), place: text.to_owned(), command: command(path.clone()), path: Some(path) }
    }

    fn of_model(text: &str) -> Self {
        let source = ModelSource::named(text);
        let path = match &source {
            ModelSource::Folder(path) | ModelSource::Gguf { decoder: path, .. } => Some(path.clone()),
            ModelSource::Demo | ModelSource::DemoClip | ModelSource::Hub { .. } => None,
        };
        let name = path.as_deref().map_or_else(|| text.to_owned(), file_name);
        Self { name, place: text.to_owned(), path, command: Command::OpenModel(source) }
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let dots = if name.chars().count() > MOST_CHARS { "…" } else { "" };
    name.chars().take(MOST_CHARS).chain(dots.chars()).collect()
}

/// A menu of everything that was opened lately.
pub(in crate::ui) fn menu(ui: &mut Ui, cx: &mut PanelContext<'_>, label: &str) {
    let prefs = &cx.state.prefs;
    let any = !(prefs.recent_sessions.is_empty() && prefs.recent_data.is_empty() && prefs.recent_models.is_empty());
    // Not in a part of its own: in a narrow row that would be as narrow as what is left of it.
    if any {
        let menu = ui.menu_button(label, |ui| list(ui, cx));
        menu.response.on_hover_text("Recently opened sessions, data sets and models");
    } else {
        let none = "Nothing has been opened yet: sessions, data sets and models will appear here";
        ui.add_enabled(false, egui::Button::new(label)).on_disabled_hover_text(none);
    }
}

fn list(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.set_min_width(200.0);
    let prefs = &cx.state.prefs;
    let sessions = prefs.recent_sessions.iter();
    let sessions = sessions.map(|text| Entry::of_path(text, |path| Command::Session(SessionCommand::OpenFile(path))));
    let data = prefs.recent_data.iter().map(|text| Entry::of_path(text, |path| Command::AddPaths(vec![path])));
    let groups: [(&str, Vec<Entry>); 3] = [
        ("Sessions", sessions.collect()),
        ("Data sets", data.collect()),
        ("Models", prefs.recent_models.iter().map(|text| Entry::of_model(text)).collect()),
    ];
    let mut entries: Vec<Entry> = Vec::new();
    let mut heads = Vec::new();
    for (title, group) in groups {
        heads.push((entries.len(), title, group.len()));
        entries.extend(group);
    }
    cx.memory.of::<RecentMemory>().look_up(ui.ctx(), &entries);
    let twice = |name: &str| entries.iter().filter(|entry| entry.name == name).count() > 1;
    let mut chosen = None;
    for (idx, entry) in entries.iter().enumerate() {
        if let Some((_, title, _)) = heads.iter().find(|(first, _, len)| *first == idx && *len > 0) {
            ui.label(RichText::new(*title).weak().small());
        }
        let is_missing = entry.path.as_ref().is_some_and(|path| cx.memory.of::<RecentMemory>().missing.contains(path));
        let folder = entry.path.as_ref().and_then(|path| path.parent()).filter(|_| twice(&entry.name));
        let text =
            folder.map_or_else(|| entry.name.clone(), |folder| format!("{} in {}", entry.name, file_name(folder)));
        let button = ui.add_enabled(!is_missing, egui::Button::new(&text));
        named(ui, &button, &format!("Open {text}"));
        let why = format!("Not there any more: {}", entry.place);
        if button.on_hover_text(&entry.place).on_disabled_hover_text(why).clicked() {
            chosen = Some(entry.command.clone());
        }
    }
    ui.separator();
    if ui.button("Clear the list").on_hover_text("Forgets what was opened; no file is touched").clicked() {
        chosen = Some(Command::ClearRecent);
    }
    if let Some(command) = chosen {
        cx.emit(command);
        ui.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_name_of_its_file_and_says_where_that_is() {
        let session = Entry::of_path("/a/b.gazelens", |path| Command::Session(SessionCommand::OpenFile(path)));
        assert_eq!((session.name.as_str(), session.place.as_str()), ("b.gazelens", "/a/b.gazelens"), "a session");
        let hub = Entry::of_model("org/name@v1");
        assert_eq!((hub.name.as_str(), hub.path), ("org/name@v1", None), "a model of the hub is no file");
        let folder = Entry::of_model("/models/llava");
        assert_eq!((folder.name.as_str(), folder.path.is_some()), ("llava", true), "a folder is one");
        assert!(file_name(Path::new(&"x".repeat(90))).chars().count() <= MOST_CHARS + 1, "long names are cut");
    }
}
