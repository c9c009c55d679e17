//! The only `unsafe` and the only raw syscalls; one file for each kernel idea, no policy.

pub mod args;
pub mod child;
pub mod crash;
pub mod epoll;
pub mod fd;
pub mod memfd;
pub mod pidfd;
pub mod process;
pub mod seqpacket;
pub mod shared;
pub mod signals;
pub mod tty;
