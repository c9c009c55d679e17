//! `update-rc.d NAME ACTION`: which levels a service is on in, as Debian's maintainer scripts say it.
//!
//! Messages, links and exit statuses are those of init-system-helpers 1.65; but where a link can't be made or removed, the
//! original doesn't say which, or goes on without a word. Where there is an `insserv`, it makes the links and numbers them;
//! else they are made here, all with number 01.

use super::place::{Place, unwritten};
use super::units::Units;
use crate::farm::{Kind, Link};
use crate::shims::err_plain;
use crate::shims::script::{is_executable, status_of};
use init::unit::{Level, LevelSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(in crate::shims) const HELP: &str = "NAME0 [-f] [--root DIR] SERVICE remove
       NAME0 [-f] [--root DIR] SERVICE defaults
       NAME0 [-f] [--root DIR] SERVICE defaults-disabled
       NAME0 [--root DIR] SERVICE disable|enable [S|2|3|4|5]...

Switches a service on or off in levels. Of an init script, the links in /etc/rcN.d are
made, removed or turned from S to K and back; insserv numbers them where it is
installed. A service that is a unit of Rung's or systemd's and has no script is switched
on and off as `initctl enable` and `disable` do it.

Actions:
  remove             removes the links; the script must be gone, unless -f is given
  defaults           makes those that the script's header asks for, if there are none
  defaults-disabled  the same, but all of them off
  disable, enable    turns links off or on, in these levels or those of Default-Start

Options:
  -f          ignored: as in the original it is always so
  --root DIR  in an image; the variable DPKG_ROOT says it too
  --help, --version";

const USAGE: &str = "usage: update-rc.d [-f] <basename> remove
       update-rc.d [-f] <basename> defaults
       update-rc.d [-f] <basename> defaults-disabled
       update-rc.d <basename> disable|enable [S|2|3|4|5]
\t\t-f: force

The disable|enable API is not stable and might change in the future.";

/// Why it ends, and with which status.
pub(super) type Failure = (String, u8);

fn error(why: impl Into<String>) -> Failure {
    (why.into(), 1)
}

fn usage(why: &str) -> u8 {
    if !why.is_empty() {
        err_plain(&format!("update-rc.d: error: {why}"));
    }
    err_plain(USAGE)
}

pub(in crate::shims) fn run(_: &str, args: &[String]) -> u8 {
    let mut root = std::env::var("DPKG_ROOT").ok();
    let mut words: Vec<&str> = Vec::new();
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "-f" if words.is_empty() => {}
            "--root" if words.is_empty() => root = args.next().map(str::to_owned),
            option if words.is_empty() && (option.starts_with("-h") || option == "--help") => return usage(""),
            option if words.is_empty() && option.starts_with('-') => return usage("unknown option"),
            word => words.push(word),
        }
    }
    let [name, action, rest @ ..] = words.as_slice() else {
        return usage("not enough arguments");
    };
    let place = Place::new(root.as_deref());
    let update = Update::new(place, name);
    let done = match *action {
        "remove" => update.remove(),
        "defaults" => update.defaults(true),
        "start" | "stop" => update.compare(action, rest).and_then(|()| update.defaults(true)),
        "defaults-disabled" => update.defaults(false),
        "disable" | "enable" => update.toggle(*action == "enable", rest, true),
        _ => return usage(""),
    };
    ended(done)
}

/// What `systemctl` has done for a script: nothing is done for systemd in turn.
pub(super) fn switch(root: Option<&str>, name: &str, on: bool) -> u8 {
    let update = Update::new(Place::new(root), name);
    ended(update.defaults(true).and_then(|()| update.toggle(on, &[], false)))
}

/// Has a script on in exactly these levels, of S and 1 to 5.
///
/// # Errors
/// A sentence.
pub(super) fn set(place: Place, name: &str, on: LevelSet) -> Result<(), String> {
    Update::new(place, name).set(on).map_err(|(why, _)| why)
}

/// The levels that a script's header has it started in.
///
/// # Errors
/// There is no script, or no such level.
pub(super) fn default_start(place: Place, name: &str) -> Result<LevelSet, String> {
    let words = Update::new(place, name).default_levels().map_err(|(why, _)| why)?;
    let levels: LevelSet = words.iter().filter_map(|word| one_level(word)).filter(|level| !level.is_down()).collect();
    if levels.is_empty() {
        Err(format!("{name}: its header names no level to start it in (Default-Start:)"))
    } else {
        Ok(levels)
    }
}

fn ended(done: Result<(), Failure>) -> u8 {
    match done {
        Ok(()) => 0,
        Err((why, code)) => {
            err_plain(&format!("update-rc.d: error: {why}"));
            code
        }
    }
}

/// The insserv of a root, if it is installed as a whole.
pub(super) fn insserv(place: &Place) -> Option<PathBuf> {
    let found =
        ["/sbin/insserv", "/usr/lib/insserv/insserv"].into_iter().find(|path| is_executable(&place.at(path)))?;
    place.at("/etc/insserv.conf").exists().then(|| PathBuf::from(found))
}

/// Runs insserv; always with `-f`, as the original does.
///
/// # Errors
/// That it failed, and its exit status.
pub(super) fn order(place: &Place, program: &Path, args: &[&str]) -> Result<(), Failure> {
    let args: Vec<&str> = std::iter::once("-f").chain(args.iter().copied()).collect();
    let code = if place.root.is_image() {
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        super::insserv::at(place, "insserv", &args)
    } else {
        status_of(Command::new(program).args(&args), "update-rc.d")
    };
    if code == 0 { Ok(()) } else { Err(("insserv rejected the script header".into(), code)) }
}

struct Update<'a> {
    place: Place,
    units: Units,
    insserv: Option<PathBuf>,
    name: &'a str,
}

impl<'a> Update<'a> {
    fn new(place: Place, name: &'a str) -> Self {
        Self { units: Units::new(&place), insserv: insserv(&place), place, name }
    }

    fn warn(text: &str) {
        err_plain(&format!("update-rc.d: warning: {text}"));
    }

    /// The unit that is to be switched instead of links: there is no script, and there are no links of one.
    fn lone_unit(&self) -> Option<init::unit::UnitName> {
        let lone = self.place.script(self.name).is_none() && !self.place.is_linked(self.name);
        self.units.find(self.name).filter(|_| lone)
    }

    fn started(&self) -> LevelSet {
        let starts = |level: &Level| self.place.links(*level, self.name).iter().any(|link| link.kind == Kind::Start);
        Level::ALL.into_iter().filter(starts).collect()
    }

    /// Carries out what changes links, and has Rung's own say the same where they would hide a change.
    fn change(&self, change: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let before = self.started();
        change()?;
        self.units.follow(self.name, before, self.started()).map_err(error)
    }

    fn remove(&self) -> Result<(), Failure> {
        let unit = self.units.find(self.name);
        self.change(|| match &self.insserv {
            Some(_) if self.place.script(self.name).is_some() => {
                // As the original: whatever it says, this is the end of it.
                let _ = self.order(&["-r", self.name]);
                Ok(())
            }
            // It removes all links that lead nowhere.
            Some(_) => self.order(&[]),
            None => {
                for link in Level::ALL.iter().flat_map(|level| self.place.links(*level, self.name)) {
                    fs::remove_file(&link.path).map_err(|e| error(unwritten(&link.path, &e)))?;
                }
                Ok(())
            }
        })?;
        match unit.filter(|unit| self.place.script(self.name).is_none() && self.units.is_on(unit)) {
            Some(unit) => self.units.disable(&unit, Level::ALL.into_iter().collect()).map_err(error),
            None => Ok(()),
        }
    }

    fn defaults(&self, on: bool) -> Result<(), Failure> {
        if let Some(unit) = self.lone_unit() {
            return if on { self.units.enable(&unit, None).map_err(error) } else { Ok(()) };
        }
        self.change(|| {
            if !on && self.insserv.is_some() && self.place.is_linked(self.name) {
                return Ok(());
            }
            if self.insserv.is_none() {
                return self.plain_links(on);
            }
            if self.place.script(self.name).is_none() {
                return Err(error(self.unknown(&format!("initscript does not exist: /etc/init.d/{}", self.name))));
            }
            self.order(&[self.name])?;
            if on { Ok(()) } else { self.turn(false, &[]) }
        })
    }

    fn toggle(&self, on: bool, levels: &[&str], native: bool) -> Result<(), Failure> {
        if let Some(unit) = self.lone_unit() {
            let named: LevelSet = levels.iter().filter_map(|word| one_level(word)).collect();
            return if on {
                self.units.enable(&unit, Some(named).filter(|levels| !levels.is_empty())).map_err(error)
            } else {
                let all = Level::ALL.into_iter().collect();
                self.units.disable(&unit, if named.is_empty() { all } else { named }).map_err(error)
            };
        }
        self.change(|| {
            self.turn(on, levels)?;
            if self.insserv.is_some() { self.order(&[self.name]) } else { Ok(()) }
        })?;
        if !native || std::env::var("_SKIP_SYSTEMD_NATIVE").is_ok_and(|skip| skip == "1") {
            return Ok(());
        }
        super::wants::switch(&self.place, self.name, on).map_err(error)
    }

    fn order(&self, args: &[&str]) -> Result<(), Failure> {
        self.insserv.as_ref().map_or(Ok(()), |program| order(&self.place, program, args))
    }

    /// The links that the header asks for, if there are none at all.
    fn plain_links(&self, on: bool) -> Result<(), Failure> {
        if self.place.is_linked(self.name) {
            return Ok(());
        }
        let (start, stop) = self.header(&format!("/etc/init.d/{}", self.name))?;
        let kind = if on { Kind::Start } else { Kind::Stop };
        for (words, kind) in [(start, kind), (stop, Kind::Stop)] {
            for level in words.iter().filter_map(|word| one_level(word)) {
                self.place.link(level, kind, 1, self.name).map_err(error)?;
            }
        }
        Ok(())
    }

    /// `Default-Start` of the header that counts.
    fn default_levels(&self) -> Result<Vec<String>, Failure> {
        let folders = ["/etc/insserv/overrides", "/etc/init.d", "/usr/share/insserv/overrides"];
        let paths = folders.map(|folder| format!("{folder}/{}", self.name));
        let filled = |path: &&String| fs::metadata(self.place.at(path)).is_ok_and(|m| m.len() > 0);
        let header = paths.iter().find(filled);
        let header =
            header.ok_or_else(|| error(self.unknown(&format!("cannot find a LSB script for {}", self.name))))?;
        Ok(self.header(header)?.0)
    }

    /// On in exactly these levels.
    fn set(&self, on: LevelSet) -> Result<(), Failure> {
        if !self.place.is_linked(self.name) && !on.is_empty() {
            self.defaults(true)?;
        }
        let mut changed = false;
        for level in Level::ALL.into_iter().filter(|level| !level.is_down()) {
            let kind = if on.contains(level) { Kind::Start } else { Kind::Stop };
            let links = self.place.links(level, self.name);
            if links.is_empty() && on.contains(level) {
                self.place.link(level, kind, 1, self.name).map_err(error)?;
                changed = true;
            }
            changed |= turn_links(&links, kind)?;
        }
        if changed { self.order(&[self.name]) } else { Ok(()) }
    }

    /// Turns S into K or back, in the levels given or those of the header.
    fn turn(&self, on: bool, given: &[&str]) -> Result<(), Failure> {
        let header = self.default_levels()?;
        let mut levels: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
        if levels.is_empty() {
            levels = header;
        }
        if levels.is_empty() {
            return Err(error(format!("{} Default-Start contains no runlevels, aborting.", self.name)));
        }
        let mut links = Vec::new();
        for word in &levels {
            match one_level(word).filter(|level| *level == Level::S || level.is_multi_user()) {
                Some(level) if word != "s" => links.extend(self.place.links(level, self.name)),
                _ => {
                    let action = if on { "enable" } else { "disable" };
                    Self::warn(&format!("{action} action will have no effect on runlevel {word}"));
                }
            }
        }
        if links.is_empty() {
            return Err(error("no runlevel symlinks to modify, aborting!"));
        }
        turn_links(&links, if on { Kind::Start } else { Kind::Stop }).map(drop)
    }

    /// `Default-Start` and `Default-Stop` as this command reads them: letter by letter, whatever the words are.
    fn header(&self, path: &str) -> Result<(Vec<String>, Vec<String>), Failure> {
        let text = fs::read(self.place.at(path)).map_err(|_| error(self.unknown(&format!("unable to read {path}"))))?;
        Ok(defaults_of(&String::from_utf8_lossy(&text)))
    }

    /// The old way: numbers and levels on the command line. Only whether they agree with the header matters.
    fn compare(&self, action: &str, args: &[&str]) -> Result<(), Failure> {
        if self.lone_unit().is_some() {
            return Ok(());
        }
        let (start, stop) = self.header(&format!("/etc/init.d/{}", self.name))?;
        if start.is_empty() && stop.is_empty() {
            return Ok(());
        }
        Self::warn("start and stop actions are no longer supported; falling back to defaults");
        let (starts, stops) = given_levels(action, args);
        for (given, header, word) in [(starts, start, "start"), (stops, stop, "stop")] {
            let sorted = |list: &[String]| {
                let mut list = list.to_vec();
                list.sort();
                list
            };
            if sorted(&given) != sorted(&header) {
                let shown = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(" ") };
                let key = if word == "start" { "Default-Start" } else { "Default-Stop" };
                Self::warn(&format!(
                    "{word} runlevel arguments ({}) do not match {} {key} values ({})",
                    shown(&given),
                    self.name,
                    shown(&header)
                ));
            }
        }
        Ok(())
    }

    /// With the names that are near.
    fn unknown(&self, text: &str) -> String {
        let near = self.place.near(self.name, self.units.names());
        near.map_or_else(|| text.to_owned(), |near| format!("{text}\n  {near}"))
    }
}

/// Makes all of these links ones that start, or that stop; whether any wasn't.
fn turn_links(links: &[Link], kind: Kind) -> Result<bool, Failure> {
    let mut turned = false;
    for link in links.iter().filter(|link| link.kind != kind) {
        let to = link.path.with_file_name(crate::farm::file_name(kind, link.number, &link.name));
        fs::rename(&link.path, &to).map_err(|e| error(unwritten(&to, &e)))?;
        turned = true;
    }
    Ok(turned)
}

fn one_level(word: &str) -> Option<Level> {
    let mut letters = word.chars();
    Level::from_char(letters.next()?).filter(|_| letters.next().is_none())
}

/// The words behind `# Default-Start:` and `# Default-Stop:` of the first header.
fn defaults_of(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut start, mut stop) = (Vec::new(), Vec::new());
    let lines = text.lines().skip_while(|line| line.trim_end() != "### BEGIN INIT INFO").skip(1);
    for line in lines.take_while(|line| line.trim_end() != "### END INIT INFO") {
        let words = |value: &str| value.split_whitespace().map(str::to_owned).collect();
        if let Some(value) = line.strip_prefix("# Default-Start:") {
            start = words(value);
        } else if let Some(value) = line.strip_prefix("# Default-Stop:") {
            stop = words(value);
        }
    }
    (start, stop)
}

/// `start 20 2 3 . stop 80 0 6 .` → the levels to start and to stop in; those of 0 and 6 always stop.
fn given_levels(action: &str, args: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    let mut starting = action == "start";
    // A number comes first, and behind each of the two words.
    let mut words = args.iter().skip(if args.first() == Some(&action) { 2 } else { 1 });
    while let Some(word) = words.next() {
        match *word {
            "start" | "stop" => {
                starting = *word == "start";
                words.next();
            }
            "." => {}
            level => {
                starting &= !matches!(level, "0" | "6");
                if starting { &mut starts } else { &mut stops }.push(level.to_owned());
            }
        }
    }
    (starts, stops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &str) -> Vec<String> {
        list.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_header_is_read_letter_by_letter() {
        let text = "x\n# Default-Start: 9\n### BEGIN INIT INFO  \n# Default-Start:  2 3\n# default-stop: 1\n\
                    # Default-Stop:\n### END INIT INFO\n# Default-Stop: 7\n";
        assert_eq!(defaults_of(text), (words("2 3"), Vec::new()));
        assert_eq!(defaults_of("# Default-Start: 2\n"), (Vec::new(), Vec::new()));
    }

    #[test]
    fn old_arguments_are_split_into_start_and_stop() {
        let split = |action, line: &str| given_levels(action, &line.split_whitespace().collect::<Vec<_>>());
        let line = "20 2 3 4 5 . stop 80 0 1 6 .";
        assert_eq!(split("start", line), (words("2 3 4 5"), words("0 1 6")));
        assert_eq!(split("stop", "80 0 6"), (Vec::new(), words("0 6")));
        assert_eq!(split("start", ""), (Vec::new(), Vec::new()));
    }
}
