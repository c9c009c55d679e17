//! `boot`: where its time went, of this one or an earlier one.

use super::Context;
use crate::boots::{self, Boot, Folders, Which};
use crate::exit::{Failure, UNKNOWN};
use crate::render::boot::{self, Course, Link, Part, Row};
use crate::render::did_you_mean;
use crate::render::table::text;
use crate::terminal::Line;
use init::client::Error;
use init::proto::control::{BootRecord, BootStage, BootUnit};
use init::sys::localtime;
use init::unit::{UnitName, nearest};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Further help.
pub const HELP: &str = "\
Boots are counted as journalctl counts them: 0 is this one, -1 the one before, 1 the first that is known; the last ten
are kept, in @boot beside the logs. A unit's first start of a boot counts. Times are since the kernel's start; in a
container, where there is no such thing, since PID 1's. CPU time is known of starts that took 50 ms or longer, where there
are cgroups.

Exit status: 0 shown, 1 it can't be, 4 no such unit in that boot.

Examples:
  initctl boot
  initctl boot critical-chain nginx
  initctl boot plot >boot.svg
  initctl boot blame -b -1";

/// What is to be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Kernel, init, level S, the level after it: how long each took, and when it was through.
    #[default]
    Time,
    /// Units, the longest starts first.
    Blame,
    /// What the boot, or a unit, waited for: from its end back to its beginning.
    CriticalChain,
    /// A picture (SVG): units with waiting, starting and running apart; load.
    Plot,
    /// The boots that are known.
    List,
}

/// The command line.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// What of the boot.
    #[arg(value_enum, default_value = "time", value_name = "WHAT")]
    pub what: What,
    /// Of blame and critical-chain: only these units.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Which boot, by number or name.
    #[arg(long, short, value_parser = which, default_value = "0", allow_negative_numbers = true, value_name = "N")]
    pub boot: Which,
    /// Write the picture into this file.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

fn which(text: &str) -> Result<Which, String> {
    Ok(Which(text.to_owned()))
}

#[derive(Serialize)]
struct Times<'a> {
    boot: &'a str,
    stage: BootStage,
    container: bool,
    begun_ms: u64,
    total_ms: u64,
    parts: Vec<Part>,
    units: usize,
    failed: Vec<&'a UnitName>,
}

#[derive(Serialize)]
struct Units<'a> {
    boot: &'a str,
    units: Vec<&'a BootUnit>,
}

#[derive(Serialize)]
struct Chains<'a> {
    boot: &'a str,
    chains: Vec<Vec<Step<'a>>>,
}

/// A unit or a level of a chain.
#[derive(Serialize)]
struct Step<'a> {
    unit: Option<&'a UnitName>,
    level: Option<String>,
    done_ms: Option<u64>,
    took_ms: Option<u64>,
}

#[derive(Serialize)]
struct Boots {
    boots: Vec<Row>,
}

/// `boot [WHAT]`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    if args.output.is_some() && args.what != What::Plot {
        return Err(Failure::Other("only a plot goes into a file\n  try: initctl boot plot -o FILE".to_owned()));
    }
    if !args.names.is_empty() && !matches!(args.what, What::Blame | What::CriticalChain) {
        let text = format!("`{}`: names are for blame and critical-chain", args.names.join(" "));
        return Err(Failure::Other(text));
    }
    let now = c.ask::<_, BootRecord>("Boot", &());
    // Without a manager, as on a rescue system, the last record stands for it.
    let (now, gone) = match now {
        Ok(now) => (Some(now), None),
        Err(Failure::Client(e @ (Error::NoManager { .. } | Error::Lost { .. } | Error::Silent { .. }))) => {
            (None, Some(e))
        }
        Err(other) => return Err(other),
    };
    let this = now.as_ref().map(|now| now.boot.clone());
    let all = match Folders::of_system().all(now.clone()) {
        Ok(all) => all,
        // This boot needs no file.
        Err(why) => match now {
            Some(now) if args.boot == Which::default() => {
                let (folder, error) = why;
                c.out.message(&format!("earlier boots can't be shown: {}: {error}", folder.display()));
                vec![Boot { name: now.boot.clone(), record: Ok(now) }]
            }
            _ => return Err(boots::unreadable(why)),
        },
    };
    if let (true, Some(gone)) = (all.is_empty(), gone) {
        return Err(Failure::Client(gone));
    }
    let is_this = |boot: &Boot| this.as_ref() == Some(&boot.name);
    if args.what == What::List {
        return list(c, &all, is_this);
    }
    let found = all.get(args.boot.find(&all).map_err(Failure::Other)?);
    let found = found.ok_or_else(|| Failure::Other("no boot is known".to_owned()))?;
    let record =
        found.record.as_ref().map_err(|why| Failure::Other(format!("cannot read the record of a boot: {why}")))?;
    let course = Course::new(record);
    let offset = offset(course.clock(course.base));
    match args.what {
        What::Plot => plot(c, args, &course, offset),
        What::Blame => {
            let names = resolve(c, &course, &args.names)?;
            let shown: Vec<String> = names.iter().map(|unit| unit.name.as_str().to_owned()).collect();
            let units = if names.is_empty() { course.units() } else { names };
            c.out.data(&Units { boot: &record.boot, units }, |_, style| {
                text(&boot::blame(&course, &shown, style.width.is_some(), style.width), style)
            })
        }
        What::CriticalChain => chain(c, args, &course),
        What::Time | What::List => {
            let times = Times {
                boot: &record.boot,
                stage: record.stage,
                container: record.container,
                begun_ms: course.clock(course.base),
                total_ms: course.total(),
                parts: course.parts(),
                units: course.units().len(),
                failed: course.failed().iter().map(|unit| &unit.name).collect(),
            };
            c.out.data(&times, |_, style| text(&boot::times(&course, is_this(found), offset, style.width), style))
        }
    }
}

fn offset(ms: u64) -> i32 {
    localtime::offset(i64::try_from(ms / 1000).unwrap_or(0))
}

/// The units of these names in that boot; an unknown one is told with the nearest there are.
fn resolve<'a>(c: &Context, course: &Course<'a>, names: &[String]) -> Result<Vec<&'a BootUnit>, Failure> {
    let mut found = Vec::new();
    for name in names {
        let is = |unit: &&&BootUnit| unit.name.as_str() == name || unit.name.short() == name;
        match course.units().iter().find(is) {
            Some(unit) => found.push(*unit),
            None => {
                let known: Vec<&str> = course.units().iter().map(|unit| unit.name.short()).collect();
                let near = did_you_mean(&nearest(name, known.into_iter()));
                c.out.message(&format!("no unit `{name}` was started in that boot{near}\n  try: initctl boot blame"));
                return Err(Failure::Status(UNKNOWN));
            }
        }
    }
    Ok(found)
}

fn chain(c: &Context, args: &Args, course: &Course<'_>) -> Result<(), Failure> {
    let named = resolve(c, course, &args.names)?;
    let roots = if named.is_empty() { course.last().into_iter().collect() } else { named };
    let chains: Vec<Vec<Link<'_>>> = roots.iter().map(|root| course.chain(root)).collect();
    fn step<'a>(link: &Link<'a>) -> Step<'a> {
        let (unit, level, done_ms, took_ms) = match *link {
            Link::Unit(unit) => (Some(&unit.name), None, unit.done_ms, boot::took(unit)),
            Link::Level(level) => (None, Some(level.level.to_string()), Some(level.reached_ms), None),
        };
        Step { unit, level, done_ms, took_ms }
    }
    let document = Chains {
        boot: &course.record.boot,
        chains: chains.iter().map(|chain| chain.iter().map(step).collect()).collect(),
    };
    let glyphs = c.out.glyphs;
    c.out.data(&document, |_, style| {
        let mut lines: Vec<Line> = Vec::new();
        for (index, chain) in chains.iter().enumerate() {
            if index > 0 {
                lines.push(Line::default());
            }
            lines.extend(boot::chain(course, chain, &glyphs, style.width));
        }
        if lines.is_empty() {
            lines.push(Line::plain("no unit was started"));
        }
        text(&lines, style)
    })
}

fn list(c: &Context, all: &[Boot], is_this: impl Fn(&Boot) -> bool) -> Result<(), Failure> {
    let last = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let row = |(index, boot): (i64, &Boot)| {
        let index = index + 1 - last;
        match &boot.record {
            Ok(record) => {
                let course = Course::new(record);
                Row {
                    index,
                    boot: boot.name.clone(),
                    begun_ms: Some(course.clock(course.base)),
                    kernel: Some(record.kernel.clone()).filter(|k| !k.is_empty()),
                    total_ms: course.is_done().then(|| course.total()),
                    outcome: course.outcome(is_this(boot)),
                    problem: None,
                }
            }
            Err(why) => Row {
                index,
                boot: boot.name.clone(),
                begun_ms: None,
                kernel: None,
                total_ms: None,
                outcome: "unknown".to_owned(),
                problem: Some(format!("cannot read {why}")),
            },
        }
    };
    let boots: Vec<Row> = (0..).zip(all).map(row).collect();
    let offset = offset(boots.last().and_then(|row| row.begun_ms).unwrap_or(0));
    c.out.data(&Boots { boots }, |all, style| {
        text(&boot::list(&all.boots, offset, style.width.is_some(), style.width), style)
    })
}

fn plot(c: &Context, args: &Args, course: &Course<'_>, offset: i32) -> Result<(), Failure> {
    let to_file = args.output.as_deref().filter(|path| *path != Path::new("-"));
    if c.out.global.json && to_file.is_none() {
        return c.out.data(course.record, |_, _| String::new());
    }
    let picture = boot::svg(course, offset);
    let Some(path) = to_file else {
        if std::io::stdout().is_terminal() {
            let text = "an SVG is nothing for a terminal\n  try: initctl boot plot >boot.svg\n  try: initctl boot plot -o boot.svg";
            return Err(Failure::Other(text.to_owned()));
        }
        return c.out.text(&picture);
    };
    std::fs::File::create(path)
        .and_then(|mut file| file.write_all(picture.as_bytes()))
        .map_err(|e| Failure::Other(format!("cannot write {}: {e}", path.display())))?;
    if c.out.global.json { c.out.data(course.record, |_, _| String::new()) } else { Ok(()) }
}
