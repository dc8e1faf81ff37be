//! Sessions in the window: saved and opened again, recovered after a kill, with photos that moved.

use crate::script::Script;
use crate::support::{Window, answered, caption, frames, press, settle, type_text, window, window_with};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use gazelens::session;
use gazelens::ui::core::command::{Command, SessionBox, SessionCommand};
use gazelens::ui::features::TokenPos;
use std::path::Path;
use std::time::Duration;

fn wait(window: &mut Window, what: &str, done: impl Fn(&Window) -> bool) {
    for _ in 0..6000 {
        window.step();
        if done(window) {
            return frames(window);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("expected {what} within a minute");
}

fn tell(window: &mut Window, command: SessionCommand) {
    window.state_mut().command(Command::Session(command));
    frames(window);
}

fn ask(window: &mut Window, words: &str) {
    window.state_mut().command(Command::AskThis(words.to_owned()));
    frames(window);
}

fn says(window: &Window, words: &str) -> bool {
    let state = window.state().state();
    let notices = state.notices.iter().map(|notice| &notice.text);
    notices.chain(state.toasts.iter().map(|toast| &toast.text)).any(|text| text.contains(words))
}

fn save(window: &mut Window, path: &Path) {
    tell(window, SessionCommand::SaveTo(path.to_owned()));
    wait(window, "a saved session", |window| says(window, "Saved "));
}

#[test]
fn a_session_opens_with_the_same_run_layer_and_token() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("work.gazelens");
    let (mut window, _handle) = answered(Script::default());
    window.get_by_label_contains("Token 3: ").click();
    frames(&mut window);
    press(&mut window, egui::Key::ArrowRight);
    press(&mut window, egui::Key::ArrowRight);
    let before = caption(&window);
    assert!(before.contains("token 3 "), "a token is held: {before}");
    // The box for a path, as on a machine without dialogs. A place that is not there stays to be mended.
    tell(&mut window, SessionCommand::Show(SessionBox::Save));
    type_text(&mut window, &dir.path().join("missing/work.gazelens").display().to_string());
    window.get_by_label("Save").click();
    wait(&mut window, "why not", |window| window.query_by_label_contains("missing/work.gazelens").is_some());
    assert_eq!(window.state().state().open.session, Some(SessionBox::Save), "the box stays");
    assert_eq!(window.state().state().notices.iter().count(), 0, "it says so itself");
    window.get_by_label("File to save to").focus();
    frames(&mut window);
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    frames(&mut window);
    type_text(&mut window, &path.display().to_string());
    window.get_by_label("Save").click();
    wait(&mut window, "a saved session", |window| says(window, "Saved 1 answer"));
    assert_eq!(session::outline(&path).expect("written").answers.len(), 1, "with its answer");

    // Everything else afterwards.
    ask(&mut window, "Describe this image briefly.");
    window.get_by_label_contains("Token 5: ").click();
    press(&mut window, egui::Key::ArrowLeft);
    window.state_mut().command(Command::NextImage);
    settle(&mut window);
    assert_ne!(caption(&window), before, "something else is shown");
    window.state_mut().command(Command::AddPaths(vec![path.clone()]));
    wait(&mut window, "the session", |window| says(window, "Opened 1 answer"));
    settle(&mut window);
    assert_eq!(caption(&window), before, "the same map");
    let state = window.state().state();
    assert_eq!(state.runs.iter().count(), 1, "the session's answer alone");
    assert!(state.selection.tokens.contains(&TokenPos::Output(3)), "the token is held");
    assert!(window.query_by_label_contains("Token 3: ").is_some(), "its words stand there");

    // Ctrl+S saves it where it came from; another question still gets a name of its own.
    ask(&mut window, "Describe this image briefly.");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::S);
    wait(&mut window, "a saved session", |window| says(window, "Saved 2 answers"));
    assert_eq!(session::outline(&path).expect("written").answers.len(), 2, "both are in the file");
}

#[test]
fn a_window_begins_with_a_session_and_refuses_a_newer_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("work.gazelens");
    let (mut first, _handle) = answered(Script::default());
    save(&mut first, &path);
    let (mut second, _handle) = window_with(Script::default(), |options| options.session = Some(path.clone()));
    wait(&mut second, "the session", |window| says(window, "Opened 1 answer"));
    let state = second.state().state();
    assert!(state.current_run().is_some_and(|run| run.trace.is_some()), "its answer is shown");
    assert!(state.model.info.is_some(), "its model is open");

    let newer = [&session::MAGIC[..], &(session::VERSION + 1).to_le_bytes(), &0_u64.to_le_bytes()].concat();
    std::fs::write(&path, newer).expect("written");
    tell(&mut second, SessionCommand::Show(SessionBox::Open));
    assert!(second.query_by_label("Session file").is_some(), "a path can be typed");
    tell(&mut second, SessionCommand::OpenFile(path.clone()));
    wait(&mut second, "a sentence", |window| says(window, "which a newer gazelens wrote"));
    assert_eq!(second.state().state().runs.iter().count(), 1, "nothing has changed");
    let (mut third, _handle) = window_with(Script::default(), |options| options.session = Some(path));
    wait(&mut third, "the demo model instead", |window| window.state().state().model.info.is_some());
}

#[test]
fn what_a_killed_program_left_is_offered_and_restored() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    let (mut first, _handle) = window_with(Script::default(), |options| {
        options.recovery = Some(ours.clone());
        options.recovery_every = Duration::from_millis(1);
    });
    assert!(first.state().state().open.session.is_none(), "nothing was left behind");
    first.get_by_label("Describe this image in detail.").click();
    frames(&mut first);
    first.get_by_label_contains("Token 2: ").click();
    frames(&mut first);
    let left = || std::fs::read_dir(&ours).into_iter().flatten().flatten().map(|entry| entry.path());
    let file = || left().find(|path| path.extension().is_some_and(|extension| extension == "gazelens"));
    let holds =
        |path: &Path| session::outline(path).is_ok_and(|outline| outline.state["tokens"] != serde_json::json!([]));
    wait(&mut first, "a recovery file", |_| file().is_some_and(|path| holds(&path)));
    // What a kill would leave: the file, and nobody who holds its lock.
    std::fs::create_dir_all(&theirs).expect("created");
    std::fs::copy(file().expect("written"), theirs.join("1-1.gazelens")).expect("copied");
    let shown = caption(&first);
    drop(first);
    assert_eq!(left().count(), 0, "a proper end leaves nothing");

    let (mut second, _handle) = window_with(Script::default(), |options| {
        options.recovery = Some(theirs.clone());
        options.recovery_every = Duration::from_millis(1);
    });
    wait(&mut second, "an offer", |window| window.query_by_label("Restore").is_some());
    assert!(second.query_by_label("gazelens closed unexpectedly").is_some(), "says why");
    let what = second.query_by_label_contains("1 answer about 1 photo with the demo model, saved just now");
    assert!(what.is_some(), "says what");
    second.get_by_label("Restore").click();
    wait(&mut second, "the answer", |window| says(window, "Restored 1 answer"));
    settle(&mut second);
    assert_eq!(caption(&second), shown, "as it was");
    assert!(second.state().state().session.path.is_none(), "Save asks where");
    let gone = theirs.join("1-1.gazelens");
    wait(&mut second, "its own recovery file instead", |_| !gone.exists());

    // Opening a session keeps what is there.
    let other = dir.path().join("other.gazelens");
    session::write(&other, &session::Session::default()).expect("written");
    tell(&mut second, SessionCommand::OpenFile(other));
    wait(&mut second, "the empty session", |window| says(window, "Opened 0 answers"));
    assert!(second.state().state().runs.iter().next().is_none(), "it has no answers");
    second.get_by_label("Back to what was open before").click();
    wait(&mut second, "the answer again", |window| says(window, "Restored 1 answer"));
    settle(&mut second);
    assert_eq!(caption(&second), shown, "nothing was lost");
}

#[test]
fn a_photo_that_moved_is_listed_and_found() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    std::fs::create_dir_all(&old).expect("created");
    let photo = gazelens::data::demo::IMAGES.first().expect("bundled").png;
    std::fs::write(old.join("demo_x.png"), photo).expect("written");
    std::fs::write(dir.path().join("demo_y.png"), photo).expect("written");
    let path = dir.path().join("work.gazelens");
    let (mut window, _handle) = window(Script::default());
    window.state_mut().command(Command::AddPaths(vec![old.join("demo_x.png"), dir.path().join("demo_y.png")]));
    wait(&mut window, "the photo", |window| {
        window.state().state().library.current().is_some_and(|image| image.detail.ends_with("demo_x.png"))
    });
    settle(&mut window);
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    save(&mut window, &path);
    let before = caption(&window);
    std::fs::rename(&old, &new).expect("moved");
    // Another photo in between, or the picture would still be there.
    window.state_mut().command(Command::NextImage);
    settle(&mut window);

    tell(&mut window, SessionCommand::OpenFile(path));
    wait(&mut window, "the list", |window| window.query_by_label("1 file not found").is_some());
    assert!(window.query_by_label_contains("photo: ").is_some(), "by name");
    window.get_by_label("Continue without").click();
    frames(&mut window);
    wait(&mut window, "a placeholder", |window| window.query_by_label("This photo is missing").is_some());
    assert!(window.query_by_label_contains("Token 3: ").is_some(), "the answer is there all the same");
    window.get_by_label("Find this photo…").click();
    frames(&mut window);
    type_text(&mut window, &new.display().to_string());
    window.get_by_label("Look there").click();
    wait(&mut window, "the photo", |window| says(window, "Found 1 file again"));
    wait(&mut window, "no placeholder", |window| window.query_by_label("This photo is missing").is_none());
    settle(&mut window);
    assert_eq!(caption(&window), before, "the answer with its photo");
    assert!(window.state().state().session.missing.is_empty(), "nothing is missing any more");
}

#[test]
fn answers_that_are_in_no_session_are_not_lost_without_a_word() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("work.gazelens");
    let (mut window, _handle) = answered(Script::default());
    window.state_mut().command(Command::Quit);
    frames(&mut window);
    assert!(window.query_by_label("1 answer is not saved").is_some(), "says what would be lost");
    window.get_by_label("Cancel").click();
    frames(&mut window);
    assert_eq!(window.state().state().open.session, None, "the window stays");
    save(&mut window, &path);
    window.state_mut().command(Command::Quit);
    frames(&mut window);
    assert_eq!(window.state().state().open.session, None, "everything is saved: nothing to ask");
    ask(&mut window, "Describe this image briefly.");
    window.state_mut().command(Command::Quit);
    frames(&mut window);
    window.get_by_label("Save and quit").click();
    wait(&mut window, "a saved session", |window| says(window, "Saved 2 answers"));
    assert_eq!(session::outline(&path).expect("written").answers.len(), 2, "both are in the file");
}

#[test]
fn another_file_of_a_typed_name_is_replaced_only_when_that_is_agreed_to() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (own, other) = (dir.path().join("own.gazelens"), dir.path().join("other.gazelens"));
    let (mut window, _handle) = answered(Script::default());
    // A name that nothing has, and the session's own again.
    for _ in 0..2 {
        tell(&mut window, SessionCommand::SaveTyped(dir.path().join("own")));
        wait(&mut window, "a saved session", |window| says(window, "own.gazelens"));
        assert_eq!(window.state().state().open.session, None, "nothing to ask about");
    }
    std::fs::copy(&own, &other).expect("a writable folder");
    ask(&mut window, "Describe this image briefly.");
    let kept = std::fs::read(&other).expect("a session");
    tell(&mut window, SessionCommand::Show(SessionBox::Save));
    type_text(&mut window, &other.display().to_string());
    window.get_by_label("Save").click();
    frames(&mut window);
    window.get_by_label("Replace this file?");
    window.get_by_label_contains("other.gazelens");
    window.get_by_label("Cancel").click();
    frames(&mut window);
    assert_eq!(std::fs::read(&other).expect("there"), kept, "as it was");
    tell(&mut window, SessionCommand::SaveTyped(other.clone()));
    window.get_by_label("Replace it").click();
    wait(&mut window, "a saved session", |window| says(window, "other.gazelens"));
    assert_eq!(window.state().state().open.session, None, "asked once");
    assert_eq!(session::outline(&other).expect("written").answers.len(), 2, "in its place");
}
