//! The comparison with other inits: `tests/bench/run`.
//!
//! Each contender starts the same tiny service (`tests/bench/svc.c`) some number of times, as PID 1 of a world of its own;
//! the services themselves tell when they began. [`measure`] has a file for each kind of work, [`contender`] one for each
//! family of inits, [`rows`] what is wanted of Rung.

pub mod cgroup;
pub mod cli;
pub mod contender;
pub mod enter;
pub mod job;
pub mod measure;
pub mod own;
pub mod records;
pub mod report;
pub mod rows;
pub mod stage;
pub mod stats;
pub mod world;

/// What goes wrong is told as a sentence.
pub type Result<T> = std::result::Result<T, String>;

/// Adds what was being done to an error.
pub trait Doing<T> {
    /// As `what: error`.
    ///
    /// # Errors
    /// The one there was.
    fn doing(self, what: impl std::fmt::Display) -> Result<T>;
}

impl<T, E: std::fmt::Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl std::fmt::Display) -> Result<T> {
        self.map_err(|e| format!("{what}: {e}"))
    }
}

/// The monotonic clock in nanoseconds: the one that the services tell.
pub fn now() -> u64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("a clock");
    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
}

/// Nothing happens for so long, unless the bench is to end.
pub fn pause(ms: u16) {
    for part in (0..ms).step_by(500).map(|gone| (ms - gone).min(500)) {
        if !measure::interrupted() {
            let _ = nix::poll::poll(&mut [], nix::poll::PollTimeout::from(part));
        }
    }
}
