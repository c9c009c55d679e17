//! `why` and `explain`: pages of sentences.

use super::history::fold;
use super::status::When;
use super::{clean, paint, time, word};
use crate::terminal::{Paint, Style};
use init::core::State;
use init::proto::control::{Explanation, Why};
use init::proto::words;
use init::unit::Source;

const LABEL: usize = 10;

/// The page of `why`.
pub fn page(why: &Why, log: &[String], when: When, style: &Style) -> String {
    let unit = &why.unit;
    let mut page = Page { text: String::new(), style };
    page.text.push_str(&format!("{}\n", fold(&style.paint(Paint::Bold, &clean(&why.verdict)), style.width, 0)));
    let mut state = style.paint(paint(unit), word(unit));
    if let Some(since) = unit.since_ms {
        let ago = time::short(when.now.saturating_sub(since));
        state.push_str(&format!(" since {} ({ago} ago)", time::moment(since, when.offset)));
    }
    page.lines("state", &[state]);
    if let Some(cause) = &unit.cause {
        let ago = time::short(when.now.saturating_sub(cause.asked.at_ms));
        page.lines("asked by", &[format!("{}: {} ({ago} ago)", cause.job, cause.sentence())]);
    }
    page.lines("because", &why.because);
    page.lines("waiting", &why.waiting);
    if unit.state == State::Failed || unit.restarts > 0 {
        page.lines("failure", &unit.reason.iter().flat_map(|r| r.lines()).map(str::to_owned).collect::<Vec<_>>());
        page.lines("last exit", &unit.last_exit.map(words::exit).into_iter().collect::<Vec<_>>());
    }
    page.lines("said", &unit.status_text.iter().cloned().collect::<Vec<_>>());
    let mistakes = unit.load_error.iter().filter(|e| unit.state != State::Failed || unit.reason.as_ref() != Some(e));
    page.lines("file error", &mistakes.flat_map(|e| e.lines()).map(str::to_owned).collect::<Vec<_>>());
    let sources = why.sources.iter().map(|s| format!("{} ({}): {}", s.path, source(s.source), s.part));
    page.lines("files", &sources.collect::<Vec<_>>());
    let value = |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
    let differs = why.differences.iter();
    let differs =
        differs.map(|d| format!("{}: runs with {}, the file says {}", d.key, value(&d.running), value(&d.file)));
    page.lines("differs", &differs.collect::<Vec<_>>());
    page.lines("log", log);
    page.lines("next", &why.next);
    page.text
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Native => "Rung's",
        Source::Systemd => "systemd's",
        Source::Script => "script",
        Source::Twin => "twin",
        Source::Inittab => "inittab",
        Source::Generated => "made by Rung",
    }
}

/// The page of `explain`.
pub fn explanation(all: &Explanation, style: &Style) -> String {
    let mut text = format!("{}\n", style.paint(Paint::Bold, &format!("A start of {} would do this:", all.name)));
    for with in &all.with {
        text.push_str(&format!("  {}\n", fold(&clean(with), style.width.map(|w| w.saturating_sub(4)), 4)));
    }
    for command in &all.commands {
        let place = command.place.as_deref().map(|p| format!(" ({p})")).unwrap_or_default();
        text.push_str(&format!("\n{}\n", style.paint(Paint::Bold, &format!("{}={}", command.key, clean(&place)))));
        for problem in command.problem.iter().flat_map(|p| p.lines()) {
            text.push_str(&format!("  {}\n", style.paint(Paint::Bad, &clean(problem))));
        }
        for (number, step) in (1..).zip(&command.steps) {
            let key = match (&step.place, step.key.as_str()) {
                (Some(place), key) => format!(" [{key}= {place}]"),
                (None, "") => " [by Rung]".to_owned(),
                (None, key) => format!(" [{key}=, default]"),
            };
            // A step of the command itself needn't say so.
            let key = if step.key == command.key { String::new() } else { key };
            let line = format!("{}{key}", clean(&step.text));
            text.push_str(&format!("  {number:>2}  {}\n", fold(&line, style.width.map(|w| w.saturating_sub(6)), 6)));
        }
    }
    text
}

/// A page under construction.
struct Page<'a> {
    text: String,
    style: &'a Style,
}

impl Page<'_> {
    /// A line or more for each value; the label stands before the first.
    fn lines(&mut self, label: &str, values: &[String]) {
        for (index, value) in values.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let label = self.style.paint(Paint::Dim, &format!("{label:>LABEL$}"));
            // What was painted already holds escapes, which `clean` would show.
            let value = if value.contains('\x1b') { value.clone() } else { clean(value) };
            let room = self.style.width.map(|w| w.saturating_sub(LABEL + 2));
            self.text.push_str(&format!("{label}  {}\n", fold(&value, room, LABEL + 2)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{NOW, failed};
    use init::proto::control::{Difference, ExplainedCommand, ExplainedStep, UnitSource};

    #[test]
    fn a_page_says_what_happened_and_what_to_do_within_80_columns() {
        let why = Why {
            unit: failed("cron"),
            verdict: "cron has failed: ExecStart= (/etc/rung/units/cron.service:4) was killed by SIGSEGV".into(),
            because: vec!["on in runlevel 3: /etc/rung/levels/3/cron.service".into()],
            waiting: vec!["start of cron waits for db".into()],
            sources: vec![UnitSource {
                path: "/etc/rung/units/cron.service".into(),
                source: Source::Native,
                part: "used".into(),
            }],
            differences: vec![Difference { key: "Restart".into(), running: "no".into(), file: "always".into() }],
            next: vec!["initctl logs cron -n 50".into()],
        };
        let style = Style { width: Some(80), colour: false };
        let text = page(&why, &["2026 out a\x1b[2Jline".into()], When { now: NOW, offset: 0 }, &style);
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        for part in
            ["cron has failed", "because  on in runlevel 3", "differs  Restart: runs with `no`", "next  initctl logs"]
        {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }

    #[test]
    fn steps_say_where_they_come_from() {
        let step = |text: &str, key: &str, place: Option<&str>| ExplainedStep {
            text: text.into(),
            key: key.into(),
            place: place.map(ToOwned::to_owned),
        };
        let command = ExplainedCommand {
            key: "ExecStart".into(),
            place: Some("/u/a.service:3".into()),
            steps: vec![
                step("umask 0022", "UMask", None),
                step("user 33", "User", Some("/u/a.service:4")),
                step("execute /bin/true as: true", "ExecStart", Some("/u/a.service:3")),
            ],
            problem: None,
        };
        let name = init::unit::UnitName::new("a").expect("name");
        let text = explanation(
            &Explanation { name, with: vec!["db, required by a: runs already".into()], commands: vec![command] },
            &Style::default(),
        );
        let wanted = "\
A start of a would do this:
  db, required by a: runs already

ExecStart= (/u/a.service:3)
   1  umask 0022 [UMask=, default]
   2  user 33 [User= /u/a.service:4]
   3  execute /bin/true as: true
";
        assert_eq!(text, wanted);
    }
}
