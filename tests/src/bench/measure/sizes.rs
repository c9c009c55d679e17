//! Sizes of programs: the file, and what of it is loaded. Debug information makes a file large and costs no memory.

use super::{Context, Found, kb};
use crate::bench::contender::Contender;
use crate::bench::{Doing, Result};
use std::fs;

/// All its binaries, and the first, which is PID 1.
pub fn sizes(context: &Context, contender: &dyn Contender) -> Result<Option<Found>> {
    let (mut all, mut first) = (0.0, None);
    for path in contender.binaries(&context.setting) {
        let bytes = fs::read(&path).doing(path.display())?;
        let loaded = loaded(&bytes).ok_or_else(|| format!("{} is no ELF file", path.display()))?;
        all += kb(loaded);
        first = first.or(Some((kb(loaded), kb(bytes.len() as u64))));
    }
    Ok(first.map(|(loaded, file)| {
        vec![("size-init".to_owned(), loaded), ("size-init-file".to_owned(), file), ("size-all".to_owned(), all)]
    }))
}

/// The sum of the loaded segments of a 64-bit ELF file, as they lie in it.
fn loaded(bytes: &[u8]) -> Option<u64> {
    let eight = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let two = |at: usize| Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    bytes.starts_with(b"\x7fELF\x02").then_some(())?;
    let (table, size, count) = (usize::try_from(eight(32)?).ok()?, two(54)?, two(56)?);
    let mut sum = 0;
    for header in (0..count).map(|n| table + n * size) {
        let load = bytes.get(header..header + 4)? == [1, 0, 0, 0];
        sum += if load { eight(header + 32)? } else { 0 };
    }
    Some(sum)
}
