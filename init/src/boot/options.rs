//! Words of `/etc/fstab`'s fourth field as mount(2) takes them.

use crate::sys::mount::Flags;

/// What mounts are made by: flags, and what the file system itself reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    /// Of the mount.
    pub flags: Flags,
    /// Key, and the word it stands in; each key once.
    data: Vec<(String, String)>,
}

impl Options {
    /// None.
    pub fn new() -> Self {
        Self { flags: Flags::empty(), data: Vec::new() }
    }

    /// Takes words in; later ones count.
    pub fn add(&mut self, text: &str) {
        for word in text.split(',').filter(|word| !word.is_empty()) {
            if let Some((_, flag, on)) = WORDS.iter().find(|(name, ..)| *name == word) {
                self.flags.set(*flag, *on);
                continue;
            }
            let key = word.split('=').next().unwrap_or(word);
            // For mount(8) and fsck, not for the kernel.
            if FOR_PROGRAMS.contains(&key) || key.starts_with("x-") || key.starts_with("X-") {
                continue;
            }
            self.data.retain(|(known, _)| known != key);
            self.data.push((key.to_owned(), word.to_owned()));
        }
    }

    /// What the file system reads.
    pub fn text(&self) -> String {
        self.data.iter().map(|(_, word)| word.as_str()).collect::<Vec<_>>().join(",")
    }
}

const WORDS: &[(&str, Flags, bool)] = &[
    ("ro", Flags::MS_RDONLY, true),
    ("rw", Flags::MS_RDONLY, false),
    ("nosuid", Flags::MS_NOSUID, true),
    ("suid", Flags::MS_NOSUID, false),
    ("nodev", Flags::MS_NODEV, true),
    ("dev", Flags::MS_NODEV, false),
    ("noexec", Flags::MS_NOEXEC, true),
    ("exec", Flags::MS_NOEXEC, false),
    ("sync", Flags::MS_SYNCHRONOUS, true),
    ("async", Flags::MS_SYNCHRONOUS, false),
    ("noatime", Flags::MS_NOATIME, true),
    ("atime", Flags::MS_NOATIME, false),
    ("nodiratime", Flags::MS_NODIRATIME, true),
    ("diratime", Flags::MS_NODIRATIME, false),
    ("relatime", Flags::MS_RELATIME, true),
    ("norelatime", Flags::MS_RELATIME, false),
    ("strictatime", Flags::MS_STRICTATIME, true),
];
const FOR_PROGRAMS: &[&str] =
    &["defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "_netdev", "nofail", "comment"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_options_count_and_words_become_flags() {
        let mut all = Options::new();
        all.add("rw,gid=5,mode=620,ptmxmode=666");
        all.add("rw,nosuid,noexec,relatime");
        all.add("noexec,nosuid,gid=5,mode=600");
        all.add("defaults,noauto,x-y=1,exec");
        assert_eq!(all.text(), "ptmxmode=666,gid=5,mode=600");
        assert_eq!(all.flags, Flags::MS_NOSUID | Flags::MS_RELATIME);
    }
}
