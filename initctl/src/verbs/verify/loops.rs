//! Loops in the ordering, as the core would cut them, and what headers of init scripts wish in vain.

use init::core::{Core, Cycle, Loaded};
use init::load::Root;
use init::unit::{Finding, Severity, Unit, UnitName};
use std::rc::Rc;

/// The loops that one of these units is in.
pub fn findings(core: &Core, names: &[UnitName]) -> Vec<Finding> {
    let cycles = core.cycles().into_iter().filter(|c| c.members.iter().any(|m| names.contains(m)));
    cycles.map(|cycle| finding(core, &cycle)).collect()
}

fn unit(core: &Core, name: &UnitName) -> Option<Rc<Unit>> {
    match core.id(name).map(|id| core.view(id).on_disk.clone()) {
        Some(Loaded::Good(unit)) => Some(unit),
        _ => None,
    }
}

/// The orders that headers of scripts wish for and unit files contradict, where one of these units is concerned.
pub fn in_vain(core: &Core, names: &[UnitName], root: &Root) -> Vec<Finding> {
    let concerned = core.unheeded().filter(|(later, earlier)| names.contains(later) || names.contains(earlier));
    concerned.map(|(later, earlier)| opposed(core, root, later, earlier)).collect()
}

fn opposed(core: &Core, root: &Root, later: &UnitName, earlier: &UnitName) -> Finding {
    let is_script = |name: &UnitName| unit(core, name).is_some_and(|unit| unit.source.is_script());
    let stands = |name: &UnitName, list: fn(&Unit) -> &Vec<UnitName>, other: &UnitName| {
        unit(core, name).is_some_and(|unit| list(&unit).contains(other))
    };
    // Whose header it is: a script's own, or that of the script that a unit stands for.
    let by_later = is_script(later) || stands(later, |u| &u.relations.script_after, earlier);
    let script = if by_later { later } else { earlier };
    let path = unit(core, script).and_then(|unit| Some(unit.source_path.as_deref()?.to_owned()));
    let path = path.unwrap_or_else(|| format!("/etc/init.d/{}", script.short()).into());
    let (later, earlier) = (later.short(), earlier.short());
    let text = format!(
        "by its header `{later}` is to start after `{earlier}`: unit files have it the other way round, and count"
    );
    Finding::whole(Severity::Warning, &root.shown(&path), text)
        .hint(format!("see After= and Before=: initctl cat {later} {earlier}"))
}

fn finding(core: &Core, cycle: &Cycle) -> Finding {
    let unit = |name: &UnitName| unit(core, name);
    let first = cycle.members.first().into_iter();
    let ring: Vec<&str> = cycle.members.iter().chain(first).map(UnitName::short).collect();
    let message = format!(
        "a loop in the ordering: {}; when they start together, {} doesn't wait for `{}`",
        ring.join(" after "),
        cycle.later.short(),
        cycle.earlier.short()
    );
    // The line that says so may stand in either of the two.
    let later = unit(&cycle.later).filter(|u| u.after.contains(&cycle.earlier)).map(|u| (u, "Unit.After"));
    let edge = later.or_else(|| unit(&cycle.earlier).map(|u| (u, "Unit.Before")));
    let mut finding = match &edge {
        Some((unit, key)) => super::machine::at(unit, key, Severity::Warning, message),
        None => Finding::whole(Severity::Warning, cycle.later.as_str().as_ref(), message),
    };
    finding.hint = Some(format!("take one of these out: {}", edges(cycle, &unit).join(", ")));
    finding
}

/// The edges of a loop with the places they are written at.
fn edges(cycle: &Cycle, unit: &dyn Fn(&UnitName) -> Option<Rc<Unit>>) -> Vec<String> {
    let next = cycle.members.iter().cycle().skip(1);
    let pairs = cycle.members.iter().zip(next);
    pairs
        .map(|(later, earlier)| {
            let after = unit(later).filter(|u| u.after.contains(earlier)).and_then(|u| u.place("Unit.After"));
            let before = || unit(earlier).filter(|u| u.before.contains(later)).and_then(|u| u.place("Unit.Before"));
            let place = after.or_else(before).map_or(String::new(), |p| format!(" ({p})"));
            format!("{} after {}{place}", later.short(), earlier.short())
        })
        .collect()
}
