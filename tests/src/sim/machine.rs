//! PID 1 and the processes, as far as the core can tell: slots that keep an end until it is acknowledged, and processes
//! that exit, crash, fork, hang, ignore SIGTERM, are ready late or never.

use super::rng::Rng;
use super::talk::{self, Words};
use init::core::{Millis, UnitId};
use init::proto::pid1::{Exit, Key, Life};
use init::unit::{ExecKind, Service, ServiceType, UnitName};
use std::collections::{BTreeMap, BTreeSet};

const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Whose.
    pub unit: UnitName,
    /// Its slot, if it has one.
    pub key: Option<Key>,
    /// Takes no notice of signals that can be caught.
    pub stubborn: bool,
}

/// A slot of PID 1.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Whose.
    pub unit: UnitName,
    /// Its process.
    pub pid: i32,
    /// Where it stands.
    pub life: Life,
}

/// Something that will happen in the machine.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A process gets past `execve`.
    Exec(i32),
    /// A process ends.
    End(i32, Exit),
    /// A service says something.
    Says(u64, Words),
    /// A process names another one of its unit as the main one.
    MainPid(u64, i32),
    /// Somebody has looked at the paths of an instance's conditions.
    Looked(u64),
}

/// What the machine tells the manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A slot has changed.
    Slot(Key),
    /// Notices.
    Says(u64, Words),
    /// `MAINPID=`
    MainPid(u64, i32),
    /// An instance's conditions have been looked at.
    Looked(u64),
    /// Somebody has died: watches may fire.
    Nothing,
}

/// Slots and processes.
#[derive(Debug, Default)]
pub struct Machine {
    /// By key.
    pub slots: BTreeMap<Key, Slot>,
    /// Living ones, by pid.
    pub processes: BTreeMap<i32, Process>,
    /// Every key that ever had a slot.
    pub used: BTreeSet<Key>,
    /// What will happen, in order.
    pub agenda: BTreeMap<(Millis, u64), Deed>,
    /// The daemon of an instance of `Type=forking`.
    pub daemons: BTreeMap<u64, i32>,
    /// Highest token seen.
    pub highest: u64,
    next_pid: i32,
    next_deed: u64,
}

impl Machine {
    /// An instance's conditions will have been looked at by then.
    pub fn look(&mut self, at: Millis, token: u64) {
        self.plan(at, Deed::Looked(token));
    }

    fn plan(&mut self, at: Millis, deed: Deed) {
        self.next_deed += 1;
        self.agenda.insert((at, self.next_deed), deed);
    }

    fn fork(&mut self, rng: &mut Rng, unit: &UnitName, key: Option<Key>) -> i32 {
        self.next_pid += 1;
        let process = Process { unit: unit.clone(), key, stubborn: rng.percent(12) };
        self.processes.insert(self.next_pid, process);
        self.next_pid
    }

    /// A slot and its process, with all that it is going to do.
    pub fn spawn(&mut self, rng: &mut Rng, unit: &UnitName, key: Key, kind: ExecKind, service: &Service, now: Millis) {
        let pid = self.fork(rng, unit, Some(key));
        self.used.insert(key);
        self.highest = self.highest.max(key.token);
        self.slots.insert(key, Slot { unit: unit.clone(), pid, life: Life::Forked });
        let exec = now + rng.below(20);
        if rng.percent(3) {
            self.plan(exec, Deed::End(pid, Exit::NotRun { stage: 2, errno: 2 }));
            return;
        }
        self.plan(exec, Deed::Exec(pid));
        let soon = exec + rng.below(300);
        let exit = rng.pick(&[Exit::Code(0), Exit::Code(1), Exit::Signal(11), Exit::Code(0)]).unwrap_or(Exit::Unknown);
        let ty = service.kind;
        if kind == ExecKind::Start {
            self.talk(key.token, talk::life(rng, service, exec));
        }
        if kind == ExecKind::Start && !matches!(ty, ServiceType::Oneshot | ServiceType::Forking | ServiceType::Script) {
            if rng.percent(10) {
                self.fork(rng, unit, None);
            }
            if rng.percent(4) {
                let other = self.fork(rng, unit, None);
                self.plan(soon, Deed::MainPid(key.token, other));
            }
            match rng.below(10) {
                0..=5 => {}
                6 => self.plan(soon, Deed::End(pid, exit)),
                _ => self.plan(soon + rng.below(20_000), Deed::End(pid, exit)),
            }
            return;
        }
        if kind == ExecKind::Start && ty == ServiceType::Forking && rng.percent(85) {
            let daemon = self.fork(rng, unit, None);
            self.daemons.insert(key.token, daemon);
            if rng.percent(40) {
                self.plan(soon + rng.below(5000), Deed::End(daemon, exit));
            }
        }
        if kind == ExecKind::Start && ty == ServiceType::Script {
            // None, one, or several, that end one by one.
            for _ in 0..rng.pick(&[0, 1, 1, 1, 2, 3]).unwrap_or(1) {
                let daemon = self.fork(rng, unit, None);
                if rng.percent(30) {
                    self.daemons.insert(key.token, daemon);
                }
                if rng.percent(50) {
                    self.plan(soon + rng.below(6000), Deed::End(daemon, exit));
                }
            }
            if rng.percent(10) {
                let skip = rng.pick(&[5, 6]).unwrap_or(5);
                return self.plan(soon, Deed::End(pid, Exit::Code(skip)));
            }
        }
        match rng.below(20) {
            0 => {}
            1..=3 => self.plan(soon, Deed::End(pid, exit)),
            _ => self.plan(soon, Deed::End(pid, Exit::Code(0))),
        }
    }

    /// A process of a unit that nobody here has started; it may end by itself.
    pub fn stray(&mut self, rng: &mut Rng, unit: &UnitName, now: Millis) -> i32 {
        let pid = self.fork(rng, unit, None);
        if rng.percent(50) {
            self.plan(now + rng.below(5000), Deed::End(pid, Exit::Code(0)));
        }
        pid
    }

    /// A process, not the unit's own, that runs a verb of its script: the pid, and that of the daemon that it starts, if it
    /// does, after it has ended the one before.
    pub fn verb(
        &mut self,
        rng: &mut Rng,
        unit: &UnitName,
        main: Option<i32>,
        now: Millis,
    ) -> Option<(i32, Option<i32>)> {
        let somebody = self.fork(rng, &UnitName::new("somebody").ok()?, None);
        let over = now + 200 + rng.below(4000);
        self.plan(over, Deed::End(somebody, Exit::Code(0)));
        if let Some(main) = main.filter(|_| rng.percent(80)) {
            let exit = rng.pick(&[Exit::Code(0), Exit::Code(1), Exit::Signal(15)]).unwrap_or(Exit::Unknown);
            self.plan(now + rng.below(200), Deed::End(main, exit));
        }
        let daemon = rng.percent(60).then(|| self.fork(rng, unit, None));
        Some((somebody, daemon))
    }

    /// Has an instance say something later.
    pub fn talk(&mut self, token: u64, said: Vec<(Millis, Words)>) {
        for (at, words) in said {
            self.plan(at, Deed::Says(token, words));
        }
    }

    /// A slot for a process that is there, or has just died.
    pub fn adopt(&mut self, unit: &UnitName, key: Key, pid: i32) {
        self.used.insert(key);
        self.highest = self.highest.max(key.token);
        let life = match self.processes.get_mut(&pid) {
            Some(process) => {
                process.key = Some(key);
                Life::Running
            }
            None => Life::Over(Exit::Unknown),
        };
        self.slots.insert(key, Slot { unit: unit.clone(), pid, life });
    }

    /// The processes of a unit.
    pub fn group(&self, unit: &UnitName) -> Vec<i32> {
        self.processes.iter().filter(|(_, p)| p.unit == *unit).map(|(pid, _)| *pid).collect()
    }

    /// A signal for one process.
    pub fn signal(&mut self, rng: &mut Rng, pid: i32, signal: i32, now: Millis) {
        let Some(process) = self.processes.get(&pid) else { return };
        if signal == SIGCONT || (signal != SIGKILL && process.stubborn) {
            return;
        }
        // Now and then one hangs in the kernel for good.
        if signal == SIGKILL && rng.percent(1) {
            return;
        }
        self.plan(now + rng.below(40), Deed::End(pid, Exit::Signal(signal)));
    }

    /// Lets happen what is next on the agenda.
    pub fn happen(&mut self, deed: Deed) -> Told {
        match deed {
            Deed::Says(token, words) => Told::Says(token, words),
            Deed::MainPid(token, pid) if self.processes.contains_key(&pid) => Told::MainPid(token, pid),
            Deed::MainPid(..) => Told::Nothing,
            Deed::Looked(token) => Told::Looked(token),
            Deed::Exec(pid) => self.change(pid, Life::Running),
            Deed::End(pid, exit) => {
                let told = self.change(pid, Life::Over(exit));
                self.processes.remove(&pid);
                told
            }
        }
    }

    fn change(&mut self, pid: i32, life: Life) -> Told {
        let Some(key) = self.processes.get(&pid).and_then(|p| p.key) else { return Told::Nothing };
        match self.slots.get_mut(&key) {
            Some(slot) => {
                slot.life = life;
                Told::Slot(key)
            }
            None => Told::Nothing,
        }
    }
}

/// Who waits for a unit's processes to be gone.
pub type Watches = BTreeSet<(u64, UnitId)>;
