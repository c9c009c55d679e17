//! On whose behalf things are done.

use crate::unit::UnitName;
use serde::{Deserialize, Serialize};

/// Longest command line of a client that is kept, in bytes.
pub const MAX_COMMAND: usize = 160;

/// Who makes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// A client of the control socket.
    Client,
    /// The boot itself.
    Boot,
    /// A signal to PID 1.
    Signal,
    /// An essential service that is over.
    Essential,
    /// The manager, going on with what one before it began.
    Manager,
}

/// A request that was made: by whom, when, and what it asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// `start`, `runlevel 3`, `poweroff`.
    pub verb: String,
    /// Who.
    pub asker: Asker,
    /// A client's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The name of that user, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user who logged in, where that is another one (`sudo`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// A client's process; 0 where it is in another PID namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// A client's command line, cut at [`MAX_COMMAND`] bytes; a signal's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
}

impl std::fmt::Display for Asked {
    /// `root (uid 0, pid 812): initctl start nginx`, `the boot`, `SIGINT to PID 1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let command = self.command.as_deref().unwrap_or("");
        match self.asker {
            Asker::Boot => f.write_str("the boot"),
            Asker::Signal => write!(f, "{command} to PID 1"),
            Asker::Essential => f.write_str("an essential service that ended"),
            Asker::Manager => f.write_str("the manager"),
            Asker::Client => {
                let uid = self.uid.unwrap_or(0);
                match &self.user {
                    Some(user) => write!(f, "{user} (uid {uid}")?,
                    None => write!(f, "uid {uid} (")?,
                }
                let comma = if self.user.is_some() { ", " } else { "" };
                match (&self.login, self.pid) {
                    (Some(login), Some(pid)) => write!(f, "{comma}logged in as {login}, pid {pid})")?,
                    (_, Some(pid)) => write!(f, "{comma}pid {pid})")?,
                    (..) => f.write_str(")")?,
                }
                if command.is_empty() { Ok(()) } else { write!(f, ": {command}") }
            }
        }
    }
}

/// What brought a unit where it is: the last request that gave it a job of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What the unit had to do: `start`, `stop`, `restart`, `reload`.
    pub job: String,
    /// The request.
    pub asked: Asked,
    /// The way from what was asked for to this unit, each needed by the one before; without the unit itself. Empty: it was
    /// asked for itself.
    #[serde(default)]
    pub via: Vec<UnitName>,
    /// The request was to switch to this level: the unit, or the first of `via`, is on there (start) or off (stop).
    #[serde(default)]
    pub level: Option<String>,
}

impl Cause {
    /// `root (uid 0, pid 812): initctl start web, by way of web`, `runlevel 3, by the boot`.
    pub fn sentence(&self) -> String {
        let mut text = match &self.level {
            Some(level) => format!("runlevel {level}, by {}", self.asked),
            None => self.asked.to_string(),
        };
        if !self.via.is_empty() {
            let names: Vec<String> = self.via.iter().map(UnitName::to_string).collect();
            text.push_str(&format!(", by way of {}", names.join(" -> ")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn askers_read_as_sentences() {
        let client = Asked {
            verb: "start".into(),
            asker: Asker::Client,
            uid: Some(0),
            user: Some("root".into()),
            login: None,
            pid: Some(812),
            command: Some("initctl start web".into()),
            at_ms: 1,
        };
        assert_eq!(client.to_string(), "root (uid 0, pid 812): initctl start web");
        let sudo = Asked { login: Some("ann".into()), ..client.clone() };
        assert_eq!(sudo.to_string(), "root (uid 0, logged in as ann, pid 812): initctl start web");
        let nameless = Asked { uid: Some(7), user: None, command: None, ..client.clone() };
        assert_eq!(nameless.to_string(), "uid 7 (pid 812)");
        let signal = Asked { asker: Asker::Signal, command: Some("SIGINT".into()), ..client.clone() };
        assert_eq!(signal.to_string(), "SIGINT to PID 1");
        let via = ["web", "net"].map(|n| UnitName::new(n).expect("name")).to_vec();
        let cause = Cause { job: "start".into(), asked: client, via, level: None };
        assert_eq!(cause.sentence(), "root (uid 0, pid 812): initctl start web, by way of web -> net");
    }
}
