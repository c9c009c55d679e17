//! Random worlds around the real core: units, processes, clients and a manager that dies, all from one seed.
//!
//! The world plays PID 1 ([`machine`]), the manager's shell with its journal ([`world`]) and the clients; [`make`] makes
//! up units and requests; [`check`] looks after each step whether something happened that never may.

pub mod check;
pub mod foresee;
pub mod machine;
mod make;
pub mod rng;
pub mod talk;
pub mod world;

pub use world::run;
