//! `set NAME KEY=VALUE…`: keys in a drop-in of their own.

use super::{Context, own};
use crate::exit::Failure;
use crate::own::{Draft, Layer, assign, assignment, loader};
use clap::Args as ClapArgs;

/// The drop-in that `set` writes.
const FILE: &str = "50-set.conf";

/// `set`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The unit.
    pub name: String,
    /// KEY=VALUE sets a key, KEY+=VALUE adds to a list, KEY= sets it back to its default.
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub assignments: Vec<String>,
    /// Only until the machine ends.
    #[arg(long)]
    pub runtime: bool,
}

/// Sets keys of a unit.
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let name = own::known(c, &loader(), &args.name)?;
    let assignments = args.assignments.iter().map(|a| assignment(a)).collect::<Result<Vec<_>, _>>();
    let assignments = assignments.map_err(Failure::Other)?;
    let path = Layer::of(args.runtime).drop_in(&name, FILE);
    let draft = Draft::amend(path, |text| assign(text, &assignments))?;
    own::take(c, &name, &draft, c.out.global.dry_run)?;
    own::tell_running(c, &name);
    Ok(())
}
