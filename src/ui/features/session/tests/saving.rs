//! Where a session is written, and where what it names is.

use super::*;

#[test]
fn a_session_is_saved_over_sessions_and_never_over_what_is_open() {
    in_folder(|folder| {
        let mut state = worked();
        let (photo, saved) = (folder.join("photo.png"), folder.join("work.gazelens"));
        std::fs::write(&photo, b"photo").expect("a writable folder");
        let id = state.current_run().expect("answered").id;
        state.runs.get_mut(id).expect("there").question.image = ImageSource::Path(photo.clone());
        let link = folder.join("link.gazelens");
        std::fs::hard_link(&photo, &link).expect("a link");
        for path in [&link, &photo] {
            let snapshot = Snapshot::take(&state, Value::Null, &mut KeptTraces::default());
            let why = write(snapshot, path).expect_err("the photo");
            let named = [why.contains("the session"), why.contains("an open photo"), why.contains("photo.png")];
            assert_eq!(named, [true; 3], "both are named: {why}");
            assert_eq!(std::fs::read(&photo).ok().as_deref(), Some(&b"photo"[..]), "as it was");
        }
        std::fs::write(&saved, b"notes of somebody").expect("a writable folder");
        for _ in 0..2 {
            save(&state, &saved);
            assert_eq!(open(&saved).expect("a session").runs.len(), 2, "what the user named is replaced");
        }
    });
}

#[test]
fn a_session_names_no_file_that_tags_and_notes_are_written_to() {
    in_folder(|folder| {
        let path = folder.join("stranger.gazelens");
        let photo = folder.join("photos").join("a.png");
        std::fs::create_dir(folder.join("photos")).expect("can be made");
        std::fs::write(&photo, b"").expect("can be written");
        let text = r#"{"format": "gazelens-notes", "version": 1, "images": {"a.png": {"hallucinates": true}}}"#;
        for (name, is_read) in [(".profile", false), ("gazelens-notes.json", true), ("a.json.gazelens.json", true)] {
            let notes = folder.join(name);
            std::fs::write(&notes, text).expect("can be written");
            let photos = json!([{ "folder": folder.join("photos"), "files": ["a.png"] }]);
            let state = json!({ "notes": notes, "photos": photos, "noted": { "a.png": { "star": true } } });
            let session = session::Session { program_version: String::new(), state, answers: Vec::new() };
            session::write(&path, &session).expect("can be written");
            let reopened = open(&path).expect("a session");
            assert_eq!(reopened.problems.is_empty(), is_read, "said: {:?}", reopened.problems);
            let mut read = reopened.joined.notes.notes;
            assert_eq!((read.of("a.png").star, read.of("a.png").hallucinates), (true, is_read), "{name}");
            let change = read.change("a.png", &photo, |noted| noted.annotation_wrong = true);
            assert_eq!(change.folders, [folder.join("photos")], "beside the photo");
            assert!(change.after.star && !change.before.star, "what no file has is written with it");
            assert_eq!(std::fs::read_to_string(&notes).ok().as_deref(), Some(text), "{name}: as it was");
            assert!(!folder.join("photos/gazelens-notes.json").exists(), "nothing is written by opening");
            std::fs::remove_file(&notes).expect("is there");
        }
    });
}
