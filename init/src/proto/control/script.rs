//! `Run` and `Adopt`: what concerns scripts that somebody runs himself.

use serde::{Deserialize, Serialize};

/// `Run`: how the script of this name is to be run by the client itself. Until the client asks for [`Adopt`], or has
/// ended, the script is at work, and its unit isn't restarted by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunScript {
    /// Its name in `/etc/init.d`.
    pub name: String,
}

/// Reply of `Run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptCall {
    /// The script.
    pub script: String,
    /// The file into which the script's process writes its pid before it begins; none where there are no cgroups.
    #[serde(default)]
    pub cgroup: Option<String>,
    /// Its environment, beside the language and the terminal of whoever calls: pairs of name and value.
    pub environment: Vec<(String, String)>,
}

/// `Adopt`: take over what runs of a unit; what the client ran by [`RunScript`] is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopt {
    /// The unit.
    pub name: String,
    /// Its main process; without it the one in `PIDFile=`, or the only one that bears the unit's sign.
    #[serde(default)]
    pub pid: Option<i32>,
}

/// Reply of `Adopt`: what is known of the unit now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Its main process.
    #[serde(default)]
    pub main_pid: Option<i32>,
    /// All of them.
    pub pids: Vec<i32>,
}
