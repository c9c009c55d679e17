//! The shutdown that was asked for, and when PID 1 goes on alone with it. It lies in the table.

use super::table::{Field, Table};
use crate::proto::pid1::Power;

/// Set in the word for a deadline that PID 1 armed itself, at a signal.
const OWN: u64 = 1 << 15;
const BEGUN: u64 = 1;

/// The shutdown under way.
#[derive(Debug, Clone, Copy)]
pub struct Down(pub &'static Table);

impl Down {
    /// A shutdown has been asked for; past `at_ms` PID 1 acts alone. `own`: by a signal, while nobody has answered it.
    pub fn arm(self, how: Power, status: i32, at_ms: u64, own: bool) {
        if self.begun() || (own && self.0.head.down.get() != 0) {
            return;
        }
        let word = 1u64.saturating_add(how as u64) | if own { OWN } else { 0 };
        self.0.head.down.set(word | u64::from(u32::from_le_bytes(status.to_le_bytes())) << 32);
        self.0.head.down_at_ms.set(at_ms.max(2));
    }

    /// The manager has answered the signal: what follows is its own.
    pub fn answered(self) {
        if self.0.head.down.get() & OWN != 0 && !self.begun() {
            self.0.head.down_at_ms.set(0);
            self.0.head.down.set(0);
        }
    }

    /// The end itself begins.
    pub fn begin(self) {
        self.0.head.down_at_ms.set(BEGUN);
    }

    /// Whether the end has begun.
    pub fn begun(self) -> bool {
        self.0.head.down_at_ms.get() == BEGUN
    }

    /// How it ends and with what status, if one is under way.
    pub fn wanted(self) -> Option<(Power, i32)> {
        let word = self.0.head.down.get();
        let how = match word & 0xff {
            1 => Power::Halt,
            2 => Power::PowerOff,
            3 => Power::Reboot,
            _ => return None,
        };
        let [.., a, b, c, d] = word.to_le_bytes();
        Some((how, i32::from_le_bytes([a, b, c, d])))
    }

    /// The shutdown that the manager asked for.
    pub fn told(self) -> Option<Power> {
        self.wanted().filter(|_| self.0.head.down.get() & OWN == 0).map(|(how, _)| how)
    }

    /// When PID 1 goes on alone.
    pub fn deadline(self) -> Option<u64> {
        Some(self.0.head.down_at_ms.get()).filter(|at| *at > BEGUN)
    }
}
