//! `why` and `explain`.

use super::Context;
use super::status::{line, runs, when};
use crate::exit::{FAILED, Failure, NOT_ACTIVE};
use crate::logs::Folders;
use crate::render::{time, why};
use init::core::State;
use init::proto::control::{About, Explanation, LoadState, UnitStatus, Why};
use serde::Serialize;

/// Log lines on a page.
const LOG_LINES: usize = 6;
/// So many of the last lines are searched for those around a failure.
const SEARCHED: usize = 500;

/// Further help of `why`.
pub const WHY_HELP: &str = "\
Exit status: 0 it runs or has done its work, 1 it has failed or can't be started, 3 it doesn't run, 4 no such unit or no
manager.

Examples:
  initctl why nginx
  initctl why nginx --json";

/// Further help of `explain`.
pub const EXPLAIN_HELP: &str = "\
Nothing is started. What environment files hold is shown to those only who may start the unit.

Exit status: 0 all can be made, 1 a command can't be, or the unit's file is bad, 4 no such unit or no manager.

Examples:
  initctl explain nginx
  initctl explain nginx --json";

/// One unit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The unit.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `why`, with the log beside what the manager says.
#[derive(Serialize)]
struct Page {
    #[serde(flatten)]
    why: Why,
    log: Vec<String>,
}

/// `why NAME`
pub fn why(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let why: Why = c.ask("Why", &About { name: args.name.clone() })?;
    let when = when();
    let log = if why.unit.state == State::Failed || why.unit.state == State::Activating {
        around(&why.unit, when.offset, runs(c).get(&why.unit.name).copied())
    } else {
        Vec::new()
    };
    let status = match why.unit.state {
        State::Active | State::Reloading => 0,
        State::Failed => FAILED,
        State::Inactive if matches!(why.unit.load, LoadState::Bad | LoadState::Masked) => FAILED,
        _ => NOT_ACTIVE,
    };
    c.out.data(&Page { why, log }, |page, style| why::page(&page.why, &page.log, when, style))?;
    if status == 0 { Ok(()) } else { Err(Failure::Status(status)) }
}

/// What the unit wrote in its last run, up to the moment it came where it is and a second more.
fn around(unit: &UnitStatus, offset: i32, begun: Option<u64>) -> Vec<String> {
    // A log that can't be read is a smaller page, not a failure.
    let mut log = Folders::of_system().tail(unit.name.short(), SEARCHED).unwrap_or_default();
    if let Some(since) = unit.since_ms {
        let end = time::moment(since.saturating_add(1000), offset).replace(' ', "T");
        log.retain(|entry| entry.time.get(..19).is_none_or(|t| t <= end.as_str()));
    }
    log.retain(|entry| entry.is_since(begun.unwrap_or(0)));
    log.drain(..log.len().saturating_sub(LOG_LINES));
    log.iter().map(line).collect()
}

/// `explain NAME`
pub fn explain(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let all: Explanation = c.ask("Explain", &About { name: args.name.clone() })?;
    let bad = all.commands.iter().any(|command| command.steps.is_empty());
    c.out.data(&all, why::explanation)?;
    if bad { Err(Failure::Status(FAILED)) } else { Ok(()) }
}
