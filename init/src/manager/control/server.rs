//! The listening socket and its clients, bounded in number, in all and by user.

use super::client::{Client, ClientId, Input, Rights};
use crate::manager::asked;
use crate::proto::control::{Asked, Call};
use crate::sys::credentials;
use crate::sys::epoll::Epoll;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Most clients at a time.
const MAX_CLIENTS: usize = 256;
/// Places beyond these that only root gets.
const FOR_ROOT: usize = 16;
/// Most clients of one user other than root at a time.
const MAX_PER_USER: usize = 64;

/// The server's side of the control socket.
#[derive(Debug)]
pub struct Server {
    listener: Option<OwnedFd>,
    clients: BTreeMap<ClientId, Client>,
    next: ClientId,
    /// Clients whose calls aren't all answered though nothing new comes from them.
    again: BTreeSet<ClientId>,
    /// The group besides root that may change things.
    group: Option<u32>,
    /// Who may change things besides root: whoever runs this manager.
    own_uid: u32,
}

/// Makes the socket at `path`; anyone may connect.
///
/// # Errors
/// As `socket(2)`, `bind(2)`, `listen(2)`.
pub fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let _ = fs::remove_file(path);
    bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o666));
    listen(&fd, Backlog::new(128)?)?;
    Ok(fd)
}

impl Server {
    /// Serves on a listening socket (none: nobody can connect).
    pub fn new(listener: Option<OwnedFd>, group: Option<u32>) -> Self {
        let own_uid = nix::unistd::geteuid().as_raw();
        Self { listener, clients: BTreeMap::new(), next: 1, again: BTreeSet::new(), group, own_uid }
    }

    /// The listening socket.
    pub fn listener(&self) -> Option<&OwnedFd> {
        self.listener.as_ref()
    }

    fn rights(&self, uid: u32, socket: &OwnedFd) -> Rights {
        let in_group = |gid| credentials::peer_groups(socket.as_fd()).contains(&gid);
        if uid == 0 || uid == self.own_uid || self.group.is_some_and(in_group) { Rights::Change } else { Rights::Read }
    }

    /// Takes in those who knock; their events carry `tag | id`. `false`: descriptors have run out, try again later.
    pub fn accept(&mut self, epoll: &Epoll, tag: u64) -> bool {
        let Some(listener) = &self.listener else { return true };
        loop {
            let socket = match credentials::accept(listener.as_fd()) {
                Ok(socket) => socket,
                Err(Errno::EINTR | Errno::ECONNABORTED) => continue,
                Err(e) => return e == Errno::EAGAIN,
            };
            let Some(uid) = credentials::peer_uid(socket.as_fd()) else { continue };
            let of_user = self.clients.values().filter(|c| c.uid == uid).count();
            if uid != 0 && of_user >= MAX_PER_USER {
                continue;
            }
            if self.clients.len() >= MAX_CLIENTS && !evict(&mut self.clients) && (uid != 0 || self.is_packed()) {
                continue;
            }
            let id = self.next;
            if epoll.add(&socket, Client::READ, tag | id).is_ok() {
                self.next += 1;
                let rights = self.rights(uid, &socket);
                self.clients.insert(id, Client::new(socket, uid, rights));
            }
        }
    }

    /// Not even root finds a place.
    fn is_packed(&self) -> bool {
        self.clients.len() >= MAX_CLIENTS + FOR_ROOT
    }

    /// Something can be done for a client: sends, reads. `false`: the connection is broken (and dropped here).
    pub fn serve(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let alive = client.flush() && client.fill();
        if !alive {
            self.clients.remove(&id);
        }
        alive
    }

    /// Who a client is.
    pub fn peer(&self, id: ClientId) -> Option<Asked> {
        let client = self.clients.get(&id)?;
        Some(asked::peer(client.socket().as_fd(), client.uid))
    }

    /// A client's process; 0 where it is in another PID namespace.
    pub fn peer_pid(&self, id: ClientId) -> i32 {
        self.clients.get(&id).and_then(|client| credentials::peer_pid(client.socket().as_fd())).unwrap_or(0)
    }

    /// Bytes of replies that a client has yet to read.
    pub fn unread(&self, id: ClientId) -> usize {
        self.clients.get(&id).map_or(0, Client::unread)
    }

    /// The client's next call and its rights, if there is one that can be answered now.
    pub fn next_call(&mut self, id: ClientId) -> Option<(Call, Rights)> {
        let client = self.clients.get_mut(&id)?;
        match client.next_call() {
            Input::Nothing => None,
            Input::Call(call) => {
                client.busy = true;
                Some((call, client.rights))
            }
            Input::Drop => {
                self.clients.remove(&id);
                None
            }
        }
    }

    /// Sends a reply; one that isn't followed by others (`continues`) ends the call. `false`: the client is gone.
    pub fn reply(&mut self, epoll: &Epoll, tag: u64, id: ClientId, message: Vec<u8>, continues: bool) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        client.busy = continues;
        if !client.reply(message) {
            self.clients.remove(&id);
            return false;
        }
        if !continues {
            // What it has sent behind this call was read long ago: nothing else wakes us for it.
            self.again.insert(id);
        }
        watch(client, epoll, tag | id);
        true
    }

    /// All that could be answered now has been: drops who is done, and waits for what is to come of the others.
    pub fn settle(&mut self, epoll: &Epoll, tag: u64, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        if client.is_over() {
            self.clients.remove(&id);
        } else {
            watch(client, epoll, tag | id);
        }
    }

    /// There may be more calls of this client to answer in the next turn.
    pub fn come_back(&mut self, id: ClientId) {
        self.again.insert(id);
    }

    /// Whether clients wait for the next turn.
    pub fn has_more(&self) -> bool {
        !self.again.is_empty()
    }

    /// The clients that wait for this turn.
    pub fn take_again(&mut self) -> BTreeSet<ClientId> {
        std::mem::take(&mut self.again)
    }

    /// Both sides of the connection are closed.
    pub fn drop_client(&mut self, id: ClientId) {
        self.clients.remove(&id);
    }

    /// The call is over without a reply (`oneway`).
    pub fn end_call(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.busy = false;
        }
    }

    /// A raw descriptor of ours, for parking the listener.
    pub fn share_listener(&self) -> Option<OwnedFd> {
        self.listener.as_ref()?.try_clone().ok()
    }
}

/// Makes room: the one that has been connected longest of those who wait for nothing.
fn evict(clients: &mut BTreeMap<ClientId, Client>) -> bool {
    let idle = clients.iter().find(|(_, client)| !client.busy).map(|(id, _)| *id);
    idle.is_some_and(|id| clients.remove(&id).is_some())
}

/// Has the socket watched for what the client needs now.
fn watch(client: &mut Client, epoll: &Epoll, data: u64) {
    let interest = client.interest();
    if interest != client.watched && epoll.modify(client.socket(), interest, data).is_ok() {
        client.watched = interest;
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
