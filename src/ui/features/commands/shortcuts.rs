//! Keys to commands. Nothing fires while text is typed, except with ctrl; behind a box over the window only what closes
//! the box.

use crate::ui::core::command::{Command, Keymap, NAMED_COMMANDS, takes_shift};
use crate::ui::features::OpenBoxes;
use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};

/// Keys that egui's own keyboard navigation uses: they belong to the focused widget while there is one.
const NAVIGATION: [Key; 6] = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Enter, Key::Tab];

/// Keys that with ctrl belong to a text that is being typed: undo, redo, everything, and moving by words.
const EDITING: [Key; 9] = [
    Key::Z,
    Key::Y,
    Key::A,
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::Backspace,
    Key::Delete,
];

/// Commands whose keys were pressed since the last frame, in no particular order. The keys are used up.
///
/// `open` are the boxes over the window: behind one, nothing moves.
pub(in crate::ui) fn pressed(ctx: &egui::Context, open: OpenBoxes, keymap: &Keymap) -> Vec<Command> {
    if open.recording.is_some() {
        return Vec::new(); // they are being given to a command
    }
    if is_desktops(ctx) {
        return Vec::new();
    }
    let typing = ctx.text_edit_focused();
    let focused = ctx.memory(|memory| memory.focused().is_some());
    let popup = egui::Popup::is_any_open(ctx);
    let mut commands = Vec::new();
    // Those with more modifiers first: `consume_shortcut` lets ctrl+shift+O pass for ctrl+O.
    let of_all = NAMED_COMMANDS.iter().flat_map(|named| keymap.of(named).into_iter().map(|keys| (keys, named.command)));
    let mut shortcuts: Vec<(KeyboardShortcut, &Command)> = of_all.collect();
    shortcuts.sort_by_key(|(keys, _)| std::cmp::Reverse(count(keys.modifiers)));
    for (keys, command) in shortcuts {
        let key = keys.logical_key;
        let with_command = keys.modifiers.command || keys.modifiers.ctrl;
        let belongs_elsewhere = if with_command {
            typing && EDITING.contains(&key)
        } else {
            typing || (popup && key == Key::Escape) || (focused && NAVIGATION.contains(&key))
        };
        if belongs_elsewhere || is_behind_a_box(open, command) {
            continue;
        }
        if keys.logical_key == Key::Tab && keys.modifiers.is_none() {
            let backwards = ctx.input(|input| input.modifiers.shift);
            let presses = if popup || backwards { 0 } else { tab(ctx) };
            commands.extend(std::iter::repeat_n(command.clone(), presses));
            continue;
        }
        let presses = ctx.input_mut(|input| {
            let presses = input.count_and_consume_key(keys.modifiers, key);
            // Layouts put these on shifted keys: the key is what counts.
            presses + usize::from(takes_shift(key) && take(input, keys.modifiers, key))
        });
        commands.extend(std::iter::repeat_n(command.clone(), presses));
    }
    commands
}

/// Takes the keys and letters out of the frame that are pressed while Super is held: no box and no button hears them.
pub(in crate::ui) fn leave_to_desktop(ctx: &egui::Context) {
    if is_desktops(ctx) {
        let is_typed =
            |event: &egui::Event| matches!(event, egui::Event::Key { pressed: true, .. } | egui::Event::Text(_));
        ctx.input_mut(|input| input.events.retain(|event| !is_typed(event)));
    }
}

/// With Super held, keys are the desktop's: they move windows about, whether it keeps them to itself or not. On a Mac
/// it is the command key.
fn is_desktops(ctx: &egui::Context) -> bool {
    let held = |input: &egui::InputState| input.key_down(Key::SuperLeft) || input.key_down(Key::SuperRight);
    !cfg!(target_os = "macos") && ctx.input(held)
}

/// Only what closes the box gets through.
fn is_behind_a_box(open: OpenBoxes, command: &Command) -> bool {
    let any = open.help || open.about || open.palette || open.model || open.session.is_some();
    let closes = *command == Command::Clear
        || (open.help && *command == Command::ToggleHelp)
        || (open.palette && *command == Command::TogglePalette);
    any && !closes
}

fn count(modifiers: Modifiers) -> u8 {
    u8::from(modifiers.shift) + u8::from(modifiers.alt) + u8::from(modifiers.command)
}

/// Uses up `key` pressed with shift besides `modifiers`.
fn take(input: &mut egui::InputState, modifiers: Modifiers, key: Key) -> bool {
    !modifiers.shift && input.consume_key(modifiers.plus(Modifiers::SHIFT), key)
}

/// Tab swaps the direction when no widget has the focus; otherwise it moves the focus on, as everywhere. Shift+Tab
/// always does.
fn tab(ctx: &egui::Context) -> usize {
    let presses = ctx.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, Key::Tab));
    if presses > 0 {
        // egui saw the key when the frame began and would give the focus to the first widget.
        ctx.memory_mut(|memory| memory.move_focus(egui::FocusDirection::None));
    }
    presses
}
