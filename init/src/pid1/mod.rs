//! PID 1: parent and only reaper of everything; no config, no text, no policy.
//!
//! | file | what |
//! |---|---|
//! | [`reactor`], [`requests`] | the loop, and what each request does |
//! | [`table`], [`slots`], [`parked`], [`signals`] | the memory that outlives faults: processes, descriptors, signals |
//! | [`spawn`], [`adopt`] | how processes come into slots |
//! | [`link`] | what the manager is told |
//! | [`keeper`] | keeps the manager alive |
//! | [`recover`] | going on after a fault |
//! | [`down`] | the shutdown, and PID 1's own deadline for it |
//!
//! What is done before and after the loop is in [`crate::stage`].
//!
//! Nothing here blocks, grows without bound, or panics on data.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod adopt;
pub mod down;
pub mod keeper;
pub mod link;
pub mod parked;
pub mod reactor;
pub mod recover;
pub mod requests;
pub mod signals;
pub mod slots;
pub mod spawn;
pub mod table;

use crate::proto::pid1::Name;
use crate::stage::manager::Launch;
use crate::stage::{command, first};
use crate::sys::args::{self, Args};
use crate::sys::shared::Field;
use crate::sys::{fd, process};
use reactor::Reactor;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// What an entry of the epoll set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Tag {
    Signals = 1,
    Manager = 2,
    /// The report of the child in a slot.
    Report = 3,
    /// The pidfd of a slot.
    Process = 4,
}

fn tag(tag: Tag, index: usize) -> u64 {
    u64::from(tag as u32) << 32 | (index as u64 & 0xffff_ffff)
}

fn untag(data: u64) -> Option<(Tag, usize)> {
    let index = usize::try_from(data & 0xffff_ffff).ok()?;
    let tag = [Tag::Signals, Tag::Manager, Tag::Report, Tag::Process].into_iter();
    Some((tag.into_iter().find(|t| u64::from(*t as u32) == data >> 32)?, index))
}

/// What a start of the program means; returns with an exit status where it isn't PID 1's or a subreaper's.
pub fn start(given: Args) -> i32 {
    match command::start(&given.args) {
        Ok(words) => run(given, words),
        Err(status) => status,
    }
}

/// PID 1's life. `words`: what the manager is given.
fn run(mut given: Args, words: Vec<OsString>) -> i32 {
    // An image before us has left the table's descriptor, and the path that it was started from.
    let whole = given.clone();
    let file = given.take(recover::TABLE_VARIABLE).and_then(|file| file.to_str().ok()?.parse().ok());
    let path = given.take(recover::PATH_VARIABLE);
    let path = path.map_or_else(args::own_path, |path| PathBuf::from(OsString::from_vec(path.into_bytes())));
    let again = file.and_then(|file| recover::take_over(file, &whole));
    // The first things are done once; their results lie in the table.
    let setup = again.is_none().then(|| {
        fd::all_close_on_exec(3);
        first::prepare()
    });
    let Some(table) = again.or_else(recover::create) else { return 111 };
    let head = &table.head;
    let [soft, hard] = &head.limit;
    if let Some(setup) = &setup {
        head.container.set(setup.container.into());
        soft.set(setup.nofile.0);
        hard.set(setup.nofile.1);
    } else {
        recover::mend(table);
        if !args::executed_by_descriptor() {
            // Executed from its path it is perhaps a new version: that is kept from now on.
            head.exe.close();
        }
    }
    if nix::unistd::getpid().as_raw() != 1 {
        let _ = process::become_subreaper();
    }
    let launch = Launch::new(&path, words, &given.env, (soft.get(), hard.get()));
    let program = CString::new(path.into_os_string().into_vec()).unwrap_or_default();
    recover::guard(table, program.clone(), given.args, given.env);
    // A panic ends in the same handler as a fault; what it would print could block on a console.
    std::panic::set_hook(Box::new(|_| {}));
    process::set_name(c"init");
    let title = Name::from_bytes(head.title.get());
    if !title.as_bytes().is_empty() {
        args::set_title(title.as_bytes());
    }
    let Ok(mut reactor) = Reactor::new(table, program, launch) else { return 111 };
    if again.is_some() {
        reactor.take_up();
    }
    // What PID 1 was given as standard streams is kept for the manager to hand out.
    let given = setup.map_or([false; 3], |setup| setup.stdio);
    for ((raw, name), given) in [(0, "stdin"), (1, "stdout"), (2, "stderr")].into_iter().zip(given) {
        if let (true, Ok(copy)) = (given, fd::copy(raw, fd::KEPT)) {
            reactor.park(name, copy);
        }
    }
    reactor.run().perform()
}
