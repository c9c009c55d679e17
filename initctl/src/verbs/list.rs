//! `list`.

use super::Context;
use super::ask::briefs;
use super::pattern::fits;
use crate::exit::Failure;
use crate::render::list::{self, COLUMNS, Column, is_failed};
use crate::render::{did_you_mean, word};
use init::proto::control::{Names, UnitStatus, Units};
use init::proto::words;
use init::unit::name::Kind;
use init::unit::{Level, Source, nearest};
use serde_json::value::RawValue;

#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only units whose names match one of these (`*`, `?`, `[a-z]`).
    #[arg(value_name = "PATTERN")]
    pub patterns: Vec<String>,
    /// Only units in one of these states, such as failed,activating.
    #[arg(long, short, value_parser = state, value_delimiter = ',', value_name = "STATE")]
    pub state: Vec<&'static str>,
    /// Only units that are on in this level.
    #[arg(long, short, value_parser = crate::cli::level, value_name = "LEVEL")]
    pub level: Option<Level>,
    /// Only units from these sources: native, systemd, script, inittab, generated.
    #[arg(long, value_parser = source, value_delimiter = ',', value_name = "SOURCE")]
    pub source: Vec<Source>,
    /// Only units of these kinds, such as service or target.
    #[arg(long, short, value_parser = kind, value_delimiter = ',', value_name = "KIND")]
    pub kind: Vec<Kind>,
    /// Only units that have failed, or whose files are bad.
    #[arg(long)]
    pub failed: bool,
    /// What to show of each, such as name,state,pid.
    #[arg(long, short, value_enum, value_delimiter = ',', value_name = "COLUMNS")]
    pub columns: Vec<Column>,
}

impl Args {
    /// Whether every unit fits.
    fn is_all(&self) -> bool {
        let named = self.patterns.is_empty() && self.source.is_empty() && self.kind.is_empty();
        named && self.state.is_empty() && self.level.is_none() && !self.failed
    }
}

/// The words a unit's state can be; those after the first six say what is wrong with the file of one that doesn't run.
const STATES: &[&str] =
    &["active", "inactive", "activating", "deactivating", "reloading", "failed", "bad", "masked", "missing"];
const SOURCES: &[Source] =
    &[Source::Native, Source::Systemd, Source::Script, Source::Twin, Source::Inittab, Source::Generated];

/// Finds a word among those there are.
fn word_of(what: &str, text: &str, all: &[&'static str]) -> Result<usize, String> {
    all.iter().position(|w| *w == text).ok_or_else(|| {
        let near = nearest(text, all.iter().copied());
        let near = did_you_mean(near.get(..1).unwrap_or_default());
        let near = if near.is_empty() { ".".to_owned() } else { near };
        format!("`{text}` is no {what}{near} There are {}", all.join(", "))
    })
}

fn state(text: &str) -> Result<&'static str, String> {
    let at = word_of("state", text, STATES)?;
    STATES.get(at).copied().ok_or_else(String::new)
}

fn source(text: &str) -> Result<Source, String> {
    let words: Vec<&str> = SOURCES.iter().map(|s| list::source(*s)).collect();
    let at = word_of("source", text, &words)?;
    SOURCES.get(at).copied().ok_or_else(String::new)
}

fn kind(text: &str) -> Result<Kind, String> {
    let words: Vec<&str> = Kind::ALL.iter().map(|k| k.suffix()).collect();
    let at = word_of("kind", text.trim_start_matches('.'), &words)?;
    Kind::ALL.get(at).copied().ok_or_else(String::new)
}

/// Where there is nothing at all.
const NONE: &str = "there are no units and no init scripts\n  try: initctl new NAME -- CMD, for a first one";

pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    // With all that is known of them, the whole list is printed as it came.
    if c.out.global.json && args.is_all() {
        let all: Box<RawValue> = c.ask("List", &())?;
        return c.out.data(&all, |_, _| String::new());
    }
    let mut all = match c.out.global.json {
        true => c.ask("List", &())?,
        false => Units { units: briefs(c, &Names::default(), "List")? },
    };
    let there = !all.units.is_empty();
    all.units.retain(|u| keeps(args, u));
    let now = super::status::when().now;
    let columns = if args.columns.is_empty() { COLUMNS } else { &args.columns };
    if all.units.is_empty() && !c.out.global.json {
        c.out.message(if there { "no unit fits\n  try: initctl list, for all of them" } else { NONE });
    }
    c.out.data(&all, |all, style| list::list(&all.units, columns, now, style))
}

fn keeps(args: &Args, unit: &UnitStatus) -> bool {
    let state = args.state.is_empty() || args.state.iter().any(|s| *s == word(unit) || *s == words::state(unit.state));
    let level = args.level.is_none_or(|l| unit.levels.contains(l.as_char()));
    let source = args.source.is_empty() || args.source.contains(&unit.source);
    let kind = args.kind.is_empty() || args.kind.contains(&unit.name.kind());
    let named = args.patterns.is_empty() || args.patterns.iter().any(|p| fits(p, &unit.name));
    state && level && source && kind && named && (!args.failed || is_failed(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{failed, idle, running};

    #[test]
    fn filters_add_up() {
        let units = [running("nginx"), failed("cron"), idle("getty@tty1")];
        let kept = |args: &Args| {
            units.iter().filter(|u| keeps(args, u)).map(|u| u.name.short().to_owned()).collect::<Vec<_>>()
        };
        let args = |p: &[&str], s: &[&'static str], l: Option<char>| Args {
            patterns: p.iter().map(|p| (*p).to_owned()).collect(),
            state: s.to_vec(),
            level: l.and_then(Level::from_char),
            ..Args::default()
        };
        assert_eq!(kept(&args(&[], &[], None)).len(), 3);
        assert_eq!(kept(&args(&[], &["failed", "active"], None)), ["nginx", "cron"]);
        assert_eq!(kept(&args(&["getty@*", "nginx.service"], &[], None)), ["nginx", "getty@tty1"]);
        assert_eq!(kept(&args(&[], &[], Some('2'))), ["nginx"]);
    }

    #[test]
    fn by_source_kind_and_failure() {
        let mut script = running("cron");
        script.source = Source::Script;
        let units = [script, failed("web"), running("net.target")];
        let kept = |args: Args| {
            units.iter().filter(|u| keeps(&args, u)).map(|u| u.name.short().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(kept(Args { source: vec![Source::Script], ..Args::default() }), ["cron"]);
        assert_eq!(kept(Args { kind: vec![Kind::Target], ..Args::default() }), ["net.target"]);
        assert_eq!(kept(Args { failed: true, ..Args::default() }), ["web"]);
    }

    #[test]
    fn a_word_that_means_nothing_is_refused_and_the_right_ones_named() {
        assert_eq!(state("failed"), Ok("failed"));
        let text = state("fialed").expect_err("no state");
        assert!(text.contains("did you mean failed?") && text.contains("activating"), "{text}");
        assert!(source("native").is_ok() && source("upstart").is_err_and(|t| t.contains("systemd, script")));
        assert!(kind(".service").is_ok() && kind("socks").is_err());
    }
}
