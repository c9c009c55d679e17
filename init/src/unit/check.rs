//! What no single key can tell: checks over the whole unit.

use super::finding::{Finding, Findings};
use super::keys::{Build, KEYS};
use super::parse::at_place;
use super::readiness;
use super::value::Bad;
use super::{
    Ending, ExecKind, Input, KillMode, Output, Place, Restart, Service, ServiceType, Severity, Unit, name::Kind,
};
use std::path::PathBuf;

/// Settles what depends on several keys and reports what doesn't go together.
pub(super) fn check(build: &mut Build, findings: &mut Findings) {
    if build.unit.runlevels.is_empty() && !given(&build.unit, "Install.Runlevels") {
        build.unit.runlevels = build.unit.install.levels();
    }
    if build.unit.name.kind() != Kind::Service {
        if let Some((id, place)) = build.unit.places.iter().find(|(id, _)| id.starts_with("Service.")) {
            let key = id.strip_prefix("Service.").unwrap_or(id);
            let bad = Bad::new(0, "only a service has processes; `[Service]` is passed over");
            findings.push(at_place(&build.unit, place, key, bad, Severity::Warning));
            build.unit.service = Service::default();
        }
        return;
    }
    let service = &mut build.unit.service;
    let timed = ["Service.TimeoutStartSec", "Service.TimeoutSec"];
    if service.kind == ServiceType::Oneshot && !timed.iter().any(|k| build.unit.places.get(k).is_some()) {
        service.timing.timeout_start = None;
    }
    check_old(&build.unit, findings);
    check_commands(&build.unit, findings);
    check_types(&build.unit, findings);
    readiness::check(&build.unit, findings);
    check_ending(&build.unit, findings);
    check_streams(&build.unit, findings);
}

fn given(unit: &Unit, id: &str) -> bool {
    unit.places.get(id).is_some()
}

/// The place of a key, else of the file's beginning.
pub(super) fn place(unit: &Unit, id: &str) -> Place {
    unit.places.get(id).unwrap_or_default()
}

/// Older spellings: their documentation says what has taken their place.
fn check_old(unit: &Unit, findings: &mut Findings) {
    for (id, at) in unit.places.iter() {
        let key = id.split_once('.').and_then(|(section, name)| KEYS.find(section, name));
        let old = key.filter(|k| k.doc.starts_with("Older "));
        if let Some(key) = old {
            findings.push(at_place(unit, at, key.name, Bad::new(0, key.doc), Severity::Note));
        }
    }
}

fn check_commands(unit: &Unit, findings: &mut Findings) {
    let service = &unit.service;
    let oneshot = service.kind == ServiceType::Oneshot;
    let mut starts = service.commands(ExecKind::Start);
    let first = starts.next();
    if let (false, Some(second)) = (oneshot, starts.next()) {
        let bad = Bad::new(0, "a second command; only a oneshot has several")
            .hint("write `Type=oneshot`, or an empty `ExecStart=` line before it to replace the first one");
        findings.push(at_place(unit, second.place, "ExecStart", bad, Severity::Error));
    }
    let stops = service.commands(ExecKind::Stop).next().is_some();
    // A line that is there and wrong has been reported: that it counts for nothing would only hide why.
    let known = oneshot && stops && service.remain_after_exit || findings.blame("ExecStart");
    if first.is_none() && !known {
        let path = unit.files.first().map_or_else(|| unit.name.as_str().into(), PathBuf::clone);
        let finding = Finding::whole(Severity::Error, &path, "the service has no `ExecStart=`".into());
        findings.push(finding.hint("add `ExecStart=/path/to/program` to `[Service]`"));
    }
}

fn check_types(unit: &Unit, findings: &mut Findings) {
    let service = &unit.service;
    if service.kind == ServiceType::Oneshot && matches!(service.restart, Restart::Always | Restart::OnSuccess) {
        let word = if service.restart == Restart::Always { "always" } else { "on-success" };
        let bad = Bad::new(0, format!("`{word}` doesn't go with `Type=oneshot`: it would run without end"))
            .hint("write `on-failure` or `no`");
        findings.push(at_place(unit, place(unit, "Service.Restart"), "Restart", bad, Severity::Error));
    }
    if service.kind == ServiceType::Forking && service.pid_file.is_none() && service.readiness.guess_main_pid {
        let bad = Bad::new(0, "a forking service without `PIDFile=`: its main process has to be guessed")
            .hint("add `PIDFile=`, or run the daemon in the foreground with `Type=simple`");
        findings.push(at_place(unit, place(unit, "Service.Type"), "Type", bad, Severity::Warning));
    }
    if service.kill_mode == KillMode::None && service.commands(ExecKind::Stop).next().is_none() {
        let bad = Bad::new(0, "`none` without `ExecStop=`: nothing ever stops the service");
        findings.push(at_place(unit, place(unit, "Service.KillMode"), "KillMode", bad, Severity::Warning));
    }
}

fn check_ending(unit: &Unit, findings: &mut Findings) {
    let (service, ending) = (&unit.service, &unit.service.ending);
    let mut warn = |id: &str, message: &str, hint: &str| {
        let key = id.strip_prefix("Service.").unwrap_or(id);
        findings.push(at_place(unit, place(unit, id), key, Bad::new(0, message).hint(hint), Severity::Warning));
    };
    let grows = ending.restart_max_delay != Ending::default().restart_max_delay;
    match (ending.restart_steps > 0, grows) {
        (true, false) => {
            warn("Service.RestartSteps", "passed over without a longest delay", "add `RestartMaxDelaySec=`")
        }
        (false, true) => warn("Service.RestartMaxDelaySec", "the delay doesn't grow", "add `RestartSteps=`"),
        _ => {}
    }
    if grows && ending.restart_max_delay < service.timing.restart_sec {
        let hint = "the shorter one counts";
        warn("Service.RestartMaxDelaySec", "it is shorter than `RestartSec=`", hint);
    }
    if ending.runtime_max.is_some() && service.kind == ServiceType::Oneshot {
        warn("Service.RuntimeMaxSec", "passed over for a oneshot", "write `TimeoutStartSec=`");
    }
}

fn check_streams(unit: &Unit, findings: &mut Findings) {
    let service = &unit.service;
    let tty = matches!(service.input, Input::Tty | Input::TtyForce | Input::TtyFail);
    let own = service.terminal.path != Service::default().terminal.path;
    let other = service.terminal.is_prepared() || service.terminal.utmp_id.is_some();
    if own && !tty && !other && service.output != Output::Tty && service.error != Output::Tty {
        let bad = Bad::new(0, "nothing uses the terminal").hint("add `StandardInput=tty`");
        findings.push(at_place(unit, place(unit, "Service.TTYPath"), "TTYPath", bad, Severity::Warning));
    }
}
