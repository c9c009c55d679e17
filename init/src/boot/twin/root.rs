//! `checkroot.sh` and `checkfs.sh`: swap, the check of file systems, the root writable.

use super::kernel::{self, Memory};
use super::log::check_log;
use super::mounts::Mode;
use super::settings::Settings;
use super::{End, RCS, Verb};
use crate::boot::fsck::{self, Verdict, verdict};
use crate::boot::fstab::{self, Entry};
use crate::boot::{cmdline, program, remount, say};
use crate::sys::{file, mount, swap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Where the scripts have the output of fsck.
const ROOT_LOG: &str = "/var/log/fsck/checkroot";
const OTHERS_LOG: &str = "/var/log/fsck/checkfs";

pub(super) fn objection(settings: &Settings) -> Option<String> {
    let asked = settings.get("SULOGIN") == Some("yes");
    asked.then(|| format!("SULOGIN=yes in {RCS}: the script asks for a login before all else, the twin doesn't"))
}

/// What `read_fstab` finds of the root.
struct Root {
    device: String,
    kind: String,
    options: String,
    is_rw: bool,
    check: bool,
}

impl Root {
    fn of(entries: &[Entry]) -> Self {
        match entries.iter().rfind(|e| e.point == Path::new("/")) {
            None => Self {
                device: "/dev/root".into(),
                kind: "none".into(),
                options: "defaults".into(),
                is_rw: true,
                check: false,
            },
            Some(entry) => Self {
                device: entry.device.clone(),
                kind: entry.kind.clone(),
                options: entry.options.clone(),
                is_rw: !entry.has("ro"),
                check: entry.is_checked() && entry.kind != "nfs" && entry.kind != "nfs4",
            },
        }
    }
}

/// What is read of the kernel's command line.
pub(super) fn has_word(word: &str) -> bool {
    cmdline::kernel().iter().any(|w| w == word)
}

/// Whether checks are left out.
fn is_fast() -> bool {
    Path::new("/fastboot").is_file() || has_word("fastboot")
}

/// Whether checks are wanted whatever the file system says of itself.
fn is_forced() -> bool {
    let word =
        |text: &String| text.to_lowercase().split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "forcefsck");
    Path::new("/forcefsck").is_file() || cmdline::kernel().iter().any(word)
}

/// `swapon -a -e`, unless all there is in fstab is in use.
pub(super) fn swap_on(entries: &[Entry]) {
    let wanted: Vec<&Entry> = entries.iter().filter(|e| e.kind == "swap" && !e.has("noauto")).collect();
    let used = swap::in_use();
    let is_used = |e: &&Entry| fs::canonicalize(&e.device).is_ok_and(|path| used.contains(&path));
    if !wanted.iter().all(is_used)
        && let Some(swapon) = program::find("swapon")
    {
        let _ = Command::new(swapon).args(["-a", "-e"]).stdout(std::process::Stdio::null()).status();
    }
}

pub(super) fn checkroot(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    let memory = Memory::new(settings);
    let root = Root::of(&memory.entries);
    // Swap on a volume or in a file has to wait for `mountall.sh`.
    let later = |e: &&Entry| {
        e.kind == "swap"
            && e.device.starts_with('/')
            && (e.device.starts_with("/dev/mapper/") || !e.device.starts_with("/dev/"))
    };
    if !has_word("noswap") && !memory.entries.iter().any(|e| later(&e)) {
        swap_on(&memory.entries);
    }
    let mut log = None;
    if root.check && !Path::new("/run/initramfs/fsck-root").exists() && root.kind != "btrfs" {
        if is_fast() {
            say("fastboot: the root file system isn't checked");
        } else {
            match check(&root, settings) {
                Ok(text) => log = text,
                Err(end) => return end,
            }
        }
    }
    let fine = writable(&root);
    if root.is_rw {
        migrate_mtab();
        keep_log(ROOT_LOG, log);
    }
    let fine = fine & kernel::kernel_file_systems(Mode::Remount, &memory);
    kernel::end(fine & kernel::device_file_systems(Mode::Remount, &memory))
}

/// Checks the root; the text for its log.
fn check(root: &Root, settings: &Settings) -> Result<Option<String>, End> {
    let Some(device) = fsck::root_device() else {
        return Err(End::Script("the root file system's device has no name".to_owned()));
    };
    let is_ro = |m: &mount::Mount| m.point == Path::new("/") && m.read_only;
    let table = mount::table().unwrap_or_default();
    if !table.iter().rfind(|m| m.point == Path::new("/")).is_some_and(is_ro)
        && let Err(e) = mount::remount_read_only(Path::new("/"))
    {
        say(&format!("the root file system isn't checked: it can't be made read-only: {}", e.desc()));
        return Ok(None);
    }
    let mounted = table.iter().rfind(|m| m.point == Path::new("/")).map_or("", |m| m.kind.as_str());
    let mut arguments = vec![];
    // Only these know `-f`.
    if mounted.starts_with("ext") && is_forced() {
        arguments.push("-f");
    }
    arguments.push(if settings.get("FSCKFIX") == Some("yes") { "-y" } else { "-a" });
    let device = device.display().to_string();
    let (program, arguments) = match program::find(&format!("fsck.{}", root.kind)) {
        Some(program) => (program, [arguments.as_slice(), &[device.as_str()]].concat()),
        None => match program::find("fsck") {
            Some(fsck) => (fsck, [&arguments, &["-T", "-t", root.kind.as_str(), device.as_str()][..]].concat()),
            None => return Err(End::Script("no fsck is installed".to_owned())),
        },
    };
    let (status, text) = logged(&program, &arguments);
    match verdict(status) {
        Verdict::Fine => Ok(Some(text)),
        _ if status == 32 => {
            say("the check of the root file system was interrupted");
            Ok(Some(text))
        }
        Verdict::Restart => {
            fsck::on_console("fsck has repaired the root file system: the machine starts again");
            fsck::restart();
            Err(End::Failed)
        }
        Verdict::Damaged | Verdict::Unchecked => {
            fsck::on_console(&format!(
                "The check of the root file system failed (fsck: status {status}). It is read-only now: check it by \
                 hand; the machine starts again when you leave the shell."
            ));
            fsck::sulogin();
            fsck::restart();
            Err(End::Failed)
        }
    }
}

/// Runs a checker; its status, and what the scripts' log holds of it.
fn logged(program: &Path, arguments: &[&str]) -> (i32, String) {
    let begin = SystemTime::now();
    let output = Command::new(program).args(arguments).output();
    let (status, text) = match output {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            let _ = std::io::stdout().write_all(&text);
            use std::os::unix::process::ExitStatusExt;
            let code = output.status.code().unwrap_or_else(|| output.status.signal().unwrap_or(0).saturating_add(128));
            (code, String::from_utf8_lossy(&text).into_owned())
        }
        Err(e) => (8, format!("{}: {e}\n", program.display())),
    };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    (status, check_log(&format!("{name} {}", arguments.join(" ")), &text, begin))
}

/// The root as fstab has it.
fn writable(root: &Root) -> bool {
    let mode = if root.is_rw { "rw" } else { "ro" };
    if remount::root(&root.options, mode).is_ok() {
        return true;
    }
    let Some(mount) = program::find("mount") else {
        say("`mount` isn't installed: `apt install mount`");
        return false;
    };
    let options = format!("remount,{},{mode}", root.options);
    let run = |arguments: &[&str]| program::run(&mount, arguments).is_ok_and(|status| status == 0);
    let fine = run(&["-n", "-o", &options, &root.device, "/"]) || run(&["-n", "-o", &options, "/"]);
    if !fine {
        say(&format!("the root file system can't be mounted as fstab has it ({options})"));
    }
    fine
}

/// `mtab_migrate`
fn migrate_mtab() {
    let (mtab, mounts) = (Path::new("/etc/mtab"), Path::new("/proc/mounts"));
    if mounts.exists() && fs::read_link(mtab).ok().as_deref() != Some(mounts) {
        let _ = fs::remove_file(mtab);
        let _ = file::replace_link(mounts, mtab).map_err(|e| say(&format!("/etc/mtab: {e}")));
    }
}

/// Written where its folder is there, else kept until it is: `/var` may be mounted later.
fn keep_log(path: &str, text: Option<String>) {
    let Some(text) = text else { return };
    if fs::write(path, &text).is_err() {
        let _ = fs::write(waiting(path), text);
    }
}

fn waiting(path: &str) -> PathBuf {
    Path::new("/run/rung").join(format!("log-{}", path.rsplit('/').next().unwrap_or(path)))
}

/// Makes the folder of logs, and writes what has waited for it.
pub(super) fn logs_can_be_written() -> bool {
    let made = fs::create_dir_all("/var/log/fsck").map_err(|e| say(&format!("/var/log/fsck: {e}"))).is_ok();
    for path in [ROOT_LOG, OTHERS_LOG] {
        let waiting = waiting(path);
        if let Ok(text) = fs::read(&waiting) {
            let _ = fs::write(path, text);
            let _ = fs::remove_file(waiting);
        }
    }
    made
}

pub(super) fn checkfs(verb: Verb, settings: &Settings) -> End {
    if verb == Verb::Stop {
        return End::Done;
    }
    let types = settings.or("FSCKTYPES", "").to_owned();
    if is_fast() {
        say("fastboot: no file system is checked");
    } else if types != "none" {
        let mut arguments = vec!["-T", "-M", "-A"];
        arguments.push(if settings.get("FSCKFIX") == Some("yes") { "-y" } else { "-a" });
        if is_forced() {
            arguments.push("-f");
        }
        if !types.is_empty() {
            arguments.extend(["-t", types.as_str()]);
        }
        keep_log(OTHERS_LOG, Some(others(&arguments)));
    }
    for file in ["/fastboot", "/forcefsck"] {
        let _ = fs::remove_file(file);
    }
    End::Done
}

/// Checks what fstab wants checked beside the root, if there is any.
fn others(arguments: &[&str]) -> String {
    let wanted = fstab::read().iter().any(|e| e.is_checked() && e.point != Path::new("/") && e.kind != "swap");
    let fsck = program::find("fsck").filter(|_| wanted);
    let Some(fsck) = fsck else { return check_log(&format!("fsck {}", arguments.join(" ")), "", SystemTime::now()) };
    let (status, text) = logged(&fsck, arguments);
    if status > 1 && status != 32 {
        fsck::on_console(&format!(
            "The check of file systems failed (fsck: status {status}), its log is {OTHERS_LOG}. Repair them by hand; the \
             boot goes on when you leave the shell."
        ));
        fsck::sulogin();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_root_counts() {
        let of = |text: &str| Root::of(&fstab::parse(text));
        let root = of("/dev/a / ext4 errors=remount-ro 0 1\n");
        assert_eq!((root.device.as_str(), root.kind.as_str(), root.is_rw, root.check), ("/dev/a", "ext4", true, true));
        let root = of("/dev/a / ext4 ro,noatime 0 0\n/dev/b /x ext4 defaults 0 2\n");
        assert_eq!((root.options.as_str(), root.is_rw, root.check), ("ro,noatime", false, false));
        assert!(!of("h:/x / nfs defaults 0 1\n").check);
        let none = of("");
        assert_eq!((none.device.as_str(), none.is_rw, none.check), ("/dev/root", true, false));
    }
}
