//! `top`.

use super::Context;
use crate::exit::Failure;
use crate::processes::picture;
use crate::render::clean;
use crate::render::table::text;
use crate::render::top::{Before, Row, Sort, View, once, rows, screen, sort};
use crate::terminal::{Event, Glyphs, Key, Live};
use init::client::{Client, socket_path};
use init::proto::control::{Names, Processes, Runlevel, StartTimes};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long the two pictures of `--once` are apart.
const GLANCE: Duration = Duration::from_millis(500);
/// A manager that is there answers a live view in far less; keys aren't kept waiting for one that isn't.
const ANSWER: Duration = Duration::from_secs(2);
/// Shortest and longest time between pictures, in tenths of a second.
const EVERY: std::ops::RangeInclusive<u64> = 5..=600;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one table and end.
    #[arg(long, short = '1')]
    pub once: bool,
    /// What to sort by.
    #[arg(long, value_enum, default_value_t = Sort::Cpu, value_name = "WHAT")]
    pub sort: Sort,
    /// Seconds between two pictures.
    #[arg(long, short, value_parser = tenths, default_value = "2", value_name = "SECONDS")]
    pub delay: u64,
}

fn tenths(text: &str) -> Result<u64, String> {
    let seconds: f64 = text.trim_end_matches('s').parse().map_err(|_| "a number of seconds is wanted".to_owned())?;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
    let tenths = u64::try_from(duration.as_millis() / 100).unwrap_or(u64::MAX);
    if EVERY.contains(&tenths) { Ok(tenths) } else { Err("0.5 to 60 seconds are possible".to_owned()) }
}

/// `top`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    if args.once || c.out.global.json || c.out.global.quiet { glance(c, args) } else { live(args, &c.out.glyphs) }
}

fn sample(c: &mut Context) -> Result<crate::processes::Picture, Failure> {
    let reply: Processes = c.ask("Processes", &Names::default())?;
    Ok(picture(&reply, true))
}

fn glance(c: &mut Context, args: &Args) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Top {
        units: Vec<Row>,
    }
    let (_, before) = rows(sample(c)?, &Before::new(), 0);
    let began = Instant::now();
    std::thread::sleep(GLANCE);
    let picture = sample(c)?;
    let (mut units, _) = rows(picture, &before, millis(began.elapsed()));
    sort(&mut units, args.sort, false);
    c.out.data(&Top { units }, |top, style| text(&once(&top.units, style.width.is_some(), style.width), style))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The live view: what is shown, and what it is made from.
struct Top {
    client: Client,
    view: View,
    before: Before,
    last: Option<Instant>,
}

fn live(args: &Args, glyphs: &Glyphs) -> Result<(), Failure> {
    let mut top = Top {
        client: Client::new(socket_path()).patience(Duration::ZERO),
        view: View { by: args.sort, every: args.delay, ..View::default() },
        before: Before::new(),
        last: None,
    };
    // The first picture has to be there: a view of nothing helps nobody.
    top.renew()?;
    let mut live = Live::open().map_err(|why| Failure::Other(format!("{why}\n  try: initctl top --once")))?;
    // Shares can be told from the second picture on, which needn't wait so long.
    let mut due = Instant::now() + GLANCE;
    loop {
        if Instant::now() >= due {
            if !top.view.paused {
                top.view.trouble = match top.renew() {
                    Ok(()) => None,
                    Err(failure) => failure.text().map(|t| clean(t.lines().next().unwrap_or_default())),
                };
            }
            due = Instant::now() + Duration::from_millis(top.view.every * 100);
        }
        live.draw(&screen(&top.view, glyphs, live.size()));
        match live.event(due) {
            Event::Key(key) => {
                if !top.key(key) {
                    return Ok(());
                }
                due = due.min(Instant::now() + Duration::from_millis(top.view.every * 100));
            }
            Event::Redraw | Event::Time => {}
            Event::End(signal) => return Err(Failure::Status(u8::try_from(128 + signal).unwrap_or(1))),
        }
    }
}

impl Top {
    fn renew(&mut self) -> Result<(), Failure> {
        let reply: Processes = self.client.call("Processes", &Names::default(), ANSWER)?;
        let levels: Runlevel = self.client.call("Runlevel", &(), ANSWER)?;
        let times: StartTimes = self.client.call("StartTimes", &(), ANSWER)?;
        let elapsed = self.last.map_or(0, |last| millis(last.elapsed()));
        self.last = Some(Instant::now());
        let chosen = self.view.rows.get(self.view.selected).map(|r| r.name.clone());
        let (rows, before) = rows(picture(&reply, true), &self.before, elapsed);
        (self.view.rows, self.before) = (rows, before);
        self.view.level = crate::render::system::standing(&levels);
        self.view.up_ms = times.init_ms.map(|init| times.now_ms.saturating_sub(init));
        self.arrange(chosen);
        Ok(())
    }

    /// Sorts; the cursor stays on the unit it was on, unless that is at the top.
    fn arrange(&mut self, chosen: Option<String>) {
        let view = &mut self.view;
        sort(&mut view.rows, view.by, view.backwards);
        let at = chosen.filter(|_| view.selected > 0 || view.open);
        if let Some(index) = at.and_then(|name| view.rows.iter().position(|r| r.name == name)) {
            view.selected = index;
        }
        view.selected = view.selected.min(view.rows.len().saturating_sub(1));
    }

    /// Whether to go on.
    fn key(&mut self, key: Key) -> bool {
        let view = &mut self.view;
        let chosen = view.rows.get(view.selected).map(|r| r.name.clone());
        let last = view.rows.len().saturating_sub(1);
        let key = key.of_vi();
        if let Some(selected) = key.moves(view.selected, last) {
            view.selected = selected;
            return true;
        }
        match key {
            Key::Char('q') | Key::Escape | Key::Ctrl('c') => return false,
            Key::Char('c') => view.by = Sort::Cpu,
            Key::Char('m') => view.by = Sort::Memory,
            Key::Char('p') => view.by = Sort::Processes,
            Key::Char('n') => view.by = Sort::Name,
            Key::Char('r') => view.backwards = !view.backwards,
            Key::Char(' ') => view.paused = !view.paused,
            Key::Char('+') => view.every = (view.every * 2).min(*EVERY.end()),
            Key::Char('-') => view.every = (view.every / 2).max(*EVERY.start()),
            Key::Enter | Key::Right => view.open = !view.open || key != Key::Enter,
            Key::Left => view.open = false,
            _ => {}
        }
        if matches!(key, Key::Char('c' | 'm' | 'p' | 'n' | 'r')) {
            self.arrange(chosen);
        }
        true
    }
}
