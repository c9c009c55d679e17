//! What commands are told in their environment of how a run has ended.

use super::state::Manager;
use crate::core::{Ended, UnitId};
use crate::proto::words;
use crate::unit::{ExecKind, RestartMode, Unit};

/// `SERVICE_RESULT`, `EXIT_CODE`, `EXIT_STATUS`, with this before each name and these names for them. Pure.
fn ended(ended: &Ended, result: &str, prefix: &str) -> Vec<(String, String)> {
    let mut env = vec![(result.to_owned(), words::result(&ended.result).to_owned())];
    if let Some(exit) = ended.exit {
        let (code, status) = words::exit_words(exit);
        env.push((format!("{prefix}EXIT_CODE"), code.to_owned()));
        env.push((format!("{prefix}EXIT_STATUS"), status));
    }
    env
}

impl Manager {
    /// The name of an instance that differs from all others, also of other boots: `$INVOCATION_ID`.
    pub fn invocation(&self, token: u64) -> String {
        format!("{:016x}{:016x}", self.machine.boot_mark, token)
    }

    /// How the unit ended that has started this one by `OnFailure=` or `OnSuccess=`.
    fn monitored(&self, id: UnitId) -> Vec<(String, String)> {
        let Some(other) = self.core.monitored(id) else { return Vec::new() };
        let mut env = ended(other, "MONITOR_SERVICE_RESULT", "MONITOR_");
        env.push(("MONITOR_INVOCATION_ID".to_owned(), self.invocation(other.token)));
        env.push(("MONITOR_UNIT".to_owned(), other.unit.as_str().to_owned()));
        env
    }

    /// What a command of this kind is told beside what every process is.
    pub fn told(&self, id: UnitId, unit: &Unit, kind: ExecKind) -> Vec<(String, String)> {
        let mut env = match kind {
            ExecKind::Stop | ExecKind::StopPost => ended(&self.core.end_of(id), "SERVICE_RESULT", ""),
            ExecKind::Condition | ExecKind::StartPre | ExecKind::Start | ExecKind::StartPost => self.monitored(id),
            _ => Vec::new(),
        };
        if unit.service.ending.restart_mode == RestartMode::Debug && self.core.is_restart(id) {
            env.push(("DEBUG_INVOCATION".to_owned(), "1".to_owned()));
        }
        env
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{ExitRecord, Outcome};
    use crate::unit::UnitName;

    /// The rows of systemd.exec(5), "$EXIT_CODE, $EXIT_STATUS", that don't need a process.
    #[test]
    fn ends_are_told_in_systemd_s_words() {
        let told = |result: Outcome, exit: Option<ExitRecord>| {
            let unit = UnitName::new("a.service").expect("name");
            let list = ended(&Ended { unit, token: 16, result, exit }, "SERVICE_RESULT", "");
            list.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        let exited = |exit| Outcome::Exited { kind: ExecKind::Start, index: 0, exit };
        for (exit, wanted) in [
            (ExitRecord::Code(3), "SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=3"),
            (ExitRecord::Signal(15), "SERVICE_RESULT=signal EXIT_CODE=killed EXIT_STATUS=TERM"),
            (ExitRecord::Core(11), "SERVICE_RESULT=core-dump EXIT_CODE=dumped EXIT_STATUS=SEGV"),
        ] {
            assert_eq!(told(exited(exit), Some(exit)), wanted);
        }
        let (killed, clean) = (Some(ExitRecord::Signal(9)), Some(ExitRecord::Code(0)));
        assert_eq!(told(Outcome::Watchdog, killed), "SERVICE_RESULT=watchdog EXIT_CODE=killed EXIT_STATUS=KILL");
        assert_eq!(told(Outcome::Success, clean), "SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0");
        assert_eq!(told(Outcome::Protocol, None), "SERVICE_RESULT=protocol");
    }
}
