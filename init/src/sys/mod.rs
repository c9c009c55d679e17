//! The only `unsafe` and the only raw syscalls; one file for each kernel idea, no policy.

pub mod args;
pub mod child;
pub mod console;
pub mod crash;
pub mod epoll;
pub mod fd;
pub mod helper;
pub mod image;
pub mod inherited;
pub mod localtime;
pub mod loopdev;
pub mod memfd;
pub mod mount;
pub mod namespace;
pub mod pidfd;
pub mod process;
pub mod processes;
pub mod queued;
pub mod reboot;
pub mod seqpacket;
pub mod shared;
pub mod signals;
pub mod stdio;
pub mod swap;
pub mod tty;
