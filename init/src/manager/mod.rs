//! (being written)

pub mod plan;
