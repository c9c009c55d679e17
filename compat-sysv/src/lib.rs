//! System V compatibility: the commands, files and channels that scripts and people of a SysV machine expect.
//!
//! | module | what |
//! |---|---|
//! | [`fifo`] | the 384-byte request of `/run/initctl`; pure |
//! | [`inittab`] | `/etc/inittab` and how its commands are run; pure |
//! | [`utmp`] | the 384-byte record of utmp and wtmp (pure), and the files |
//! | [`pid1`] | who is PID 1, and how it is asked |
//! | [`shims`] | `telinit`, `runlevel`, `shutdown`, `halt`, `service`, …: arguments → request |

pub mod fifo;
pub mod inittab;
pub mod pid1;
pub mod shims;
pub mod utmp;

mod bytes;
