//! A verb → requests → what to print.

mod ask;
pub mod blame;
pub mod boot;
mod change;
pub mod clean;
pub mod diff;
pub mod edit;
pub mod events;
mod files;
pub mod history;
mod image;
pub mod levels;
pub mod list;
mod logs;
pub mod mask;
pub mod new;
mod own;
mod pattern;
pub mod plan;
mod power;
pub mod ps;
pub mod revert;
pub mod run;
pub mod set;
pub mod shutdown_jobs;
mod status;
pub mod top;
pub mod tree;
mod verify;
mod wait;
pub mod why;

use crate::cli::{Cli, Verb};
use crate::exit::{Failure, Kind};
use crate::output::Output;
use crate::render::system;
use crate::{complete, man, sandbox, schema};
use init::client::{Client, socket_path};
use init::core;
use init::proto::control::{PowerWord, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// A manager that is there answers a question in far less; one that hangs is replaced in this time.
const ANSWER: Duration = Duration::from_secs(45);

/// What every verb works with.
#[derive(Debug)]
pub struct Context {
    out: Output,
    client: Client,
}

impl Context {
    /// A question to the manager.
    fn ask<P: Serialize, R: DeserializeOwned>(&mut self, method: &str, parameters: &P) -> Result<R, Failure> {
        Ok(self.client.call(method, parameters, ANSWER)?)
    }
}

/// Runs what was asked for, prints what is to be printed, and gives the exit status.
pub fn run(cli: Cli) -> ExitCode {
    let verb = match cli.verb.unwrap_or(Verb::List(list::Args::default())) {
        Verb::Sandbox(args) => return sandbox::run(args),
        verb => verb,
    };
    let mut context = Context { out: Output::new(cli.global), client: Client::new(socket_path()) };
    let kind = kind(&verb);
    match dispatch(&mut context, verb) {
        Ok(()) => match context.out.finish(false, |_| Value::Null) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => end(&context.out, &failure, kind),
        },
        Err(failure) => end(&context.out, &failure, kind),
    }
}

/// Tells of a failure, and ends the document with it.
fn end(out: &Output, failure: &Failure, kind: Kind) -> ExitCode {
    if let Some(text) = failure.text() {
        out.message(&text);
    }
    if !matches!(failure, Failure::Output(..)) {
        // Standard output that can't be written is nothing more to tell of.
        let _ = out.finish(true, |said| failure.document(kind, &said));
    }
    ExitCode::from(failure.status(kind))
}

fn dispatch(c: &mut Context, mut verb: Verb) -> Result<(), Failure> {
    if !pattern::expand(c, &mut verb)? {
        return Ok(());
    }
    if c.out.global.dry_run
        && let Some(answer) = plan::dry_run(c, &verb)
    {
        return answer;
    }
    match verb {
        Verb::List(args) => list::run(c, &args),
        Verb::Status(args) => status::status(c, &args.names),
        Verb::Start(args) => change::units(c, core::Verb::Start, "start", &args.names),
        Verb::Stop(args) => change::units(c, core::Verb::Stop, "stop", &args.names),
        Verb::Restart(args) => change::units(c, core::Verb::Restart, "restart", &args.names),
        Verb::TryRestart(args) => change::units(c, core::Verb::TryRestart, "restart", &args.names),
        Verb::Reload(args) if args.units => files::reload(c),
        Verb::Reload(args) => change::units(c, core::Verb::Reload, "reload", &args.names),
        Verb::Kill(args) => {
            let verb = core::Verb::Kill { signal: args.signal, whom: args.whom.into() };
            change::units(c, verb, "send a signal to", &args.names)
        }
        Verb::ResetFailed(args) => change::reset_failed(c, args.names),
        Verb::Enable(args) => levels::enable(c, &args, true),
        Verb::Disable(args) => levels::enable(c, &args, false),
        Verb::Plan(args) => plan::run(c, &args),
        Verb::Levels(args) => levels::table(c, args),
        Verb::Runlevel(args) => levels::runlevel(c, args.level),
        Verb::Poweroff(args) => power::run(c, PowerWord::PowerOff, args.force),
        Verb::Reboot(args) => power::run(c, PowerWord::Reboot, args.force),
        Verb::Halt(args) => power::run(c, PowerWord::Halt, args.force),
        Verb::ShutdownJobs(args) => shutdown_jobs::run(c, &args),
        Verb::Logs(args) => logs::run(c, &args),
        Verb::Why(args) => why::why(c, &args),
        Verb::Explain(args) => why::explain(c, &args),
        Verb::History(args) => history::run(c, &args),
        Verb::Events(args) => events::run(c, &args),
        Verb::Cat(args) => files::cat(c, args.names),
        Verb::Edit(args) => edit::run(c, &args),
        Verb::Set(args) => set::run(c, &args),
        Verb::New(args) => new::run(c, &args),
        Verb::Revert(args) => revert::run(c, &args),
        Verb::Diff(args) => diff::run(c, &args),
        Verb::Clean(args) => clean::run(c, &args),
        Verb::Mask(args) => mask::mask(c, &args),
        Verb::Unmask(args) => mask::unmask(c, &args),
        Verb::Show(args) => status::show(c, &args),
        Verb::Verify(args) => verify::run(c, &args),
        Verb::Reexec => power::reexec(c),
        Verb::IsActive(args) => ask::is_active(c, &args.names),
        Verb::IsFailed(args) => ask::is_failed(c, &args.names),
        Verb::IsEnabled(args) => ask::is_enabled(c, &args),
        Verb::Wait(args) => wait::run(c, args),
        Verb::Run(args) => run::run(c, &args),
        Verb::Adopt(args) => run::adopt(c, &args),
        Verb::Tree(args) => tree::run(c, &args),
        Verb::Deps(args) => tree::deps(c, &args),
        Verb::Blame(args) => blame::run(c, &args),
        Verb::Boot(args) => boot::run(c, &args),
        Verb::Ps(args) => ps::run(c, &args),
        Verb::Top(args) => top::run(c, &args),
        Verb::Completion { shell } => c.out.whole(complete::script(&shell)?),
        Verb::Man(args) => man::run(&c.out, &args),
        Verb::Schema(args) => schema::run(&c.out, &args),
        Verb::Version => version(c),
        Verb::Emit(_) | Verb::Sandbox(_) => Ok(()),
    }
}

/// Verbs that only ask.
fn kind(verb: &Verb) -> Kind {
    match verb {
        Verb::List(_)
        | Verb::Status(_)
        | Verb::Levels(_)
        | Verb::Plan(_)
        | Verb::Logs(_)
        | Verb::Why(_)
        | Verb::Explain(_)
        | Verb::History(_)
        | Verb::Events(_)
        | Verb::Cat(_)
        | Verb::Diff(_)
        | Verb::Show(_)
        | Verb::Verify(_)
        | Verb::IsActive(_)
        | Verb::IsFailed(_)
        | Verb::IsEnabled(_)
        | Verb::Wait(_)
        | Verb::Ps(_)
        | Verb::Tree(_)
        | Verb::Deps(_)
        | Verb::Blame(_)
        | Verb::Boot(_)
        | Verb::Top(_)
        | Verb::Completion { .. }
        | Verb::Man(_)
        | Verb::Schema(_)
        | Verb::Version
        | Verb::Emit(_) => Kind::Question,
        Verb::Runlevel(args) if args.level.is_none() => Kind::Question,
        Verb::ShutdownJobs(args) if !args.changes() => Kind::Question,
        _ => Kind::Change,
    }
}

/// Never waits: scripts probe with it.
fn version(c: &mut Context) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Versions {
        initctl: &'static str,
        manager: Option<Version>,
    }
    let mut client = Client::new(socket_path()).patience(Duration::ZERO);
    let manager = client.call("Version", &(), Duration::from_millis(500)).ok();
    let versions = Versions { initctl: env!("CARGO_PKG_VERSION"), manager };
    c.out.data(&versions, |v, _| system::version(v.manager.as_ref()))
}
