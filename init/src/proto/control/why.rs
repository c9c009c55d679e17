//! `Why` and `Explain`: how a unit came where it is, and what a start of it would do.

use super::UnitStatus;
use crate::unit::{Source, UnitName};
use serde::{Deserialize, Serialize};

/// `Why`, `Explain`: about one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name.
    pub name: String,
}

/// Reply of `Why`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// How it stands, with who asked and why it failed.
    pub unit: UnitStatus,
    /// That in one sentence.
    pub verdict: String,
    /// What makes it run or keeps it from running, a sentence each.
    pub because: Vec<String>,
    /// What its job waits for, what that waits for, and so on.
    pub waiting: Vec<String>,
    /// The files of its name, in the order they are looked for.
    pub sources: Vec<UnitSource>,
    /// Keys whose values differ between what runs and the file.
    pub differences: Vec<Difference>,
    /// Commands to try, a line each.
    pub next: Vec<String>,
}

/// One file of a unit's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSource {
    /// Where it lies.
    pub path: String,
    /// What kind of file.
    pub source: Source,
    /// What becomes of it: `used`, `drop-in`, `masks it`, `shadowed by PATH`.
    pub part: String,
}

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The key.
    pub key: String,
    /// What the instance was started with.
    pub running: String,
    /// What the file says now.
    pub file: String,
}

/// Reply of `Explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The unit.
    pub name: UnitName,
    /// Units that are started with it, before it where it is ordered after them, a sentence each.
    pub with: Vec<String>,
    /// Its commands, in the order in which they run over its life.
    pub commands: Vec<ExplainedCommand>,
}

/// One command and how its process is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedCommand {
    /// `ExecStart`
    pub key: String,
    /// `file:line`
    #[serde(default)]
    pub place: Option<String>,
    /// What the process does before it is the program, in order, and how it becomes it.
    pub steps: Vec<ExplainedStep>,
    /// Why it can't be made, or what isn't known yet.
    #[serde(default)]
    pub problem: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedStep {
    /// What is done.
    pub text: String,
    /// The key it belongs to.
    pub key: String,
    /// `file:line` where that key was given; `None`: it is the default.
    #[serde(default)]
    pub place: Option<String>,
}
