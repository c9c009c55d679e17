//! `enable`, `disable`, `reenable`, `preset`, `mask`, `unmask`, and what `is-enabled` answers.

use super::changing::{Deed, failed, near};
use super::files;
use super::install;
use super::look::{Found, one};
use super::options::Options;
use super::presets;
use super::words::{file_state, mangle};
use crate::pid1::{PATIENCE, client, is_rung};
use crate::shims::farm::place::Place;
use crate::shims::farm::units::Units;
use crate::shims::{self, err_plain};
use init::client::run_dir;
use init::core::Verb;
use init::proto::control::{Enable, LevelTable, LinkChange, Links, LoadState, Names};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
}

impl Switch {
    fn word(self) -> &'static str {
        match self {
            Self::On => "enable",
            Self::Off => "disable",
        }
    }
}

/// `enable` and `disable`, for each name.
pub(super) fn run(options: &Options, switch: Switch, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let mut code = 0;
    for name in names {
        code = single(options, switch, name).max(code);
    }
    if code == 0 && options.now {
        let deed = if switch == Switch::On { Deed::Start } else { Deed::Stop };
        let word = if switch == Switch::On { "start" } else { "stop" };
        return super::changing::run(options, word, deed, names);
    }
    code
}

/// `reenable`
pub(super) fn reenable(options: &Options, names: &[String]) -> u8 {
    let plain = Options { now: false, ..options.clone() };
    match run(&plain, Switch::Off, names) {
        0 => run(options, Switch::On, names),
        code => code,
    }
}

/// `preset`: on or off as the distribution's policy has it.
pub(super) fn preset(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let rules = presets::read(options.root.as_deref());
    let on = |name: &String| mangle(name).is_ok_and(|full| presets::wants_on(&rules, &full));
    let (on, off): (Vec<String>, Vec<String>) = names.iter().cloned().partition(on);
    let mut code = 0;
    let (does_on, does_off) = options.preset;
    for (switch, names, does) in [(Switch::On, on, does_on), (Switch::Off, off, does_off)] {
        if does && !names.is_empty() {
            code = run(options, switch, &names).max(code);
        }
    }
    code
}

fn single(options: &Options, switch: Switch, word: &str) -> u8 {
    let name = mangle(word).unwrap_or_else(|_| word.rsplit('/').next().unwrap_or(word).to_owned());
    let short = name.strip_suffix(".service").unwrap_or(&name);
    let file = install::file(options.root.as_deref(), &name);
    let script = Place::of(options.root.as_deref()).program(short).filter(|_| name.ends_with(".service"));
    let asks_rung = options.root.is_none() && is_rung() && mangle(word).is_ok();
    // A template stands for the instance that its DefaultInstance= names, which the manager knows.
    let found = match (asks_rung && !name.contains("@.")).then(|| one(word)).transpose() {
        Ok(named) => named.map(|named| named.found),
        Err(e) => return failed(switch.word(), word, &e),
    };
    let nearest = match &found {
        Some(Found::Nothing(nearest)) => near(nearest),
        _ => String::new(),
    };
    match &found {
        Some(Found::Unit(unit)) if unit.load == LoadState::Masked && switch == Switch::On => {
            return err_plain(&format!("Failed to enable unit: Unit file {name} is masked."));
        }
        Some(Found::Unit(unit)) if switch == Switch::On && script.is_none() && file_state(unit, false) == "static" => {
            if !options.quiet {
                err_plain(&format!(
                    "{name} says in no [Install] section where it belongs (WantedBy=, Runlevels=): nothing was switched \
                     on. initctl enable {} --levels 2345 does.",
                    unit.name.short()
                ));
            }
            return 0;
        }
        _ => {}
    }
    // Where nobody is to be asked, Rung's own units are switched in their files.
    let units = (!asks_rung && mangle(word).is_ok()).then(|| Units::new(&Place::of(options.root.as_deref())));
    let own = units.as_ref().and_then(|units| units.find(&name).map(|unit| (units, unit)));
    let native = asks_rung && (name.contains("@.") && files::state(None, &name) != "not-found")
        || matches!(&found, Some(Found::Unit(unit)) if !unit.source.is_script());
    if !native && own.is_none() && script.is_none() && file.is_none() {
        let text = format!("Failed to {} unit: Unit file {name} does not exist.{nearest}", switch.word());
        return err_plain(&text);
    }
    // Debian's update-rc.d calls us with this set: it has done, or will do, that part itself.
    let skips = std::env::var_os("SYSTEMCTL_SKIP_SYSV").is_some();
    if script.is_some() && !skips {
        match by_sysv(options, switch, short) {
            0 => {}
            code => return code,
        }
    }
    if let Some((units, unit)) = &own
        && (units.is_native(unit) || switch == Switch::Off && units.has_own_links(unit))
    {
        match units.switch(unit, None, switch == Switch::On) {
            Ok(changes) => tell(options, &changes),
            Err(why) => return err_plain(&format!("Failed to {} unit: {why}", switch.word())),
        }
    }
    let links = match (&file, switch) {
        (Some(file), Switch::On) => install::make(options.root.as_deref(), &name, file),
        (Some(file), Switch::Off) if !native => install::remove(options.root.as_deref(), &name, file),
        _ => Ok(Vec::new()),
    };
    match links {
        Ok(lines) => lines.iter().filter(|_| !options.quiet).for_each(|line| {
            err_plain(line);
        }),
        Err(why) => return err_plain(&format!("Failed to {} unit: {why}", switch.word())),
    }
    // Links of systemd's, or of the farm, have it on unless links of Rung's say otherwise.
    if native && (switch == Switch::Off || file.is_none() || !is_on(&name)) {
        by_rung(options, switch, &name)
    } else {
        0
    }
}

/// Whether it is on in any level, or held by others.
fn is_on(name: &str) -> bool {
    let table = client().call::<_, LevelTable>("Levels", &Names { names: vec![name.to_owned()] }, PATIENCE);
    table.is_ok_and(|table| table.rows.iter().any(|row| !row.on.is_empty() || !row.held_by.is_empty()))
}

fn by_rung(options: &Options, switch: Switch, name: &str) -> u8 {
    let method = if switch == Switch::On { "Enable" } else { "Disable" };
    let wish = Enable { names: vec![name.to_owned()], levels: None };
    match client().call::<_, Links>(method, &wish, PATIENCE) {
        Ok(links) => {
            tell(options, &links.changes);
            0
        }
        Err(e) => failed(switch.word(), name, &e),
    }
}

/// Says what was changed.
fn tell(options: &Options, changes: &[LinkChange]) {
    for change in changes.iter().filter(|_| !options.quiet) {
        err_plain(&match &change.target {
            Some(target) => format!("Created symlink {} → {target}.", change.path),
            None => format!("Removed {}.", change.path),
        });
    }
}

/// What `update-rc.d` or `chkconfig` would do.
fn by_sysv(options: &Options, switch: Switch, script: &str) -> u8 {
    let root = options.root.as_ref().map(|root| format!("--root={}", root.display()));
    let args: Vec<&str> = root.iter().map(String::as_str).chain([switch.word(), script]).collect();
    shims::call("systemd-sysv-install", &args)
}

/// The word of `is-enabled`.
pub(super) fn state_of(options: &Options, word: &str) -> Result<String, String> {
    let name = mangle(word).unwrap_or_else(|_| word.to_owned());
    if options.root.is_some() || !is_rung() || name.contains("@.") || mangle(word).is_err() {
        return Ok(files::state(options.root.as_deref(), &name));
    }
    let named = one(word).map_err(|e| format!("Failed to get unit file state for {name}: {e}"))?;
    Ok(match &named.found {
        Found::Unit(unit) => file_state(unit, is_held(&name)).to_owned(),
        Found::Script(_) | Found::Nothing(_) => files::state(None, &name),
    })
}

/// Whether other units hold it by their folders of links.
pub(super) fn is_held(name: &str) -> bool {
    let table = client().call::<_, LevelTable>("Levels", &Names { names: vec![name.to_owned()] }, PATIENCE);
    table.is_ok_and(|table| table.rows.iter().any(|row| !row.held_by.is_empty()))
}

/// Where `mask` makes its link.
fn mask_folder(options: &Options) -> PathBuf {
    let folder = if options.runtime { run_dir().join("units") } else { PathBuf::from("/etc/rung/units") };
    under(options, &folder)
}

fn under(options: &Options, path: &Path) -> PathBuf {
    options.root.as_ref().map_or_else(|| path.to_owned(), |root| root.join(path.strip_prefix("/").unwrap_or(path)))
}

fn is_mask(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

/// `mask`: nothing starts it any more.
pub(super) fn mask(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let mut code = 0;
    for word in names {
        let name = mangle(word).unwrap_or_else(|_| word.clone());
        let (folder, path) = (mask_folder(options), mask_folder(options).join(&name));
        if is_mask(&path) {
            continue;
        }
        if path.symlink_metadata().is_ok() {
            code = err_plain(&format!(
                "Failed to mask unit: File {0} already exists.\n  try: mv {0} {0}.off",
                path.display()
            ));
            continue;
        }
        let known = one(word).is_ok_and(|n| !matches!(n.found, Found::Nothing(_)));
        if !known && !options.quiet && options.root.is_none() {
            err_plain(&format!("Unit {name} does not exist, proceeding anyway."));
        }
        match fs::create_dir_all(&folder).and_then(|()| symlink("/dev/null", &path)) {
            Ok(()) if options.quiet => {}
            Ok(()) => drop(err_plain(&format!("Created symlink {} → /dev/null.", path.display()))),
            Err(e) => code = err_plain(&format!("Failed to mask unit: {}: {e}", path.display())),
        }
    }
    if code == 0 && options.now {
        let running: Vec<String> =
            names.iter().filter_map(|n| one(n).ok()?.unit().map(|u| u.name.as_str().to_owned())).collect();
        return if running.is_empty() { 0 } else { super::changing::change(options, "stop", Verb::Stop, &running) };
    }
    code
}

/// `unmask`: also what stands among systemd's own units, where Debian's helper puts it.
pub(super) fn unmask(options: &Options, names: &[String]) -> u8 {
    if names.is_empty() {
        return super::too_few();
    }
    let folders =
        ["/etc/rung/units", "/run/rung/units", "/etc/systemd/system", "/run/systemd/system"].map(PathBuf::from);
    let mut code = 0;
    for word in names {
        let name = mangle(word).unwrap_or_else(|_| word.clone());
        for folder in folders.iter().cloned().chain([run_dir().join("units")]) {
            let path = under(options, &folder).join(&name);
            if !is_mask(&path) {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) if options.quiet => {}
                Ok(()) => drop(err_plain(&format!("Removed {}.", path.display()))),
                Err(e) => code = err_plain(&format!("Failed to unmask unit: {}: {e}", path.display())),
            }
        }
    }
    code
}
