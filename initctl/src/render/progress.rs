//! What has become of a request: a block for each failure, on stderr.

use super::clean;
use init::core::{JobResult, State};
use init::proto::control::{Job, JobEnd, Jobs, Progress, UnitStatus};
use init::proto::words;
use init::unit::{Level, UnitName};
use std::time::Duration;

/// Whether the job didn't do what was asked.
pub fn has_failed(job: &JobEnd) -> bool {
    !matches!(job.result, JobResult::Done | JobResult::Already | JobResult::Skipped(_))
}

/// One block for one job that failed or was skipped; `doing` is the verb (`start`).
pub fn block(job: &JobEnd, doing: &str) -> String {
    let name = &job.name;
    let (head, own) = match &job.result {
        JobResult::Done | JobResult::Already => return String::new(),
        JobResult::Skipped(outcome) => {
            (format!("{name} is not to run now, and was not started"), words::outcome(outcome))
        }
        JobResult::Failed(outcome) => (format!("could not {doing} {name}"), words::outcome(outcome)),
        JobResult::Replaced => {
            (format!("could not {doing} {name}"), "a later request wanted otherwise and took its place".to_owned())
        }
        JobResult::NotApplicable { reason } => (format!("could not {doing} {name}"), reason.clone()),
    };
    let mut text = head;
    let reason = job.reason.as_deref().filter(|r| !r.is_empty()).unwrap_or(&own);
    for line in reason.lines() {
        text.push_str(&format!("\n  {}", clean(line)));
    }
    if !job.log.is_empty() {
        text.push_str("\n  its last lines:");
        for line in &job.log {
            text.push_str(&format!("\n    {}", clean(line)));
        }
    }
    let default_hint = match &job.result {
        JobResult::Failed(_) => Some(format!("initctl why {}", name.short())),
        _ => None,
    };
    if let Some(hint) = job.hint.clone().filter(|h| !h.is_empty()).or(default_hint) {
        text.push_str(&format!("\n  try: {}", clean(&hint)));
    }
    text
}

/// What a request waits for, on one line: `waiting for nginx, cron and 3 more (12s)`.
pub fn waiting(open: &[UnitName], seconds: u64) -> String {
    let shown: Vec<String> = open.iter().take(3).map(UnitName::to_string).collect();
    let more = open.len().saturating_sub(shown.len());
    let names = match (shown.is_empty(), more) {
        (true, _) => "the manager".to_owned(),
        (_, 0) => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    };
    format!("waiting for {names} ({seconds}s)")
}

/// What is under way of these units, a line each with what it is at and how long that may take; first what the others
/// wait for. Without the manager's word on that: one line.
pub fn picture(open: &[UnitName], jobs: Option<&Jobs>, seconds: u64) -> Vec<String> {
    let mut jobs: Vec<&Job> = jobs.iter().flat_map(|all| &all.jobs).filter(|j| open.contains(&j.name)).collect();
    jobs.sort_by_key(|j| (!j.waits_for.is_empty(), std::cmp::Reverse(j.for_ms)));
    let line = |job: &Job| {
        let what = job.job.as_deref().unwrap_or("stop");
        format!("{what} {}: {}", job.name.short(), super::jobs::doing(job))
    };
    match jobs.as_slice() {
        [] => vec![waiting(open, seconds)],
        [one] if open.len() == 1 => vec![line(one)],
        all => std::iter::once(waiting(open, seconds)).chain(all.iter().map(|j| format!("  {}", line(j)))).collect(),
    }
}

/// What a switch of levels has come to: `runlevel 3: 4 started, 2 stopped, 1 failed (web), 3.2 s`. `units`: as they are
/// after it.
pub fn switched(level: Level, ended: &[JobEnd], units: &[UnitStatus], took: Duration) -> String {
    let unit = |job: &JobEnd| units.iter().find(|u| u.name == job.name);
    let is_stop = |job: &&JobEnd| {
        let asked = unit(job).and_then(|u| u.cause.as_ref()).map(|cause| cause.job == "stop");
        asked.unwrap_or_else(|| unit(job).is_some_and(|u| u.state == State::Inactive))
    };
    let done = |job: &&JobEnd| job.result == JobResult::Done;
    let (stopped, started): (Vec<&JobEnd>, Vec<&JobEnd>) = ended.iter().filter(done).partition(is_stop);
    let skipped = ended.iter().filter(|j| matches!(j.result, JobResult::Skipped(_))).count();
    // By a later request, that is: no failure of theirs.
    let called_off = ended.iter().filter(|j| j.result == JobResult::Replaced).count();
    let failed = ended.iter().filter(|j| has_failed(j) && j.result != JobResult::Replaced);
    let failed: Vec<&str> = failed.map(|j| j.name.short()).collect();
    let counts = [
        (started.len(), "started"),
        (stopped.len(), "stopped"),
        (skipped, "skipped"),
        (called_off, "called off"),
        (failed.len(), "failed"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    let mut parts: Vec<String> = counts.collect();
    if parts.is_empty() {
        parts.push("nothing to start or stop".to_owned());
    }
    let mut text = format!("runlevel {level}: {}", parts.join(", "));
    if !failed.is_empty() {
        let shown: Vec<&str> = failed.iter().copied().take(4).collect();
        let more = failed.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!(" ({}{more})", shown.join(", ")));
    }
    format!("{text}, {:.1} s\n", took.as_secs_f64())
}

/// Adds a reply to what is known: a repeated request tells again what has ended before.
pub fn merge(all: &mut Progress, news: Progress) {
    for job in news.ended {
        match all.ended.iter_mut().find(|j| j.name == job.name) {
            Some(known) => *known = job,
            None => all.ended.push(job),
        }
    }
    for note in news.notes {
        if !all.notes.contains(&note) {
            all.notes.push(note);
        }
    }
    (all.open, all.done) = (news.open, news.done);
}

#[cfg(test)]
mod tests {
    use super::super::samples::{idle, name, running};
    use super::*;
    use init::core::{ExitRecord, Outcome};
    use init::unit::ExecKind;

    fn end(text: &str, result: JobResult) -> JobEnd {
        JobEnd { name: name(text), result, reason: None, hint: None, log: vec![], script_status: None }
    }

    #[test]
    fn a_failure_is_one_block() {
        let exit = ExitRecord::Code(1);
        let mut job = end("nginx", JobResult::Failed(Outcome::Exited { kind: ExecKind::StartPre, index: 0, exit }));
        let bare = "could not start nginx\n  ExecStartPre exited with status 1\n  try: initctl why nginx";
        assert_eq!(block(&job, "start"), bare);
        job.reason = Some("ExecStartPre=/usr/sbin/nginx -t (nginx.service:7) exited with status 1".into());
        job.log = vec!["nginx: [emerg] bind() failed\x1b".into()];
        job.hint = Some("nginx -t".into());
        let full = "\
could not start nginx
  ExecStartPre=/usr/sbin/nginx -t (nginx.service:7) exited with status 1
  its last lines:
    nginx: [emerg] bind() failed\\u{1b}
  try: nginx -t";
        assert_eq!(block(&job, "start"), full);
    }

    #[test]
    fn what_went_well_is_no_failure() {
        assert!(!has_failed(&end("a", JobResult::Already)) && !has_failed(&end("a", JobResult::Done)));
        assert!(has_failed(&end("a", JobResult::Replaced)));
        let job = end("a", JobResult::NotApplicable { reason: "it has no ExecReload=".into() });
        assert_eq!(block(&job, "reload"), "could not reload a\n  it has no ExecReload=");
    }

    #[test]
    fn a_repeated_reply_counts_once() {
        let mut all = Progress::default();
        for _ in 0..2 {
            let ended = vec![end("a", JobResult::Done), end("b", JobResult::Replaced)];
            merge(&mut all, Progress { ended, open: vec![name("c")], done: false, notes: vec!["n".into()] });
        }
        merge(&mut all, Progress { ended: vec![end("c", JobResult::Done)], done: true, ..Progress::default() });
        assert_eq!((all.ended.len(), all.notes.len(), all.open.len(), all.done), (3, 1, 0, true));
    }

    #[test]
    fn what_is_at_work_comes_before_what_waits_for_it() {
        let job = |text: &str, waits: &[&str], for_ms| Job {
            name: name(text),
            description: String::new(),
            job: Some("start".into()),
            phase: init::core::Phase::StartPre,
            doing: "ExecStartPre=/bin/x".into(),
            stopping: false,
            for_ms,
            timeout_in_ms: Some(87_000),
            waits_for: waits.iter().map(|w| name(w)).collect(),
            pids: vec![],
            main_pid: None,
            log: vec![],
        };
        let jobs = Jobs { jobs: vec![job("a", &["b"], 0), job("b", &[], 3000), job("z", &[], 9)], ..Jobs::default() };
        let open = [name("a"), name("b")];
        assert_eq!(
            picture(&open, Some(&jobs), 3),
            [
                "waiting for a, b (3s)",
                "  start b: ExecStartPre=/bin/x, for 3s, 1min 27s left",
                "  start a: waits for b"
            ]
        );
        assert_eq!(picture(&open[1..], Some(&jobs), 3), ["start b: ExecStartPre=/bin/x, for 3s, 1min 27s left"]);
        assert_eq!(picture(&open, None, 3), ["waiting for a, b (3s)"]);
    }

    #[test]
    fn a_switch_is_summed_up() {
        let ended = |names: &str, result: fn() -> JobResult| -> Vec<JobEnd> {
            names.split_whitespace().map(|n| end(n, result())).collect()
        };
        let units = [running("a"), running("b"), idle("c"), idle("d")];
        let failed = || JobResult::Failed(Outcome::Protocol);
        let level = Level::from_char('3').expect("a level");
        let text = |all: &[JobEnd]| switched(level, all, &units, Duration::from_millis(3210));
        let mut all = ended("a b c", || JobResult::Done);
        all.extend(ended("x", || JobResult::Already));
        assert_eq!(text(&all), "runlevel 3: 2 started, 1 stopped, 3.2 s\n");
        all.extend(ended("web", failed));
        assert_eq!(text(&all), "runlevel 3: 2 started, 1 stopped, 1 failed (web), 3.2 s\n");
        assert_eq!(text(&ended("a b c d e", failed)), "runlevel 3: 5 failed (a, b, c, d and 1 more), 3.2 s\n");
        assert_eq!(text(&ended("a b", || JobResult::Replaced)), "runlevel 3: 2 called off, 3.2 s\n");
        assert_eq!(text(&ended("a", || JobResult::Already)), "runlevel 3: nothing to start or stop, 3.2 s\n");
    }

    #[test]
    fn waiting_is_one_short_line() {
        let names: Vec<UnitName> = ["a", "b", "c", "d", "e"].map(name).into();
        assert_eq!(waiting(&names, 3), "waiting for a, b, c and 2 more (3s)");
        assert_eq!(
            (waiting(&names[..1], 0), waiting(&[], 1)),
            ("waiting for a (0s)".into(), "waiting for the manager (1s)".into())
        );
    }
}
