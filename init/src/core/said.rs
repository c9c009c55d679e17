//! What a service has said of itself, and what of it is kept.

use super::service::Service;
use super::{Core, Input, Millis, Notice, UnitId};
use crate::core::Action;
use crate::unit::NotifyAccess;
use crate::unit::rare::usual;
use serde::{Deserialize, Serialize};

usual!(Said);

/// The last word of each kind of this run, or, once it is over, of the last one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    /// `STATUS=`
    pub status: Option<String>,
    /// `ERRNO=`
    pub errno: Option<i32>,
    /// `EXIT_STATUS=`
    pub exit_status: Option<String>,
    /// `BUSERROR=`
    pub bus_error: Option<String>,
    /// `NOTIFYACCESS=`: counts in place of the unit's key.
    pub access: Option<NotifyAccess>,
    /// `WATCHDOG_USEC=`: counts in place of `WatchdogSec=`; 0: no watchdog.
    pub watchdog: Option<Millis>,
}

impl Said {
    fn keep(&mut self, notice: Notice) {
        match notice {
            Notice::Status(text) => self.status = Some(text),
            Notice::Errno(errno) => self.errno = Some(errno),
            Notice::ExitStatus(text) => self.exit_status = Some(text),
            Notice::BusError(text) => self.bus_error = Some(text),
            Notice::Access(access) => self.access = Some(access),
            _ => {}
        }
    }
}

impl Core {
    /// Takes in what an instance has said, in order.
    pub(super) fn notify(&mut self, token: u64, notices: Vec<Notice>, out: &mut Vec<Action>) {
        for notice in notices {
            // The instance may end by one of them.
            let Some(id) = self.token_unit(token) else { return };
            let input = match notice {
                Notice::Ready => Input::Ready,
                Notice::Reloading(at) => Input::Reloading(at),
                Notice::Stopping => Input::Stopping,
                Notice::MainPid { pid, start_time } => Input::Named(pid, start_time),
                Notice::Extend(time) => Input::Extend(time),
                Notice::Trigger => Input::Starved,
                Notice::WatchdogEvery(period) => Input::WatchdogEvery(period),
                Notice::Alive => {
                    self.feed_watchdog(id);
                    continue;
                }
                kept => {
                    self.units.get_mut(id).service.said.keep(kept);
                    continue;
                }
            };
            self.drive(id, input, out);
        }
    }

    /// `WATCHDOG=1` comes often, and its time is held against nobody after a restore: it isn't journalled.
    fn feed_watchdog(&mut self, id: UnitId) {
        let (unit, now) = (self.units.get(id).unit(), self.now);
        let service: &mut Service = &mut self.units.scratch(id).service;
        let before = service.due();
        service.feed_watchdog(&unit, now);
        let after = service.due();
        if before != after {
            self.deadlines.extend(after.map(|at| (at, id)));
            if let Some(at) = before {
                self.deadlines.remove(&(at, id));
            }
        }
    }
}
