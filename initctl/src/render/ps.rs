//! `initctl ps`: processes by unit.

use super::amount::{bytes, count, cpu};
use super::branch::prefixes;
use super::clean;
use super::table::{Cell, Set, table, text};
use crate::processes::{Group, Picture, Task, tree};
use crate::terminal::{Glyphs, Line, Paint, Style};

/// Groups as trees under titles, for a terminal; for a pipe a line a process, its unit first.
pub fn ps(picture: &Picture, glyphs: &Glyphs, style: &Style) -> String {
    let groups = groups(picture);
    if style.width.is_none() {
        return flat(&groups);
    }
    let mut lines = Vec::new();
    for (index, (title, group)) in groups.iter().enumerate() {
        if index > 0 {
            lines.push(Line::default());
        }
        lines.push(Line::painted(Paint::Bold, title.clone()).and(Paint::Dim, format!("  {}", sum(group))));
    }
    // One table, so that columns stand below one another, and the titles in between.
    let rows: Vec<Vec<Cell>> = groups.iter().flat_map(|(_, g)| rows(g, glyphs)).collect();
    let mut body = table(COLUMNS, &rows, false, style.width).into_iter();
    let mut whole = Vec::new();
    let mut titles = lines.into_iter();
    for (index, (_, group)) in groups.iter().enumerate() {
        whole.extend(titles.by_ref().take(if index > 0 { 2 } else { 1 }));
        whole.extend(body.by_ref().take(group.tasks.len()));
    }
    if picture.foreign {
        whole.push(Line::painted(Paint::Dim, "in another PID namespace: only pids are known from here"));
    }
    text(&whole, style)
}

const COLUMNS: &[(&str, Set)] =
    &[("", Set::Left), ("PID", Set::Right), ("MEMORY", Set::Right), ("CPU", Set::Right), ("COMMAND", Set::Shrinks(10))];

fn groups(picture: &Picture) -> Vec<(String, &Group)> {
    let units = picture.units.iter().map(|g| (g.name.as_ref().map(|n| n.as_str().to_owned()).unwrap_or_default(), g));
    let mut all: Vec<(String, &Group)> = units.collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let rest = [("Rung itself", &picture.own), ("of no unit", &picture.others)];
    all.extend(rest.into_iter().filter(|(_, g)| !g.tasks.is_empty()).map(|(title, g)| (title.to_owned(), g)));
    all
}

/// `2 processes, 8.1M, 0.12s CPU`
pub fn sum(group: &Group) -> String {
    let number = count(group.tasks.len(), "process", "processes");
    let known = group.tasks.iter().any(|t| t.memory > 0) || group.usage.memory.is_some();
    if known { format!("{number}, {}, {} CPU", bytes(group.memory()), cpu(group.cpu_ms())) } else { number }
}

/// A row a process: pid, memory, CPU time, command as a tree.
fn rows(group: &Group, glyphs: &Glyphs) -> Vec<Vec<Cell>> {
    let tasks = tree(&group.tasks);
    let depths: Vec<usize> = tasks.iter().map(|(depth, _)| *depth).collect();
    let row = |((_, task), prefix): (&(usize, &Task), String)| {
        let paint = if group.main == Some(task.pid) { Paint::Bold } else { Paint::Plain };
        vec![
            Cell::plain(""),
            Cell::plain(task.pid.to_string()),
            Cell::painted(Paint::Dim, if task.memory > 0 { bytes(task.memory) } else { "-".to_owned() }),
            Cell::painted(Paint::Dim, cpu(task.cpu_ms)),
            Cell::painted(paint, format!("{prefix}{}", command(task))),
        ]
    };
    tasks.iter().zip(prefixes(&depths, glyphs)).map(row).collect()
}

/// What a process is called; harmless.
pub fn command(task: &Task) -> String {
    let mark = if task.zombie { " (zombie)" } else { "" };
    format!("{}{mark}", clean(&task.command))
}

/// The lines of one group's processes, `room` columns wide.
pub fn lines(group: &Group, glyphs: &Glyphs, room: Option<usize>) -> Vec<Line> {
    table(
        COLUMNS.get(1..).unwrap_or_default(),
        &rows(group, glyphs).into_iter().map(|r| r.into_iter().skip(1).collect()).collect::<Vec<_>>(),
        false,
        room,
    )
}

fn flat(groups: &[(String, &Group)]) -> String {
    let mut text = String::new();
    for (title, group) in groups {
        // One word, so that the columns can be counted.
        let title = match title.as_str() {
            "Rung itself" => "rung",
            "of no unit" => "-",
            unit => unit,
        };
        for task in &group.tasks {
            let memory = task.memory / 1024;
            text.push_str(&format!(
                "{title} {} {} {memory}K {} {}\n",
                task.pid,
                task.parent,
                cpu(task.cpu_ms).replace(' ', ""),
                command(task)
            ));
        }
    }
    text
}

#[cfg(test)]
pub mod tests {
    use super::super::samples::name;
    use super::*;
    use crate::processes::Usage;

    fn task(pid: i32, parent: i32, command: &str) -> Task {
        let memory = u64::try_from(pid).expect("a pid") << 20;
        Task { pid, parent, command: command.into(), memory, cpu_ms: 120, ..Task::default() }
    }

    pub fn picture() -> Picture {
        let web = Group {
            name: Some(name("web")),
            main: Some(12),
            tasks: vec![task(12, 1, "web: master"), task(13, 12, "web: worker\x1b[2J"), task(14, 12, "web: worker")],
            usage: Usage { memory: Some(5 << 20), cpu_ms: Some(61_000) },
        };
        let cron =
            Group { name: Some(name("cron")), main: Some(20), tasks: vec![task(20, 1, "cron -f")], ..Group::default() };
        let own = Group { tasks: vec![task(1, 0, "init [3]")], ..Group::default() };
        let others = Group { tasks: vec![task(99, 1, "sh")], ..Group::default() };
        Picture { units: vec![web, cron], own, others, foreign: false }
    }

    #[test]
    fn a_terminal_gets_trees() {
        let wanted = "\
cron.service  1 process, 20M, 0.12s CPU
 20  20M 0.12s cron -f

web.service  3 processes, 5.0M, 1min 1s CPU
 12  12M 0.12s web: master
 13  13M 0.12s |-web: worker\\u{1b}[2J
 14  14M 0.12s `-web: worker

Rung itself  1 process, 1.0M, 0.12s CPU
  1 1.0M 0.12s init [3]

of no unit  1 process, 99M, 0.12s CPU
 99  99M 0.12s sh
";
        let style = Style { width: Some(79), colour: false };
        assert_eq!(ps(&picture(), &Glyphs::ASCII, &style), wanted);
        let narrow = ps(&picture(), &Glyphs::UNICODE, &Style { width: Some(30), colour: false });
        assert!(narrow.contains("└─web: worker") && narrow.lines().all(|l| l.chars().count() <= 43), "{narrow}");
    }

    #[test]
    fn a_pipe_gets_a_line_a_process() {
        let text = ps(&picture(), &Glyphs::ASCII, &Style::default());
        assert_eq!(text.lines().next(), Some("cron.service 20 1 20480K 0.12s cron -f"));
        assert!(text.contains("\nrung 1 0 1024K 0.12s init [3]\n- 99 1 101376K 0.12s sh\n"), "{text}");
    }

    #[test]
    fn pids_of_elsewhere_are_all_that_is_known() {
        let mut all = picture();
        all.foreign = true;
        let text = ps(&all, &Glyphs::ASCII, &Style { width: Some(79), colour: false });
        assert!(text.ends_with("in another PID namespace: only pids are known from here\n"), "{text}");
    }
}
