//! A line for the system's log, lost where nobody takes it at once.

use std::os::unix::net::UnixDatagram;

/// Where syslog listens.
const SOCKET: &str = "/dev/log";

/// Facility and severity.
#[derive(Debug, Clone, Copy)]
pub enum Priority {
    /// `user.notice`
    UserNotice = 13,
    /// `daemon.info`, which is init's.
    DaemonInfo = 30,
}

/// Sends `text` as `name`, which may hold a pid: `shutdown[7]`.
pub fn send(priority: Priority, name: &str, text: &str) {
    let Ok(socket) = UnixDatagram::unbound() else { return };
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // The time is the receiver's to add; all of them do.
    let message = format!("<{}>{name}: {line}", priority as u8);
    let sent = socket.set_nonblocking(true).and_then(|()| socket.send_to(message.as_bytes(), SOCKET));
    // There may be no syslog at all.
    let _ = sent;
}
