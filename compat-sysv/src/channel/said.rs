//! What init says: on the console as `INIT: …`, and in the system log. Nobody waits for either.

use init::sys::console;
use init::sys::syslog::{self, Priority};
use std::io::Write;
use std::path::Path;

/// Where it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// On the console and in the system log.
    Both,
    /// In the system log.
    Log,
}

/// Says it; and to standard error, which is this program's own log.
pub fn say(place: Said, text: &str) {
    if place == Said::Both {
        let _ = console::write(Path::new(console::CONSOLE), &format!("\rINIT: {text}\r\n"));
    }
    let _ = writeln!(std::io::stderr(), "{text}");
    syslog::send(Priority::DaemonInfo, "init", text);
}
