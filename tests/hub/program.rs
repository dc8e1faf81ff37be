use super::server::{FakeHub, Fault, Repo};
use super::weights;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The bundled model as a repository of the hub.
fn demo_repo() -> Repo {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the demo") {
        let path = entry.expect("readable").path();
        if path.is_file() {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.push((name, std::fs::read(&path).expect("readable")));
        }
    }
    Repo::new(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
}

struct Program {
    hub: FakeHub,
    dir: tempfile::TempDir,
}

impl Program {
    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HF_") || name.ends_with("_OFFLINE")) {
            command.env_remove(name);
        }
        command.env("HF_ENDPOINT", self.hub.url()).env("HF_HOME", self.dir.path().join("hf"));
        command.envs(variables.iter().copied()).args(args).output().expect("the program starts")
    }

    fn trace(&self, model: &str, variables: &[(&str, &str)]) -> Output {
        let out = self.out();
        let out = out.to_string_lossy();
        let args =
            ["trace", "--model", model, "--image", "demo_01_beach.png", "--prompt", "Is there a dog in the image?"];
        self.run(&[&args[..], &["--max-new-tokens", "2", "--out", &out]].concat(), variables)
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("t.safetensors")
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_question_is_answered_by_a_model_of_the_hub_and_again_without_it() {
    let program = Program {
        hub: FakeHub::with("org/tiny-llava", demo_repo()),
        dir: tempfile::tempdir().expect("a temporary folder"),
    };
    program.hub.fails("model.safetensors", Fault::BreaksAfter(1000), 1);
    let first = program.trace("org/tiny-llava", &[]);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains("Downloading model.safetensors"), "it says what it does: {}", stderr(&first));
    assert!(stderr(&first).contains("broke off"), "and what went wrong: {}", stderr(&first));
    assert!(!stderr(&first).contains('\r'), "no changing line where there is no terminal");
    let bytes = std::fs::read(program.out()).expect("the trace");
    let header = String::from_utf8_lossy(&bytes[..bytes.len().min(8000)]).into_owned();
    assert!(header.contains("org/tiny-llava"), "the trace has the model's name on the hub");
    let second = program.trace("org/tiny-llava", &[("HF_HUB_OFFLINE", "1")]);
    assert!(second.status.success(), "{}", stderr(&second));
    assert_eq!(second.stdout, first.stdout, "the same answer");
    assert_eq!(stderr(&second), "", "and nothing to say");
}

#[test]
fn a_recipe_downloads_nothing_unasked() {
    let program = Program {
        hub: FakeHub::with("org/tiny-llava", demo_repo()),
        dir: tempfile::tempdir().expect("a temporary folder"),
    };
    let [demo, recipe, out] = ["demo.svg", "r.json", "o.svg"].map(|name| program.dir.path().join(name));
    let [demo_name, recipe_name, out_name] = [&demo, &recipe, &out].map(|path| path.display().to_string());
    let made = program.run(&["figure", "--demo", "--out", &demo_name], &[]);
    assert!(made.status.success(), "{}", stderr(&made));
    let json = std::fs::read_to_string(demo.with_extension("json")).expect("beside the figure");
    let strangers = json.replace("\"model_id\": \"demo\"", "\"model_id\": \"org/tiny-llava\"");
    assert_ne!(json, strangers, "another model");
    std::fs::write(&recipe, strangers).expect("a writable folder");
    let by_recipe = ["figure", "--recipe", &recipe_name, "--out", &out_name];
    let refused = program.run(&by_recipe, &[("HF_TOKEN", "hf_secret")]);
    let said = stderr(&refused);
    assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("Cannot ask org/tiny-llava again") && said.contains("--model org/tiny-llava"), "{said}");
    assert!(program.hub.asked("").is_empty() && !out.exists(), "nobody was asked, nothing was drawn");
    // Who names the model agrees.
    let agreed = program.run(&[&by_recipe[..], &["--model", "org/tiny-llava"]].concat(), &[]);
    assert!(agreed.status.success() && stderr(&agreed).contains("Downloading"), "{}", stderr(&agreed));
    // From then on it is here, and the hub is not asked for what is newer.
    let asked = program.hub.asked("").len();
    std::fs::remove_file(&out).expect("drawn");
    let drawn = program.run(&by_recipe, &[]);
    assert!(drawn.status.success() && out.exists(), "{}", stderr(&drawn));
    assert_eq!(program.hub.asked("").len(), asked, "from the cache alone");
}

#[test]
fn a_model_that_cannot_be_had_is_one_sentence_and_status_one() {
    let repo = Repo::new(&[("config.json", b"{}"), ("model.safetensors", &weights(1000))]);
    let program =
        Program { hub: FakeHub::with("org/gated", repo), dir: tempfile::tempdir().expect("a temporary folder") };
    program.hub.fails("config.json", Fault::Status(403, "GatedRepo"), 1);
    let refused = program.trace("org/gated", &[("HF_TOKEN", "hf_secret")]);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: Cannot download org/gated") && last.contains("licence"), "{said}");
    assert!(!said.contains("hf_secret"), "the token is nobody's business");
    let absent = program.run(&["bench", "--model", "org/nobody"], &[]);
    assert!(stderr(&absent).contains("Cannot find org/nobody on the hub"), "{}", stderr(&absent));
    assert!(!program.out().exists(), "nothing was written");
}

/// The program in an empty folder, with these variables and none of its user's that say where models are.
fn run_in(folder: &Path, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    let says_where = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["HF_", "XDG_", "HUGGING"].iter().any(|start| name.starts_with(start))
            || name.ends_with("_PROXY")
            || name == "HOME"
    };
    for (name, _) in std::env::vars().filter(|(name, _)| says_where(name)) {
        command.env_remove(name);
    }
    command.current_dir(folder).envs(variables.iter().copied()).args(["bench", "--model", "org/model"]);
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stderr(&output)
}

#[test]
fn without_a_home_folder_nothing_is_made_in_the_working_folder() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    // Without `HOME` the system's list of users says; where that says nothing either, or `HOME` is nonsense, a sentence
    // does.
    for variables in [&[("HF_HUB_OFFLINE", "1")][..], &[("HF_HUB_OFFLINE", "1"), ("HOME", "")], &[("HOME", "~")]] {
        let said = run_in(dir.path(), variables);
        assert_eq!(said.lines().count(), 1, "{variables:?}: {said}");
        let found = said.starts_with("error: Cannot open org/model: HF_HUB_OFFLINE") && !said.contains('~');
        assert!(found || said.contains("this user has no home folder"), "{variables:?}: {said}");
        assert_eq!(super::names(dir.path()), Vec::<String>::new(), "{variables:?}: nothing is made");
    }
}

#[test]
fn passwords_of_addresses_are_never_printed() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = dir.path().to_string_lossy().into_owned();
    for variables in [
        [("HF_ENDPOINT", "http://user:hunter2@127.0.0.1:9"), ("HF_TOKEN", "hf_secret")],
        [("HF_ENDPOINT", "user:hunter2@mirror"), ("HF_TOKEN", "hf_secret")],
        [("HF_ENDPOINT", "https://hub.invalid"), ("HTTPS_PROXY", "http://user:hunter2@127.0.0.1:9")],
    ] {
        let said = run_in(dir.path(), &[&variables[..], &[("HF_HOME", &home)]].concat());
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
        assert!(!said.contains("hunter2") && !said.contains("hf_secret"), "{said}");
    }
}
