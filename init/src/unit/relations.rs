//! What a unit means to others beside order and need: who comes, goes and is reloaded with whom, and for how long a job
//! may wait. The keys and their meaning are those of systemd.unit(5); [`Relations::return_with_dependency`] and
//! [`Relations::start_after`] are our own.

use super::{Unit, UnitName};
use std::time::Duration;

/// The rarer keys of `[Unit]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relations {
    /// `BindsTo=`: as `Requires=`, and stop when these stop, however they do.
    pub binds_to: Vec<UnitName>,
    /// `PartOf=`: stop and restart with these.
    pub part_of: Vec<UnitName>,
    /// `Requisite=`: fail at once unless these are up.
    pub requisite: Vec<UnitName>,
    /// `Upholds=`: as `Wants=`, and start these again whenever they are down.
    pub upholds: Vec<UnitName>,
    /// `OnFailure=`: start these when the unit has failed.
    pub on_failure: Vec<UnitName>,
    /// `OnSuccess=`: start these when the unit has ended well.
    pub on_success: Vec<UnitName>,
    /// `PropagatesStopTo=`: stop these with it.
    pub propagates_stop_to: Vec<UnitName>,
    /// `StopPropagatedFrom=`: stop with these.
    pub stop_propagated_from: Vec<UnitName>,
    /// `PropagatesReloadTo=`: reload these with it.
    pub propagates_reload_to: Vec<UnitName>,
    /// `ReloadPropagatedFrom=`: reload with these.
    pub reload_propagated_from: Vec<UnitName>,
    /// `JobTimeoutSec=`: how long a job may take in all. `None`: as long as it likes.
    pub job_timeout: Option<Duration>,
    /// `JobRunningTimeoutSec=`: how long it may take once it has begun. `None`: as long as it likes.
    pub job_running_timeout: Option<Duration>,
    /// `DefaultDependencies=`; yes.
    pub default_dependencies: bool,
    /// `RefuseManualStart=`
    pub refuse_manual_start: bool,
    /// `RefuseManualStop=`
    pub refuse_manual_stop: bool,
    /// `StopWhenUnneeded=`
    pub stop_when_unneeded: bool,
    /// `ReturnWithDependency=`; yes. Whether a unit that isn't up for want of another comes back with that one.
    pub return_with_dependency: bool,
    /// `StartAfter=`: it comes after these when it starts; when they stop, neither waits for the other.
    pub start_after: Vec<UnitName>,
    /// By the header of the init script that the unit stands for: it comes after these, unless unit files have it otherwise.
    pub script_after: Vec<UnitName>,
    /// In the same way: it comes before these.
    pub script_before: Vec<UnitName>,
}

impl Unit {
    /// This definition, with all of another that counts at once and not from the next start on: what the unit means to
    /// others, where it belongs, where it stands.
    #[must_use]
    pub fn with_relations_of(&self, file: &Self) -> Self {
        let Self { after, before, requires, wants, conflicts, relations, install, .. } = file.clone();
        let Self { runlevels, source_path, files, places, .. } = file.clone();
        let own = self.clone();
        Self {
            after,
            before,
            requires,
            wants,
            conflicts,
            relations,
            install,
            runlevels,
            source_path,
            files,
            places,
            ..own
        }
    }

    /// Whether a restart would change what runs by this definition, now that the file says another.
    pub fn is_outdated_by(&self, file: &Self) -> bool {
        // By what the keys say: each command also knows its line, which any line above it moves.
        self != file && super::settings(&self.with_relations_of(file)) != super::settings(file)
    }
}

impl Default for Relations {
    fn default() -> Self {
        Self {
            binds_to: Vec::new(),
            part_of: Vec::new(),
            requisite: Vec::new(),
            upholds: Vec::new(),
            on_failure: Vec::new(),
            on_success: Vec::new(),
            propagates_stop_to: Vec::new(),
            stop_propagated_from: Vec::new(),
            propagates_reload_to: Vec::new(),
            reload_propagated_from: Vec::new(),
            job_timeout: None,
            job_running_timeout: None,
            default_dependencies: true,
            refuse_manual_start: false,
            refuse_manual_stop: false,
            stop_when_unneeded: false,
            return_with_dependency: true,
            start_after: Vec::new(),
            script_after: Vec::new(),
            script_before: Vec::new(),
        }
    }
}

impl Relations {
    /// Every list that holds names, by its word in messages: the key in small letters.
    pub fn lists(&self) -> [(&'static str, &Vec<UnitName>); 10] {
        [
            ("binds_to", &self.binds_to),
            ("part_of", &self.part_of),
            ("requisite", &self.requisite),
            ("upholds", &self.upholds),
            ("on_failure", &self.on_failure),
            ("on_success", &self.on_success),
            ("propagates_stop_to", &self.propagates_stop_to),
            ("stop_propagated_from", &self.stop_propagated_from),
            ("propagates_reload_to", &self.propagates_reload_to),
            ("reload_propagated_from", &self.reload_propagated_from),
        ]
    }

    /// Every list of names, what scripts' headers say too, to be changed in place (aliases → the units' own names).
    pub fn lists_mut(&mut self) -> [&mut Vec<UnitName>; 13] {
        [
            &mut self.binds_to,
            &mut self.part_of,
            &mut self.requisite,
            &mut self.upholds,
            &mut self.on_failure,
            &mut self.on_success,
            &mut self.propagates_stop_to,
            &mut self.stop_propagated_from,
            &mut self.propagates_reload_to,
            &mut self.reload_propagated_from,
            &mut self.start_after,
            &mut self.script_after,
            &mut self.script_before,
        ]
    }
}

#[cfg(test)]
mod tests {
    use crate::unit::{Facts, Source, SourceFile, Unit, UnitName, parse};

    fn unit(text: &str) -> Unit {
        let file = SourceFile { path: "/x".into(), text: text.into() };
        parse(&UnitName::new("a").expect("name"), Source::Native, &file, &[], &Facts::default()).unit
    }

    #[test]
    fn what_counts_at_once_outdates_nothing() {
        let runs = unit("[Service]\nExecStart=/x\n");
        let file = "# Anything.\n[Unit]\nWants=b.service\nAfter=b.service\nOnFailure=c.service\n[Service]\nExecStart=/x\n\
                    [Install]\nRunlevels=3\n";
        assert!(runs != unit(file) && !runs.is_outdated_by(&unit(file)));
        assert!(runs.is_outdated_by(&unit(&file.replace("/x", "/y"))));
        assert!(!runs.is_outdated_by(&runs));
    }
}
