//! `ps`.

use super::Context;
use crate::exit::Failure;
use crate::processes::{Picture, picture};
use crate::render::ps;
use init::proto::control::{Names, Processes};
use std::collections::BTreeSet;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Units; all processes where none is named.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Only what belongs to no unit: neither a service's nor Rung's own.
    #[arg(long, conflicts_with = "names")]
    pub strays: bool,
}

/// `ps [NAME…]`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let picture = ask(c, &args.names, args.names.is_empty())?;
    let picture = if args.strays { Picture { units: Vec::new(), own: Default::default(), ..picture } } else { picture };
    let glyphs = c.out.glyphs;
    c.out.data(&picture, |picture, style| ps::ps(picture, &glyphs, style))
}

/// The processes of these units, or all there are.
pub fn ask(c: &mut Context, names: &[String], others: bool) -> Result<Picture, Failure> {
    let reply: Processes = c.ask("Processes", &Names { names: names.to_vec() })?;
    let mut picture = picture(&reply, others);
    if !names.is_empty() {
        picture.own = Default::default();
    }
    // We ourselves and what looks at our output are of no interest.
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let asking: BTreeSet<i32> = [own].into();
    picture.others.tasks.retain(|t| !asking.contains(&t.pid));
    Ok(picture)
}
