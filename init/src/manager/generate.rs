//! `sysv generate`: units made from init scripts and inittab, kept up to date with them.
//!
//! A child of PID 1 runs it: at boot before level S is computed, and before a request is answered if something that it
//! reads has changed since. Requests wait for it in a queue, no longer than [`PATIENCE`]; the loop doesn't wait. A
//! machine without scripts and inittab has nothing of this.

use super::control::{ClientId, Rights};
use super::spawn::{PATH, beside};
use super::state::Manager;
use super::watch::{Pass, Why};
use crate::levels::Farm;
use crate::load;
use crate::proto::control::Call;
use crate::proto::pid1::{Exit, Key, Request};
use crate::sys::wait;
use crate::unit::{Finding, Severity, UnitName};
use std::collections::VecDeque;
use std::path::Path;

/// The token of that child.
pub const TOKEN: u64 = 7;
/// It may take this long, in milliseconds.
const PATIENCE: u64 = 20_000;
/// More requests than this don't wait.
const MOST_WAITING: usize = 512;
/// Folders whose files it reads.
const FOLDERS: [&str; 9] = [
    "/etc/init",
    "/etc/init.d",
    "/etc/rc.d/init.d",
    "/etc/insserv.conf.d",
    "/etc/insserv/overrides",
    "/etc/chkconfig.d",
    "/etc/inittab.d",
    "/etc/default",
    "/usr/lib/rung/twins",
];
/// Other files that it reads, with their folders.
const FILES: [(&str, &str); 4] =
    [("/etc", "inittab"), ("/etc", "insserv.conf"), ("/etc/sysconfig", "init"), ("/etc/rung", "init.conf")];

/// One run, and what waits for it.
#[derive(Debug)]
pub struct Generator {
    /// The step of the child that runs, and when it is given up.
    running: Option<(u32, u64)>,
    /// What it reads has changed since it began last, or may have.
    stale: bool,
    /// The last one didn't make all that it should.
    failed: bool,
    /// The boot waits as well.
    boot: bool,
    /// Somebody has asked for all to be read again.
    reread: bool,
    waiting: VecDeque<(ClientId, Call, Rights)>,
    /// What it has to say, and about which unit if not about all that come from a file.
    findings: Vec<(Finding, Option<String>)>,
}

impl Default for Generator {
    fn default() -> Self {
        let (waiting, findings) = (VecDeque::new(), Vec::new());
        Self { running: None, stale: true, failed: false, boot: false, reread: false, waiting, findings }
    }
}

impl Generator {
    /// When the run has taken too long.
    pub fn next_deadline(&self) -> Option<u64> {
        self.running.map(|(_, deadline)| deadline)
    }

    /// What it has to say about a unit that it made of this file. Lines of inittab are units of their own: what concerns
    /// one of them says nothing about the others.
    pub fn about<'a>(&'a self, name: &'a UnitName, source: Option<&'a Path>) -> impl Iterator<Item = &'a Finding> {
        let is_line = name.as_str().starts_with(super::inittab::PREFIX);
        let concerns = move |unit: &Option<String>, file: &Path| match unit {
            Some(unit) => unit == name.as_str(),
            None => !is_line && source == Some(file),
        };
        self.findings.iter().filter(move |(f, unit)| concerns(unit, &f.path)).map(|(f, _)| f)
    }

    /// What it reads has changed.
    pub fn changed(&mut self) {
        self.stale = true;
    }
}

/// Of such a file sysvinit tells each broken line on the console.
fn is_inittab(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.ends_with("inittab.d")) || path.ends_with("inittab")
}

/// Whether there is anything to make units of.
fn has_sources() -> bool {
    let holds = |folder: &str| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    holds("/etc/init.d") || holds("/etc/rc.d/init.d") || Path::new("/etc/inittab").exists()
}

/// Whether the answer to a method depends on what units there are.
fn depends(method: &str) -> bool {
    let name = method.strip_prefix("org.rung.Manager.").unwrap_or_default();
    matches!(
        name,
        "List"
            | "Brief"
            | "Processes"
            | "Status"
            | "Levels"
            | "Why"
            | "Explain"
            | "Plan"
            | "StartTimes"
            | "Boot"
            | "Wait"
            | "Change"
            | "SetLevel"
            | "Power"
    ) || matches!(name, "Enable" | "Disable" | "ReloadUnits" | "Run" | "Adopt")
}

impl Manager {
    /// Keeps a call until the units it is about are up to date; `None`: it is kept.
    pub fn hold_call(&mut self, client: ClientId, call: Call, rights: Rights) -> Option<Call> {
        if self.going.is_some() || !depends(&call.method) {
            return Some(call);
        }
        // Asked for by name it is run whatever has changed.
        self.generator.stale |= call.method.ends_with(".ReloadUnits");
        self.refresh_changed();
        if !self.generate(false) || self.generator.waiting.len() >= MOST_WAITING {
            return Some(call);
        }
        self.generator.waiting.push_back((client, call, rights));
        None
    }

    /// At boot: whether level S has to wait. `watched`: what it reads has been watched just now.
    pub fn generate_for_boot(&mut self, watched: bool) -> bool {
        self.generator.boot = self.generate(watched);
        self.generator.boot
    }

    /// SIGHUP: reads everything again, and does what follows from inittab.
    pub fn read_again(&mut self) {
        self.generator.stale = true;
        self.generator.reread = true;
        if !self.generate(false) {
            self.generator.reread = false;
            self.take_in_again();
        }
    }

    fn take_in_again(&mut self) {
        self.reload_all();
        self.reread_inittab(None);
    }

    /// Starts a run if one is due; whether one is under way.
    fn generate(&mut self, watched: bool) -> bool {
        if self.generator.running.is_some() {
            return true;
        }
        if !self.generator.stale {
            return false;
        }
        self.generator.stale = false;
        if !watched {
            watch_sources(&mut self.watcher.pass(), &self.farm);
        }
        let program = beside("sysv");
        let out = load::generated(&self.machine.run_dir);
        // What was made of sources that are gone has to go, too.
        if !program.exists() || !(has_sources() || out.exists()) {
            return false;
        }
        let step = self.helper_step();
        let out = out.display().to_string();
        let args = ["sysv", "generate", "--out", &out];
        if !self.start_helper(Key { token: TOKEN, step }, &program, &args, &[format!("PATH={PATH}")], Vec::new()) {
            return false;
        }
        self.generator.running = Some((step, wait::now_ms().saturating_add(PATIENCE)));
        true
    }

    /// The child has ended, well or not. After a failure, as on a full `/run`, the next request has it run again.
    pub fn on_generated(&mut self, step: u32, exit: Exit) {
        if self.generator.running.take_if(|(running, _)| *running == step).is_none() {
            return;
        }
        let failed = exit != Exit::Code(0);
        if failed && !self.generator.failed {
            self.generator_warns("sysv generate has failed", "; `sysv generate` says why");
        }
        self.generator.stale |= failed;
        self.generator.failed = failed;
        self.after_generating();
    }

    /// A run that takes too long is given up. Another one, which would only take as long again, waits for a change.
    pub fn generator_due(&mut self, now: u64) {
        if let Some((step, _)) = self.generator.running.take_if(|(_, deadline)| *deadline <= now) {
            let key = Key { token: TOKEN, step };
            self.link.send(Request::Signal { key, signal: libc::SIGKILL, group: true }, Vec::new());
            self.generator_warns("sysv generate took too long", "");
            self.after_generating();
        }
    }

    fn generator_warns(&mut self, what: &str, remedy: &str) {
        let text = format!("{what}: units of init scripts and inittab may be out of date{remedy}");
        self.console.write(&super::console::line("warn", &text, None));
    }

    /// Takes in what it made, and goes on with what waited.
    fn after_generating(&mut self) {
        self.read_generated();
        if std::mem::take(&mut self.generator.boot) {
            self.start_level_s();
        }
        if std::mem::take(&mut self.generator.reread) {
            self.take_in_again();
        }
        for (client, call, rights) in std::mem::take(&mut self.generator.waiting) {
            self.answer(client, &call, rights);
            self.settle();
        }
    }

    /// What there is in its folders now. They are watched, or what is above them: what changed is taken in like any edit.
    fn read_generated(&mut self) {
        let found = load::findings::by_unit(&load::generated(&self.machine.run_dir).join("findings"));
        let before = std::mem::replace(&mut self.generator.findings, found);
        let broken = |(f, _): &&(Finding, _)| f.severity == Severity::Error && is_inittab(&f.path);
        let news = self.generator.findings.iter().filter(broken).filter(|said| !before.contains(said));
        let news: Vec<String> = news.map(|(f, _)| format!("{}[{}]: {}", f.path.display(), f.line, f.message)).collect();
        news.iter().for_each(|text| self.init_says(text, true));
        self.refresh_changed();
    }
}

/// Watches what it reads; of folders that aren't there the nearest above them.
pub(super) fn watch_sources(pass: &mut Pass<'_>, farm: &Farm) {
    for folder in FOLDERS.map(Path::new) {
        for (at, below) in folder.ancestors().zip(std::iter::once(None).chain(folder.ancestors().map(Some))) {
            let only = below.and_then(Path::file_name).map(ToOwned::to_owned);
            if pass.add(at, Why::Sources(only)) {
                break;
            }
        }
    }
    for folder in farm.rc_folders() {
        pass.add(&folder, Why::Sources(None));
    }
    for (folder, file) in FILES {
        pass.add(Path::new(folder), Why::Sources(Some(file.into())));
    }
}
