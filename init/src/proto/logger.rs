//! The messages between the manager and `init-log`, over a `SOCK_SEQPACKET` socketpair: a kind byte, a token, a
//! stream byte, a text. Descriptors travel beside them (`SCM_RIGHTS`). A packet is one message, or a [`Bundle`] of several
//! that go without a descriptor.

/// Longest message, in bytes.
pub const MAX_LEN: usize = 512;
/// Longest packet, in bytes.
pub const MAX_PACKET: usize = 4096;
/// In the place of a message's kind: several follow, each behind its length (`u16`).
const BUNDLE: u8 = 9;

/// The name under which the history is kept beside the logs; no unit's name begins so.
pub const HISTORY: &str = "@history";

/// Which of a service's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Manager → logger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Read this pipe (beside the message) and write its lines to the log of `name`. One that is open already for
    /// (token, stream) is kept and the new descriptor closed.
    Open {
        /// The instance.
        token: u64,
        /// Which output.
        stream: Stream,
        /// The unit's name without `.service`.
        name: String,
    },
    /// The instance's main process is over: read what is in its pipes now, end the last line, and answer
    /// [`Answer::Ended`]. The pipes stay open until their last writer is gone.
    End {
        /// The instance.
        token: u64,
    },
    /// The instance has nobody left that would write, and stays: read what is in its pipes now and end the last line.
    Dry {
        /// The instance.
        token: u64,
    },
    /// A line of the manager's own about a service (started, failed, …), for its log.
    Note {
        /// The unit's name without `.service`.
        name: String,
        /// The text.
        text: String,
    },
    /// A line of the history. The same line may come twice, from a manager that doesn't know whether it was written.
    History {
        /// When it happened, milliseconds since the epoch.
        at_ms: u64,
        /// The line: its first word names the event within all boots, what follows is behind a tab.
        text: String,
    },
    /// The file beside the message is the record of a boot so far, to be kept in place of an earlier one of that boot.
    /// Answered by [`Answer::Recorded`].
    Record {
        /// What names the boot.
        boot: String,
    },
    /// `/var/log` can be written now: move there what was kept under the run directory.
    Persist,
    /// Whether this logger reads a [`Bundle`], which is answered by [`Answer::Bundles`]: one may be older than the manager.
    Bundles,
}

/// Logger → manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Request::End`].
    Ended {
        /// The instance.
        token: u64,
    },
    /// No writer is left on this pipe: the parked ends can be closed.
    Closed {
        /// The instance.
        token: u64,
        /// Which output.
        stream: Stream,
    },
    /// A boot's record is written, or can't be.
    Recorded,
    /// To [`Request::Bundles`]: it does.
    Bundles,
}

/// Several messages to the logger in one packet.
#[derive(Debug)]
pub struct Bundle(Vec<u8>);

impl Default for Bundle {
    /// An empty one.
    fn default() -> Self {
        Self(vec![BUNDLE])
    }
}

impl Bundle {
    /// Adds a message; `false`: there is no room for it.
    pub fn add(&mut self, message: &[u8]) -> bool {
        let length = u16::try_from(message.len()).ok();
        let Some(length) = length.filter(|_| self.0.len() + 2 + message.len() <= MAX_PACKET) else { return false };
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(message);
        true
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The packet.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The messages of a packet, as far as it is sound.
pub fn messages(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (one, mut rest) = match packet.split_first() {
        Some((&BUNDLE, rest)) => (None, rest),
        _ => (Some(packet), [].as_slice()),
    };
    let next = move || {
        let (length, behind) = rest.split_first_chunk()?;
        let (message, behind) = behind.split_at_checked(u16::from_le_bytes(*length).into())?;
        rest = behind;
        Some(message)
    };
    one.into_iter().chain(std::iter::from_fn(next))
}

impl Stream {
    fn byte(self) -> u8 {
        match self {
            Self::Out => 0,
            Self::Err => 1,
        }
    }
    fn from_byte(b: u8) -> Option<Self> {
        match b {
            0 => Some(Self::Out),
            1 => Some(Self::Err),
            _ => None,
        }
    }
    /// `out` or `err`, as in the log files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}

fn message(kind: u8, token: u64, stream: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&token.to_le_bytes());
    bytes.push(stream);
    let mut room = MAX_LEN - bytes.len();
    room = room.min(text.len());
    while !text.is_char_boundary(room) {
        room -= 1;
    }
    bytes.extend_from_slice(text.get(..room).unwrap_or("").as_bytes());
    bytes
}

fn parts(bytes: &[u8]) -> Option<(u8, u64, u8, &str)> {
    let (kind, rest) = bytes.split_first()?;
    let (token, rest) = rest.split_first_chunk::<8>()?;
    let (stream, text) = rest.split_first()?;
    Some((*kind, u64::from_le_bytes(*token), *stream, std::str::from_utf8(text).ok()?))
}

impl Request {
    /// The wire form, at most [`MAX_LEN`] bytes: a longer text is cut.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Open { token, stream, name } => message(1, *token, stream.byte(), name),
            Self::End { token } => message(2, *token, 0, ""),
            // A name can't hold a newline, so it is the separator.
            Self::Note { name, text } => message(3, 0, 0, &format!("{name}\n{text}")),
            Self::Persist => message(4, 0, 0, ""),
            Self::Bundles => message(8, 0, 0, ""),
            Self::Record { boot } => message(7, 0, 0, boot),
            Self::Dry { token } => message(6, *token, 0, ""),
            // The time stands in the token's place.
            Self::History { at_ms, text } => message(5, *at_ms, 0, text),
        }
    }

    /// Reads a message; `None` when it isn't one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, token, stream, text) = parts(bytes)?;
        Some(match kind {
            1 => Self::Open { token, stream: Stream::from_byte(stream)?, name: text.to_owned() },
            2 => Self::End { token },
            3 => {
                let (name, text) = text.split_once('\n')?;
                Self::Note { name: name.to_owned(), text: text.to_owned() }
            }
            4 => Self::Persist,
            5 => Self::History { at_ms: token, text: text.to_owned() },
            6 => Self::Dry { token },
            7 => Self::Record { boot: text.to_owned() },
            8 => Self::Bundles,
            _ => return None,
        })
    }
}

impl Answer {
    /// The wire form.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ended { token } => message(101, *token, 0, ""),
            Self::Closed { token, stream } => message(102, *token, stream.byte(), ""),
            Self::Recorded => message(103, 0, 0, ""),
            Self::Bundles => message(104, 0, 0, ""),
        }
    }

    /// Reads a message; `None` when it isn't one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, token, stream, _) = parts(bytes)?;
        Some(match kind {
            101 => Self::Ended { token },
            102 => Self::Closed { token, stream: Stream::from_byte(stream)? },
            103 => Self::Recorded,
            104 => Self::Bundles,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn requests_survive_the_wire(token: u64, name in "[a-z@.-]{1,200}", text in "\\PC{0,100}") {
            for r in [
                Request::Open { token, stream: Stream::Err, name: name.clone() },
                Request::End { token },
                Request::Dry { token },
                Request::Record { boot: name.clone() },
                Request::Note { name, text: text.clone() },
                Request::History { at_ms: token, text },
                Request::Persist,
                Request::Bundles,
            ] {
                prop_assert_eq!(Request::decode(&r.encode()), Some(r));
            }
        }

        #[test]
        fn garbage_and_truncation_only_return(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Request::decode(&bytes);
            let _ = Answer::decode(&bytes);
            prop_assert!(messages(&bytes).count() <= bytes.len().max(1));
        }

        #[test]
        fn a_bundle_holds_what_was_added(all in proptest::collection::vec("\\PC{0,500}", 0..20), cut in 0usize..9000) {
            let mut bundle = Bundle::default();
            let notes = all.into_iter().map(|text| Request::Note { name: "n".into(), text }.encode());
            let held: Vec<Vec<u8>> = notes.filter(|note| bundle.add(note)).collect();
            prop_assert!(bundle.bytes().len() <= MAX_PACKET && bundle.is_empty() == held.is_empty());
            prop_assert_eq!(messages(bundle.bytes()).collect::<Vec<_>>(), held.clone());
            // What is cut leaves those before it.
            let part: Vec<_> = messages(bundle.bytes().get(..cut).unwrap_or(bundle.bytes())).collect();
            prop_assert!(held.iter().map(Vec::as_slice).take(part.len()).eq(part) || cut == 0);
            for note in held {
                prop_assert_eq!(messages(&note).collect::<Vec<_>>(), [note.as_slice()]);
            }
        }

        #[test]
        fn a_long_text_is_cut_at_a_character(text in "\\PC{600}") {
            let bytes = Request::Note { name: "n".into(), text: text.clone() }.encode();
            prop_assert!(bytes.len() <= MAX_LEN);
            match Request::decode(&bytes) {
                Some(Request::Note { text: cut, .. }) => prop_assert!(text.starts_with(&cut)),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
