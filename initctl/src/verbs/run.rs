//! `run` and `adopt`: verbs of init scripts, and daemons that somebody has started without Rung.

use super::{Context, change, status};
use crate::exit::{FAILED, Failure};
use init::client::in_unit;
use init::core;
use init::proto::control::{Adopt, Adopted, LoadState, Names, RunScript, ScriptCall, UnitStatus, Units, errors};
use std::os::unix::process::ExitStatusExt;

pub const RUN_HELP: &str = "\
start, stop and status of a unit go to Rung, and so do restart and reload of one that isn't made from an init script \
(stop of such a one only while it is up). \
Any other verb is the script's: it runs here and now, with its output, its terminal and its exit status, and afterwards \
Rung looks who is there.

Examples:
  initctl run nginx configtest
  initctl run nginx upgrade";

/// `run`
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// A service, by the name of its script in /etc/init.d.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What the script is to do.
    #[arg(value_name = "VERB")]
    pub verb: String,
    /// Further words for the script.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
    pub args: Vec<String>,
}

/// `adopt`
#[derive(Debug, clap::Args)]
pub struct AdoptArgs {
    /// The unit.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its main process.
    #[arg(long, value_name = "PID")]
    pub pid: Option<i32>,
}

/// `adopt NAME [--pid PID]`
pub fn adopt(c: &mut Context, args: &AdoptArgs) -> Result<(), Failure> {
    let adopted: Adopted = c.ask("Adopt", &Adopt { name: args.name.clone(), pid: args.pid })?;
    c.out.data(&adopted, |_, _| String::new())
}

/// `run NAME VERB [ARG…]`
pub fn run(c: &mut Context, args: &RunArgs) -> Result<(), Failure> {
    let unit = unit(c, &args.name)?;
    if let Some(unit) = unit.as_ref().filter(|_| args.args.is_empty()) {
        let names = [args.name.clone()];
        let script = unit.source.is_script();
        match args.verb.as_str() {
            "start" => return change::units(c, core::Verb::Start, "start", &names),
            // What Rung doesn't know to run, the script may.
            "stop" if !script || !is_down(unit) => return change::units(c, core::Verb::Stop, "stop", &names),
            "status" => return status::status(c, &names),
            "restart" if !script => return change::units(c, core::Verb::Restart, "restart", &names),
            "reload" | "force-reload" if !script => return change::units(c, core::Verb::Reload, "reload", &names),
            "try-restart" | "condrestart" if !script => {
                return change::units(c, core::Verb::TryRestart, "restart", &names);
            }
            _ => {}
        }
    }
    let call: ScriptCall = c.ask("Run", &RunScript { name: args.name.clone() })?;
    let code = execute(&call, &args.verb, &args.args)?;
    if unit.is_some() {
        // Where nothing runs there is nothing to take over.
        let _: Result<Adopted, Failure> = c.ask("Adopt", &Adopt { name: args.name.clone(), pid: None });
    }
    if code == 0 && args.verb == "stop" && unit.is_some_and(|unit| unit.state == core::State::Failed) {
        // The script has seen to what had failed.
        return change::reset_failed(c, vec![args.name.clone()]);
    }
    if code == 0 { Ok(()) } else { Err(Failure::Status(code)) }
}

fn is_down(unit: &UnitStatus) -> bool {
    matches!(unit.state, core::State::Inactive | core::State::Failed)
}

fn unit(c: &mut Context, name: &str) -> Result<Option<UnitStatus>, Failure> {
    match c.ask::<_, Units>("Status", &Names { names: vec![name.to_owned()] }) {
        Ok(units) => Ok(units.units.into_iter().find(|u| u.load == LoadState::Loaded)),
        Err(Failure::Client(e)) if e.is(errors::NO_SUCH_UNIT) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The script as a child of ours, in its unit's cgroup from its first instruction on.
fn execute(call: &ScriptCall, verb: &str, args: &[String]) -> Result<u8, Failure> {
    let keep = |name: &str| matches!(name, "LANG" | "LANGUAGE" | "TERM") || name.starts_with("LC_");
    let mut command = in_unit(call, call.script.as_ref());
    command
        .arg(verb)
        .args(args)
        .current_dir("/")
        .env_clear()
        .envs(call.environment.iter().map(|(name, value)| (name, value)));
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(keep)));
    let ended = command.status().map_err(|e| Failure::Other(format!("{} could not be run: {e}", call.script)))?;
    let code = ended.code().or_else(|| ended.signal().map(|n| 128 + n));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED))
}
