//! `%b` and its like.

use crate::sys::file;
use std::path::Path;

/// What they stand for. `None`: this machine hasn't got it, so the line doesn't concern it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    boot: Option<String>,
    machine: Option<String>,
    host: Option<String>,
    release: Option<String>,
    architecture: Option<String>,
    os: Vec<(String, String)>,
}

impl Facts {
    /// Those of this machine; its id and system are those of `root`.
    pub fn gather(root: &Path) -> Self {
        let first_line = |path: &Path| {
            let text = file::read_text(path, 4096).ok()?;
            Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
        };
        let kernel = nix::sys::utsname::uname().ok();
        let named = |text: &std::ffi::OsStr| Some(text.to_string_lossy().into_owned()).filter(|t| !t.is_empty());
        let os =
            ["etc/os-release", "usr/lib/os-release"].iter().find_map(|p| file::read_text(&root.join(p), 65536).ok());
        Self {
            boot: first_line(Path::new("/proc/sys/kernel/random/boot_id")).map(|id| id.replace('-', "")),
            machine: first_line(&root.join("etc/machine-id")).filter(|id| id != "uninitialized"),
            host: kernel.as_ref().and_then(|k| named(k.nodename())),
            release: kernel.as_ref().and_then(|k| named(k.release())),
            architecture: kernel.as_ref().and_then(|k| named(k.machine())),
            os: os.as_deref().map(os_release).unwrap_or_default(),
        }
    }

    #[cfg(test)]
    pub fn sample() -> Self {
        let some = |text: &str| Some(text.to_owned());
        Self {
            boot: some("b00t"),
            machine: some("mach"),
            host: some("web.example"),
            release: some("6.1"),
            architecture: some("x86_64"),
            os: os_release("ID=debian\nVERSION_ID=\"13\"\n# x\n"),
        }
    }

    fn of_os(&self, key: &str) -> Option<String> {
        // What os-release doesn't say is empty, not unknown.
        Some(self.os.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()).unwrap_or_default())
    }
}

fn os_release(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.trim().split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.trim_matches(['"', '\'']).to_owned())).collect()
}

/// The text with its specifiers resolved; `None` where this machine lacks what one stands for.
///
/// # Errors
/// An unknown specifier.
pub fn expand(text: &str, facts: &Facts) -> Result<Option<String>, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            plain.push(c);
            continue;
        }
        let fixed = |text: &str| Some(text.to_owned());
        let value = match chars.next() {
            Some('%') => fixed("%"),
            Some('b') => facts.boot.clone(),
            Some('m') => facts.machine.clone(),
            Some('H') => facts.host.clone(),
            Some('l') => facts.host.as_ref().and_then(|h| h.split('.').next().map(str::to_owned)),
            Some('v') => facts.release.clone(),
            Some('a') => facts.architecture.as_ref().map(|a| a.replace('_', "-")),
            Some('t') => fixed("/run"),
            Some('S') => fixed("/var/lib"),
            Some('C') => fixed("/var/cache"),
            Some('L') => fixed("/var/log"),
            Some('T') => fixed("/tmp"),
            Some('V') => fixed("/var/tmp"),
            Some('h') => fixed("/root"),
            Some('u' | 'g') => fixed("root"),
            Some('U' | 'G') => fixed("0"),
            Some('o') => facts.of_os("ID"),
            Some('w') => facts.of_os("VERSION_ID"),
            Some('W') => facts.of_os("VARIANT_ID"),
            Some('B') => facts.of_os("BUILD_ID"),
            Some('M') => facts.of_os("IMAGE_ID"),
            Some('A') => facts.of_os("IMAGE_VERSION"),
            Some(other) => return Err(format!("`%{other}` isn't known; a percent sign is written `%%`")),
            None => return Err("a `%` ends it; a percent sign is written `%%`".to_owned()),
        };
        match value {
            Some(value) => plain.push_str(&value),
            None => return Ok(None),
        }
    }
    Ok(Some(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers() {
        let all = expand("%t %S %C %L %T %V %b %m %H %l %v %a %o-%w%W %u %U %%", &Facts::sample());
        let wanted =
            "/run /var/lib /var/cache /var/log /tmp /var/tmp b00t mach web.example web 6.1 x86-64 debian-13 root 0 %";
        assert_eq!(all.unwrap().as_deref(), Some(wanted));
        assert_eq!(expand("%m", &Facts::default()), Ok(None));
        assert!(expand("%q", &Facts::sample()).is_err() && expand("50%", &Facts::sample()).is_err());
        assert!(Facts::gather(Path::new("/")).release.is_some());
    }
}
