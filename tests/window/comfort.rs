//! What makes work comfortable: messages that go by themselves, pictures and tables for the clipboard.

use crate::demo::{demo_window, wait_until};
use crate::script::Script;
use crate::support::{Window, answered, frames, press, settle, show, window};
use eframe::egui;
use egui::OutputCommand;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::RunId;
use gazelens::ui::core::command::{Command, CopyCommand, FigureCommand, SessionCommand};
use gazelens::ui::core::pane::{Pane, TableKind};
use gazelens::ui::shell::layout::is_in_front;
use std::time::Duration;

/// What reaches the clipboard.
fn copied(window: &mut Window) -> OutputCommand {
    for _ in 0..3000 {
        window.step();
        let commands = &window.output().platform_output.commands;
        let is_copy =
            |command: &&OutputCommand| matches!(command, OutputCommand::CopyText(_) | OutputCommand::CopyImage(_));
        if let Some(command) = commands.iter().find(is_copy) {
            return command.clone();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("expected something for the clipboard");
}

fn text(window: &mut Window) -> String {
    match copied(window) {
        OutputCommand::CopyText(text) => text,
        other => panic!("expected text, found {other:?}"),
    }
}

#[test]
fn an_answer_about_another_photo_is_said_and_one_click_away() {
    let (mut window, handle) = window(Script { answers: false, ..Script::default() });
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    let asked_about = window.state().state().current_image().cloned();
    window.state_mut().command(Command::NextImage);
    settle(&mut window);
    for event in Script::default().events(RunId(1)) {
        handle.say(event);
    }
    frames(&mut window);
    window.get_by_label_contains("Answered about ");
    // It takes no clicks but those on itself: the panel beside it still gets its own.
    window.get_by_label("Overlay").click();
    frames(&mut window);
    assert!(!window.state().state().colour.overlay_visible, "the button below the photo");
    window.get_by_label("Show it").click();
    settle(&mut window);
    assert_eq!(window.state().state().current_image(), asked_about.as_ref(), "its photo");
    assert!(window.query_by_label_contains("Answered about ").is_none(), "and the message is gone");
}

#[test]
fn a_message_goes_by_itself_or_is_closed_and_all_others_at_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (mut window, _handle) = answered(Script::default());
    press(&mut window, egui::Key::C); // no key of its own: nothing happens
    assert!(window.state().state().toasts.iter().next().is_none(), "nothing was said");
    window.key_press_modifiers(egui::Modifiers::COMMAND.plus(egui::Modifiers::SHIFT), egui::Key::C);
    frames(&mut window);
    window.get_by_label("Copied the answer");
    window.get_by_label("Close this message").click();
    frames(&mut window);
    // A message that comes under the pointer waits for it to leave.
    window.get_by_label("Fit").hover();
    frames(&mut window);
    assert!(window.query_by_label("Copied the answer").is_none(), "closed");
    let path = dir.path().join("work.gazelens");
    window.state_mut().command(Command::Session(SessionCommand::SaveTo(path)));
    let mut seen = false;
    for _ in 0..1500 {
        window.step();
        let is_there = window.query_all_by_label_contains("Saved 1 answer").next().is_some();
        if seen && !is_there {
            break;
        }
        seen |= is_there;
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(seen, "it was said that the session is saved");
    assert!(window.query_all_by_label_contains("Saved 1 answer").next().is_none(), "and it went");

    for path in ["/nowhere/a.png", "/nowhere/b.png"] {
        window.state_mut().command(Command::AddPaths(vec![path.into()]));
        for _ in 0..200 {
            window.step();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(window.state().state().notices.iter().count(), 2, "two errors stand");
    window.get_by_label("2 messages").click();
    frames(&mut window);
    window.get_by_label("Dismiss all").click();
    frames(&mut window);
    assert_eq!(window.state().state().notices.iter().count(), 0, "none stands");
    assert!(window.query_by_label("Dismiss all").is_none(), "nor the button");
}

#[test]
fn the_photo_with_its_overlay_goes_to_the_clipboard() {
    let (mut window, _handle) = answered(Script::default());
    let keys = egui::Modifiers::COMMAND.plus(egui::Modifiers::SHIFT);
    let picture = |window: &mut Window| match copied(window) {
        OutputCommand::CopyImage(image) => image,
        other => panic!("expected a picture, found {other:?}"),
    };
    window.key_press_modifiers(keys, egui::Key::P);
    let with = picture(&mut window);
    let size = window.state().state().current_run().and_then(|run| Some(run.trace.as_ref()?.run.view.image));
    let size = size.map(|size| [size.width_px as usize, size.height_px as usize]);
    assert_eq!(Some(with.size), size, "the photo's own pixels");
    frames(&mut window);
    window.get_by_label_contains("Copied the photo as shown: ");
    press(&mut window, egui::Key::G);
    window.get_by_label("Copy").click();
    let without = picture(&mut window);
    assert_ne!(with.pixels, without.pixels, "the overlay is part of it");
    assert!(without.pixels.iter().all(egui::Color32::is_opaque), "nothing shines through");
}

#[test]
fn every_table_is_copied_with_its_units() {
    let (mut window, _handle) = answered(Script::default());
    for _ in 0..400 {
        window.step();
        if window.state().state().truth.image.is_some() && window.state().state().pope.questions.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    window.get_by_label_contains("Token 1: ").click();
    frames(&mut window);
    for (kind, name) in [
        (TableKind::Objects, "Area (pixels)"),
        (TableKind::Candidates, "Logprob (nats)"),
        (TableKind::Pope, "p_yes"),
        (TableKind::PopeFigures, "Accuracy (%)"),
        (TableKind::Heads, "Attention on the image, mean over the shown tokens (probability)"),
        (TableKind::Layers, "Attention on the image, mean over the shown tokens, mean over heads (probability)"),
        (TableKind::Runs, "Answer (tokens)"),
        (TableKind::Metrics, "Threshold (value of the map)"),
    ] {
        show(&mut window, kind.pane());
        // Messages lie over the panels below them until they go.
        let said: Vec<u64> = window.state().state().toasts.iter().map(|toast| toast.id).collect();
        for id in said {
            window.state_mut().command(Command::DismissToast(id));
        }
        frames(&mut window);
        let button = format!("Copy the table of {}", kind.label());
        window.get_by_label(&button).click_accesskit(); // it may lie below the fold
        frames(&mut window);
        window.get_by_label("as TSV").click();
        let tsv = text(&mut window);
        let lines: Vec<Vec<&str>> = tsv.lines().map(|line| line.split('\t').collect()).collect();
        assert!(lines.len() > 1 && lines[0].contains(&name), "{}: {:?}", kind.label(), lines[0]);
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "as many cells everywhere: {tsv}");
        frames(&mut window);
        window.get_by_label_contains(&format!("Copied the table of {}: ", kind.label()));
    }
    // The panel under the pointer comes first; the other forms are for notes and papers.
    for kind in [TableKind::Candidates, TableKind::Metrics] {
        window.state_mut().command(Command::ShowPane(kind.pane()));
        frames(&mut window);
        window.get_by_label(&format!("Copy the table of {}", kind.label())).hover();
        frames(&mut window);
        window.key_press_modifiers(egui::Modifiers::COMMAND.plus(egui::Modifiers::SHIFT), egui::Key::T);
        frames(&mut window);
        let said = window.state().state().toasts.iter().last().map(|toast| toast.text.clone()).unwrap_or_default();
        assert!(said.starts_with(&format!("Copied the table of {}: ", kind.label())), "what is pointed at: {said}");
    }
    for (form, begin) in [("as Markdown", "| Metric | Value |"), ("as LaTeX", "\\begin{tabular}{lllllll}")] {
        window.get_by_label("Copy the table of metrics").click();
        frames(&mut window);
        window.get_by_label(form).click();
        let found = text(&mut window);
        assert!(found.starts_with(begin), "{form}: {found}");
        frames(&mut window);
    }
}

#[test]
fn the_figure_in_front_goes_to_the_clipboard_as_it_is_written() {
    let mut window = demo_window();
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    wait_until(&mut window, "an answer", |app| {
        app.state().current_run().is_some_and(|run| run.phase == gazelens::ui::features::Phase::Finished)
    });
    frames(&mut window);
    window.state_mut().command(Command::Figure(FigureCommand::AddShown));
    frames(&mut window);
    assert!(is_in_front(window.state().tree(), Pane::Figure), "its panel is in front");
    window.state_mut().command(Command::Copy(CopyCommand::Picture));
    let OutputCommand::CopyImage(image) = copied(&mut window) else { panic!("expected a picture") };
    assert_eq!(image.size[0], 2055, "two columns at 300 dots per inch");
    frames(&mut window);
    window.get_by_label_contains("Copied the figure: 2055 × ");
}
