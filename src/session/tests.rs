use super::{MAGIC, Session, SessionAnswer, SessionError, VERSION, outline, read, write};
use crate::trace::file::tests::sample;
use crate::trace::{RowPrecision, Trace};
use proptest::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn session() -> Session {
    let trace = |precision| Some(Arc::new(sample(precision).0));
    let answer = |name: &str, trace: Option<Arc<Trace>>| SessionAnswer { about: json!({ "name": name }), trace };
    Session {
        program_version: "0.1.0".to_owned(),
        state: json!({"layer": 3, "words": "这 “quoted”"}),
        answers: vec![
            answer("first", trace(RowPrecision::F16)),
            answer("waiting", None),
            answer("third", trace(RowPrecision::F32)),
        ],
    }
}

fn in_folder(check: impl FnOnce(PathBuf)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    check(folder.path().join("work.gazelens"));
}

fn rows(trace: &Trace) -> Vec<Vec<f32>> {
    trace.decoder_attention.iter().map(|row| row.to_f32().into_owned()).collect()
}

#[test]
fn a_session_comes_back_as_it_was() {
    in_folder(|path| {
        let saved = session();
        write(&path, &saved).expect("can be written");
        let found = read(&path).expect("can be read");
        assert_eq!((&found.state, &found.program_version), (&saved.state, &saved.program_version), "the state");
        assert_eq!(found.answers.len(), 3, "every answer");
        for (found, saved) in found.answers.iter().zip(&saved.answers) {
            assert_eq!(found.about, saved.about, "what is said of it");
            assert_eq!(found.trace.is_some(), saved.trace.is_some(), "with a trace or without");
            if let (Some(found), Some(saved)) = (&found.trace, &saved.trace) {
                assert_eq!(rows(found), rows(saved), "its rows, bit for bit");
                assert_eq!((&found.output, &found.run), (&saved.output, &saved.run), "its tokens and parameters");
            }
        }
        let outline = outline(&path).expect("can be read");
        assert_eq!((&outline.state, outline.answers.len()), (&saved.state, 3), "the same without its traces");
        assert!(outline.answers.iter().all(|answer| answer.trace.is_none()), "without its traces");
        let once = std::fs::read(&path).expect("there");
        write(&path, &found).expect("can be written again");
        assert_eq!(std::fs::read(&path).expect("there"), once, "the same session, the same bytes");
    });
}

#[test]
fn other_files_and_newer_ones_are_refused_by_what_they_are() {
    in_folder(|path| {
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("can be written");
            read(&path).expect_err("must be refused")
        };
        assert!(matches!(refused(b"{}"), SessionError::NotASession { .. }), "another kind of file");
        let newer = [&MAGIC[..], &(VERSION + 1).to_le_bytes(), &0_u64.to_le_bytes()].concat();
        let error = refused(&newer).to_string();
        assert!(error.contains("version 2, which a newer gazelens wrote"), "{error}");
        let endless = [&MAGIC[..], &VERSION.to_le_bytes(), &u64::MAX.to_le_bytes()].concat();
        assert!(matches!(refused(&endless), SessionError::Damaged { .. }), "a header longer than the file");
        assert!(matches!(read(Path::new("missing.gazelens")), Err(SessionError::Io { .. })), "no such file");
    });
}

#[test]
fn a_session_cut_short_anywhere_is_refused() {
    in_folder(|path| {
        write(&path, &session()).expect("can be written");
        let whole = std::fs::read(&path).expect("there");
        for len in (0..whole.len()).step_by(97) {
            std::fs::write(&path, &whole[..len]).expect("can be written");
            assert!(read(&path).is_err(), "the first {len} of {} bytes", whole.len());
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changed_bytes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()),
        1..6)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("work.gazelens");
        write(&path, &session()).expect("can be written");
        let mut bytes = std::fs::read(&path).expect("there");
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        std::fs::write(&path, &bytes).expect("can be written");
        drop(read(&path));
    }
}
