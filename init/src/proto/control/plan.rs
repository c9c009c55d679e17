//! `Plan`: what a request would do.

use super::{Enable, LinkChange, PowerWord};
use crate::core::{Cut, JobResult, Step, Verb};
use crate::unit::{Level, UnitName};
use serde::{Deserialize, Serialize};

/// Parameters of `Plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The request that isn't made.
    pub request: PlanOf,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOf {
    /// As `Change`.
    Units {
        /// The verb.
        verb: Verb,
        /// The units.
        names: Vec<String>,
    },
    /// As `SetLevel`.
    Level(Level),
    /// As `Power`.
    Power(PowerWord),
    /// As `Enable`.
    Enable(Enable),
    /// As `Disable`.
    Disable(Enable),
}

/// Reply of `Plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Planned {
    /// By wave: steps of one wave wait only for those of earlier ones.
    pub steps: Vec<Step>,
    /// Named and already so; for a level, all that is up and stays.
    #[serde(default)]
    pub stays: Vec<UnitName>,
    /// What can't be done.
    #[serde(default)]
    pub refused: Vec<Refused>,
    /// Edges of the order that would be dropped, for they make loops.
    #[serde(default)]
    pub cuts: Vec<Cut>,
    /// Links that would be made (with a target) or removed.
    #[serde(default)]
    pub links: Vec<LinkChange>,
    /// What else there is to say, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What can't be done to one unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// Which.
    pub unit: UnitName,
    /// As it would be reported.
    pub result: JobResult,
    /// The same as a sentence.
    #[serde(default)]
    pub reason: Option<String>,
}
