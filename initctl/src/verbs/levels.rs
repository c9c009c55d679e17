//! `enable`, `disable`, `levels`, `runlevel`.

use super::{Context, change};
use crate::cli::EnableArgs;
use crate::exit::Failure;
use crate::render::{levels, system};
use init::client::request_id;
use init::core::Verb;
use init::proto::control::{Enable, LevelTable, Links, Names, Runlevel, SetLevel};
use init::unit::Level;

/// `enable` (`on`) and `disable`.
pub fn enable(c: &mut Context, args: &EnableArgs, on: bool) -> Result<(), Failure> {
    let request = Enable { names: args.names.clone(), levels: args.levels.map(|l| l.to_string()) };
    let links: Links = c.ask(if on { "Enable" } else { "Disable" }, &request)?;
    if links.changes.is_empty() {
        c.out.message("nothing to change");
    }
    c.out.data(&links, |links, _| levels::links(links))?;
    match (args.now, on) {
        (false, _) => Ok(()),
        (true, true) => change::units(c, Verb::Start, "start", &args.names),
        (true, false) => change::units(c, Verb::Stop, "stop", &args.names),
    }
}

/// `levels [NAME…]`
pub fn table(c: &mut Context, names: Vec<String>) -> Result<(), Failure> {
    let table: LevelTable = c.ask("Levels", &Names { names })?;
    c.out.data(&table, levels::table)
}

/// `runlevel`, `runlevel N`
pub fn runlevel(c: &mut Context, level: Option<Level>) -> Result<(), Failure> {
    if let Some(level) = level {
        let request = SetLevel { level, request: request_id(), wait: !c.out.global.no_wait };
        return change::request(c, "SetLevel", &request, "switch", None);
    }
    let now: Runlevel = c.ask("Runlevel", &())?;
    let text = system::runlevel(&now);
    let known = text.is_some();
    c.out.data(&now, |_, _| text.unwrap_or("unknown\n".to_owned()))?;
    // As runlevel(8).
    if known { Ok(()) } else { Err(Failure::Status(crate::exit::FAILED)) }
}
