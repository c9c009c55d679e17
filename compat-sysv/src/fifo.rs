//! The request that `telinit`, `shutdown` and others write to `/run/initctl`: 384 bytes, native byte order, one write.
//!
//! ```text
//! offset  0  magic 0x03091969     8  runlevel (ASCII code)     16  data: 368 bytes
//!         4  command             12  sleep time, seconds
//! ```
//! No answer is ever sent: a write that went through is all its writer learns.

use crate::bytes::{get, put};

/// Bytes in a request.
pub const LEN: usize = 384;
/// First field of every request.
pub const MAGIC: u32 = 0x0309_1969;
/// Most bytes of variables in one [`Request::SetEnv`], the closing NUL included.
pub const DATA_LEN: usize = 368;
/// Where the FIFO is.
pub const PATH: &str = "/run/initctl";
/// Seconds between SIGTERM and SIGKILL unless `-t` says otherwise.
pub const SLEEP_TIME: i32 = 3;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// 0: never had a meaning.
    Start,
    /// 1: change the level, or what else `telinit` is asked by a letter.
    RunLevel {
        /// `0`–`9`, `S`, `Q`, `A`–`C`, `U`, either case.
        level: u8,
        /// Seconds between SIGTERM and SIGKILL.
        sleep_time: i32,
    },
    /// 2: the power fails.
    PowerFail {
        /// As in [`Request::RunLevel`].
        sleep_time: i32,
    },
    /// 3: the power fails now, the battery is low.
    PowerFailNow {
        /// As in [`Request::RunLevel`].
        sleep_time: i32,
    },
    /// 4: the power is back.
    PowerOk {
        /// As in [`Request::RunLevel`].
        sleep_time: i32,
    },
    /// 6: set (`VAR=VALUE`) or unset (`VAR`) variables for init's children.
    SetEnv(Vec<String>),
    /// Any other command; 5 and 7 are reserved and unused.
    Other(i32),
}

/// Why 384 bytes, or fewer, are no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bogus {
    /// Not [`LEN`] bytes.
    Length(usize),
    /// Another [`MAGIC`].
    Magic(u32),
}

impl std::fmt::Display for Bogus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length(n) => write!(f, "{n} bytes instead of {LEN}"),
            Self::Magic(m) => write!(f, "magic number {m:#010x} instead of {MAGIC:#010x}"),
        }
    }
}

impl Request {
    /// Reads what one `read` gave.
    ///
    /// # Errors
    /// [`Bogus`]: drop it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Bogus> {
        if bytes.len() != LEN {
            return Err(Bogus::Length(bytes.len()));
        }
        let magic = u32::from_ne_bytes(get(bytes, 0));
        if magic != MAGIC {
            return Err(Bogus::Magic(magic));
        }
        let sleep_time = i32::from_ne_bytes(get(bytes, 12));
        Ok(match i32::from_ne_bytes(get(bytes, 4)) {
            0 => Self::Start,
            1 => {
                // What doesn't fit a byte is no level; NUL is none either and is refused by whoever acts on it.
                let level = u8::try_from(i32::from_ne_bytes(get(bytes, 8))).unwrap_or(0);
                Self::RunLevel { level, sleep_time }
            }
            2 => Self::PowerFail { sleep_time },
            3 => Self::PowerFailNow { sleep_time },
            4 => Self::PowerOk { sleep_time },
            6 => Self::SetEnv(variables(bytes.get(16..).unwrap_or(&[]))),
            other => Self::Other(other),
        })
    }

    /// The seconds between SIGTERM and SIGKILL it asks for.
    pub fn sleep_time(&self) -> Option<i32> {
        match self {
            Self::RunLevel { sleep_time, .. }
            | Self::PowerFail { sleep_time }
            | Self::PowerFailNow { sleep_time }
            | Self::PowerOk { sleep_time } => Some(*sleep_time).filter(|seconds| *seconds >= 0),
            Self::Start | Self::SetEnv(_) | Self::Other(_) => None,
        }
    }

    /// The bytes to write; `None` when the variables don't fit or hold a NUL.
    pub fn encode(&self) -> Option<[u8; LEN]> {
        let (command, level, sleep_time) = match self {
            Self::Start => (0, 0, 0),
            Self::RunLevel { level, sleep_time } => (1, i32::from(*level), *sleep_time),
            Self::PowerFail { sleep_time } => (2, 0, *sleep_time),
            Self::PowerFailNow { sleep_time } => (3, 0, *sleep_time),
            Self::PowerOk { sleep_time } => (4, 0, *sleep_time),
            Self::SetEnv(_) => (6, 0, 0),
            Self::Other(command) => (*command, 0, 0),
        };
        let mut bytes = [0; LEN];
        put(&mut bytes, 0, &MAGIC.to_ne_bytes());
        put(&mut bytes, 4, &i32::to_ne_bytes(command));
        put(&mut bytes, 8, &level.to_ne_bytes());
        put(&mut bytes, 12, &sleep_time.to_ne_bytes());
        if let Self::SetEnv(list) = self {
            let mut offset = 16;
            for variable in list {
                // One NUL ends the variable, one more the list.
                if variable.is_empty() || variable.contains('\0') || offset + variable.len() + 2 > LEN {
                    return None;
                }
                put(&mut bytes, offset, variable.as_bytes());
                offset += variable.len() + 1;
            }
        }
        Some(bytes)
    }
}

/// `VAR=VALUE\0VAR\0\0`: up to the first empty one. What has no NUL behind it is cut off by the record's end.
fn variables(data: &[u8]) -> Vec<String> {
    data.split(|b| *b == 0)
        .take_while(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

#[cfg(test)]
#[path = "fifo_tests.rs"]
mod tests;
