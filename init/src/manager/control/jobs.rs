//! `Jobs`: what is under way; and what follows for the whole machine when somebody changes how a stop goes on.

use super::status::definition;
use crate::core::course::MAX_WAIT;
use crate::core::{State, UnitId};
use crate::manager::state::Manager;
use crate::manager::{procs, sentence};
use crate::proto::control::{AskJobs, Job, Jobs};
use crate::proto::pid1::Request;
use crate::sys::wait;

/// Logs are read for so many units at most: a question must not keep the manager long.
const LOGS: usize = 8;
/// PID 1 acts alone this long after the last service's own limit, where that was put off.
const GRACE: u64 = 10_000;

impl Manager {
    /// Every job, and what goes down without one.
    pub(super) fn jobs(&self, ask: &AskJobs) -> Jobs {
        let now = wait::now_ms();
        let busy = |id: &UnitId| {
            let view = self.core.view(*id);
            view.job.is_some() || view.phase.goes_down()
        };
        let mut ids: Vec<UnitId> = self.core.ids().filter(busy).collect();
        ids.sort_by_key(|id| self.core.name(*id));
        let mut jobs: Vec<Job> = ids.into_iter().map(|id| self.job(id, now)).collect();
        if ask.logs {
            for job in jobs.iter_mut().filter(|j| j.stopping).take(LOGS) {
                job.log = self.last_lines(&job.name);
            }
        }
        let runlevel = self.runlevel();
        Jobs {
            going_down: runlevel.going_down,
            switching_to: runlevel.switching_to,
            deadline_in_ms: self.going.map(|g| g.deadline.saturating_sub(now)),
            jobs,
            pid_namespace: procs::namespace(),
        }
    }

    fn job(&self, id: UnitId, now: u64) -> Job {
        let view = self.core.view(id);
        let unit = definition(&view);
        let waits_for: Vec<_> = self.core.waits_for(id).iter().map(|id| self.core.name(*id).clone()).collect();
        let works = waits_for.is_empty();
        Job {
            name: view.name.clone(),
            description: unit.map(|u| u.description().to_owned()).unwrap_or_default(),
            job: view.job.map(|(word, _)| word.to_owned()),
            phase: view.phase,
            doing: sentence::doing(unit, view.phase, self.core.control_command(id)),
            stopping: view.phase.goes_down(),
            for_ms: now.saturating_sub(view.since),
            timeout_in_ms: view.deadline.filter(|_| works).map(|at| at.saturating_sub(now)),
            pids: if view.token.is_some() { self.pids(id) } else { Vec::new() },
            main_pid: view.main_pid,
            waits_for,
            log: Vec::new(),
        }
    }

    /// Somebody has given a stop more time: on the way down of the machine PID 1 waits for that too, up to an hour after
    /// the shutdown was asked for.
    pub(super) fn put_off_end(&mut self) {
        let now = wait::now_ms();
        let (Some(begun), Some(going)) = (self.core.switching_since(), &mut self.going) else { return };
        let views = self.core.ids().map(|id| self.core.view(id));
        let limits = views.filter(|v| v.state == State::Deactivating).filter_map(|v| v.deadline);
        let Some(last) = limits.max() else { return };
        let wanted = last.saturating_add(GRACE).min(begun.saturating_add(MAX_WAIT));
        if wanted > going.deadline {
            going.deadline = wanted;
            let deadline_ms = u32::try_from(wanted.saturating_sub(now)).unwrap_or(u32::MAX);
            self.link.send(Request::Later { deadline_ms }, Vec::new());
        }
    }
}
