//! Outcomes as sentences: what failed, with key, file and line, and what to try next.

use crate::core::{ExitRecord, JobResult, Outcome, Phase};
use crate::proto::words;
use crate::unit::{ExecKind, ServiceType, Source, Unit, scalar};
use std::time::Duration;

/// The outcome in words. `plan` is the sentence of a plan that could not be made or carried out, where there is one.
pub fn reason(unit: Option<&Unit>, outcome: &Outcome, plan: Option<&str>) -> String {
    match outcome {
        Outcome::Success => "ended as it should".into(),
        Outcome::Exited { kind, index, exit } => match (exit, plan) {
            (ExitRecord::NotRun { .. }, Some(text)) => text.to_owned(),
            (ExitRecord::NotRun { errno, .. }, None) => {
                format!("{} could not be started: {}", command(unit, *kind, *index), words::errno_text(*errno))
            }
            _ => format!("{} {}", command(unit, *kind, *index), words::exit(*exit)),
        },
        Outcome::Timeout { phase } => {
            let (key, limit) = limit(unit, *phase);
            // `TimeoutSec=` may be what was written.
            let place = unit.and_then(|u| u.place(&format!("Service.{key}")).or_else(|| u.place("Service.TimeoutSec")));
            let place = place.map(|p| format!(" ({p})")).unwrap_or_default();
            let limit = limit.map(|l| format!(" after {}", scalar::show_span(l))).unwrap_or_default();
            let awaited = awaited(unit, *phase).map(|what| format!("starting, it waited for {what}"));
            let doing = awaited.unwrap_or_else(|| still(*phase).to_owned());
            format!("{key}={place} passed{limit}: {doing}")
        }
        Outcome::Protocol => match unit.map(|u| u.service.kind) {
            Some(ServiceType::Notify | ServiceType::NotifyReload) => {
                "it ended without saying READY=1, which its Type= asks for".into()
            }
            Some(ServiceType::Forking) => "it left no main process behind, which Type=forking asks for".into(),
            _ => "it ended before it was ready".into(),
        },
        Outcome::Watchdog => {
            let place = unit.map(|u| u.placed("Service.WatchdogSec")).unwrap_or_default();
            format!("its watchdog ran out: no WATCHDOG=1 within WatchdogSec={place}")
        }
        Outcome::StartLimit => {
            let (burst, interval) = unit.map_or((5, 10), |u| {
                (u.service.timing.start_limit_burst, u.service.timing.start_limit_interval.as_secs())
            });
            let places = ["StartLimitBurst", "StartLimitIntervalSec"].map(|key| {
                let place = unit.map(|u| u.placed(&format!("Unit.{key}")).replace(['(', ')'], "")).unwrap_or_default();
                format!("{key}={place}")
            });
            format!("it was started more than {burst} times in {interval} s ({})", places.join(", "))
        }
        Outcome::Config { reason } | Outcome::Skipped { reason, .. } | Outcome::Assert { reason } => reason.clone(),
        Outcome::Dependency { name } if unit.is_some_and(|u| u.relations.requisite.contains(name)) => {
            format!("{name} doesn't run, which has to run already (Requisite=)")
        }
        Outcome::Dependency { name } => format!("{name}, which it requires, could not be started"),
        Outcome::JobTimeout => {
            let given =
                |key: &&str| unit.and_then(|u| u.place(&format!("Unit.{key}"))).map(|p| format!("{key}= ({p})"));
            let keys: Vec<String> = ["JobTimeoutSec", "JobRunningTimeoutSec"].iter().filter_map(given).collect();
            let keys = if keys.is_empty() { "its time limit".to_owned() } else { keys.join(" or ") };
            format!("the job took longer than {keys} allows")
        }
        Outcome::Abandoned { phase } => {
            format!(
                "on request its stop wasn't waited for ({}); what was left of it still ran",
                words::phase_text(*phase)
            )
        }
    }
}

/// What wasn't over in time.
fn still(phase: Phase) -> &'static str {
    match phase {
        Phase::Start => "it was still starting",
        Phase::Reload => "it was still reloading",
        Phase::Running => "it has run as long as it may",
        Phase::StopSignal | Phase::FinalSignal => "it didn't end when it was told to",
        Phase::StopAbort => "it didn't end when it was told to abort",
        Phase::StopKill | Phase::FinalKill => "it didn't end when it was killed",
        other => words::phase_text(other),
    }
}

/// What a start was waiting for, where that is the service's word or its check.
fn awaited(unit: Option<&Unit>, phase: Phase) -> Option<String> {
    let unit = unit.filter(|_| phase == Phase::Start)?;
    let service = &unit.service;
    let notify = matches!(service.kind, ServiceType::Notify | ServiceType::NotifyReload);
    let word = notify.then(|| "READY=1".to_owned());
    let place = || unit.placed("Service.NotifyFd");
    let line = service.readiness.notify_fd.map(|fd| format!("a newline on descriptor {fd}, NotifyFd={}", place()));
    let check = service.commands(ExecKind::ReadyCheck).next();
    let pid_file = service.pid_file.as_ref().filter(|_| service.kind == ServiceType::Forking);
    let pid_file = pid_file.map(|path| {
        let place = unit.placed("Service.PIDFile");
        format!("its main process in {}, PIDFile={place}", path.display())
    });
    let check = check.map(|_| format!("{} to succeed", command(Some(unit), ExecKind::ReadyCheck, 0)));
    let said: Vec<String> = word.into_iter().chain(line).chain(pid_file).collect();
    let parts: Vec<String> = Some(said.join(" or ")).filter(|t| !t.is_empty()).into_iter().chain(check).collect();
    (!parts.is_empty()).then(|| parts.join(", and for "))
}

/// What a unit is at: the phase, what it waits for, the command that runs.
pub fn doing(unit: Option<&Unit>, phase: Phase, control: Option<(ExecKind, usize)>) -> String {
    let words = unit.zip(control).and_then(|(u, (kind, index))| Some((kind, u.service.commands(kind).nth(index)?)));
    let signal = |number: i32| format!("{} was sent, and not all of it has ended", words::signal_name(number));
    match (phase, words, unit) {
        (Phase::Dead, ..) => "waiting for its turn".to_owned(),
        (_, Some((kind, command)), _) => format!("{}={}", kind.key(), command.words.line()),
        (Phase::Start, None, _) => match awaited(unit, phase) {
            Some(what) => format!("waiting for {what}"),
            None => words::phase_text(phase).to_owned(),
        },
        (Phase::StopSignal | Phase::FinalSignal, None, Some(unit)) => signal(unit.service.kill_signal),
        (Phase::StopAbort, None, Some(unit)) => signal(unit.service.readiness.watchdog_signal),
        (Phase::StopKill | Phase::FinalKill, None, Some(unit)) => signal(unit.service.ending.final_signal),
        _ => words::phase_text(phase).to_owned(),
    }
}

/// The key that limits a phase, and its value.
fn limit(unit: Option<&Unit>, phase: Phase) -> (&'static str, Option<Duration>) {
    let service = unit.map(|u| &u.service);
    match phase {
        Phase::Condition | Phase::StartPre | Phase::Start | Phase::StartPost | Phase::Reload => {
            ("TimeoutStartSec", service.and_then(|s| s.timing.timeout_start))
        }
        Phase::Running => ("RuntimeMaxSec", service.and_then(|s| s.ending.runtime_max)),
        Phase::StopAbort if service.is_some_and(|s| s.ending.timeout_abort.is_some()) => {
            ("TimeoutAbortSec", service.and_then(|s| s.ending.timeout_abort.flatten()))
        }
        _ => ("TimeoutStopSec", service.and_then(|s| s.timing.timeout_stop)),
    }
}

/// `ExecStart= (/etc/…:7)`; of what is made from an init script the script is named, not the file that nobody wrote.
fn command(unit: Option<&Unit>, kind: ExecKind, index: usize) -> String {
    let place = unit.and_then(|u| {
        let place = u.service.commands(kind).nth(index)?.place;
        let script = u.source_path.as_ref().filter(|_| u.source == Source::Script && place.file == 0);
        script.map(|path| path.display().to_string()).or_else(|| u.show_place(place))
    });
    format!("{}={}", kind.key(), place.map(|p| format!(" ({p})")).unwrap_or_default())
}

/// What a person might type next. `masked`: the unit is.
pub fn hint(name: &str, masked: bool, result: &JobResult) -> Option<String> {
    let JobResult::Failed(outcome) = result else { return None };
    Some(match outcome {
        Outcome::Config { .. } if masked => format!("initctl unmask {name}"),
        Outcome::StartLimit => format!("initctl reset-failed {name}, then initctl start {name}"),
        Outcome::Dependency { name } => format!("initctl why {}", name.short()),
        Outcome::JobTimeout => format!("initctl status {name}"),
        Outcome::Abandoned { .. } => format!("initctl ps {name}"),
        Outcome::Config { .. } => format!("initctl verify {name}"),
        Outcome::Exited { exit: ExitRecord::NotRun { .. }, .. } => format!("initctl cat {name}"),
        Outcome::Exited { .. } | Outcome::Protocol | Outcome::Watchdog | Outcome::Timeout { .. } => {
            format!("initctl logs {name} -n 50")
        }
        Outcome::Assert { .. } => format!("initctl cat {name}"),
        Outcome::Success | Outcome::Skipped { .. } => return None,
    })
}

/// What `start`, `stop`, … did not do, as a sentence; `None` where it went well.
pub fn job_reason(unit: Option<&Unit>, result: &JobResult, plan: Option<&str>) -> Option<String> {
    match result {
        JobResult::Done | JobResult::Already => None,
        JobResult::Failed(outcome) | JobResult::Skipped(outcome) => Some(reason(unit, outcome, plan)),
        JobResult::Replaced => Some("a later request wanted otherwise".into()),
        JobResult::NotApplicable { reason } => Some(reason.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::{Command, Place, UnitName};

    fn unit() -> Unit {
        let mut unit = Unit::new(UnitName::new("a").expect("name"));
        unit.files.push("/etc/rung/units/a.service".into());
        unit.places.push(("Service.TimeoutStartSec", Place { file: 0, line: 9 }));
        let command =
            Command { words: ["/bin/false"].iter().collect(), place: Place { file: 0, line: 4 }, ..Command::default() };
        unit.service.commands.push((ExecKind::Start, command));
        unit
    }

    #[test]
    fn sentences_name_key_file_and_line() {
        let unit = unit();
        let exited = Outcome::Exited { kind: ExecKind::Start, index: 0, exit: ExitRecord::Code(3) };
        assert_eq!(reason(Some(&unit), &exited, None), "ExecStart= (/etc/rung/units/a.service:4) exited with status 3");
        let late = reason(Some(&unit), &Outcome::Timeout { phase: Phase::Start }, None);
        assert_eq!(late, "TimeoutStartSec= (/etc/rung/units/a.service:9) passed after 1min 30s: it was still starting");
        let stubborn = reason(Some(&unit), &Outcome::Timeout { phase: Phase::StopSignal }, None);
        assert!(stubborn.ends_with("passed after 1min 30s: it didn't end when it was told to"), "{stubborn}");
        let mut forking = unit.clone();
        forking.service.kind = ServiceType::Forking;
        forking.service.pid_file = Some("/run/a.pid".into());
        let late = reason(Some(&forking), &Outcome::Timeout { phase: Phase::Start }, None);
        assert!(late.ends_with("starting, it waited for its main process in /run/a.pid, PIDFile="), "{late}");
        let mut limited = unit.clone();
        limited.places.push(("Unit.JobTimeoutSec", Place { file: 0, line: 3 }));
        limited.places.push(("Unit.StartLimitBurst", Place { file: 0, line: 2 }));
        limited.places.sort_by_key(|(key, _)| *key);
        let often = reason(Some(&limited), &Outcome::StartLimit, None);
        assert!(
            often.ends_with("in 10 s (StartLimitBurst= /etc/rung/units/a.service:2, StartLimitIntervalSec=)"),
            "{often}"
        );
        let late = reason(Some(&limited), &Outcome::JobTimeout, None);
        assert_eq!(late, "the job took longer than JobTimeoutSec= (/etc/rung/units/a.service:3) allows");
        let db = UnitName::new("db").expect("name");
        let mut checks = unit.clone();
        checks.relations.requisite.push(db.clone());
        let lacks = reason(Some(&checks), &Outcome::Dependency { name: db }, None);
        assert_eq!(lacks, "db doesn't run, which has to run already (Requisite=)");
        assert_eq!(hint("a", false, &JobResult::Failed(exited.clone())).as_deref(), Some("initctl logs a -n 50"));
        let dependency = Outcome::Dependency { name: UnitName::new("b").expect("name") };
        assert_eq!(hint("a", false, &JobResult::Failed(dependency)).as_deref(), Some("initctl why b"));
        let masked = JobResult::Failed(Outcome::Config { reason: "a is masked".into() });
        assert_eq!(hint("a", true, &masked).as_deref(), Some("initctl unmask a"));
        assert_eq!(hint("a", false, &masked).as_deref(), Some("initctl verify a"));
        let mut script = unit.clone();
        script.source = Source::Script;
        script.source_path = Some(std::path::Path::new("/etc/init.d/a").into());
        assert_eq!(reason(Some(&script), &exited, None), "ExecStart= (/etc/init.d/a) exited with status 3");
        // A command of a drop-in is a person's again.
        script.files.push("/etc/rung/units/a.service.d/x.conf".into());
        script.service.commands[0].1.place = Place { file: 1, line: 2 };
        let told = reason(Some(&script), &exited, None);
        assert_eq!(told, "ExecStart= (/etc/rung/units/a.service.d/x.conf:2) exited with status 3");
    }
}
