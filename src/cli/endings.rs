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
        Some(found) => format!("the ending {found}"),
        None => "no ending".to_owned(),
    };
    let path = path.display();
    let article = article(endings.first().copied().unwrap_or_default());
    Err(Failure::usage(anyhow!("Expected {flag} as {article} {}, found {found}: {path}", named(endings))))
}

/// As the ending is said: `an html file`, `a png file`.
fn article(ending: &str) -> &'static str {
    // These are spelled letter by letter, and so begin with a vowel.
    if matches!(ending, "html" | "svg" | "npy") { "an" } else { "a" }
}

/// `PNG`, or `png, svg or pdf file`.
fn named(endings: &[&str]) -> String {
    match endings.split_last() {
        Some((&"png", [])) => "PNG".to_owned(),
        Some((last, before)) if !before.is_empty() => format!("{} or {last} file", before.join(", ")),
        _ => format!("{} file", endings.concat()),
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
        assert_eq!(sentence("a.TXT", &["png"]), "Expected --out as a PNG, found the ending txt: a.TXT", "one");
        let expected = "Expected --out as a safetensors file, found the ending txt: a.txt";
        assert_eq!(sentence("a.txt", &["safetensors"]), expected, "one that is no picture");
        assert_eq!(sentence("a.txt", &["html"]), "Expected --out as an html file, found the ending txt: a.txt", "said");
        let expected = "Expected --out as an svg or pdf file, found no ending: a";
        assert_eq!(sentence("a", &["svg", "pdf"]), expected, "the first of several");
        let expected = "Expected --out as a png, svg or pdf file, found no ending: a";
        assert_eq!(sentence("a", &["png", "svg", "pdf"]), expected, "several: which would it be?");
    }
}
