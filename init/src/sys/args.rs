//! What a program was started with, and its title in `ps`.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The arguments' place in memory, where `ps` looks.
static AREA: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static AREA_LEN: AtomicUsize = AtomicUsize::new(0);

/// Arguments and environment, copied.
#[derive(Debug, Default, Clone)]
pub struct Args {
    /// Arguments, the zeroth too.
    pub args: Vec<CString>,
    /// `K=V` entries.
    pub env: Vec<CString>,
}

/// Copies what C `main` was given and notes where it lies.
///
/// # Safety
/// `argv` and `envp` are those of C `main`.
pub unsafe fn capture(argv: *const *const libc::c_char, envp: *const *const libc::c_char) -> Args {
    let list = |mut at: *const *const libc::c_char| {
        let mut all = Vec::new();
        // SAFETY: a NULL-ended array of NUL-ended strings, by the caller's word.
        unsafe {
            while !at.is_null() && !(*at).is_null() {
                all.push(CStr::from_ptr(*at).to_owned());
                at = at.add(1);
            }
        }
        all
    };
    let args = Args { args: list(argv), env: list(envp) };
    if !args.args.is_empty() {
        // The kernel puts the strings one behind the other.
        let length: usize = args.args.iter().map(|a| a.as_bytes_with_nul().len()).sum();
        // SAFETY: there is a first argument.
        AREA.store(unsafe { (*argv).cast_mut().cast() }, Ordering::Relaxed);
        AREA_LEN.store(length, Ordering::Relaxed);
    }
    args
}

/// Makes `ps` show `text`, cut to the room the arguments had. Call it only when nothing reads `argv` any more.
pub fn set_title(text: &[u8]) {
    let (area, length) = (AREA.load(Ordering::Relaxed), AREA_LEN.load(Ordering::Relaxed));
    for at in 0..length {
        let byte = if at + 1 == length { 0 } else { text.get(at).copied().unwrap_or(0) };
        // SAFETY: inside the area that held the arguments, which were copied by `capture`.
        unsafe { area.add(at).write(byte) };
    }
}

fn told() -> Option<&'static CStr> {
    // SAFETY: AT_EXECFN, where it is given, points at a string above the stack.
    unsafe {
        let at = libc::getauxval(libc::AT_EXECFN) as *const libc::c_char;
        (!at.is_null()).then(|| CStr::from_ptr(at))
    }
}

/// Whether the program was executed through a descriptor, not by its path.
pub fn executed_by_descriptor() -> bool {
    told().is_some_and(|path| path.to_bytes().starts_with(b"/dev/fd/"))
}

/// The program's own file: what the kernel was told to execute, with links followed where that is possible.
pub fn own_path() -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut path = PathBuf::from(std::ffi::OsString::from_vec(told().unwrap_or_default().to_bytes().to_vec()));
    for _ in 0..8 {
        if path.is_relative() {
            path = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")).join(path);
        }
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    path
}

/// Arguments and environment as `execve` takes them, never freed.
#[derive(Debug)]
pub struct Image {
    path: CString,
    argv: Vec<AtomicPtr<libc::c_char>>,
    envp: Vec<AtomicPtr<libc::c_char>>,
}

impl Image {
    /// An image that executes `path`.
    pub fn new(path: CString, args: Vec<CString>, env: Vec<CString>) -> &'static Self {
        let list = |all: Vec<CString>| {
            let pointers = all.into_iter().map(|text| AtomicPtr::new(text.into_raw()));
            pointers.chain([AtomicPtr::new(std::ptr::null_mut())]).collect()
        };
        Box::leak(Box::new(Self { path, argv: list(args), envp: list(env) }))
    }

    /// The program's path.
    pub fn path(&self) -> &CStr {
        &self.path
    }
    pub(super) fn argv(&self) -> *const *const libc::c_char {
        self.argv.as_ptr().cast()
    }
    pub(super) fn envp(&self) -> *const *const libc::c_char {
        self.envp.as_ptr().cast()
    }
}
