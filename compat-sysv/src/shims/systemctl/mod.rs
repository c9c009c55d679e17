//! `systemctl`: its verbs, for Rung's units, systemd's and the scripts of `/etc/init.d`. For scripts and people that know
//! no other command; what it can't do it says, and changes nothing.
//!
//! | file | what |
//! |---|---|
//! | [`options`] | the command line; pure |
//! | [`words`] | systemd's words for Rung's states; pure |
//! | [`look`] | a name → unit, script, nothing |
//! | [`changing`], [`asking`], [`switching`], [`power`] | the verbs |
//! | [`listing`], [`show`], [`page`] | what they print |
//! | [`files`], [`presets`], [`install`] | unit files, the distribution's policy, systemd's links, without a manager |

mod asking;
mod changing;
mod files;
mod install;
mod listing;
mod look;
mod options;
mod page;
mod power;
mod presets;
mod show;
mod switching;
mod words;

use super::{err_plain, out};
use crate::pid1;
use changing::Deed;
use init::client::Error;
use init::proto::control::errors;
use init::unit::nearest;
use options::Options;
use std::os::unix::process::CommandExt;
use std::process::Command;
use switching::Switch;

pub(super) const HELP: &str = "NAME0 [OPTION]... VERB [NAME]...

The verbs of systemctl(1), carried out by Rung. A name stands for a unit of Rung's own,
else for a systemd unit file, else for a script in /etc/init.d, which is switched on and
off as update-rc.d or chkconfig would. Rung has services and targets: sockets, timers
and mounts are not found. Runlevels stand for targets: see initctl(1).

Units:
  start stop restart try-restart reload reload-or-restart try-reload-or-restart NAME...
  kill, reset-failed       signal its processes; forget failures
  status, show, cat        its page, its properties (-p KEY, --value), its files
  is-active is-failed      the exit status tells
  list-units list-jobs list-dependencies

Files:
  enable disable reenable mask unmask preset is-enabled NAME... (--now)
  list-unit-files [PATTERN]...
  edit, revert             by initctl
  get-default, set-default TARGET

System:
  is-system-running daemon-reload daemon-reexec
  isolate TARGET, default, rescue, emergency
  poweroff reboot halt (-f: at once)

Options:
  -t, --type TYPE       --state STATE, --failed     -a, --all
  -p, --property KEY    --value, -P KEY             -q, --quiet
  --now                 --no-block                  --runtime
  -s, --signal SIGNAL   --kill-whom WHOM            -n, --lines N
  --no-legend           --no-pager                  --plain, --reverse
  --root DIR            in an image: what is under Files, but for edit and revert
  --system              is the only one: --user, -H and -M are refused
  --help, --version

Exit status: 0 done, or yes; 1 failed, or no; 3 not active, or not applicable; 4 no such
unit (questions), or not permitted; 5 no such unit (changes).";

pub(super) fn run(name: &str, args: &[String]) -> u8 {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(why) => return err_plain(&format!("{name}: {why}")),
    };
    if options.help {
        return out(&format!("Usage: {}", HELP.replace("NAME0", name)));
    }
    if options.version {
        return out(&format!("{name} (Rung) {}", env!("CARGO_PKG_VERSION")));
    }
    let (verb, names) =
        options.words.split_first().map_or(("list-units", &[][..]), |(verb, rest)| (verb.as_str(), rest));
    if let Some(deed) = Deed::of(verb) {
        return changing::run(&options, verb, deed, names);
    }
    let o = &options;
    match verb {
        "kill" => changing::kill(o, names),
        "reset-failed" => changing::reset_failed(o, names),
        "status" => page::run(o, names),
        "show" => show::run(o, names),
        "cat" => cat(names),
        "is-active" | "check" => asking::is_active(o, names),
        "is-failed" => asking::is_failed(o, names),
        "is-enabled" => asking::is_enabled(o, names),
        "is-system-running" => asking::is_system_running(o),
        "list-units" => listing::units(o, names),
        "list-unit-files" => listing::unit_files(o, names),
        "list-dependencies" => listing::dependencies(o, names),
        "list-jobs" => listing::jobs(o),
        "list-sockets" | "list-timers" | "list-paths" | "list-automounts" | "list-machines" => {
            listing::none(o, verb.trim_start_matches("list-"))
        }
        "enable" => switching::run(o, Switch::On, names),
        "disable" => switching::run(o, Switch::Off, names),
        "reenable" => switching::reenable(o, names),
        "preset" => switching::preset(o, names),
        "mask" => switching::mask(o, names),
        "unmask" => switching::unmask(o, names),
        "get-default" => power::get_default(o),
        "set-default" => power::set_default(o, names),
        "isolate" => power::isolate(names),
        "default" | "rescue" | "emergency" => power::named(verb),
        "poweroff" | "reboot" | "halt" => power::end(o, verb),
        "daemon-reload" => done(verb, pid1::reload()),
        "daemon-reexec" => done(verb, pid1::reexec()),
        "edit" | "revert" => by_initctl(verb, names),
        "help" => out(&format!("Usage: {}", HELP.replace("NAME0", name))),
        "show-environment" => 0,
        other => {
            let near = nearest(other, HELP.split("\n\nOptions:").next().unwrap_or_default().split_whitespace());
            let near = near.first().map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
            err_plain(&format!("Unknown command verb {other}.{near}\n  try: {name} --help, initctl --help"))
        }
    }
}

/// A verb that needs a name, and got none.
fn too_few() -> u8 {
    err_plain("Too few arguments.")
}

fn done(verb: &str, answer: Result<(), Error>) -> u8 {
    match answer {
        Ok(()) => 0,
        Err(e) if e.is(errors::DENIED) => {
            err_plain(&format!("Failed to {verb}: Access denied"));
            4
        }
        Err(e) => err_plain(&format!("Failed to {verb}: {e}")),
    }
}

/// `cat`: each file under a line with its path.
fn cat(names: &[String]) -> u8 {
    if names.is_empty() {
        return too_few();
    }
    let all = match look::look(names) {
        Ok(all) => all,
        Err(e) => return err_plain(&format!("Failed to get unit files: {e}")),
    };
    let (mut code, mut first) = (0, true);
    for named in &all {
        let files: Vec<String> = match &named.found {
            look::Found::Unit(unit) => unit.files.clone(),
            look::Found::Script(path) => vec![path.display().to_string()],
            look::Found::Nothing(nearest) => {
                code = err_plain(&format!("No files found for {}.{}", named.name, changing::near(nearest)));
                continue;
            }
        };
        for path in files {
            if !std::mem::take(&mut first) {
                out("");
            }
            match std::fs::read(&path) {
                Ok(bytes) => drop(out(&format!("# {path}\n{}", String::from_utf8_lossy(&bytes).trim_end()))),
                Err(e) => code = err_plain(&format!("{path}: {e}")),
            }
        }
    }
    code
}

/// Verbs that are the same there.
fn by_initctl(verb: &str, names: &[String]) -> u8 {
    let error = Command::new("initctl").arg(verb).args(names).exec();
    err_plain(&format!("initctl: {error}"))
}
