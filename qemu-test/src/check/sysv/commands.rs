//! System V's commands, and Debian's, on the running machine.

use crate::check::guest::{Guest, holds};
use crate::error::{Result, fail};
use crate::shell::PATIENCE;

/// A daemon from a package that is on the image: in, running, out.
pub fn package(guest: &mut Guest) -> Result<String> {
    guest.run("DEBIAN_FRONTEND=noninteractive apt-get -q -y install /var/cache/packages/*.deb")?;
    guest.until("[ \"$(initctl is-active memcached)\" = active ]", 60)?;
    guest.run("[ \"$(cat /proc/$(initctl show memcached -p MainPID --value)/comm)\" = memcached ]")?;
    guest.run("ls /etc/rc2.d/S??memcached /etc/rc0.d/K??memcached && service memcached status")?;
    guest.run("DEBIAN_FRONTEND=noninteractive apt-get -q -y purge memcached")?;
    guest.run("! pgrep -x memcached && ! ls /etc/rc?.d/*memcached /etc/init.d/memcached")?;
    guest.refused("initctl is-active memcached")?;
    Ok(String::new())
}

/// A daemon's main process.
fn main_pid(guest: &mut Guest, name: &str) -> Result<String> {
    let pid = guest.run(&format!("initctl show {name} -p MainPID --value"))?;
    if pid.parse::<u32>().is_ok_and(|pid| pid > 1) { Ok(pid) } else { fail(format!("{name} has no process: {pid}")) }
}

pub fn services(guest: &mut Guest) -> Result<String> {
    let mut pid = main_pid(guest, "cron")?;
    for command in [
        "service cron restart",
        "invoke-rc.d cron restart",
        "/etc/init.d/cron restart",
        "service cron --full-restart",
        "service cron stop && service cron start",
        "pid=$(pgrep -ox cron); kill -9 $pid; while [ -d /proc/$pid ]; do sleep 0.2; done; service cron start",
    ] {
        // So many starts in so short a time would be too many.
        guest.run("initctl reset-failed cron")?;
        guest.run(command)?;
        guest.run("initctl is-active cron && [ \"$(pgrep -P 1 -cx cron)\" = 1 ]")?;
        let now = main_pid(guest, "cron")?;
        if now == pid {
            return fail(format!("`{command}` left process {pid} alone"));
        }
        pid = now;
    }
    holds(&guest.run("service --status-all 2>&1")?, &["[ + ]  cron", "[ + ]  ssh"])?;
    guest.run("update-rc.d cron disable && ls /etc/rc2.d/K??cron && ! initctl is-enabled cron")?;
    guest.run("update-rc.d cron enable && ls /etc/rc2.d/S??cron && initctl is-enabled cron")?;
    guest.run("chkconfig cron off && ! chkconfig cron && chkconfig cron on && chkconfig cron")?;
    guest.run("chkconfig --list cron | grep -E '2:on.*5:on'")?;
    Ok(String::new())
}

pub fn levels(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    guest.run("telinit q && telinit u")?;
    guest.until("[ \"$(runlevel)\" = 'N 2' ] && initctl is-active cron >/dev/null 2>&1", 60)?;
    guest.same(&before)?;
    guest.run("shutdown -h +1 >/dev/null 2>&1 &")?;
    guest.until("[ -s /run/shutdown.pid ]", 60)?;
    guest.until("shutdown -c >/dev/null 2>&1; [ ! -e /run/shutdown.pid ] && [ ! -e /run/nologin ]", 60)?;
    guest.run("telinit 3")?;
    guest.until("[ \"$(runlevel)\" = '2 3' ]", 120)?;
    guest.same(&before)?;
    guest.run("init 2")?;
    guest.until("[ \"$(runlevel)\" = '3 2' ]", 120)?;
    guest.same(&before)
}

/// KDSKBENT for Alt (table 8) and the arrow up (key 103): `KeyboardSignal`, as the kernel's documents have it. Debian's keymap
/// has nothing for init there.
const MAP_KEY: &str =
    "perl -e 'open F, \"+</dev/tty0\"; $b = pack(\"CCS\", 8, 103, 0x212); ioctl(F, 0x4b47, $b) or die'";

/// The keyboard's own key for init.
pub fn keyboard(guest: &mut Guest) -> Result<String> {
    guest.run("echo 'kb::kbrequest:/bin/touch /run/kbrequest' >>/etc/inittab && telinit q")?;
    guest.until("[ -e /run/rung/generated/events/kbrequest/2/inittab-kb.service ]", 60)?;
    guest.run(MAP_KEY)?;
    guest.alt_up()?;
    guest.until("[ -e /run/kbrequest ]", 60)?;
    guest.run("sed -i /^kb:/d /etc/inittab && telinit q")?;
    Ok(String::new())
}

pub fn single(guest: &mut Guest) -> Result<String> {
    // What a login leaves behind, out of its session: `killprocs` ends it.
    guest.run("setsid sleep 31415 </dev/null >/dev/null 2>&1 &")?;
    guest.until("pgrep -fx 'sleep 31415' >/dev/null", 60)?;
    guest.end_ssh();
    guest.console.send("telinit 1\n")?;
    guest.console.expect("to continue): ", PATIENCE * 2)?;
    guest.maintenance_password()?;
    guest.console.run("for name in nginx cron haproxy sshd chronyd; do ! pgrep -x $name || exit 1; done")?;
    guest.console.run("! pgrep -fx 'sleep 31415'")?;
    guest.console.until("[ \"$(runlevel)\" = '2 1' ]", 60)?;
    guest.console.send("telinit 2\n")?;
    guest.log_in()?;
    guest.console.until("runlevel | grep -q ' 2$' && pgrep -x sshd >/dev/null && pgrep -x cron >/dev/null", 120)?;
    Ok(String::new())
}
