//! What the program writes: never over what it reads, never under a name that a stranger chose, all of it or nothing.

use super::figure_names::masked;
use super::{entries, folder, gazelens, one_sentence, path, stderr, stdout, trace_to};
use base64::Engine as _;
use gazelens::figure::recipe_of;
use gazelens::session::Session;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A bundled photo; recipes name it by its hash.
const PHOTO: &str = "demo_01_beach.png";
const PHOTO_SHA256: &str = "36fe1f58960b2b09c7a3f08b40e620242439c7bd16149ed976677e8df86b10e5";

/// Names and contents of a folder's files.
pub(super) fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = entries(folder).into_iter().filter(|path| path.is_file());
    files.map(|path| (path.clone(), std::fs::read(path).expect("readable"))).collect()
}

/// Names of a folder's entries.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries(folder).into_iter().map(name).collect();
    names.sort();
    names
}

/// A photo of the bundle as a file.
fn photo(folder: &Path, name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images").join(PHOTO);
    let to = path(folder, name);
    std::fs::copy(file, &to).expect("a writable folder");
    to
}

/// A file of maps that is a shell script too: what a stranger would like to have written.
fn map_with_a_script() -> Vec<u8> {
    let run = json!({"attribution": "clip", "image_hash": PHOTO_SHA256, "query": "q", "layer": 0, "formula": "official",
        "seen_rect": {"x0": 0, "y0": 0, "x1": 576, "y1": 576}});
    let metadata = json!({"format": "gazelens-attribution", "version": "1", "run": run.to_string()});
    let tensor = |start: usize| json!({"dtype": "F32", "shape": [1, 10], "data_offsets": [start, start + 40]});
    let header = json!({"__metadata__": metadata, "attribution": tensor(0), "mask": tensor(40)}).to_string();
    let header = format!("{header} \n\necho owned #");
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.trim_end_matches("\n\necho owned #").as_bytes());
    bytes.extend(std::iter::repeat_n(b' ', header.len() - (bytes.len() - 8)));
    bytes.extend([0; 80]);
    bytes
}

/// A recipe of a photo that lists more files.
pub(super) fn recipe_of_a_photo(more: &Value) -> Value {
    let mut inputs = json!({"traces": {}, "images": {"i": {"file": PHOTO, "sha256": PHOTO_SHA256}}, "annotations": {}});
    for (key, value) in more.as_object().into_iter().flatten() {
        inputs[key] = value.clone();
    }
    json!({"format": "gazelens-figure", "version": 1, "program_version": "0.1.0", "inputs": inputs,
        "layout": {"width": "single", "columns": 1, "dpi": 72, "gap_mm": 3.0, "font_pt": 7.0, "letters": true,
            "titles": true, "captions": true, "column_titles": [], "row_labels": []},
        "colour": {"map": "inferno", "difference_map": "rdbu", "scale": "each", "gamma": 1.0, "opacity": 0.75,
            "alpha_ramp": 0.85, "resampling": "nearest", "bars": "labelled"},
        "panels": [{"show": {"kind": "photo", "of": "i"}}]})
}

pub(super) fn write(path: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).expect("a writable folder");
}

fn hash(bytes: &[u8]) -> String {
    gazelens::figure::recipe::sha256(bytes)
}

/// The one map beside a figure, which the figure names.
fn map_beside(figure: &Path) -> PathBuf {
    let recipe = recipe_of(&std::fs::read(figure).expect("a figure"), figure).expect("inside");
    let file = &recipe.inputs.maps["m"].file;
    assert!(file.starts_with("map-") && Path::new(file).components().count() == 1, "a name of ours: {file}");
    figure.with_file_name(file)
}

#[test]
fn a_session_and_a_recipe_name_no_file_that_is_written() {
    let map = map_with_a_script();
    for name in [".profile", "thesis.tex", "link", "f.svg", "f.json", "../above", "/tmp/absolute", "in/below", ".."] {
        let dir = folder();
        let out = dir.path().join("out");
        std::fs::create_dir_all(out.join("in")).expect("a writable folder");
        for mine in ["out/.profile", "out/thesis.tex", "above", "elsewhere", "out/in/below"] {
            write(&path(dir.path(), mine), "mine");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("../elsewhere", out.join("link")).expect("a link");
        let before: Vec<_> = [dir.path(), &out, &out.join("in")].map(contents).into();
        let recipe = recipe_of_a_photo(&json!({"maps": {"m": {"file": name, "sha256": hash(&map)}}}));
        let packed = base64::engine::general_purpose::STANDARD.encode(&map);
        let state = json!({"figure": {"recipe": recipe, "maps": {"m": packed}}});
        let session = Session { program_version: "0.1.0".to_owned(), state, answers: Vec::new() };
        let file = path(dir.path(), "stranger.gazelens");
        gazelens::session::write(Path::new(&file), &session).expect("a writable folder");
        let figure = out.join("f.svg");
        let output = gazelens(&["figure", "--session", &file, "--out", &figure.display().to_string()]);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let beside = map_beside(&figure);
        assert_eq!(std::fs::read(&beside).expect("beside the figure"), map, "{name}: under a name of ours");
        // The figure with its map is drawn again, from anywhere.
        let again = path(dir.path(), "again.svg");
        let output = gazelens(&["figure", "--recipe", &figure.display().to_string(), "--out", &again]);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(map_beside(Path::new(&again)).file_name(), beside.file_name(), "{name}: the same map");
        for (before, folder) in before.iter().zip([dir.path(), &out, &out.join("in")]) {
            let now = contents(folder);
            assert!(before.iter().all(|(path, bytes)| now.get(path) == Some(bytes)), "{name}: nothing was replaced");
        }
    }
    // A recipe with its map beside it.
    let (dir, out) = (folder(), folder());
    let recipe = recipe_of_a_photo(&json!({"maps": {"m": {"file": "thesis.tex", "sha256": hash(&map)}}}));
    write(&path(dir.path(), "figure.json"), recipe.to_string());
    write(&path(dir.path(), "thesis.tex"), &map);
    write(&path(out.path(), "thesis.tex"), "mine");
    let figure = path(out.path(), "f.svg");
    let args = ["figure", "--recipe", &path(dir.path(), "figure.json"), "--out", &figure];
    assert!(gazelens(&args).status.success(), "drawn");
    assert_eq!(std::fs::read(out.path().join("thesis.tex")).expect("is there"), b"mine", "as it was");
    assert_eq!(std::fs::read(map_beside(Path::new(&figure))).expect("beside"), map, "under a name of ours");
    // In its own folder a map has its name already.
    let own = path(dir.path(), "own.svg");
    assert!(
        gazelens(&["figure", "--recipe", &path(dir.path(), "figure.json"), "--out", &own]).status.success(),
        "drawn"
    );
    assert_eq!(names(dir.path()), ["figure.json", "own.json", "own.svg", "thesis.tex"], "no second copy");
}

#[cfg(unix)]
#[test]
fn a_map_beside_a_figure_is_never_written_through_a_link() {
    let (dir, map) = (folder(), map_with_a_script());
    let recipe = recipe_of_a_photo(&json!({"maps": {"m": {"file": "m", "sha256": hash(&map)}}}));
    std::fs::create_dir(dir.path().join("in")).expect("a writable folder");
    write(&path(dir.path(), "in/r.json"), recipe.to_string());
    write(&path(dir.path(), "in/m"), &map);
    write(&path(dir.path(), "mine"), "mine");
    let name = format!("map-{}.safetensors", &hash(&map)[..12]);
    for to in ["mine", "made"] {
        std::os::unix::fs::symlink(to, dir.path().join(&name)).expect("a link");
        let args = ["figure", "--recipe", &path(dir.path(), "in/r.json"), "--out", &path(dir.path(), "f.svg")];
        let sentence = one_sentence(&args, 1);
        assert!(sentence.contains("a link has its name") && sentence.trim_end().ends_with(&name), "{sentence}");
        assert_eq!(names(dir.path()), ["in", &name, "mine"], "nothing was written");
        std::fs::remove_file(dir.path().join(&name)).expect("is there");
    }
}

/// Every way to name a file that is there by a name that ends as the command's outputs do; which of them are links.
fn aliases(file: &Path, ending: &str) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let folder = file.parent().expect("a folder");
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    let own = file.extension().is_some_and(|own| own == ending);
    let twice = folder.join("..").join(folder.file_name().expect("a name"));
    let names = vec![file.to_owned(), folder.join(".").join(&name), twice.join(&name)];
    let mut links = Vec::new();
    let hard = folder.join(format!("hard.{ending}"));
    if std::fs::hard_link(file, &hard).is_ok() {
        links.push(hard);
    }
    #[cfg(unix)]
    {
        let soft = folder.join(format!("soft.{ending}"));
        std::os::unix::fs::symlink(&name, &soft).expect("a link");
        links.push(soft);
    }
    (if own { names } else { Vec::new() }, links)
}

/// With `{}` in place of the output's name every alias of `file` is refused with status 2, naming `flags`, and
/// everything is as it was.
fn refuses_to_replace(file: &str, ending: &str, args: &[&str], flags: [&str; 2]) {
    let file = Path::new(file);
    let (names, links) = aliases(file, ending);
    let folder = file.parent().expect("a folder");
    let before = contents(folder);
    for alias in names.iter().chain(&links) {
        let alias = alias.display().to_string();
        let args: Vec<&str> = args.iter().map(|arg| if *arg == "{}" { alias.as_str() } else { *arg }).collect();
        let sentence = one_sentence(&args, 2);
        assert!(flags.iter().all(|flag| sentence.contains(flag)), "both are named: {args:?}: {sentence}");
        assert!(sentence.trim_end().ends_with(&alias), "the file last: {sentence}");
        assert_eq!(contents(folder), before, "everything is as it was: {args:?}");
    }
    for link in links {
        std::fs::remove_file(link).expect("a link of ours");
    }
}

fn copy_of_the_demo(folder: &Path) -> String {
    let model = folder.join("model");
    std::fs::create_dir(&model).expect("a writable folder");
    for file in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava")) {
        std::fs::copy(&file, model.join(file.file_name().expect("a name"))).expect("copied");
    }
    model.display().to_string()
}

#[test]
fn no_command_writes_over_what_it_reads() {
    let dir = folder();
    let (image, model) = (photo(dir.path(), "p.safetensors"), copy_of_the_demo(dir.path()));
    let trace = ["trace", "--image", &image, "--prompt", "Is it sunny?", "--out", "{}"];
    let ending = "safetensors";
    refuses_to_replace(&image, ending, &trace, ["--out", "--image"]);
    for part in ["model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"] {
        let of_model = [&trace[..], &["--model", &model]].concat();
        refuses_to_replace(&path(Path::new(&model), part), ending, &of_model, ["--out", "--model"]);
    }
    let (text, noise) = (path(dir.path(), "prompt.txt"), path(dir.path(), "noise.safetensors"));
    write(&text, "<image> Is it sunny?");
    write(&noise, "noise");
    for (file, spec) in [(&text, format!("icd:prompt=@{text}")), (&noise, format!("vcd:noise={noise}"))] {
        refuses_to_replace(file, ending, &[&trace[..], &["--strategy", &spec]].concat(), ["--out", "--strategy"]);
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gguf/old_types");
    for name in ["decoder.gguf", "mmproj.gguf"] {
        std::fs::copy(golden.join(name), dir.path().join(name)).expect("copied");
    }
    let (decoder, mmproj) = (path(dir.path(), "decoder.gguf"), path(dir.path(), "mmproj.gguf"));
    let pair = ["--mmproj", mmproj.as_str()];
    for (file, more) in [(&decoder, &pair[..]), (&mmproj, &pair), (&mmproj, &[])] {
        let args = [&trace[..], &["--model", &decoder], more].concat();
        refuses_to_replace(file, ending, &args, ["--out", "--model"]);
    }

    let image = photo(dir.path(), "p.png");
    let prompt = ["prompt-image", "--attribution", "clip", "--image", &image, "--query", "a bird"];
    let other = path(dir.path(), "other.png");
    refuses_to_replace(&image, "png", &[&prompt[..], &["--out", "{}"]].concat(), ["--out", "--image"]);
    for (flag, ending) in [("--mask-out", "png"), ("--map-out", "safetensors")] {
        let args = [&prompt[..], &["--out", &other, flag, "{}"]].concat();
        refuses_to_replace(&image, ending, &args, [flag, "--image"]);
    }
    // Two results of one name, there or not.
    let same = path(dir.path(), "./other.png");
    let sentence = one_sentence(&[&prompt[..], &["--out", &other, "--mask-out", &same]].concat(), 2);
    assert!(sentence.contains("different files for --out and --mask-out"), "{sentence}");

    let annotations = path(dir.path(), "a.json");
    write(&annotations, super::INSTANCES);
    let mask = ["mask", "--annotations", &annotations, "--image-id", "1", "--category", "dog", "--out", "{}"];
    refuses_to_replace(&annotations, "png", &mask, ["--out", "--annotations"]);
}

#[test]
fn figures_and_pages_are_not_written_over_what_they_show() {
    let dir = folder();
    let (image, trace) = (photo(dir.path(), "p.png"), path(dir.path(), "t.safetensors"));
    let asked = ["trace", "--image", &image, "--prompt", "Is it sunny?", "--max-new-tokens", "2", "--out", &trace];
    let output = gazelens(&asked);
    assert!(output.status.success(), "{}", stderr(&output));
    for (command, ending) in [("html", "html"), ("figure", "svg"), ("figure", "html")] {
        let args = [command, "--trace", &trace, "--out", "{}"];
        refuses_to_replace(&trace, ending, &args, ["--out", "--trace"]);
        refuses_to_replace(&image, ending, &args, ["--out", "the photo"]);
    }

    let figure = path(dir.path(), "f.svg");
    let output = gazelens(&["figure", "--trace", &trace, "--out", &figure]);
    assert!(output.status.success(), "{}", stderr(&output));
    let recipe = ["figure", "--recipe", &figure, "--trace", &trace, "--out", "{}"];
    refuses_to_replace(&figure, "svg", &recipe, ["--out", "--recipe"]);
    let session = path(dir.path(), "s.gazelens");
    gazelens::session::write(Path::new(&session), &Session::default()).expect("a writable folder");
    let of_session = ["figure", "--session", &session, "--out", "{}"];
    refuses_to_replace(&session, "png", &of_session, ["--out", "--session"]);

    // Everything that a recipe names.
    let font = path(dir.path(), "font.ttf");
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/fonts");
    let regular = entries(&bundled).into_iter().find(|file| file.extension().is_some_and(|ending| ending == "ttf"));
    std::fs::copy(regular.expect("a typeface"), &font).expect("copied");
    let (map, annotations) = (path(dir.path(), "map"), path(dir.path(), "a.json"));
    write(&map, map_with_a_script());
    write(&annotations, super::INSTANCES);
    let of = |file: &str| json!({"file": file, "sha256": hash(&std::fs::read(file).expect("is there"))});
    let named = recipe_of_a_photo(&json!({"images": {"i": of(&image)}, "annotations": {"a": of(&annotations)},
        "maps": {"m": of(&map)}, "fonts": {"f": of(&font)}}));
    let recipe = path(dir.path(), "r.json");
    write(&recipe, named.to_string());
    for (file, what) in [(&image, "photo"), (&annotations, "annotations"), (&map, "map"), (&font, "typeface")] {
        refuses_to_replace(file, "pdf", &["figure", "--recipe", &recipe, "--out", "{}"], ["--out", what]);
    }
    // A recipe that lies where the figure's would lie stays as its writer has it.
    let output = gazelens(&["figure", "--recipe", &recipe, "--out", &path(dir.path(), "r.svg")]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&recipe).expect("is there"), named.to_string(), "to the letter");
    let output = gazelens(&["figure", "--recipe", &recipe, "--dpi", "99", "--out", &path(dir.path(), "r.svg")]);
    assert!(output.status.success() && stderr(&output).contains("stays as it is"), "said: {}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&recipe).expect("is there"), named.to_string(), "to the letter");
    let inside = recipe_of(&std::fs::read(path(dir.path(), "r.svg")).expect("written"), Path::new("r.svg"));
    assert_eq!(inside.expect("inside").layout.dpi, 99, "the figure's own");
}

#[test]
fn a_batch_never_writes_two_figures_or_a_photo_to_one_name() {
    let dir = folder();
    let first = path(dir.path(), "first.svg");
    assert!(gazelens(&["figure", "--demo", "--out", &first]).status.success(), "a recipe to start from");
    for (folder, name) in [("x", "a.png"), (".", "a-2.png"), ("y", "a.png"), ("z", "A.png")] {
        let folder = dir.path().join(folder);
        std::fs::create_dir_all(&folder).expect("a writable folder");
        photo(&folder, name);
    }
    let list = path(dir.path(), "list.txt");
    write(&list, "x/a.png\na-2.png\ny/a.png\nz/A.png\n");
    let out = dir.path().join("out");
    std::fs::create_dir(&out).expect("a writable folder");
    let output = gazelens(&["figure", "--recipe", &first, "--images", &list, "--out", &path(&out, "{name}.svg")]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("4 of 4 figures written"), "{}", stderr(&output));
    let figures: Vec<String> = names(&out)
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "svg"))
        .collect();
    assert_eq!(figures, ["A-4.svg", "a-2.svg", "a-3.svg", "a.svg"], "four names");
    let about: Vec<String> = figures
        .iter()
        .map(|name| {
            let recipe = recipe_of(&std::fs::read(out.join(name)).expect("written"), Path::new(name)).expect("inside");
            recipe.inputs.traces["trace"].run.image_path.clone()
        })
        .collect();
    assert!(about[0].ends_with("z/A.png") && about[2].ends_with("y/a.png"), "each its own photo: {about:?}");
    // Over the photos themselves, over the list, over the recipe.
    let before = [dir.path(), &dir.path().join("x")].map(contents);
    for (list, pattern) in [(path(dir.path(), "x"), "x/{name}.png"), (list.clone(), "{name}.png")] {
        let args = ["figure", "--recipe", &first, "--images", &list, "--out", &path(dir.path(), pattern)];
        let sentence = one_sentence(&args, 2);
        assert!(sentence.contains("--out") && sentence.contains("a photo of --images"), "{sentence}");
    }
    write(&path(dir.path(), "first-list"), "first.png\n");
    photo(dir.path(), "first.png");
    let json = path(dir.path(), "first.json");
    let list = path(dir.path(), "first-list");
    let args = ["figure", "--recipe", &json, "--images", &list, "--out", &path(dir.path(), "{name}.pdf")];
    let sentence = one_sentence(&args, 2);
    assert!(sentence.contains("the recipe next to --out") && sentence.contains("--recipe"), "{sentence}");
    let after = [dir.path(), &dir.path().join("x")].map(contents);
    for (before, after) in before.iter().zip(&after) {
        assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)), "everything is as it was");
    }
}

#[test]
fn the_recipe_beside_a_figure_replaces_only_one_that_was_written_with_it() {
    let dir = folder();
    let (recipe, figure) = (path(dir.path(), "r.json"), path(dir.path(), "f.svg"));
    write(&recipe, recipe_of_a_photo(&json!({})).to_string());
    let beside = path(dir.path(), "f.json");
    let draw = ["figure", "--recipe", &recipe, "--out", &figure];
    for theirs in ["{\"my\": \"data\"}".to_owned(), recipe_of_a_photo(&json!({})).to_string()] {
        write(&beside, &theirs);
        let sentence = one_sentence(&draw, 1);
        assert!(
            sentence.contains("the recipe next to the figure") && sentence.trim_end().ends_with("f.json"),
            "{sentence}"
        );
        assert_eq!(std::fs::read_to_string(&beside).expect("is there"), theirs, "as it was");
        assert!(!Path::new(&figure).exists(), "and no figure without its recipe");
    }
    std::fs::remove_file(&beside).expect("is there");
    for more in [&[][..], &["--dpi", "99"], &["--dpi", "120"]] {
        let output = gazelens(&[&draw[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let inside = recipe_of(&std::fs::read(&figure).expect("written"), Path::new(&figure)).expect("inside");
        assert_eq!(std::fs::read_to_string(&beside).expect("beside"), inside.to_json(), "that of the figure");
    }
}

#[test]
fn numbers_replace_only_what_was_written_there_and_not_changed_since() {
    let dir = folder();
    let (recipe, data) = (path(dir.path(), "r.json"), dir.path().join("data"));
    write(&recipe, masked("a").to_string());
    let figure = path(dir.path(), "f.svg");
    let data_text = data.display().to_string();
    let draw = ["figure", "--recipe", &recipe, "--out", &figure, "--data", &data_text];
    std::fs::create_dir(&data).expect("a writable folder");
    let metrics = data.join("metrics.csv");
    std::fs::write(&metrics, "mine").expect("a writable folder");
    let sentence = one_sentence(&draw, 1);
    assert!(
        sentence.contains("another file has its name") && sentence.trim_end().ends_with("metrics.csv"),
        "{sentence}"
    );
    assert_eq!(
        (names(dir.path()), names(&data)),
        (vec!["data".into(), "r.json".into()], vec!["metrics.csv".to_owned()]),
        "as it was"
    );
    std::fs::remove_file(&metrics).expect("is there");
    for _ in 0..2 {
        let output = gazelens(&draw);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert!(names(&data).contains(&"gazelens-data.json".to_owned()), "what is ours is listed: {:?}", names(&data));
    // Numbers of another figure take the place of those of this one.
    write(&recipe, masked("=cmd").to_string());
    let output = gazelens(&draw);
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::write(&metrics, "panel,title,metric,value\n1,mine,iou,1\n").expect("a writable folder");
    let sentence = one_sentence(&draw, 1);
    assert!(sentence.contains("another file has its name"), "changed since by its owner: {sentence}");
    // A folder that was not there goes again when nothing comes of it.
    let refused =
        ["figure", "--recipe", &recipe, "--out", &path(dir.path(), "g.svg"), "--data", &path(dir.path(), "f.svg/x")];
    one_sentence(&refused, 1);
    assert!(!dir.path().join("g.svg").exists() && !dir.path().join("g.json").exists(), "nothing was written");
}

#[cfg(unix)]
#[test]
fn permissions_links_and_names_are_kept() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = folder();
    let page = path(dir.path(), "p.html");
    let draw = |out: &str| gazelens(&["figure", "--demo", "--out", out]);
    write(&page, "secret");
    std::fs::set_permissions(&page, std::fs::Permissions::from_mode(0o600)).expect("ours");
    assert!(draw(&page).status.success(), "drawn");
    let mode = std::fs::metadata(&page).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "as it was");

    let (link, real) = (path(dir.path(), "link.html"), dir.path().join("real.html"));
    symlink("real.html", &link).expect("a link");
    assert!(draw(&link).status.success(), "what it leads to is made");
    assert!(std::fs::symlink_metadata(&link).is_ok_and(|there| there.is_symlink()) && real.is_file(), "a link still");
    let (one, two) = (path(dir.path(), "one.html"), path(dir.path(), "two.html"));
    symlink("two.html", &one).expect("a link");
    symlink("one.html", &two).expect("a link");
    let sentence = one_sentence(&["figure", "--demo", "--out", &one], 1);
    assert!(sentence.contains("a link that cannot be followed"), "{sentence}");
    assert!(std::fs::symlink_metadata(&one).is_ok_and(|there| there.is_symlink()), "a link still");

    // A name that no trace can tell.
    let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
    std::fs::copy(photo(dir.path(), "p.png"), &odd).expect("a file system that knows bytes");
    let out = path(dir.path(), "t.safetensors");
    for command in [&["trace", "--prompt", "a"][..], &["prompt-image", "--attribution", "clip", "--query", "a"]] {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_gazelens"));
        let output = program.args(command).arg("--image").arg(&odd).args(["--out", &out]).output().expect("starts");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("not UTF-8") && stdout(&output).is_empty(), "{}", stderr(&output));
        assert!(!Path::new(&out).exists(), "nothing was written");
    }
}

/// The program in a shell that allows files of so many blocks of 512 bytes.
#[cfg(unix)]
fn limited(blocks: u32, args: &[&str]) -> std::process::Output {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_gazelens")]);
    shell.args(args).env("HF_HUB_OFFLINE", "1").output().expect("a shell")
}

#[cfg(unix)]
#[test]
fn a_file_that_grows_too_large_is_an_error_like_any_other() {
    let dir = folder();
    let out = |name: &str| path(dir.path(), name);
    let trace = out("whole.safetensors");
    assert!(trace_to(&trace, &["--max-new-tokens", "2"]).status.success(), "a trace to start from");
    let annotations = out("a.json");
    write(&annotations, super::INSTANCES.replace("\"width\": 4, \"height\": 4", "\"width\": 900, \"height\": 900"));
    let before = contents(dir.path());
    for args in [
        &["trace", "--image", PHOTO, "--prompt", "a", "--max-new-tokens", "2", "--out", &out("t.safetensors")][..],
        &["html", "--trace", &trace, "--out", &out("p.html")],
        &["figure", "--trace", &trace, "--out", &out("f.png"), "--data", &out("data")],
        &["mask", "--annotations", &annotations, "--image-id", "1", "--category", "dog", "--out", &out("m.png")],
        &[
            "prompt-image",
            "--attribution",
            "clip",
            "--image",
            PHOTO,
            "--query",
            "a bird",
            "--out",
            &out("b.png"),
            "--map-out",
            &out("b.safetensors"),
        ],
    ] {
        let output = limited(1, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", stderr(&output));
        let sentence = stderr(&output);
        assert!(sentence.contains("the file grows larger than is allowed"), "in one sentence: {sentence}");
        assert_eq!(contents(dir.path()), before, "nothing was written: {args:?}");
        assert!(!dir.path().join("data").exists(), "no folder either");
    }
    // Recipe and numbers fit, the picture does not: nothing of the old figure is replaced.
    let figure = ["figure", "--trace", &trace, "--out", &out("f.png"), "--data", &out("data")];
    let output = gazelens(&[&figure[..], &["--dpi", "72"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let before = [contents(dir.path()), contents(&dir.path().join("data"))];
    let picture = before[0][&dir.path().join("f.png")].len();
    let blocks = u32::try_from(picture / 512).expect("a small picture");
    let output = limited(blocks, &[&figure[..], &["--dpi", "300"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!([contents(dir.path()), contents(&dir.path().join("data"))], before, "as it was");
}

/// A file system of so many kilobytes; `None` where this process may not make one.
#[cfg(target_os = "linux")]
pub(super) fn small_disk(at: &Path, kilobytes: u32) -> Option<impl Drop> {
    struct Disk(PathBuf);
    impl Drop for Disk {
        fn drop(&mut self) {
            let unmounted = std::process::Command::new("umount").arg(&self.0).status();
            assert!(unmounted.is_ok_and(|status| status.success()), "unmounted");
        }
    }
    let size = format!("size={kilobytes}k");
    let mut mount = std::process::Command::new("mount");
    let mounted = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output().ok()?;
    mounted.status.success().then(|| Disk(at.to_owned()))
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let (dir, work) = (folder(), folder());
    let trace = path(work.path(), "t.safetensors");
    assert!(trace_to(&trace, &["--max-new-tokens", "2"]).status.success(), "a trace to start from");
    let Some(disk) = small_disk(dir.path(), 320) else {
        println!("not run: a full disk (this process may not mount one)");
        return;
    };
    let figure =
        ["figure", "--trace", &trace, "--out", &path(dir.path(), "f.png"), "--data", &path(dir.path(), "data")];
    let output = gazelens(&[&figure[..], &["--dpi", "40"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let before = [contents(dir.path()), contents(&dir.path().join("data"))];
    let output = gazelens(&[&figure[..], &["--dpi", "400"]].concat());
    let sentence = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{sentence}");
    assert!(sentence.contains("the disk is full"), "in one sentence: {sentence}");
    assert_eq!(
        [contents(dir.path()), contents(&dir.path().join("data"))],
        before,
        "the old figure with its own recipe"
    );
    drop(disk);
}
