//! `initctl plan`: waves, each step with its reason.

use super::table::{Cell, Set, table, text};
use super::{clean, levels};
use crate::terminal::{Line, Paint, Style};
use init::core::{Deed, Step};
use init::proto::control::Planned;
use init::unit::UnitName;

/// How wide lists of names become where nobody says.
const WIDTH: usize = 80;

fn deed(step: &Step) -> (&'static str, Paint) {
    match step.deed {
        Deed::Stop => ("stop", Paint::Bad),
        Deed::CallOff => ("call off", Paint::Bad),
        Deed::Start => ("start", Paint::Good),
        Deed::Reload => ("reload", Paint::Good),
        Deed::Signal => ("signal", Paint::Plain),
        Deed::Reset => ("reset", Paint::Plain),
    }
}

fn why(step: &Step) -> String {
    let shown = |name: &UnitName| name.short().to_owned();
    let words = step.reason.words();
    let words = match step.reason.unit() {
        Some(name) => words.replace(name.as_str(), &shown(name)),
        None => words,
    };
    let more = [(step.restart, "restart"), (step.under_way, "under way")];
    let more: Vec<&str> = more.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    if more.is_empty() { words } else { format!("{words} ({})", more.join(", ")) }
}

/// The plan, for people.
pub fn plan(plan: &Planned, style: &Style) -> String {
    let mut rows = Vec::new();
    let mut last = 0;
    for step in &plan.steps {
        let wave = if step.wave == last { String::new() } else { step.wave.to_string() };
        last = step.wave;
        let (word, paint) = deed(step);
        rows.push(vec![
            Cell::painted(Paint::Dim, wave),
            Cell::painted(paint, word),
            Cell::plain(step.unit.short()),
            Cell::painted(Paint::Dim, why(step)),
        ]);
    }
    for refused in &plan.refused {
        rows.push(vec![
            Cell::plain("-"),
            Cell::painted(Paint::Bad, "refused"),
            Cell::plain(refused.unit.short()),
            Cell::plain(clean(refused.reason.as_deref().unwrap_or_default())),
        ]);
    }
    let columns = [("WAVE", Set::Right), ("STEP", Set::Left), ("UNIT", Set::Shrinks(12)), ("WHY", Set::Shrinks(20))];
    let mut lines = if rows.is_empty() { Vec::new() } else { table(&columns, &rows, true, style.width) };
    for cut in &plan.cuts {
        let short = |names: &[UnitName]| names.iter().map(|n| n.short().to_owned()).collect::<Vec<_>>().join(", ");
        let order = format!("order dropped: {} after {}", cut.later.short(), cut.earlier.short());
        lines.push(Line::painted(Paint::Bad, format!("{order} (loop: {})", short(&cut.members))));
    }
    let names: Vec<&str> = plan.stays.iter().map(UnitName::short).collect();
    lines.extend(listed("stays: ", &names, style.width.unwrap_or(WIDTH)));
    let links = levels::planned(&plan.links);
    lines.extend(links.lines().map(Line::plain));
    lines.extend(plan.notes.iter().map(|note| Line::plain(clean(note))));
    if lines.is_empty() {
        lines.push(Line::plain("nothing to do"));
    }
    text(&lines, style)
}

/// Names behind a title, on as many lines as they need.
fn listed(title: &str, names: &[&str], room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = title.to_owned();
    for name in names {
        if line.len() + name.len() >= room && line.len() > title.len() {
            lines.push(Line::plain(line.trim_end()));
            line = " ".repeat(title.len());
        }
        line.push_str(name);
        line.push(' ');
    }
    if !names.is_empty() {
        lines.push(Line::plain(line.trim_end()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use init::core::{Cut, Reason};

    fn name(text: &str) -> UnitName {
        UnitName::new(text).expect("name")
    }

    #[test]
    fn a_plan_reads_in_waves() {
        let step = |wave, deed, unit: &str, reason| Step {
            wave,
            deed,
            unit: name(unit),
            reason,
            restart: false,
            under_way: false,
            after: Vec::new(),
        };
        let planned = Planned {
            steps: vec![
                step(1, Deed::Start, "db", Reason::RequiredBy(name("app"))),
                step(1, Deed::Start, "mail", Reason::WantedBy(name("app"))),
                step(2, Deed::Start, "app", Reason::Asked),
            ],
            stays: vec![name("disk")],
            cuts: vec![Cut { members: vec![name("a"), name("b")], later: name("a"), earlier: name("b") }],
            ..Planned::default()
        };
        let want = "WAVE STEP  UNIT WHY\n   1 start db   required by app\n     start mail wanted by app\n   2 start app  asked for\n\
                    order dropped: a after b (loop: a, b)\nstays: disk\n";
        assert_eq!(plan(&planned, &Style::default()), want);
        assert_eq!(plan(&Planned::default(), &Style::default()), "nothing to do\n");
    }

    #[test]
    fn long_lists_are_folded() {
        let names = vec!["abcdefgh"; 12];
        assert!(listed("stays: ", &names, 40).iter().all(|line| line.text().len() <= 40));
    }
}
