//! Init scripts → units.
//!
//! Where a unit is on isn't in it: the farm says so, and the manager reads the farm. `Runlevels=` are those that the script
//! asks for, which `enable` uses. An order is written into the units of
//! both sides, so that it holds where a native unit stands for one of them; one that is for starting alone into the later
//! unit, which has it either way.

use super::twins::{self, Twins};
use super::{Item, Made};
use crate::farm::Kind;
use crate::order::{self, Dropped, Edge, Missing, Need, Order, Strength};
use crate::tree::{Script, Style, Tree};
use init::load::Root;
use init::load::replaced::FOR_CONSOLE;
use init::unit::search::FOLDERS;
use init::unit::{Finding, Level, LevelSet, Severity, UnitName};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The targets that stand for facilities where no script is behind them. None for `$time` and `$syslog`: who is before
/// `time-sync.target` often wants a log, and what logs wants `$time`.
const TARGETS: [(&str, &str); 5] = [
    ("$local_fs", "local-fs.target"),
    ("$named", "nss-lookup.target"),
    ("$network", "network-online.target"),
    ("$portmap", "rpcbind.target"),
    ("$remote_fs", "remote-fs.target"),
];

/// Makes the units of a tree.
pub fn make(root: &Root, tree: &Tree, made: &mut Made) {
    let services = order::services(tree);
    let order = order::order(&services, &tree.facilities, tree.style);
    let mut edges = vec![Vec::new(); tree.scripts.len()];
    for edge in &order.both {
        for side in [edge.before, edge.after] {
            if let Some(edges) = edges.get_mut(side) {
                edges.push(*edge);
            }
        }
    }
    let twins = twins::of(root, tree);
    twins.note(made);
    let files = unit_files(root);
    let mut maker = Maker { root, tree, order: &order, twins, edges, made, names: Vec::new(), files };
    maker.made.findings.extend(tree.findings.iter().cloned());
    maker.names = tree.scripts.iter().map(|script| maker.name(script)).collect();
    for at in 0..tree.scripts.len() {
        maker.unit(at);
    }
    maker.findings();
}

struct Maker<'a> {
    root: &'a Root,
    tree: &'a Tree,
    order: &'a Order,
    twins: Twins,
    /// Each script's.
    edges: Vec<Vec<Edge>>,
    made: &'a mut Made,
    /// Each script's unit; `None` where it can't have one.
    names: Vec<Option<UnitName>>,
    /// What the folders of units hold, read once: every header names a few that aren't there.
    files: BTreeSet<String>,
}

impl Maker<'_> {
    fn warn(&mut self, is_error: bool, file: &Path, line: u32, text: String, remedy: String) {
        let severity = if is_error { Severity::Error } else { Severity::Warning };
        self.made.findings.push(Finding { line, ..Finding::whole(severity, file, text).hint(remedy) });
    }

    /// The unit's name, or a word about why there is none.
    fn name(&mut self, script: &Script) -> Option<UnitName> {
        let name = UnitName::new(&script.name);
        let why = match &name {
            Err(why) => why.clone(),
            Ok(name) if name.is_template() => format!("`{}` would be a template", script.name),
            Ok(_) if script.name.contains('\\') => format!("`{}` holds a backslash", script.name),
            Ok(_) if !self.inside(&script.path).chars().all(|c| c.is_ascii_graphic() && !"\"'\\$%;".contains(c)) => {
                format!("`{}` is no path for a command line", script.path.display())
            }
            Ok(name) => return Some(name.clone()),
        };
        self.warn(true, &script.path, 0, format!("no unit can be made: {why}"), "rename the script".to_owned());
        None
    }

    /// A path as it is inside the root.
    fn inside(&self, path: &Path) -> String {
        let top = self.root.shown(Path::new("/"));
        path.strip_prefix(&top).map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path)).display().to_string()
    }

    fn unit(&mut self, at: usize) {
        let (Some(script), Some(Some(name))) = (self.tree.scripts.get(at), self.names.get(at)) else { return };
        let path = self.inside(&script.path);
        let file = format!("scripts/{}", name.as_str());
        if self.made.items.contains_key(&file) {
            let why = format!("`{}` is the unit of another script already", name.as_str());
            let path = script.path.clone();
            self.warn(true, &path, 0, why, "rename one of the two".to_owned());
            return;
        }
        // What doesn't begin with `#!` isn't executed by the kernel; init's shell did it all the same.
        let call = if is_bare(&script.text) { format!("/bin/sh {path}") } else { path.clone() };
        let mut text = self.head(at, script, name, self.is_interactive(at));
        let _ = write!(text, "ExecStart={call} start\nExecStop={call} stop\n");
        if names_reload(&script.text) {
            let _ = writeln!(text, "ExecReload={call} reload");
        }
        if let Some(file) = pid_file(script) {
            let _ = writeln!(text, "PIDFile={file}");
        }
        if self.is_interactive(at) {
            text += "StandardInput=tty-force\nStandardOutput=tty\nTTYPath=/dev/console\n";
        }
        text += "TimeoutStartSec=5min\nSkipExitStatus=5 6\nKillMode=process\nIgnoreSIGPIPE=no\n";
        // A twin asks for no terminal, so it needn't run alone. Its own text comes last, so that it counts.
        let twin = self.twins.text(&script.name).map(|own| {
            let head = self.head(at, script, name, false);
            format!("{head}TimeoutStartSec=5min\nSkipExitStatus=5 6\nKillMode=process\n\n{own}")
        });
        self.made.items.insert(file, Item::Text(text));
        if let Some(twin) = twin {
            self.made.items.insert(format!("twins/{}", name.as_str()), Item::Text(twin));
        }
    }

    /// What the script's unit and its twin begin with. `alone`: it runs alone.
    fn head(&self, at: usize, script: &Script, name: &UnitName, alone: bool) -> String {
        let path = self.inside(&script.path);
        let mut text = format!(
            "# Made by `sysv generate` from {path}; changes here are lost: initctl edit {}\n[Unit]\nDescription={}\n\
             SourcePath={path}\nDefaultDependencies=no\n",
            name.short(),
            description(script)
        );
        let starts = self.starts(at);
        let after = self.near(at, true, alone);
        let before: BTreeSet<String> = self.near(at, false, alone).difference(&after).cloned().collect();
        let all: BTreeSet<String> = after.union(&before).cloned().collect();
        let said: BTreeSet<String> = self.near(at, true, false).union(&self.near(at, false, false)).cloned().collect();
        let alone = all.difference(&said).cloned().collect();
        let lists = [
            ("After", after),
            ("StartAfter", starts),
            ("Before", before),
            (FOR_CONSOLE, alone),
            ("Wants", self.wants(at)),
        ];
        for (key, names) in lists {
            if !names.is_empty() {
                let _ = writeln!(text, "{key}={}", names.into_iter().collect::<Vec<_>>().join(" "));
            }
        }
        let levels = default_levels(script);
        if !levels.is_empty() {
            let _ = write!(text, "\n[Install]\nRunlevels={levels}\n");
        }
        text + "\n[Service]\nType=script\n"
    }

    /// The units that come before this one, or after it.
    fn near(&self, at: usize, before: bool, alone: bool) -> BTreeSet<String> {
        // Who runs alone says so itself: a native unit in its stead needs no terminal.
        let says = |edge: &&Edge| {
            (edge.strength != Strength::Alone || alone) && self.order.start_only.binary_search(edge).is_err()
        };
        let other = |edge: &Edge| match before {
            true => (edge.after == at).then_some(edge.before),
            false => (edge.before == at).then_some(edge.after),
        };
        let scripts = self
            .edges
            .get(at)
            .into_iter()
            .flatten()
            .filter(says)
            .filter_map(other)
            .filter_map(|other| self.names.get(other)?.as_ref());
        let mut names: BTreeSet<String> = scripts.map(|name| name.as_str().to_owned()).collect();
        let missing = self.order.missing.iter().filter(|m| m.place.service == at && (is_first(m) != before));
        names.extend(missing.filter_map(|m| self.stand_in(m)));
        if let Some(Some(own)) = self.names.get(at) {
            names.remove(own.as_str());
        }
        names
    }

    /// The units that it comes after when it starts, and only then.
    fn starts(&self, at: usize) -> BTreeSet<String> {
        let edges = self.order.start_only.iter().filter(|edge| edge.after == at);
        edges.filter_map(|edge| self.names.get(edge.before)?.as_ref()).map(|name| name.as_str().to_owned()).collect()
    }

    /// The unit that stands for what no script provides.
    fn stand_in(&self, missing: &Missing) -> Option<String> {
        match missing.need {
            Need::Required | Need::Optional => self.native(&missing.name),
            Need::Facility | Need::Undefined => {
                let target = TARGETS.iter().find(|(facility, _)| *facility == missing.name);
                target.filter(|_| !is_first(missing)).map(|(_, target)| (*target).to_owned())
            }
        }
    }

    /// The native unit of that name, if its file is anywhere.
    fn native(&self, name: &str) -> Option<String> {
        let name = UnitName::new(name).ok().filter(|name| !name.is_template())?;
        self.files.contains(name.as_str()).then(|| name.as_str().to_owned())
    }

    /// What it requires and what is on wherever it is, so that nothing is started in a level that doesn't have it on.
    /// Level S has been there before.
    fn wants(&self, at: usize) -> BTreeSet<String> {
        let on = |at: usize| {
            self.tree.scripts.get(at).map(|script| self.tree.farm.levels(&script.name, Kind::Start)).unwrap_or_default()
        };
        let own = on(at);
        let needed = |other: usize| {
            let theirs = on(other);
            !theirs.is_empty() && !theirs.contains(Level::S) && own.iter().all(|level| theirs.contains(level))
        };
        let needs = self.edges.get(at).into_iter().flatten().filter(|edge| edge.after == at);
        let required = needs.filter(|edge| edge.strength == Strength::Required && is_start(edge));
        let names = required.map(|edge| edge.before).filter(|other| needed(*other));
        names.filter_map(|other| self.names.get(other)?.as_ref()).map(|name| name.as_str().to_owned()).collect()
    }

    fn is_interactive(&self, at: usize) -> bool {
        self.order.interactive.contains(&at)
    }

    /// What the order has to say.
    fn findings(&mut self) {
        for (direction, what) in [(&self.order.start, "start"), (&self.order.stop, "stop")] {
            for dropped in &direction.dropped {
                self.dropped(dropped, what);
            }
        }
        for missing in self.order.missing.iter().filter(|m| matches!(m.need, Need::Required | Need::Undefined)) {
            if self.stand_in(missing).is_none() {
                self.missing(missing);
            }
        }
    }

    fn script_name(&self, at: usize) -> &str {
        self.tree.scripts.get(at).map_or("", |script| &script.name)
    }

    /// Where something is said: the file of that service's header.
    fn file(&self, at: usize) -> PathBuf {
        let script = self.tree.scripts.get(at);
        let header = script.and_then(|script| script.lsb.as_ref()).map(|(path, _)| path.clone());
        header.or_else(|| script.map(|script| script.path.clone())).unwrap_or_default()
    }

    fn dropped(&mut self, dropped: &Dropped, what: &str) {
        let Some(place) = dropped.edge.place else { return };
        let (before, after) = (self.script_name(dropped.edge.before), self.script_name(dropped.edge.after));
        let other = if place.service == dropped.edge.before { after } else { before };
        let key = place.key.name();
        let wish = format!("that `{before}` is to {what} before `{after}` isn't honoured");
        let (text, remedy) = if dropped.members.is_empty() {
            let remedy =
                format!("give both the right numbers: chkconfig {} resetpriorities", self.script_name(place.service));
            (format!("{key}: {wish}: the numbers of the links say the opposite"), remedy)
        } else {
            let members: Vec<String> =
                dropped.members.iter().map(|at| format!("`{}`", self.script_name(*at))).collect();
            let list = members.join(", ");
            let text = format!("{key}: {list} wait for each other in a loop at {what}; {wish}");
            (text, format!("take `{other}`, or the facility it is in, out of {key}"))
        };
        let file = self.file(place.service);
        self.warn(false, &file, place.line, text, remedy);
    }

    fn missing(&mut self, missing: &Missing) {
        let (key, name) = (missing.place.key.name(), &missing.name);
        let (text, remedy) = match missing.need {
            Need::Undefined => {
                let remedy = match self.tree.style {
                    Style::Debian => format!("define it in {}", crate::facilities::PATH),
                    Style::RedHat => "let the script that provides it say so in `# Provides:`".to_owned(),
                };
                (format!("{key}: the facility `{name}` is defined nowhere"), remedy)
            }
            _ => {
                let remedy = format!("install what provides it, or take `{}` out of {key}", missing.word);
                (format!("{key}: no script and no unit provides `{name}`"), remedy)
            }
        };
        let file = self.file(missing.place.service);
        self.warn(false, &file, missing.place.line, text, remedy);
    }
}

/// The levels that a script asks for: by its header, else by its line for chkconfig.
fn default_levels(script: &Script) -> LevelSet {
    let header = script.header().map(|header| header.levels(crate::lsb::Key::DefaultStart));
    header.or_else(|| script.chkconfig.line.as_ref().map(|line| line.levels)).unwrap_or_default()
}

/// The names of all files in the folders of units. A link counts for what it leads to inside the root.
fn unit_files(root: &Root) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in FOLDERS.iter().map(|(folder, _)| root.shown(Path::new(folder))) {
        for entry in std::fs::read_dir(root.place(&folder)).into_iter().flatten().flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| {
                kind.is_file() || (kind.is_symlink() && root.place(&folder.join(entry.file_name())).is_file())
            });
            names.extend(entry.file_name().into_string().ok().filter(|_| is_file));
        }
    }
    names
}

/// Whether an edge is said for starting.
fn is_start(edge: &Edge) -> bool {
    edge.place.is_some_and(|place| place.key == crate::lsb::Key::RequiredStart)
}

/// Whether the one that asks is to come first, in the order of starting.
fn is_first(missing: &Missing) -> bool {
    use crate::lsb::Key;
    matches!(missing.place.key, Key::StartBefore | Key::StopAfter)
}

/// Neither a script with its interpreter's name nor a program.
fn is_bare(text: &str) -> bool {
    !text.is_empty() && !text.starts_with("#!") && !text.starts_with("\u{7f}ELF")
}

/// One line for people.
fn description(script: &Script) -> String {
    use crate::lsb::Key;
    let header = |key| script.header().and_then(|h| h.get(key)).map(|value| value.text.as_str());
    let said = [header(Key::ShortDescription), script.chkconfig.description.as_deref(), header(Key::Description)];
    let said = said.into_iter().flatten().map(str::trim).find(|text| !text.is_empty());
    let text = said.map_or_else(|| format!("{} (init script)", script.name), str::to_owned);
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    plain.replace('%', "%%").trim_end_matches(['\\', ' ']).trim_start().to_owned()
}

/// The pid file, where the header names one only.
fn pid_file(script: &Script) -> Option<&str> {
    let [file] = script.chkconfig.pidfiles.as_slice() else { return None };
    let fits = file.starts_with('/') && file.chars().all(|c| c.is_ascii_graphic() && !"\"'\\$%{}`*?".contains(c));
    Some(file.as_str()).filter(|_| fits)
}

/// Whether a script has the verb `reload`: a label `reload)` in it that doesn't lead to a refusal, or what
/// `init-d-script` asks for.
fn names_reload(text: &str) -> bool {
    let code = || text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    if text.lines().next().is_some_and(|line| line.starts_with("#!") && line.contains("init-d-script")) {
        return code().any(|line| line.contains("do_reload") || line.starts_with("RELOAD_SIGNAL="));
    }
    let joined = code().collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let ends = |arm: &str| arm.match_indices(')').map(|(at, _)| at).collect::<Vec<_>>();
    joined.split(";;").any(|arm| {
        ends(arm).into_iter().filter_map(|at| arm.split_at_checked(at)).any(|(before, body)| {
            let line = before.rsplit('\n').next().unwrap_or(before);
            let label = line.rsplit(" in ").next().unwrap_or(line);
            let words = label.trim_start_matches([' ', '\t', '(']).split('|');
            let words: Vec<&str> = words.map(|word| word.trim().trim_matches(['"', '\''])).collect();
            let is_pattern = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_*?[]".contains(c));
            words.contains(&"reload") && words.iter().all(is_pattern) && !refuses(body.trim_start_matches(')'))
        })
    })
}

/// Whether commands only say something, and that it is a failure or not to be had.
fn refuses(body: &str) -> bool {
    let body = body.split("esac").next().unwrap_or(body);
    let commands = body.split(['\n', ';']).map(str::trim).filter(|command| !command.is_empty());
    let (mut says_no, mut only_says) = (false, true);
    for command in commands {
        let (word, rest) = command.split_once([' ', '\t']).unwrap_or((command, ""));
        let (word, value) = word.split_once('=').map_or((word, rest), |(_, value)| ("=", value));
        match word {
            "exit" | "return" | "=" => {
                says_no |= value.trim().trim_matches('"').starts_with(|c| matches!(c, '1'..='9'))
            }
            "echo" | "printf" | ":" | "log" => {}
            "false" => says_no = true,
            usage if usage.to_lowercase().contains("usage") => says_no = true,
            log if log.starts_with("log_") => {}
            _ => only_says = false,
        }
        let said = rest.to_lowercase();
        says_no |=
            ["not supported", "not implemented", "unsupported", "unimplemented"].iter().any(|no| said.contains(no));
    }
    only_says && says_no
}

#[cfg(test)]
#[path = "scripts_tests.rs"]
mod tests;
