//! Every key, to look up and to change, and what the mouse does.

use crate::ui::core::command::{Command, Keymap, KeysCommand, Menu, NAMED_COMMANDS, NamedCommand, pressed};
use crate::ui::features::commands::finder::menu_title;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::theme::accent;
use crate::ui::widgets::{format_keys, named};
use eframe::egui;
use egui::{Context, Key, KeyboardShortcut, RichText, Ui};

const MOUSE: [(&str, &str); 8] = [
    ("Hover over a word", "shows where the model looked when it chose it"),
    ("Click a word", "selects it; click again to deselect it"),
    ("Shift + click", "everything between two words"),
    ("Ctrl + click", "adds or removes a word or a patch"),
    ("Click the photo", "selects a patch: words are coloured by how much they looked there"),
    ("Wheel on the photo", "zooms around the pointer"),
    ("Drag the photo", "moves it; double click fits it"),
    ("Click a small map", "goes to its layer and head"),
];

/// Width of the keys' column, points.
const KEYS_PT: f32 = 118.0;

/// What was typed, and keys that belong to another command.
#[derive(Debug, Default)]
pub(in crate::ui) struct HelpMemory {
    wanted: String,
    clash: Option<(&'static str, KeyboardShortcut)>,
}

pub(in crate::ui) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.help {
        *cx.memory.of() = HelpMemory::default();
        return;
    }
    record(ctx, cx);
    let modal = crate::ui::features::context::modal(ctx, "help").show(ctx, |ui| {
        ui.set_width(760.0_f32.min(ctx.content_rect().width() - 60.0));
        head(ui, cx);
        let height = (ctx.content_rect().height() - 210.0).clamp(100.0, 620.0);
        egui::ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, |ui| {
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                mouse(left, &cx.memory.of::<HelpMemory>().wanted);
                keys(left, Menu::View, cx);
                for menu in [Menu::Go, Menu::Ask, Menu::Edit, Menu::File, Menu::Help] {
                    keys(right, menu, cx);
                }
            });
        });
        ui.add_space(6.0);
        foot(ui, cx)
    });
    if modal.inner || (cx.state.open.recording.is_none() && modal.should_close()) {
        cx.emit(Command::ToggleHelp);
    }
}

fn set(cx: &mut PanelContext<'_>, command: KeysCommand) {
    cx.memory.of::<HelpMemory>().clash = None;
    cx.emit(Command::Keys(command));
}

/// The next key that goes down is for the command that waits for one.
fn record(ctx: &Context, cx: &mut PanelContext<'_>) {
    let Some(name) = cx.state.open.recording else { return };
    let key = ctx.input_mut(|input| {
        let mut key = None;
        input.events.retain(|event| match event {
            egui::Event::Key { key: pressed, pressed: true, modifiers, .. } => {
                key.get_or_insert((*pressed, *modifiers));
                false
            }
            egui::Event::Text(_) => false,
            _ => true,
        });
        key
    });
    let Some((key, modifiers)) = key else { return };
    ctx.memory_mut(|memory| memory.move_focus(egui::FocusDirection::None));
    let keys = pressed(key, modifiers);
    let taken = cx.state.prefs.keys.taken_by(keys).filter(|other| other.name != name);
    match key {
        Key::Escape => set(cx, KeysCommand::Record(None)),
        Key::Backspace | Key::Delete if modifiers.is_none() => set(cx, KeysCommand::Set(name, None)),
        _ if taken.is_some() => {
            set(cx, KeysCommand::Record(None));
            cx.memory.of::<HelpMemory>().clash = Some((name, keys));
        }
        _ => set(cx, KeysCommand::Set(name, Some(keys))),
    }
}

fn head(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal(|ui| {
        ui.heading("Keyboard and mouse");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let edit = egui::TextEdit::singleline(&mut cx.memory.of::<HelpMemory>().wanted)
                .hint_text("Find")
                .desired_width(180.0);
            let response = ui.add(edit);
            named(ui, &response, "Find a key or a command");
        });
    });
    ui.label(RichText::new(says(ui.ctx(), cx)).weak());
    if let Some((name, keys)) = cx.memory.of::<HelpMemory>().clash {
        clash(ui, cx, name, keys);
    }
    ui.add_space(2.0);
}

/// What to do next, in a sentence.
fn says(ctx: &Context, cx: &PanelContext<'_>) -> String {
    let Some(label) = cx.state.open.recording.and_then(label_of) else {
        return "Click a key to change it".to_owned();
    };
    let escape = format_keys(ctx, KeyboardShortcut::new(egui::Modifiers::NONE, Key::Escape));
    format!("Press the keys for “{label}”. {escape} leaves it as it is, Backspace takes its keys away")
}

fn label_of(name: &str) -> Option<&'static str> {
    NAMED_COMMANDS.iter().find(|named| named.name == name).map(|named| named.label.trim_end_matches('…'))
}

/// Keys that another command has are not taken from it without a word.
fn clash(ui: &mut Ui, cx: &mut PanelContext<'_>, name: &'static str, keys: KeyboardShortcut) {
    let other = cx.state.prefs.keys.taken_by(keys).map(|named| named.label.trim_end_matches('…')).unwrap_or_default();
    let label = label_of(name).unwrap_or_default();
    ui.horizontal_wrapped(|ui| {
        let text = format!("{} is for “{other}”", format_keys(ui.ctx(), keys));
        ui.colored_label(ui.visuals().warn_fg_color, text);
        if ui.button(format!("Use it for “{label}”")).clicked() {
            set(cx, KeysCommand::Set(name, Some(keys)));
        }
        if ui.button("Leave it").clicked() {
            cx.memory.of::<HelpMemory>().clash = None;
        }
    });
}

fn keys(ui: &mut Ui, menu: Menu, cx: &mut PanelContext<'_>) {
    let keymap = Keymap::installed(ui.ctx());
    let wanted = cx.memory.of::<HelpMemory>().wanted.to_lowercase();
    let fits = |ui: &Ui, named: &NamedCommand| {
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        wanted.is_empty()
            || has(named.label)
            || has(named.tooltip)
            || keymap.of(named).iter().any(|keys| has(&format_keys(ui.ctx(), *keys)))
    };
    let fitting: Vec<_> =
        NAMED_COMMANDS.iter().filter(|named| named.menu == menu).filter(|named| fits(ui, named)).collect();
    if fitting.is_empty() {
        return;
    }
    ui.add_space(6.0);
    ui.label(RichText::new(menu_title(menu)).strong());
    ui.spacing_mut().item_spacing.y = 2.0;
    for named in fitting {
        ui.horizontal(|ui| row(ui, cx, &keymap, named));
    }
}

fn row(ui: &mut Ui, cx: &mut PanelContext<'_>, keymap: &Keymap, named: &'static NamedCommand) {
    let of = keymap.of(named);
    let recording = cx.state.open.recording == Some(named.name);
    let text = match of.first() {
        _ if recording => "press…".to_owned(),
        Some(keys) => format_keys(ui.ctx(), *keys),
        None => "none".to_owned(),
    };
    let label = named.label.trim_end_matches('…');
    let changed = keymap.is_changed(named);
    let colour = if of.is_empty() && !recording { ui.visuals().weak_text_color() } else { accent(ui.visuals()) };
    let button = egui::Button::new(RichText::new(&text).monospace().color(colour)).selected(recording);
    let response = ui.add_sized([KEYS_PT, 20.0], button);
    let others: Vec<String> = of.iter().skip(1).map(|keys| format_keys(ui.ctx(), *keys)).collect();
    let also = if others.is_empty() { String::new() } else { format!(" (also {})", others.join(", ")) };
    crate::ui::widgets::named(ui, &response, &format!("Keys of {label}: {text}"));
    if response.on_hover_text(format!("{text}{also}: click to give other keys to “{label}”")).clicked() {
        set(cx, KeysCommand::Record(if recording { None } else { Some(named.name) }));
    }
    ui.add(egui::Label::new(label).truncate()).on_hover_text(named.tooltip);
    if changed {
        let response = ui.small_button("Reset").on_hover_text("Back to the default keys");
        crate::ui::widgets::named(ui, &response, &format!("Reset keys of {label}"));
        if response.clicked() {
            set(cx, KeysCommand::Reset(named.name));
        }
    }
}

fn mouse(ui: &mut Ui, wanted: &str) {
    let wanted = wanted.to_lowercase();
    let fitting: Vec<_> =
        MOUSE.iter().filter(|(what, does)| format!("{what} {does}").to_lowercase().contains(&wanted)).collect();
    if fitting.is_empty() {
        return;
    }
    ui.add_space(6.0);
    ui.label(RichText::new("Mouse").strong());
    for (what, does) in fitting {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(*what).color(accent(ui.visuals())));
            ui.label(*does);
        });
    }
}

fn foot(ui: &mut Ui, cx: &mut PanelContext<'_>) -> bool {
    ui.horizontal(|ui| {
        let close = ui.button("Close").clicked();
        let changed = cx.state.prefs.keys.is_any_changed();
        let reset = ui.add_enabled(changed, egui::Button::new("Reset all keys"));
        let reset = reset.on_hover_text("Back to the default keys").on_disabled_hover_text("No key was changed");
        if reset.clicked() {
            set(cx, KeysCommand::ResetAll);
        }
        close
    })
    .inner
}
