//! `sysv generate`: see [`crate::generate`].

use super::{err, err_plain};
use crate::generate;
use init::client;
use init::load::Root;
use std::path::PathBuf;

pub(super) const HELP: &str = "sysv generate [--root DIR] [--out DIR]

Makes unit files and level links of what /etc/inittab and /etc/inittab.d say. Rung calls it
by itself at boot and when one of these has changed.

  --root DIR   the root that is read, e.g. of an image; this system's where it isn't given
  --out DIR    where it is written to; /run/rung/generated where it isn't given.
               What is wrong with the files that were read stands in DIR/findings";

pub(super) fn run(_: &str, args: &[String]) -> u8 {
    let (mut root, mut out) = (Root::system(), client::run_dir().join("generated"));
    for pair in args.chunks(2) {
        match pair {
            [option, folder] if option == "--root" => root = Root::image(PathBuf::from(folder)),
            [option, folder] if option == "--out" => out = PathBuf::from(folder),
            _ => return err_plain(&format!("Usage: {HELP}")),
        }
    }
    generate::run(&root, &out).map_or_else(|e| err("sysv generate", &format!("{}: {e}", out.display())), |()| 0)
}
