//! Loops in the ordering, as the core would cut them.

use init::core::{Core, Cycle, Loaded};
use init::unit::{Finding, Severity, Unit, UnitName};
use std::rc::Rc;

/// The loops that one of these units is in.
pub fn findings(core: &Core, names: &[UnitName]) -> Vec<Finding> {
    let cycles = core.cycles().into_iter().filter(|c| c.members.iter().any(|m| names.contains(m)));
    cycles.map(|cycle| finding(core, &cycle)).collect()
}

fn finding(core: &Core, cycle: &Cycle) -> Finding {
    let unit = |name: &UnitName| match core.id(name).map(|id| core.view(id).on_disk.clone()) {
        Some(Loaded::Good(unit)) => Some(unit),
        _ => None,
    };
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
