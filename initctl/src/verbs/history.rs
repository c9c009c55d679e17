//! `history`: what happened, from the file that outlives boots.

use super::Context;
use super::pattern::fits;
use crate::exit::{FAILED, Failure};
use crate::logs::{Folders, unreadable};
use crate::render::history::{self, Row};
use crate::render::time;
use init::log::history::Past;
use init::sys::localtime;
use init::unit::UnitName;
use serde::Serialize;
use std::time::Duration;

/// Further help.
pub const HELP: &str = "\
The history is the file @history/current beside the logs, one line an event with tabs between its parts; older parts of
it are current.1 to current.3. Only root may read it.

Exit status: 0 something is shown, 1 nothing is, or it can't be read.

Examples:
  initctl history nginx
  initctl history --boot -n all
  initctl history 'getty@*' --since 2h
  initctl history --since '2026-11-23 08:00'";

/// The command line.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only of these units (`*`, `?`, `[a-z]`).
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How many of the last events to show, or `all`.
    #[arg(long, short = 'n', default_value = "100", value_parser = crate::cli::lines, value_name = "N")]
    pub lines: usize,
    /// Only from then on: `30min`, `2h`, `3d` ago, or `2026-11-23`, or with a time `2026-11-23 08:00`.
    #[arg(long, value_parser = since, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only of this boot; --boot=-1 is the one before, and so on.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "0", allow_negative_numbers = true, value_name = "N")]
    pub boot: Option<i32>,
}

/// From when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// Local time as in the file: times that are greater as texts are later.
    At(String),
}

fn since(text: &str) -> Result<Since, String> {
    let wrong = || "a span (30min, 2h, 3d) or a moment (2026-11-23, 2026-11-23 08:00) is wanted".to_owned();
    let text = text.trim();
    let date = text.len() >= 10
        && text
            .bytes()
            .take(10)
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    if date {
        let rest = text.get(10..).unwrap_or_default().trim_start_matches(['T', ' ']);
        return if rest.bytes().all(|b| b.is_ascii_digit() || b == b':') {
            Ok(Since::At(format!("{}T{rest}", text.get(..10).unwrap_or_default())))
        } else {
            Err(wrong())
        };
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "" | "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wrong()),
    };
    Ok(Since::Ago(Duration::from_secs(number.saturating_mul(seconds))))
}

/// An event, for `--json`.
#[derive(Serialize)]
struct Event<'a> {
    time: &'a str,
    boot: &'a str,
    seq: u64,
    unit: Option<&'a str>,
    kind: &'static str,
    text: &'a str,
    by: Option<&'a str>,
}

#[derive(Serialize)]
struct Document<'a> {
    events: Vec<Event<'a>>,
}

/// `history [NAME…]`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let folders = Folders::of_system();
    let all = folders.history().map_err(|e| unreadable("the history", &folders, &e))?;
    let begin = args.since.as_ref().map(|since| match since {
        Since::At(text) => text.clone(),
        Since::Ago(span) => {
            let now = super::status::when().now;
            let then = now.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
            let offset = localtime::offset(i64::try_from(then / 1000).unwrap_or(0));
            time::moment(then, offset).replace(' ', "T")
        }
    });
    let boot = args.boot.map(|back| boot_of(&all, back)).transpose().map_err(Failure::Other)?;
    let named = |past: &&Past| {
        let name = UnitName::new(&past.unit).ok();
        let of = |pattern: &String| past.unit == *pattern || name.as_ref().is_some_and(|name| fits(pattern, name));
        args.names.is_empty() || args.names.iter().any(of)
    };
    let mut kept: Vec<&Past> = all
        .iter()
        .filter(|past| begin.as_ref().is_none_or(|begin| past.time >= *begin))
        .filter(|past| boot.as_ref().is_none_or(|boot| past.boot == *boot))
        .filter(named)
        .collect();
    kept.drain(..kept.len().saturating_sub(args.lines));
    let some = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
    let document = Document {
        events: kept
            .iter()
            .map(|past| Event {
                time: &past.time,
                boot: &past.boot,
                seq: past.seq,
                unit: (!past.unit.is_empty()).then_some(past.unit.as_str()),
                kind: past.kind.word(),
                text: &past.text,
                by: (!past.by.is_empty()).then_some(past.by.as_str()),
            })
            .collect(),
    };
    let rows: Vec<Row> = kept
        .iter()
        .map(|past| Row {
            time: past.time.get(..19).unwrap_or(&past.time).replace('T', " "),
            unit: some(&past.unit).and_then(|n| UnitName::new(&n).ok()).map(|n| n.short().to_owned()),
            kind: past.kind,
            text: past.text.clone(),
            by: past.by.clone(),
        })
        .collect();
    c.out.data(&document, |_, style| history::rows(&rows, style))?;
    if kept.is_empty() {
        if !c.out.global.json {
            let of = if args.names.is_empty() { String::new() } else { format!(" of {}", args.names.join(", ")) };
            c.out.message(&format!("nothing is known{of} for that time\n  try: initctl history -n all"));
        }
        return Err(Failure::Status(FAILED));
    }
    Ok(())
}

/// The name of the boot that many boots back.
fn boot_of(all: &[Past], back: i32) -> Result<String, String> {
    let mut boots: Vec<&str> = Vec::new();
    for past in all {
        if !boots.contains(&past.boot.as_str()) {
            boots.push(&past.boot);
        }
    }
    let wanted = usize::try_from(back.unsigned_abs()).unwrap_or(usize::MAX);
    let found = boots.iter().rev().nth(wanted).filter(|_| back <= 0);
    found
        .map(|b| (*b).to_owned())
        .ok_or_else(|| format!("the history knows {} boots: 0 is this one, -1 the one before", boots.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_spans_are_read() {
        assert_eq!(since("2h"), Ok(Since::Ago(Duration::from_secs(7200))));
        assert_eq!(since("10 min"), Ok(Since::Ago(Duration::from_secs(600))));
        assert_eq!(since("2026-11-23"), Ok(Since::At("2026-11-23T".into())));
        assert_eq!(since("2026-11-23 08:00"), Ok(Since::At("2026-11-23T08:00".into())));
        for wrong in ["", "soon", "2x", "2026-11-23 noon", "-5"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn boots_are_counted_back() {
        let past = |boot: &str| Past {
            time: String::new(),
            boot: boot.into(),
            seq: 1,
            unit: String::new(),
            kind: init::proto::control::EventKind::Boot,
            text: String::new(),
            by: String::new(),
        };
        let all = [past("a"), past("a"), past("b"), past("c")];
        assert_eq!(boot_of(&all, 0).as_deref(), Ok("c"));
        assert_eq!(boot_of(&all, -2).as_deref(), Ok("a"));
        assert!(boot_of(&all, -3).is_err() && boot_of(&all, 1).is_err());
    }
}
