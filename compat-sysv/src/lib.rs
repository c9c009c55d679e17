//! System V compatibility: the commands, files and channels that scripts and people of a SysV machine expect.
//!
//! | module | what |
//! |---|---|
//! | [`channel`] | who listens at `/run/initctl` |
//! | [`fifo`] | the 384-byte request of `/run/initctl`; pure |
//! | [`generate`] | all that as unit files and level links |
//! | [`inittab`] | `/etc/inittab` and how its commands are run; pure |
//! | [`utmp`] | the 384-byte record of utmp and wtmp (pure), and the files |
//! | [`pid1`] | who is PID 1, and how it is asked |
//! | [`lsb`], [`chkconfig`] | what an init script's comments say; pure |
//! | [`facilities`] | `/etc/insserv.conf`: what `$network` and the like stand for |
//! | [`farm`] | `/etc/rcN.d`: which script runs in which level |
//! | [`tree`] | all scripts of a root, with the above |
//! | [`order`] | in which order they run, and insserv's numbers; pure |
//! | [`shims`] | `telinit`, `runlevel`, `shutdown`, `halt`, `service`, …: arguments → request |

pub mod channel;
pub mod chkconfig;
pub mod facilities;
pub mod farm;
pub mod fifo;
pub mod generate;
pub mod inittab;
pub mod lsb;
pub mod order;
pub mod pid1;
pub mod shims;
pub mod tree;
pub mod utmp;

mod bytes;
#[cfg(test)]
mod scratch;
