//! What the manager is started with: made once, for every start of it.

use crate::proto::plan::{Plan, Step, Strings};
use crate::sys::memory::TUNED;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// How the manager is started.
#[derive(Debug)]
pub struct Launch {
    /// Its file.
    pub path: CString,
    /// Its plan; descriptor 0 of it is the manager's end of the socket. `None`: too long for a plan.
    pub plan: Option<Vec<u8>>,
    /// Its environment, NUL-ended entries one behind the other.
    pub env: Vec<u8>,
}

impl Launch {
    /// The manager beside the program `own`, with `words` as its arguments. `nofile`: the limit on open files, soft and
    /// hard, that services get.
    pub fn new(own: &Path, words: Vec<OsString>, env: &[CString], nofile: (u64, u64)) -> Self {
        let beside = own.with_file_name("init-manager");
        let found = nix::unistd::access(&beside, nix::unistd::AccessFlags::X_OK).is_ok();
        let path = if found { beside } else { PathBuf::from("/usr/lib/rung/init-manager") };
        let path = CString::new(path.into_os_string().into_vec()).unwrap_or_default();
        let words = words.into_iter().filter_map(|word| CString::new(word.into_vec()).ok());
        let args: Vec<_> = [c"init-manager".to_owned()].into_iter().chain(words).collect();
        let limit = CString::new(format!("RUNG_NOFILE={}:{}", nofile.0, nofile.1));
        let tuned = env.iter().any(|given| given.as_bytes().starts_with(b"GLIBC_TUNABLES="));
        let heap = CString::new(TUNED).ok().filter(|_| !tuned);
        let env: Vec<_> = env.iter().cloned().chain(limit).chain(heap).collect();
        let (args, env) = (joined(&args), joined(&env));
        let mut plan = Plan::default();
        plan.push(Step::Session);
        plan.push(Step::Signals { ignore: 0 });
        plan.push(Step::Fd { index: 0, target: 3 });
        plan.push(Step::Exec { program: &path, args: Strings::new(&args), env: Strings::new(&env) });
        Self { plan: plan.finish(), path, env }
    }
}

fn joined(texts: &[CString]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.as_bytes_with_nul()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_is_told_unless_somebody_else_has_told_it() {
        let own = CString::new(TUNED).expect("text");
        for (given, told) in [(c"A=b", true), (c"GLIBC_TUNABLES=glibc.malloc.check=1", false)] {
            let launch = Launch::new(Path::new("/nowhere/init"), Vec::new(), &[given.to_owned()], (1, 2));
            let entries: Vec<_> = launch.env.split_inclusive(|b| *b == 0).collect();
            assert!(entries.contains(&given.to_bytes_with_nul()));
            assert_eq!(entries.contains(&own.as_bytes_with_nul()), told);
        }
    }
}
