//! `initctl status NAME`: a page about one unit.

use super::{clean, paint, time, word};
use crate::terminal::{Paint, Style};
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

const LABEL: usize = 10;

/// The page; `log` are the last lines the service wrote.
pub fn status(unit: &UnitStatus, log: &[String], when: When, style: &Style) -> String {
    let mut page = Page { text: String::new(), style };
    let title = style.paint(Paint::Bold, unit.name.as_str());
    page.text.push_str(&format!("{title} - {}\n", clean(&unit.description)));
    page.line("state", &state_line(unit, when, style));
    page.some("status", said(unit));
    page.some("main pid", unit.main_pid.map(|p| p.to_string()));
    page.some("control pid", unit.control_pid.map(|p| p.to_string()));
    page.words("pids", unit.pids.iter().map(i32::to_string));
    page.some("job", unit.job.as_deref().map(|job| job_line(job, unit)));
    page.some("last exit", unit.last_exit.map(words::exit));
    page.some("reason", reason(unit));
    page.some("file error", unit.load_error.as_deref().map(str::to_owned));
    page.some("restarts", (unit.restarts > 0).then(|| unit.restarts.to_string()));
    let levels = if unit.levels.is_empty() { "off in every level".to_owned() } else { clean(&unit.levels) };
    page.line("levels", &levels);
    for (index, file) in unit.files.iter().enumerate() {
        page.line(if index == 0 { "files" } else { "" }, &clean(file));
    }
    if unit.changed_on_disk && unit.load_error.is_some() {
        page.line("", "changed since the service was started, and wrong: a restart is refused until it is put right");
    } else if unit.changed_on_disk {
        page.line("", "changed since the service was started; a restart uses the new version");
    }
    for (label, names) in
        [("requires", &unit.requires), ("wants", &unit.wants), ("after", &unit.after), ("conflicts", &unit.conflicts)]
    {
        page.words(label, names.iter().map(UnitName::to_string));
    }
    if !log.is_empty() {
        page.text.push('\n');
        for line in log {
            page.text.push_str(line);
            page.text.push('\n');
        }
    }
    page.text
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

fn job_line(job: &str, unit: &UnitStatus) -> String {
    let mut text = clean(job);
    if !unit.waits_for.is_empty() {
        let names: Vec<String> = unit.waits_for.iter().map(UnitName::to_string).collect();
        text.push_str(&format!(", waits for {}", names.join(", ")));
    }
    if let Some(ms) = unit.timeout_in_ms {
        text.push_str(&format!(", times out in {}", time::short(ms)));
    }
    text
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

    #[test]
    fn a_running_service() {
        let mut unit = running("nginx");
        unit.status_text = Some("ready\x07".into());
        unit.files.push("/etc/rung/units/nginx.service.d/x.conf".into());
        unit.changed_on_disk = true;
        let wanted = "\
nginx.service - The nginx daemon
     state  active (running) since 2026-11-23 02:15:00 (5min ago)
    status  ready\\u{7}
  main pid  812
      pids  812 813
    levels  2345
     files  /usr/lib/rung/units/nginx.service
            /etc/rung/units/nginx.service.d/x.conf
            changed since the service was started; a restart uses the new version
     after  network.target syslog

2026 out hello
";
        assert_eq!(status(&unit, &["2026 out hello".into()], WHEN, &Style::default()), wanted);
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
";
        assert_eq!(status(&failed("cron"), &[], WHEN, &Style::default()), wanted);
        let mut unit = failed("cron");
        unit.reason = None;
        assert_eq!(reason(&unit).as_deref(), Some("ExecStart killed by SIGSEGV (core dumped)"));
    }

    #[test]
    fn a_waiting_job_says_for_what() {
        let mut unit = idle("a");
        (unit.job, unit.waits_for, unit.timeout_in_ms) = (Some("start".into()), vec![name("b")], Some(5000));
        let text = status(&unit, &[], WHEN, &Style::default());
        assert!(text.contains("\n       job  start, waits for b, times out in 5s\n"), "{text}");
        assert!(text.contains("\n    levels  off in every level\n"), "{text}");
    }

    #[test]
    fn long_lists_are_folded_at_the_width() {
        let mut unit = running("a");
        unit.pids = (1000..1030).collect();
        let text = status(&unit, &[], WHEN, &Style { width: Some(40), colour: false });
        let lines: Vec<&str> = text.lines().filter(|l| l.contains(" 10")).collect();
        assert_eq!(lines.len(), 6, "{text}");
        assert!(lines.iter().all(|l| l.len() <= 40), "{text}");
    }
}
