//! The names in an ELF file's symbol table.

/// All of them; `None` when it is no 64-bit ELF file or was stripped.
pub fn symbol_names(file: &[u8]) -> Option<Vec<String>> {
    const SYMTAB: u32 = 2;
    if file.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let table = usize::try_from(number::<8>(file, 0x28)?).ok()?;
    let entry = usize::try_from(number::<2>(file, 0x3a)?).ok()?;
    let count = usize::try_from(number::<2>(file, 0x3c)?).ok()?;
    let header = |index: usize| file.get(table + index * entry..);
    let symtab = (0..count).filter_map(header).find(|h| number::<4>(h, 4) == Some(u64::from(SYMTAB)))?;
    let strings = contents(file, header(usize::try_from(number::<4>(symtab, 0x28)?).ok()?)?)?;
    Some(strings.split(|b| *b == 0).map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// The bytes of the section whose header this is.
fn contents<'a>(file: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let start = usize::try_from(number::<8>(header, 0x18)?).ok()?;
    let length = usize::try_from(number::<8>(header, 0x20)?).ok()?;
    file.get(start..start + length)
}

/// `N` little-endian bytes at `offset`.
fn number<const N: usize>(bytes: &[u8], offset: usize) -> Option<u64> {
    let field: &[u8; N] = bytes.get(offset..)?.first_chunk()?;
    Some(field.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
}

#[test]
fn this_very_program_has_names() {
    let program = std::fs::read(std::env::current_exe().expect("path")).expect("program");
    let names = symbol_names(&program).expect("symbols");
    assert!(names.iter().any(|n| n.contains("this_very_program_has_names")));
    assert_eq!(symbol_names(b"#!/bin/sh"), None);
}
