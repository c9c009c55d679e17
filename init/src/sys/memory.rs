//! Memory that the allocator holds and nobody uses.

/// Gives it back to the kernel. It walks through all of the heap, so it is for moments after much was freed.
pub fn give_back() {
    // SAFETY: the allocator takes its own locks, and 0 leaves it nothing to spare.
    unsafe {
        libc::malloc_trim(0);
    }
}
