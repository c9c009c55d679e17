//! Who is PID 1, and how it is asked: Rung by its control socket, another init by `/run/initctl`.

use crate::fifo::{self, Request};
use init::client::{Client, Error, Event, request_id, socket_path};
use init::core::Verb;
use init::proto::control::{Change, PowerRequest, PowerWord, Progress, Runlevel, SetLevel, Version};
use init::sys::file;
use init::unit::{Level, envfile};
use nix::errno::Errno;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// How long a question that is answered at once may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the caller may change anything at all: root, or whoever runs this Rung (a container without root).
pub fn may_ask() -> bool {
    let euid = nix::unistd::geteuid().as_raw();
    euid == 0 || std::fs::metadata(socket_path()).is_ok_and(|m| m.file_type().is_socket() && m.uid() == euid)
}

/// Whether Rung's manager has its socket here. Only then its answers count; else another init is PID 1.
pub fn is_rung() -> bool {
    std::fs::metadata(socket_path()).is_ok_and(|m| m.file_type().is_socket())
}

/// A client of Rung's manager.
pub fn client() -> Client {
    Client::new(socket_path())
}

/// Whether nobody listens: PID 1 is another init, or none that can be asked.
pub fn is_absent(error: &Error) -> bool {
    matches!(error, Error::NoManager { .. })
}

/// Asks Rung for a level, and doesn't wait for it. 0 and 6 end the machine.
///
/// # Errors
/// [`Error`]
pub fn set_level(level: Level) -> Result<(), Error> {
    match level {
        Level::HALT => power(default_end(), false),
        Level::REBOOT => power(PowerWord::Reboot, false),
        level => {
            let wish = SetLevel { level, request: request_id(), wait: false };
            client().call::<_, Progress>("SetLevel", &wish, PATIENCE).map(drop)
        }
    }
}

/// How level 0 ends where nobody says: as `HALT=` in `/etc/default/halt` has it, which Debian's script of level 0 reads.
pub fn default_end() -> PowerWord {
    let text = file::read_text(Path::new("/etc/default/halt"), 1 << 16).unwrap_or_default();
    let (settings, _) = envfile::parse(&text);
    let said = settings.iter().rev().find(|(name, _)| name == "HALT");
    let halts = said.is_some_and(|(_, value)| value.starts_with(['h', 'H']));
    if halts { PowerWord::Halt } else { PowerWord::PowerOff }
}

/// Asks Rung to end the machine, and doesn't wait for it.
///
/// # Errors
/// [`Error`]
pub fn power(how: PowerWord, force: bool) -> Result<(), Error> {
    let wish = PowerRequest { how, request: request_id(), wait: false, force };
    client().call_last("Power", &wish, PATIENCE)
}

/// Has Rung do something with units, and waits until it is done if that is wanted: how each job ended.
///
/// # Errors
/// [`Error`]
pub fn change(verb: Verb, names: &[String], wait: bool) -> Result<Progress, Error> {
    let wish = Change { verb, names: names.to_vec(), request: request_id(), wait };
    let mut all = Progress::default();
    client().follow("Change", &wish, None, &mut |event| {
        if let Event::Reply(more) = event {
            let more: Progress = more;
            all.ended.extend(more.ended);
            all.notes.extend(more.notes);
        }
        ControlFlow::Continue(())
    })?;
    Ok(all)
}

/// The manager's version.
///
/// # Errors
/// [`Error`]
pub fn version() -> Result<Version, Error> {
    client().call("Version", &json!({}), PATIENCE)
}

/// Has Rung read its units again.
///
/// # Errors
/// [`Error`]
pub fn reload() -> Result<(), Error> {
    client().call::<_, Value>("ReloadUnits", &json!({}), PATIENCE).map(drop)
}

/// Has PID 1 and the manager execute themselves anew.
///
/// # Errors
/// [`Error`]
pub fn reexec() -> Result<(), Error> {
    client().call_last("Reexec", &json!({}), PATIENCE)
}

/// The levels Rung knows.
///
/// # Errors
/// [`Error`]
pub fn runlevel() -> Result<Runlevel, Error> {
    client().call("Runlevel", &json!({}), PATIENCE)
}

/// Writes one request to another init's FIFO. Nobody reads there: an error at once, no waiting.
///
/// # Errors
/// A sentence.
pub fn write_fifo(path: &Path, request: &Request) -> Result<(), String> {
    let bytes = request.encode().ok_or("variables don't fit into a request")?;
    let why = |e: std::io::Error| e.raw_os_error().map_or(e.to_string(), |raw| Errno::from_raw(raw).desc().to_owned());
    let at = |e: std::io::Error| format!("{}: {}", path.display(), why(e));
    let is_fifo = std::fs::metadata(path).map_err(at)?.file_type().is_fifo();
    if !is_fifo {
        return Err(format!("{} is not a fifo", path.display()));
    }
    let mut file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(
        |e| match e.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENXIO) => format!("no init reads {}", path.display()),
            _ => at(e),
        },
    )?;
    file.write_all(&bytes).map_err(at)
}

/// Asks by the FIFO for the end of the machine.
///
/// # Errors
/// A sentence.
pub fn power_by_fifo(how: PowerWord, sleep_time: i32) -> Result<(), String> {
    let (variable, level) = match how {
        PowerWord::Halt => ("INIT_HALT=HALT", Level::HALT),
        PowerWord::PowerOff => ("INIT_HALT=POWEROFF", Level::HALT),
        PowerWord::Reboot => ("INIT_HALT", Level::REBOOT),
    };
    by_fifo(variable, level, sleep_time)
}

/// Asks by the FIFO for a level, as sysvinit's `shutdown` does: it says first how level 0 is to end, or that it doesn't.
///
/// # Errors
/// A sentence.
pub fn level_by_fifo(level: Level, sleep_time: i32) -> Result<(), String> {
    by_fifo("INIT_HALT", level, sleep_time)
}

/// Takes back what was said to init of how level 0 is to end.
///
/// # Errors
/// A sentence.
pub fn unset_halt() -> Result<(), String> {
    write_fifo(Path::new(fifo::PATH), &Request::SetEnv(vec!["INIT_HALT".to_owned()]))
}

fn by_fifo(variable: &str, level: Level, sleep_time: i32) -> Result<(), String> {
    let path = Path::new(fifo::PATH);
    write_fifo(path, &Request::SetEnv(vec![variable.to_owned()]))?;
    let level = u8::try_from(level.as_char()).unwrap_or(0);
    write_fifo(path, &Request::RunLevel { level, sleep_time })
}

/// The sentence for a command that found neither.
pub fn nobody(fifo: &str) -> String {
    format!("PID 1 can't be asked: no Rung at {}, and {fifo}", socket_path().display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::io::Read;

    #[test]
    fn a_fifo_gets_the_request_if_somebody_reads() {
        let path = std::env::temp_dir().join(format!("rung-fifo-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let request = Request::RunLevel { level: b'3', sleep_time: 5 };
        let error = write_fifo(&path, &request).expect_err("missing");
        assert!(error.ends_with(": No such file or directory"), "{error}");

        nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("fifo");
        let error = write_fifo(&path, &request).expect_err("no reader");
        assert!(error.starts_with("no init reads"), "{error}");

        let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        write_fifo(&path, &request).expect("written");
        let mut bytes = [0; fifo::LEN + 1];
        let length = reader.and_then(|mut reader| reader.read(&mut bytes)).expect("read");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(bytes.get(..length).map(Request::decode), Some(Ok(request.clone())));

        std::fs::write(&path, "").expect("file");
        let error = write_fifo(&path, &request).expect_err("a file");
        std::fs::remove_file(&path).expect("removed");
        assert!(error.ends_with("is not a fifo"), "{error}");
    }
}
