//! Memory that is held and that nobody uses.

use nix::errno::Errno;

/// From this size on, in bytes, what is allocated gets pages of its own, and gives them back when it is freed.
const LARGE: libc::c_int = 64 << 10;

/// The heap grows by so much, in bytes.
const STEP: libc::c_int = 16 << 10;

/// What the manager's and the logger's allocators are told, in their environment: nothing else reaches this. Of blocks that are freed it keeps the
/// smallest alone at hand; the others become one with what is free beside them, or else whole pages would be held by a few
/// of each size.
pub const TUNED: &str = "GLIBC_TUNABLES=glibc.malloc.tcache_max=128";

/// For processes that last: large blocks don't lie in the heap, where they would leave gaps. Unless it is told so once, the
/// allocator raises the limit at each such block that is freed; and it puts them into what the heap has grown by.
pub fn keep_large_apart() {
    // SAFETY: sets two numbers; called before there is much to allocate.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TOP_PAD, STEP);
    }
}

/// A buffer that takes up no memory where nothing has been written. The allocator's own would: it clears what it hands out.
///
/// # Errors
/// As `mmap(2)`.
pub fn untouched(length: usize) -> Result<&'static mut [u8], Errno> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), length, access, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // SAFETY: all zero, as long as that, nobody else's, and never unmapped.
    Ok(unsafe { std::slice::from_raw_parts_mut(at.cast(), length) })
}

/// The same for numbers that no forked child is to have: a fork then needn't copy what leads to them, nor the next write
/// the page, which costs more than the write. A child that touches them ends by a fault.
///
/// # Errors
/// As `mmap(2)`.
pub fn unforked(count: usize) -> Result<&'static mut [u16], Errno> {
    let bytes = untouched(count.checked_mul(size_of::<u16>()).ok_or(Errno::ENOMEM)?)?;
    let (at, length) = (bytes.as_mut_ptr(), bytes.len());
    // Where the kernel won't, a child has a copy.
    // SAFETY: whole pages, mapped just now.
    let _ = unsafe { libc::madvise(at.cast(), length, libc::MADV_DONTFORK) };
    // SAFETY: the same memory, which begins at a page; all zero is a value of these numbers, and nobody else has it.
    Ok(unsafe { std::slice::from_raw_parts_mut(at.cast(), count) })
}

/// Gives it back to the kernel. It walks through all of the heap, so it is for moments after much was freed.
pub fn give_back() {
    // SAFETY: the allocator takes its own locks, and 0 leaves it nothing to spare.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn a_child_has_nothing_of_what_is_not_for_it() {
        use crate::sys::child::fork_work;
        let numbers = unforked(10_000).expect("memory");
        let shared = untouched(1).expect("memory");
        (numbers[9_999], shared[0]) = (7, 7);
        assert_eq!(numbers[0], 0);
        let ends = |work: fn(&[u16], &[u8]) -> bool| {
            let pid = fork_work(|| work(numbers, shared).into()).expect("fork");
            let pid = nix::unistd::Pid::from_raw(pid);
            nix::sys::wait::waitpid(pid, None).expect("a child")
        };
        use nix::sys::wait::WaitStatus::{Exited, Signaled};
        assert!(matches!(ends(|_, shared| shared[0] == 7), Exited(_, 1)));
        let faulted = ends(|numbers, _| std::hint::black_box(numbers)[9_999] == 7);
        assert!(matches!(faulted, Signaled(_, nix::sys::signal::Signal::SIGSEGV, _)), "{faulted:?}");
        assert_eq!(numbers[9_999], 7);
    }

    #[test]
    fn a_buffer_takes_up_what_was_written() {
        let pages = std::fs::File::open("/proc/self/pagemap").expect("pagemap");
        let buffer = untouched(1 << 20).expect("memory");
        let at = buffer.as_ptr() as usize / 4096;
        let present = |length: usize| {
            let is_present = |page: &usize| {
                let (mut word, place) = ([0; 8], (at + page) * 8);
                pages.read_exact_at(&mut word, place as u64).expect("an entry");
                u64::from_le_bytes(word) >> 63 == 1
            };
            (0..length / 4096).filter(is_present).collect::<Vec<_>>()
        };
        assert!(present(buffer.len()).is_empty());
        buffer[5000] = 1;
        assert_eq!(present(buffer.len()), [1]);
    }
}
