//! How the program looks is said in one place, and how it is installed names only what is there.

use super::{code, files, read, relative, root};

/// Words with which a file would name a colour of its own, or a size of text.
const NAMES: [&str; 6] = [
    "Color32::BLACK",
    "Color32::from_gray(",
    "Color32::from_black_alpha(",
    "Color32::from_white_alpha(",
    "FontId::proportional(1",
    "FontId::monospace(1",
];

/// Colours that a source names: by a name or by digits. What is computed is no colour of the interface.
fn named_colours(source: &str) -> Vec<String> {
    let by_name = NAMES.iter().filter(|name| source.contains(**name)).map(|name| (*name).to_owned());
    let by_digits = ["Color32::from_rgb(", "Color32::from_rgba_unmultiplied("].into_iter().flat_map(|begin| {
        let parts = source.split(begin).skip(1);
        parts.filter(|rest| rest.trim_start().starts_with(|c: char| c.is_ascii_digit())).map(move |_| begin.to_owned())
    });
    by_name.chain(by_digits).collect()
}

#[test]
fn only_the_theme_names_colours_and_sizes_of_text() {
    assert_eq!(named_colours("Color32::from_rgb(1, 2, 3)"), ["Color32::from_rgb("], "digits are seen");
    assert!(named_colours("Color32::from_rgb(r, g, b)").is_empty(), "a colour of a map is computed");
    let mut wrong = Vec::new();
    for file in files(&root().join("src/ui"), &[".rs"]) {
        let name = relative(&file);
        let found = named_colours(&code(&file));
        if name == "src/ui/widgets/theme.rs" {
            assert!(found.len() > 20, "the theme's tables were found");
        } else {
            wrong.extend(found.into_iter().map(|found| format!("{name}: {found}")));
        }
    }
    assert!(wrong.is_empty(), "colours belong in src/ui/widgets/theme.rs: {wrong:#?}");
}

/// A string of TOML in quotes, from its beginning.
fn quoted(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('"')?.split('"').next()
}

/// Source, target and mode of every file in the package.
fn packaged() -> Vec<[String; 3]> {
    let manifest = read(&root().join("Cargo.toml"));
    let section = manifest.split("\n[package.metadata.deb]").nth(1).expect("how the package is built");
    let section = section.split("\n[profile").next().unwrap_or_default();
    for key in ["maintainer", "license-file", "section", "extended-description", "depends"] {
        assert!(section.lines().any(|line| line.starts_with(&format!("{key} = "))), "the package has no {key}");
    }
    let assets = section.split("assets = [").nth(1).expect("the files of the package");
    let lines = assets.lines().map(str::trim).take_while(|line| *line != "]").filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut parts = line.trim_start_matches('[').split(", ").filter_map(quoted).map(str::to_owned);
            std::array::from_fn(|_| parts.next().unwrap_or_else(|| panic!("three strings, found {line}")))
        })
        .collect()
}

#[test]
fn the_package_names_only_files_that_are_there_and_leaves_none_out() {
    let packaged = packaged();
    let mut sources = Vec::new();
    for [source, target, mode] in &packaged {
        assert!(target.starts_with("usr/"), "{target} lies below usr");
        let expected = if target == "usr/bin/" { "755" } else { "644" };
        assert_eq!(mode, expected, "the mode of {source}");
        match source.split_once("*.") {
            Some((folder, ending)) => assert!(!files(&root().join(folder), &[ending]).is_empty(), "no {source}"),
            None if source == "target/release/gazelens" => {}
            None => assert!(root().join(source).is_file(), "the package names {source}, which does not exist"),
        }
        sources.push(source.as_str());
    }
    for file in files(&root().join("assets/desktop"), &[".png", ".desktop", ".xml"]) {
        assert!(sources.contains(&relative(&file).as_str()), "{} is not in the package", relative(&file));
    }
}

#[test]
fn icons_have_the_sizes_that_their_names_say() {
    for [source, target, _] in packaged().into_iter().filter(|[source, ..]| source.contains("/icon-")) {
        let bytes = std::fs::read(root().join(&source)).expect("an icon");
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.len() < 40_000, "{source} is a small PNG");
        let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let name = format!("icon-{}.png", side(16));
        assert!(source.ends_with(&name) && side(16) == side(20), "{source} has {} by {} pixels", side(16), side(20));
        assert!(target.contains(&format!("/{0}x{0}/apps/gazelens.png", side(16))), "{source} goes to {target}");
    }
}

#[test]
fn the_desktop_entry_opens_files_with_a_command_that_exists() {
    let entry = read(&root().join("assets/desktop/gazelens.desktop"));
    assert!(entry.starts_with("[Desktop Entry]\n"), "the group comes first");
    let value = |key: &str| {
        let found = entry.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
        found.unwrap_or_else(|| panic!("the entry has no {key}"))
    };
    assert_eq!((value("Type"), value("Terminal"), value("Icon")), ("Application", "false", "gazelens"), "a window");
    assert!(value("Categories").ends_with(';') && value("MimeType").ends_with(';'), "lists end in a semicolon");
    let run = include_str!("../../src/ui/shell/run.rs");
    assert!(run.contains(&format!(".with_app_id(\"{}\")", value("StartupWMClass"))), "the window belongs to it");
    let words: Vec<&str> = value("Exec").split_whitespace().collect();
    assert_eq!(words.last(), Some(&"%F"), "files are given to it");
    let files = ["work.gazelens", "photo.png"];
    let line = words.iter().take(words.len() - 1).chain(&files);
    let read = gazelens::cli::command().try_get_matches_from(line).expect("a command line of the program");
    let (name, arguments) = read.subcommand().expect("a command");
    let given: Vec<_> = arguments.get_many::<std::path::PathBuf>("paths").into_iter().flatten().collect();
    assert_eq!((name, given.len()), ("gui", 2), "the window opens both");
}

#[test]
fn the_file_type_is_that_of_sessions() {
    let page = read(&root().join("assets/desktop/gazelens.xml"));
    let entry = read(&root().join("assets/desktop/gazelens.desktop"));
    let kind = page.split("type=\"application/").nth(1).and_then(|rest| rest.split('"').next()).expect("a type");
    assert!(entry.contains(&format!("application/{kind};")), "the desktop entry opens {kind}");
    let ending = gazelens::session::EXTENSION;
    assert!(page.contains(&format!("<glob pattern=\"*.{ending}\"/>")), "by the name's ending");
    let magic = std::str::from_utf8(gazelens::session::MAGIC).expect("letters");
    assert!(page.contains(&format!("offset=\"0\" value=\"{magic}\"")), "by the first bytes");
}
