//! The only `unsafe` and the only raw syscalls; one file for each kernel idea, no policy.

pub mod epoll;
pub mod localtime;
pub mod memfd;
pub mod pidfd;
pub mod seqpacket;
pub mod terminal;
pub mod watch;
