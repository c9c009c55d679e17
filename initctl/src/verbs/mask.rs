//! `mask` and `unmask`: a link to `/dev/null` in place of a unit's file.

use super::{Context, change, own};
use crate::exit::{FAILED, Failure};
use crate::own::{Change, Draft, Layer, Place, loader, places};
use clap::Args as ClapArgs;
use init::core::Verb;
use init::unit::UnitName;
use std::path::Path;

/// `mask`
#[derive(Debug, ClapArgs)]
pub struct MaskArgs {
    /// Units; they need not exist.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Also stop them.
    #[arg(long)]
    pub now: bool,
    /// Only until the machine ends.
    #[arg(long)]
    pub runtime: bool,
}

/// `unmask`
#[derive(Debug, ClapArgs)]
pub struct UnmaskArgs {
    /// Units.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Masks units: nothing starts them any more.
pub fn mask(c: &mut Context, args: &MaskArgs) -> Result<(), Failure> {
    let loader = loader();
    let mut masked = Vec::new();
    for text in &args.names {
        let name = UnitName::new(text).map_err(Failure::Other)?;
        let path = Layer::of(args.runtime).file(&name);
        let files = places(&loader, &name);
        if let Some(Place { path: own, .. }) = files.iter().find(|p| p.path == path && !p.mask) {
            let away = format!("mv {0} {0}.off", own.display());
            let text = format!("{} is a file of your own, which a mask would destroy\n  try: {away}", own.display());
            return Err(Failure::Other(text));
        }
        if let Some(Place { path: first, .. }) =
            files.first().filter(|p| !p.mask && args.runtime && Layer::holds(&p.path))
        {
            let text = format!("{} counts more than a mask with --runtime\n  try: without --runtime", first.display());
            return Err(Failure::Other(text));
        }
        if files.is_empty() {
            c.out.message(&format!("there is no unit named {name} yet; it is masked all the same"));
        }
        let there = files.iter().any(|p| p.path == path && p.mask);
        let changes = if there { Vec::new() } else { vec![Change::Mask { path }] };
        own::take(c, &name, &Draft { changes }, c.out.global.dry_run)?;
        masked.push((name, files.is_empty()));
    }
    let known: Vec<String> = masked.iter().filter(|(_, gone)| !gone).map(|(n, _)| n.as_str().to_owned()).collect();
    if args.now && !c.out.global.dry_run && !known.is_empty() {
        return change::units(c, Verb::Stop, "stop", &known);
    }
    for name in masked.iter().flat_map(|(name, _)| own::running(name)) {
        let text = match (c.out.global.dry_run, args.now) {
            (true, true) => format!("{name} would be stopped"),
            (true, false) => format!("{name} would run on"),
            _ => format!("{name} still runs\n  try: initctl stop {}", name.short()),
        };
        c.out.message(&text);
    }
    Ok(())
}

/// Takes masks away.
pub fn unmask(c: &mut Context, args: &UnmaskArgs) -> Result<(), Failure> {
    let loader = loader();
    let mut other = false;
    for text in &args.names {
        let name = UnitName::new(text).map_err(Failure::Other)?;
        let masks = places(&loader, &name).into_iter().filter(|p| p.mask);
        let (own, foreign): (Vec<_>, Vec<_>) = masks.map(|p| p.path).partition(|p| Layer::holds(p));
        for path in &foreign {
            c.out.message(&format!("{name} is masked by {}, which isn't Rung's\n  try: rm {0}", path.display()));
            other = true;
        }
        if own.is_empty() && foreign.is_empty() {
            c.out.message(&format!("{name} isn't masked"));
        }
        let changes = own.into_iter().map(|path| Change::Remove { empty: is_empty(&path), path }).collect();
        own::take(c, &name, &Draft { changes }, c.out.global.dry_run)?;
    }
    if other { Err(Failure::Status(FAILED)) } else { Ok(()) }
}

/// A link or an empty file: nothing to keep.
fn is_empty(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink() || m.len() == 0)
}
