//! Who waits for which request, and what is to be told.

use super::ClientId;
use crate::core::RequestId;
use crate::proto::control::JobEnd;
use std::collections::{BTreeMap, BTreeSet};

/// A client that waits for a request's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter {
    /// Which client.
    pub client: ClientId,
    /// It wants a reply as each job ends, not only the last.
    pub stream: bool,
}

/// One open request.
#[derive(Debug, Default)]
pub struct Open {
    /// Those who wait.
    pub waiters: Vec<Waiter>,
    /// Ends of jobs not yet told.
    pub ended: Vec<JobEnd>,
    /// Everything that happened, for those who come later.
    pub all: Vec<JobEnd>,
    /// Things worth saying besides.
    pub notes: Vec<String>,
}

/// All open requests of clients.
#[derive(Debug, Default)]
pub struct Requests {
    open: BTreeMap<RequestId, Open>,
    news: BTreeSet<RequestId>,
}

impl Requests {
    /// A client waits for this one.
    pub fn wait(&mut self, request: RequestId, waiter: Waiter) {
        self.open.entry(request).or_default().waiters.push(waiter);
    }

    /// The open request of this name, if somebody waits for it.
    pub fn get_mut(&mut self, request: RequestId) -> Option<&mut Open> {
        self.open.get_mut(&request)
    }

    /// There is something to be told about it.
    pub fn has_news(&mut self, request: RequestId) {
        if self.open.contains_key(&request) {
            self.news.insert(request);
        }
    }

    /// Those with something to be told.
    pub fn take_news(&mut self) -> BTreeSet<RequestId> {
        std::mem::take(&mut self.news)
    }

    /// It is over.
    pub fn finish(&mut self, request: RequestId) -> Option<Open> {
        self.open.remove(&request)
    }

    /// The client hung up: nobody waits on its behalf any more. Its jobs go on.
    pub fn forget(&mut self, client: ClientId) {
        for open in self.open.values_mut() {
            open.waiters.retain(|w| w.client != client);
        }
        self.open.retain(|_, open| !open.waiters.is_empty());
    }

    /// Adds a note to every open request.
    pub fn note_all(&mut self, text: &str) {
        for open in self.open.values_mut() {
            open.notes.push(text.to_owned());
        }
    }
}
