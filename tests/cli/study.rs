//! `gazelens study`: from a template to tables.

use super::{gazelens, stderr, stdout};
use std::path::Path;

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// A template with a limit on photos, written into a folder.
fn template(folder: &Path, name: &str) -> String {
    let file = path(folder, &format!("{name}.toml"));
    let made = gazelens(&["study", "new", name, "--out", &file]);
    assert!(made.status.success(), "{name}: {}", stderr(&made));
    file
}

#[test]
fn a_template_becomes_rows_and_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, limit, tables) in [
        ("pope", "4", &["accuracy", "yes to no", "by size of the object"][..]),
        ("damro", "2", &["H_10", "one unsplit head (as published)", "CHAIRi"]),
        ("tomita", "3", &["balanced accuracy", "Table 2", "LLaVA"]),
        ("heads", "2", &["random score", "layer 0, head 0"]),
    ] {
        let (file, run) = (template(folder.path(), name), path(folder.path(), name));
        let ran = gazelens(&["study", "run", &file, "--out", &run, "--limit", limit]);
        assert!(ran.status.success(), "{name}: {}", stderr(&ran));
        let report = gazelens(&["study", "report", &run]);
        assert!(report.status.success(), "{name}: {}", stderr(&report));
        for words in tables {
            assert!(stdout(&report).contains(words), "{name}: {words}\n{}", stdout(&report));
        }
        assert!(stderr(&report).contains("Not complete"), "{name}: what is missing is said: {}", stderr(&report));
        let merged = gazelens(&["study", "merge", &run, "--json"]);
        assert!(merged.status.success(), "{name}: {}", stderr(&merged));
        for written in ["rows.jsonl", "answers.parquet", "words.parquet"] {
            assert!(folder.path().join(name).join(written).exists(), "{name}: {written}");
        }
    }
}

#[test]
fn a_report_is_a_folder_whose_plots_are_drawn_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, run) = (template(folder.path(), "pope"), path(folder.path(), "run"));
    let ran = gazelens(&["study", "run", &file, "--out", &run, "--limit", "4"]);
    assert!(ran.status.success(), "{}", stderr(&ran));
    let out = path(folder.path(), "report");
    let report = gazelens(&["study", "report", &run, "--out", &out]);
    assert!(report.status.success(), "{}", stderr(&report));
    let (plot, again) = (path(folder.path(), "report/pope_accuracy.svg"), path(folder.path(), "again.svg"));
    let drawn = gazelens(&["figure", "--recipe", &plot, "--out", &again]);
    assert!(drawn.status.success(), "{}", stderr(&drawn));
    let read = |path: &str| std::fs::read(path).expect("written");
    assert_eq!(read(&plot), read(&again), "the same bytes");
    for name in ["report.md", "pope.csv", "pope.tex", "pope_against.csv"] {
        assert!(folder.path().join("report").join(name).exists(), "{name}");
    }
    let scorer = gazelens(&["study", "report", &run, "--scorer", "vdc"]);
    assert_eq!(scorer.status.code(), Some(2), "{}", stderr(&scorer));
    assert!(stderr(&scorer).contains("found vdc"), "{}", stderr(&scorer));
}

#[test]
fn what_is_no_study_is_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let unknown = gazelens(&["study", "new", "popes"]);
    assert_eq!(unknown.status.code(), Some(2), "a wrong name");
    assert!(stderr(&unknown).contains("(near: pope"), "{}", stderr(&unknown));
    let file = template(folder.path(), "pope");
    let taken = gazelens(&["study", "new", "pope", "--out", &file]);
    assert!(!taken.status.success() && stderr(&taken).contains("another file has its name"), "{}", stderr(&taken));
    let text = std::fs::read_to_string(&file).expect("the study");
    std::fs::write(&file, text.replace("suffix = \"one-word\"", "sufix = \"one-word\"")).expect("can be written");
    let out = path(folder.path(), "run");
    let refused = gazelens(&["study", "run", &file, "--out", &out]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("`sufix`") && stderr(&refused).contains("line"), "{}", stderr(&refused));
    assert!(!Path::new(&out).exists(), "nothing was written");
    let none = gazelens(&["study", "report", &out]);
    assert!(!none.status.success() && stderr(&none).lines().count() == 1, "{}", stderr(&none));
}

#[test]
fn the_study_goes_on_where_it_ended_and_refuses_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, out) = (template(folder.path(), "damro"), path(folder.path(), "run"));
    let limited = |limit| gazelens(&["study", "run", &file, "--out", &out, "--limit", limit]);
    assert!(stderr(&limited("1")).contains("1 of 1 rows"), "the first");
    let again = limited("2");
    assert!(stderr(&again).contains("2 of 2 rows, 1 of them from before"), "{}", stderr(&again));
    let text = std::fs::read_to_string(&file).expect("the study");
    std::fs::write(&file, text.replace("name = \"greedy\"", "name = \"other\"")).expect("can be written");
    let refused = limited("2");
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("the same settings"), "{}", stderr(&refused));
}

#[test]
fn signals_are_listed() {
    let listed = gazelens(&["list", "signals"]);
    assert!(listed.status.success(), "{}", stderr(&listed));
    for words in ["localisation", "head_image_share", "DAMRO"] {
        assert!(stdout(&listed).contains(words), "{words}: {}", stdout(&listed));
    }
}
