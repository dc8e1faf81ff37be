//! gazelens, the program: everything is in the library, see `gazelens::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gazelens::cli::run()
}
