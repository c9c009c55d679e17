//! `revert NAME`: back to what packages bring.

use super::{Context, own};
use crate::exit::Failure;
use crate::own::{Change, Draft, Layer, drop_ins, loader, places};
use clap::Args as ClapArgs;

/// `revert`
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Units.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

/// Takes away what was changed.
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let loader = loader();
    for text in &args.names {
        let name = own::known(c, &loader, text)?;
        let (own, packaged): (Vec<_>, Vec<_>) = places(&loader, &name).into_iter().partition(|p| Layer::holds(&p.path));
        let mut changes = Vec::new();
        for place in own {
            if !place.mask && packaged.iter().all(|p| p.mask) {
                let path = place.path.display();
                c.out.message(&format!("{path} stays: no package brings {name}\n  try: rm {path}, if it is to go"));
                continue;
            }
            changes.push(Change::Remove { path: place.path, empty: place.mask });
        }
        for path in drop_ins(&name) {
            let empty = path.metadata().is_ok_and(|m| m.len() == 0) || path.is_symlink();
            changes.push(Change::Remove { path, empty });
        }
        if changes.is_empty() {
            own::nothing(c, &format!("{name} is as it was brought: nothing to take back"))?;
            continue;
        }
        own::take(c, &name, &Draft { changes }, c.out.global.dry_run)?;
        own::tell_running(c, &name);
    }
    Ok(())
}
