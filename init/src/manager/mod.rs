//! The manager: all policy. A shell around the pure core; may die at any time.
//!
//! | file | what |
//! |---|---|
//! | [`start`], [`state`], [`reactor`] | from greeting PID 1 to the loop; how one event goes through |
//! | [`perform`], [`spawn`], [`plan`], [`instance`] | the core's actions; processes and what belongs to one run |
//! | [`kept`] | log pipes that go on from one run to the next |
//! | [`envfiles`], [`directories`] | `EnvironmentFile=` and the locale; removing `RuntimeDirectory=` |
//! | [`accounts`], [`helper`], [`omit`] | users that only `getent` knows; processes of the manager's own, and who spares them |
//! | [`conditions`], [`facts`] | `Condition…=`: looking at what the machine shows, and at paths |
//! | [`boot`], [`power`], [`machine`] | levels, the beginning and the end |
//! | [`inittab`], `fifo`, `locks` | inittab's lines when it is read again, keys and power; `/run/initctl`; Red Hat's lock files |
//! | [`watch`], [`generate`] | noticing that unit files change; units made from init scripts and inittab |
//! | [`link`], [`logger`], `outbox` | PID 1, the logger; what waits to be sent to them |
//! | [`notify`], [`notices`] | `sd_notify`: what it says; whose words count |
//! | [`journal`], `delta`, [`poison`], [`choices`] | what outlives a manager's death |
//! | [`cgroup`], [`procs`], [`census`], [`leftover`], `killprocs` | finding all processes of a service; ending what they leave |
//! | [`crowd`], [`spread`], [`sorted`] | many processes to start, many to signal; many tokens |
//! | [`asked`], [`events`], [`witness`] | who asked, what happened, the history |
//! | [`recorder`] | where the time of the boot went |
//! | [`control`], [`sentence`], [`told`], [`console`], [`panel`] | clients, and words for people |

pub mod accounts;
pub mod asked;
pub mod boot;
pub mod census;
pub mod cgroup;
pub mod choices;
pub mod conditions;
pub mod console;
pub mod control;
pub mod crowd;
mod delta;
pub mod directories;
pub mod envfiles;
pub mod events;
pub mod facts;
mod fifo;
pub mod generate;
pub mod helper;
mod holds;
mod inittab;
pub mod instance;
pub mod journal;
pub mod kept;
mod killprocs;
pub mod leftover;
pub mod link;
mod locks;
pub mod logger;
mod logging;
pub mod machine;
pub mod notices;

pub mod notify;
pub mod omit;
mod outbox;
pub mod panel;
pub mod perform;
pub mod plan;
pub mod poison;
pub mod power;
pub mod procs;
pub mod reactor;
pub mod recorder;
pub mod sentence;
pub mod sorted;
pub mod spawn;
pub mod spread;
pub mod start;
pub mod state;
pub mod told;
pub mod watch;
pub mod witness;

pub use start::run;
