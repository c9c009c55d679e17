//! `shutdown-jobs`: what holds a shutdown or a switch of levels up, and what is to be done about it.

use super::{Context, change};
use crate::exit::Failure;
use crate::processes::Proc;
use crate::render::jobs::{Holdups, View, list, screen};
use crate::render::progress::{block, has_failed};
use crate::render::{clean, table::text};
use crate::terminal::{Event, Key, Live};
use init::client::{Client, request_id, socket_path};
use init::core::{Course, Verb};
use init::proto::control::{AskJobs, Change, Jobs, Progress};
use std::time::{Duration, Instant};

/// How often the live view is renewed.
const EVERY: Duration = Duration::from_millis(500);
/// What the key for it adds.
const LONGER: u64 = 60_000;
/// A manager that is there answers a live view in far less.
const SOON: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; without it, what holds things up is listed.
    #[arg(value_enum, requires = "names", value_name = "WHAT")]
    pub what: Option<What>,
    /// Units that are being stopped.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// With wait: how much longer.
    #[arg(long = "for", value_parser = crate::cli::seconds, default_value = "60", value_name = "SECONDS")]
    pub longer: Duration,
    /// A live view, with keys for all that.
    #[arg(long, short, conflicts_with_all = ["what", "names"])]
    pub watch: bool,
    /// The live view of the machine's console, which can't be left.
    #[arg(long, hide = true, conflicts_with_all = ["what", "names"])]
    pub console: bool,
}

/// What can be done about a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Give it more time.
    Wait,
    /// Kill what is left of it now.
    Kill,
    /// Don't wait for it: what is left of it ends when the machine does.
    Skip,
}

impl Args {
    /// What is asked for.
    pub fn course(&self) -> Option<Course> {
        Some(match self.what? {
            What::Wait => Course::Wait { ms: u64::try_from(self.longer.as_millis()).unwrap_or(u64::MAX) },
            What::Kill => Course::Kill,
            What::Skip => Course::Skip,
        })
    }

    /// Whether it may change something.
    pub fn changes(&self) -> bool {
        self.what.is_some() || self.watch || self.console
    }
}

/// `shutdown-jobs …`
pub fn run(c: &mut Context, args: &Args) -> Result<(), Failure> {
    let doing = match args.what {
        Some(What::Wait) => "wait longer for",
        Some(What::Kill) => "kill",
        Some(What::Skip) => "skip",
        None => "show",
    };
    if let Some(course) = args.course() {
        return change::units(c, Verb::Stopping(course), doing, &args.names);
    }
    if args.watch || args.console {
        return watch(args.console, false);
    }
    let jobs: Jobs = c.ask("Jobs", &AskJobs { logs: true })?;
    c.out.data(&holdups(jobs), |held, style| text(&list(held), style))
}

/// With the command lines, which only we may read: the manager waits for nobody's memory.
pub fn holdups(jobs: Jobs) -> Holdups {
    let proc = Proc::default();
    let ours = proc.is_namespace(jobs.pid_namespace);
    Holdups::new(jobs, |pid| proc.task(pid).filter(|_| ours).map(|t| t.command))
}

/// The live view, what it asks, and what it is about to do.
struct Panel {
    client: Client,
    view: View,
    /// What y agrees to.
    asked: Option<(Course, String)>,
}

/// The live view. `stays`: only the end of the manager ends it. `ends`: it ends when nothing is under way any more.
pub fn watch(stays: bool, ends: bool) -> Result<(), Failure> {
    let mut panel = Panel {
        client: Client::new(socket_path()).patience(Duration::ZERO),
        view: View { stays, ..View::default() },
        asked: None,
    };
    panel.renew()?;
    let mut live = Live::open().map_err(|why| Failure::Other(format!("{why}\n  try: initctl shutdown-jobs")))?;
    let mut due = Instant::now() + EVERY;
    loop {
        if Instant::now() >= due {
            // The manager ends shortly before the machine; there is nothing left to be decided then.
            let jobs = match panel.renew() {
                Ok(()) => &panel.view.held.jobs,
                Err(_) if stays || ends => return Ok(()),
                Err(failure) => return Err(failure),
            };
            if ends && jobs.going_down.is_none() && jobs.switching_to.is_none() {
                return Ok(());
            }
            due = Instant::now() + EVERY;
        }
        live.draw(&screen(&panel.view, live.size()));
        match live.event(due) {
            Event::Key(key) => {
                if !panel.key(key) && !stays {
                    return Ok(());
                }
            }
            Event::Redraw | Event::Time => {}
            Event::End(nix::libc::SIGINT) if stays => {}
            Event::End(signal) => return Err(Failure::Status(u8::try_from(128 + signal).unwrap_or(1))),
        }
    }
}

impl Panel {
    fn renew(&mut self) -> Result<(), Failure> {
        let jobs: Jobs = self.client.call("Jobs", &AskJobs { logs: true }, SOON)?;
        let chosen = self.chosen();
        self.view.held = holdups(jobs);
        let jobs = &self.view.held.jobs.jobs;
        // The cursor stays on its unit while that is there.
        let at = chosen.and_then(|name| jobs.iter().position(|j| j.name.as_str() == name));
        self.view.selected = at.unwrap_or(self.view.selected).min(jobs.len().saturating_sub(1));
        if let Some((_, name)) = &self.asked
            && !jobs.iter().any(|j| j.name.as_str() == name)
        {
            self.asked = None;
            self.view.note = None;
        }
        Ok(())
    }

    fn chosen(&self) -> Option<String> {
        self.view.held.jobs.jobs.get(self.view.selected).map(|j| j.name.as_str().to_owned())
    }

    /// Whether to go on.
    fn key(&mut self, key: Key) -> bool {
        if let Some((course, name)) = self.asked.take() {
            self.view.note = None;
            if matches!(key, Key::Char('y' | 'Y')) {
                self.change(course, name);
            }
            return true;
        }
        let last = self.view.held.jobs.jobs.len().saturating_sub(1);
        let key = if key == Key::Tab { Key::Down } else { key };
        if let Some(selected) = key.moves(self.view.selected, last) {
            self.view.selected = selected;
            return true;
        }
        match (key, self.chosen()) {
            (Key::Char('q') | Key::Escape | Key::Ctrl('c'), _) => return false,
            (Key::Char('w'), Some(name)) => self.change(Course::Wait { ms: LONGER }, name),
            (Key::Char('k'), Some(name)) => {
                self.ask(Course::Kill, name, "Kill", "now? What it hasn't written is lost.")
            }
            (Key::Char('s'), Some(name)) => {
                self.ask(Course::Skip, name, "Go on without", "? What is left of it runs on until the end.");
            }
            _ => {}
        }
        true
    }

    fn ask(&mut self, course: Course, name: String, before: &str, after: &str) {
        let short = name.strip_suffix(".service").unwrap_or(&name);
        let blank = if after.starts_with('?') { "" } else { " " };
        self.view.note = Some(format!("{before} {short}{blank}{after} y/n"));
        self.asked = Some((course, name));
    }

    fn change(&mut self, course: Course, name: String) {
        let change = Change { verb: Verb::Stopping(course), names: vec![name], request: request_id(), wait: true };
        let told: Result<Progress, _> = self.client.call("Change", &change, SOON);
        self.view.note = match told {
            Ok(progress) => progress.ended.iter().find(|j| has_failed(j)).map(|j| {
                let text = block(j, "do that to");
                clean(&text.lines().map(str::trim).take(2).collect::<Vec<_>>().join(": "))
            }),
            Err(error) => Some(clean(error.to_string().lines().next().unwrap_or_default())),
        };
        let _ = self.renew();
    }
}
