//! Log files, read without anybody's help: their last lines, and what is written from now on.

use crate::exit::Failure;
use init::client;
use init::log::file::{Limits, path};
use init::log::history::{self, Past};
use init::log::read::{self, Entry, Writer};
use init::sys::watch::Watch;
use nix::errno::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where logs last.
const LASTING: &str = "/var/log/rung";

/// The two folders logs live in: in the run directory until `/var/log` can be written.
#[derive(Debug, Clone)]
pub struct Folders {
    lasting: PathBuf,
    run: PathBuf,
}

impl Folders {
    /// This system's.
    pub fn of_system() -> Self {
        let lasting = std::env::var_os("RUNG_LOGDIR").filter(|d| !d.is_empty()).map_or(LASTING.into(), PathBuf::from);
        Self { lasting, run: client::run_dir().join("log") }
    }

    /// The last `count` lines of a unit, oldest first.
    ///
    /// # Errors
    /// A file is there and can't be read.
    pub fn tail(&self, name: &str, count: usize) -> io::Result<Vec<Entry>> {
        read::tail(&self.lasting, &self.run, name, count)
    }

    /// All of the history that is kept, oldest first.
    ///
    /// # Errors
    /// A file is there and can't be read.
    pub fn history(&self) -> io::Result<Vec<Past>> {
        history::all(&self.lasting, &self.run)
    }

    /// Whether the unit has ever had a log.
    pub fn has(&self, name: &str) -> bool {
        self.of(name).iter().any(|f| f.is_dir())
    }

    /// Names that have a log.
    pub fn names(&self) -> Vec<String> {
        let entries = [&self.lasting, &self.run].into_iter().filter_map(|f| fs::read_dir(f).ok()).flatten().flatten();
        entries.filter_map(|e| e.file_name().into_string().ok()).collect()
    }

    fn of(&self, name: &str) -> [PathBuf; 2] {
        [self.lasting.join(name), self.run.join(name)]
    }
}

impl std::fmt::Display for Folders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} and {}", self.lasting.display(), self.run.display())
    }
}

/// Why a log can't be read, and what to do.
pub fn unreadable(what: &str, place: &impl std::fmt::Display, error: &io::Error) -> Failure {
    let why = error.raw_os_error().map_or(error.to_string(), |raw| Errno::from_raw(raw).desc().to_owned());
    let remedy = if error.kind() == ErrorKind::PermissionDenied { "\n  try: as root" } else { "" };
    Failure::Other(format!("cannot read {what} in {place}: {why}{remedy}"))
}

/// `out`, `err`, or `rung` for what Rung says about the service.
pub fn writer_word(writer: Writer) -> &'static str {
    match writer {
        Writer::Out => "out",
        Writer::Err => "err",
        Writer::Rung => "rung",
    }
}

/// A file that is being read, and how it is told from others.
#[derive(Debug)]
struct Open {
    file: File,
    id: (u64, u64),
    folder: PathBuf,
    /// A line that has no end yet.
    partial: Vec<u8>,
}

impl Open {
    fn new(folder: &Path, age: u32) -> io::Result<Option<Self>> {
        match File::open(path(folder, age)) {
            Ok(file) => {
                let meta = file.metadata()?;
                Ok(Some(Self { file, id: (meta.dev(), meta.ino()), folder: folder.to_owned(), partial: Vec::new() }))
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Gives out the whole lines there are.
    fn drain(&mut self, each: &mut dyn FnMut(Entry)) -> io::Result<()> {
        let mut chunk = [0; 64 << 10];
        loop {
            let n = match self.file.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            self.partial.extend_from_slice(chunk.get(..n).unwrap_or(&[]));
            let end = self.partial.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let rest = self.partial.split_off(end);
            let lines = std::mem::replace(&mut self.partial, rest);
            lines.split(|b| *b == b'\n').filter_map(Entry::parse).for_each(&mut *each);
        }
    }
}

/// Follows a unit's log over rotation and over the move to its lasting place.
#[derive(Debug)]
pub struct Follower {
    folders: Folders,
    name: String,
    open: Option<Open>,
    /// Time of the last line given out.
    last: String,
    watch: Watch,
}

impl Follower {
    /// Begins behind the last lines, which are given to `each`.
    ///
    /// # Errors
    /// A file is there and can't be read; inotify can't be had.
    pub fn begin(folders: Folders, name: &str, count: usize, each: &mut dyn FnMut(Entry)) -> io::Result<Self> {
        /// A service that writes all the time may beat us this often; then a line may come twice.
        const TRIES: usize = 10;
        let watch = Watch::new()?;
        let mut this = Self { folders, name: name.to_owned(), open: None, last: String::new(), watch };
        let mut lines = Vec::new();
        for _ in 0..TRIES {
            this.rewatch();
            this.open = this.current()?;
            let before = this.end()?;
            lines = this.folders.tail(name, count)?;
            let same = this.current()?.map(|o| o.id) == this.open.as_ref().map(|o| o.id);
            if same && this.end()? == before {
                break;
            }
        }
        if let Some(open) = &mut this.open {
            io::Seek::seek(&mut open.file, io::SeekFrom::End(0))?;
        }
        this.last = lines.last().map_or(String::new(), |e| e.time.clone());
        lines.into_iter().for_each(each);
        Ok(this)
    }

    /// Gives out what has been written since, in order.
    ///
    /// # Errors
    /// As reading files.
    pub fn read(&mut self, each: &mut dyn FnMut(Entry)) -> io::Result<()> {
        // Before reading, so that what comes after it wakes us.
        self.rewatch();
        let mut last = std::mem::take(&mut self.last);
        let mut give = |entry: Entry| {
            last.clone_from(&entry.time);
            each(entry);
        };
        if let Some(open) = &mut self.open {
            open.drain(&mut give)?;
        }
        let now = self.current()?;
        let moved = now.as_ref().filter(|n| self.open.as_ref().is_none_or(|o| o.id != n.id));
        if let Some(folder) = moved.map(|n| n.folder.clone()) {
            // What was written between the drain and the rotation.
            if let Some(open) = &mut self.open {
                open.drain(&mut give)?;
            }
            let since = self.age_of_ours(&folder)?;
            let before = last.clone();
            let mut give_new = |entry: Entry| {
                // In another folder, what is older has been carried over from where we read it.
                if since.is_some() || entry.time > before {
                    last.clone_from(&entry.time);
                    each(entry);
                }
            };
            for age in (0..since.unwrap_or(1)).rev() {
                if let Some(mut open) = Open::new(&folder, age)? {
                    open.drain(&mut give_new)?;
                    self.open = Some(open);
                }
            }
        }
        self.last = last;
        Ok(())
    }

    /// Waits until there may be something to read; `false` when nobody reads `output` any more.
    ///
    /// # Errors
    /// As `poll(2)`.
    pub fn wait(&self, output: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(self.watch.wait_while_read(output)?)
    }

    /// The file that is written now.
    fn current(&self) -> io::Result<Option<Open>> {
        for folder in self.folders.of(&self.name) {
            if let Some(open) = Open::new(&folder, 0)? {
                return Ok(Some(open));
            }
        }
        Ok(None)
    }

    fn end(&self) -> io::Result<Option<u64>> {
        self.open.as_ref().map(|o| Ok(o.file.metadata()?.len())).transpose()
    }

    /// How often the file we read has been rotated; `None` when it isn't in this folder.
    fn age_of_ours(&self, folder: &Path) -> io::Result<Option<u32>> {
        let Some(ours) = &self.open else { return Ok(None) };
        for age in 1..=Limits::default().files {
            if Open::new(folder, age)?.is_some_and(|o| o.id == ours.id) {
                return Ok(Some(age));
            }
        }
        Ok(None)
    }

    /// Watches what is there of the folders, and else what they will appear in.
    fn rewatch(&self) {
        for folder in self.folders.of(&self.name) {
            for place in folder.ancestors().take(4) {
                // One that isn't there shows in the one above it.
                if self.watch.add(place).is_ok() {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    struct Dir(PathBuf);

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn folders(name: &str) -> (Dir, Folders) {
        let dir = std::env::temp_dir().join(format!("rung-logs-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).expect("mkdir");
        let folders = Folders { lasting: dir.join("lasting"), run: dir.join("run") };
        (Dir(dir), folders)
    }

    fn write(folder: &Path, seconds: std::ops::Range<u32>) {
        fs::create_dir_all(folder).expect("mkdir");
        let mut file = File::options().append(true).create(true).open(path(folder, 0)).expect("open");
        for s in seconds {
            writeln!(file, "2026-11-23T01:00:{s:02}.000000+00:00 out line {s}").expect("write");
        }
    }

    fn rotate(folder: &Path) {
        for age in (0..3).rev() {
            let _ = fs::rename(path(folder, age), path(folder, age + 1));
        }
    }

    fn texts(read: impl FnOnce(&mut dyn FnMut(Entry)) -> io::Result<()>) -> Vec<String> {
        let mut all = Vec::new();
        read(&mut |e: Entry| all.push(e.text_lossy().trim_start_matches("line ").to_owned())).expect("read");
        all
    }

    #[test]
    fn following_goes_on_over_rotations_and_the_move() {
        let (_dir, folders) = folders("rotate");
        let run = folders.run.join("a");
        write(&run, 0..5);
        let mut follower = None;
        let first = texts(|each| {
            follower = Some(Follower::begin(folders.clone(), "a", 2, each)?);
            Ok(())
        });
        assert_eq!(first, ["3", "4"]);
        let mut follower = follower.expect("begun");
        assert!(texts(|each| follower.read(each)).is_empty());
        write(&run, 5..6);
        assert!(follower.wait(File::open("/dev/null").expect("null").as_fd()).expect("woken"));
        assert_eq!(texts(|each| follower.read(each)), ["5"]);
        write(&run, 6..7);
        rotate(&run);
        write(&run, 7..8);
        rotate(&run);
        write(&run, 8..9);
        assert_eq!(texts(|each| follower.read(each)), ["6", "7", "8"]);
        // It moves to its lasting place, with what we have seen of it.
        let lasting = folders.lasting.join("a");
        write(&lasting, 8..10);
        fs::remove_dir_all(&run).expect("rm");
        assert!(follower.wait(File::open("/dev/null").expect("null").as_fd()).expect("woken"));
        assert_eq!(texts(|each| follower.read(each)), ["9"]);
    }

    #[test]
    fn following_begins_before_there_is_a_log() {
        let (_dir, folders) = folders("empty");
        assert!(!folders.has("a") && folders.names().is_empty());
        let mut follower = Follower::begin(folders.clone(), "a", 5, &mut |_| ()).expect("begun");
        write(&folders.lasting.join("a"), 0..1);
        assert!(follower.wait(File::open("/dev/null").expect("null").as_fd()).expect("woken"));
        assert_eq!(texts(|each| follower.read(each)), ["0"]);
        assert_eq!(folders.names(), ["a"]);
    }

    #[test]
    fn half_a_line_waits_for_its_end() {
        let (_dir, folders) = folders("half");
        let folder = folders.lasting.join("a");
        write(&folder, 0..1);
        let mut follower = Follower::begin(folders.clone(), "a", 0, &mut |_| ()).expect("begun");
        let mut file = File::options().append(true).open(path(&folder, 0)).expect("open");
        write!(file, "2026-11-23T01:00:01.000000+00:00 err ha").expect("write");
        assert!(texts(|each| follower.read(each)).is_empty());
        writeln!(file, "lf").expect("write");
        assert_eq!(texts(|each| follower.read(each)), ["half"]);
    }
}
