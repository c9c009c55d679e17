//! `events`: what happens, as the manager tells it.

use super::Context;
use crate::exit::Failure;
use crate::render::history::{self, Row};
use crate::render::time;
use init::client;
use init::proto::control::{EventList, Events, HistoryEvent};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{IsTerminal, Stdout};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Duration;

/// Further help.
pub const HELP: &str = "\
The manager may die or be replaced meanwhile: its successor goes on with the next number, and what could not be told is
counted. `history` has what is older. With -f and --json there is one event a line.

Exit status: 0 also when interrupted, 1 events came faster than they were read, 4 no manager.

Examples:
  initctl events
  initctl events -f --json
  initctl events -f -n 0 nginx";

/// The command line.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Only of these units.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Go on with what happens from now on.
    #[arg(long, short)]
    pub follow: bool,
    /// How many of the past events to show at most.
    #[arg(long, short = 'n', default_value = "20", value_parser = crate::cli::lines, value_name = "N")]
    pub lines: usize,
}

/// How often it is looked whether somebody still reads.
const TICK: Duration = Duration::from_secs(1);

/// `events`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let names: Vec<_> =
        args.names.iter().map(|n| init::unit::UnitName::new(n).map_err(Failure::Other)).collect::<Result<_, _>>()?;
    let concerns = |e: &HistoryEvent| names.is_empty() || e.unit.as_ref().is_some_and(|unit| names.contains(unit));
    let count = u64::try_from(args.lines).unwrap_or(u64::MAX);
    let mut wanted = Events { after: None, boot: None, count: Some(count) };
    if !args.follow {
        let list: EventList = c.ask("Events", &wanted)?;
        let list = EventList { events: list.events.into_iter().filter(concerns).collect(), ..list };
        return if c.out.global.json { c.out.data(&list, |_, _| String::new()) } else { print(&c.out, &list.events) };
    }
    let stdout = std::io::stdout();
    let piped = !stdout.is_terminal();
    loop {
        let (out, mut failed, mut lost) = (&c.out, None, false);
        let call = wanted.clone();
        c.client.follow("Events", &call, Some(TICK), &mut |event: client::Event<EventList>| {
            let list = match event {
                client::Event::Reply(list) => list,
                client::Event::Idle if piped && is_hung_up(&stdout) => {
                    failed = Some(Failure::Status(0));
                    return ControlFlow::Break(());
                }
                client::Event::Idle => return ControlFlow::Continue(()),
                client::Event::Lost => {
                    lost = true;
                    return ControlFlow::Break(());
                }
            };
            if list.missed > 0 {
                out.message(&format!("{} events are missing here; initctl history has them", list.missed));
            }
            (wanted.after, wanted.boot) = (Some(list.last), Some(list.boot));
            let events: Vec<_> = list.events.into_iter().filter(concerns).collect();
            match print(out, &events) {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => {
                    failed = Some(failure);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failed {
            Some(Failure::Status(0)) => return Ok(()),
            Some(failure) => return Err(failure),
            None if lost => c.out.message("the manager is gone; its successor goes on"),
            None => return Ok(()),
        }
    }
}

/// Whether nobody reads a pipe any more.
fn is_hung_up(stdout: &Stdout) -> bool {
    let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    poll(&mut fds, PollTimeout::ZERO).is_ok() && fds.iter().any(|fd| fd.any().unwrap_or(false))
}

fn print(out: &crate::output::Output, events: &[HistoryEvent]) -> Result<(), Failure> {
    if events.is_empty() {
        return Ok(());
    }
    if out.global.json {
        let lines = events.iter().filter_map(|e| serde_json::to_string(e).ok()).map(|line| line + "\n");
        return out.text(&lines.collect::<String>());
    }
    let offset = super::status::when().offset;
    let rows: Vec<Row> = events.iter().map(|e| row(e, offset)).collect();
    out.text(&history::rows(&rows, &out.style))
}

fn row(event: &HistoryEvent, offset: i32) -> Row {
    Row {
        time: time::moment(event.at_ms, offset),
        unit: event.unit.as_ref().map(|n| n.short().to_owned()),
        kind: event.kind,
        text: event.text.to_string(),
        by: event.by.to_string(),
    }
}
