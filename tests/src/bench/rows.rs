//! The rows of the comparison: what each is called, and what is wanted of Rung in it.
