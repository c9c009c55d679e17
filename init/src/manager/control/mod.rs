//! The control socket: Varlink clients in, requests to the manager, replies out.

mod around;
pub mod client;
mod enable;
mod events;
mod explain;
pub mod held;
mod jobs;
pub mod methods;
mod plan;
mod processes;
pub mod requests;
pub mod scripts;
pub mod server;
pub mod status;
mod times;
mod why;

pub use client::{ClientId, Rights};
pub use held::{Held, Told};
pub use requests::Requests;
pub use server::Server;
