//! The only `unsafe` and the only raw syscalls; one file for each kernel idea, no policy.

pub mod epoll;
pub mod memfd;
pub mod net;
pub mod ns;
pub mod pidfd;
pub mod seqpacket;
