//! Reading the command line, and what is said of one that is wrong.

use crate::cli::{Cli, command};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};
use init::unit::nearest;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Why there is nothing to run: help was asked for, or the line is wrong.
#[derive(Debug)]
pub struct Refusal {
    pub(crate) error: clap::Error,
    /// The verb the line names, where there is one of that name.
    verb: Option<String>,
    /// The line has `--json`.
    json: bool,
}

/// Whether a line that can't be read has a flag all the same.
fn has(args: &[OsString], long: &str, short: char) -> bool {
    let words = args.iter().skip(1).filter_map(|a| a.to_str()).take_while(|w| *w != "--");
    let cluster =
        |w: &str| w.strip_prefix('-').is_some_and(|w| w.contains(short) && w.chars().all(|c| "jq".contains(c)));
    words.into_iter().any(|w| w == long || cluster(w))
}

/// Reads the command line.
///
/// # Errors
/// [`Refusal`], to be printed.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Refusal> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    if let [_, flag] = args.as_mut_slice()
        && (flag == "--version" || flag == "-V")
    {
        *flag = "version".into();
    }
    let read = command().try_get_matches_from(&args).and_then(|matches| Cli::from_arg_matches(&matches));
    read.map_err(|error| {
        let words = args.iter().skip(1).filter_map(|a| a.to_str());
        let verb = words.map(str::to_owned).find(|w| Cli::command().find_subcommand(w).is_some());
        Refusal { error, verb, json: has(&args, "--json", 'j') && !has(&args, "--quiet", 'q') }
    })
}

/// Verbs of other systems' tools, and what does the same here.
const FOREIGN: &[(&[&str], &str)] = &[
    (&["daemon-reload"], "nothing: changed unit files are seen at the next request; or initctl reload --units"),
    (&["daemon-reexec"], "initctl reexec"),
    (&["list-units", "list-unit-files", "list-jobs"], "initctl list"),
    (&["list-dependencies"], "initctl deps NAME"),
    (
        &["systemd-analyze", "analyze", "critical-chain", "plot"],
        "initctl boot, initctl boot critical-chain, initctl boot plot",
    ),
    (&["isolate", "default", "rescue", "emergency", "telinit"], "initctl runlevel LEVEL"),
    (&["set-property"], "initctl set NAME KEY=VALUE"),
    (&["delta", "systemd-delta"], "initctl diff"),
    (&["condrestart"], "initctl try-restart NAME"),
    (&["log", "journal", "journalctl"], "initctl logs NAME"),
    (&["shutdown"], "initctl poweroff, or initctl reboot"),
];

impl Refusal {
    /// Prints help to stdout, or one line about what is wrong to stderr.
    pub fn print(&self) -> ExitCode {
        if matches!(self.error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand) {
            // A reader who has seen enough closes the pipe; that is no failure.
            let _ = self.error.print();
            return ExitCode::SUCCESS;
        }
        let text = self.text();
        eprintln!("initctl: {text}");
        if self.json {
            let error = crate::exit::document("CommandLine", &text, &[], crate::exit::USAGE);
            // Nobody is left to tell that stdout is gone.
            let _ = writeln!(std::io::stdout(), "{}", serde_json::json!({ "error": error }));
        }
        ExitCode::from(crate::exit::USAGE)
    }

    pub(crate) fn text(&self) -> String {
        let context = |kind| self.error.get(kind).map(ContextValue::to_string);
        if self.error.kind() == ErrorKind::InvalidSubcommand {
            let verb = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            if let Some((_, here)) = FOREIGN.iter().find(|(names, _)| names.contains(&verb.as_str())) {
                return format!("there is no verb `{verb}`\n  try: {here}");
            }
            let command = Cli::command();
            let verbs = command.get_subcommands().filter(|c| !c.is_hide_set()).map(clap::Command::get_name);
            let near: Vec<String> = nearest(&verb, verbs).into_iter().map(|v| format!("`{v}`")).collect();
            let near = crate::render::did_you_mean(&near);
            return format!("there is no verb `{verb}`{near}\n  try: initctl help");
        }
        let whole = self.error.to_string();
        let mut lines = whole.lines().map(str::trim_end).take_while(|l| !l.starts_with("Usage:"));
        let first = lines.next().unwrap_or("the command line is wrong");
        let mut text = first.strip_prefix("error: ").unwrap_or(first).to_owned();
        for line in lines.filter(|l| !l.is_empty() && !l.starts_with("For more")) {
            text.push_str("\n  ");
            text.push_str(line.trim_start());
        }
        text.push_str("\n  try: initctl ");
        text.push_str(&self.verb.as_ref().map_or("help".to_owned(), |v| format!("{v} --help")));
        text
    }
}
