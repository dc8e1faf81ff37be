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
        for (name, is_kept) in [(".profile", false), ("gazelens-notes.json", true), ("a.json.gazelens.json", true)] {
            let notes = folder.join(name);
            let state = json!({ "notes": notes, "noted": { "a.png": { "star": true } } });
            let session = session::Session { program_version: String::new(), state, answers: Vec::new() };
            session::write(&path, &session).expect("can be written");
            let mut reopened = open(&path).expect("a session");
            assert_eq!(reopened.notes.path(), is_kept.then_some(notes.as_path()), "{name}");
            assert_eq!(reopened.problems.is_empty(), is_kept, "said: {:?}", reopened.problems);
            reopened.notes.edit("a.png", |noted| noted.star = true);
            reopened.notes.save().expect("into a file of notes, or nowhere");
            assert_eq!(notes.exists(), is_kept, "{name}");
        }
        // A link to a file that is not there yet is as good as its name.
        #[cfg(unix)]
        {
            let link = folder.join("b.json.gazelens.json");
            std::os::unix::fs::symlink(folder.join(".login"), &link).expect("a link");
            let mut notes = crate::data::dataset::Notes::open(&link).expect("no notes yet");
            notes.edit("a.png", |noted| noted.star = true);
            let why = notes.save().expect_err("a link").to_string();
            assert!(why.contains("a link that leads nowhere"), "{why}");
            assert!(!folder.join(".login").exists(), "nothing is made");
        }
    });
}
