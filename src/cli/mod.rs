//! The command line.
//!
//! One file a command; [`run`] parses, dispatches and turns what went wrong into one sentence and an exit status: 0
//! done, 1 the work failed, 2 the command line was wrong (`failure` has the rule).

mod args;
mod bench;
mod chair;
mod common_args;
mod directions;
mod endings;
mod failure;
mod figure;
mod figure_args;
mod gui;
mod heads;
mod inputs;
mod list;
mod mask;
mod metrics;
mod output;
mod prompt_image;
mod prompting_args;
mod source;
mod study;
mod threads;
mod trace;
mod trace_args;
mod truth_args;
mod usage;

use crate::panics;
use anyhow::anyhow;
use args::{Cli, Command, GuiArgs};
use clap::Parser as _;
use common_args::ModelArgs;
use failure::Failure;
use std::process::ExitCode;

/// Runs the program with the arguments of its process.
pub fn run() -> ExitCode {
    crate::files::end_cleanly();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(err) => return unread(&err),
    };
    match contained(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure.sentence());
            ExitCode::from(failure.status())
        }
    }
}

/// A library's panic is an error like any other: one sentence, exit status 1. Whoever asks for a backtrace gets the
/// panic as it is, and so does the window, which cannot go on without its own thread.
fn contained(cli: Cli) -> Result<(), Failure> {
    let is_window = matches!(cli.command, None | Some(Command::Gui { .. }));
    if is_window || std::env::var_os("RUST_BACKTRACE").is_some() {
        return dispatch(cli);
    }
    without_panics(|| dispatch(cli))
}

fn without_panics(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panics::contain(work)
        .unwrap_or_else(|words| Err(Failure::work(anyhow!("Cannot finish the command: internal error ({words})"))))
}

fn unread(err: &clap::Error) -> ExitCode {
    match usage::unread(err) {
        // A reader that has gone away is no error.
        usage::Unread::Asked(text) => match output::line(text.trim_end()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(err) => {
                output::error(&format!("{err:#}"));
                ExitCode::FAILURE
            }
        },
        usage::Unread::Wrong(sentence) => {
            output::error(&sentence);
            ExitCode::from(2)
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let Some(command) = cli.command else {
        return window(&cli.model, GuiArgs::default());
    };
    match command {
        Command::Gui { model, args } => window(&model, args),
        Command::Trace(args) => {
            threads::take(args.model.place.threads)?;
            trace::run(&args)
        }
        Command::Chair(args) => chair::run(&args),
        Command::List(args) => list::run(&args),
        Command::Mask(args) => mask::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::PromptImage(args) => {
            threads::take(args.model.place.threads)?;
            prompt_image::run(&args)
        }
        Command::Figure(args) => {
            threads::take(args.model.place.threads)?;
            figure::run(&args.model, &args)
        }
        Command::Html(args) => figure::run_html(&args),
        Command::Directions(args) => {
            threads::take(args.model.place.threads)?;
            directions::run(&args)
        }
        Command::Heads(args) => {
            threads::take(args.model.place.threads)?;
            heads::run(&args)
        }
        Command::Study { command } => study::dispatch(command),
        Command::Bench(args) => {
            threads::take(args.model.place.threads)?;
            bench::run(&args)
        }
    }
}

fn window(model: &ModelArgs, args: GuiArgs) -> Result<(), Failure> {
    threads::keep_one_for_the_window(model.place.threads)?;
    gui::run(model, args)
}

/// Every command and flag that exists, for tests of the documentation.
pub fn command() -> clap::Command {
    use clap::CommandFactory as _;
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_one_sentence_and_exit_status_1() {
        let failure = without_panics(|| panic!("index 7\n  of 3")).expect_err("it panics");
        assert_eq!(failure.sentence(), "Cannot finish the command: internal error (index 7 of 3)", "one line");
        assert_eq!(failure.status(), 1, "the work failed");
        assert!(without_panics(|| Ok(())).is_ok(), "nothing else changes");
    }
}
