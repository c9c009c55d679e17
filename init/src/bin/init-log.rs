//! The logger.
fn main() {}
