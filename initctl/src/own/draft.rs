//! A change to unit files before it is made: looked at as if it had been, then made.

use crate::exit::Failure;
use init::load::{Loaded, Loader, Supposed};
use init::sys::file;
use init::unit::UnitName;
use nix::errno::Errno;
use serde::Serialize;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// One file that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Change {
    /// A file gets this text.
    Write {
        /// Which.
        path: PathBuf,
        /// All of it.
        text: String,
        /// What stood there when the change was begun; `None`: nothing.
        #[serde(skip)]
        before: Option<String>,
    },
    /// A link to `/dev/null`.
    Mask {
        /// Where.
        path: PathBuf,
    },
    /// A file is taken away, and kept beside under `PATH~`.
    Remove {
        /// Which.
        path: PathBuf,
        /// Nothing of it is worth keeping (a mask).
        #[serde(skip)]
        empty: bool,
    },
}

impl Change {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Write { path, .. } | Self::Mask { path } | Self::Remove { path, .. } => path,
        }
    }
}

/// Changes that belong together.
#[derive(Debug, Default, Serialize)]
pub struct Draft {
    /// In the order they are made.
    pub changes: Vec<Change>,
}

impl Draft {
    /// A change to one file.
    pub fn one(change: Change) -> Self {
        Self { changes: vec![change] }
    }

    /// Gives a file this text; what stands there now is what will be expected there when it is written.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn write(path: PathBuf, text: String) -> Result<Self, Failure> {
        Self::amend(path, |_| text)
    }

    /// Gives a file the text that `amend` makes of what it holds.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn amend(path: PathBuf, amend: impl FnOnce(&str) -> String) -> Result<Self, Failure> {
        let before = current(&path)?;
        let text = amend(before.as_deref().unwrap_or(""));
        Ok(Self::one(Change::Write { path, text, before }))
    }

    /// How the manager would read the unit.
    pub fn look(&self, mut loader: Loader, name: &UnitName) -> Loaded {
        for change in &self.changes {
            let what = match change {
                Change::Write { text, .. } => Supposed::Text(text.clone()),
                Change::Mask { .. } => Supposed::Mask,
                Change::Remove { .. } => Supposed::Gone,
            };
            loader.suppose(change.path().to_owned(), what);
        }
        loader.scan();
        loader.load(name)
    }

    /// Makes the changes; each file at once, so that nobody reads half of it.
    ///
    /// # Errors
    /// What couldn't be written, and why; what was made before it stays.
    pub fn make(&self) -> Result<(), Failure> {
        self.changes.iter().try_for_each(make)
    }
}

fn make(change: &Change) -> Result<(), Failure> {
    let path = change.path();
    match change {
        Change::Write { text, before, .. } => {
            if current(path)? != *before {
                let text = format!("{} was changed by somebody else meanwhile: nothing was written", path.display());
                return Err(Failure::Other(text));
            }
            parent(path).and_then(|()| replace(path, text)).map_err(|e| failure("write", path, &e))?;
        }
        Change::Mask { .. } => {
            let made = parent(path).and_then(|()| file::replace_link(Path::new("/dev/null"), path));
            made.map_err(|e| failure("write", path, &e))?;
        }
        Change::Remove { empty: true, .. } => fs::remove_file(path).map_err(|e| failure("remove", path, &e))?,
        Change::Remove { .. } => fs::rename(path, kept(path)).map_err(|e| failure("remove", path, &e))?,
    }
    // The folder's own entry is to survive a power cut as well; where that can't be had, the file is there all the same.
    let _ = path.parent().map(|folder| fs::File::open(folder).and_then(|f| f.sync_all()));
    Ok(())
}

/// Where a file that is taken away is kept: no folder's search looks at such a name.
pub fn kept(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("~");
    path.with_file_name(name)
}

fn current(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(failure("read", path, &e)),
    }
}

/// Text that is on the disk before it takes the place of what was there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::File::create(&temporary).and_then(|mut f| {
        f.write_all(text.as_bytes())?;
        f.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&temporary, path));
    done.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The sentence for a file operation that failed.
pub fn failure(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => "\n  try: as root",
        ErrorKind::ReadOnlyFilesystem => "\n  try: --runtime, or a root that can be written",
        _ => "",
    };
    let why = error.raw_os_error().map_or(error.to_string(), |raw| Errno::from_raw(raw).desc().to_owned());
    Failure::Other(format!("cannot {doing} {}: {why}{hint}", path.display()))
}
