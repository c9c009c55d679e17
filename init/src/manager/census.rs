//! The living processes of instances where there are no cgroups: descent, session, and the mark in the environment.
//!
//! To look through all processes is dear. What is asked of one moment shares one look ([`Census`]), and none is taken
//! where it is plain without that there is nobody.

use super::procs::{self, Stat};
use super::state::Manager;
use std::collections::BTreeMap;

/// The mark: an instance's token in the environment of its processes.
pub const MARK: &str = "RUNG_INSTANCE";

/// What was seen at one moment, as far as it was asked for.
#[derive(Debug, Default)]
pub struct Census {
    /// Whether PID 1 has children that it started for nobody.
    strangers: Option<bool>,
    all: Option<All>,
}

/// All processes that live, and those that bear a mark.
#[derive(Debug)]
struct All {
    /// By pid.
    table: Vec<Stat>,
    marks: BTreeMap<u64, Vec<i32>>,
}

impl All {
    fn new(pid1: i32) -> Self {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let mut table: Vec<Stat> = procs::all().into_iter().filter(|s| !s.zombie).collect();
        table.sort_unstable_by_key(|s| s.pid);
        let mut marks: BTreeMap<u64, Vec<i32>> = BTreeMap::new();
        for pid in table.iter().map(|s| s.pid).filter(|pid| ![pid1, own].contains(pid)) {
            if let Some(token) = procs::env(pid, MARK).and_then(|text| text.parse().ok()) {
                marks.entry(token).or_default().push(pid);
            }
        }
        Self { table, marks }
    }
}

impl Census {
    /// When a process that was found among all had started: by that it is known from one that got its pid later.
    pub fn start_time(&self, pid: i32) -> Option<u64> {
        let table = &self.all.as_ref()?.table;
        let place = table.binary_search_by_key(&pid, |s| s.pid).ok()?;
        table.get(place).map(|s| s.start_time)
    }
}

impl Manager {
    /// The living processes of an instance, now.
    pub fn members(&self, token: u64) -> Vec<i32> {
        self.members_by(&mut Census::default(), token)
    }

    /// The same at the moment of a census.
    pub fn members_by(&self, census: &mut Census, token: u64) -> Vec<i32> {
        let Some(unit) = self.core.token_unit(token) else { return Vec::new() };
        let view = self.core.view(unit);
        let headless = view.main_key.is_none() && view.control_key.is_none();
        if headless && !*census.strangers.get_or_insert_with(|| self.has_strangers()) {
            return Vec::new();
        }
        self.members_among_all(census, token)
    }

    /// The same, found among all processes, whatever is known without that.
    pub fn members_among_all(&self, census: &mut Census, token: u64) -> Vec<i32> {
        let roots = self.roots(token);
        let all = census.all.get_or_insert_with(|| All::new(self.machine.pid1));
        let mut found = procs::family(&all.table, &roots);
        found.extend(all.marks.get(&token).into_iter().flatten());
        found.into_iter().collect()
    }

    /// Whether an instance's main process lives, and has no children: where PID 1 has no strangers *afterwards*, there is
    /// nobody else. One that has ended may have left its children to PID 1 only just now.
    pub fn is_lone(&self, token: u64) -> bool {
        let roots = self.roots(token);
        let lone = |pid: &i32| procs::stat(*pid).is_some_and(|s| !s.zombie && procs::is_childless(&s));
        !roots.is_empty() && roots.iter().all(lone)
    }

    fn roots(&self, token: u64) -> Vec<i32> {
        let view = self.core.token_unit(token).map(|unit| self.core.view(unit));
        view.into_iter().flat_map(|view| view.main_pid.into_iter().chain(view.control_pid)).collect()
    }

    /// The same while what PID 1 has told is being handled: all of that has happened before, so one look serves it all.
    pub fn members_at_event(&mut self, token: u64) -> Vec<i32> {
        let Some(mut census) = self.census.take() else { return self.members(token) };
        let found = self.members_by(&mut census, token);
        self.census = Some(census);
        found
    }
}
