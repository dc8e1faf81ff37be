//! Which keys give which command: those of [`NAMED_COMMANDS`], and what the user made of them.

use crate::ui::core::command::{NAMED_COMMANDS, NamedCommand};
use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys that layouts put on the upper half of another: the sign is what counts, not the shift that it takes.
const UPPER: [Key; 7] = [
    Key::Questionmark,
    Key::Plus,
    Key::Colon,
    Key::Exclamationmark,
    Key::Pipe,
    Key::OpenCurlyBracket,
    Key::CloseCurlyBracket,
];

/// Whether shift belongs to the sign.
pub fn takes_shift(key: Key) -> bool {
    UPPER.contains(&key)
}

/// What people do with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysCommand {
    /// The next keys that are pressed are for the command of this name; for none, keys do what they do.
    Record(Option<&'static str>),
    /// The command of this name has these keys only; another one loses them.
    Set(&'static str, Option<KeyboardShortcut>),
    /// The command of this name has the keys of the first day.
    Reset(&'static str),
    /// Every command has.
    ResetAll,
}

/// Which keys give which command: those of [`NAMED_COMMANDS`], and what the user made of them. Commands that are not in
/// it have the keys of the first day, but for those that the
/// user gave to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Vec<String>>", into = "BTreeMap<String, Vec<String>>")]
pub struct Keymap {
    changed: BTreeMap<String, Vec<KeyboardShortcut>>,
}

impl Keymap {
    /// The keys of a command; the first one is shown.
    pub fn of(&self, named: &NamedCommand) -> Vec<KeyboardShortcut> {
        match self.changed.get(named.name) {
            Some(keys) => keys.clone(),
            None => named.shortcuts.iter().filter(|keys| !self.is_given_away(**keys)).copied().collect(),
        }
    }

    /// The command that has these keys.
    pub fn taken_by(&self, keys: KeyboardShortcut) -> Option<&'static NamedCommand> {
        NAMED_COMMANDS.iter().find(|named| self.of(named).contains(&keys))
    }

    /// Whether a command's keys are the user's.
    pub fn is_changed(&self, named: &NamedCommand) -> bool {
        self.of(named) != named.shortcuts
    }

    /// Whether anything is.
    pub fn is_any_changed(&self) -> bool {
        NAMED_COMMANDS.iter().any(|named| self.is_changed(named))
    }

    /// Carries out a command on the keys.
    pub fn apply(&mut self, command: KeysCommand) {
        match command {
            KeysCommand::Record(_) => {}
            KeysCommand::Set(name, keys) => {
                if let Some(keys) = keys {
                    self.take_away(keys);
                }
                self.changed.insert(name.to_owned(), keys.into_iter().collect());
            }
            KeysCommand::Reset(name) => {
                self.changed.remove(name);
                let first_day = NAMED_COMMANDS.iter().find(|named| named.name == name);
                first_day.iter().flat_map(|named| named.shortcuts).for_each(|keys| self.take_away(*keys));
            }
            KeysCommand::ResetAll => self.changed.clear(),
        }
    }

    fn is_given_away(&self, keys: KeyboardShortcut) -> bool {
        self.changed.values().any(|others| others.contains(&keys))
    }

    fn take_away(&mut self, keys: KeyboardShortcut) {
        self.changed.values_mut().for_each(|others| others.retain(|other| *other != keys));
    }

    /// Lets everything that is painted know it.
    pub fn install(&self, ctx: &egui::Context) {
        ctx.data_mut(|data| data.insert_temp(egui::Id::unique("keymap"), Arc::new(self.clone())));
    }

    /// The one that was installed last.
    pub fn installed(ctx: &egui::Context) -> Arc<Self> {
        ctx.data(|data| data.get_temp(egui::Id::unique("keymap"))).unwrap_or_default()
    }
}

impl From<BTreeMap<String, Vec<String>>> for Keymap {
    /// Keys that this version does not know are left out.
    fn from(written: BTreeMap<String, Vec<String>>) -> Self {
        let parsed =
            written.into_iter().map(|(name, keys)| (name, keys.iter().filter_map(|text| parse(text)).collect()));
        Self { changed: parsed.collect() }
    }
}

impl From<Keymap> for BTreeMap<String, Vec<String>> {
    fn from(keymap: Keymap) -> Self {
        let written = keymap.changed.into_iter();
        written.map(|(name, keys)| (name, keys.into_iter().map(format).collect())).collect()
    }
}

/// "Ctrl+Shift+F", on every system.
fn format(keys: KeyboardShortcut) -> String {
    let modifiers = keys.modifiers;
    let mut text = String::new();
    for (held, name) in [
        (modifiers.command, "Ctrl+"),
        (modifiers.ctrl && !modifiers.command, "Control+"),
        (modifiers.alt, "Alt+"),
        (modifiers.shift, "Shift+"),
    ] {
        text.push_str(if held { name } else { "" });
    }
    text + keys.logical_key.name()
}

fn parse(text: &str) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('+').filter(|(name, _)| !name.is_empty()) {
        modifiers = modifiers.plus(match name {
            "Ctrl" => Modifiers::COMMAND,
            "Control" => Modifiers::CTRL,
            "Alt" => Modifiers::ALT,
            "Shift" => Modifiers::SHIFT,
            _ => return None,
        });
        rest = after;
    }
    Some(KeyboardShortcut::new(modifiers, Key::from_name(rest)?))
}

/// The keys that were pressed, in the form in which commands have them.
pub fn pressed(key: Key, held: Modifiers) -> KeyboardShortcut {
    let mut modifiers = Modifiers::NONE;
    if held.command {
        modifiers = modifiers.plus(Modifiers::COMMAND);
    } else if held.ctrl {
        modifiers = modifiers.plus(Modifiers::CTRL);
    }
    if held.alt {
        modifiers = modifiers.plus(Modifiers::ALT);
    }
    if held.shift && !takes_shift(key) {
        modifiers = modifiers.plus(Modifiers::SHIFT);
    }
    KeyboardShortcut::new(modifiers, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> &'static NamedCommand {
        NAMED_COMMANDS.iter().find(|named| named.name == name).expect("a command of this name")
    }

    fn plain(key: Key) -> KeyboardShortcut {
        KeyboardShortcut::new(Modifiers::NONE, key)
    }

    #[test]
    fn keys_are_given_and_taken_away() {
        let mut keymap = Keymap::default();
        let (next, previous) = (named("next-image"), named("previous-image"));
        assert_eq!(keymap.of(next), next.shortcuts, "the first day's");
        keymap.apply(KeysCommand::Set(previous.name, Some(plain(Key::D))));
        assert_eq!(keymap.of(previous), [plain(Key::D)], "the user's");
        assert!(keymap.of(next).is_empty(), "a key means one thing");
        assert_eq!(keymap.taken_by(plain(Key::D)).map(|named| named.name), Some(previous.name), "and says whose it is");
        assert!(keymap.taken_by(plain(Key::A)).is_none(), "A is free now");
        keymap.apply(KeysCommand::Reset(next.name));
        assert_eq!(keymap.of(next), next.shortcuts, "D is back");
        assert!(keymap.of(previous).is_empty(), "and the other has lost it");
        keymap.apply(KeysCommand::ResetAll);
        assert_eq!(keymap, Keymap::default(), "as on the first day");
    }

    #[test]
    fn a_command_can_be_without_keys() {
        let mut keymap = Keymap::default();
        keymap.apply(KeysCommand::Set("quit", None));
        assert!(keymap.of(named("quit")).is_empty() && keymap.is_changed(named("quit")), "none, and that is a change");
    }

    #[test]
    fn every_key_survives_a_restart() {
        let mut keymap = Keymap::default();
        for (named, key) in NAMED_COMMANDS.iter().zip(Key::ALL.iter().cycle()) {
            for modifiers in [Modifiers::NONE, Modifiers::ALT, Modifiers::COMMAND.plus(Modifiers::SHIFT)] {
                let keys = KeyboardShortcut::new(modifiers, *key);
                keymap.apply(KeysCommand::Set(named.name, Some(keys)));
                let json = serde_json::to_string(&keymap).expect("a map of texts");
                assert_eq!(serde_json::from_str::<Keymap>(&json).ok().as_ref(), Some(&keymap), "{json}");
            }
        }
    }

    #[test]
    fn what_another_version_wrote_is_left_out() {
        let json = r#"{"quit": ["Ctrl+Nonsense", "Hyper+Q", "", "Alt+", "Alt+Q"], "not-yet-invented": ["J"]}"#;
        let keymap: Keymap = serde_json::from_str(json).expect("a map of texts");
        assert_eq!(keymap.of(named("quit")), [KeyboardShortcut::new(Modifiers::ALT, Key::Q)], "what is known is kept");
    }

    #[test]
    fn shift_counts_unless_the_sign_takes_it() {
        assert_eq!(pressed(Key::Questionmark, Modifiers::SHIFT), plain(Key::Questionmark), "? is typed with shift");
        let held = Modifiers { ctrl: true, command: true, shift: true, ..Modifiers::NONE };
        let keys = KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::F);
        assert_eq!(pressed(Key::F, held), keys, "as commands have them");
    }
}
