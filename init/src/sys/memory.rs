//! Memory that is held and that nobody uses.

use nix::errno::Errno;

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
