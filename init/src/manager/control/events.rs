//! `Events`: what happened, and what happens from now on.

use super::ClientId;
use super::methods::{Answer, Outcome, Refusal, now};
use crate::core::RequestId;
use crate::manager::state::Manager;
use crate::proto::control::{Events, Reply, errors};
use serde_json::Value;

/// What may wait for one client, in bytes: one that lets more pile up isn't told any further.
const MAX_UNREAD: usize = 128 << 10;

impl Manager {
    /// A client asks for a change: who it is is read now.
    pub(super) fn asked_by(&mut self, client: ClientId, request: RequestId) {
        if self.askers.asked(request).is_none()
            && let Some(asked) = self.server.peer(client)
        {
            self.askers.will_ask(request, asked);
        }
    }

    /// Answers with what is known; `more`: and goes on.
    pub(super) fn follow_events(&mut self, client: ClientId, more: bool, wanted: &Events) -> Outcome {
        // What happened up to now belongs to the first answer, not to the news.
        self.tell_followers();
        let list = self.events.list(wanted);
        if !more {
            return now(&list);
        }
        self.followers.insert(client);
        let parameters = serde_json::to_value(&list).unwrap_or(Value::Null);
        self.reply(client, Reply { parameters, continues: true, error: None });
        Ok(Answer::Later)
    }

    /// Tells those who follow what happened since the last call. Nobody is waited for.
    pub fn tell_followers(&mut self) {
        let events = self.events.take_untold();
        if events.is_empty() || self.followers.is_empty() {
            return;
        }
        let parameters = serde_json::to_value(self.events.reply(events, 0)).unwrap_or(Value::Null);
        for client in self.followers.clone() {
            if self.server.unread(client) <= MAX_UNREAD {
                self.reply(client, Reply { parameters: parameters.clone(), continues: true, error: None });
                continue;
            }
            self.followers.remove(&client);
            let text = "events come faster than they are read: ask again with `after` for what is missing";
            let refusal = Refusal::text(errors::TOO_SLOW, text);
            let error = Some(refusal.error.to_owned());
            self.reply(client, Reply { parameters: refusal.parameters, continues: false, error });
        }
    }
}
