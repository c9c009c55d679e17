//! Memory that the allocator holds and nobody uses.

/// From this size on, in bytes, what is allocated gets pages of its own, and gives them back when it is freed.
const LARGE: libc::c_int = 64 << 10;

/// The heap grows by so much, in bytes.
const STEP: libc::c_int = 16 << 10;

/// For processes that last: large blocks don't lie in the heap, where they would leave gaps. Unless it is told so once, the
/// allocator raises the limit at each such block that is freed; and it puts them into what the heap has grown by.
pub fn keep_large_apart() {
    // SAFETY: sets two numbers; called before there is much to allocate.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TOP_PAD, STEP);
    }
}

/// Gives it back to the kernel. It walks through all of the heap, so it is for moments after much was freed.
pub fn give_back() {
    // SAFETY: the allocator takes its own locks, and 0 leaves it nothing to spare.
    unsafe {
        libc::malloc_trim(0);
    }
}
