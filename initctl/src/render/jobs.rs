//! What holds a shutdown, or a switch of levels, up: a list, a live view with keys, one line.

use super::amount::{count, seconds};
use super::clean;
use crate::terminal::{Line, Paint, cut};
use init::proto::control::{Job, Jobs, PowerWord};
use serde::Serialize;
use std::collections::BTreeMap;

/// Log lines and processes of a unit that are shown.
const FEW: usize = 3;

/// What `shutdown-jobs` prints.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Holdups {
    /// As the manager told; only units that are stopped, or are to be.
    #[serde(flatten)]
    pub jobs: Jobs,
    /// The command lines of their processes, by pid, as far as they can be seen from here.
    pub commands: BTreeMap<i32, String>,
}

impl Holdups {
    /// Of all that is under way, what is stopped or is to be; first what holds the others up, what ends soonest before.
    pub fn new(mut jobs: Jobs, command: impl Fn(i32) -> Option<String>) -> Self {
        jobs.jobs.retain(|j| j.stopping || j.job.as_deref().is_some_and(|j| ["stop", "restart"].contains(&j)));
        jobs.jobs.sort_by_key(|j| (!j.stopping, j.timeout_in_ms.unwrap_or(u64::MAX)));
        let pids = jobs.jobs.iter().flat_map(|j| j.pids.iter().take(2 * FEW));
        let commands = pids.filter_map(|pid| Some((*pid, command(*pid)?))).collect();
        Self { jobs, commands }
    }

    /// What is under way, and when it ends by force.
    fn head(&self) -> (String, Option<String>) {
        let jobs = &self.jobs;
        let what = match (jobs.going_down, jobs.switching_to) {
            (Some(PowerWord::PowerOff), _) => "going down: power-off".to_owned(),
            (Some(PowerWord::Reboot), _) => "going down: reboot".to_owned(),
            (Some(PowerWord::Halt), _) => "going down: halt".to_owned(),
            (None, Some(level)) => format!("switching to level {level}"),
            (None, None) => "no switch of levels is under way".to_owned(),
        };
        let force = jobs.deadline_in_ms.map(|ms| format!("by force in {}", seconds(ms)));
        let holding = jobs.jobs.iter().filter(|j| j.stopping).count();
        let rest = jobs.jobs.len().saturating_sub(holding);
        let rest = if rest > 0 { format!(", {} after that", count(rest, "more", "more")) } else { String::new() };
        (format!("{what}; {} being stopped{rest}", count(holding, "unit is", "units are")), force)
    }
}

/// What a job is at, and for how long: `ExecStop=/bin/x, for 12s, 78s left`.
pub fn doing(job: &Job) -> String {
    if !job.waits_for.is_empty() {
        let names: Vec<String> = job.waits_for.iter().take(FEW).map(ToString::to_string).collect();
        let more = job.waits_for.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return format!("waits for {}{more}", names.join(", "));
    }
    let left = match job.timeout_in_ms {
        Some(ms) => format!(", {} left", seconds(ms)),
        None => ", no limit".to_owned(),
    };
    format!("{}, for {}{left}", clean(&job.doing), seconds(job.for_ms))
}

/// The same with the time first: the rest may be cut off.
fn brief(job: &Job) -> String {
    if !job.waits_for.is_empty() {
        return doing(job);
    }
    let left = job.timeout_in_ms.map_or_else(|| "no limit".to_owned(), |ms| format!("{} left", seconds(ms)));
    format!("{left}: {}, for {}", clean(&job.doing), seconds(job.for_ms))
}

fn line(job: &Job, text: &str) -> Line {
    let paint = if job.stopping { Paint::Busy } else { Paint::Dim };
    Line::painted(paint, job.name.short()).and(Paint::Plain, format!("  {text}"))
}

fn details(held: &Holdups, job: &Job) -> Vec<Line> {
    let mut lines = Vec::new();
    for pid in job.pids.iter().take(FEW) {
        let command = held.commands.get(pid).map(|c| clean(c)).unwrap_or_default();
        let main = if Some(*pid) == job.main_pid { " (main)" } else { "" };
        lines.push(Line::plain(format!("    pid {pid}{main} {command}")));
    }
    let more = job.pids.len().saturating_sub(FEW);
    if more > 0 {
        lines.push(Line::plain(format!("    and {}", count(more, "more process", "more processes"))));
    }
    let last = job.log.len().saturating_sub(FEW);
    lines.extend(job.log.iter().skip(last).map(|l| Line::painted(Paint::Dim, format!("    | {}", clean(l)))));
    lines
}

/// The list.
pub fn list(held: &Holdups) -> Vec<Line> {
    let (head, force) = held.head();
    let force = force.map(|text| format!("; {text}")).unwrap_or_default();
    let mut lines = vec![Line::painted(Paint::Bold, format!("{head}{force}"))];
    for job in &held.jobs.jobs {
        lines.push(line(job, &doing(job)));
        lines.extend(details(held, job));
    }
    lines
}

/// What the live view shows.
#[derive(Debug, Default)]
pub struct View {
    /// The units.
    pub held: Holdups,
    /// The one with the cursor.
    pub selected: usize,
    /// A question that is to be answered with y or n, or news.
    pub note: Option<String>,
    /// It can't be left: the machine's console.
    pub stays: bool,
}

/// The screen.
pub fn screen(view: &View, (columns, rows): (usize, usize)) -> Vec<Line> {
    // How long it may still take is never what 80 columns have no room for.
    let (head, force) = view.held.head();
    let mut lines = vec![Line::painted(Paint::Bold, head), Line::plain(force.unwrap_or_default())];
    // The last two are the note's and the keys'.
    let room = rows.saturating_sub(4);
    let mut body: Vec<Line> = Vec::new();
    let mut at = 0;
    for (index, job) in view.held.jobs.jobs.iter().enumerate() {
        let chosen = index == view.selected;
        if chosen {
            at = body.len();
        }
        body.push(line(job, &brief(job)).marked(chosen));
        if chosen || view.held.jobs.jobs.len() <= 2 {
            body.extend(details(&view.held, job));
        }
    }
    // The cursor stays to be seen, with what is told about its unit.
    let need = at.saturating_add(2 * FEW + 2).min(body.len());
    let skip = need.saturating_sub(room).min(at);
    lines.extend(body.into_iter().skip(skip).take(room));
    lines.resize(rows.saturating_sub(2), Line::default());
    let note = view.note.as_deref().unwrap_or_default();
    lines.push(Line::painted(Paint::Bad, cut(note, Some(columns.saturating_sub(1)))));
    let quit = if view.stays { "" } else { "  q leave" };
    lines.push(Line::plain(format!("up/down choose  w wait a minute longer  k kill now  s skip it{quit}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::samples::name;
    use super::*;
    use init::core::Phase;

    fn job(text: &str, stopping: bool) -> Job {
        Job {
            name: name(text),
            description: String::new(),
            job: Some("stop".into()),
            phase: Phase::StopSignal,
            doing: "SIGTERM was sent, and not all of it has ended".into(),
            stopping,
            for_ms: 12_345,
            timeout_in_ms: stopping.then_some(48_000),
            waits_for: if stopping { vec![] } else { vec![name("db")] },
            pids: if stopping { vec![7, 8] } else { vec![] },
            main_pid: stopping.then_some(7),
            log: vec!["one\x1b[2J".into()],
        }
    }

    fn held() -> Holdups {
        let start = Job { job: Some("start".into()), stopping: false, ..job("new", false) };
        let jobs = Jobs {
            going_down: Some(PowerWord::Reboot),
            deadline_in_ms: Some(90_000),
            jobs: vec![job("web", false), job("db", true), start],
            ..Jobs::default()
        };
        Holdups::new(jobs, |pid| (pid == 7).then(|| "/usr/bin/db -x".to_owned()))
    }

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|l| l.text().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_holds_others_up_comes_first_with_all_that_helps_to_decide() {
        let wanted = "\
going down: reboot; 1 unit is being stopped, 1 more after that; by force in 1min 30s
db  SIGTERM was sent, and not all of it has ended, for 12s, 48s left
    pid 7 (main) /usr/bin/db -x
    pid 8
    | one\\u{1b}[2J
web  waits for db
    | one\\u{1b}[2J";
        assert_eq!(text(&list(&held())), wanted);
    }

    #[test]
    fn the_cursor_and_the_keys_are_always_on_the_screen() {
        let jobs = Jobs { jobs: (0..40).map(|n| job(&format!("u{n:02}"), true)).collect(), ..Jobs::default() };
        let held = Holdups::new(jobs, |_| None);
        for selected in [0, 20, 39] {
            let view = View { held: held.clone(), selected, ..View::default() };
            let lines = screen(&view, (80, 12));
            assert_eq!(lines.len(), 12);
            assert!(lines.iter().any(|l| l.marked && l.text().contains(&format!("u{selected:02}"))));
            assert!(lines.last().is_some_and(|l| l.text().contains("q leave")));
        }
        let deadline_in_ms = Some(70_000);
        let held = Holdups { jobs: Jobs { deadline_in_ms, ..held.jobs }, ..held };
        let stays = View { held, stays: true, note: Some("Kill u00 now? y/n".into()), ..View::default() };
        let shown = text(&screen(&stays, (80, 24)));
        assert!(!shown.contains("leave") && shown.contains("Kill u00 now?"), "{shown}");
        assert!(shown.contains("\nby force in 1min 10s\n") && shown.contains("u00  48s left: SIGTERM"), "{shown}");
    }
}
