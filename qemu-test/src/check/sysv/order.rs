//! The machine without insserv and startpar: every number is 01 and there are no `.depend` files, so the order comes from
//! the scripts' headers. What insserv had made of them before it went is what the order is held against.

use super::times::{json, ms};
use crate::check::guest::Guest;
use crate::error::{Result, fail};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where insserv's files are kept, out of everybody's sight.
const KEPT: &str = "/root/depend";
/// Gives every link the number that Debian's update-rc.d gives where there is no insserv.
const RENUMBER: &str = r#"perl -e 'for (glob "/etc/rc[0-6S].d/[SK][0-9][0-9]*") { ($to = $_) =~ s{([SK])\d\d([^/]*)$}{${1}01$2}; $to eq $_ or rename $_, $to or die "$_: $!" }'"#;
/// Where each script writes when it begins and when it ends, by the functions that it reads.
const TRACE: &str = r#"cat >/lib/lsb/init-functions.d/00-trace <<'END'
trace() { read trace_up trace_idle </proc/uptime && echo "$1 $trace_name $trace_up" >>/run/trace; } 2>/dev/null
case $0 in
/etc/init.d/*) trace_name=$0; trace begin; trap 'trace end' 0 ;;
esac
END"#;

/// A script's first and last moment, in milliseconds.
type Times = BTreeMap<String, (u64, u64)>;

pub fn without_insserv(guest: &mut Guest) -> Result<String> {
    guest.run(&format!(
        "mkdir {KEPT} && mv /etc/init.d/.depend.* {KEPT} && ls {KEPT}/.depend.boot {KEPT}/.depend.start"
    ))?;
    guest.run("DEBIAN_FRONTEND=noninteractive dpkg --purge --force-depends insserv startpar")?;
    guest.run(&format!("! command -v insserv && ! command -v startpar && ! [ -e /etc/insserv.conf ] && {RENUMBER}"))?;
    // That these are the numbers Debian gives.
    guest.run(
        "rm /etc/rc?.d/???haproxy && update-rc.d haproxy defaults && ls /etc/rc2.d/S01haproxy /etc/rc0.d/K01haproxy",
    )?;
    guest.run("! ls /etc/rc?.d | grep '^[SK]' | grep -v '^[SK]01' && ! ls -d /etc/init.d/.depend.*")?;
    guest.run(TRACE)?;
    guest.run("ls /etc/rc[0-6S].d/[SK]01* | wc -l").map(|links| format!("{links} links"))
}

/// `script: what it waits for …`, line by line.
fn edges(text: &str) -> Vec<(&str, &str)> {
    let rules = text.lines().filter_map(|line| line.split_once(':'));
    rules.flat_map(|(script, others)| others.split_whitespace().map(move |other| (script.trim(), other))).collect()
}

/// How many rules these times can tell something of, and those that were broken.
fn broken(edges: &[(&str, &str)], times: &Times) -> (usize, Vec<String>) {
    let known =
        edges.iter().filter_map(|(later, earlier)| Some((*later, times.get(*later)?, *earlier, times.get(*earlier)?)));
    let known: Vec<_> = known.collect();
    let wrong = known.iter().filter(|(_, (begun, _), _, (_, done))| begun < done);
    let told = wrong.map(|(later, (begun, _), earlier, (_, done))| {
        format!("{later} began at {begun} ms, {earlier} was done at {done} ms")
    });
    (known.len(), told.collect())
}

/// By Rung's own record of the boot.
fn recorded(record: &Value) -> Times {
    let units = record.get("units").and_then(Value::as_array).into_iter().flatten();
    let times = units.filter_map(|unit| {
        let name = unit.get("name")?.as_str()?.strip_suffix(".service")?;
        Some((name.to_owned(), (ms(unit, "begun_ms").ok()?, ms(unit, "done_ms").ok()?)))
    });
    times.collect()
}

/// By what the scripts wrote: hundredths of seconds, so a moment may look a hundredth too early.
fn traced(text: &str) -> Times {
    let mut times = Times::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(what), Some(script), Some(at)) = (words.next(), words.next(), words.next()) else { continue };
        let Some(at) = at.replace('.', "").parse::<u64>().ok().map(|hundredths| hundredths * 10) else { continue };
        let name = script.rsplit('/').next().unwrap_or(script).to_owned();
        match what {
            "begin" => _ = times.entry(name).or_insert((at, u64::MAX)),
            _ => _ = times.entry(name).and_modify(|(_, end)| *end = (*end).min(at)),
        }
    }
    // One that has become another program tells no end.
    times.retain(|_, (_, end)| *end != u64::MAX);
    times
}

pub fn by_headers(guest: &mut Guest) -> Result<String> {
    let shell = &mut guest.console;
    let text = shell.run(&format!("cat {KEPT}/.depend.boot {KEPT}/.depend.start"))?;
    let edges = edges(&text);
    let record = json(shell, "initctl --json boot plot")?;
    let trace = shell.run("cat /run/trace")?;
    let mut said = Vec::new();
    for (who, times, least) in [("Rung's record", recorded(&record), 40), ("the scripts' trace", traced(&trace), 20)] {
        let (count, wrong) = broken(&edges, &times);
        if !wrong.is_empty() || count < least {
            return fail(format!("{who}, {count} rules:\n{}", wrong.join("\n")));
        }
        said.push(format!("{count} rules held by {who}"));
    }
    Ok(said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "TARGETS = a b c\nINTERACTIVE = b\nb: a\nc: a b\n";

    #[test]
    fn a_rule_is_broken_by_what_begins_before_the_other_is_done() {
        let edges = edges(RULES);
        assert_eq!(edges, [("b", "a"), ("c", "a"), ("c", "b")]);
        let text =
            "begin /etc/init.d/a 1.00\nend /etc/init.d/a 2.00\nbegin b 2.00\nbegin c 2.50\nend b 2.60\nend c 3.00\n";
        let (count, wrong) = broken(&edges, &traced(text));
        assert_eq!((count, wrong), (3, vec!["c began at 2500 ms, b was done at 2600 ms".to_owned()]));
        let (count, wrong) = broken(&edges, &traced(&text.replace("2.60", "2.50")));
        assert_eq!((count, wrong.len()), (3, 0));
    }

    #[test]
    fn the_record_gives_what_began() {
        let unit = |name: &str| serde_json::json!({ "name": name, "begun_ms": 1, "done_ms": 2 });
        let record = serde_json::json!({ "units": [unit("a.service"), { "name": "b.service", "queued_ms": 1 }] });
        assert_eq!(recorded(&record), Times::from([("a".to_owned(), (1, 2))]));
    }
}
