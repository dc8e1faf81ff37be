//! Endings of outputs: a name that promises another kind of file would lie.

use super::failure::Failure;
use anyhow::anyhow;
use std::path::Path;

/// Refuses an output whose ending is none of these (in lower case). Where the command writes one kind of file alone, a
/// name without an ending will do.
pub(super) fn expect(flag: &str, path: &Path, endings: &[&str]) -> Result<(), Failure> {
    let found = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let found = match found.as_deref() {
        Some(found) if endings.contains(&found) => return Ok(()),
        None if endings.len() == 1 => return Ok(()),
        Some(found) => format!(".{found}"),
        None => "none".to_owned(),
    };
    let path = path.display();
    Err(Failure::usage(anyhow!("Expected {flag} with the ending {}, found {found}: {path}", named(endings))))
}

/// `.png, .svg or .pdf`.
fn named(endings: &[&str]) -> String {
    let dotted: Vec<String> = endings.iter().map(|ending| format!(".{ending}")).collect();
    match dotted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => dotted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_one_of_those_that_are_written() {
        let refused = |name: &str, endings: &[&str]| expect("--out", Path::new(name), endings).err();
        for (name, endings) in
            [("a.png", &["png"][..]), ("a.PNG", &["png"]), ("a", &["png"]), ("a.pdf", &["svg", "pdf"])]
        {
            assert!(refused(name, endings).is_none(), "{name} is right");
        }
        let sentence = |name: &str, endings: &[&str]| {
            let failure = refused(name, endings).expect("refused");
            assert_eq!(failure.status(), 2, "the command line is wrong");
            failure.sentence()
        };
        assert_eq!(sentence("a.txt", &["png"]), "Expected --out with the ending .png, found .txt: a.txt", "one");
        let expected = "Expected --out with the ending .png, .svg or .pdf, found none: a";
        assert_eq!(sentence("a", &["png", "svg", "pdf"]), expected, "several: which would it be?");
    }
}
