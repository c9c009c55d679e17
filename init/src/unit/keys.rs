//! The table of keys: parser, `show`, help and man page are made from it. A new key is a line here.

use super::commands::{self, show_command};
use super::condition::{self, Test};
use super::directories::{DirectoryKind, PRESERVES, folders};
use super::ending;
use super::exec;
use super::exit_status::statuses;
use super::fields::{self, Show};
use super::install;
use super::privileges;
use super::scalar::{Count, boolean, mode, number};
use super::scheduling;
use super::terminal::UTMP_MODES;
use super::value::{Key, Setter, Table, boxed, choice, path, plain, some, text};
use super::{ExecKind, KillMode, NotifyAccess, ServiceType, Unit, UnitName};

/// What is built from the files of a unit.
#[derive(Debug, Clone)]
pub struct Build {
    pub(super) unit: Unit,
}

impl Build {
    pub(super) fn new(name: &UnitName) -> Self {
        Self { unit: Unit::new(name.clone()) }
    }
}

/// A key of unit files, as help and man page show it.
pub type KeyDoc = Key<Build>;

const KINDS: &[(&str, ServiceType)] = &[
    ("simple", ServiceType::Simple),
    ("exec", ServiceType::Exec),
    ("forking", ServiceType::Forking),
    ("oneshot", ServiceType::Oneshot),
    ("notify", ServiceType::Notify),
    ("notify-reload", ServiceType::NotifyReload),
    ("script", ServiceType::Script),
    ("idle", ServiceType::Idle),
];
const ACCESS: &[(&str, NotifyAccess)] = &[
    ("none", NotifyAccess::None),
    ("main", NotifyAccess::Main),
    ("exec", NotifyAccess::Exec),
    ("all", NotifyAccess::All),
];
const KILL_MODES: &[(&str, KillMode)] = &[
    ("control-group", KillMode::ControlGroup),
    ("mixed", KillMode::Mixed),
    ("process", KillMode::Process),
    ("group", KillMode::Group),
    ("none", KillMode::None),
];

/// Defines the table. `one`: a field of the unit that holds one value; `octal`: the
/// same, shown in octal; `named`: the same, which is the unit's name where it isn't given; `list`: one that gathers values; `exec`: commands
/// of a kind; `limit`: a resource limit; `own`: one with its own way to add up; `also`: another spelling, or what isn't a single field.
macro_rules! keys {
    ($($section:literal $name:literal $kind:ident($($arg:tt)*), $default:literal, $doc:literal;)*) => {
        &[$(Key {
            section: $section,
            name: $name,
            id: concat!($section, ".", $name),
            default: $default,
            doc: $doc,
            list: keys!(@list $kind),
            set: keys!(@set $name $kind($($arg)*)),
            show: keys!(@show $name $kind($($arg)*)),
        },)*]
    };
    (@list list) => { true };
    (@list exec) => { true };
    (@list own) => { true };
    (@list $kind:ident) => { false };
    (@set $name:literal one($($field:ident).+, $read:expr)) => {
        |b, d, v| v.one(&mut b.unit.$($field).+, &d.unit.$($field).+, $read)
    };
    (@set $name:literal named($($args:tt)*)) => { keys!(@set $name one($($args)*)) };
    (@show $name:literal named($($args:tt)*)) => { Some(|b: &Build| vec![b.unit.description().to_owned()]) };
    (@set $name:literal octal($($args:tt)*)) => { keys!(@set $name one($($args)*)) };
    (@set $name:literal list($($field:ident).+, $read:expr)) => { |b, _, v| v.list(&mut b.unit.$($field).+, $read) };
    (@set $name:literal exec($kind:ident)) => { |b, _, v| commands::set(b, ExecKind::$kind, v) };
    (@set $name:literal limit($resource:ident, $count:ident)) => {
        |b, _, v| fields::set_limit(b, $name, libc::$resource, Count::$count, v)
    };
    (@set $name:literal also($set:expr)) => { $set as Setter<Build> };
    (@set $name:literal condition($test:ident)) => {
        |b, _, v| condition::condition(&mut b.unit.conditions, Test::$test, v)
    };
    (@set $name:literal assert($test:ident)) => { |b, _, v| condition::assert(&mut b.unit.conditions, Test::$test, v) };
    (@show $name:literal condition($test:ident)) => {
        Some(|b: &Build| condition::show(&b.unit.conditions.conditions, Test::$test))
    };
    (@show $name:literal assert($test:ident)) => {
        Some(|b: &Build| condition::show(&b.unit.conditions.asserts, Test::$test))
    };
    (@show $name:literal exec($kind:ident)) => {
        Some(|b: &Build| b.unit.service.commands(ExecKind::$kind).map(show_command).collect())
    };
    (@show $name:literal limit($resource:ident, $count:ident)) => {
        Some(|b: &Build| fields::show_limit(b, $name, Count::$count))
    };
    (@show $name:literal octal($($field:ident).+, $read:expr)) => {
        Some(|b: &Build| vec![format!("{:04o}", b.unit.$($field).+)])
    };
    (@set $name:literal own($($field:ident).+, $set:expr)) => { |b, _, v| $set(&mut b.unit.$($field).+, v) };
    (@show $name:literal also($set:expr)) => { None };
    (@show $name:literal $kind:ident($($field:ident).+, $read:expr)) => {
        Some(|b: &Build| Show::show(&b.unit.$($field).+))
    };
}

pub(super) static KEYS: Table<Build> = Table::new(keys! {
    "Unit" "Description" named(description, some(|v| Ok(text(v)?.into()))), "(the name)", "What the unit is, in a few words.";
    "Unit" "SourcePath" one(source_path, boxed(path)), "", "What the file was made from, such as a script in /etc/init.d.";
    "Unit" "Documentation" list(documentation, fields::documentation), "", "Where one can read about it: `man:nginx(8)`, `https://…`, `file:/…`, `info:…`; `status` shows it.";
    "Unit" "After" list(after, fields::units), "", "Start only after these have started, if they are to start; stop before them.";
    "Unit" "Before" list(before, fields::units), "", "The reverse of `After=`.";
    "Unit" "StartAfter" list(relations.start_after, fields::units), "", "`After=` for the start alone: neither waits for the other's stop.";
    "Unit" "Requires" list(requires, fields::required_units), "", "Start these too, and fail if they can't be started.";
    "Unit" "Wants" list(wants, fields::units), "", "Start these too; go on without those that fail.";
    "Unit" "Conflicts" list(conflicts, fields::units), "", "Never run beside these: starting one stops the other.";
    "Unit" "Requisite" list(relations.requisite, fields::required_units), "", "Fail at once unless these are up or about to be; stop and restart with them.";
    "Unit" "BindsTo" list(relations.binds_to, fields::required_units), "", "As `Requires=`; and stop whenever these stop or die. With `After=` these must be up all the while.";
    "Unit" "PartOf" list(relations.part_of, fields::units), "", "Stop and restart whenever these are stopped or restarted.";
    "Unit" "Upholds" list(relations.upholds, fields::units), "", "As `Wants=`; and while the unit is up, start these again whenever they are down.";
    "Unit" "OnFailure" list(relations.on_failure, fields::units), "", "Start these when the unit has failed and doesn't start again by itself.";
    "Unit" "OnSuccess" list(relations.on_success, fields::units), "", "Start these when the unit has ended well and doesn't start again by itself.";
    "Unit" "PropagatesStopTo" list(relations.propagates_stop_to, fields::units), "", "Stop these whenever the unit stops.";
    "Unit" "StopPropagatedFrom" list(relations.stop_propagated_from, fields::units), "", "Stop whenever one of these stops.";
    "Unit" "PropagatesReloadTo" list(relations.propagates_reload_to, fields::units), "", "Reload these too, as far as they run, when the unit is reloaded.";
    "Unit" "ReloadPropagatedFrom" list(relations.reload_propagated_from, fields::units), "", "Be reloaded when one of these is.";
    "Unit" "ReturnWithDependency" one(relations.return_with_dependency, plain(boolean)), "yes", "When the unit isn't up because one it requires or is bound to wasn't, or because what it is bound to died: start it as soon as that one is up. A stop or a level that turns it off ends the wait.";
    "Unit" "StopWhenUnneeded" one(relations.stop_when_unneeded, plain(boolean)), "no", "Stop it when no unit that is up, and not the level, needs it.";
    "Unit" "DefaultDependencies" one(relations.default_dependencies, plain(boolean)), "yes", "Whether a unit of systemd's comes after `sysinit.target` and `basic.target`, and a target after what it gathers.";
    "Unit" "RefuseManualStart" one(relations.refuse_manual_start, plain(boolean)), "no", "Start it only when another unit or a level asks for it.";
    "Unit" "RefuseManualStop" one(relations.refuse_manual_stop, plain(boolean)), "no", "Stop it only when another unit or a level asks for it.";
    "Unit" "JobTimeoutSec" one(relations.job_timeout, fields::timeout), "infinity", "How long a start, stop or reload may take in all, waiting for others included; it is then given up, the unit left as it is.";
    "Unit" "JobRunningTimeoutSec" one(relations.job_running_timeout, fields::timeout), "infinity", "The same, from when it begins.";
    "Unit" "ConditionPathExists" condition(PathExists), "", "This path exists (prefix `!`: doesn't). Where a condition isn't met the unit is skipped, which is no failure; of those with prefix `|` one has to be met.";
    "Unit" "ConditionPathExistsGlob" condition(PathExistsGlob), "", "Some path matches this pattern.";
    "Unit" "ConditionPathIsDirectory" condition(PathIsDirectory), "", "This is a folder, or a link to one.";
    "Unit" "ConditionPathIsSymbolicLink" condition(PathIsSymbolicLink), "", "This is a symbolic link.";
    "Unit" "ConditionPathIsMountPoint" condition(PathIsMountPoint), "", "Something is mounted here.";
    "Unit" "ConditionPathIsReadWrite" condition(PathIsReadWrite), "", "This lies on a file system that can be written to.";
    "Unit" "ConditionPathIsEncrypted" condition(PathIsEncrypted), "", "This lies on an encrypted device.";
    "Unit" "ConditionDirectoryNotEmpty" condition(DirectoryNotEmpty), "", "This folder holds more than hidden and backup files.";
    "Unit" "ConditionFileNotEmpty" condition(FileNotEmpty), "", "This is a plain file that isn't empty.";
    "Unit" "ConditionFileIsExecutable" condition(FileIsExecutable), "", "This is a plain file that can be executed.";
    "Unit" "ConditionNeedsUpdate" condition(NeedsUpdate), "", "`/etc` or `/var` hasn't been brought up to date since `/usr` changed.";
    "Unit" "ConditionKernelCommandLine" condition(KernelCommandLine), "", "The kernel's command line has this word, or this name before a `=`.";
    "Unit" "ConditionKernelVersion" condition(KernelVersion), "", "The kernel's version, e.g. `>= 5.10` or the pattern `6.*`.";
    "Unit" "ConditionVersion" condition(Version), "", "The same, as `kernel >= 5.10`; no other component is known here.";
    "Unit" "ConditionKernelModuleLoaded" condition(KernelModuleLoaded), "", "This module of the kernel is loaded, or built in.";
    "Unit" "ConditionVirtualization" condition(Virtualization), "", "yes, no, vm, container, private-users, or a kind as of systemd-detect-virt(1).";
    "Unit" "ConditionArchitecture" condition(Architecture), "", "The processor, e.g. `x86-64`, `arm64`.";
    "Unit" "ConditionHost" condition(Host), "", "The host's name (or a pattern), machine id or boot id.";
    "Unit" "ConditionACPower" condition(ACPower), "", "Whether the machine runs on mains power.";
    "Unit" "ConditionCapability" condition(Capability), "", "This capability is in the bounding set, e.g. `CAP_NET_ADMIN`.";
    "Unit" "ConditionUser" condition(User), "", "Rung runs as this user: name, number or `@system`.";
    "Unit" "ConditionGroup" condition(Group), "", "Rung runs as this group.";
    "Unit" "ConditionCPUs" condition(CPUs), "", "How many processors there are, e.g. `>= 2`.";
    "Unit" "ConditionCPUFeature" condition(CPUFeature), "", "The processor has this feature, e.g. `aes`.";
    "Unit" "ConditionMemory" condition(Memory), "", "How much memory there is, e.g. `>= 1G`.";
    "Unit" "ConditionEnvironment" condition(Environment), "", "Rung's own environment has this `NAME`, or this `NAME=value`.";
    "Unit" "ConditionFirstBoot" condition(FirstBoot), "", "Whether the machine had no machine id when it booted.";
    "Unit" "ConditionControlGroupController" condition(ControlGroupController), "", "These controllers are there for services; `v1`, `v2`: the kind of hierarchy.";
    "Unit" "ConditionSecurity" condition(Security), "", "This is in force: selinux, apparmor, tomoyo, ima, smack, audit, uefi-secureboot, tpm2, cvm, measured-uki.";
    "Unit" "ConditionCredential" condition(Credential), "", "A credential of this name was handed to Rung.";
    "Unit" "ConditionFirmware" condition(Firmware), "", "uefi, device-tree, `device-tree-compatible(…)` or `smbios-field(… = …)`.";
    "Unit" "ConditionOSRelease" condition(OSRelease), "", "Fields of os-release, e.g. `ID=debian VERSION_ID>=12`.";
    "Unit" "AssertPathExists" assert(PathExists), "", "As `ConditionPathExists=`; where an assertion isn't met the start fails.";
    "Unit" "AssertPathExistsGlob" assert(PathExistsGlob), "", "As `ConditionPathExistsGlob=`.";
    "Unit" "AssertPathIsDirectory" assert(PathIsDirectory), "", "As `ConditionPathIsDirectory=`.";
    "Unit" "AssertPathIsSymbolicLink" assert(PathIsSymbolicLink), "", "As `ConditionPathIsSymbolicLink=`.";
    "Unit" "AssertPathIsMountPoint" assert(PathIsMountPoint), "", "As `ConditionPathIsMountPoint=`.";
    "Unit" "AssertPathIsReadWrite" assert(PathIsReadWrite), "", "As `ConditionPathIsReadWrite=`.";
    "Unit" "AssertPathIsEncrypted" assert(PathIsEncrypted), "", "As `ConditionPathIsEncrypted=`.";
    "Unit" "AssertDirectoryNotEmpty" assert(DirectoryNotEmpty), "", "As `ConditionDirectoryNotEmpty=`.";
    "Unit" "AssertFileNotEmpty" assert(FileNotEmpty), "", "As `ConditionFileNotEmpty=`.";
    "Unit" "AssertFileIsExecutable" assert(FileIsExecutable), "", "As `ConditionFileIsExecutable=`.";
    "Unit" "AssertNeedsUpdate" assert(NeedsUpdate), "", "As `ConditionNeedsUpdate=`.";
    "Unit" "AssertKernelCommandLine" assert(KernelCommandLine), "", "As `ConditionKernelCommandLine=`.";
    "Unit" "AssertKernelVersion" assert(KernelVersion), "", "As `ConditionKernelVersion=`.";
    "Unit" "AssertVersion" assert(Version), "", "As `ConditionVersion=`.";
    "Unit" "AssertKernelModuleLoaded" assert(KernelModuleLoaded), "", "As `ConditionKernelModuleLoaded=`.";
    "Unit" "AssertVirtualization" assert(Virtualization), "", "As `ConditionVirtualization=`.";
    "Unit" "AssertArchitecture" assert(Architecture), "", "As `ConditionArchitecture=`.";
    "Unit" "AssertHost" assert(Host), "", "As `ConditionHost=`.";
    "Unit" "AssertACPower" assert(ACPower), "", "As `ConditionACPower=`.";
    "Unit" "AssertCapability" assert(Capability), "", "As `ConditionCapability=`.";
    "Unit" "AssertUser" assert(User), "", "As `ConditionUser=`.";
    "Unit" "AssertGroup" assert(Group), "", "As `ConditionGroup=`.";
    "Unit" "AssertCPUs" assert(CPUs), "", "As `ConditionCPUs=`.";
    "Unit" "AssertCPUFeature" assert(CPUFeature), "", "As `ConditionCPUFeature=`.";
    "Unit" "AssertMemory" assert(Memory), "", "As `ConditionMemory=`.";
    "Unit" "AssertEnvironment" assert(Environment), "", "As `ConditionEnvironment=`.";
    "Unit" "AssertFirstBoot" assert(FirstBoot), "", "As `ConditionFirstBoot=`.";
    "Unit" "AssertControlGroupController" assert(ControlGroupController), "", "As `ConditionControlGroupController=`.";
    "Unit" "AssertSecurity" assert(Security), "", "As `ConditionSecurity=`.";
    "Unit" "AssertCredential" assert(Credential), "", "As `ConditionCredential=`.";
    "Unit" "AssertFirmware" assert(Firmware), "", "As `ConditionFirmware=`.";
    "Unit" "AssertOSRelease" assert(OSRelease), "", "As `ConditionOSRelease=`.";
    "Unit" "StartLimitIntervalSec" one(service.timing.start_limit_interval, fields::span), "10s", "At most `StartLimitBurst=` starts within this time; 0: no limit.";
    "Unit" "StartLimitBurst" one(service.timing.start_limit_burst, plain(|t| number(t, 0, i64::from(u32::MAX)))), "5", "How many starts `StartLimitIntervalSec=` allows.";
    "Unit" "StartLimitPauseSec" one(service.timing.start_limit_pause, fields::span), "0", "An automatic restart beyond the limit comes this much later, instead of never (Rung's own); 0: never.";
    "Unit" "StartLimitInterval" also(|b, d, v| v.one(&mut b.unit.service.timing.start_limit_interval, &d.unit.service.timing.start_limit_interval, fields::span)), "", "Older name of `StartLimitIntervalSec=`.";

    "Unit" "StartLimitAction" one(service.ending.limit_action, ending::action), "none", "What becomes of the machine or container when that limit is reached: none, exit, reboot, poweroff, halt; with `-force`: without stopping services; with `-immediate`: at once.";
    "Unit" "FailureAction" one(service.ending.failure_action, ending::action), "none", "The same when the unit has failed, and isn't started again by itself.";
    "Unit" "SuccessAction" one(service.ending.success_action, ending::action), "none", "The same when it has ended otherwise, also on request.";
    "Unit" "FailureActionExitStatus" one(service.ending.failure_status, ending::status), "", "What `exit` of `FailureAction=` exits with; without it, the main process's own.";
    "Unit" "SuccessActionExitStatus" one(service.ending.success_status, ending::status), "", "The same of `SuccessAction=`.";

    "Service" "Type" one(service.kind, fields::kind(choice(KINDS, &[]))), "simple", "When a start counts as done: once the program is executed (simple, exec), when the started process has left a daemon (forking), when it has ended (oneshot), when it says so (notify; notify-reload: also of a reload). script: when the started script has ended; what runs on is the service, and where nothing does it counts as active. idle: as exec, once no other job runs, after 5 s at the latest.";
    "Service" "RemainAfterExit" one(service.remain_after_exit, plain(boolean)), "no", "The service stays active when its processes have ended with success.";
    "Service" "PIDFile" one(service.pid_file, some(fields::run_path)), "", "Where a forking daemon writes its pid, which then counts as ready; a relative path lies in the run-time folder. Removed after the end.";
    "Service" "GuessMainPID" one(service.readiness.guess_main_pid, plain(boolean)), "yes", "The main process of a forking service without `PIDFile=` is guessed; `no`: it has none, and lives as long as any process of it.";
    "Service" "NotifyAccess" one(service.readiness.notify_access, some(choice(ACCESS, &[]))), "", "Whose notices (sd_notify) count: nobody's (none), the main process's (main), also those of `Exec…=` commands (exec), of every process of the service (all). Without the key: main, where `Type=` or `WatchdogSec=` needs notices, else none.";
    "Service" "NotifyFd" one(service.readiness.notify_fd, some(plain(|t| number(t, 3, 255)))), "", "Ready once the main process has written a newline to this descriptor, which it is started with (e.g. 3, as under s6).";
    "Service" "ReadyCheck" exec(ReadyCheck), "", "Ready once this command, run again and again beside the service, exits with 0.";
    "Service" "ReadyCheckSec" one(service.readiness.check_pause, fields::span), "500ms", "The pause between two runs of `ReadyCheck=`.";
    "Service" "WatchdogSec" one(service.readiness.watchdog, fields::pause), "0", "The service must say `WATCHDOG=1` at least this often once it is ready, or it is ended by `WatchdogSignal=`; 0: need not.";
    "Service" "WatchdogSignal" one(service.readiness.watchdog_signal, fields::signal), "SIGABRT", "The signal for a service whose watchdog ran out.";
    "Service" "ReloadSignal" one(service.readiness.reload_signal, fields::signal), "SIGHUP", "With `Type=notify-reload`: the signal that asks the main process to reload.";
    "Service" "ExecCondition" exec(Condition), "", "Commands before all others: one that exits with 1 to 254 says that the service is not to run now, which is no failure; 255 or a signal is one.";
    "Service" "ExecStartPre" exec(StartPre), "", "Commands before `ExecStart=`, one after the other.";
    "Service" "ExecStart" exec(Start), "", "The program and its arguments; several for a oneshot. Prefixes, in any order: `-` its failure is passed over, `@` the second word is its zeroth argument, `:` no variables are put in, `!` without `User=` and `Group=`, `+` with all privileges.";
    "Service" "ExecStartPost" exec(StartPost), "", "Commands once the start counts as done.";
    "Service" "ExecReload" exec(Reload), "", "Commands that make the service read its configuration again; `$MAINPID` is its main process.";
    "Service" "ExecStop" exec(Stop), "", "Commands that ask the service to stop; what is left then gets `KillSignal=`.";
    "Service" "ExecStopPost" exec(StopPost), "", "Commands after the service has ended, however it did.";
    "Service" "Restart" one(service.restart, choice(ending::RESTARTS, &[])), "no", "When to start it again by itself: no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always. Never after a stop on request.";
    "Service" "RestartSec" one(service.timing.restart_sec, fields::span), "100ms", "How long to wait before that. Starts it makes by itself are 50 ms apart at least.";
    "Service" "RestartMode" one(service.ending.restart_mode, choice(ending::RESTART_MODES, &[])), "normal", "Whether an automatic restart takes along what is bound to the unit or part of it (normal), or those are only told when it is down for good (direct). `OnFailure=` and `OnSuccess=` hear of an end for good alone, in either mode. debug: as direct, with DEBUG_INVOCATION=1 in the environment.";
    "Service" "RestartSteps" one(service.ending.restart_steps, plain(|t| number(t, 0, i64::from(u32::MAX)))), "0", "In how many restarts `RestartSec=` grows to `RestartMaxDelaySec=`. A run of 10s, or as long as the delay before it if that is longer, begins it anew.";
    "Service" "RestartMaxDelaySec" one(service.ending.restart_max_delay, fields::span), "infinity", "The longest delay, with `RestartSteps=`. A grown delay is shortened by up to a tenth, at random.";
    "Service" "SuccessExitStatus" list(service.ending.success, statuses), "", "Exit statuses and signals of the main process that count as success, beside 0 and SIGHUP SIGINT SIGTERM SIGPIPE.";
    "Service" "SkipExitStatus" list(service.ending.skip, statuses), "", "Exit statuses of the start that mean that the service isn't to run here, which is no failure; of an init script `5 6`: not installed, not configured.";
    "Service" "RestartPreventExitStatus" list(service.ending.prevent, statuses), "", "Exit statuses and signals of the main process after which it is never started again by itself.";
    "Service" "RestartForceExitStatus" list(service.ending.force, statuses), "", "Those after which it always is.";
    "Service" "StartLimitInterval" also(|b, d, v| v.one(&mut b.unit.service.timing.start_limit_interval, &d.unit.service.timing.start_limit_interval, fields::span)), "", "Older place of `[Unit] StartLimitIntervalSec=`.";
    "Service" "StartLimitBurst" also(|b, d, v| v.one(&mut b.unit.service.timing.start_limit_burst, &d.unit.service.timing.start_limit_burst, plain(|t| number(t, 0, i64::from(u32::MAX))))), "", "Older place of `[Unit] StartLimitBurst=`.";
    "Service" "StartLimitAction" also(|b, d, v| v.one(&mut b.unit.service.ending.limit_action, &d.unit.service.ending.limit_action, ending::action)), "", "Older place of `[Unit] StartLimitAction=`.";
    "Service" "FailureAction" also(|b, d, v| v.one(&mut b.unit.service.ending.failure_action, &d.unit.service.ending.failure_action, ending::action)), "", "Older place of `[Unit] FailureAction=`.";
    "Service" "TimeoutStartSec" one(service.timing.timeout_start, fields::timeout), "1min 30s", "How long a start may take; `infinity`, also the default of a oneshot: as long as it likes.";
    "Service" "TimeoutStopSec" one(service.timing.timeout_stop, fields::timeout), "1min 30s", "How long a stop may take before SIGKILL; `infinity`: as long as it likes.";
    "Service" "TimeoutSec" also(fields::set_timeouts), "", "`TimeoutStartSec=` and `TimeoutStopSec=` at once.";
    "Service" "TimeoutAbortSec" one(service.ending.timeout_abort, ending::abort_limit), "", "How long it may take to end by `WatchdogSignal=`; without it, `TimeoutStopSec=`.";
    "Service" "TimeoutStartFailureMode" one(service.ending.start_failure_mode, choice(ending::TIMEOUT_MODES, &[])), "terminate", "What ends a start that takes too long: `KillSignal=` (terminate), `WatchdogSignal=` (abort), SIGKILL at once (kill).";
    "Service" "TimeoutStopFailureMode" one(service.ending.stop_failure_mode, choice(ending::TIMEOUT_MODES, &[])), "terminate", "The same for a stop. After `KillSignal=` `terminate` is SIGKILL.";
    "Service" "RuntimeMaxSec" one(service.ending.runtime_max, fields::timeout), "infinity", "A service that has run so long is stopped, and has failed; not for a oneshot.";
    "Service" "RuntimeRandomizedExtraSec" one(service.ending.runtime_extra, fields::span), "0", "`RuntimeMaxSec=` is longer by up to this, at random.";
    "Service" "ExitType" one(service.ending.exit_type, choice(ending::EXIT_TYPES, &[])), "main", "It has ended when its main process has (main), or its last process (cgroup).";
    "Service" "KillMode" one(service.kill_mode, choice(KILL_MODES, &[])), "control-group", "Whom a stop ends: all processes (control-group), first the main one (mixed), only that (process), with its process group (group; Rung's own), nobody (none).";
    "Service" "KillSignal" one(service.kill_signal, fields::signal), "SIGTERM", "The signal that asks to stop.";
    "Service" "RestartKillSignal" one(service.ending.restart_signal, ending::signal), "", "The same when it is to be restarted; without it, `KillSignal=`.";
    "Service" "FinalKillSignal" one(service.ending.final_signal, fields::signal), "SIGKILL", "The signal for what is left when `TimeoutStopSec=` has passed.";
    "Service" "SendSIGHUP" one(service.ending.send_sighup, plain(boolean)), "no", "Send SIGHUP after `KillSignal=`, for shells.";
    "Service" "SendSIGKILL" one(service.ending.send_sigkill, plain(boolean)), "yes", "Whether what is left then is killed; `no` leaves it alone.";
    "Service" "Essential" one(service.essential, plain(boolean)), "no", "When it is over for good, the container or sandbox ends with its exit status.";
    "Service" "User" one(service.user, some(fields::account)), "", "Run as this user: name or number.";
    "Service" "Group" one(service.group, some(fields::account)), "", "Run as this group; without it, the user's own.";
    "Service" "WorkingDirectory" one(service.working_directory, fields::folder), "", "Run in this folder; `~`: the user's home; prefix `-`: a missing one does no harm.";
    "Service" "UMask" octal(service.umask, plain(mode)), "0022", "The file mode bits new files don't get.";
    "Service" "Environment" list(service.environment, exec::assignments), "", "`NAME=value` words, put into the environment.";
    "Service" "EnvironmentFile" list(service.environment_files, fields::environment_file), "", "A file with a `NAME=value` on each line, or a pattern of several (`*`, `?`, `[a-z]`); prefix `-`: a missing one does no harm.";
    "Service" "PassEnvironment" list(service.exec.pass_environment, exec::pass), "", "Variables that are passed on, with the values they have for init itself.";
    "Service" "UnsetEnvironment" list(service.exec.unset_environment, exec::unset), "", "Variables taken out again at the end; as `NAME=value`, only where they have that value.";
    "Service" "SetLoginEnvironment" one(service.exec.login_environment, some(plain(boolean))), "(with `User=`: yes)", "Whether `USER LOGNAME HOME SHELL` are set.";
    "Service" "ExecSearchPath" list(service.exec.search_path, exec::search_path), "", "Folders, separated by colons, where programs without a path are looked for; also the service's `PATH`.";
    "Service" "SupplementaryGroups" list(service.exec.supplementary_groups, exec::groups), "", "Further groups of its processes.";
    "Service" "RootDirectory" one(service.exec.root, some(path)), "", "The folder that is `/` for the service; programs and `WorkingDirectory=` are looked for in it.";
    "Service" "RootDirectoryStartOnly" one(service.exec.root_start_only, plain(boolean)), "no", "Only `ExecStart=` runs in `RootDirectory=`.";
    "Service" "PermissionsStartOnly" one(service.exec.permissions_start_only, plain(boolean)), "no", "Older way to give all commands but `ExecStart=` the prefix `+`.";
    "Service" "RuntimeDirectory" list(service.directories.runtime.folders, folders(DirectoryKind::Runtime)), "", "Folders below `/run` made before the start, owned by `User=`, removed at the stop, told in `RUNTIME_DIRECTORY`; `NAME:LINK` makes a link too.";
    "Service" "RuntimeDirectoryMode" octal(service.directories.runtime.mode, plain(mode)), "0755", "Their mode.";
    "Service" "StateDirectory" list(service.directories.state.folders, folders(DirectoryKind::State)), "", "The same below `/var/lib`, to stay; `STATE_DIRECTORY`.";
    "Service" "StateDirectoryMode" octal(service.directories.state.mode, plain(mode)), "0755", "Their mode.";
    "Service" "CacheDirectory" list(service.directories.cache.folders, folders(DirectoryKind::Cache)), "", "The same below `/var/cache`, to stay; `CACHE_DIRECTORY`.";
    "Service" "CacheDirectoryMode" octal(service.directories.cache.mode, plain(mode)), "0755", "Their mode.";
    "Service" "LogsDirectory" list(service.directories.logs.folders, folders(DirectoryKind::Logs)), "", "The same below `/var/log`, to stay; `LOGS_DIRECTORY`.";
    "Service" "LogsDirectoryMode" octal(service.directories.logs.mode, plain(mode)), "0755", "Their mode.";
    "Service" "ConfigurationDirectory" list(service.directories.configuration.folders, folders(DirectoryKind::Configuration)), "", "Folders below `/etc`, owned by root; `CONFIGURATION_DIRECTORY`.";
    "Service" "ConfigurationDirectoryMode" octal(service.directories.configuration.mode, plain(mode)), "0755", "Their mode.";
    "Service" "RuntimeDirectoryPreserve" one(service.directories.preserve, choice(PRESERVES, &[])), "no", "Whether these outlive the service: no, yes, restart (over a restart).";
    "Service" "StandardInput" one(service.input, fields::input), "null", "Where standard input comes from: null, tty, tty-force, tty-fail, file:PATH.";
    "Service" "StandardOutput" one(service.output, fields::output), "log", "Where standard output goes: log, inherit, null, tty, file:PATH, append:PATH, truncate:PATH.";
    "Service" "StandardError" one(service.error, fields::output), "inherit", "Where standard error goes; `inherit`: where standard output goes.";
    "Service" "TTYPath" one(service.terminal.path, path), "/dev/console", "The terminal that `tty` means.";
    "Service" "TTYReset" one(service.terminal.reset, plain(boolean)), "no", "Put the terminal into sane modes before the start and after the end.";
    "Service" "TTYVHangup" one(service.terminal.hangup, plain(boolean)), "no", "Hang the terminal up before the start and after the end, so that nobody else keeps it open.";
    "Service" "TTYVTDisallocate" one(service.terminal.clear, plain(boolean)), "no", "Free the virtual terminal before the start and after the end, so that screen and scrollback are lost; where it is in use, or none of these, its screen is cleared.";
    "Service" "UtmpIdentifier" one(service.terminal.utmp_id, some(text)), "", "Write records of start and end of the main process into utmp(5) and wtmp, under this id; of a longer one its last four characters count.";
    "Service" "UtmpMode" one(service.terminal.utmp_mode, choice(UTMP_MODES, &[])), "init", "Up to which record: init (for a getty), login (then one of a login(1)), user (then one of a session).";
    "Service" "IgnoreSIGPIPE" one(service.ignore_sigpipe, plain(boolean)), "yes", "Start the program with SIGPIPE ignored.";
    "Service" "Nice" one(service.nice, some(plain(|t| number(t, -20, 19)))), "", "Scheduling priority, from -20 (most) to 19 (least).";
    "Service" "OOMScoreAdjust" one(service.oom_score_adjust, some(plain(|t| number(t, -1000, 1000)))), "", "How soon the kernel kills it when memory runs out, from -1000 (never) to 1000.";
    "Service" "CPUSchedulingPolicy" one(service.scheduling.policy, some(choice(scheduling::POLICIES, &[]))), "", "other, batch, idle, or for real time fifo, rr.";
    "Service" "CPUSchedulingPriority" one(service.scheduling.priority, some(plain(|t| number(t, 1, 99)))), "", "Real-time priority, from 1 to 99 (most).";
    "Service" "CPUSchedulingResetOnFork" one(service.scheduling.reset_on_fork, plain(boolean)), "no", "Children of the service begin with the usual policy.";
    "Service" "CPUAffinity" own(service.scheduling.affinity, scheduling::cpus), "", "The CPUs it may run on, e.g. `0 2-4`.";
    "Service" "IOSchedulingClass" one(service.scheduling.io_class, some(choice(scheduling::IO_CLASSES, &[]))), "", "none, realtime, best-effort, idle.";
    "Service" "IOSchedulingPriority" one(service.scheduling.io_priority, some(plain(|t| number(t, 0, 7)))), "", "Within its class, from 0 (most) to 7.";
    "Service" "TimerSlackNSec" one(service.scheduling.timer_slack, scheduling::nanoseconds), "", "How far its timers may be off; a plain number counts nanoseconds.";
    "Service" "Personality" one(service.scheduling.personality, some(choice(scheduling::PERSONALITIES, &[]))), "", "What uname(2) tells it: x86-64, x86.";
    "Service" "CoredumpFilter" one(service.scheduling.coredump_filter, scheduling::coredump_filter), "", "What core dumps hold: kinds of mappings, or the mask of core(5).";
    "Service" "MemoryKSM" one(service.scheduling.memory_merge, some(plain(boolean))), "", "Whether the kernel merges equal pages of its memory.";
    "Service" "NoNewPrivileges" one(service.privileges.no_new, plain(boolean)), "no", "No program it executes gains privileges, by set-user-ID bits for example.";
    "Service" "CapabilityBoundingSet" own(service.privileges.bounding, privileges::bounding), "~", "The capabilities its programs can have at most; after `~`: all but these.";
    "Service" "AmbientCapabilities" own(service.privileges.ambient, privileges::ambient), "", "Capabilities it has though `User=` isn't root.";
    "Service" "SecureBits" own(service.privileges.secure_bits, privileges::secure_bits), "", "keep-caps, no-setuid-fixup, noroot, each also with `-locked`; see capabilities(7).";
    "Service" "KeyringMode" one(service.privileges.keyring, choice(privileges::KEYRINGS, &[])), "private", "Its session keyring: private, shared (with the user's linked into it), inherit (PID 1's).";
    "Service" "LimitCPU" limit(RLIMIT_CPU, Seconds), "", "CPU time, as `SOFT` or `SOFT:HARD`.";
    "Service" "LimitFSIZE" limit(RLIMIT_FSIZE, Bytes), "", "Size of files it writes.";
    "Service" "LimitDATA" limit(RLIMIT_DATA, Bytes), "", "Size of its data segment.";
    "Service" "LimitSTACK" limit(RLIMIT_STACK, Bytes), "", "Size of its stack.";
    "Service" "LimitCORE" limit(RLIMIT_CORE, Bytes), "", "Size of core dumps.";
    "Service" "LimitRSS" limit(RLIMIT_RSS, Bytes), "", "Resident memory (Linux ignores it).";
    "Service" "LimitNOFILE" limit(RLIMIT_NOFILE, Plain), "", "Open descriptors.";
    "Service" "LimitAS" limit(RLIMIT_AS, Bytes), "", "Address space.";
    "Service" "LimitNPROC" limit(RLIMIT_NPROC, Plain), "", "Processes of the user.";
    "Service" "LimitMEMLOCK" limit(RLIMIT_MEMLOCK, Bytes), "", "Memory locked into RAM.";
    "Service" "LimitLOCKS" limit(RLIMIT_LOCKS, Plain), "", "File locks (Linux ignores it).";
    "Service" "LimitSIGPENDING" limit(RLIMIT_SIGPENDING, Plain), "", "Queued signals.";
    "Service" "LimitMSGQUEUE" limit(RLIMIT_MSGQUEUE, Bytes), "", "POSIX message queues.";
    "Service" "LimitNICE" limit(RLIMIT_NICE, Nice), "", "Best nice level it may take: `+N`, `-N`, or the kernel's raw 1 to 40.";
    "Service" "LimitRTPRIO" limit(RLIMIT_RTPRIO, Plain), "", "Best real-time priority it may take.";
    "Service" "LimitRTTIME" limit(RLIMIT_RTTIME, Micros), "", "CPU time in real-time scheduling without a pause.";

    "Install" "Runlevels" one(runlevels, fields::levels), "", "The levels `enable` turns it on in, e.g. `2345`.";
    "Install" "WantedBy" list(install.wanted_by, install::names), "", "Units that want this one once it is switched on. Of systemd's targets those that stand for levels (`multi-user.target`: 2345) count as these where there is no `Runlevels=`; `enable` puts a link into the `.wants` folder of any other.";
    "Install" "RequiredBy" list(install.required_by, install::names), "", "The same, for `Requires=` and `.requires`.";
    "Install" "UpheldBy" list(install.upheld_by, install::names), "", "The same, for `Upholds=` and `.upholds`.";
    "Install" "Alias" list(install.alias, install::names), "", "Further names, for which `enable` makes links.";
    "Install" "Also" list(install.also, install::names), "", "Units that are switched on and off along with this one.";
    "Install" "DefaultInstance" one(install.default_instance, some(install::instance)), "", "The instance that `enable` takes for a template named without one.";
});

/// All keys, in the order of sections and of a man page.
pub fn keys() -> impl Iterator<Item = &'static KeyDoc> {
    KEYS.iter()
}

/// The values in effect: (key, value), a pair for each value of a list; an unset key has one that is empty.
pub fn settings(unit: &Unit) -> Vec<(String, String)> {
    let build = Build { unit: unit.clone() };
    let mut pairs = Vec::new();
    for key in KEYS.iter() {
        let Some(show) = key.show else { continue };
        let values = show(&build);
        if values.is_empty() {
            pairs.push((key.name.to_owned(), String::new()));
        }
        pairs.extend(values.into_iter().map(|v| (key.name.to_owned(), v)));
    }
    pairs
}
