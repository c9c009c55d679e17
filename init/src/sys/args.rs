//! What a program was started with (arguments, environment, its own file), and its title in `ps`.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The arguments' place in memory, where `ps` looks.
static AREA: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static AREA_LEN: AtomicUsize = AtomicUsize::new(0);
/// The same with the environment, which lies behind: a title longer than the arguments grows into it.
static WHOLE_LEN: AtomicUsize = AtomicUsize::new(0);

/// Arguments and environment, copied.
#[derive(Debug, Default, Clone)]
pub struct Args {
    /// Arguments, the zeroth too.
    pub args: Vec<CString>,
    /// `K=V` entries.
    pub env: Vec<CString>,
}

impl Args {
    /// Takes variable `name` out of the environment: its value.
    pub fn take(&mut self, name: &str) -> Option<CString> {
        let value = |entry: &CString| {
            let value = entry.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            CString::new(value).ok()
        };
        let place = self.env.iter().position(|entry| value(entry).is_some())?;
        value(&self.env.remove(place))
    }
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
    let length = |all: &[CString]| all.iter().map(|text| text.as_bytes_with_nul().len()).sum::<usize>();
    if !args.args.is_empty() {
        // The kernel puts the strings one behind the other.
        let own = length(&args.args);
        // SAFETY: there is a first argument; the environment's first entry is only compared.
        let (area, behind) =
            unsafe { ((*argv).cast_mut().cast::<u8>(), !envp.is_null() && *envp == (*argv).wrapping_add(own)) };
        AREA.store(area, Ordering::Relaxed);
        AREA_LEN.store(own, Ordering::Relaxed);
        WHOLE_LEN.store(own + if behind { length(&args.env) } else { 0 }, Ordering::Relaxed);
    }
    args
}

/// Makes `ps` show `text`, cut to the room that arguments and environment had. Call it only when nothing reads these any
/// more but through [`Args`].
pub fn set_title(text: &[u8]) {
    let (area, own) = (AREA.load(Ordering::Relaxed), AREA_LEN.load(Ordering::Relaxed));
    let whole = WHOLE_LEN.load(Ordering::Relaxed);
    // Where the arguments' last byte isn't NUL, the kernel shows what follows too, up to a NUL.
    for at in 0..own.max((text.len() + 1).min(whole)) {
        let byte = if at + 1 == whole { 0 } else { text.get(at).copied().unwrap_or(0) };
        // SAFETY: inside the area that held the strings, which were copied by `capture`.
        unsafe { area.add(at).write(byte) };
    }
}

/// Gives an environment variable a value where it has none. To be called by processes of one thread.
pub fn set_default(name: &str, value: &str) {
    if std::env::var_os(name).is_none() {
        // SAFETY: by the rule above nobody reads the environment at the same time.
        unsafe { std::env::set_var(name, value) };
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
