//! Commands on services by name, and on the levels they are on in.
//!
//! A name is looked for as a unit of Rung's, then of systemd's, then as a script in `/etc/init.d`. What a script has is
//! changed by the means of System V: the links in `/etc/rcN.d`. Units are switched by Rung's.
//!
//! | module | what |
//! |---|---|
//! | [`place`], [`units`] | a root: scripts and their links; units and theirs |
//! | [`act`], [`live`] | a verb for a unit, by the manager; what a script prints meanwhile |
//! | [`service`], [`invoke`] | `service`, `invoke-rc.d` |
//! | [`chkconfig`], [`scripts`], [`numbers`], [`xinetd`] | `chkconfig`, `install_initd`, `remove_initd` |
//! | [`sysv_install`] | `systemd-sysv-install` |
//! | [`insserv`], [`depend`] | `insserv`; its files for `startpar` |
//! | [`update`], [`wants`] | `update-rc.d`; its links for systemd |
//! | [`switch`], [`rehearsal`] | `sysv switch`, for `initctl enable`; without changing anything |

mod act;
pub(super) mod chkconfig;
mod chkconfig_args;
mod depend;
pub(super) mod insserv;
mod insserv_args;
pub(super) mod invoke;
mod invoke_args;
mod live;
mod numbers;
pub(super) mod place;
mod rehearsal;
mod scripts;
pub(super) mod service;
pub(super) mod switch;
pub(super) mod sysv_install;
pub(super) mod units;
pub(super) mod update;
mod wants;
mod xinetd;
