//! `enable`, `disable`, `levels`, `runlevel`.

use super::image::Image;
use super::{Context, change};
use crate::cli::EnableArgs;
use crate::exit::Failure;
use crate::render::sheet::{Change, Next, Sheet, sentence};
use crate::render::{clean, levels, progress, system};
use crate::terminal::{Event, Live};
use init::client::request_id;
use init::core::Verb;
use init::proto::control::{
    Enable, LevelTable, LinkChange, Links, LoadState, Names, PlanOf, Planned, Runlevel, SetLevel, Units,
};
use init::unit::{Level, LevelSet};
use std::time::{Duration, Instant};

/// `enable` (`on`) and `disable`.
pub fn enable(c: &mut Context, args: &EnableArgs, on: bool) -> Result<(), Failure> {
    let request = Enable { names: args.names.clone(), levels: args.levels.map(|l| l.to_string()) };
    let links: Links = match &args.root {
        Some(folder) => Image::open(c, folder)?.switch(args, on)?,
        None => c.ask(if on { "Enable" } else { "Disable" }, &request)?,
    };
    tell(c, &links);
    if links.changes.is_empty() {
        c.out.message("nothing to change");
    }
    c.out.data(&links, |links, _| levels::links(links))?;
    if !on {
        tell_masks(c, args);
    }
    match (args.now, on) {
        (false, _) => Ok(()),
        (true, true) => change::units(c, Verb::Start, "start", &args.names),
        (true, false) => change::units(c, Verb::Stop, "stop", &args.names),
    }
}

/// What `insserv` and its like have warned of.
fn tell(c: &Context, links: &Links) {
    links.notes.iter().for_each(|note| c.out.message(&clean(note)));
}

/// A mask is more than what was asked for, and stays.
fn tell_masks(c: &mut Context, args: &EnableArgs) {
    let masked: Vec<String> = match &args.root {
        Some(folder) => {
            let Ok(image) = Image::open(c, folder) else { return };
            let is_masked = |name: &&String| matches!(image.state(name), Some((LoadState::Masked, _)));
            args.names.iter().filter(is_masked).cloned().collect()
        }
        None => {
            let units = c.ask::<_, Units>("Status", &Names { names: args.names.clone() }).unwrap_or_default().units;
            let masked = units.into_iter().filter(|unit| unit.load == LoadState::Masked);
            masked.map(|unit| unit.name.short().to_owned()).collect()
        }
    };
    for name in masked {
        c.out.message(&format!("{name} is masked: nothing starts it, on or off\n  try: initctl unmask {name}"));
    }
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Units; all where none is named.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Change the table on the terminal: space turns on and off, s saves, q leaves all as it was.
    #[arg(long, short)]
    pub edit: bool,
}

/// `levels [NAME…]`
pub fn table(c: &mut Context, args: Args) -> Result<(), Failure> {
    let mut table: LevelTable = c.ask("Levels", &Names { names: args.names.clone() })?;
    if args.edit {
        return edit(c, &args.names, &table);
    }
    if args.names.is_empty() {
        table.rows.sort_by(|a, b| a.name.cmp(&b.name));
    }
    c.out.data(&table, levels::table)
}

/// `levels --edit`
fn edit(c: &mut Context, names: &[String], table: &LevelTable) -> Result<(), Failure> {
    let mut sheet = Sheet::new(table);
    // Named by the verb that does the same without a screen.
    let remedy = "try: initctl enable NAME --levels 2345";
    let mut live = Live::open().map_err(|why| Failure::Other(format!("{why}\n  {remedy}")))?;
    let next = loop {
        live.draw(&sheet.screen(live.size()));
        match live.event(Instant::now() + Duration::from_secs(3600)) {
            Event::Key(key) => match sheet.key(key) {
                Next::Stay => {}
                next => break next,
            },
            Event::Redraw | Event::Time => {}
            Event::End(signal) => return Err(Failure::Status(u8::try_from(128 + signal).unwrap_or(1))),
        }
    };
    drop(live);
    if next == Next::Abort {
        c.out.message("nothing was changed");
        return c.out.data(&Links::default(), |_, _| String::new());
    }
    if c.out.global.dry_run { rehearse(c, &sheet.changes()) } else { apply(c, names, &sheet.changes()) }
}

/// What is to be asked of the manager for one unit. On first: the first link of Rung's own takes the place of the SysV
/// ones.
fn requests(change: &Change) -> impl Iterator<Item = (bool, Enable)> {
    let name = change.name.as_str();
    let parts = [(true, change.on), (false, change.off)].into_iter().filter(|(_, levels)| !levels.is_empty());
    parts.map(move |(on, set)| (on, Enable { names: vec![name.to_owned()], levels: Some(set.to_string()) }))
}

/// Prints the links that the changes would make and remove in the end.
fn rehearse(c: &mut Context, changes: &[Change]) -> Result<(), Failure> {
    let mut all = Planned::default();
    for change in changes {
        for (on, request) in requests(change) {
            let planned = super::plan::ask(c, if on { PlanOf::Enable(request) } else { PlanOf::Disable(request) })?;
            all.links.extend(planned.links);
        }
        // What the first step would make, the second takes away again.
        let in_level =
            |l: &LinkChange| change.off.iter().any(|level| l.path.ends_with(&format!("/levels/{level}/{}", l.name)));
        all.links.retain(|l| l.name != change.name || l.target.is_none() || !in_level(l));
        all.notes.push(format!("{} from the next boot or switch on; what runs stays as it is", sentence(change)));
    }
    super::plan::print(c, &all)
}

/// Makes the changes, unless somebody else has made others to the same units meanwhile.
fn apply(c: &mut Context, names: &[String], changes: &[Change]) -> Result<(), Failure> {
    let now: LevelTable = c.ask("Levels", &Names { names: names.to_vec() })?;
    let same = |change: &&Change| {
        let row = now.rows.iter().find(|r| r.name == change.name);
        row.is_some_and(|r| LevelSet::parse(&r.on) == Ok(change.before))
    };
    if let Some(other) = changes.iter().find(|change| !same(change)) {
        let text = format!("{} was changed by somebody else meanwhile: nothing was changed here", other.name);
        return Err(Failure::Other(format!("{text}\n  try: initctl levels --edit, once more")));
    }
    let (mut all, mut failed) = (Links::default(), 0);
    for change in changes {
        for (on, request) in requests(change) {
            match c.ask::<_, Links>(if on { "Enable" } else { "Disable" }, &request) {
                Ok(links) => {
                    tell(c, &links);
                    all.changes.extend(links.changes);
                }
                Err(failure) => {
                    failed += 1;
                    let text = failure.text().unwrap_or_default();
                    c.out.message(&format!("could not do `{}`: {text}", sentence(change)));
                }
            }
        }
    }
    c.out.data(&all, |links, _| levels::links(links))?;
    if failed == 0 { Ok(()) } else { Err(Failure::Status(crate::exit::FAILED)) }
}

/// `runlevel`, `runlevel N`
pub fn runlevel(c: &mut Context, level: Option<Level>) -> Result<(), Failure> {
    if let Some(level) = level {
        let request = SetLevel { level, request: request_id(), wait: !c.out.global.no_wait };
        return switch(c, &request);
    }
    let now: Runlevel = c.ask("Runlevel", &())?;
    let text = system::runlevel(&now);
    let known = text.is_some();
    c.out.data(&now, |_, _| text.unwrap_or("unknown\n".to_owned()))?;
    // As runlevel(8).
    if known { Ok(()) } else { Err(Failure::Status(crate::exit::FAILED)) }
}

/// Switches, and says in the end what came of it.
fn switch(c: &mut Context, request: &SetLevel) -> Result<(), Failure> {
    let began = Instant::now();
    let all = change::follow(c, "SetLevel", request)?;
    let took = began.elapsed();
    let told = change::tell(c, &all, "switch", None);
    if request.wait && all.done && !c.out.global.json {
        // Without the manager's word on who was started and who was stopped there is less to say, and no failure.
        let units = c.ask::<_, Units>("List", &()).unwrap_or_default().units;
        c.out.text(&progress::switched(request.level, &all.ended, &units, took))?;
    }
    told
}
