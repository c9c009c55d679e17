//! What a unit file means, typed. The defaults are systemd's unless a comment says otherwise.

use super::rare::Rare;
use super::{
    Command, Directories, Ending, Exec, LevelSet, Places, Privileges, Readiness, Relations, Scheduling, Setup,
    Terminal, Timing, UnitName,
};
use serde::{Deserialize, Serialize};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

/// Where a unit came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A file in one of Rung's own folders.
    Native,
    /// A systemd unit file.
    Systemd,
    /// An `/etc/init.d` script.
    Script,
    /// Rung's own, in the place of an `/etc/init.d` script and by its links.
    Twin,
    /// A line of `/etc/inittab`.
    Inittab,
    /// Made by Rung itself (`init -- CMD`).
    Generated,
}

impl Source {
    /// Whether links of `rcN.d` rule it: a script, or what stands in for one.
    pub fn is_script(self) -> bool {
        matches!(self, Self::Script | Self::Twin)
    }
}

/// A place in a file: which of [`Unit::files`], and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// Index into [`Unit::files`].
    pub file: u16,
    /// Line, from 1; 0 when it stands nowhere (a default).
    pub line: u32,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its full name.
    pub name: UnitName,
    /// `Description=`, where there is one: see [`Unit::description`].
    pub description: Option<Box<str>>,
    /// `Documentation=`: where one can read about it.
    pub documentation: Rare<Vec<String>>,
    /// Where it came from.
    pub source: Source,
    /// The file itself, then its drop-ins in the order read.
    pub files: Vec<PathBuf>,
    /// `SourcePath=`: what the file was made from.
    pub source_path: Option<Box<Path>>,
    /// Where each key that was given stands (the last time).
    pub places: Places,
    /// Start only after these have started; stop before them.
    pub after: Rare<Vec<UnitName>>,
    /// The reverse of `after`.
    pub before: Rare<Vec<UnitName>>,
    /// Start these too; fail if they can't be.
    pub requires: Rare<Vec<UnitName>>,
    /// Start these too; go on without those that fail.
    pub wants: Rare<Vec<UnitName>>,
    /// Never run beside these.
    pub conflicts: Rare<Vec<UnitName>>,
    /// Everything else between units.
    pub relations: Rare<Relations>,
    /// Whether it is to be started at all.
    pub conditions: Rare<super::condition::Conditions>,
    /// The processes; [`Service::default`] in other kinds.
    pub service: Service,
    /// The rest of `[Install]`.
    pub install: Rare<super::install::Install>,
    /// `[Install] Runlevels=`: what `enable` uses.
    pub runlevels: LevelSet,
}

/// There is one for each file. What most files leave alone belongs behind a pointer: see [`Rare`].
const _: () = assert!(size_of::<Unit>() <= 304);

impl Unit {
    /// A unit with nothing but defaults.
    pub fn new(name: UnitName) -> Self {
        Self {
            description: None,
            documentation: Rare::default(),
            name,
            source: Source::Native,
            files: Vec::new(),
            source_path: None,
            places: Places::default(),
            after: Rare::default(),
            before: Rare::default(),
            requires: Rare::default(),
            wants: Rare::default(),
            conflicts: Rare::default(),
            relations: Rare::default(),
            conditions: Rare::default(),
            service: Service::default(),
            install: Rare::default(),
            runlevels: LevelSet::EMPTY,
        }
    }

    /// Gives back the room that reading it has left over.
    pub(super) fn settle(&mut self) {
        for names in [&mut self.after, &mut self.before, &mut self.requires, &mut self.wants, &mut self.conflicts] {
            names.settle_list();
        }
        self.documentation.settle_list();
        self.relations.settle();
        self.conditions.settle();
        self.install.settle();
        if self.description.as_deref() == Some(self.name.short()) {
            self.description = None;
        }
        self.files.shrink_to_fit();
        self.places.settle();
        self.service.settle();
    }

    /// What it is in a few words; its name where nothing is said.
    pub fn description(&self) -> &str {
        self.description.as_deref().unwrap_or(self.name.short())
    }

    /// `file:line` of a key (`Service.User`), where it was given.
    pub fn place(&self, key: &str) -> Option<String> {
        self.show_place(self.places.get(key)?)
    }

    /// ` (file:line)` of a key, to stand behind its name in a sentence; empty where the key wasn't given.
    pub fn placed(&self, key: &str) -> String {
        self.place(key).map(|place| format!(" ({place})")).unwrap_or_default()
    }

    /// `file:line` of a place.
    pub fn show_place(&self, place: Place) -> Option<String> {
        let file = self.files.get(usize::from(place.file))?;
        (place.line > 0).then(|| format!("{}:{}", file.display(), place.line))
    }
}

/// When a start counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceType {
    /// As [`Self::Exec`]. In systemd as soon as the process is forked: then a start of a program that isn't there succeeds.
    #[default]
    Simple,
    /// When its `execve` has succeeded.
    Exec,
    /// When the started process has exited with success and left a daemon behind.
    Forking,
    /// When it has exited with success.
    Oneshot,
    /// When it says `READY=1`.
    Notify,
    /// The same; and a reload is `ReloadSignal=`, answered by `RELOADING=1` and `READY=1`.
    #[serde(rename = "notify-reload")]
    NotifyReload,
    /// When the started script has ended with success; what it leaves behind is the service, main process or not, and
    /// where it leaves nothing the service has done its work. For units made from init scripts.
    Script,
    /// As [`Self::Exec`], put off until no other job runs, but 5 s at most.
    Idle,
}

/// Which of a service's commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecKind {
    /// `ExecCondition=`
    Condition,
    /// `ExecStartPre=`
    StartPre,
    /// `ExecStart=`
    Start,
    /// `ReadyCheck=`
    ReadyCheck,
    /// `ExecStartPost=`
    StartPost,
    /// `ExecReload=`
    Reload,
    /// `ExecStop=`
    Stop,
    /// `ExecStopPost=`
    StopPost,
}

impl ExecKind {
    /// All, in the order of a service's life.
    pub const ALL: [Self; 8] = [
        Self::Condition,
        Self::StartPre,
        Self::Start,
        Self::ReadyCheck,
        Self::StartPost,
        Self::Reload,
        Self::Stop,
        Self::StopPost,
    ];

    /// The key in the unit file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Condition => "ExecCondition",
            Self::StartPre => "ExecStartPre",
            Self::Start => "ExecStart",
            Self::ReadyCheck => "ReadyCheck",
            Self::StartPost => "ExecStartPost",
            Self::Reload => "ExecReload",
            Self::Stop => "ExecStop",
            Self::StopPost => "ExecStopPost",
        }
    }
}

/// What of the unit's restrictions a command is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Privilege {
    /// With all of them. Also prefix `!!`, which on kernels of today means nothing more.
    #[default]
    Restricted,
    /// Prefix `!`: as `User=`, `Group=` and `SupplementaryGroups=` were not set.
    Elevated,
    /// Prefix `+`: without limits, capabilities and the like either.
    Full,
}

/// `Restart=`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Never.
    #[default]
    No,
    /// After a success.
    OnSuccess,
    /// After a failure: exit status not 0, a signal (but HUP INT TERM PIPE), a timeout, the watchdog.
    OnFailure,
    /// The same, but for exit statuses.
    OnAbnormal,
    /// After the watchdog.
    OnWatchdog,
    /// After a signal (but HUP INT TERM PIPE).
    OnAbort,
    /// Always, unless it was stopped on request.
    Always,
}

/// `KillMode=`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillMode {
    /// All processes of the service.
    #[default]
    ControlGroup,
    /// `KillSignal=` to the main process, then SIGKILL to all.
    Mixed,
    /// The main process only; the others stay.
    Process,
    /// The main process and its process group, as sysvinit ends what it has started.
    Group,
    /// Nobody: `ExecStop=` alone.
    None,
}

/// `[Service]`. What [`Setup`] holds is read as if it stood in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `Type=`
    pub kind: ServiceType,
    /// `RemainAfterExit=`
    pub remain_after_exit: bool,
    /// All commands, by kind and in order.
    pub commands: Vec<(ExecKind, Command)>,
    /// `Restart=`
    pub restart: Restart,
    /// How long things may take, and how often it may be started.
    pub timing: Rare<Timing>,
    /// `KillMode=`
    pub kill_mode: KillMode,
    /// `KillSignal=`; SIGTERM.
    pub kill_signal: i32,
    /// How its end is judged and what follows.
    pub ending: Rare<Ending>,
    /// How it is known to be ready, and alive.
    pub readiness: Rare<Readiness>,
    /// `Essential=`: when it is over for good, the container or sandbox ends with its status.
    pub essential: bool,
    /// Whose its processes are, and what they find.
    pub setup: Rare<Setup>,
    /// Environment, groups, root folder.
    pub exec: Rare<Exec>,
    /// Folders that are made for it.
    pub directories: Rare<Directories>,
    /// Scheduling.
    pub scheduling: Rare<Scheduling>,
    /// Capabilities and their kin.
    pub privileges: Rare<Privileges>,
    /// Its terminal.
    pub terminal: Rare<Terminal>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            kind: ServiceType::Simple,
            remain_after_exit: false,
            commands: Vec::new(),
            restart: Restart::No,
            timing: Rare::default(),
            kill_mode: KillMode::ControlGroup,
            kill_signal: 15,
            ending: Rare::default(),
            readiness: Rare::default(),
            essential: false,
            setup: Rare::default(),
            exec: Rare::default(),
            directories: Rare::default(),
            scheduling: Rare::default(),
            privileges: Rare::default(),
            terminal: Rare::default(),
        }
    }
}

impl Deref for Service {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl DerefMut for Service {
    fn deref_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }
}

impl Service {
    /// The commands of one kind, in order.
    pub fn commands(&self, kind: ExecKind) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(move |(k, _)| *k == kind).map(|(_, c)| c)
    }

    fn settle(&mut self) {
        self.commands.shrink_to_fit();
        self.timing.settle();
        self.ending.settle();
        self.readiness.settle();
        self.setup.settle();
        self.exec.settle();
        self.directories.settle();
        self.scheduling.settle();
        self.privileges.settle();
        self.terminal.settle();
    }
}
