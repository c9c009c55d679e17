//! `logs`.

use super::{Context, status};
use crate::cli::LogsArgs;
use crate::exit::{Failure, Kind, NO_UNIT};
use crate::logs::{Folders, Follower, unreadable, writer_word};
use init::log::read::Entry;
use init::proto::control::{Names, Units};
use init::unit::UnitName;
use serde::Serialize;
use std::os::fd::AsFd;

/// A line, for `--json`.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    stream: &'static str,
    text: String,
}

pub fn run(c: &mut Context, args: &LogsArgs) -> Result<(), Failure> {
    let name = UnitName::new(&args.name).map_err(Failure::Other)?;
    let (name, folders) = (name.short(), Folders::of_system());
    let place = folders.to_string();
    let readable = |e: std::io::Error| unreadable(&format!("the log of {name}"), &place, &e);
    if !args.follow {
        if !folders.has(name) {
            let near = if known(c, &args.name)? { Vec::new() } else { folders.names() };
            return Err(Failure::Other(nothing(name, &folders, &near)));
        }
        let lines = folders.tail(name, args.lines).map_err(readable)?;
        let text: String = lines.iter().map(|e| show(c, e)).collect();
        return c.out.text(&text);
    }
    let mut batch = Vec::new();
    let mut follower = Follower::begin(folders, name, args.lines, &mut |e| batch.push(e)).map_err(readable)?;
    loop {
        let text: String = batch.drain(..).map(|e| show(c, &e)).collect();
        if !text.is_empty() {
            c.out.text(&text)?;
        }
        follower.read(&mut |e| batch.push(e)).map_err(readable)?;
        if batch.is_empty() && !follower.wait(std::io::stdout().as_fd()).map_err(readable)? {
            return Ok(());
        }
    }
}

fn show(c: &Context, entry: &Entry) -> String {
    if c.out.global.json {
        let line = Line { time: &entry.time, stream: writer_word(entry.writer), text: entry.text_lossy() };
        return serde_json::to_string(&line).unwrap_or_default() + "\n";
    }
    status::line(entry) + "\n"
}

/// Whether there is a manager that knows the unit; fails if there is one that doesn't.
fn known(c: &mut Context, name: &str) -> Result<bool, Failure> {
    match c.ask::<_, Units>("Status", &Names { names: vec![name.to_owned()] }) {
        Err(failure @ Failure::Client(_)) if failure.status(Kind::Change) == NO_UNIT => Err(failure),
        answer => Ok(answer.is_ok()),
    }
}

fn nothing(name: &str, folders: &Folders, known: &[String]) -> String {
    let near = init::unit::nearest(name, known.iter().map(String::as_str).filter(|known| *known != name));
    let near = if near.is_empty() { String::new() } else { format!("\n  did you mean {}?", near.join(" or ")) };
    format!("{name} has written nothing: there is no log of it in {folders}{near}\n  try: initctl status {name}")
}
