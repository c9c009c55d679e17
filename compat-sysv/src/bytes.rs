//! Fixed fields in fixed records. Nothing here can read or write outside its record.

/// The `N` bytes at `offset`; zeros where the record ends before.
pub(crate) fn get<const N: usize>(record: &[u8], offset: usize) -> [u8; N] {
    record.get(offset..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Puts `field` at `offset`; what would lie outside is left out.
pub(crate) fn put(record: &mut [u8], offset: usize, field: &[u8]) {
    for (to, from) in record.iter_mut().skip(offset).zip(field) {
        *to = *from;
    }
}

/// `text` cut at `N` bytes and at its first NUL, padded with NULs.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(text.bytes().take_while(|b| *b != 0)) {
        *to = from;
    }
    field
}

/// The text of a padded field; bytes that aren't UTF-8 are replaced.
pub(crate) fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.split(|b| *b == 0).next().unwrap_or(&[])).into_owned()
}
