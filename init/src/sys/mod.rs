//! The only `unsafe` and the only raw syscalls; one file for each kernel idea, no policy.

pub mod console;
pub mod environment;
pub mod epoll;
pub mod helper;
pub mod image;
pub mod inherited;
pub mod localtime;
pub mod loopdev;
pub mod memfd;
pub mod mount;
pub mod namespace;
pub mod pidfd;
pub mod processes;
pub mod queued;
pub mod reboot;
pub mod seqpacket;
pub mod stdio;
pub mod swap;
