//! The only `unsafe` and the only raw syscalls; one file for each kernel idea, no policy.

pub mod credentials;
pub mod epoll;
pub mod file;
pub mod localtime;
pub mod memfd;
pub mod net;
pub mod ns;
pub mod pidfd;
pub mod pipe;
pub mod seqpacket;
pub mod wait;
pub mod inherited;
pub mod localtime;
pub mod memfd;
pub mod pidfd;
pub mod queued;
pub mod seqpacket;
pub mod terminal;
pub mod watch;
