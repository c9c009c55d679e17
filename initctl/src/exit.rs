//! Why a verb has failed, and the exit status that says so: systemctl's where it has one.

use init::client::Error;
use init::proto::control::errors;
use init::sys::namespace;
use serde_json::{Value, json};
use std::io::ErrorKind;

/// It failed, or: no.
pub const FAILED: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// Not active.
pub const NOT_ACTIVE: u8 = 3;
/// Questions: no such unit, or nobody to ask.
pub const UNKNOWN: u8 = 4;
/// Changes: not allowed.
pub const DENIED: u8 = 4;
/// Changes: no such unit.
pub const NO_UNIT: u8 = 5;

/// Why a verb ends without success. What there is to say has either been printed or stands in here.
#[derive(Debug)]
pub enum Failure {
    /// Ends with this status; all has been said.
    Status(u8),
    /// The manager's answer, or the lack of one.
    Client(Error),
    /// Reading a file failed, …: a fragment that names the thing.
    Other(String),
    /// Standard output can't be written; `true`: its reader has seen enough, which is success.
    Output(bool, String),
}

/// What kind of verb it is: the same error has another status for questions than for changes (systemctl's habit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `status`, `is-active`, …
    Question,
    /// `start`, …
    Change,
}

impl Failure {
    /// The exit status.
    pub fn status(&self, kind: Kind) -> u8 {
        match self {
            Self::Status(status) => *status,
            Self::Client(e) if e.is(errors::DENIED) => DENIED,
            Self::Client(e) if e.is(errors::NO_SUCH_UNIT) && kind == Kind::Change => NO_UNIT,
            Self::Client(e) if e.is(errors::NO_SUCH_UNIT) => UNKNOWN,
            Self::Client(Error::NoManager { .. } | Error::Lost { .. }) if kind == Kind::Question => UNKNOWN,
            Self::Output(true, _) => 0,
            Self::Client(_) | Self::Other(_) | Self::Output(false, _) => FAILED,
        }
    }

    /// What is to be printed, a line or more; `None` when nothing is.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Status(_) | Self::Output(true, _) => None,
            Self::Other(text) | Self::Output(false, text) => Some(text.clone()),
            Self::Client(error) => Some(client_text(error)),
        }
    }

    /// The failure as programs are told of it; `said` are the messages that were printed.
    pub fn document(&self, kind: Kind, said: &str) -> Value {
        let near = match self {
            Self::Client(Error::Refused { text, .. }) => text.nearest.clone(),
            _ => Vec::new(),
        };
        document(self.word(kind), said, &near, self.status(kind))
    }

    /// What kind of failure it is: of the manager's errors the last part of their name.
    fn word(&self, kind: Kind) -> &str {
        match self {
            Self::Client(Error::Refused { name, .. }) => name.rsplit('.').next().unwrap_or(name),
            Self::Client(Error::NoManager { .. }) => "NoManager",
            Self::Client(Error::Lost { .. }) => "ManagerLost",
            Self::Client(Error::Silent { .. }) => "ManagerSilent",
            Self::Client(Error::Io(_) | Error::Protocol(_)) => "Connection",
            Self::Status(NO_UNIT) => "NoSuchUnit",
            Self::Status(UNKNOWN) if kind == Kind::Question => "NoSuchUnit",
            Self::Status(_) | Self::Other(_) | Self::Output(..) => "Failed",
        }
    }
}

/// The error part of a document. In `text`, lines after `try:` are remedies.
pub fn document(name: &str, text: &str, nearest: &[String], status: u8) -> Value {
    let remedy = |line: &&str| line.trim_start().starts_with("try: ");
    let remedies: Vec<&str> = text.lines().filter(remedy).map(|l| l.trim_start().trim_start_matches("try: ")).collect();
    let rest: Vec<&str> = text.lines().filter(|l| !remedy(l)).collect();
    json!({
        "name": name, "text": rest.join("\n"), "remedies": remedies, "nearest": nearest, "exit_status": status,
    })
}

fn client_text(error: &Error) -> String {
    let mut text = error.to_string();
    match error {
        Error::Refused { text: parts, .. } => {
            // The manager may have put the names into its sentence already.
            let apart = |c: char| c.is_whitespace() || "?,;`".contains(c);
            let named = text.split(apart).any(|word| parts.nearest.iter().any(|near| near == word));
            if !parts.nearest.is_empty() && !named {
                text.push_str(&crate::render::did_you_mean(&parts.nearest));
            }
            if error.is(errors::NO_SUCH_UNIT) {
                text.push_str("\n  try: initctl list");
            } else if error.is(errors::DENIED) {
                text.push_str("\n  try: as root");
            } else if error.is(errors::METHOD_NOT_FOUND) || error.is(errors::INVALID_PARAMETER) {
                text.push_str("\n  try: initctl reexec, after an upgrade; initctl version tells both versions");
            }
        }
        Error::NoManager { error: why, .. } if why.kind() == ErrorKind::PermissionDenied => text.push_str("\n  try: as root"),
        Error::NoManager { .. } => text.push_str(&format!("\n  {}", first_process())),
        Error::Lost { .. } | Error::Silent { .. } => text.push_str(
            "\n  PID 1 starts a manager that dies or hangs anew; services go on meanwhile\n  try: the same again, or initctl logs init-manager",
        ),
        _ => {}
    }
    text
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

/// What PID 1 is here instead, and what to do about it.
fn first_process() -> String {
    let name = std::fs::read_to_string("/proc/1/comm").unwrap_or_default();
    let name = match name.trim() {
        "" => "not to be seen",
        name => name,
    };
    let first = crate::render::clean(name);
    if namespace::is_initial_pid() == Some(false) {
        return format!(
            "PID 1 of this container is {first}\n  try: `init -- CMD` as the container's command, or initctl sandbox"
        );
    }
    format!("PID 1 is {first}\n  try: initctl sandbox, which boots Rung beside this system")
}

#[cfg(test)]
mod tests {
    use super::*;
    use init::proto::control::ErrorText;

    #[test]
    fn a_name_that_is_near_is_told_though_it_is_a_part_of_the_mistyped_one() {
        let text = |said: &str| {
            let text = ErrorText { text: said.to_owned(), nearest: vec!["ok".to_owned()] };
            client_text(&Error::Refused { name: errors::NO_SUCH_UNIT.to_owned(), text })
        };
        assert_eq!(
            text("there is no unit named okk"),
            "there is no unit named okk; did you mean ok?\n  try: initctl list"
        );
        let told = "there is no level `okk`, did you mean `ok`?";
        assert_eq!(text(told), format!("{told}\n  try: initctl list"));
    }
}
