//! Daemons by Debian's own unit files, unmodified: each starts, answers, stops, and leaves nothing behind.

use super::guest::{Guest, holds};
use super::{Step, boot, end, step, vital};
use crate::error::{Context, Error, Result, fail};
use serde_json::Value;
use std::fmt::Write as _;

/// In this order.
pub const STEPS: &[Step] = &[
    vital("a getty on the console gives a login", boot::login),
    vital("a machine full of daemons that are off comes up without them", quiet),
    step("daemons whose keys are all honoured start, answer and stop by their own unit files", whole),
    step("so do those some of whose keys aren't honoured yet; what is lost is told", lossy),
    vital("`initctl poweroff` ends the machine", end::power_off),
    step("the file system is clean", end::clean),
];

/// One daemon.
struct Daemon {
    unit: &'static str,
    /// Succeeds once it does its work.
    answers: &'static str,
    /// What its processes are called, by `pgrep -x`.
    process: &'static str,
}

const fn daemon(unit: &'static str, process: &'static str, answers: &'static str) -> Daemon {
    Daemon { unit, answers, process }
}

/// How many of them have to be whole: it may only rise.
const LEAST_WHOLE: usize = 15;

/// A line of `text` is sent to a port, and `answer` is in what comes back.
macro_rules! asks {
    ($port:literal, $text:literal, $answer:literal) => {
        concat!(
            "timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/",
            $port,
            " && printf \"",
            $text,
            "\" >&3 && while read -r line <&3; do case $line in *",
            $answer,
            "*) exit 0;; esac; done; exit 1'"
        )
    };
}

/// What answers names of hosts.
const DNS: &str = "ss -lun | grep -q ':53 '";

/// The daemons. Those that want one port come one after the other: what one leaves behind, the next would miss.
const DAEMONS: &[Daemon] = &[
    daemon("apache2", "apache2", asks!("80", "GET / HTTP/1.0\\r\\n\\r\\n", "200")),
    daemon("lighttpd", "lighttpd", asks!("80", "GET / HTTP/1.0\\r\\n\\r\\n", "200")),
    daemon("nginx", "nginx", asks!("80", "GET / HTTP/1.0\\r\\n\\r\\n", "200")),
    daemon("cron", "cron", "pgrep -x cron"),
    daemon("atd", "atd", "echo true | at now"),
    daemon("named", "named", DNS),
    daemon("unbound", "unbound", DNS),
    daemon("dnsmasq", "dnsmasq", DNS),
    daemon("mosquitto", "mosquitto", "ss -ltn | grep -q ':1883 '"),
    daemon("nscd", "nscd", "[ -S /run/nscd/socket ]"),
    daemon("php8.2-fpm", "php-fpm8.2", "[ -S /run/php/php8.2-fpm.sock ]"),
    daemon("postgresql@15-main", "postgres", "runuser -u postgres -- psql -Atc 'select 40 + 2' | grep -x 42"),
    daemon("prometheus-node-exporter", "prometheus-node", asks!("9100", "GET / HTTP/1.0\\r\\n\\r\\n", "200")),
    daemon("vsftpd", "vsftpd", asks!("21", "", "220")),
    daemon("rpcbind", "rpcbind", "rpcinfo -p 127.0.0.1"),
    daemon(
        "rsyslog",
        "rsyslogd",
        "logger -p user.notice is-it-there && timeout 20 sh -c 'until grep -q is-it-there /var/log/syslog; do sleep 0.1; done'",
    ),
    daemon("snmpd", "snmpd", "ss -lun | grep -q ':161 '"),
    daemon("haproxy", "haproxy", "[ -S /run/haproxy/admin.sock ]"),
    daemon("memcached", "memcached", asks!("11211", "version\\r\\n", "VERSION")),
    daemon("redis-server", "redis-server", asks!("6379", "PING\\r\\n", "PONG")),
    daemon("chrony", "chronyd", "chronyc -n tracking"),
    daemon("dovecot", "dovecot", asks!("143", "", "OK")),
    daemon("mariadb", "mariadbd", "mariadb -e 'select 40 + 2' | grep -x 42"),
];

fn quiet(guest: &mut Guest) -> Result<String> {
    guest.console.until("[ \"$(initctl runlevel)\" = 'N 3' ]", 120)?;
    // Rung's own units of these names would win; and scripts, where a unit isn't honoured as a whole.
    guest.run(
        "cd /usr/lib/rung/units && rm -f nginx.service cron.service rsyslog.service && cd / && rm -rf /etc/init.d",
    )?;
    guest.run("initctl stop nginx cron rsyslog; initctl reload --units")?;
    let running: Vec<&str> = DAEMONS.iter().map(|d| d.process).collect();
    guest.run(&format!("! pgrep -l -x '{}'", running.join("|")))?;
    Ok(format!("{} daemons", DAEMONS.len()))
}

/// The keys of a unit that aren't honoured.
fn lost(guest: &mut Guest, unit: &str) -> Result<Vec<String>> {
    let text = guest.run(&format!("initctl --json verify {unit}.service 2>/dev/null || [ $? = 1 ]"))?;
    let json: Value = serde_json::from_str(&text).context("initctl --json verify")?;
    let Some(keys) = json.pointer("/summary/not_honoured").and_then(Value::as_array) else {
        return fail(format!("{unit}: no summary in:\n{text}"));
    };
    let keys = keys.iter().filter(|k| k.get("taken").and_then(Value::as_str) != Some("harmless"));
    Ok(keys.filter_map(|k| Some(k.get("key")?.as_str()?.to_owned())).collect())
}

/// Starts it, asks it, stops it, looks for what is left.
fn life(guest: &mut Guest, daemon: &Daemon) -> Result<()> {
    let Daemon { unit, answers, process } = daemon;
    guest.run(&format!("initctl start {unit}"))?;
    guest.run(&format!("initctl is-active {unit}"))?;
    let shown = guest.run(&format!("initctl --json status {unit}"))?;
    holds(&shown, &["/lib/systemd/system/", "\"systemd\""])?;
    guest.until(&format!("{answers} >/dev/null 2>&1"), 60)?;
    guest.run(&format!("initctl stop {unit}"))?;
    guest.run(&format!("[ \"$(initctl is-active {unit})\" = inactive ]"))?;
    guest.run(&format!("! pgrep -l -x '{process}'"))?;
    Ok(())
}

/// Takes those that are whole, or those that aren't, through their lives; what each lacks.
fn lives(guest: &mut Guest, whole: bool) -> Result<(usize, String)> {
    let (mut passed, mut text, mut failed) = (0, String::new(), Vec::new());
    for daemon in DAEMONS {
        let lost = lost(guest, daemon.unit)?;
        if lost.is_empty() != whole {
            continue;
        }
        match life(guest, daemon) {
            Ok(()) => passed += 1,
            Err(Error(why)) => {
                let status = guest.run(&format!("initctl status {0} || initctl logs {0} -n 5 || true", daemon.unit))?;
                failed.push(format!("{}: {why}\n{status}", daemon.unit));
                guest.run(&format!("initctl stop {} || true", daemon.unit))?;
            }
        }
        let _ = write!(text, "{}{}", if text.is_empty() { "" } else { ", " }, daemon.unit);
        if !whole {
            let _ = write!(text, " without {}", lost.join(" "));
        }
    }
    if failed.is_empty() { Ok((passed, text)) } else { fail(failed.join("\n")) }
}

fn whole(guest: &mut Guest) -> Result<String> {
    let (passed, text) = lives(guest, true)?;
    if passed < LEAST_WHOLE {
        return fail(format!("only {passed} of {} daemons are honoured as a whole: {text}", DAEMONS.len()));
    }
    Ok(format!("{passed}: {text}"))
}

fn lossy(guest: &mut Guest) -> Result<String> {
    let (passed, text) = lives(guest, false)?;
    Ok(format!("{passed}: {text}"))
}
