//! `initctl`, the administrative front end of Rung: arguments → request → rendering.
//!
//! `cli` says what can be written on the command line, `verbs` turns each verb into requests, `render` turns replies
//! into text (pure), `schema` says what `--json` prints, `logs` reads log files without the manager's help.

mod boots;
mod cli;
mod complete;
mod exit;
mod graph;
mod logs;
mod man;
mod output;
mod own;
mod processes;
mod quick;
mod refusal;
mod render;
mod sandbox;
mod schema;
mod terminal;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    if complete::answer::<cli::Cli>() {
        return ExitCode::SUCCESS;
    }
    if let Some(cli) = quick::parse(std::env::args_os()) {
        return verbs::run(cli);
    }
    let cli = match refusal::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(refusal) => return refusal.print(),
    };
    verbs::run(cli)
}
