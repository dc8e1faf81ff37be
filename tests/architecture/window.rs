//! The window's rooms, one level down: their layers, and what features take of each other's panels.

use super::{cells, files, house, read, relative, root, shipped_code, ticked};
use std::collections::{BTreeMap, BTreeSet};

/// Documentation at the head of a file.
fn head(path: &str) -> String {
    let text = read(&root().join(path));
    text.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim).collect::<Vec<_>>().join("\n")
}

/// Layer of every room of the window, by the table of src/ui/mod.rs.
fn layers() -> BTreeMap<String, usize> {
    let head = head("src/ui/mod.rs");
    let rows = head.lines().filter(|line| line.starts_with("| ")).map(cells);
    let rows = rows.filter_map(|row| Some((row.get(1)?.trim_matches('`').to_owned(), row.first()?.parse().ok()?)));
    rows.collect()
}

/// `features::pope::panel` of `ui::features::pope::panel`.
fn inside(module: &str) -> Option<&str> {
    module.strip_prefix("ui::")
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

#[test]
fn rooms_of_the_window_use_those_below_them() {
    let layers = layers();
    let there: BTreeSet<String> = std::fs::read_dir(root().join("src/ui"))
        .expect("a readable folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".rs").to_owned())
        .filter(|name| name != "mod")
        .collect();
    let documented: BTreeSet<String> = layers.keys().cloned().collect();
    assert_eq!(documented, there, "the table of src/ui/mod.rs (left) names the rooms of src/ui (right)");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (from, used) in house().uses() {
        for (to, names) in &used {
            let (Some(a), Some(b)) = (inside(&from).map(first), inside(to).map(first)) else { continue };
            seen += usize::from(a != b);
            if a != b && layers[a] <= layers[b] {
                wrong.push(format!("{from} takes {names:?} of {to}"));
            }
        }
    }
    assert!(seen > 100, "uses between rooms were found");
    assert!(wrong.is_empty(), "uses that go up the rooms of src/ui/mod.rs: {wrong:#?}");
}

/// Files of features that paint: they get what every panel gets.
fn painting() -> BTreeSet<String> {
    let all = files(&root().join("src/ui/features"), &[".rs"]);
    let all = all.iter().filter(|file| shipped_code(file).contains("PanelContext"));
    all.map(|file| super::circles::module_path(&relative(file))).collect()
}

#[test]
fn a_feature_takes_of_another_s_panels_only_what_the_table_says() {
    let head = head("src/ui/features/mod.rs");
    let rows = head.lines().filter(|line| line.starts_with("| `")).map(cells);
    let documented: BTreeMap<String, BTreeSet<String>> =
        rows.map(|row| (row[0].trim_matches('`').to_owned(), ticked(row[1]))).collect();
    let painting = painting();
    assert!(painting.len() > 40, "panels were found");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, used) in house().uses() {
        let Some(feature) = from.strip_prefix("ui::features::").filter(|rest| rest.contains("::")).map(first) else {
            continue;
        };
        for to in used.keys().filter(|to| painting.contains(*to)) {
            let Some(part) = to.strip_prefix("ui::features::").filter(|rest| rest.contains("::")) else { continue };
            if first(part) != feature {
                found.entry(part.to_owned()).or_default().insert(feature.to_owned());
            }
        }
    }
    assert_eq!(documented, found, "the table of src/ui/features/mod.rs (left) against what is used (right)");
}
