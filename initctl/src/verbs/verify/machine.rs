//! What a unit needs of the root it is to run in: programs, users and groups, files and folders.

use super::inittab;
use init::load::Root;
use init::sys::file;
use init::unit::accounts::{Accounts, Missing, parse_group, parse_user};
use init::unit::condition::{Condition, Test};
use init::unit::{Command, EXAMPLE_INSTANCE, ExecKind, Finding, Place, Severity, Source, Unit};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

/// Where programs without a path are looked for.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// What lies below these is made while the machine runs.
const VOLATILE: [&str; 5] = ["/run", "/var/run", "/tmp", "/proc", "/dev"];

/// A root, and whom its files know.
#[derive(Debug)]
pub struct Machine<'a> {
    root: &'a Root,
    accounts: Accounts,
}

/// A finding about the last line that gives a key; the caller adds the text of that line.
pub fn at(unit: &Unit, id: &str, severity: Severity, message: String) -> Finding {
    let place = unit.places.iter().find(|(k, _)| *k == id).map(|(_, p)| *p).unwrap_or_default();
    let key = id.split_once('.').map_or(id, |(_, key)| key);
    at_place(unit, place, key, severity, message)
}

fn at_place(unit: &Unit, place: Place, key: &str, severity: Severity, message: String) -> Finding {
    let path = unit.files.get(usize::from(place.file)).cloned().unwrap_or_default();
    Finding { line: place.line, column: 1, key: Some(key.to_owned()), ..Finding::whole(severity, &path, message) }
}

impl<'a> Machine<'a> {
    /// Reads the root's accounts.
    pub fn new(root: &'a Root) -> Self {
        let text = |path: &str| {
            let place = root.place(&root.shown(Path::new(path)));
            file::read_text(&place, 8 << 20).unwrap_or_default()
        };
        Self { root, accounts: Accounts::parse(&text("/etc/passwd"), &text("/etc/group")) }
    }

    /// What this unit needs and the root lacks.
    pub fn check(&self, unit: &Unit) -> Vec<Finding> {
        let mut findings = Vec::new();
        // What lies in a root of the service's own, the service finds there.
        if unit.service.exec.root.is_none() {
            for (kind, command) in &unit.service.commands {
                findings.extend(self.program(unit, *kind, command));
            }
        }
        self.people(unit, &mut findings);
        self.askers(unit, &mut findings);
        self.paths(unit, &mut findings);
        // What an instance's name is part of, may be there for the real ones.
        findings.retain(|f| !unit.name.is_template() || !f.message.contains(EXAMPLE_INSTANCE));
        findings
    }

    fn exists(&self, path: &Path) -> bool {
        self.place(path).exists()
    }

    fn place(&self, path: &Path) -> std::path::PathBuf {
        self.root.place(&self.root.shown(path))
    }

    fn is_program(&self, path: &Path) -> bool {
        fs::metadata(self.place(path)).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    }

    fn program(&self, unit: &Unit, kind: ExecKind, command: &Command) -> Option<Finding> {
        let is_line = unit.source == Source::Inittab;
        let name = if is_line { inittab::program(&command.words)? } else { command.words.first()? };
        if name.contains('$') {
            return None;
        }
        // Such lines are run in `/`.
        let in_root = Path::new("/").join(name);
        let path = if is_line && name.contains('/') { &in_root } else { Path::new(name) };
        let wrong = if path.is_absolute() {
            match () {
                () if self.is_program(path) => return None,
                () if self.place(path).is_dir() => "is a folder",
                () if self.exists(path) => "is no program: it may not be executed",
                () => "is not there",
            }
        } else if !unit.service.exec.search_path.is_empty() {
            let own = &unit.service.exec.search_path;
            if own.iter().any(|folder| self.is_program(&folder.join(name))) {
                return None;
            }
            "is in no folder of ExecSearchPath="
        } else if PATH.iter().any(|folder| self.is_program(&Path::new(folder).join(name))) {
            return None;
        } else {
            "is in no folder of PATH"
        };
        let asks = |c: &&Condition| {
            let about_it = matches!(c.test, Test::PathExists | Test::FileIsExecutable | Test::FileNotEmpty);
            about_it && !c.negated && !c.triggering && c.value == *name
        };
        if let Some(condition) = unit.conditions.conditions.iter().find(asks).filter(|_| !self.exists(path)) {
            let text = format!("`{name}` {wrong}, so Condition{}= has the unit skipped", condition.test.name());
            return Some(at_place(unit, command.place, kind.key(), Severity::Note, text));
        }
        let severity = if command.ignore_failure { Severity::Warning } else { Severity::Error };
        let hint = match name.strip_prefix('-') {
            Some(rest) if is_line => format!("a `-` before a program is BusyBox's: write {rest}"),
            _ if is_line => "install it, or correct the line".to_owned(),
            _ => "install it".to_owned(),
        };
        Some(at_place(unit, command.place, kind.key(), severity, format!("`{name}` {wrong}")).hint(hint))
    }

    /// `User=` and `Group=`. What the files of a running system lack, its `getent` may know.
    fn people(&self, unit: &Unit, findings: &mut Vec<Finding>) {
        let (user, group) = (unit.service.user.as_deref(), unit.service.group.as_deref());
        if let Some(name) = user
            && let Err(Missing::User(_)) = self.accounts.identity(user, None, &[])
            && !self.getent("passwd", name, |line| parse_user(line).is_some())
        {
            let finding = at(unit, "Service.User", Severity::Error, format!("there is no user `{name}`"));
            findings.push(finding.hint(format!("adduser --system --group {name}")));
        }
        let more = unit.service.exec.supplementary_groups.iter().map(|g| ("Service.SupplementaryGroups", g.as_str()));
        for (id, name) in group.map(|g| ("Service.Group", g)).into_iter().chain(more) {
            if self.accounts.identity(None, Some(name), &[]).is_err()
                && !self.getent("group", name, |line| parse_group(line).is_some())
            {
                let finding = at(unit, id, Severity::Error, format!("there is no group `{name}`"));
                findings.push(finding.hint(format!("addgroup --system {name}")));
            }
        }
    }

    /// `ConditionUser=` and `ConditionGroup=` are about what Rung itself runs as: root.
    fn askers(&self, unit: &Unit, findings: &mut Vec<Finding>) {
        for (kind, list) in [("Condition", &unit.conditions.conditions), ("Assert", &unit.conditions.asserts)] {
            for c in list.iter().filter(|c| c.value != "@system" && c.value.parse::<u32>().is_err()) {
                let value = Some(c.value.as_str());
                let known = match c.test {
                    Test::User => self.accounts.identity(value, None, &[]).is_ok_and(|i| i.uid == Some(0)),
                    Test::Group => self.accounts.identity(None, value, &[]).is_ok_and(|i| i.gid == Some(0)),
                    _ => true,
                };
                if !known && c.value != "root" {
                    let (key, value) = (format!("{kind}{}", c.test.name()), &c.value);
                    let message = format!("`{value}` is nobody that Rung runs as; it counts as no");
                    let finding = at_place(unit, c.place, &key, Severity::Warning, message);
                    findings.push(finding.hint("it runs as root; for a service's own there is `User=`"));
                }
            }
        }
    }

    fn getent(&self, database: &str, name: &str, known: fn(&str) -> bool) -> bool {
        if self.root.is_image() {
            return false;
        }
        let mut command = std::process::Command::new("getent");
        let output = command.args([database, "--", name]).stdin(Stdio::null()).stderr(Stdio::null()).output();
        output.is_ok_and(|o| o.status.success() && known(&String::from_utf8_lossy(&o.stdout)))
    }

    fn paths(&self, unit: &Unit, findings: &mut Vec<Finding>) {
        let service = &unit.service;
        let made = |path: &Path| VOLATILE.iter().any(|v| path.starts_with(v));
        if let (Some(folder), None) = (&service.working_directory, &service.exec.root)
            && let (Some(path), false) = (&folder.path, folder.optional)
            && !self.place(path).is_dir()
        {
            let severity = if made(path) { Severity::Warning } else { Severity::Error };
            let finding =
                at(unit, "Service.WorkingDirectory", severity, format!("there is no folder `{}`", path.display()));
            findings.push(finding.hint("make it, or write `-` before it: then a missing one does no harm"));
        }
        for (path, optional) in &service.environment_files {
            if !optional && !self.exists(path) {
                let severity = if made(path) { Severity::Warning } else { Severity::Error };
                let message = format!("there is no file `{}`", path.display());
                let finding = at(unit, "Service.EnvironmentFile", severity, message);
                findings.push(finding.hint("make it, or write `-` before it: then a missing one does no harm"));
            }
        }
        if let Some(folder) = service.pid_file.as_deref().and_then(Path::parent)
            && !made(folder)
            && !self.place(folder).is_dir()
        {
            let message = format!("there is no folder `{}` for the pid file", folder.display());
            findings.push(at(unit, "Service.PIDFile", Severity::Warning, message).hint("make it"));
        }
        let tty = &service.terminal.path;
        if tty.is_absolute() && !tty.starts_with("/dev") {
            let message = format!("`{}` doesn't lie in /dev", tty.display());
            findings.push(at(unit, "Service.TTYPath", Severity::Warning, message));
        }
    }
}
