//! Keys that are pressed before the box that they are meant for can take them. A box has the focus a frame after the
//! key that opens it, and a slow frame holds many keys: they are kept until then, instead of being shortcuts or being
//! lost.

use crate::ui::core::command::{Command, Keymap, NAMED_COMMANDS};
use crate::ui::features::OpenBoxes;
use eframe::egui;
use egui::{Context, Event, Id, Key, Modifiers};

/// Frames that keys are kept for a box that does not come.
const MOST_FRAMES: usize = 30;

/// The box of the question.
pub(in crate::ui) fn prompt_box() -> Id {
    Id::unique("prompt box")
}

/// The box that finds commands.
pub(in crate::ui) fn palette_box() -> Id {
    Id::unique("palette box")
}

/// The box of a model's path.
pub(in crate::ui) fn model_box() -> Id {
    Id::unique("model path box")
}

/// The box that a command puts the cursor into.
fn box_of(command: &Command) -> Option<Id> {
    match command {
        Command::FocusPrompt => Some(prompt_box()),
        Command::TogglePalette => Some(palette_box()),
        Command::OpenModelBox => Some(model_box()),
        _ => None,
    }
}

/// Keys that are pressed before the box that they are meant for can take them.
#[derive(Debug, Default)]
pub(in crate::ui) struct Ahead {
    waiting: Option<Id>,
    held: Vec<Event>,
    frames: usize,
}

/// What came after a key that opens a box, within one frame.
#[derive(Debug)]
pub(in crate::ui) struct Later {
    command: &'static Command,
    events: Vec<Event>,
}

impl Ahead {
    /// Gives what was kept to its box, or keeps what comes in this frame, too.
    pub(in crate::ui) fn give(&mut self, ctx: &Context) {
        let Some(id) = self.waiting else { return };
        if ctx.memory(|memory| memory.has_focus(id)) {
            self.waiting = None;
            let held = std::mem::take(&mut self.held);
            let is_given = !held.is_empty();
            ctx.input_mut(|input| drop(input.events.splice(0..0, held)));
            if is_given {
                // A box shows what was typed into it a frame later.
                ctx.request_repaint();
            }
            return;
        }
        self.frames += 1;
        if self.frames > MOST_FRAMES {
            *self = Self::default();
            return;
        }
        self.held.extend(ctx.input_mut(|input| take_keys(&mut input.events)));
        ctx.request_repaint();
    }

    /// Takes what came after a key that opens a box out of the frame, so that it is no shortcut.
    pub(in crate::ui) fn split(&self, ctx: &Context, open: OpenBoxes, keymap: &Keymap) -> Option<Later> {
        if self.waiting.is_some() || open.recording.is_some() {
            return None;
        }
        let typing = ctx.text_edit_focused();
        ctx.input_mut(|input| {
            let found = input.events.iter().enumerate();
            let (at, (command, key)) =
                found.into_iter().find_map(|(at, event)| Some((at, opening(event, open, keymap, typing)?)))?;
            let mut events = input.events.split_off(at + 1);
            let own =
                |event: &Event| matches!(event, Event::Text(text) if text.eq_ignore_ascii_case(key.symbol_or_name()));
            if events.first().is_some_and(own) {
                events.remove(0); // the letter of the key itself
            }
            Some(Later { command, events })
        })
    }

    /// Keeps the keys of `later` if its command was carried out; all else goes on as if nothing had been taken.
    pub(in crate::ui) fn hold(&mut self, ctx: &Context, later: Option<Later>, commands: &[Command]) {
        let Some(Later { command, mut events }) = later else { return };
        if commands.contains(command) {
            *self = Self { waiting: box_of(command), held: take_keys(&mut events), frames: 0 };
            ctx.request_repaint();
        }
        ctx.input_mut(|input| input.events.extend(events));
    }
}

/// The command whose box a key opens, and the key.
fn opening(event: &Event, open: OpenBoxes, keymap: &Keymap, typing: bool) -> Option<(&'static Command, Key)> {
    let Event::Key { key, pressed: true, modifiers, .. } = event else { return None };
    let is_open = open.help || open.palette || open.model || open.session.is_some();
    let fits = |keys: &egui::KeyboardShortcut| {
        let exact = |modifiers: Modifiers| (modifiers.shift, modifiers.alt);
        keys.logical_key == *key
            && modifiers.matches_logically(keys.modifiers)
            && exact(*modifiers) == exact(keys.modifiers)
            && (keys.modifiers.command || keys.modifiers.ctrl || !typing)
    };
    let mut opening = NAMED_COMMANDS.iter().filter(|named| !is_open && box_of(named.command).is_some());
    let named = opening.find(|named| keymap.of(named).iter().any(fits))?;
    Some((named.command, *key))
}

/// Takes what a box for text takes.
fn take_keys(events: &mut Vec<Event>) -> Vec<Event> {
    let is_key = |event: &Event| {
        matches!(event, Event::Key { .. } | Event::Text(_) | Event::Paste(_) | Event::Copy | Event::Cut | Event::Ime(_))
    };
    let (keys, others) = std::mem::take(events).into_iter().partition(is_key);
    *events = others;
    keys
}
