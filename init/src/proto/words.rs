//! Names for numbers: signals, exits, outcomes, as people read them everywhere in Rung.

use crate::core::{ExitRecord, Outcome, Phase, State};
use crate::unit::{exit_status, scalar};
use nix::errno::Errno;

/// `SIGTERM`, `SIGRTMIN+3`; `signal 99` for what is none.
pub fn signal_name(number: i32) -> String {
    let name = scalar::show_signal(number);
    if name.starts_with("SIG") { name } else { format!("signal {name}") }
}

/// Reads `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3`, `SIGRTMAX-1`. `None` for anything else, and for 0.
pub fn signal_number(text: &str) -> Option<i32> {
    scalar::signal(text.trim()).ok()
}

/// `exited with status 3`, `killed by SIGSEGV (core dumped)`, …
pub fn exit(record: ExitRecord) -> String {
    match record {
        ExitRecord::Code(0) => "exited normally".to_owned(),
        ExitRecord::Code(code) => format!("exited with status {code}"),
        ExitRecord::Signal(n) => format!("killed by {}", signal_name(n)),
        ExitRecord::Core(n) => format!("killed by {} (core dumped)", signal_name(n)),
        // No plan could be made: why is told elsewhere.
        ExitRecord::NotRun { errno: 0, .. } => "could not be run".to_owned(),
        ExitRecord::NotRun { errno, .. } => format!("could not be run: {}", errno_text(errno)),
        ExitRecord::Unknown => "ended, nobody saw how".to_owned(),
    }
}

/// `No such file or directory`, …
pub fn errno_text(errno: i32) -> &'static str {
    Errno::from_raw(errno).desc()
}

/// An outcome as a fragment: `ExecStart exited with status 3`, `took too long to start`, …
pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success => "ended as it should".to_owned(),
        Outcome::Exited { kind, index: 0, exit: record } => format!("{} {}", kind.key(), exit(*record)),
        Outcome::Exited { kind, index, exit: record } => {
            format!("{} (command {}) {}", kind.key(), index.saturating_add(1), exit(*record))
        }
        Outcome::Timeout { phase } => format!("took too long: {}", phase_text(*phase)),
        Outcome::Protocol => "was gone before it was ready".to_owned(),
        Outcome::Watchdog => "said nothing for longer than WatchdogSec= allows".to_owned(),
        Outcome::StartLimit => "was started too often (StartLimitBurst=)".to_owned(),
        Outcome::Config { reason } | Outcome::Skipped { reason, .. } | Outcome::Assert { reason } => reason.clone(),
        Outcome::Dependency { name } => format!("{name}, which it requires, failed"),
        Outcome::JobTimeout => "the job took too long".to_owned(),
        Outcome::Abandoned { phase } => format!("left running on request: {}", phase_text(*phase)),
    }
}

/// An outcome in systemd's words, as in `$SERVICE_RESULT`; `dependency` is Rung's own.
pub fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        skip if skip.is_skip() => "exec-condition",
        Outcome::Success => "success",
        Outcome::Exited { exit: ExitRecord::Signal(_), .. } => "signal",
        Outcome::Exited { exit: ExitRecord::Core(_), .. } => "core-dump",
        Outcome::Exited { .. } => "exit-code",
        Outcome::Timeout { .. } | Outcome::Abandoned { .. } => "timeout",
        Outcome::Protocol => "protocol",
        Outcome::Watchdog => "watchdog",
        Outcome::StartLimit => "start-limit-hit",
        Outcome::Dependency { .. } => "dependency",
        _ => "resources",
    }
}

/// How a process ended in systemd's words: `$EXIT_CODE` and `$EXIT_STATUS`.
pub fn exit_words(exit: ExitRecord) -> (&'static str, String) {
    let signal = |n: i32| signal_name(n).trim_start_matches("SIG").to_owned();
    match exit {
        ExitRecord::Code(code) => ("exited", code.to_string()),
        ExitRecord::Signal(n) => ("killed", signal(n)),
        ExitRecord::Core(n) => ("dumped", signal(n)),
        ExitRecord::NotRun { .. } => ("exited", exit_status::EXEC.to_string()),
        ExitRecord::Unknown => ("exited", "0".to_owned()),
    }
}

/// What a service is doing, as a fragment.
pub fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Dead => "not running",
        Phase::Check => "its conditions are looked at",
        Phase::Condition => "ExecCondition runs",
        Phase::StartPre => "ExecStartPre runs",
        Phase::Start => "starting",
        Phase::StartPost => "ExecStartPost runs",
        Phase::Running => "running",
        Phase::Exited => "done",
        Phase::Reload => "reloading",
        Phase::Stop => "ExecStop runs",
        Phase::StopSignal | Phase::FinalSignal => "told to end",
        Phase::StopAbort => "told to abort",
        Phase::StopKill | Phase::FinalKill => "being killed",
        Phase::StopPost => "ExecStopPost runs",
        Phase::AutoRestart => "waiting for its restart",
    }
}

/// `active`, `failed`, …: systemd's words.
pub fn state(state: State) -> &'static str {
    match state {
        State::Inactive => "inactive",
        State::Activating => "activating",
        State::Active => "active",
        State::Reloading => "reloading",
        State::Deactivating => "deactivating",
        State::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::ExecKind;

    #[test]
    fn signals_have_names_and_names_have_signals() {
        for number in (1..=31).chain(34..=64) {
            assert_eq!(signal_number(&signal_name(number)), Some(number), "{number}");
            assert_eq!(signal_number(&number.to_string()), Some(number));
        }
        for (text, number) in [("term", 15), ("SIGPOLL", 29), ("RTMIN+3", 37), ("sigrtmax-1", 63), ("RTMAX", 64)] {
            assert_eq!(signal_number(text), Some(number), "{text}");
        }
        for text in ["", "SIG", "0", "65", "-1", "RTMIN+31", "RTMIN3", "RTMAX-99", "BOGUS"] {
            assert_eq!(signal_number(text), None, "{text}");
        }
        assert_eq!((signal_name(99), signal_name(-1)), ("signal 99".to_owned(), "signal -1".to_owned()));
        assert_eq!((libc::SIGSYS, libc::SIGRTMIN(), libc::SIGRTMAX()), (31, 34, 64));
    }

    #[test]
    fn exits_read_as_sentences() {
        assert_eq!(exit(ExitRecord::Core(11)), "killed by SIGSEGV (core dumped)");
        assert_eq!(exit(ExitRecord::NotRun { stage: 3, errno: 2 }), "could not be run: No such file or directory");
        assert_eq!(exit(ExitRecord::NotRun { stage: 0, errno: 0 }), "could not be run");
        let outcome_text = outcome(&Outcome::Exited { kind: ExecKind::StartPre, index: 1, exit: ExitRecord::Code(3) });
        assert_eq!(outcome_text, "ExecStartPre (command 2) exited with status 3");
    }

    #[test]
    fn state_words_are_the_wire_s() {
        for s in
            [State::Inactive, State::Activating, State::Active, State::Reloading, State::Deactivating, State::Failed]
        {
            assert_eq!(serde_json::to_value(s).expect("json"), state(s));
        }
    }
}
