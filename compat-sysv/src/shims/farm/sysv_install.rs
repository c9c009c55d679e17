//! `systemd-sysv-install enable|disable|is-enabled NAME`: the hook by which `systemctl` switches scripts, done by the means
//! of the distribution.

use super::place::Place;
use super::{chkconfig, update};
use crate::farm::Kind;
use crate::shims::err_plain;
use init::unit::Level;

pub(in crate::shims) const HELP: &str = "NAME0 [--root=DIR] enable|disable|is-enabled NAME

Switches an init script on or off, or tells by its exit status whether it is on: with
chkconfig's means on Red Hat's systems, with update-rc.d's elsewhere. systemctl calls
it; so can you.

Options:
  --root=DIR  in an image
  --help, --version";

pub(in crate::shims) fn run(name: &str, args: &[String]) -> u8 {
    let mut root = None;
    let mut words: Vec<&str> = Vec::new();
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--" => {}
            "-r" | "--root" => root = args.next(),
            _ => match arg.strip_prefix("--root=") {
                Some(folder) => root = Some(folder),
                None => words.push(arg),
            },
        }
    }
    let place = Place::new(root);
    match words.as_slice() {
        ["is-enabled", script] => {
            let on = |level: Level| place.links(level, script).iter().any(|link| link.kind == Kind::Start);
            u8::from(!(Level::from_char('5').is_some_and(on) || on(Level::S)))
        }
        ["enable", script] if place.is_red_hat() => chkconfig::switch(root, script, true),
        ["disable", script] if place.is_red_hat() => chkconfig::switch(root, script, false),
        ["enable", script] => update::switch(root, script, true),
        ["disable", script] => update::switch(root, script, false),
        _ => err_plain(&format!("usage: {name} [--root=DIR] enable|disable|is-enabled NAME")),
    }
}
