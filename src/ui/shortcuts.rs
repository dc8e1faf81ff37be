//! Keys to commands. Nothing fires while text is typed, except with ctrl; behind a box over the window only what closes the box.

use super::command::{Command, NAMED_COMMANDS};
use super::state::OpenBoxes;
use eframe::egui;
use egui::{Key, Modifiers};

/// Keys that egui's own keyboard navigation uses: they belong to the focused widget while there is one.
const NAVIGATION: [Key; 6] = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Enter, Key::Tab];

/// Commands whose keys were pressed since the last frame, in no particular order. The keys are used up.
///
/// `open` are the boxes over the window: behind one, nothing moves.
pub(super) fn pressed(ctx: &egui::Context, open: OpenBoxes) -> Vec<Command> {
    let typing = ctx.text_edit_focused();
    let focused = ctx.memory(|memory| memory.focused().is_some());
    let popup = egui::Popup::is_any_open(ctx);
    let mut commands = Vec::new();
    // Those with more modifiers first: `consume_shortcut` lets ctrl+shift+O pass for ctrl+O.
    let mut shortcuts: Vec<_> =
        NAMED_COMMANDS.iter().flat_map(|named| named.shortcuts.iter().map(move |keys| (keys, named.command))).collect();
    shortcuts.sort_by_key(|(keys, _)| std::cmp::Reverse(count(keys.modifiers)));
    for (keys, command) in shortcuts {
        let plain = !keys.modifiers.command;
        let belongs_elsewhere = plain
            && (typing
                || (popup && keys.logical_key == Key::Escape)
                || (focused && NAVIGATION.contains(&keys.logical_key)));
        let behind_a_box = (open.help || open.model || open.session.is_some())
            && !(*command == Command::Clear || (open.help && *command == Command::ToggleHelp));
        if belongs_elsewhere || behind_a_box {
            continue;
        }
        if keys.logical_key == Key::Tab {
            let backwards = ctx.input(|input| input.modifiers.shift);
            let presses = if popup || backwards { 0 } else { tab(ctx) };
            commands.extend(std::iter::repeat_n(command.clone(), presses));
            continue;
        }
        let presses = ctx.input_mut(|input| {
            let presses = input.count_and_consume_key(keys.modifiers, keys.logical_key);
            // Layouts put these on shifted keys: the key is what counts.
            presses
                + usize::from(
                    matches!(keys.logical_key, Key::Questionmark | Key::Plus)
                        && take(input, keys.modifiers, keys.logical_key),
                )
        });
        commands.extend(std::iter::repeat_n(command.clone(), presses));
    }
    commands
}

fn count(modifiers: Modifiers) -> u8 {
    u8::from(modifiers.shift) + u8::from(modifiers.alt) + u8::from(modifiers.command)
}

/// Uses up `key` pressed with shift besides `modifiers`.
fn take(input: &mut egui::InputState, modifiers: Modifiers, key: Key) -> bool {
    !modifiers.shift && input.consume_key(modifiers.plus(Modifiers::SHIFT), key)
}

/// Tab swaps the direction when no widget has the focus; otherwise it moves the focus on, as everywhere. Shift+Tab always does.
fn tab(ctx: &egui::Context) -> usize {
    let presses = ctx.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, Key::Tab));
    if presses > 0 {
        // egui saw the key when the frame began and would give the focus to the first widget.
        ctx.memory_mut(|memory| memory.move_focus(egui::FocusDirection::None));
    }
    presses
}
