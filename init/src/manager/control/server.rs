//! The listening socket and its clients, bounded in number, in all and by user.

use super::client::{Client, ClientId, Input, Rights};
use crate::proto::control::{Call, Reply};
use crate::sys::credentials;
use crate::sys::epoll::{Epoll, Ready};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Most clients at a time.
const MAX_CLIENTS: usize = 256;
/// Most clients of one user other than root at a time.
const MAX_PER_USER: usize = 64;

/// The server's side of the control socket.
#[derive(Debug)]
pub struct Server {
    listener: Option<OwnedFd>,
    clients: BTreeMap<ClientId, Client>,
    next: ClientId,
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
        Self { listener, clients: BTreeMap::new(), next: 1, group, own_uid: nix::unistd::geteuid().as_raw() }
    }

    /// The listening socket.
    pub fn listener(&self) -> Option<&OwnedFd> {
        self.listener.as_ref()
    }

    fn rights(&self, uid: u32, socket: &OwnedFd) -> Rights {
        let in_group = |gid| credentials::peer_groups(socket.as_fd()).contains(&gid);
        if uid == 0 || uid == self.own_uid || self.group.is_some_and(in_group) { Rights::Change } else { Rights::Read }
    }

    /// Takes in those who knock; their events carry `tag | id`.
    pub fn accept(&mut self, epoll: &Epoll, tag: u64) {
        let Some(listener) = &self.listener else { return };
        while let Ok(socket) = credentials::accept(listener.as_fd()) {
            let Some(uid) = credentials::peer_uid(socket.as_fd()) else { continue };
            let of_user = self.clients.values().filter(|c| c.uid == uid).count();
            if self.clients.len() >= MAX_CLIENTS || (uid != 0 && of_user >= MAX_PER_USER) {
                continue;
            }
            let id = self.next;
            if epoll.add(&socket, Ready::EPOLLIN | Ready::EPOLLRDHUP, tag | id).is_ok() {
                self.next += 1;
                let rights = self.rights(uid, &socket);
                self.clients.insert(id, Client::new(socket, uid, rights));
            }
        }
    }

    /// Something can be done for a client: sends, reads. `false`: it is gone (and dropped here).
    pub fn serve(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let alive = client.flush() && client.fill();
        if !alive {
            self.clients.remove(&id);
        }
        alive
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

    /// Replies; one that isn't followed by others ends the call. `false`: the client is gone.
    pub fn reply(&mut self, epoll: &Epoll, tag: u64, id: ClientId, reply: &Reply) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        client.busy = reply.continues;
        if !client.reply(reply) {
            self.clients.remove(&id);
            return false;
        }
        if client.is_waiting() {
            let ready = Ready::EPOLLIN | Ready::EPOLLRDHUP | Ready::EPOLLOUT;
            let _ = epoll.modify(client.socket(), ready, tag | id);
        }
        true
    }

    /// After a flush: stops waiting for room where nothing waits.
    pub fn settle(&mut self, epoll: &Epoll, tag: u64, id: ClientId) {
        if let Some(client) = self.clients.get(&id)
            && !client.is_waiting()
        {
            let _ = epoll.modify(client.socket(), Ready::EPOLLIN | Ready::EPOLLRDHUP, tag | id);
        }
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
