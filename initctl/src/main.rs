//! The front end.
mod sandbox;

use clap::Parser;

#[derive(Parser)]
enum Command {
    Sandbox(sandbox::Args),
}

fn main() -> std::process::ExitCode {
    let Command::Sandbox(args) = Command::parse();
    sandbox::run(args)
}
