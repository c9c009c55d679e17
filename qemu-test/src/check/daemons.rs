pub const STEPS: &[super::Step] = &[];
