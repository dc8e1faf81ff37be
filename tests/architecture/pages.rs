//! The README is short and its pages are all there: what they link to, name and show exists.

use super::{documentation, files, read, relative, root, ticked};
use std::path::{Path, PathBuf};

const MOST_README_BYTES: usize = 12_000;

/// The README, the pages that it links to, and the card of the bundled model.
fn pages() -> Vec<PathBuf> {
    let mut all = vec![root().join("README.md"), root().join("assets/demo/README.md")];
    all.extend(files(&root().join("assets/docs"), &[".md"]));
    assert!(all.len() > 10, "the pages were found");
    all
}

/// A page's lines outside of code blocks, and those inside.
fn prose_and_blocks(text: &str) -> (String, String) {
    let (mut prose, mut blocks, mut is_block) = (String::new(), String::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        } else {
            let part = if is_block { &mut blocks } else { &mut prose };
            part.push_str(line);
            part.push('\n');
        }
    }
    (prose, blocks)
}

/// Targets of the links and pictures of prose, code left out.
fn links(prose: &str) -> Vec<String> {
    let plain: String = prose.split('`').step_by(2).collect();
    let targets = plain.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

/// What a code host makes of a heading to link to.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    let letters = letters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    letters.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &Path) -> Vec<String> {
    let (prose, _) = prose_and_blocks(&read(page));
    prose.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// Why a link of a page leads nowhere.
fn broken(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let folder = page.parent().unwrap_or(root());
    let target = if file.is_empty() { page.to_owned() } else { folder.join(file) };
    let inside = target.canonicalize().ok().zip(root().canonicalize().ok());
    if !inside.is_some_and(|(target, root)| target.starts_with(root)) {
        return Some(format!("{} links to {link}: no such file", relative(page)));
    }
    let heading = heading.filter(|heading| !anchors(&target).iter().any(|anchor| anchor == heading))?;
    Some(format!("{} links to {link}: {} has no heading #{heading}", relative(page), relative(&target)))
}

#[test]
fn the_readme_is_short() {
    let bytes = read(&root().join("README.md")).len();
    assert!(bytes < MOST_README_BYTES, "README.md has {bytes} bytes: details belong in a page of assets/docs");
}

#[test]
fn links_of_the_readme_and_the_pages_lead_somewhere() {
    assert_eq!(anchor("## `trace --json`, twice"), "trace---json-twice", "as a code host writes it");
    assert_eq!(links("[a](b.md#c), `[no](link)`, ![d](e.png)"), ["b.md#c", "e.png"], "links and pictures");
    let readme = root().join("README.md");
    assert!(broken(&readme, "assets/docs/methods.md#no-such-heading").is_some(), "a heading that there is not");
    assert!(broken(&readme, "assets/docs/no-such-page.md").is_some(), "a page that there is not");
    let mut wrong = Vec::new();
    for page in pages() {
        let (prose, _) = prose_and_blocks(&read(&page));
        wrong.extend(links(&prose).iter().filter_map(|link| broken(&page, link)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_page_is_linked_from_the_readme_and_named_in_the_documentation() {
    let (prose, _) = prose_and_blocks(&read(&root().join("README.md")));
    let (links, named) = (links(&prose), ticked(&documentation()));
    for page in files(&root().join("assets/docs"), &[".md"]) {
        let name = relative(&page);
        assert!(links.contains(&name), "README.md has no link to {name}");
        assert!(named.contains(&name), "the documentation in src/lib.rs does not name {name}");
    }
}

#[test]
fn paths_of_the_readme_and_the_pages_exist() {
    for page in pages().iter().filter(|page| !page.ends_with("assets/demo/README.md")) {
        let (prose, _) = prose_and_blocks(&read(page));
        for name in ticked(&prose) {
            let path = name.split_whitespace().next().unwrap_or_default();
            let is_path = ["src/", "tests/", "assets/"].iter().any(|folder| path.starts_with(folder));
            assert!(!is_path || root().join(path).exists(), "{} names {path}, which does not exist", relative(page));
        }
    }
}

/// Commands of the program that a page shows: lines of code blocks, and code in sentences and tables.
fn commands(text: &str) -> Vec<String> {
    let (prose, blocks) = prose_and_blocks(text);
    let inline = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    let lines = blocks.lines().map(|line| line.trim_start().to_owned());
    inline.chain(lines).filter(|command| command.starts_with("gazelens ")).collect()
}

#[test]
fn commands_of_the_readme_and_the_pages_exist() {
    let program = gazelens::cli::command();
    let mut seen = 0;
    for page in pages() {
        for shown in commands(&read(&page)) {
            // Comments hold no names of commands; a command in capitals stands for any.
            let mut words = shown.split_whitespace().skip(1).take_while(|word| *word != "#").peekable();
            let mut command = &program;
            let place = relative(&page);
            let is_name = |word: &&str| !word.starts_with('-');
            if words.peek() == Some(&"COMMAND") {
                continue;
            }
            // `study` has commands of its own.
            while command.has_subcommands()
                && let Some(name) = words.next_if(is_name)
            {
                let found = command.get_subcommands().find(|command| command.get_name() == name);
                command = found.unwrap_or_else(|| panic!("{place} names the command {name}, which does not exist"));
            }
            for flag in words.filter_map(|word| word.trim_start_matches('[').strip_prefix("--")) {
                let flag = flag.trim_end_matches(|c: char| !c.is_alphanumeric());
                let mut arguments = command.get_arguments().chain(program.get_arguments());
                let is_known = flag == "help" || arguments.any(|arg| arg.get_long() == Some(flag));
                let name = command.get_name();
                assert!(is_known, "{place} gives `gazelens {name}` a flag --{flag}, which it does not have");
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "the pages show commands, found {seen}");
}

#[test]
fn a_public_type_says_itself_what_it_is() {
    // Written in halves, so that this file passes its own test.
    let empty = ["See the module's ", "documentation"].concat();
    for file in files(&root().join("src"), &[".rs"]) {
        assert!(!read(&file).contains(&empty), "{} says \"{empty}\", which says nothing", relative(&file));
    }
}
