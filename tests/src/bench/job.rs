//! What a contender is asked to run.

use std::ops::Range;

/// What the services do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Live until SIGTERM.
    Run,
    /// Do their work and end well.
    Once,
    /// End with 1 at once.
    Crash,
}

impl Kind {
    /// The service program's own word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Once => "once",
            Self::Crash => "crash",
        }
    }
}

/// How soon a service that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// As the contender does it when nothing is said.
    Default,
    /// As soon as it can, however often.
    None,
}

/// So many services, in layers: each comes after all of the layer before.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// What they do.
    pub kind: Kind,
    /// How many layers; 1: no order at all.
    pub layers: usize,
    /// Services a layer.
    pub width: usize,
    /// Restarts.
    pub delay: Delay,
    /// Unit files beside them that nothing starts. Only Rung is asked for that.
    pub idle_units: usize,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Service {
    /// 0, 1, …
    pub number: usize,
    /// `s0000`, …
    pub name: String,
    /// Command and arguments.
    pub words: [String; 3],
    /// The numbers of those it comes after.
    pub after: Range<usize>,
}

/// Where the service program lies in each world.
pub const PROGRAM: &str = "/bench/svc";

/// The name of a service.
pub fn name(number: usize) -> String {
    format!("s{number:04}")
}

impl Job {
    /// Services that run side by side.
    pub fn flat(kind: Kind, width: usize, delay: Delay) -> Self {
        Self { kind, layers: 1, width, delay, idle_units: 0 }
    }

    /// One-shots in layers.
    pub fn layers(layers: usize, width: usize) -> Self {
        Self { kind: Kind::Once, layers, width, delay: Delay::None, idle_units: 0 }
    }

    /// How many services there are.
    pub fn count(&self) -> usize {
        self.layers * self.width
    }

    /// All of them.
    pub fn services(&self) -> impl Iterator<Item = Service> + '_ {
        (0..self.count()).map(|number| {
            let layer = number / self.width;
            let after = if layer == 0 { 0..0 } else { (layer - 1) * self.width..layer * self.width };
            let words = [PROGRAM.to_owned(), self.kind.word().to_owned(), number.to_string()];
            Service { number, name: name(number), words, after }
        })
    }
}
