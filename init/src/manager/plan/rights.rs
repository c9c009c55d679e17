//! The steps about scheduling, and about what a process may do.

use super::Builder;
use crate::proto::plan::{Ids, Setting, Step};
use crate::unit::scheduling::{IoClass, Policy};
use crate::unit::{Keyring, Privilege, Source};

/// `SCHED_RESET_ON_FORK`
const RESET_ON_FORK: i32 = 0x4000_0000;
/// The middle of the levels of a class.
const IO_NORMAL: i32 = 4;

impl Builder<'_, '_> {
    fn set(&mut self, key: &'static str, doing: &'static str, what: Setting, value: u64) {
        self.push(key, doing, Step::Set { what, value });
    }

    /// What single system calls set while there is all privilege.
    pub(super) fn scheduling(&mut self) {
        let wanted = &self.inputs.unit.service.scheduling;
        if wanted.policy.is_some() || wanted.priority.is_some() || wanted.reset_on_fork {
            let policy = wanted.policy.unwrap_or(Policy::Other);
            let real_time = matches!(policy, Policy::Fifo | Policy::Rr);
            let priority = if real_time { wanted.priority.unwrap_or(1) } else { 0 };
            let policy = policy as i32 | if wanted.reset_on_fork { RESET_ON_FORK } else { 0 };
            self.push("CPUSchedulingPolicy", "set the scheduling policy", Step::Scheduler { policy, priority });
        }
        if !wanted.affinity.0.is_empty() {
            let mask = wanted.affinity.mask();
            self.push("CPUAffinity", "choose the CPUs", Step::Affinity { cpus: Ids::new(&mask) });
        }
        if wanted.io_class.is_some() || wanted.io_priority.is_some() {
            let class = wanted.io_class.unwrap_or(IoClass::BestEffort);
            let level = wanted.io_priority.unwrap_or(IO_NORMAL).unsigned_abs();
            let level = if matches!(class, IoClass::RealTime | IoClass::BestEffort) { level } else { 0 };
            let value = (class as u64) << 13 | u64::from(level);
            self.set("IOSchedulingClass", "set the I/O priority", Setting::IoPriority, value);
        }
        if let Some(slack) = wanted.timer_slack {
            self.set("TimerSlackNSec", "set the timer slack", Setting::TimerSlack, slack.0);
        }
        if let Some(personality) = wanted.personality {
            self.set("Personality", "set the personality", Setting::Personality, personality as u64);
        }
        if let Some(filter) = wanted.coredump_filter {
            self.set("CoredumpFilter", "set the filter of core dumps", Setting::CoredumpFilter, filter.0);
        }
        if let Some(merge) = wanted.memory_merge {
            self.set("MemoryKSM", "choose whether memory is merged", Setting::MemoryMerge, merge.into());
        }
    }

    /// Groups, user and capabilities, in the order in which each is still allowed. The prefix `!` leaves user and groups as
    /// they are, `+` the rest too.
    pub(super) fn rights(&mut self) {
        let unit = self.inputs.unit;
        let wanted = &unit.service.privileges;
        let restricted = self.privilege() != Privilege::Full;
        let ambient = if restricted { wanted.ambient.0 & wanted.bounding.0 } else { 0 };
        if restricted && wanted.secure_bits.0 != 0 {
            self.set("SecureBits", "set the secure bits", Setting::SecureBits, wanted.secure_bits.0.into());
        }
        if restricted && wanted.bounding.0 != u64::MAX {
            self.set("CapabilityBoundingSet", "drop capabilities", Setting::BoundingSet, wanted.bounding.0);
        }
        let changes = self.privilege() == Privilege::Restricted && self.inputs.identity.uid.is_some_and(|id| id != 0);
        if ambient != 0 && changes {
            self.set("AmbientCapabilities", "keep capabilities", Setting::KeepCapabilities, 1);
        }
        self.identity();
        if ambient != 0 {
            self.set("AmbientCapabilities", "raise ambient capabilities", Setting::AmbientSet, ambient);
        }
        let keyring = Some(wanted.keyring).filter(|_| unit.source != Source::Generated);
        match keyring {
            Some(Keyring::Private) => self.set("KeyringMode", "begin a keyring", Setting::Keyring, 0),
            Some(Keyring::Shared) => self.set("KeyringMode", "begin a keyring", Setting::Keyring, 1),
            Some(Keyring::Inherit) | None => {}
        }
        if restricted && wanted.no_new {
            self.set("NoNewPrivileges", "give up new privileges", Setting::NoNewPrivileges, 1);
        }
    }
}
