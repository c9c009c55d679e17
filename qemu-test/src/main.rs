//! Machines.
fn main() {}
