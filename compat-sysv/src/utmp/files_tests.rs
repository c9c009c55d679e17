use super::*;
use init::unit::Level;
use std::fs;

/// A folder of this test's own, gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rung-utmp-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("folder");
        Self(path)
    }

    fn files(&self) -> Files {
        Files::new(self.0.join("utmp"), self.0.join("wtmp"), "6.1.0")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn level(c: char) -> Level {
    Level::from_char(c).expect("level")
}

#[test]
fn a_boot_in_two_files() {
    let folder = Folder::new("boot");
    let mut files = folder.files();
    files.create_utmp(None, (1, 0)).expect("utmp");
    fs::write(&files.wtmp, "").expect("wtmp");
    for record in [
        Record::boot((1, 0)),
        Record::run_level(level('2'), None, (2, 0)),
        Record::init_process("1", 10, (3, 0)),
        Record::run_level(level('3'), Some(level('2')), (4, 0)),
        Record::init_process("1", 10, (3, 0)).dead_process((0, 1), (5, 0)),
        Record::shutdown((6, 0)),
    ] {
        let (_, in_wtmp) = files.write(&record);
        assert!(in_wtmp, "{record:?}");
    }
    let utmp = read(&files.utmp).expect("utmp");
    let kinds: Vec<Kind> = utmp.iter().map(|r| r.kind).collect();
    assert_eq!(kinds, [Kind::BootTime, Kind::RunLevel, Kind::DeadProcess]);
    assert!(utmp.iter().all(|r| r.host.is_empty()));
    assert_eq!(levels(&files.utmp), Some(('2', '3')));

    let wtmp = read(&files.wtmp).expect("wtmp");
    assert_eq!(wtmp.len(), 6);
    assert!(wtmp.iter().all(|r| r.host == "6.1.0"));
    assert_eq!(wtmp[5].user, "shutdown");
}

#[test]
fn files_that_are_missing_are_not_made_but_caught_up_with() {
    let folder = Folder::new("late");
    let mut files = folder.files();
    assert_eq!(files.write(&Record::boot((1, 0))), (false, false));
    assert!(!files.utmp.exists() && !files.wtmp.exists());
    fs::write(&files.wtmp, "").expect("wtmp");
    assert_eq!(files.write(&Record::run_level(level('3'), None, (2, 0))), (false, true));
    files.create_utmp(None, (1, 0)).expect("utmp");
    assert_eq!(files.write(&Record::init_process("1", 10, (3, 0))), (true, true));
    for path in [&files.utmp, &files.wtmp] {
        let kinds: Vec<Kind> = read(path).expect("read").iter().map(|r| r.kind).collect();
        assert_eq!(kinds, [Kind::BootTime, Kind::RunLevel, Kind::InitProcess], "{}", path.display());
    }
}

#[test]
fn a_torn_record_is_cut_off() {
    let folder = Folder::new("torn");
    let mut files = folder.files();
    fs::write(&files.wtmp, [7; LEN + 100]).expect("wtmp");
    files.write(&Record::boot((1, 0)));
    assert_eq!(fs::metadata(&files.wtmp).expect("wtmp").len(), 2 * LEN as u64);
}

#[test]
fn a_locked_file_is_not_waited_for() {
    let folder = Folder::new("locked");
    let mut files = folder.files();
    fs::write(&files.wtmp, "").expect("wtmp");
    let other = OpenOptions::new().append(true).open(&files.wtmp).expect("open");
    lock(&other).expect("lock");
    assert_eq!(files.write(&Record::boot((1, 0))), (false, false));
    drop(other);
    assert_eq!(files.write(&Record::run_level(level('3'), None, (2, 0))), (false, true));
    assert_eq!(read(&files.wtmp).expect("wtmp").len(), 2);
}

#[test]
fn a_seat_from_start_to_end() {
    let folder = Folder::new("seat");
    let files = folder.files();
    files.create_utmp(None, (1, 0)).expect("utmp");
    fs::write(&files.wtmp, "").expect("wtmp");
    let of = |kind, id: &str, pid| Record { kind, line: "tty1".into(), ..Record::init_process(id, pid, (1, 0)) };
    let kinds = |path: &Path| read(path).expect("read").iter().map(|r| (r.kind, r.pid)).collect::<Vec<_>>();
    let (init, login) = (of(Kind::InitProcess, "tty1", 10), of(Kind::LoginProcess, "tty1", 10));

    files.start(std::slice::from_ref(&init), || false);
    assert!(kinds(&files.utmp).is_empty() && kinds(&files.wtmp).is_empty(), "it was gone by then");
    files.start(&[init.clone(), login], || true);
    assert_eq!(kinds(&files.utmp), [(Kind::LoginProcess, 10)]);
    assert_eq!(kinds(&files.wtmp), [(Kind::InitProcess, 10), (Kind::LoginProcess, 10)]);

    // A getty that writes its own under another id is faster than we are with ours.
    put_into(&files, &of(Kind::UserProcess, "1", 11));
    files.start(&[of(Kind::InitProcess, "tty9", 11)], || true);
    assert_eq!(kinds(&files.utmp), [(Kind::LoginProcess, 10), (Kind::UserProcess, 11)]);
    files.end(&of(Kind::InitProcess, "tty9", 11), (0, 1), (2, 0));
    let utmp = read(&files.utmp).expect("utmp");
    assert_eq!((utmp[1].kind, utmp[1].id.as_str(), utmp[1].line.as_str()), (Kind::DeadProcess, "1", "tty1"));
    assert_eq!((utmp[1].exit, utmp[1].time), ((0, 1), (2, 0)));

    // The next one took the place before the end of the last one was told; and an end that is told twice.
    files.start(&[of(Kind::InitProcess, "tty1", 12)], || true);
    for pid in [10, 11] {
        files.end(&of(Kind::InitProcess, "tty1", pid), (15, 0), (3, 0));
    }
    assert_eq!(kinds(&files.utmp), [(Kind::InitProcess, 12), (Kind::DeadProcess, 11)]);
    assert_eq!(kinds(&files.wtmp)[2..], [(Kind::DeadProcess, 11), (Kind::InitProcess, 12)]);
}

fn put_into(files: &Files, record: &Record) {
    let mut bytes = fs::read(&files.utmp).expect("utmp");
    bytes.extend(record.encode());
    fs::write(&files.utmp, bytes).expect("utmp");
}
