//! `list-units`, `list-unit-files`, `list-dependencies`, `list-jobs`, and lists of what Rung doesn't have.

use super::changing::near;
use super::files::{is_asked, states};
use super::look::{Found, list, one};
use super::options::{Options, Order};
use super::presets;
use super::words::{is_up, load, sub};
use crate::pid1::{PATIENCE, client, is_rung};
use crate::shims::{err_plain, out};
use init::core::State;
use init::proto::control::{LevelTable, LoadState, Names, UnitStatus};
use init::proto::words::state;
use init::unit::UnitName;
use init::unit::install::levels_of;
use std::collections::{BTreeMap, BTreeSet};

/// `list-units [PATTERN…]`
pub(super) fn units(options: &Options, patterns: &[String]) -> u8 {
    let all = match list() {
        Ok(all) => all,
        Err(e) => return err_plain(&format!("Failed to list units: {e}")),
    };
    if !is_rung() {
        return err_plain("Failed to list units: PID 1 isn't Rung");
    }
    let (types, states) = split_types(options);
    let shown: Vec<&UnitStatus> = all
        .iter()
        .filter(|u| is_asked(u.name.as_str(), patterns, &types))
        .filter(|u| match states.as_slice() {
            [] => options.all || !patterns.is_empty() || u.state != State::Inactive || u.job.is_some(),
            states => states.iter().any(|s| *s == state(u.state) || *s == sub(u) || *s == load(u.load)),
        })
        .collect();
    let jobs = shown.iter().any(|u| u.job.is_some());
    let mut rows = Vec::new();
    if options.legend && !shown.is_empty() {
        let mut head = vec!["UNIT", "LOAD", "ACTIVE", "SUB"];
        head.extend(jobs.then_some("JOB"));
        head.push("DESCRIPTION");
        rows.push((' ', head.into_iter().map(str::to_owned).collect()));
    }
    for unit in &shown {
        let bad = unit.state == State::Failed || unit.load != LoadState::Loaded;
        let mut row: Vec<String> =
            [unit.name.as_str(), load(unit.load), state(unit.state), sub(unit)].map(str::to_owned).into();
        row.extend(jobs.then(|| unit.job.clone().unwrap_or_default()));
        row.push(unit.description.chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
        rows.push((if bad { '●' } else { ' ' }, row));
    }
    for (dot, line) in table(rows) {
        out(&if options.plain { line } else { format!("{dot} {line}") });
    }
    if options.legend {
        if !shown.is_empty() {
            out("\nLOAD   = Reflects whether the unit definition was properly loaded.");
            out("ACTIVE = The high-level unit activation state, i.e. generalization of SUB.");
            out("SUB    = The low-level unit activation state, values depend on unit type.");
        }
        let more =
            if options.all || !states.is_empty() { "" } else { " Pass --all to see loaded but inactive units, too." };
        out(&format!("{} loaded units listed.{more}", shown.len()));
        out("To show all installed unit files use 'systemctl list-unit-files'.");
    }
    0
}

/// `--type` takes load states as well as kinds.
fn split_types(options: &Options) -> (Vec<String>, Vec<String>) {
    let is_load = |t: &String| ["loaded", "not-found", "masked", "bad-setting"].contains(&t.as_str());
    let (loads, types): (Vec<String>, Vec<String>) = options.types.iter().cloned().partition(is_load);
    (types, options.states.iter().cloned().chain(loads).collect())
}

/// `list-unit-files [PATTERN…]`
pub(super) fn unit_files(options: &Options, patterns: &[String]) -> u8 {
    let mut all: BTreeMap<String, String> =
        states(options.root.as_deref()).into_iter().map(|(name, word)| (name, word.to_owned())).collect();
    if is_rung() && options.root.is_none() {
        let table = client().call::<_, LevelTable>("Levels", &Names::default(), PATIENCE);
        for row in table.map(|t| t.rows).unwrap_or_default() {
            let on = !row.on.is_empty() || !row.held_by.is_empty();
            let word = all.entry(row.name.as_str().to_owned()).or_insert_with(|| "disabled".to_owned());
            if on && !matches!(word.as_str(), "masked" | "bad") {
                "enabled".clone_into(word);
            }
        }
    } else {
        for (name, word) in
            all.iter_mut().filter(|(_, word)| matches!(word.as_str(), "disabled" | "static" | "indirect"))
        {
            *word = super::files::state(options.root.as_deref(), name);
        }
    }
    let rules = presets::read(options.root.as_deref());
    let shown: Vec<(&String, &String)> = all
        .iter()
        .filter(|(name, word)| {
            let state = options.states.is_empty() || options.states.contains(word);
            state && is_asked(name, patterns, &options.types)
        })
        .collect();
    let mut rows = Vec::new();
    if options.legend {
        rows.push((' ', ["UNIT FILE", "STATE", "PRESET"].map(str::to_owned).into()));
    }
    for (name, word) in &shown {
        let preset = match word.as_str() {
            "enabled" | "disabled" | "masked" | "indirect" if presets::wants_on(&rules, name) => "enabled",
            "enabled" | "disabled" | "masked" | "indirect" => "disabled",
            _ => "-",
        };
        rows.push((' ', vec![(*name).clone(), (*word).clone(), preset.to_owned()]));
    }
    for (_, line) in table(rows) {
        out(&line);
    }
    if options.legend {
        out(&format!("\n{} unit files listed.", shown.len()));
    }
    // As systemctl: names that fit nothing are a failure.
    u8::from(shown.is_empty() && !patterns.is_empty())
}

/// Columns as wide as what is in them; nothing behind the last.
fn table(rows: Vec<(char, Vec<String>)>) -> Vec<(char, String)> {
    let mut widths: Vec<usize> = Vec::new();
    for (_, row) in &rows {
        for (index, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(index) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    rows.into_iter().map(|(dot, row)| (dot, line(row))).collect()
}

/// `list-jobs`
pub(super) fn jobs(options: &Options) -> u8 {
    let units = match list() {
        Ok(all) => all,
        Err(e) => return err_plain(&format!("Failed to list jobs: {e}")),
    };
    let busy: Vec<&UnitStatus> = units.iter().filter(|u| u.job.is_some()).collect();
    if busy.is_empty() {
        if options.legend {
            out("No jobs running.");
        }
        return 0;
    }
    let mut rows: Vec<(char, Vec<String>)> = Vec::new();
    if options.legend {
        rows.push((' ', ["JOB", "UNIT", "TYPE", "STATE"].map(str::to_owned).into()));
    }
    for (number, unit) in (1..).zip(&busy) {
        let state = if unit.waits_for.is_empty() { "running" } else { "waiting" };
        let job = unit.job.clone().unwrap_or_default();
        rows.push((' ', vec![format!("{number}"), unit.name.as_str().to_owned(), job, state.to_owned()]));
    }
    for (_, line) in table(rows) {
        out(&line);
    }
    if options.legend {
        out(&format!("\n{} jobs listed.", busy.len()));
    }
    0
}

/// `list-sockets` and its kin: there are none.
pub(super) fn none(options: &Options, what: &str) -> u8 {
    if options.legend {
        out(&format!("0 {what} listed."));
    }
    0
}

/// `list-dependencies [NAME…]`
pub(super) fn dependencies(options: &Options, names: &[String]) -> u8 {
    let all = match list() {
        Ok(all) => all,
        Err(e) => return err_plain(&format!("Failed to list dependencies: {e}")),
    };
    let default = [String::from("default.target")];
    let names = if names.is_empty() { &default[..] } else { names };
    // The list has no well-known target that nothing had to start.
    let mut known: BTreeMap<String, UnitStatus> = all.into_iter().map(|u| (u.name.as_str().to_owned(), u)).collect();
    let mut code = 0;
    for (index, word) in names.iter().enumerate() {
        let named = match one(word) {
            Ok(named) => named,
            Err(e) => return err_plain(&format!("Failed to list dependencies: {e}")),
        };
        match named.found {
            Found::Unit(unit) => {
                if index > 0 {
                    out("");
                }
                let name = unit.name.as_str().to_owned();
                known.insert(name.clone(), *unit);
                out(&name);
                let mut tree = Tree { known: &known, options, path: vec![name.clone()], seen: BTreeSet::new() };
                tree.below(&name, "");
            }
            Found::Script(_) => drop(out(&named.name)),
            Found::Nothing(nearest) => {
                code = err_plain(&format!("Unit {} could not be found.{}", named.name, near(&nearest)));
            }
        }
    }
    code
}

struct Tree<'a> {
    known: &'a BTreeMap<String, UnitStatus>,
    options: &'a Options,
    /// The units above, so that no loop is walked twice.
    path: Vec<String>,
    /// `--plain`: what was shown.
    seen: BTreeSet<String>,
}

impl Tree<'_> {
    fn below(&mut self, name: &str, indent: &str) {
        let next = self.next(name);
        let last = next.len().saturating_sub(1);
        for (index, child) in next.iter().enumerate() {
            let dot = match self.known.get(child).map(|u| u.state) {
                Some(state) if is_up(state) => '●',
                Some(State::Failed) => '×',
                _ => '○',
            };
            if self.options.plain {
                if self.seen.insert(child.clone()) {
                    out(&format!("{dot} {child}"));
                }
            } else {
                out(&format!("{dot} {indent}{}{child}", if index == last { "└─" } else { "├─" }));
            }
            // As systemctl: targets are opened, the rest only with --all.
            let open = self.options.all || child.ends_with(".target");
            if open && !self.path.contains(child) && self.path.len() < 32 {
                self.path.push(child.clone());
                let more = if index == last { "  " } else { "│ " };
                self.below(child, &format!("{indent}{more}"));
                self.path.pop();
            }
        }
    }

    /// The units that are on in a level that a target stands for. `basic.target` and its kin stand for parts of level S.
    fn on_in(&self, target: &str) -> Vec<String> {
        if !["default.target", "multi-user.target", "graphical.target", "rescue.target", "sysinit.target"]
            .contains(&target)
        {
            return Vec::new();
        }
        let levels = levels_of(target);
        let on = |u: &&UnitStatus| levels.iter().any(|l| u.levels.contains(l.as_char()));
        self.known.values().filter(on).map(|u| u.name.as_str().to_owned()).collect()
    }

    /// What a unit needs, or who needs it; or its order.
    fn next(&self, name: &str) -> Vec<String> {
        let forward = |unit: &UnitStatus| -> Vec<UnitName> {
            match self.options.order {
                Some(Order::After) => unit.after.clone(),
                Some(Order::Before) => unit.before.clone(),
                None => {
                    let bound =
                        unit.relations.iter().filter(|(w, _)| w == "requisite" || w == "binds_to" || w == "upholds");
                    let bound = bound.map(|(_, n)| n.clone());
                    unit.requires.iter().chain(&unit.wants).cloned().chain(bound).collect()
                }
            }
        };
        let found: BTreeSet<String> = if self.options.reverse {
            let holds = |u: &&UnitStatus| forward(u).iter().any(|n| n.as_str() == name);
            self.known.values().filter(holds).map(|u| u.name.as_str().to_owned()).collect()
        } else {
            let names = self.known.get(name).map(forward).unwrap_or_default();
            let on = self.on_in(name).into_iter().filter(|_| self.options.order.is_none());
            names.iter().map(|n| n.as_str().to_owned()).chain(on).collect()
        };
        found.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_at_their_text() {
        let rows = vec![
            (' ', vec!["a".to_owned(), "bb".to_owned(), "c d".to_owned()]),
            ('●', vec!["xyz".into(), "b".into(), String::new()]),
        ];
        assert_eq!(table(rows), [(' ', "a   bb c d".to_owned()), ('●', "xyz b".to_owned())]);
    }
}
