//! The pages of `assets/docs`: their tables are what the program lists, and their Python runs.

use super::{folder, gazelens, path, stderr, stdout};
use gazelens::ids::{HeadIdx, LayerIdx};
use gazelens::trace::file::TraceFile;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// With this variable set the tables are written again instead of compared.
const WRITE: &str = "GAZELENS_WRITE_TABLES";
const BEGIN: &str = "<!-- generated: gazelens list ";
const END: &str = "<!-- end -->";

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/docs").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(page(name)).expect("a page of the documentation")
}

/// Text of a JSON object as a cell of a table.
fn cell(entry: &Value, key: &str) -> String {
    let text = entry[key].as_str().unwrap_or_else(|| panic!("{key} of {entry}"));
    text.replace('|', "\\|").replace('<', "&lt;")
}

fn list<'a>(entry: &'a Value, key: &str) -> &'a [Value] {
    entry[key].as_array().unwrap_or_else(|| panic!("{key} of {entry}"))
}

/// What is registered, a row each.
fn entries(all: &[Value]) -> String {
    let mut rows = String::from("| id | name | what it is | source |\n| --- | --- | --- | --- |\n");
    for entry in all {
        let [id, label, help, paper] = ["id", "label", "help", "paper"].map(|key| cell(entry, key));
        writeln!(rows, "| `{id}` | {label} | {help} | {paper} |").expect("text");
    }
    rows
}

/// The parameters of what is registered, with their defaults; a preset has a row of its own.
fn parameters(all: &[Value]) -> String {
    let mut rows = String::from("| id | setting | meaning |\n| --- | --- | --- |\n");
    for entry in all {
        let id = cell(entry, "id");
        for parameter in list(entry, "parameters") {
            let [name, default, help] = ["name", "default", "help"].map(|key| cell(parameter, key));
            if name != "preset" {
                writeln!(rows, "| `{id}` | `{name}={default}` | {help} |").expect("text");
                continue;
            }
            for preset in list(entry, "presets") {
                let [name, help] = ["id", "help"].map(|key| cell(preset, key));
                let note = if name == default { " (default)" } else { "" };
                writeln!(rows, "| `{id}` | `preset={name}`{note} | {help} |").expect("text");
            }
        }
    }
    rows
}

/// The table that belongs behind a marker, such as `methods` or `methods, parameters`.
fn table(marker: &str) -> String {
    let (what, is_of_parameters) = marker.strip_suffix(", parameters").map_or((marker, false), |what| (what, true));
    let output = gazelens(&["list", what, "--json"]);
    assert!(output.status.success(), "gazelens list {what}: {}", stderr(&output));
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a JSON array");
    if is_of_parameters { parameters(&all) } else { entries(&all) }
}

/// A page with its tables as the program would write them, and their markers.
fn generated(name: &str, text: &str) -> (String, Vec<String>) {
    let mut parts = text.split(BEGIN);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    let mut markers = Vec::new();
    for part in parts {
        let (marker, rest) = part.split_once(" -->\n").unwrap_or_else(|| panic!("{name}: {BEGIN} has an end"));
        let (_, rest) = rest.split_once(END).unwrap_or_else(|| panic!("{name}: {marker} ends with {END}"));
        write!(whole, "{BEGIN}{marker} -->\n{}{END}{rest}", table(marker)).expect("text");
        markers.push(marker.to_owned());
    }
    (whole, markers)
}

#[test]
fn tables_of_the_pages_are_what_the_program_lists() {
    let mut all = Vec::new();
    for name in ["methods.md", "numbers.md", "checkpoints.md"] {
        let text = read(name);
        let (now, markers) = generated(name, &text);
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(page(name), &now).expect("the page can be written");
        } else {
            let stale = text.lines().zip(now.lines()).find(|(there, now)| there != now);
            assert!(
                text == now,
                "assets/docs/{name} is stale. Write its tables again with `{WRITE}=1 cargo test --test cli \
                 documentation`. The first line that differs, and what it should be: {stale:?}"
            );
        }
        all.extend(markers);
    }
    for what in ["methods", "methods, parameters", "metrics", "families", "colormaps"] {
        assert!(all.iter().any(|marker| marker == what), "a page has the table of {what}");
    }
}

#[test]
fn every_command_is_in_the_page_of_the_command_line() {
    let help = stdout(&gazelens(&["--help"]));
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // Lines that go on begin further to the right.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"trace") && names.len() > 5, "commands were found: {help}");
    let text = read("command-line.md");
    for name in names.into_iter().filter(|name| *name != "help") {
        let is_of = |line: &str| [" ", "`"].iter().any(|end| line.contains(&format!("`gazelens {name}{end}")));
        let is_there = text.lines().any(|line| line.starts_with("| `gazelens") && is_of(line));
        assert!(is_there, "the table of assets/docs/command-line.md has no row for `gazelens {name}`");
    }
}

/// Blocks of code of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let parts = text.split(begin.as_str()).skip(1);
    parts.filter_map(|part| part.split("```").next()).map(str::to_owned).collect()
}

/// Words of a command, in quotes or not.
fn words(command: &str) -> Vec<String> {
    let quoted = command.split('"').enumerate();
    let words = quoted.flat_map(|(idx, part)| {
        let is_quoted = idx % 2 == 1;
        let whole = is_quoted.then(|| part.to_owned());
        let parts = part.split_whitespace().filter(move |_| !is_quoted).map(str::to_owned);
        whole.into_iter().chain(parts)
    });
    words.collect()
}

fn numbers(printed: &str, name: &str) -> Vec<f64> {
    let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    let line = line.unwrap_or_else(|| panic!("{name} was printed: {printed}"));
    line.split(' ').map(|number| number.parse().expect("a number")).collect()
}

#[test]
fn the_lines_for_python_users_run() {
    let python = Command::new("python3").args(["-c", "import numpy, safetensors.numpy"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        println!("Not run: the lines of assets/docs/python.md, there is no python3 with numpy and safetensors");
        return;
    }
    let (dir, text) = (folder(), read("python.md"));
    let out = path(dir.path(), "answer.safetensors");
    let command = words(blocks(&text, "sh").first().expect("a command that writes the trace"));
    let command: Vec<&str> = command.iter().skip(1).map(String::as_str).collect();
    assert_eq!(command.last(), Some(&"answer.safetensors"), "the file that the lines open: {command:?}");
    let asked = gazelens(&[&command[..command.len() - 1], &[out.as_str()]].concat());
    assert!(asked.status.success(), "{}", stderr(&asked));

    let blocks = blocks(&text, "python");
    assert_eq!(blocks.first().map(|block| block.lines().count()), Some(5), "a trace in five lines");
    let lines = blocks.join("\n")
        + "\nprint('shape:', *maps.shape, *cls.shape)\nprint('first:', *maps[0].ravel().tolist())\nprint('shares:', \
           *shares.sum(axis=(1, 2)).tolist())\n";
    let output = Command::new("python3").arg("-c").arg(&lines).current_dir(dir.path()).output();
    let output = output.expect("python3 was there");
    assert!(output.status.success(), "the lines of assets/docs/python.md fail: {}", stderr(&output));
    let printed = stdout(&output);

    let trace = TraceFile::read(Path::new(&out)).expect("a trace").trace;
    let (row, span) = (&trace.decoder_attention[0], trace.image_token_span);
    let (layers, heads) = (row.num_hidden_layers(), row.num_attention_heads());
    let shape = numbers(&printed, "shape");
    assert_eq!(shape, [trace.output.len() as f64, 12.0, 12.0, 12.0, 12.0], "a map of the demo's patches a token");
    let mut mean = vec![0.0; span.range().len()];
    for layer in LayerIdx::all(layers) {
        for head in HeadIdx::all(heads) {
            for (sum, value) in mean.iter_mut().zip(&row.head(layer, head)[span.range()]) {
                *sum += f64::from(*value) / (layers * heads) as f64;
            }
        }
    }
    let first = numbers(&printed, "first");
    assert_eq!(first.len(), mean.len(), "a value a patch");
    assert!(first.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-9), "the same map: {first:?}, {mean:?}");
    assert!(numbers(&printed, "shares").iter().all(|sum| (sum - 1.0).abs() < 1e-9), "shares add up: {printed}");
}
