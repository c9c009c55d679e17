//! `insserv`: links and their numbers, from the headers of all scripts.
//!
//! The order is [`crate::order`]'s; what is linked, renumbered, removed and refused is insserv 1.24's.

use super::depend;
use super::insserv_args::{Line, Named};
use super::place::{Place, names};
use crate::facilities::Facilities;
use crate::farm::{self, Kind};
use crate::lsb::{self, Header, Key};
use crate::order::{self, Direction, Need, Order, Service, Strength};
use crate::shims::{err_plain, out};
use crate::tree::{Script, Tree, UPSTART_JOB};
use init::unit::{Level, LevelSet};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(in crate::shims) use super::insserv_args::HELP;

/// The levels in the order insserv goes through them.
const LEVELS: &str = "0123456S";

pub(in crate::shims) fn run(name: &str, args: &[String]) -> u8 {
    match Line::parse(args) {
        Ok(line) => with(name, &Place::new(line.root.as_deref()), line),
        Err(why) => {
            err_plain(&format!("{name}: {why}"));
            err_plain(&format!("{name}: For help use: {name} -h"))
        }
    }
}

/// For those that have it called.
pub(super) fn at(place: &Place, name: &str, args: &[String]) -> u8 {
    Line::parse(args).map_or(1, |line| with(name, place, line))
}

fn with(name: &str, place: &Place, line: Line) -> u8 {
    if line.has('h') {
        return out(&format!("Usage: {}", HELP.replace("NAME0", name)));
    }
    if line.has('r') && line.named.is_empty() {
        return err_plain(&format!("{name}: usage: {name} [[-r] init_script|init_directory]"));
    }
    let folder = line.value('p').map(|path| path.trim_end_matches('/'));
    let by_path = folder.and_then(|path| FOLDERS.iter().find_map(|folder| path.strip_suffix(folder)));
    if let (Some(path), None) = (folder, by_path) {
        // The links lie beside the scripts: those of this machine would be changed.
        return err_plain(&format!("{name}: -p {path}: the folder of the scripts of a root ends in /etc/init.d"));
    }
    let elsewhere = by_path.filter(|root| !root.is_empty()).map(|root| Place::new(Some(root)));
    let place = elsewhere.as_ref().unwrap_or(place);
    match (Work { name, place, line }).run() {
        Ok(()) => 0,
        Err(why) => err_plain(&format!("{name}: {why}")),
    }
}

/// Where the scripts lie in a root.
const FOLDERS: [&str; 2] = ["/etc/init.d", "/etc/rc.d/init.d"];

/// All scripts, those that are linked and can't be executed too.
struct Read {
    tree: Tree,
    others: Vec<(String, Option<Header>)>,
}

impl Read {
    fn services(&self) -> Vec<Service<'_>> {
        let others =
            self.others.iter().map(|(name, header)| Service::new(name, header.as_ref()).linked(&self.tree.farm));
        order::services(&self.tree).into_iter().chain(others).collect()
    }
}

struct Work<'a> {
    name: &'a str,
    place: &'a Place,
    line: Line,
}

impl Work<'_> {
    fn warn(&self, text: &str) {
        if !self.line.has('q') {
            err_plain(&format!("{}: {text}", self.name));
        }
    }

    fn info(&self, text: &str) {
        if self.line.has('v') || self.line.has('n') {
            err_plain(&format!("{}: {text}", self.name));
        }
    }

    fn dry(&self) -> bool {
        self.line.has('n') || self.line.has('s')
    }

    fn run(&self) -> Result<(), String> {
        let named = self.named()?;
        if !self.place.scripts().is_dir() {
            return Err(format!("can not opendir({}): No such file or directory", self.place.scripts().display()));
        }
        self.sweep();
        let read = self.read()?;
        let mut services = read.services();
        self.look(&read, &services, &named)?;
        let mut chosen: Vec<bool> = services.iter().map(|s| named.iter().any(|one| one.name() == s.name)).collect();
        for service in &mut services {
            if let Some(one) = named.iter().find(|one| one.name() == service.name) {
                self.levels(service, one);
            }
        }
        if self.line.has('d') {
            services.iter_mut().for_each(by_header);
        }
        let order = order::order(&services, &read.tree.facilities, read.tree.style);
        let loops = self.loops(&services, &order);
        if loops && !self.line.has('f') {
            return Err("exiting now without changing boot order!".to_owned());
        }
        self.check(&read, &services, &order, &mut chosen)?;
        if order.start.overflow || order.stop.overflow {
            return Err(format!("Maximum of {} in ordering reached", order::MAX_NUMBER));
        }
        if self.line.has('s') {
            show(&services, &order);
        }
        for level in LEVELS.chars().filter_map(Level::from_char) {
            self.link_level(level, &services, &chosen, &order)?;
        }
        self.depend(&services, &order, &read.tree.facilities.interactive)
    }

    /// The scripts on the command line; each must be there.
    fn named(&self) -> Result<Vec<Named>, String> {
        let mut named = Vec::new();
        for one in &self.line.named {
            let path =
                if one.word.contains('/') { one.word.clone().into() } else { self.place.scripts().join(&one.word) };
            match fs::metadata(self.place.root.place(&path)) {
                // A folder as the only word: that of all scripts.
                Ok(meta) if meta.is_dir() && self.line.named.len() == 1 => {}
                Ok(_) => named.push(one.clone()),
                Err(e) => {
                    let text = nix::errno::Errno::from_raw(e.raw_os_error().unwrap_or(0)).desc();
                    let near = self.place.near(one.name(), std::iter::empty());
                    return Err(format!(
                        "{}: {text}{}",
                        one.word,
                        near.map(|n| format!("\n  {n}")).unwrap_or_default()
                    ));
                }
            }
        }
        Ok(named)
    }

    fn read(&self) -> Result<Read, String> {
        let ask = self.line.value('u').unwrap_or(UPSTART_JOB);
        let image = self.place.root.is_image();
        let mut tree = Tree::read_with(&self.place.root, &mut |job| {
            let said = Some(()).filter(|()| !image).map(|()| Command::new(ask).args([job, "lsb-header"]).output());
            said.transpose()
                .map(|said| said.map(|s| String::from_utf8_lossy(&s.stdout).into_owned()))
                .map_err(|e| e.to_string())
        });
        if let Some(path) = self.line.value('c') {
            let mut facilities = Facilities::default();
            let text = fs::read(path).unwrap_or_else(|e| {
                let why = nix::errno::Errno::from_raw(e.raw_os_error().unwrap_or(0)).desc();
                self.warn(&format!("fopen({path}): {why}"));
                Vec::new()
            });
            facilities.add(Path::new(path), &String::from_utf8_lossy(&text));
            tree.facilities = facilities;
        }
        if let Some(folder) = self.line.value('o') {
            for script in &mut tree.scripts {
                let path = Path::new(folder).join(&script.name);
                let text = fs::read(&path).unwrap_or_default();
                if let (Some(header), _) = lsb::parse(&path, &String::from_utf8_lossy(&text)) {
                    script.lsb = Some((path, header));
                }
            }
        }
        tree.scripts.retain(|script| !self.provides_facility(script));
        let unknown = |name: &&str| tree.script(name).is_none() && self.place.script(name).is_some();
        let parse = |name: &str| {
            let text = self.place.script(name).and_then(|path| fs::read(path).ok()).unwrap_or_default();
            (name.to_owned(), lsb::parse(Path::new(name), &String::from_utf8_lossy(&text)).0)
        };
        let others = tree.farm.names().into_iter().filter(unknown).map(parse).collect();
        Ok(Read { tree, others })
    }

    /// Whether all that a script provides are names that stand for facilities: nobody may, and it is passed over.
    fn provides_facility(&self, script: &Script) -> bool {
        let provides = script.lsb.as_ref().map(|(_, header)| header.names(Key::Provides)).unwrap_or_default();
        let all = provides.first().filter(|_| provides.iter().all(|name| name.starts_with('$')));
        if let Some(first) = all {
            self.warn(&format!("script {} provides system facility {first}, skipped!", script.name));
        }
        all.is_some()
    }

    /// What is to be said about headers; one without an end is fatal.
    fn look(&self, read: &Read, services: &[Service<'_>], named: &[Named]) -> Result<(), String> {
        for script in &read.tree.scripts {
            if script.lsb.is_none() && script.text.contains(lsb::BEGIN) {
                let fatal = if self.line.has('f') { "" } else { "FATAL: " };
                self.warn(&format!("{fatal}script {} is broken: missing end of LSB comment.", script.name));
                if !self.line.has('f') {
                    return Err("exiting now!".to_owned());
                }
            }
            if script.lsb.is_none() {
                self.warn(&format!("warning: script '{}' missing LSB tags", script.name));
            }
        }
        for service in services {
            let Some(header) = service.header else { continue };
            let missing = [
                (Key::RequiredStart, "missing `Required-Start:' entry: please add even if empty."),
                (Key::RequiredStop, "missing `Required-Stop:'  entry: please add even if empty."),
                (Key::DefaultStart, "missing `Default-Start:'  entry: please add even if empty."),
                (Key::DefaultStop, "missing `Default-Stop:'   entry: please add even if empty."),
            ];
            let missing: Vec<&str> =
                missing.iter().filter(|(key, _)| header.get(*key).is_none()).map(|(_, t)| *t).collect();
            if !missing.is_empty() {
                self.warn(&format!("script {} is broken: incomplete LSB comment.", service.name));
                missing.iter().for_each(|text| self.warn(text));
            }
            let levels = [header.levels(Key::DefaultStart), header.levels(Key::DefaultStop)];
            let [start, stop] = levels;
            if start.iter().any(|level| stop.contains(level)) {
                let [start, stop] = [start, stop].map(words);
                self.warn(&format!(
                    "Script `{}' has overlapping Default-Start and Default-Stop runlevels ({start}) and ({stop}). This should be fixed.",
                    service.name
                ));
            }
            let one = named.iter().find(|one| one.name() == service.name);
            if one.is_some_and(|one| one.start.or(one.stop).is_none())
                && !service.numbers.is_empty()
                && !self.line.has('d')
                && !self.line.has('r')
            {
                for (word, now, default) in [("start", service.start, start), ("stop", service.stop, stop)] {
                    if now != default {
                        self.warn(&format!(
                            "warning: current {word} runlevel(s) ({}) of script `{}' overrides LSB defaults ({}).",
                            words(now),
                            service.name,
                            words(default)
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Levels from the command line.
    fn levels(&self, service: &mut Service<'_>, one: &Named) {
        for (given, levels) in [(one.start, &mut service.start), (one.stop, &mut service.stop)] {
            if let Some(given) = given {
                let kept = if self.line.has('f') { LevelSet::EMPTY } else { *levels };
                *levels = kept.iter().chain(given.iter()).collect();
            }
        }
    }

    fn loops(&self, services: &[Service<'_>], order: &Order) -> bool {
        let name = |at: usize| services.get(at).map_or("", |service| service.name);
        let mut found = false;
        for (direction, word) in [(&order.start, "started"), (&order.stop, "stopped")] {
            for dropped in
                direction.dropped.iter().filter(|d| d.edge.strength >= Strength::All && !d.members.is_empty())
            {
                found = true;
                let (before, after) = (name(dropped.edge.before), name(dropped.edge.after));
                self.warn(&format!("There is a loop between service {after} and {before} if {word}"));
                let members: Vec<&str> = dropped.members.iter().map(|at| name(*at)).collect();
                self.warn(&format!(" loop involving services {}", members.join(" ")));
            }
        }
        found
    }

    /// Whether all that is needed is there and on; with `-e` it is chosen too.
    fn check(&self, read: &Read, services: &[Service<'_>], order: &Order, chosen: &mut [bool]) -> Result<(), String> {
        let own = |at: usize| services.get(at).map(provided).unwrap_or_default();
        let on = |at: usize| services.get(at).is_some_and(|service| !service.numbers.is_empty());
        let mut wrong = Vec::new();
        let required = order.start.edges.iter().filter(|edge| edge.strength == Strength::Required);
        let mut required: Vec<(usize, usize)> = required.map(|edge| (edge.after, edge.before)).collect();
        required.sort_unstable();
        // What is needed by what is needed comes later in the same list.
        for _ in 0..services.len() {
            for (who, what) in &required {
                let asks = chosen.get(*who) == Some(&true);
                if self.line.has('e')
                    && asks
                    && !on(*what)
                    && let Some(it) = chosen.get_mut(*what)
                {
                    *it = true;
                }
            }
        }
        let is_chosen = |at: usize| chosen.get(at) == Some(&true);
        for (who, what) in &required {
            let text = || format!("FATAL: service {} has to be enabled to use service {}", own(*what), own(*who));
            let wants = is_chosen(*who) && !on(*what) && !is_chosen(*what) && !self.line.has('r');
            let breaks = self.line.has('r') && !self.line.has('f') && is_chosen(*what) && on(*who) && !is_chosen(*who);
            if wants || breaks {
                wrong.push(text());
            } else if !self.line.has('r') && !self.line.has('f') && (is_chosen(*who) || on(*who)) && on(*what) {
                wrong.extend(self.missed(services, *who, *what));
            }
        }
        for missing in order
            .missing
            .iter()
            .filter(|missing| missing.need == Need::Required && missing.place.key == Key::RequiredStart)
        {
            let who = missing.place.service;
            if is_chosen(who) && !self.line.has('r') {
                wrong.push(format!("FATAL: service {} has to be enabled to use service {}", missing.name, own(who)));
            } else if on(who) && !self.line.has('r') && !self.line.has('f') {
                wrong.push(format!("FATAL: service {} has to exist for service {}", missing.name, own(who)));
            }
        }
        wrong.extend(self.doubled(read, services, chosen));
        if wrong.is_empty() {
            return Ok(());
        }
        wrong.iter().for_each(|text| self.warn(text));
        if self.line.has('f') { Ok(()) } else { Err("exiting now!".to_owned()) }
    }

    /// Levels in which one is started and what it needs isn't.
    fn missed(&self, services: &[Service<'_>], who: usize, what: usize) -> Option<String> {
        let (cur, must) = (services.get(who)?, services.get(what)?);
        if must.start.contains(Level::S) && !cur.start.contains(Level::S) {
            return None;
        }
        let lacking: LevelSet = cur.start.iter().filter(|level| !must.start.contains(*level)).collect();
        let (must, cur) = (provided(must), provided(cur));
        (!lacking.is_empty()).then(|| {
            format!("FATAL: service {must} is missed in the runlevels {} to use service {cur}", words(lacking))
        })
    }

    /// Scripts that are chosen and provide what another that is on provides already.
    fn doubled(&self, read: &Read, services: &[Service<'_>], chosen: &[bool]) -> Vec<String> {
        let all = |service: &Service<'_>| {
            service
                .header
                .map(|header| header.names(Key::Provides))
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut found = Vec::new();
        for (one, _) in services.iter().zip(chosen).filter(|(_, chosen)| **chosen && !self.line.has('r')) {
            for other in services.iter().filter(|other| other.name != one.name && read.tree.farm.knows(other.name)) {
                let others = all(other);
                let same = all(one).into_iter().filter(|name| others.contains(name));
                found.extend(same.map(|name| format!("script {}: service {name} already provided!", one.name)));
            }
        }
        found
    }

    /// Links that lead nowhere go before anything is looked at.
    fn sweep(&self) {
        for level in Level::ALL {
            let folder = self.place.level(level);
            for file in names(&folder) {
                let path = folder.join(&file);
                if farm::parse(&file).is_some() && path.is_symlink() && !self.place.root.place(&path).exists() {
                    self.remove(level, &file);
                }
            }
        }
    }

    fn shown(&self, level: Level, file: &str) -> String {
        format!("{}/../rc{level}.d/{file}", self.place.scripts().display())
    }

    fn remove(&self, level: Level, file: &str) {
        self.info(&format!("remove service {}", self.shown(level, file)));
        if !self.dry()
            && let Err(e) = fs::remove_file(self.place.level(level).join(file))
        {
            self.warn(&format!("can not remove({}): {e}", self.shown(level, file)));
        }
    }

    fn make(&self, level: Level, kind: Kind, number: u8, name: &str) -> Result<(), String> {
        let file = farm::file_name(kind, number, name);
        self.info(&format!("enable service ../init.d/{name} -> {}", self.shown(level, &file)));
        if self.dry() || self.place.level(level).join(&file).is_symlink() {
            return Ok(());
        }
        self.place.link(level, kind, number, name).map_err(|why| format!("can not symlink {why}"))
    }

    /// One level's links: numbered anew, made or removed for those that are chosen.
    fn link_level(&self, level: Level, services: &[Service<'_>], chosen: &[bool], order: &Order) -> Result<(), String> {
        let folder = self.place.level(level);
        if !self.dry() {
            fs::create_dir_all(&folder).map_err(|e| format!("mkdir({}) failed: {e}", folder.display()))?;
        }
        for file in names(&folder) {
            let Some((kind, _, name)) = farm::parse(&file) else { continue };
            let belongs = services.iter().any(|s| s.name == name && levels_of(s, kind).contains(level));
            let boot = level == Level::S && kind == Kind::Stop;
            if boot || (!belongs && (self.line.has('d') || level == Level::S)) {
                self.remove(level, &file);
            }
        }
        for (at, service) in services.iter().enumerate() {
            let kind = if service.stop.contains(level) && level != Level::S { Kind::Stop } else { Kind::Start };
            if !levels_of(service, kind).contains(level) || service.stop.contains(level) && level == Level::S {
                continue;
            }
            let number = number(if kind == Kind::Start { &order.start } else { &order.stop }, at);
            let this = chosen.get(at) == Some(&true);
            let removes = this && self.line.has('r');
            let links: Vec<_> = self.place.links(level, service.name).into_iter().filter(|l| l.kind == kind).collect();
            for link in &links {
                let right = link.number == number;
                if !right || removes {
                    self.remove(level, &farm::file_name(kind, link.number, service.name));
                }
                if !right && !removes {
                    self.make(level, kind, number, service.name)?;
                }
            }
            if links.is_empty() && this && !removes {
                self.make(level, kind, number, service.name)?;
            }
        }
        Ok(())
    }

    /// The files for `startpar`.
    fn depend(&self, services: &[Service<'_>], order: &Order, interactive: &BTreeSet<String>) -> Result<(), String> {
        let folder = self.line.value('i').map_or_else(|| self.place.scripts(), Into::into);
        if self.dry() {
            let shown = folder.display();
            self.info(&format!("dryrun, not creating depend.boot, depend.start, and depend.stop in {shown}/."));
            return Ok(());
        }
        let linked: Vec<bool> = services.iter().map(|service| self.place.is_linked(service.name)).collect();
        for (end, text) in depend::files(services, &linked, order, interactive) {
            let path = folder.join(format!(".depend.{end}"));
            self.info(&format!("creating {}", path.display()));
            let new = folder.join(format!(".depend.{end}.new"));
            let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &path));
            if let Err(e) = written {
                self.warn(&format!("fopen({}): {e}", path.display()));
            }
        }
        Ok(())
    }
}

/// `-d`: on and off as the header says too.
fn by_header(service: &mut Service<'_>) {
    let Some(header) = service.header else { return };
    service.start = service.start.iter().chain(header.levels(Key::DefaultStart).iter()).collect();
    service.stop = service.stop.iter().chain(header.levels(Key::DefaultStop).iter()).collect();
}

fn levels_of(service: &Service<'_>, kind: Kind) -> LevelSet {
    if kind == Kind::Start { service.start } else { service.stop }
}

fn number(direction: &Direction, at: usize) -> u8 {
    direction.numbers.get(at).copied().unwrap_or(1)
}

/// The first name a script provides.
fn provided(service: &Service<'_>) -> String {
    let provides = service.header.map(|header| header.names(Key::Provides)).unwrap_or_default();
    (*provides.first().unwrap_or(&service.name)).to_owned()
}

/// `2 3 4 5`, `empty`
fn words(levels: LevelSet) -> String {
    let all: Vec<String> =
        LEVELS.chars().filter(|c| Level::from_char(*c).is_some_and(|l| levels.contains(l))).map(String::from).collect();
    if all.is_empty() { "empty".to_owned() } else { all.join(" ") }
}

/// `-s`: `K:01:0 1 6:web`, by number.
fn show(services: &[Service<'_>], order: &Order) {
    for (letter, direction, kind) in [('K', &order.stop, Kind::Stop), ('S', &order.start, Kind::Start)] {
        let levels = services.iter().enumerate().filter(|(_, service)| !levels_of(service, kind).is_empty());
        let mut rows: Vec<(u8, &Service<'_>)> = levels.map(|(at, service)| (number(direction, at), service)).collect();
        rows.sort_by_key(|(number, service)| (*number, service.name));
        for (number, service) in rows {
            out(&format!("{letter}:{number:02}:{}:{}", words(levels_of(service, kind)), service.name));
        }
    }
}
