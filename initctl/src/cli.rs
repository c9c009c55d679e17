//! The command line: verbs, flags and their help.

use crate::verbs::blame;
use crate::verbs::boot;
use crate::verbs::clean;
use crate::verbs::diff;
use crate::verbs::edit;
use crate::verbs::list;
use crate::verbs::mask;
use crate::verbs::new;
use crate::verbs::plan;
use crate::verbs::ps;
use crate::verbs::revert;
use crate::verbs::run;
use crate::verbs::set;
use crate::verbs::top;
use crate::verbs::tree;
use crate::{man, sandbox};
use clap::{Arg, ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use init::core::Whom;
use init::proto::words;
use init::unit::{Level, LevelSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
Names may leave out `.service`; most verbs take patterns as well ('web@*'), and those that stop something look among what
runs. Verbs wait until what they ask for is done; interrupt them at any time, the work goes on.

Exit status:
  0  done; for is-active, is-failed, is-enabled: yes
  1  it failed, or: no
  2  the command line is wrong
  3  status, is-active: not active
  4  status, is-… and what else only asks: no such unit, or no manager to ask; others: permission denied
  5  others: no such unit

Environment:
  RUNG_RUNDIR  where run-time state lives, instead of /run/rung
  RUNG_LOGDIR  where logs lie, instead of /var/log/rung
  NO_COLOR     no colour, even on a terminal

Examples:
  initctl                          what runs, what doesn't
  initctl status nginx             one service, with its last log lines
  initctl restart nginx            restart it, and say why if that fails
  initctl enable nginx --now       start it at boot, and now
  initctl logs nginx -f            follow what it writes
  initctl sandbox --units ./units  boot Rung on a copy of this machine";

/// Control Rung: services, levels, power.
///
/// Without a verb: `list`.
#[derive(Debug, Parser)]
#[command(name = "initctl", disable_version_flag = true, after_help = AFTER_HELP, max_term_width = 80)]
#[command(infer_subcommands = false, args_conflicts_with_subcommands = false)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags every verb has, before or after it.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Global {
    /// Print JSON, one document (`logs`, `events -f`: one a line); `initctl schema` describes it.
    #[arg(long, short = 'j', global = true)]
    pub json: bool,
    /// Print nothing; the exit status tells.
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Return as soon as the request is queued.
    #[arg(long, global = true)]
    pub no_wait: bool,
    /// Only show what would be done: the plan, step by step, with the reason of each.
    #[arg(long, global = true)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List units: name, state, since when, main process, levels, description.
    #[command(after_help = "Failed units come first. Into a pipe goes a line a unit, without titles.\n\n\
                            Examples:\n  initctl list --failed\n  initctl list --level 3 'get*'\n  \
                            initctl list --state active,activating --columns name,pid,file")]
    List(list::Args),
    /// Show units in full, with their last log lines; without a name, the system.
    #[command(after_help = "Exit status: 0 active, 3 not active, 4 no such unit or no manager.")]
    Status(OptionalNames),
    /// Start units, and what they require and want.
    #[command(after_help = "Examples:\n  initctl start nginx\n  initctl start --no-wait backup")]
    Start(Names),
    /// Stop units, and first what requires them.
    #[command(
        after_help = "A pattern stands for those that run.\n\nExamples:\n  initctl stop nginx\n  initctl stop 'web@*'"
    )]
    Stop(Names),
    /// Stop units and start them; start those that don't run.
    #[command(
        after_help = "A pattern stands for those that run.\n\nExamples:\n  initctl restart nginx\n  initctl restart 'php*'"
    )]
    Restart(Names),
    /// Restart those of the units that run.
    TryRestart(Names),
    /// Have services read their configuration again (ExecReload=); with --units, have Rung read its unit files again.
    #[command(after_help = "Unit files are read again at the next request after a change; --units only reports what \
                            changed, and forces a full scan; where both a systemd unit and an init script have a name it chooses anew.\n\nExamples:\n  initctl reload nginx\n  initctl reload --units")]
    Reload(ReloadArgs),
    /// Send a signal to a service's processes.
    #[command(after_help = "Examples:\n  initctl kill nginx\n  initctl kill -s HUP --whom main nginx")]
    Kill(KillArgs),
    /// Turn units on: they start in these levels from the next boot or switch on.
    #[command(
        after_help = "A name that is an init script is switched by its links in /etc/rcN.d, as update-rc.d or chkconfig \
                            would.\n\nExamples:\n  initctl enable nginx\n  initctl enable nginx --levels 2345 --now\n  \
                            initctl enable --root ./rootfs nginx"
    )]
    Enable(EnableArgs),
    /// Turn units off.
    #[command(after_help = "Examples:\n  initctl disable nginx --now\n  initctl disable nginx --levels 2")]
    Disable(EnableArgs),
    /// Show units as trees of what they require and want.
    #[command(after_help = "Examples:\n  initctl tree\n  initctl tree --level 5\n  initctl tree nginx")]
    Tree(tree::TreeArgs),
    /// Show what units refer to: requirements, wishes, order, conflicts.
    #[command(after_help = "Examples:\n  initctl deps nginx\n  initctl deps --reverse --all network.target")]
    Deps(tree::DepsArgs),
    /// Show how long starts took, and what the boot waited for.
    #[command(after_help = "A unit's first start since boot counts. It WAITED from when it was asked for until it \
                            began: for what it is ordered after.\n\n\
                            Examples:\n  initctl blame\n  initctl blame --chain\n  initctl blame --chain nginx")]
    Blame(blame::Args),
    /// Show where the time of a boot went, this one's or an earlier one's.
    #[command(after_help = boot::HELP)]
    Boot(boot::Args),
    /// Show processes by unit, and those of no unit.
    #[command(
        after_help = "Examples:\n  initctl ps nginx\n  initctl ps --strays\n  initctl ps | awk '$1 == \"cron.service\" {print $2}'"
    )]
    Ps(ps::Args),
    /// Watch what units use: CPU, memory, processes.
    #[command(
        after_help = "Keys: q quits; c m p n sort by CPU, memory, processes, name; r reverses; cursor keys or j k move; \
                            Enter shows processes; space pauses; + and - change the delay.\n\n\
                            Examples:\n  initctl top --sort memory\n  initctl top --once"
    )]
    Top(top::Args),
    /// Show what a request would stop, start, restart and leave, in which order and why, without making it.
    #[command(
        after_help = "Steps of one wave run side by side, after all earlier waves they wait for. --dry-run shows the \
                            same on the verb itself.\n\nExamples:\n  initctl plan restart nginx\n  initctl plan runlevel 1\n  \
                            initctl plan enable nginx\n  initctl stop --dry-run db"
    )]
    Plan(plan::Args),
    /// Show in which levels units are on; with --edit, change that in a table.
    #[command(after_help = "Nothing is changed before s was pressed and the list of changes was agreed to.\n\n\
                            Examples:\n  initctl levels\n  initctl levels --edit nginx cron")]
    Levels(crate::verbs::levels::Args),
    /// Print the previous and the present runlevel (`N 3`), or switch to another.
    #[command(after_help = "Examples:\n  initctl runlevel\n  initctl runlevel 1")]
    Runlevel(RunlevelArgs),
    /// Stop everything and switch the power off.
    Poweroff(PowerArgs),
    /// Stop everything and start the machine again.
    Reboot(PowerArgs),
    /// Stop everything and halt the processor.
    Halt(PowerArgs),
    /// Show what a service wrote.
    #[command(
        after_help = "Examples:\n  initctl logs nginx\n  initctl logs nginx -n 20 -f\n  initctl logs nginx -n all"
    )]
    Logs(LogsArgs),
    /// Say why a unit runs, doesn't run or has failed, who asked for that, and what to do.
    #[command(after_help = crate::verbs::why::WHY_HELP)]
    Why(crate::verbs::why::Args),
    /// Show what a start would do, step by step; nothing is done.
    #[command(after_help = crate::verbs::why::EXPLAIN_HELP)]
    Explain(crate::verbs::why::Args),
    /// Show what happened: starts, ends, failures, who asked for what; also before the last boot.
    #[command(after_help = crate::verbs::history::HELP)]
    History(crate::verbs::history::Args),
    /// Show what happens, as it happens with -f: states, jobs, requests, levels.
    #[command(after_help = crate::verbs::events::HELP)]
    Events(crate::verbs::events::Args),
    /// Print unit files and their drop-ins.
    Cat(Names),
    /// Change a unit: a drop-in, opened in an editor and checked before it counts.
    #[command(after_help = "The editor is $VISUAL, else $EDITOR, else the first of editor, nano, vi.\n\nExamples:\n  \
                            initctl edit nginx\n  initctl edit --full nginx\n  initctl edit --stdin nginx <my.conf")]
    Edit(edit::Args),
    /// Set keys of a unit, in a drop-in.
    #[command(
        after_help = "Examples:\n  initctl set nginx Restart=always RestartSec=2\n  initctl set nginx Environment+=DEBUG=1\n  \
                            initctl set nginx Nice="
    )]
    Set(set::Args),
    /// Write a unit from a command line.
    #[command(after_help = "Examples:\n  initctl new web -- /usr/bin/python3 -m http.server 8000\n  \
                            initctl new web --user www-data --enable --now -- ./serve --port 80")]
    New(new::Args),
    /// Take the changes to units back: drop-ins, files that stand before a package's, masks.
    #[command(after_help = "What is taken away stays beside, under a name that ends in ~.")]
    Revert(revert::Args),
    /// Show what is changed against the files packages bring; without a name, of all units.
    Diff(diff::Args),
    /// Have nothing start units any more: a link to /dev/null in place of their file.
    #[command(after_help = "Examples:\n  initctl mask nginx --now\n  initctl unmask nginx")]
    Mask(mask::MaskArgs),
    /// Take masks away.
    Unmask(mask::UnmaskArgs),
    /// Print a unit's properties as KEY=VALUE; without a name, the manager's.
    #[command(after_help = "Examples:\n  initctl show nginx\n  initctl show nginx -p MainPID --value")]
    Show(ShowArgs),
    /// Check unit files as the manager reads them; without a file, all there are.
    #[command(
        after_help = "Programs, users, groups, folders and other units that a unit needs are looked for as well. A \
                            key that isn't honoured is told with what happens instead.\n\nExit status: 0 no errors, 1 \
                            errors (with --strict: or warnings), 2 wrong usage.\n\nExamples:\n  initctl verify\n  \
                            initctl verify web ./new.service\n  initctl verify --root ./rootfs\n  \
                            initctl verify /usr/lib/systemd/system"
    )]
    Verify(VerifyArgs),
    /// Have PID 1 and the manager execute themselves anew (after an upgrade).
    Reexec,
    /// Print the state of units; succeed if one is active.
    IsActive(Names),
    /// Print the state of units; succeed if one has failed.
    IsFailed(Names),
    /// Print whether units are on in any level; succeed if one is.
    #[command(after_help = "Examples:\n  initctl is-enabled nginx\n  initctl is-enabled --root ./rootfs nginx")]
    IsEnabled(IsEnabledArgs),
    /// Forget failures and start limits; without a name, of all failed units.
    ResetFailed(OptionalNames),
    /// Show what holds a shutdown or a switch of levels up; give it more time, kill it, or go on without it.
    #[command(after_help = "Nobody can put off the end of the machine beyond an hour after it was asked for.\n\n\
                            Examples:\n  initctl shutdown-jobs\n  initctl shutdown-jobs wait db --for 300\n  \
                            initctl shutdown-jobs kill web\n  initctl shutdown-jobs --watch")]
    ShutdownJobs(crate::verbs::shutdown_jobs::Args),
    /// Wait until units are in a state.
    #[command(after_help = "Fails when a unit fails instead, or when the time is up.\n\nExamples:\n  \
                            initctl wait nginx\n  initctl wait backup --for inactive --timeout 3600")]
    Wait(WaitArgs),
    /// Have an init script do something, in a clean environment and as part of its unit.
    #[command(after_help = run::RUN_HELP)]
    Run(run::RunArgs),
    /// Take over a daemon that somebody has started without Rung, as its unit.
    #[command(
        after_help = "Its main process is the one given, else the one in PIDFile=, else the only one that runs in \
                            the unit's cgroup.\n\nExamples:\n  initctl adopt nginx\n  initctl adopt nginx --pid 4711"
    )]
    Adopt(run::AdoptArgs),
    /// Print the version, and the manager's where there is one.
    Version,
    /// Remove folders that services were given (RuntimeDirectory= and its kin); not of those that run.
    #[command(after_help = "Examples:\n  initctl clean build\n  initctl clean build --what state,logs")]
    Clean(clean::Args),
    /// Print the completion script for a shell: bash, zsh or fish.
    #[command(after_help = "The installer puts them where the shells look for them. By hand, for bash:\n  \
                            source <(initctl completion bash)")]
    Completion {
        /// The shell.
        #[arg(value_parser = ["bash", "zsh", "fish"], value_name = "SHELL")]
        shell: String,
    },
    /// Print a man page's source, or write all of them under a folder.
    #[command(after_help = "Examples:\n  initctl man rung.unit | man -l -\n  initctl man --write /usr/share/man")]
    Man(man::Args),
    /// Print the JSON Schema of what a verb prints with --json; without a verb, the name and version of each.
    #[command(after_help = crate::schema::HELP)]
    Schema(crate::schema::Args),
    /// Accept an event and do nothing (scripts of other systems send them).
    #[command(hide = true)]
    Emit(EmitArgs),
    /// Boot Rung in namespaces on a throw-away copy of a root, and run a command or a shell in it.
    Sandbox(sandbox::Args),
}

#[derive(Debug, Args)]
pub struct Names {
    /// Units, or patterns such as 'web@*'.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

#[derive(Debug, Args)]
pub struct OptionalNames {
    /// Units, or patterns such as 'web@*'.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ReloadArgs {
    /// Units, or patterns such as 'web@*'.
    #[arg(required_unless_present = "units", conflicts_with = "units", value_name = "NAME")]
    pub names: Vec<String>,
    /// Read unit files and level links again.
    #[arg(long)]
    pub units: bool,
}

#[derive(Debug, Args)]
pub struct KillArgs {
    /// Units, or patterns such as 'web@*'.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// The signal, by name or number.
    #[arg(long, short, default_value = "TERM", value_parser = signal, value_name = "SIGNAL")]
    pub signal: i32,
    /// To which of the service's processes.
    #[arg(long, value_enum, default_value_t = To::All, value_name = "WHOM")]
    pub whom: To,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum To {
    /// The main process.
    Main,
    /// The Exec…= helper that runs now.
    Control,
    /// All of them.
    All,
}

impl From<To> for Whom {
    fn from(to: To) -> Self {
        match to {
            To::Main => Self::Main,
            To::Control => Self::Control,
            To::All => Self::All,
        }
    }
}

#[derive(Debug, Args)]
pub struct EnableArgs {
    /// Units.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Levels, such as 2345 (default: the unit's Runlevels= when enabling, all when disabling).
    #[arg(long, value_parser = levels, value_name = "LEVELS")]
    pub levels: Option<LevelSet>,
    /// Also start (enable) or stop (disable) them now.
    #[arg(long)]
    pub now: bool,
    /// Change the links in this root instead, an image's; no Rung need run there.
    #[arg(long, value_name = "DIR", conflicts_with = "now")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct IsEnabledArgs {
    /// Units.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Look at the links in this root instead, an image's.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunlevelArgs {
    /// The level to switch to: S, 0 to 6.
    #[arg(value_parser = level)]
    pub level: Option<Level>,
}

#[derive(Debug, Args)]
pub struct PowerArgs {
    /// Don't stop services in order: kill, unmount, sync, end.
    #[arg(long, short)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The unit.
    pub name: String,
    /// How many of the last lines to show, or `all`.
    #[arg(long, short = 'n', default_value = "100", value_parser = lines, value_name = "N")]
    pub lines: usize,
    /// Go on with what it writes from now on.
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Units, or patterns such as 'web@*'.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only this key; may be repeated.
    #[arg(long, short, value_name = "KEY")]
    pub property: Vec<String>,
    /// Print values without their keys.
    #[arg(long)]
    pub value: bool,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Unit files, folders of them, init.conf, or names of units.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Look into this root instead, an image's: files, programs and accounts are those in it.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Warnings count as errors.
    #[arg(long)]
    pub strict: bool,
    /// A table of what is honoured instead of a line for each key that isn't; the default for folders and for all units.
    #[arg(long)]
    pub summary: bool,
}

#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Units, or patterns such as 'web@*'.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// The state to wait for.
    #[arg(long = "for", value_enum, default_value_t = Until::Active, value_name = "STATE")]
    pub until: Until,
    /// Give up after so many seconds.
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub timeout: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Until {
    /// It runs (a one-shot: it is done).
    Active,
    /// It doesn't run any more, with or without a failure.
    Inactive,
    /// It has failed.
    Failed,
}

#[derive(Debug, Args)]
pub struct EmitArgs {
    /// Anything.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// Reads one level.
pub fn level(text: &str) -> Result<Level, String> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Level::try_from(c),
        _ => Err("S and 0 to 6 are runlevels".to_owned()),
    }
}

/// Levels, at least one.
pub fn levels(text: &str) -> Result<LevelSet, String> {
    match LevelSet::parse(text) {
        Ok(set) if set.is_empty() => Err("no level is named".to_owned()),
        Ok(set) => Ok(set),
        Err(c) => Err(format!("`{c}` is no runlevel: S, 0 to 6 are")),
    }
}

fn signal(text: &str) -> Result<i32, String> {
    words::signal_number(text).ok_or_else(|| "no signal of that name or number".to_owned())
}

pub fn lines(text: &str) -> Result<usize, String> {
    if text == "all" { Ok(usize::MAX) } else { text.parse().map_err(|_| "a number or `all` is wanted".to_owned()) }
}

pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| "a number of seconds is wanted".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}

/// Verbs for which --no-wait means something; the others take it, and their help doesn't name it.
const WAITING: &[&str] = &[
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "kill",
    "enable",
    "disable",
    "runlevel",
    "poweroff",
    "reboot",
    "halt",
    "new",
    "mask",
    "reexec",
    "reset-failed",
];

/// The declaration of the command line, as help, man page and completion show it.
pub fn command() -> clap::Command {
    let mut command = Cli::command();
    let verbs: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    for verb in verbs.iter().filter(|v| !WAITING.contains(&v.as_str()) && *v != "help") {
        // A verb's own flag comes before the one it gets from all.
        let hidden = Arg::new("no_wait").long("no-wait").action(ArgAction::SetTrue).hide(true);
        command = command.mut_subcommand(verb, |c| c.arg(hidden));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::{Refusal, parse};

    fn of(line: &str) -> Result<Cli, Refusal> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_or_after_the_verb() {
        for line in ["initctl --json -q list", "initctl list --json --quiet", "initctl -q list -j"] {
            let cli = of(line).expect(line);
            assert!(cli.global.json && cli.global.quiet && !cli.global.no_wait, "{line}");
        }
    }

    #[test]
    fn other_systems_lines_are_taken() {
        for line in [
            "initctl --quiet emit unmounted-remote-filesystems",
            "initctl emit --quiet starting JOB=x",
            "initctl emit -n net-device-up IFACE=lo",
            "initctl list",
            "initctl",
        ] {
            assert!(of(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_a_line_and_without_usage() {
        let cases = [
            ("initctl strat nginx", "there is no verb `strat`; did you mean `start`?"),
            ("initctl frobnicate", "there is no verb `frobnicate`\n"),
            ("initctl daemon-reload", "try: nothing: changed unit files are seen at the next request"),
            ("initctl -q set-property nginx A=1", "try: initctl set NAME"),
            ("initctl start", "required arguments"),
            ("initctl runlevel 9", "`9` is no runlevel"),
            ("initctl -q runlevel 23", "try: initctl runlevel --help"),
            ("initctl kill -s BOGUS a", "no signal of that name"),
            ("initctl start --force a", "'--force'"),
            ("initctl enable a --levels 29", "`9` is no runlevel"),
        ];
        for (line, part) in cases {
            let text = of(line).expect_err(line).text();
            assert!(text.contains(part) && !text.contains("Usage") && text.contains("\n  try: "), "{line}: {text}");
            assert!(text.lines().count() <= 4, "{text}");
        }
    }

    #[test]
    fn no_wait_is_named_where_it_means_something() {
        for (verb, named) in [("start", true), ("reexec", true), ("list", false), ("why", false)] {
            let help = of(&format!("initctl {verb} --help")).expect_err(verb).error.to_string();
            assert_eq!(help.contains("--no-wait"), named, "{verb}: {help}");
        }
        assert!(of("initctl list --no-wait").is_ok_and(|cli| cli.global.no_wait));
        assert!(of("initctl --no-wait start a").is_ok_and(|cli| cli.global.no_wait));
    }

    #[test]
    fn the_version_is_a_verb_and_a_flag() {
        for line in ["initctl version", "initctl --version", "initctl -V"] {
            assert!(matches!(of(line).expect(line).verb, Some(Verb::Version)), "{line}");
        }
        assert!(of("initctl start --version").is_err());
    }

    #[test]
    fn every_verb_has_help() {
        for verb in Cli::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            for arg in verb.get_arguments() {
                assert!(arg.get_help().is_some(), "{} {}", verb.get_name(), arg.get_id());
            }
        }
        let help = Cli::command().render_long_help().to_string();
        assert!(!help.to_lowercase().contains("upstart") && help.contains("Exit status:"));
    }
}
