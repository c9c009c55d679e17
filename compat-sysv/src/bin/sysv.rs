//! The shims.
fn main() {}
