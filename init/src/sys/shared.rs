//! A plain structure in memory that outlives `execve`: the mapping of a memfd or of an unlinked file.

use nix::errno::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// Structures that may lie in shared memory.
///
/// # Safety
/// Every bit pattern is a valid value, all zero too; every field can be changed behind a shared reference (atomics).
pub unsafe trait Plain: Sync {}

// SAFETY: atomics take any bits and change behind shared references.
unsafe impl Plain for AtomicU16 {}
// SAFETY: as above.
unsafe impl Plain for AtomicU32 {}
// SAFETY: as above.
unsafe impl Plain for AtomicI32 {}
// SAFETY: as above.
unsafe impl Plain for AtomicU64 {}
// SAFETY: an array has no padding of its own.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Declares structures, laid out as in C, that are [`Plain`] because all their fields are.
#[macro_export]
macro_rules! plain_structs {
    ($($(#[$doc:meta])* pub struct $name:ident { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        #[repr(C)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
        // SAFETY: every field is `Plain` (the bounds are checked here); padding is never read.
        unsafe impl $crate::sys::shared::Plain for $name where $($type: $crate::sys::shared::Plain),* {}
    )*};
}

/// A field of such a structure, with the one ordering that records need.
pub trait Field<T> {
    /// Its value.
    fn get(&self) -> T;
    /// Changes it.
    fn set(&self, value: T);
}

macro_rules! field {
    ($($atomic:ty: $plain:ty),*) => {$(
        impl Field<$plain> for $atomic {
            fn get(&self) -> $plain {
                self.load(Ordering::Relaxed)
            }
            fn set(&self, value: $plain) {
                // Release: what was written before stays before, also for a handler that reads it.
                self.store(value, Ordering::Release);
            }
        }
    )*};
}
field!(AtomicU16: u16, AtomicU32: u32, AtomicI32: i32, AtomicU64: u64);

/// A `u64` in two words, for records whose length is no multiple of eight. It doesn't change at once.
#[derive(Debug)]
#[repr(transparent)]
pub struct Halves([AtomicU32; 2]);

// SAFETY: transparent, and what it holds is.
unsafe impl Plain for Halves {}

impl Field<u64> for Halves {
    fn get(&self) -> u64 {
        let Self([low, high]) = self;
        u64::from(high.get()) << 32 | u64::from(low.get())
    }
    fn set(&self, value: u64) {
        let Self([low, high]) = self;
        low.set((value & 0xffff_ffff) as u32);
        high.set((value >> 32) as u32);
    }
}

/// Bytes as words.
impl<const WORDS: usize, const BYTES: usize> Field<[u8; BYTES]> for [AtomicU64; WORDS] {
    fn get(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (to, word) in bytes.chunks_exact_mut(8).zip(self) {
            to.copy_from_slice(&word.get().to_le_bytes());
        }
        bytes
    }
    fn set(&self, value: [u8; BYTES]) {
        for (word, from) in self.iter().zip(value.chunks_exact(8)) {
            word.set(from.try_into().map_or(0, u64::from_le_bytes));
        }
    }
}

/// A new `T`, all zero, and its file: a memfd, else one without a name. Where neither can be had the memory lasts as long
/// as this image.
///
/// # Errors
/// As `mmap(2)`.
pub fn create<T: Plain>(name: &std::ffi::CStr) -> Result<(&'static T, Option<OwnedFd>), Errno> {
    if let Ok(file) = super::memfd::or_file(name)
        && let Ok(memory) = map(Some(file.as_fd()))
    {
        return Ok((memory, Some(file)));
    }
    Ok((map(None)?, None))
}

/// The `T` in a file that an image before us has left at this descriptor. `None`: there is no such file, or a shorter one.
pub fn attach<T: Plain>(raw: RawFd) -> Option<&'static T> {
    let file = super::fd::borrow(raw)?;
    let size = usize::try_from(nix::sys::stat::fstat(file).ok()?.st_size).ok()?;
    if size < size_of::<T>() { None } else { map(Some(file)).ok() }
}

/// Makes the file as long as `T`, if it is shorter, and maps it. With no file the memory is anonymous: it survives a
/// fork, not an `execve`. The mapping stays until the process ends.
///
/// # Errors
/// As `ftruncate(2)` and `mmap(2)`.
pub fn map<T: Plain>(fd: Option<BorrowedFd<'_>>) -> Result<&'static T, Errno> {
    let length = size_of::<T>();
    if let Some(fd) = fd {
        let wanted = i64::try_from(length).map_err(|_| Errno::EFBIG)?;
        if nix::sys::stat::fstat(fd)?.st_size < wanted {
            nix::unistd::ftruncate(fd, wanted)?;
        }
    }
    let raw = fd.map_or(-1, |fd| fd.as_raw_fd());
    let flags = libc::MAP_SHARED | if fd.is_some() { 0 } else { libc::MAP_ANONYMOUS | libc::MAP_NORESERVE };
    // SAFETY: a new mapping at an address of the kernel's choice.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, flags, raw, 0) };
    if at == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // SAFETY: the mapping is page-aligned, as long as `T`, never unmapped, and `Plain` makes any content a valid `T`.
    Ok(unsafe { &*at.cast::<T>() })
}
