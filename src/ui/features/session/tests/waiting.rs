//! What is in a session although no photo is open for it.

use super::*;
use crate::ui::features::dataset::opening;
use crate::ui::features::dataset::opening::Before;

#[test]
fn annotations_that_wait_for_their_photos_are_in_a_session() {
    in_folder(|folder| {
        let (file, session) = (folder.join("instances.json"), folder.join("s.gazelens"));
        let text = r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "dog"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 4, "bbox": [0, 0, 2, 2]}]}"#;
        std::fs::write(&file, text).expect("a writable folder");
        let mut state = AppState::default();
        let paths = std::slice::from_ref(&file);
        let opened = opening::open(paths, Before::Nothing, &AtomicBool::new(false), &mut |_, _| ());
        drop(state.opened(opened));
        let wanted = state.browse.photos_wanted.clone().expect("they wait");
        save(&state, &session);
        let mut other = AppState::default();
        drop(other.reopened(open(&session).expect("a session"), None));
        assert!(other.browse.bundled, "the bundled images stay until then");
        assert_eq!(other.browse.photos_wanted, Some(wanted), "they wait still");
        let waiting = other.browse.waiting.clone().expect("what waits");
        let name = waiting.instances.as_ref().map(|instances| instances.path().to_owned());
        assert_eq!(name, Some(file.clone()), "the file");
        // Saved again, and moved meanwhile.
        save(&other, &session);
        std::fs::rename(&file, folder.join("moved.json")).expect("ours");
        let reopened = open(&session).expect("a session");
        assert!(reopened.waiting.is_none(), "nothing to wait with");
        assert_eq!(reopened.missing.annotations, [file], "said, so that it can be found again");
    });
}

#[test]
fn sessions_without_waiting_annotations_open_as_before() {
    in_folder(|folder| {
        let path = folder.join("s.gazelens");
        let state = worked();
        save(&state, &path);
        let mut session = session::read(&path).expect("a session");
        session.state.as_object_mut().expect("fields").remove("waiting");
        session::write(&path, &session).expect("can be written");
        let reopened = open(&path).expect("a session");
        assert!(reopened.waiting.is_none() && reopened.problems.is_empty(), "{:?}", reopened.problems);
        assert_eq!(reopened.runs.len(), state.runs.iter().count(), "everything is there");
    });
}

#[test]
fn a_typed_name_of_another_file_is_asked_about_first() {
    let mut state = worked();
    let tell = |state: &mut AppState, command| state.apply(Command::Session(command));
    let effects = tell(&mut state, SessionCommand::SaveTyped("a/b".into()));
    assert_eq!(effects, [Effect::Session(SessionEffect::WriteNew("a/b.gazelens".into()))], "not written over");
    state.ask_to_replace("a/b.gazelens".into());
    assert_eq!(state.open.session, Some(SessionBox::Replace), "asked");
    drop(tell(&mut state, SessionCommand::Close));
    assert_eq!(state.open.session, None, "put off");
    let effects = tell(&mut state, SessionCommand::SaveTo("a/b.gazelens".into()));
    assert_eq!(effects, [Effect::Session(SessionEffect::Write("a/b.gazelens".into()))], "agreed to");
}
