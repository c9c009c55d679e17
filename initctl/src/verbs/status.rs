//! `status` and `show`.

use super::Context;
use crate::cli::ShowArgs;
use crate::exit::{Failure, NOT_ACTIVE, UNKNOWN};
use crate::graph::{Graph, Relation};
use crate::logs::{Folders, writer_word};
use crate::processes::Group;
use crate::render::status::{About, When};
use crate::render::{show, status, system};
use crate::terminal::Style;
use init::core::State;
use init::load::{Root, conf};
use init::log::read::Entry;
use init::proto::control::{Names, Runlevel, StartTimes, UnitStatus, Units, Version, errors};
use init::sys::localtime;
use init::unit::{Finding, UnitName};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// Log lines on a page.
const LOG_LINES: usize = 10;

/// The present moment.
pub fn when() -> When {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    When { now: u64::try_from(since.as_millis()).unwrap_or(0), offset: localtime::offset(seconds) }
}

/// When the last runs of units began, in milliseconds since 1970, as far as the manager tells.
pub fn runs(c: &mut Context) -> BTreeMap<UnitName, u64> {
    // The moment of asking: what was asked before may have taken longer than the run before this one lies back.
    let now = when().now;
    let times: StartTimes = c.ask("StartTimes", &()).unwrap_or_default();
    let begun = |at: u64| now.saturating_sub(times.now_ms.saturating_sub(at));
    times.units.iter().map(|u| (u.name.clone(), begun(u.last_begun_ms))).collect()
}

/// What `status` knows of a unit, as JSON.
#[derive(Debug, Serialize)]
struct Page {
    #[serde(flatten)]
    unit: UnitStatus,
    processes: Group,
    required_by: Vec<UnitName>,
    wanted_by: Vec<UnitName>,
    ordered_before: Vec<UnitName>,
}

#[derive(Debug, Serialize)]
struct Pages {
    units: Vec<Page>,
}

/// `status NAME…`: LSB's exit statuses, the worst of them for several units.
pub fn status(c: &mut Context, names: &[String]) -> Result<(), Failure> {
    if names.is_empty() {
        return overview(c);
    }
    let (when, folders, mut worst, mut found) = (when(), Folders::of_system(), 0, Vec::new());
    for name in names {
        // One request a name, so that a wrong one doesn't hide the others.
        match c.ask::<_, Units>("Status", &Names { names: vec![name.clone()] }) {
            Ok(units) => found.extend(units.units),
            Err(Failure::Client(e)) if e.is(errors::NO_SUCH_UNIT) => {
                worst = UNKNOWN;
                if let Some(text) = Failure::Client(e).text() {
                    c.out.message(&text);
                }
            }
            Err(e) => return Err(e),
        }
    }
    if found.iter().any(|u| !matches!(u.state, State::Active | State::Reloading)) {
        worst = worst.max(NOT_ACTIVE);
    }
    if !found.is_empty() {
        let names: Vec<String> = found.iter().map(|u| u.name.as_str().to_owned()).collect();
        // What these tell is a part of the page: without it, it is a smaller one.
        let others = c.ask::<_, Units>("List", &()).unwrap_or_default().units;
        let picture = super::ps::ask(c, &names, false).unwrap_or_default();
        let runs = runs(c);
        let (graph, glyphs) = (Graph::new(&others), c.out.glyphs);
        let page = |unit: &UnitStatus, style: &Style| {
            // A log that can't be read is a smaller page, not a failure.
            let log = folders.tail(unit.name.short(), LOG_LINES).unwrap_or_default();
            let begun = runs.get(&unit.name).copied().unwrap_or(0);
            let log: Vec<String> = log.iter().filter(|entry| entry.is_since(begun)).map(line).collect();
            let group = picture.units.iter().find(|g| g.name.as_ref() == Some(&unit.name)).filter(|_| !picture.foreign);
            status::status(unit, &About { log: &log, group, graph: &graph, when, glyphs: &glyphs }, style)
        };
        let page_of = |unit: &UnitStatus| Page {
            unit: unit.clone(),
            processes: picture.units.iter().find(|g| g.name.as_ref() == Some(&unit.name)).cloned().unwrap_or_default(),
            required_by: graph.referring(&unit.name, Relation::Requires),
            wanted_by: graph.referring(&unit.name, Relation::Wants),
            ordered_before: graph.referring(&unit.name, Relation::After),
        };
        let all = Pages { units: found.iter().map(page_of).collect() };
        c.out.data(&all, |all, s| all.units.iter().map(|p| page(&p.unit, s)).collect::<Vec<_>>().join("\n"))?;
    }
    if worst == 0 { Ok(()) } else { Err(Failure::Status(worst)) }
}

/// A log line as in the file, made harmless.
pub fn line(entry: &Entry) -> String {
    let more = if entry.continues { "+" } else { "" };
    format!("{} {}{more} {}", entry.time, writer_word(entry.writer), entry.text_lossy())
}

fn overview(c: &mut Context) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Overview {
        version: Version,
        runlevel: Runlevel,
        up_ms: Option<u64>,
        units: Vec<UnitStatus>,
        /// What is wrong with `init.conf`.
        findings: Vec<Finding>,
    }
    let times: StartTimes = c.ask("StartTimes", &()).unwrap_or_default();
    let overview = Overview {
        version: c.ask("Version", &())?,
        up_ms: times.init_ms.map(|init| times.now_ms.saturating_sub(init)),
        runlevel: c.ask("Runlevel", &())?,
        units: c.ask::<_, Units>("List", &())?.units,
        findings: conf::read(&Root::system()).1,
    };
    c.out.data(&overview, |o, style| {
        system::system(&o.version, &o.runlevel, o.up_ms, &o.units, style) + &system::settings(&o.findings, style)
    })
}

/// `show [NAME…]`
pub fn show(c: &mut Context, args: &ShowArgs) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Properties {
        units: Vec<BTreeMap<String, String>>,
    }
    let mut sets: Vec<Vec<(String, String)>> = Vec::new();
    if args.names.is_empty() {
        let (version, levels): (Version, Runlevel) = (c.ask("Version", &())?, c.ask("Runlevel", &())?);
        let level = |l: Option<init::unit::Level>| l.map_or("N".to_owned(), |l| l.to_string());
        sets.push(vec![
            ("Version".into(), version.version),
            ("Managers".into(), version.managers.to_string()),
            ("Reexecs".into(), version.reexecs.to_string()),
            ("PreviousRunlevel".into(), level(levels.previous)),
            ("Runlevel".into(), level(levels.current)),
        ]);
    } else {
        for unit in c.ask::<_, Units>("Status", &Names { names: args.names.clone() })?.units {
            sets.push(show::properties(&unit));
        }
    }
    if c.out.global.json {
        let keep = |k: &str| args.property.is_empty() || args.property.iter().any(|p| p.split(',').any(|p| p == k));
        let maps: Vec<BTreeMap<String, String>> =
            sets.into_iter().map(|s| s.into_iter().filter(|(k, _)| keep(k)).collect()).collect();
        return c.out.data(&Properties { units: maps }, |_, _| String::new());
    }
    let texts: Vec<String> = sets.iter().map(|s| show::lines(s, &args.property, args.value)).collect();
    c.out.text(&texts.join("\n"))
}
