//! Replies → text. Pure: no I/O, no clock, no terminal; all of that comes in as arguments.

pub mod amount;
pub mod blame;
pub mod boot;
pub mod branch;
pub mod history;
pub mod jobs;
pub mod keys;
pub mod levels;
pub mod list;
pub mod plan;
pub mod progress;
pub mod ps;
pub mod sheet;
pub mod show;
pub mod status;
pub mod system;
pub mod table;
pub mod time;
pub mod top;
pub mod tree;
pub mod verify;
pub mod why;

use crate::terminal::Paint;
use init::core::State;
use init::proto::control::{LoadState, UnitStatus};
use init::proto::words;

/// Text from elsewhere (descriptions, status lines) made harmless: control characters are escaped.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// [`clean`] for texts that may have several lines.
pub fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

/// `; did you mean a or b?`, to stand behind what was mistyped; nothing where no name is near.
pub fn did_you_mean<T: AsRef<str>>(near: &[T]) -> String {
    let names: Vec<&str> = near.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

/// The one word for how a unit stands: its state, or what is wrong with its file when it doesn't run.
pub fn word(unit: &UnitStatus) -> &'static str {
    match (unit.state, unit.load) {
        (State::Inactive, LoadState::Missing) => "missing",
        (State::Inactive, LoadState::Bad) => "bad",
        (State::Inactive, LoadState::Masked) => "masked",
        (state, _) => words::state(state),
    }
}

/// The colour of that word.
pub fn paint(unit: &UnitStatus) -> Paint {
    match (unit.state, unit.load) {
        (State::Active, _) => Paint::Good,
        (State::Failed, _) | (State::Inactive, LoadState::Bad) => Paint::Bad,
        (State::Activating | State::Deactivating | State::Reloading, _) => Paint::Busy,
        (State::Inactive, _) => Paint::Dim,
    }
}

#[cfg(test)]
pub mod samples {
    //! Units to render in tests.
    use init::core::{ExitRecord, Outcome, Phase, State};
    use init::proto::control::UnitStatus;
    use init::unit::{ExecKind, UnitName};

    /// A moment: 2026-11-23 01:20:00 UTC.
    pub const NOW: u64 = 1_795_396_800_000;

    /// A name.
    pub fn name(text: &str) -> UnitName {
        UnitName::new(text).expect("a name")
    }

    /// A unit that doesn't run.
    pub fn idle(text: &str) -> UnitStatus {
        UnitStatus {
            description: format!("The {text} daemon"),
            files: vec![format!("/usr/lib/rung/units/{text}.service")],
            settings: vec![("Type".into(), "simple".into())],
            ..UnitStatus::of(name(text))
        }
    }

    /// One that runs.
    pub fn running(text: &str) -> UnitStatus {
        UnitStatus {
            state: State::Active,
            phase: Phase::Running,
            since_ms: Some(NOW - 300_000),
            main_pid: Some(812),
            pids: vec![812, 813],
            levels: "2345".into(),
            after: vec![name("network.target"), name("syslog")],
            ..idle(text)
        }
    }

    /// One that has failed.
    pub fn failed(text: &str) -> UnitStatus {
        UnitStatus {
            state: State::Failed,
            since_ms: Some(NOW - 7_200_000),
            restarts: 5,
            last_exit: Some(ExitRecord::Core(11)),
            outcome: Some(Outcome::Exited { kind: ExecKind::Start, index: 0, exit: ExitRecord::Core(11) }),
            reason: Some("ExecStart (/etc/rung/units/x.service:4) was killed by SIGSEGV".into()),
            levels: "3".into(),
            ..idle(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_can_not_drive_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{9b}d\t."), "a\\u{1b}[2Jb\\nc\\u{9b}d\t.");
    }
}
