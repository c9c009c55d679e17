//! An archive as the kernel unpacks it into its first root (cpio, format `newc`), written without the host's `cpio`.

/// The type bits of a mode.
const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// An archive in the making.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: usize,
}

impl Archive {
    /// A folder of root's. Those above it must have come before.
    pub fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER | 0o755, &[]);
    }

    /// A file of root's.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, FILE | mode, content);
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.entry(path, LINK | 0o777, target.as_bytes());
    }

    /// Takes away what the kernel itself has put there: an entry of another type than what is in place removes that,
    /// and one of no type at all puts nothing in its stead.
    pub fn absent(&mut self, path: &str) {
        self.entry(path, 0, &[]);
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (inode, size, name) = (self.entries, content.len(), path.len() + 1);
        let (mode, links) = (mode as usize, 1);
        // Owner, group, time, device and checksum are all 0.
        let fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_names_and_contents_lie_on_multiples_of_four() {
        let mut archive = Archive::default();
        archive.folder("etc");
        archive.file("etc/x", 0o600, b"12345");
        archive.link("l", "etc");
        archive.absent("dev");
        let bytes = archive.finish();
        let text = String::from_utf8_lossy(&bytes);
        let starts: Vec<_> = text.match_indices("070701").map(|(at, _)| at).collect();
        assert_eq!(starts.len(), 5);
        assert!(starts.iter().all(|at| at % 4 == 0), "{starts:?}");
        assert!(text.starts_with("07070100000001000041ED"), "{text}");
        let file = &text[starts[1]..];
        assert!(file.starts_with("070701000000020000818000000000000000000000000100000000000000050"), "{file}");
        // 110 bytes of header and 6 of name are a multiple of four.
        assert!(file[110..].starts_with("etc/x\x0012345\0\0\x00070701"), "{file}");
        assert_eq!(bytes.len() % 4, 0);
    }
}
