//! Command lines that could not be read: clap's report of several paragraphs as the one sentence that this program
//! promises.

use crate::names::hint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::Path;

/// What to print and where, and the exit status.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// `--help` and `--version`: not an error.
    Asked(String),
    /// The command line was wrong.
    Wrong(String),
}

/// Sorts and shortens clap's report. Its first paragraph says what is wrong (a list of missing arguments runs over
/// several lines); usage and tips follow, which `--help` gives as well.
pub(super) fn unread(err: &clap::Error) -> Unread {
    let report = err.render().to_string();
    if matches!(err.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Unread::Asked(report);
    }
    if let Some(path) = path_in_place_of_a_command(err) {
        return Unread::Wrong(format!(
            "Expected a command, found a file or folder; the window opens it: gazelens gui {path}"
        ));
    }
    if let Some(sentence) = unknown_name(err) {
        return Unread::Wrong(sentence);
    }
    let paragraphs = report.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
    let mut said: Vec<String> = Vec::new();
    for paragraph in paragraphs {
        if paragraph.starts_with("Usage:") || paragraph.starts_with("For more information") {
            continue;
        }
        // `--` makes a value of an option that the command does not have, which nobody means.
        if paragraph.starts_with("tip: to pass") {
            continue;
        }
        let words: Vec<_> = paragraph.split_whitespace().collect();
        said.push(words.join(" "));
    }
    let what = said.join("; ");
    let what = what.strip_prefix("error: ").unwrap_or(&what).trim_end_matches('.');
    Unread::Wrong(format!("{what}; `gazelens --help` and `gazelens COMMAND --help` list what there is"))
}

/// A command, or one of the words that an option takes, that there is not.
fn unknown_name(err: &clap::Error) -> Option<String> {
    if let Some(ContextValue::String(found)) = err.get(ContextKind::InvalidSubcommand) {
        let program = super::command();
        let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
        if known.contains(&found.as_str()) {
            return Some(format!(
                "Expected options behind the command, found some before it: gazelens {found} OPTIONS"
            ));
        }
        return Some(format!(
            "Expected one of the commands {}, found `{found}`{}",
            known.join(", "),
            hint(found, known)
        ));
    }
    let ContextValue::Strings(known) = err.get(ContextKind::ValidValue)? else { return None };
    let (ContextValue::String(found), ContextValue::String(option)) =
        (err.get(ContextKind::InvalidValue)?, err.get(ContextKind::InvalidArg)?)
    else {
        return None;
    };
    let option = option.split(' ').next().unwrap_or(option).trim_matches(['<', '>']);
    let near = hint(found, known.iter().map(String::as_str));
    (!found.is_empty()).then(|| format!("Expected {option} as one of {}, found `{found}`{near}", known.join(", ")))
}

/// Photos and folders are what people give a program with a window.
fn path_in_place_of_a_command(err: &clap::Error) -> Option<&str> {
    match err.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(given) if Path::new(given).exists() => Some(given),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Unread, unread};

    fn wrong(args: &[&str]) -> String {
        let err = crate::cli::command().try_get_matches_from(args).expect_err("a wrong command line");
        match unread(&err) {
            Unread::Wrong(sentence) => sentence,
            Unread::Asked(text) => format!("taken for a request for help: {text}"),
        }
    }

    #[test]
    fn a_photo_in_place_of_a_command_is_sent_to_the_window() {
        let sentence = wrong(&["gazelens", "Cargo.toml"]);
        assert!(sentence.ends_with("gazelens gui Cargo.toml"), "said: {sentence}");
    }

    #[test]
    fn a_wrong_command_line_is_one_sentence() {
        for args in [
            &["gazelens", "mask"][..],
            &["gazelens", "paint"],
            &["gazelens", "trace", "--image", "a.png", "--prompt", "x", "--out", "t", "--temperature", "-1"],
            &["gazelens", "list", "dreams"],
            &["gazelens", "--threads", "0"],
            &["gazelens", "--threads", "2", "list", "metrics"],
        ] {
            let sentence = wrong(args);
            assert_eq!(sentence.lines().count(), 1, "{args:?}: {sentence}");
            assert!(!sentence.contains("Usage:"), "{args:?}: {sentence}");
        }
    }

    #[test]
    fn a_negative_number_is_refused_by_its_range_and_not_taken_for_a_flag() {
        let base = ["gazelens", "trace", "--image", "a.png", "--prompt", "x", "--out", "t"];
        let sentence = wrong(&[&base[..], &["--temperature", "-1"]].concat());
        assert!(sentence.contains("expected a number from 0"), "{sentence}");
        let sentence = wrong(&[&base[..], &["--max-new-tokens", "-3"]].concat());
        assert!(sentence.contains("expected a whole number from 1"), "{sentence}");
    }

    #[test]
    fn unknown_names_are_answered_with_the_nearest() {
        for (args, near) in [
            (&["gazelens", "Trace"][..], "found `Trace` (near: trace)"),
            (&["gazelens", "metric"], "found `metric` (near: metrics)"),
            (&["gazelens", "list", "strategy"], "found `strategy` (near: strategies)"),
            (
                &["gazelens", "--dtype", "F32"],
                "Expected --dtype as one of auto, f32, f16, bf16, found `F32` (near: f32",
            ),
            (&["gazelens", "paint"], "found `paint`"),
        ] {
            let sentence = wrong(args);
            assert!(sentence.contains(near), "{args:?}: {sentence}");
        }
        assert!(wrong(&["gazelens", "bench", "--modle", "demo"]).contains("--model"), "options too");
    }

    #[test]
    fn an_option_that_a_command_does_not_have_is_not_offered_as_a_value() {
        let sentence = wrong(&["gazelens", "list", "metrics", "--model", "demo"]);
        assert!(sentence.contains("unexpected argument '--model' found"), "{sentence}");
        assert!(!sentence.contains("tip:") && !sentence.contains("-- --"), "{sentence}");
    }

    #[test]
    fn every_wrong_value_is_answered_in_plain_words() {
        let program = crate::cli::command();
        let mut num_tried = 0;
        for command in program.get_subcommands() {
            for option in command.get_arguments().filter(|option| option.get_action().takes_values()) {
                // A number with a sign is taken for an option where texts and files stand.
                let takes_numbers = option.is_allow_negative_numbers_set();
                let Some(flag) = option.get_long().map(|long| format!("--{long}")) else { continue };
                for value in ["abc", "-1", "1e400", "99999999999999999999999", "", "1:", "²", "0.5.5"] {
                    let args = ["gazelens", command.get_name(), &flag, value];
                    let Err(err) = crate::cli::command().try_get_matches_from(args) else { continue };
                    let Unread::Wrong(sentence) = unread(&err) else { continue };
                    num_tried += 1;
                    // What Rust's own readers say, and what clap says of a number with a sign.
                    for foreign in [
                        "invalid digit",
                        "invalid float",
                        "empty string",
                        "number too",
                        "is not in",
                        "cannot parse",
                        "trailing input",
                        "premature end",
                        if takes_numbers { "unexpected argument '-1'" } else { "invalid digit" },
                    ] {
                        assert!(!sentence.contains(foreign), "{args:?}: {sentence}");
                    }
                    if let Some((_, why)) = sentence.split_once(&format!("for '{flag}")) {
                        let why = why.to_lowercase();
                        let is_told =
                            ["expected", "one of", "none was supplied"].iter().any(|words| why.contains(words));
                        assert!(is_told, "{args:?}: {sentence}");
                    }
                }
            }
        }
        assert!(num_tried > 100, "{num_tried}");
    }

    #[test]
    fn help_is_no_error() {
        let err = crate::cli::command().try_get_matches_from(["gazelens", "--help"]).expect_err("help ends parsing");
        assert!(matches!(unread(&err), Unread::Asked(text) if text.contains("trace")), "help is given as it is");
    }

    #[test]
    fn threads_are_bounded() {
        let sentence = wrong(&["gazelens", "--threads", "100000"]);
        assert!(sentence.contains("from 1 to 1024"), "{sentence}");
    }
}
