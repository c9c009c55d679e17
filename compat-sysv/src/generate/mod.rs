//! `sysv generate`: native units from what a System V machine has, and what is to be said about it.
//!
//! | module | what |
//! |---|---|
//! | [`scripts`] | `/etc/init.d` → `scripts/NAME.service` |
//! | `inittab` | `/etc/inittab` → `inittab/`, `levels/`, `events/` |
//! | `halt` | what Red Hat's `halt` does beside ending the machine → a unit |
//! | `upstart` | Red Hat 6's jobs in `/etc/init` → lines of inittab |
//! | [`twins`] | which of them run themselves, and which Rung does natively → `twins/` |
//! | [`output`] | what is made, and how it gets to the folder |
//! | `job` | the header of one of Upstart's jobs |
//!
//! The same files in give the same files out. Nothing of the machine is executed but Upstart's own script for its jobs'
//! headers, with a deadline; nothing is waited for.

pub mod output;
pub mod scripts;
pub mod twins;

mod halt;
mod inittab;
mod job;
mod upstart;

pub use output::{Changes, Item, Made};

use crate::tree::Tree;
use init::load::Root;
use std::path::Path;

/// Makes everything of a root. `out`: the folder it is for, beside which what was set by `/run/initctl` lies.
pub fn generate(root: &Root, out: &Path) -> Made {
    let mut made = Made::default();
    let tree = Tree::read_with(root, &mut |name| job::header(root, name));
    scripts::make(root, &tree, &mut made);
    if let Some(more) = inittab::make(root, &tree, out) {
        made.items.extend(more.items);
        made.findings.extend(more.findings);
    }
    halt::make(root, &tree, &mut made);
    made
}

/// Makes everything of a root, and brings the folder to hold it.
///
/// # Errors
/// The first file that can't be written or removed, as text.
pub fn run(root: &Root, out: &Path) -> Result<Changes, String> {
    generate(root, out).write(out)
}

#[cfg(test)]
mod tests;
