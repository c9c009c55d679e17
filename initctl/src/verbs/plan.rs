//! `plan VERB…`, and `--dry-run` on the verbs themselves.

use super::Context;
use crate::cli::{EnableArgs, Verb as CliVerb};
use crate::exit::{FAILED, Failure};
use crate::render::plan as render;
use init::core::{State, Verb};
use init::proto::control::{Enable, PlanOf, PlanRequest, Planned, PowerWord, Units, Version};
use init::unit::{Level, LevelSet, UnitName};

const NOT_MADE: &str = "there is no --dry-run for this verb: nothing was done";

/// A request that can be planned, by its verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Start units.
    Start,
    /// Stop units.
    Stop,
    /// Stop and start them.
    Restart,
    /// Restart those that run.
    TryRestart,
    /// Have them read their configuration again; without a name: unit files.
    Reload,
    /// Forget failures.
    ResetFailed,
    /// Turn units on.
    Enable,
    /// Turn units off.
    Disable,
    /// Switch to a level.
    Runlevel,
    /// Switch the power off.
    Poweroff,
    /// Start the machine again.
    Reboot,
    /// Halt the processor.
    Halt,
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What would be asked.
    #[arg(value_enum, value_name = "VERB")]
    pub verb: What,
    /// Units; for `runlevel`, the level.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// For `enable` and `disable`: the levels, such as 2345.
    #[arg(long, value_parser = crate::cli::levels, value_name = "LEVELS")]
    pub levels: Option<LevelSet>,
}

/// `plan VERB…`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let names = args.names.clone();
    let units = |verb| PlanOf::Units { verb, names: names.clone() };
    let enable = || Enable { names: names.clone(), levels: args.levels.map(|l| l.to_string()) };
    let needs_names =
        !matches!(args.verb, What::Reload | What::ResetFailed | What::Poweroff | What::Reboot | What::Halt);
    if needs_names && names.is_empty() {
        let what = if args.verb == What::Runlevel { "level given: S, 0 to 6" } else { "unit named" };
        return Err(Failure::Other(format!("no {what}\n  try: initctl plan --help")));
    }
    let of = match args.verb {
        What::Start => units(Verb::Start),
        What::Stop => units(Verb::Stop),
        What::Restart => units(Verb::Restart),
        What::TryRestart => units(Verb::TryRestart),
        What::Reload if names.is_empty() => return files(c),
        What::Reload => units(Verb::Reload),
        What::ResetFailed => return reset_failed(c, names),
        What::Enable => PlanOf::Enable(enable()),
        What::Disable => PlanOf::Disable(enable()),
        What::Runlevel => {
            let level = args.names.first().and_then(|text| {
                let mut chars = text.chars();
                chars.next().filter(|_| chars.as_str().is_empty()).and_then(Level::from_char)
            });
            PlanOf::Level(level.ok_or_else(|| Failure::Other("no such level: S and 0 to 6 are".to_owned()))?)
        }
        What::Poweroff => PlanOf::Power(PowerWord::PowerOff),
        What::Reboot => PlanOf::Power(PowerWord::Reboot),
        What::Halt => PlanOf::Power(PowerWord::Halt),
    };
    show(c, of)
}

/// `--dry-run`: answers the plan in the verb's place; `None`: the verb may go on, as it changes nothing or plans for itself.
pub fn dry_run(c: &mut Context, verb: &CliVerb) -> Option<Result<(), Failure>> {
    let units = |verb, names: &[String]| PlanOf::Units { verb, names: names.to_vec() };
    let enable = |args: &EnableArgs| Enable { names: args.names.clone(), levels: args.levels.map(|l| l.to_string()) };
    let of = match verb {
        CliVerb::Start(args) => units(Verb::Start, &args.names),
        CliVerb::Stop(args) => units(Verb::Stop, &args.names),
        CliVerb::Restart(args) => units(Verb::Restart, &args.names),
        CliVerb::TryRestart(args) => units(Verb::TryRestart, &args.names),
        CliVerb::Reload(args) if args.units => return Some(files(c)),
        CliVerb::Reload(args) => units(Verb::Reload, &args.names),
        CliVerb::Kill(args) => units(Verb::Kill { signal: args.signal, whom: args.whom.into() }, &args.names),
        CliVerb::ShutdownJobs(args) if args.what.is_some() => units(Verb::Stopping(args.course()?), &args.names),
        CliVerb::ResetFailed(args) => return Some(reset_failed(c, args.names.clone())),
        // In an image nobody can be asked.
        CliVerb::Enable(args) | CliVerb::Disable(args) if args.root.is_some() => return None,
        CliVerb::Enable(args) => return Some(with_now(c, PlanOf::Enable(enable(args)), Verb::Start, args)),
        CliVerb::Disable(args) => return Some(with_now(c, PlanOf::Disable(enable(args)), Verb::Stop, args)),
        CliVerb::Runlevel(args) => PlanOf::Level(args.level?),
        CliVerb::Poweroff(_) => PlanOf::Power(PowerWord::PowerOff),
        CliVerb::Reboot(_) => PlanOf::Power(PowerWord::Reboot),
        CliVerb::Halt(_) => PlanOf::Power(PowerWord::Halt),
        CliVerb::Reexec => return Some(reexec(c)),
        // These look at their own files, and say what they would write.
        CliVerb::Set(_)
        | CliVerb::New(_)
        | CliVerb::Revert(_)
        | CliVerb::Edit(_)
        | CliVerb::Levels(_)
        | CliVerb::Mask(_)
        | CliVerb::Unmask(_)
        | CliVerb::Clean(_) => return None,
        other if super::kind(other) == crate::exit::Kind::Question => return None,
        _ => return Some(Err(Failure::Other(NOT_MADE.to_owned()))),
    };
    Some(show(c, of))
}

/// A plan, asked for.
pub fn ask(c: &mut Context, of: PlanOf) -> Result<Planned, Failure> {
    c.ask("Plan", &PlanRequest { request: of })
}

/// A plan, printed.
pub fn print(c: &mut Context, planned: &Planned) -> Result<(), Failure> {
    c.out.data(planned, render::plan)
}

/// Fails, as the verb itself would, where a unit that was named is refused.
fn show(c: &mut Context, of: PlanOf) -> Result<(), Failure> {
    let named: Vec<UnitName> = match &of {
        PlanOf::Units { names, .. } => names.iter().filter_map(|n| UnitName::new(n).ok()).collect(),
        _ => Vec::new(),
    };
    let planned = ask(c, of)?;
    print(c, &planned)?;
    if planned.refused.iter().any(|r| named.contains(&r.unit)) { Err(Failure::Status(FAILED)) } else { Ok(()) }
}

/// `enable --now`, `disable --now`: the links, then the start or stop.
fn with_now(c: &mut Context, of: PlanOf, verb: Verb, args: &EnableArgs) -> Result<(), Failure> {
    let links = ask(c, of)?;
    if !args.now {
        return print(c, &links);
    }
    let jobs = ask(c, PlanOf::Units { verb, names: args.names.clone() })?;
    print(c, &Planned { links: links.links, ..jobs })
}

fn reset_failed(c: &mut Context, mut names: Vec<String>) -> Result<(), Failure> {
    if names.is_empty() {
        let all: Units = c.ask("List", &())?;
        let failed = all.units.into_iter().filter(|u| u.state == State::Failed);
        names = failed.map(|u| u.name.as_str().to_owned()).collect();
    }
    show(c, PlanOf::Units { verb: Verb::ResetFailed, names })
}

/// PID 1 and the manager alone are replaced; all that runs stays.
fn reexec(c: &mut Context) -> Result<(), Failure> {
    let version: Version = c.ask("Version", &())?;
    let all: Units = c.ask("List", &())?;
    let up = |s| matches!(s, State::Active | State::Activating | State::Reloading | State::Deactivating);
    let stays = all.units.into_iter().filter(|u| up(u.state)).map(|u| u.name).collect();
    // Only those who may reexec see the file.
    let file = std::fs::read_link("/proc/1/exe").map(|path| path.display().to_string());
    let file = file.map(|path| format!(" from {}", path.trim_end_matches(" (deleted)"))).unwrap_or_default();
    let notes = vec![
        format!("PID 1 would execute itself anew{file}, and go on with what it knows"),
        format!("a new manager would take over from that of version {}", version.version),
    ];
    print(c, &Planned { stays, notes, ..Planned::default() })
}

/// Unit files are read again at each request; that starts and stops nothing.
fn files(c: &mut Context) -> Result<(), Failure> {
    let all: Units = c.ask("List", &())?;
    let changed = all.units.iter().filter(|u| u.changed_on_disk);
    let notes = changed.map(|u| format!("{}: its file differs from what runs; a restart takes it in", u.name.short()));
    print(c, &Planned { notes: notes.collect(), ..Planned::default() })
}
