//! Weights stay on disk while a model is open: what happens to the files there must not end the program, and is said.

use gazelens::engine::{
    DevicePreference, DtypePreference, EngineError, Event, ImageSource, LoadRequest, ModelSource, OpenModel, Prompt,
    Question, RunId, Stage, run_job,
};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The demo model as a checkpoint of a user's.
struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava");
        for entry in std::fs::read_dir(demo).expect("the demo model") {
            let path = entry.expect("readable").path();
            std::fs::copy(&path, folder.path().join(path.file_name().expect("a name"))).expect("can be copied");
        }
        Self { folder }
    }

    fn weights(&self) -> PathBuf {
        self.folder.path().join("model.safetensors")
    }

    fn open(&self) -> Result<OpenModel, Box<EngineError>> {
        let source = ModelSource::Folder(self.folder.path().to_owned());
        let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::Auto };
        OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).map_err(Box::new)
    }

    /// Writes other numbers into the second half of the file.
    fn overwrite(&self) {
        let mut file = std::fs::File::options().write(true).open(self.weights()).expect("can be opened");
        let len = file.metadata().expect("a length").len();
        let written = file.seek(SeekFrom::Start(len / 2)).and_then(|_| file.write_all(&vec![0x11; 100_000]));
        written.expect("can be written");
    }

    fn truncate(&self) {
        let file = std::fs::File::options().write(true).open(self.weights()).expect("can be opened");
        file.set_len(5_000).expect("can be truncated");
    }
}

fn question() -> Question {
    Question {
        max_new_tokens: 8,
        ..Question::new(
            ImageSource::Bundled("demo_01_beach.png".to_owned()),
            Prompt::Templated("Is there a dog in the image?".to_owned()),
        )
    }
}

/// Asks; `then` is called with every event. Returns the warnings and how many tokens were told.
fn ask(model: &OpenModel, then: &mut dyn FnMut(&Event)) -> (Result<Vec<String>, String>, usize) {
    let mut num_tokens = 0;
    let mut emit = |event: Event| {
        num_tokens += usize::from(matches!(event, Event::Token(..)));
        then(&event);
    };
    let answer = run_job(model, RunId(1), &question(), &mut emit, &AtomicBool::new(false));
    (answer.map(|answer| answer.trace.warnings).map_err(|err| err.to_string()), num_tokens)
}

#[cfg(unix)]
#[test]
fn weights_that_become_shorter_end_the_question_and_nothing_else() {
    for at in [Stage::Vision, Stage::Prefill, Stage::Decode] {
        let folder = Folder::new();
        let model = folder.open().expect("the demo model");
        let mut is_cut = false;
        let (answer, _) = ask(&model, &mut |event| {
            if !is_cut && matches!(event, Event::Stage(_, stage) if *stage == at) {
                is_cut = true;
                folder.truncate();
            }
        });
        let expected = format!(
            "Cannot use the model: its weights were truncated while it was open, open it again: {}",
            folder.weights().display()
        );
        assert!(is_cut, "at {at:?}");
        assert_eq!(answer, Err(expected.clone()), "at {at:?}: one sentence, no signal");
        let (again, told) = ask(&model, &mut |_| {});
        assert_eq!((again, told), (Err(expected), 0), "nor does it answer from what is left");
    }
}

#[cfg(unix)]
#[test]
fn weights_that_become_shorter_between_questions_are_noticed_before_the_next() {
    let folder = Folder::new();
    let model = folder.open().expect("the demo model");
    assert!(ask(&model, &mut |_| {}).0.is_ok(), "as it was opened");
    folder.truncate();
    let (answer, told) = ask(&model, &mut |_| {});
    let answer = answer.expect_err("no answer");
    assert!(answer.starts_with("Cannot use the model: its weights have changed since it was opened"), "{answer}");
    assert_eq!(told, 0, "nothing was computed");
    assert!(folder.open().is_err(), "it is no checkpoint any more");
}

#[test]
fn weights_that_are_overwritten_during_a_question_are_a_warning_and_none_of_the_next() {
    let folder = Folder::new();
    let model = folder.open().expect("the demo model");
    let mut is_written = false;
    let (answer, _) = ask(&model, &mut |event| {
        if !is_written && matches!(event, Event::Stage(_, Stage::Prefill)) {
            is_written = true;
            folder.overwrite();
        }
    });
    // Numbers that are none can come of it; then the question ends anyway.
    if let Ok(warnings) = answer {
        let warning =
            warnings.iter().find(|warning| warning.starts_with("The weights changed while the question was answered"));
        let names_the_file = warning.is_some_and(|warning| warning.ends_with(&folder.weights().display().to_string()));
        assert!(names_the_file, "it stands in the trace: {warnings:?}");
    }
    let (answer, told) = ask(&model, &mut |_| {});
    let answer = answer.expect_err("two models are none");
    assert!(answer.starts_with("Cannot use the model: its weights have changed since it was opened"), "{answer}");
    assert_eq!(told, 0, "before anything is computed");
}

#[test]
fn weights_that_are_replaced_leave_the_open_model_as_it_is() {
    let folder = Folder::new();
    let model = folder.open().expect("the demo model");
    let (before, _) = ask(&model, &mut |_| {});
    assert_eq!(
        before.as_ref().map(|warnings| warnings.iter().filter(|text| text.contains("weights")).count()),
        Ok(0),
        "nothing to say"
    );
    if cfg!(unix) {
        let new = folder.weights().with_extension("part");
        std::fs::copy(folder.weights(), &new)
            .and_then(|_| std::fs::rename(&new, folder.weights()))
            .expect("can be replaced");
        let (after, _) = ask(&model, &mut |_| {});
        let warnings = after.expect("the file that was opened is whole");
        assert!(
            warnings.iter().any(|text| text.starts_with("Other weights lie where those of the open model were")),
            "{warnings:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn weights_that_are_only_touched_are_the_same() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let model = folder.open().expect("the demo model");
    std::fs::set_permissions(folder.weights(), std::fs::Permissions::from_mode(0o600)).expect("can be set");
    let (answer, _) = ask(&model, &mut |_| {});
    let warnings = answer.expect("other rights are no other weights");
    assert!(!warnings.iter().any(|text| text.contains("weights")), "{warnings:?}");
}
