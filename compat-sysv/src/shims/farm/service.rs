//! `service NAME VERB`: Rung's units first, then the script in `/etc/init.d`.

use super::act::{carry_out, unit};
use super::place::Place;
use super::units::Units;
use crate::pid1::{PATIENCE, client, is_rung};
use crate::shims::script::{clean, is_executable, own_verb};
use crate::shims::{err, err_plain, out};
use init::client::Error;
use init::core::State;
use init::proto::control::{LoadState, Units as Listed};
use init::unit::{Source, nearest};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

pub(in crate::shims) const HELP: &str = "NAME0 SERVICE VERB [ARG]...
       NAME0 SERVICE --full-restart
       NAME0 --status-all

Carries out a verb for a service, and waits until it is done. A unit of Rung's comes
first; a verb it doesn't have, and a service that is no unit, go to /etc/init.d/SERVICE,
in a clean environment (LANG, LANGUAGE, LC_*, PATH, TERM) and in /. Of a script, Rung
carries out start and stop itself, and shows what the script prints; any other verb,
restart too, is the script's own: it runs as part of its unit, and Rung looks afterwards
who is there. The exit status is the script's.

Verbs for units: start stop restart try-restart condrestart reload force-reload status

Options:
  --full-restart   stop, then start
  --status-all     a line a service: [ + ] running, [ - ] not, [ ? ] can't tell
  --help, --version";

/// Names in `init.d` that are no services.
const NO_SERVICES: &[&str] = &["functions", "halt", "killall", "single", "linuxconf", "kudzu"];
/// … and on Debian also these.
const NO_SERVICES_DEBIAN: &[&str] = &["skeleton", "README", "rc", "rcS", "reboot", "bootclean.sh"];
/// … and endings of such names.
const NO_ENDINGS: &[&str] = &[".dpkg-dist", ".dpkg-old", ".rpmsave", ".rpmnew", ".rpmorig", "~"];
/// What stands where a service's name would.
const OPTIONS: [&str; 3] = ["--status-all", "--help", "--version"];

pub(in crate::shims) fn run(name: &str, args: &[String]) -> u8 {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let usage = || {
        err_plain(&format!("Usage: {name} < option > | --status-all | [ service_name [ command | --full-restart ] ]"))
    };
    let place = Place::new(None);
    // As the original: these two wherever they stand, and each argument is looked at before anything is done.
    for word in &words {
        if *word == "-h" || word.starts_with("--h") {
            usage();
            return 0;
        }
        if matches!(*word, "-V" | "--version") {
            err_plain(&format!("{name} (Rung) {}", env!("CARGO_PKG_VERSION")));
            return 0;
        }
    }
    match words.as_slice() {
        [] => usage(),
        ["--status-all"] => status_all(&place),
        [service, "--full-restart"] => {
            // Whatever came of the first: the original starts it all the same. An unknown one is said to be so once.
            let known = place.program(service).is_some() || !matches!(unit(service), Ok(None));
            if known {
                verb(&place, service, "stop", &[]);
            }
            verb(&place, service, "start", &[])
        }
        [service] => verb(&place, service, "", &[]),
        [service, action, rest @ ..] => verb(&place, service, action, rest),
    }
}

fn verb(place: &Place, service: &str, action: &str, rest: &[&str]) -> u8 {
    let script = place.program(service);
    let unit = match unit(service) {
        Ok(unit) => unit,
        Err(e) => return err(service, &e.to_string()),
    };
    if let Some(script) = &script {
        note_for_openrc(service, action, script);
    }
    if let Some(unit) = &unit {
        if let Some(code) = carry_out(service, unit, action, rest.is_empty()) {
            return code;
        }
        if script.is_none() {
            err(service, &format!("the unit has no verb `{action}`, and there is no init script"));
            // LSB: the service lacks this feature.
            return 3;
        }
    }
    let Some(script) = script else {
        err(service, "unrecognized service");
        if let Some(option) = nearest(service, OPTIONS.into_iter()).first().filter(|_| service.starts_with('-')) {
            return err_plain(&format!("did you mean `{option}`?"));
        }
        if let Some(near) = place.near(service, Units::new(place).names()) {
            err_plain(&near);
        }
        return 1;
    };
    let mut command = clean(&script);
    command.args(Some(action).filter(|action| !action.is_empty())).args(rest);
    own_verb(command, unit.as_ref(), service)
}

/// openrc's list of what was started, where there is one.
fn note_for_openrc(service: &str, action: &str, script: &Path) {
    let started = Path::new("/run/openrc/started");
    if started.is_dir() {
        let _ = match action {
            "start" => symlink(script, started.join(service)),
            "stop" => fs::remove_file(started.join(service)),
            _ => Ok(()),
        };
    }
}

/// Whether `--status-all` passes it over.
fn is_passed_over(name: &str, red_hat: bool) -> bool {
    NO_SERVICES.contains(&name)
        || (!red_hat && NO_SERVICES_DEBIAN.contains(&name))
        || NO_ENDINGS.iter().any(|end| name.ends_with(end))
}

/// What is shown for one service.
enum Shown {
    Script(PathBuf),
    Unit(bool),
}

/// A sign for each service, by name; a unit's counts where there is a script of the same name.
fn status_all(place: &Place) -> u8 {
    let red_hat = place.is_red_hat();
    let mut all: BTreeMap<String, Shown> = BTreeMap::new();
    for name in place.names() {
        let path = place.scripts().join(&name);
        if !is_passed_over(&name, red_hat) && is_executable(&path) {
            all.insert(name, Shown::Script(path));
        }
    }
    let units: Result<Listed, Error> =
        if is_rung() { client().call("List", &json!({}), PATIENCE) } else { Ok(Listed::default()) };
    for unit in units.map(|units| units.units).unwrap_or_default() {
        if matches!(unit.source, Source::Native | Source::Systemd) && unit.load == LoadState::Loaded {
            let runs = matches!(unit.state, State::Active | State::Reloading);
            all.insert(unit.name.short().to_owned(), Shown::Unit(runs));
        }
    }
    for (name, shown) in all {
        let sign = match shown {
            Shown::Unit(runs) => {
                if runs {
                    '+'
                } else {
                    '-'
                }
            }
            Shown::Script(path) if red_hat => {
                let _ = clean(&path).arg("status").status();
                continue;
            }
            Shown::Script(path) => asked(&path),
        };
        let line = format!(" [ {sign} ]  {name}");
        if sign == '?' {
            err_plain(&line);
        } else {
            out(&line);
        }
    }
    0
}

/// What the script itself says: `?` if it only says how it is to be used.
fn asked(script: &Path) -> char {
    let Ok(done) = clean(script).arg("status").stdin(Stdio::null()).output() else {
        return '-';
    };
    let said = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&said).to_lowercase();
    if text.contains("usage:") {
        '?'
    } else if done.status.success() && !text.trim_end_matches('\n').is_empty() {
        '+'
    } else {
        '-'
    }
}
