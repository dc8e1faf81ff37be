use super::*;
use std::collections::HashSet;

#[test]
fn every_key_means_one_thing() {
    let mut seen = HashSet::new();
    for named in NAMED_COMMANDS {
        for shortcut in named.shortcuts {
            assert!(seen.insert(*shortcut), "{:?} of {} is taken", shortcut, named.label);
        }
    }
}

#[test]
fn every_named_command_explains_itself() {
    let (mut labels, mut names) = (HashSet::new(), HashSet::new());
    for named in NAMED_COMMANDS {
        assert!(names.insert(named.name), "{} stands twice", named.name);
        assert!(labels.insert(named.label), "{} stands twice", named.label);
        assert!(
            named.tooltip.len() > 5 && !named.tooltip.ends_with('.'),
            "{}: one sentence, no full stop",
            named.label
        );
    }
}

#[test]
fn the_fields_keys_are_there() {
    let has = |command: &Command, shortcut: KeyboardShortcut| {
        command.named().is_some_and(|named| named.shortcuts.contains(&shortcut))
    };
    assert!(has(&Command::PreviousImage, key(Key::A)) && has(&Command::NextImage, key(Key::D)), "A and D");
    assert!(has(&Command::SwapDirection, key(Key::Tab)) && has(&Command::Clear, key(Key::Escape)), "Tab and Esc");
    assert!(
        has(&Command::OpenImages, ctrl(Key::O)) && has(&Command::Canvas(CanvasCommand::Fit), ctrl(Key::F)),
        "Ctrl+O, Ctrl+F"
    );
}
