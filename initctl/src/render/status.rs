//! `initctl status NAME`: a page about one unit.

use super::{clean, paint, ps, time, word};
use crate::graph::{Graph, Relation, relations};
use crate::processes::Group;
use crate::terminal::{Glyphs, Paint, Style, cut};
use init::core::{Phase, State};
use init::proto::control::UnitStatus;
use init::proto::words;
use init::unit::UnitName;

/// When a page is made: milliseconds since the epoch, and how far local time is east of UTC, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// Now.
    pub now: u64,
    /// Offset of local time.
    pub offset: i32,
}

const LABEL: usize = 11;

/// What a page is made of, besides the unit itself.
#[derive(Debug)]
pub struct About<'a> {
    /// The last lines the service wrote.
    pub log: &'a [String],
    /// Its processes, where they could be asked for.
    pub group: Option<&'a Group>,
    /// All units, for what refers to this one.
    pub graph: &'a Graph<'a>,
    /// The moment.
    pub when: When,
    /// What trees are drawn with.
    pub glyphs: &'a Glyphs,
}

/// The page.
pub fn status(unit: &UnitStatus, about: &About<'_>, style: &Style) -> String {
    let mut page = Page { text: String::new(), style };
    let title = style.paint(Paint::Bold, unit.name.as_str());
    page.text.push_str(&format!("{title} - {}\n", clean(&unit.description)));
    for (index, place) in unit.documentation.iter().enumerate() {
        page.line(if index == 0 { "docs" } else { "" }, &clean(place));
    }
    page.line("state", &state_line(unit, about.when, style));
    page.some("", unit.job.as_deref().map(|job| job_line(job, unit)));
    page.some("", unit.timeout_in_ms.map(|ms| next_line(unit.phase, ms)));
    page.some("status", said(unit));
    processes(&mut page, unit, about);
    page.some("asked by", unit.cause.as_ref().map(|c| clean(&format!("{}: {}", c.job, c.sentence()))));
    page.some("last exit", unit.last_exit.map(words::exit));
    page.some("reason", reason(unit));
    page.some("file error", unit.load_error.clone().filter(|e| unit.reason.as_ref() != Some(e)));
    page.some("restarts", (unit.restarts > 0).then(|| unit.restarts.to_string()));
    let levels = if unit.levels.is_empty() { "off in every level".to_owned() } else { clean(&unit.levels) };
    page.line("levels", &levels);
    for (index, file) in unit.files.iter().enumerate() {
        page.line(if index == 0 { "files" } else { "" }, &clean(file));
    }
    let made_from = unit.settings.iter().find(|(key, _)| key == "SourcePath");
    page.some("made from", made_from.map(|(_, path)| path.clone()));
    if unit.changed_on_disk && unit.load_error.is_some() {
        page.line("", "changed since the service was started, and wrong: a restart is refused until it is put right");
    } else if unit.changed_on_disk {
        page.line("", "changed since the service was started; a restart uses the new version");
    }
    for (relation, names) in relations(unit) {
        page.words(relation.word(), names.iter().map(UnitName::to_string));
    }
    for relation in [
        Relation::Requires,
        Relation::BindsTo,
        Relation::Requisite,
        Relation::Wants,
        Relation::Upholds,
        Relation::PartOf,
        Relation::After,
    ] {
        page.words(relation.reverse(), about.graph.referring(&unit.name, relation).iter().map(UnitName::to_string));
    }
    if !about.log.is_empty() {
        page.text.push('\n');
        for line in about.log {
            page.text.push_str(line);
            page.text.push('\n');
        }
    }
    page.text
}

/// The main process, the one beside it, and all of them as a tree with what they use.
fn processes(page: &mut Page<'_>, unit: &UnitStatus, about: &About<'_>) {
    let tasks = about.group.map(|g| g.tasks.as_slice()).unwrap_or_default();
    let room = page.style.width.map(|w| w.saturating_sub(LABEL + 2));
    let named = |pid: i32| {
        let command = tasks.iter().find(|t| t.pid == pid).map(|t| format!(" {}", ps::command(t)));
        cut(&format!("{pid}{}", command.unwrap_or_default()), room)
    };
    page.some("main pid", unit.main_pid.map(named));
    page.some("control pid", unit.control_pid.map(named));
    match about.group.filter(|g| !g.tasks.is_empty()) {
        None => page.words("pids", unit.pids.iter().map(i32::to_string)),
        Some(group) => {
            page.line("processes", &ps::sum(group));
            for line in ps::lines(group, about.glyphs, room) {
                page.line("", &line.render(None, page.style));
            }
        }
    }
}

/// What the service said of itself.
fn said(unit: &UnitStatus) -> Option<String> {
    let errno = unit.status_errno.filter(|n| *n > 0).map(|n| words::errno_text(n).to_owned());
    let exit = unit.status_exit.as_ref().map(|s| format!("exit status {}", clean(s)));
    let error = unit.status_bus_error.as_deref().map(clean);
    let parts: Vec<String> =
        unit.status_text.as_deref().map(clean).into_iter().chain(errno).chain(exit).chain(error).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn state_line(unit: &UnitStatus, when: When, style: &Style) -> String {
    let mut text = style.paint(paint(unit), word(unit));
    let detail = words::phase_text(unit.phase);
    if !matches!(unit.phase, Phase::Dead) {
        text.push_str(&format!(" ({detail})"));
    }
    if let Some(since) = unit.since_ms {
        let ago = time::short(when.now.saturating_sub(since));
        text.push_str(&format!(" since {} ({ago} ago)", time::moment(since, when.offset)));
    }
    text
}

/// What is to be done, as what has been: `started`.
fn done(job: &str) -> String {
    match job {
        "start" => "started".to_owned(),
        "stop" => "stopped".to_owned(),
        "restart" => "restarted".to_owned(),
        "reload" => "reloaded".to_owned(),
        other => clean(other),
    }
}

fn job_line(job: &str, unit: &UnitStatus) -> String {
    let mut text = format!("to be {}", done(job));
    if !unit.waits_for.is_empty() {
        let names: Vec<String> = unit.waits_for.iter().map(UnitName::to_string).collect();
        text.push_str(&format!(", waits for {}", names.join(", ")));
    }
    text
}

/// What the time will bring.
fn next_line(phase: Phase, ms: u64) -> String {
    let span = time::short(ms.saturating_add(999));
    match phase {
        Phase::AutoRestart => format!("started again in {span}"),
        Phase::Running | Phase::Exited => format!("its time is up in {span}"),
        Phase::Stop | Phase::StopSignal | Phase::StopPost | Phase::FinalSignal => {
            format!("killed in {span}, if it isn't down by then")
        }
        _ => format!("given up in {span}, if it isn't through by then"),
    }
}

/// Why it is down: the manager's sentence, else the bare outcome.
pub fn reason(unit: &UnitStatus) -> Option<String> {
    let own = unit.reason.clone().filter(|r| !r.is_empty());
    own.or_else(|| {
        let outcome = unit.outcome.as_ref().filter(|_| unit.state == State::Failed)?;
        Some(words::outcome(outcome))
    })
}

/// A page under construction.
struct Page<'a> {
    text: String,
    style: &'a Style,
}

impl Page<'_> {
    fn line(&mut self, label: &str, value: &str) {
        let label = self.style.paint(Paint::Dim, &format!("{label:>LABEL$}"));
        self.text.push_str(&format!("{label}  {value}\n"));
    }

    /// A line for each line of the value, if there is one.
    fn some(&mut self, label: &str, value: Option<String>) {
        for (index, line) in value.iter().flat_map(|v| v.lines()).enumerate() {
            self.line(if index == 0 { label } else { "" }, &clean(line));
        }
    }

    /// Words, as many on a line as fit.
    fn words(&mut self, label: &str, words: impl Iterator<Item = String>) {
        let room = self.style.width.map_or(usize::MAX, |w| w.saturating_sub(LABEL + 2));
        let (mut line, mut label) = (String::new(), label);
        for word in words {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                self.line(std::mem::take(&mut label), &std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        if !line.is_empty() {
            self.line(label, &line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{NOW, failed, idle, name, running};
    use super::*;

    const WHEN: When = When { now: NOW, offset: 3600 };

    fn page(unit: &UnitStatus, group: Option<&Group>, others: &[UnitStatus], width: Option<usize>) -> String {
        let log = ["2026 out hello".to_owned()];
        let graph = Graph::new(others);
        let about = About { log: &log, group, graph: &graph, when: WHEN, glyphs: &Glyphs::ASCII };
        status(unit, &about, &Style { width, colour: false })
    }

    #[test]
    fn a_running_service() {
        let mut unit = running("web");
        unit.status_text = Some("ready\x07".into());
        unit.main_pid = Some(12);
        unit.files.push("/etc/rung/units/web.service.d/x.conf".into());
        unit.changed_on_disk = true;
        let mut client = idle("client");
        (client.requires, client.after) = (vec![name("web")], vec![name("web")]);
        let group = ps::tests::picture().units.remove(0);
        let wanted = "\
web.service - The web daemon
      state  active (running) since 2026-11-23 02:15:00 (5min ago)
     status  ready\\u{7}
   main pid  12 web: master
  processes  3 processes, 5.0M, 1min 1s CPU
             12 12M 0.12s web: master
             13 13M 0.12s |-web: worker\\u{1b}[2J
             14 14M 0.12s `-web: worker
     levels  2345
      files  /usr/lib/rung/units/web.service
             /etc/rung/units/web.service.d/x.conf
             changed since the service was started; a restart uses the new version
      after  network.target syslog
required by  client
     before  client

2026 out hello
";
        assert_eq!(page(&unit, Some(&group), &[unit.clone(), client], None), wanted);
    }

    #[test]
    fn a_failed_one_says_why() {
        let wanted = "\
cron.service - The cron daemon
      state  failed since 2026-11-23 00:20:00 (2h ago)
  last exit  killed by SIGSEGV (core dumped)
     reason  ExecStart (/etc/rung/units/x.service:4) was killed by SIGSEGV
   restarts  5
     levels  3
      files  /usr/lib/rung/units/cron.service

2026 out hello
";
        assert_eq!(page(&failed("cron"), None, &[], None), wanted);
        let mut unit = failed("cron");
        unit.reason = None;
        assert_eq!(reason(&unit).as_deref(), Some("ExecStart killed by SIGSEGV (core dumped)"));
    }

    #[test]
    fn what_it_waits_for_and_what_comes_next_is_said_in_words() {
        let mut unit = idle("a");
        (unit.job, unit.waits_for) = (Some("start".into()), vec![name("b")]);
        let text = page(&unit, None, &[], None);
        assert!(text.contains("\n             to be started, waits for b\n"), "{text}");
        assert!(text.contains("\n     levels  off in every level\n"), "{text}");
        for (phase, words) in [
            (Phase::AutoRestart, "started again in 5s"),
            (Phase::Start, "given up in 5s"),
            (Phase::StopSignal, "killed in 5s"),
        ] {
            (unit.phase, unit.timeout_in_ms) = (phase, Some(4100));
            let text = page(&unit, None, &[], None);
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn long_lists_are_folded_at_the_width() {
        let mut unit = running("a");
        unit.pids = (1000..1030).collect();
        let text = page(&unit, None, &[], Some(40));
        let lines: Vec<&str> = text.lines().filter(|l| l.contains(" 10")).collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines.iter().all(|l| l.len() <= 40), "{text}");
    }
}
