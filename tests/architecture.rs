//! The crate's documentation is the architecture: these tests fail when it and the tree differ.

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/looks.rs"]
mod looks;
#[path = "architecture/pages.rs"]
mod pages;
#[path = "architecture/window.rs"]
mod window;

use circles::{House, rooms_used, taken_from};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Crates that need no mention in a module's row.
const EVERYWHERE: [&str; 3] = ["serde", "serde_json", "thiserror"];
/// Dependencies that no code names: they only switch features on, or come in through another crate's macros.
const FEATURES_ONLY: [&str; 1] = ["gemm"];
const MOST_LINES: usize = 600;
const ROOT_ENTRIES: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "assets", "shaders", "src", "tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|err| panic!("{err}: {}", path.display()))
}

/// Every file below a folder whose name ends in one of these.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && name != "__pycache__" {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Source without comments, so that prose may name anything.
fn code(path: &Path) -> String {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The same without the tests in it: they may use more.
fn shipped_code(path: &Path) -> String {
    let is_test = path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    let code = code(path);
    let end = code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len());
    if is_test { String::new() } else { code[..end].to_owned() }
}

/// Identifiers that stand before `::` with nothing before them, or behind `crate::` when `inside`.
fn paths(code: &str, inside: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let before = &code[..at];
        let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
        let (lead, name) = before.split_at(start);
        if inside && name == "crate" {
            let rest = &code[at + 2..];
            if let Some(group) = rest.strip_prefix('{') {
                let group = group.split('}').next().unwrap_or_default();
                found.extend(group.split(',').map(|part| first_word(part.trim())));
            } else {
                found.insert(first_word(rest));
            }
        } else if !inside && !lead.ends_with("::") {
            found.insert(name.to_owned());
        }
    }
    found.remove("");
    found
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn ticked(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

struct Row {
    layer: usize,
    may_use: BTreeSet<String>,
    external: BTreeSet<String>,
}

fn documentation() -> String {
    let text = read(&root().join("src/lib.rs"));
    text.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect::<Vec<_>>().join("\n")
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The layering table by module.
fn table() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in documentation().lines().filter(|line| line.starts_with("| ")) {
        let [layer, module, _, may_use, external] = cells(line)[..] else { continue };
        let Ok(layer) = layer.parse() else { continue };
        let module = module.trim_matches(['[', ']', '`']).to_owned();
        rows.insert(module, Row { layer, may_use: ticked(may_use), external: ticked(external) });
    }
    assert!(rows.len() > 10, "the layering table was found and has its rows");
    rows
}

/// Modules of the tree, each with its files.
fn modules() -> BTreeMap<String, Vec<PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("src")).expect("a source folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            found.insert(name, files(&path, &[".rs"]));
        } else if !matches!(name.as_str(), "lib" | "main") {
            found.insert(name, vec![path]);
        }
    }
    found
}

/// Names of `[dependencies]` as code writes them.
fn dependencies() -> BTreeSet<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let section = manifest.split("\n[dependencies]").nth(1).expect("a list of dependencies");
    let section = section.split("\n[").next().unwrap_or_default();
    let lines = section.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim().replace('-', "_")).collect()
}

#[test]
fn every_module_is_in_the_table_and_the_other_way_round() {
    let documented: BTreeSet<_> = table().into_keys().collect();
    let there: BTreeSet<_> = modules().into_keys().collect();
    assert_eq!(documented, there, "the table of src/lib.rs (left) names the modules of src (right)");
}

#[test]
fn modules_use_only_what_their_row_allows() {
    let table = table();
    for (module, row) in &table {
        for used in &row.may_use {
            let below = table.get(used).unwrap_or_else(|| panic!("`{module}` may use `{used}`, which is no module"));
            assert!(below.layer <= row.layer, "`{module}` (layer {}) may not use `{used}` above it", row.layer);
            assert!(!below.may_use.contains(module), "`{module}` and `{used}` may not use each other");
        }
    }
    let mut wrong = Vec::new();
    for (module, paths_of) in modules() {
        let row = &table[&module];
        for file in paths_of {
            let text = read(&file);
            // With the tests, and once more as deep as groups of imports go.
            let used = paths(&code(&file), true).into_iter().chain(rooms_used(&relative(&file), &text));
            for used in used.collect::<BTreeSet<_>>() {
                if table.contains_key(&used) && used != module && !row.may_use.contains(&used) {
                    wrong.push(format!("{} uses crate::{used}", relative(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "uses that the table of src/lib.rs does not allow: {wrong:#?}");
}

/// Every source file by its path, with its text.
fn sources() -> Vec<(String, String)> {
    files(&root().join("src"), &[".rs"]).iter().map(|file| (relative(file), read(file))).collect()
}

fn house() -> House {
    let sources = sources();
    House::new(sources.iter().map(|(file, text)| (file.as_str(), text.as_str())))
}

/// Names of the engine that a file of the window takes and must not: what runs jobs, rather than what is said of them.
fn hidden_from_the_window(file: &str, text: &str) -> Vec<String> {
    let is_hidden = |path: &String| {
        path.split("::").any(|name| matches!(name, "run_job" | "Worker" | "OpenModel" | "worker" | "open" | "*"))
    };
    taken_from("engine", file, text).into_iter().filter(is_hidden).collect()
}

#[test]
fn the_window_sees_messages_of_the_engine_and_never_its_worker() {
    let grouped = "use crate::engine::{Event, OpenModel, Worker, run_job};\nfn f(request: Event) {}";
    assert_eq!(hidden_from_the_window("src/ui/x.rs", grouped), ["OpenModel", "Worker", "run_job"], "in a group");
    let renamed = "use crate::{data::Photo, engine as jobs};\nfn f() { jobs::Worker::start() }";
    assert_eq!(hidden_from_the_window("src/ui/x.rs", renamed), ["Worker::start"], "by another name");
    let inline = "fn f() { super::super::engine::run_job() }";
    assert_eq!(hidden_from_the_window("src/ui/x.rs", inline), ["run_job"], "without an import");
    let allowed = "use crate::engine::{Event, Question, Request};";
    assert_eq!(hidden_from_the_window("src/ui/x.rs", allowed), [""; 0], "messages");
    let mut seen = 0;
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("src/ui/")) {
        let found = hidden_from_the_window(&file, &text);
        assert!(found.is_empty(), "{file} uses {found:?}; the command line hands the window a link instead");
        seen += taken_from("engine", &file, &text).len();
    }
    assert!(seen > 50, "the window uses messages of the engine");
}

#[test]
fn files_of_a_room_use_each_other_in_one_direction() {
    let uses = house().uses();
    assert!(uses.len() > 300, "uses were found");
    let found = circles::circles(&uses);
    let mut wrong = Vec::new();
    for circle in &found {
        let inside = circle.iter().flat_map(|from| uses[from].iter().map(move |(to, names)| (from, to, names)));
        let ties: Vec<_> = inside.filter(|(_, to, _)| circle.contains(*to)).collect();
        let ties = ties.iter().map(|(from, to, names)| format!("\n  {from} takes {names:?} of {to}"));
        wrong.push(format!("a circle of {} files:{}", circle.len(), ties.collect::<String>()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Layer of every file of the engine, by the table of src/lib.rs.
fn engine_layers() -> BTreeMap<String, usize> {
    let mut layers = BTreeMap::new();
    for line in documentation().lines().filter(|line| line.starts_with("| ")) {
        let [layer, _, files] = cells(line)[..] else { continue };
        let Ok(layer) = layer.parse() else { continue };
        layers.extend(ticked(files).into_iter().map(|file| (file, layer)));
    }
    assert!(layers.len() > 20, "the table of the engine's layers was found");
    layers
}

#[test]
fn files_of_the_engine_use_those_of_their_layer_and_below() {
    let layers = engine_layers();
    let file =
        |module: &str| module.strip_prefix("engine::").map(|rest| rest.split("::").next().unwrap_or(rest).to_owned());
    let there: BTreeSet<String> = sources()
        .iter()
        .filter_map(|(path, _)| file(&circles::module_path(path)))
        .filter(|name| root().join(format!("src/engine/{name}.rs")).exists())
        .collect();
    let documented: BTreeSet<String> = layers.keys().cloned().collect();
    assert_eq!(documented, there, "the table of the engine's layers (left) names its files (right)");
    let mut upward = BTreeSet::new();
    for (from, used) in house().uses() {
        for to in used.keys() {
            if let (Some(from), Some(to)) = (file(&from), file(to))
                && layers[&from] < layers[&to]
            {
                upward.insert(format!("{from} -> {to}"));
            }
        }
    }
    assert!(upward.is_empty(), "uses that go up the engine's layers: {upward:?}");
}

#[test]
fn external_crates_live_only_where_the_table_says() {
    let (table, dependencies) = (table(), dependencies());
    let mut wrong = Vec::new();
    let mut used_anywhere = BTreeSet::new();
    for (module, paths_of) in modules() {
        let mut used_here = BTreeSet::new();
        for file in &paths_of {
            for name in paths(&shipped_code(file), false).intersection(&dependencies) {
                used_here.insert(name.clone());
                if !EVERYWHERE.contains(&name.as_str()) && !table[&module].external.contains(name) {
                    wrong.push(format!("{} uses {name}", relative(file)));
                }
            }
        }
        for name in table[&module].external.difference(&used_here) {
            wrong.push(format!("the row of `{module}` names {name}, which it does not use"));
        }
        used_anywhere.extend(used_here);
    }
    for name in dependencies.difference(&used_anywhere) {
        if !FEATURES_ONLY.contains(&name.as_str()) {
            wrong.push(format!("Cargo.toml names {name}, which nothing uses"));
        }
    }
    assert!(wrong.is_empty(), "external crates against the table of src/lib.rs: {wrong:#?}");
}

#[test]
fn paths_of_the_documentation_exist() {
    for name in ticked(&documentation()) {
        let is_path = ["src/", "tests/", "assets/"].iter().any(|folder| name.starts_with(folder));
        assert!(!is_path || root().join(&name).exists(), "src/lib.rs names {name}, which does not exist");
    }
}

#[test]
fn every_kind_of_outside_file_is_held_by_tests_that_exist() {
    let code: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), &[".rs"]))
        .map(|file| read(&file))
        .collect();
    let page = read(&root().join("assets/docs/outside-files.md"));
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(2).map(cells).collect();
    assert!(rows.len() > 10, "the table was found and has its rows");
    for row in rows {
        let [file, .., tests] = row[..] else { panic!("five cells in each row: {row:?}") };
        let tests = ticked(tests);
        assert!(!tests.is_empty(), "{file} has no test");
        for test in tests {
            assert!(code.contains(&format!("fn {test}(")), "{file} names the test {test}, which does not exist");
        }
    }
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    for folder in ["src", "tests", "shaders"] {
        for file in files(&root().join(folder), &[".rs", ".wgsl", ".py"]) {
            let lines = read(&file).lines().count();
            assert!(lines <= MOST_LINES, "{} has {lines} lines, at most {MOST_LINES} are wanted", relative(&file));
        }
    }
}

/// Names of the tests inside of `proptest!`, by the indentation of its braces.
fn property_tests(code: &str) -> Vec<String> {
    let (mut found, mut end, mut is_test) = (Vec::new(), None, false);
    for line in code.lines() {
        let indent = line.len() - line.trim_start().len();
        if line.contains("proptest! {") {
            end = Some(indent);
        } else if end == Some(indent) && line.trim_end().ends_with('}') {
            end = None;
        } else if end.is_some() && line.trim_start().starts_with("#[test]") {
            is_test = true;
        } else if let Some((_, name)) = line.split_once("fn ").filter(|_| is_test) {
            found.push(first_word(name));
            is_test = false;
        }
    }
    found
}

#[cfg(unix)]
#[test]
fn every_property_test_is_run_with_fresh_seeds_by_hand_and_with_one_seed_here() {
    let listed = std::process::Command::new(root().join("tests/fuzz/properties")).arg("--list").output();
    let listed = String::from_utf8(listed.expect("bash").stdout).expect("names");
    let mut listed: Vec<&str> = listed.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    let mut there = Vec::new();
    for file in ["src", "tests"].iter().flat_map(|folder| files(&root().join(folder), &[".rs"])) {
        let (code, name) = (code(&file), relative(&file));
        there.extend(property_tests(&code));
        // Written in halves, so that this file passes its own test.
        for (a, b) in [("Test", "Runner"), ("rng_", "seed:"), ("Rng", "Seed")] {
            assert!(!code.contains(&format!("{a}{b}")), "{name} has {a}{b}: its seed could not be another");
        }
    }
    there.sort();
    listed.sort_unstable();
    assert!(there.len() > 50, "property tests were found");
    assert_eq!(listed, there, "`tests/fuzz/properties --list` (left) has every property test (right)");
    let config = read(&root().join(".cargo/config.toml"));
    for variable in ["PROPTEST_RNG_SEED = \"", "PROPTEST_DISABLE_FAILURE_PERSISTENCE = \""] {
        assert!(config.contains(variable), "cargo test gives every property test the same {variable}");
    }
}

#[test]
fn every_exception_from_a_lint_has_a_reason() {
    for folder in ["src", "tests"] {
        for file in files(&root().join(folder), &[".rs"]) {
            let code = code(&file);
            for attribute in ["[allow(", "[expect("] {
                for (at, _) in code.match_indices(attribute) {
                    let Some(rest) = code[..at].ends_with(['#', '!']).then(|| &code[at..]) else { continue };
                    let body = rest.split(")]").next().unwrap_or_default();
                    assert!(body.contains("reason ="), "{} has {body})] without a reason", relative(&file));
                }
            }
        }
    }
}

#[test]
fn the_root_holds_only_what_was_agreed() {
    for entry in fs::read_dir(root()).expect("a readable folder") {
        let name = entry.expect("a readable folder").file_name().to_string_lossy().into_owned();
        let known = name.starts_with('.') || name == "target" || ROOT_ENTRIES.contains(&name.as_str());
        assert!(known, "{name} does not belong in the root");
    }
    for name in ROOT_ENTRIES {
        assert!(root().join(name).exists(), "{name} belongs in the root");
    }
}

#[test]
fn nothing_names_a_machine_or_leaves_work_behind() {
    // Written in halves, so that this file passes its own test.
    let unwanted =
        [("/wo", "rk/"), ("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("TO", "DO"), ("FIX", "ME"), ("XX", "X")];
    let endings = [".rs", ".wgsl", ".py", ".toml", ".md", ".json", ".jinja", ".yml", "run", ".sh"];
    let mut all = files(&root().join("src"), &endings);
    for folder in ["tests", "shaders", ".ci", ".cargo", "assets/demo/make", "assets/docs"] {
        all.extend(files(&root().join(folder), &endings));
    }
    all.extend(["Cargo.toml", "README.md", "LICENSE", "assets/demo/README.md"].map(|name| root().join(name)));
    for file in all.iter().filter(|file| file.exists()) {
        let text = String::from_utf8_lossy(&fs::read(file).expect("readable")).into_owned();
        for (a, b) in unwanted {
            let word = format!("{a}{b}");
            let is_found = text.match_indices(&word).any(|(at, _)| {
                // Bytes written as letters (base64) have any three of them in a row.
                let beside = [text[..at].chars().next_back(), text[at + word.len()..].chars().next()];
                word.contains('/') || beside.iter().flatten().all(|c| !c.is_alphanumeric() && !"+/=".contains(*c))
            });
            assert!(!is_found, "{} contains {word}", relative(file));
        }
    }
}

/// Rows of a table cannot be cut; JSON, templates and what has no space stand as others write them.
#[test]
fn no_line_is_wider_than_a_page() {
    let mut wide = Vec::new();
    for path in
        ["src", "tests", "shaders"].into_iter().flat_map(|folder| files(&root().join(folder), &[".rs", ".wgsl"]))
    {
        for (idx, line) in read(&path).lines().enumerate().filter(|(_, line)| line.chars().count() > 120) {
            let text = line.trim_start_matches([' ', '/', '!']);
            let is_others = ["{%", "\": ", "\\\": "].iter().any(|sign| text.contains(sign));
            let is_whole = is_others || text.split(' ').any(|part| part.chars().count() > 60);
            if !text.starts_with('|') && !is_whole {
                wide.push(format!("{}:{}", relative(&path), idx + 1));
            }
        }
    }
    assert!(wide.is_empty(), "lines of more than 120 columns: {}", wide.join(", "));
}
