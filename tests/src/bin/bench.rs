//! The comparison with other inits; started by `tests/bench/run`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match rung_tests::bench::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("bench: {text}");
            ExitCode::FAILURE
        }
    }
}
