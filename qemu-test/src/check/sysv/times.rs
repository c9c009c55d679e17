//! `initctl boot` on a machine whose kernel, clock and log can be asked the same.

use crate::check::guest::{Guest, holds};
use crate::error::{Context, Result, fail};
use crate::shell::Shell;
use serde_json::Value;

/// Where the first boot's answer is kept for the next one.
const KEPT: &str = "/root/boot.json";
/// Milliseconds that two clocks of one machine may be apart: the kernel's message comes before the program runs, a date is
/// read after the uptime.
const NEAR: u64 = 1500;

/// What a command prints as JSON.
pub fn json(shell: &mut Shell, command: &str) -> Result<Value> {
    let text = shell.run(command)?;
    serde_json::from_str(&text).context(command)
}

/// A number of milliseconds that a document gives.
pub fn ms(value: &Value, key: &str) -> Result<u64> {
    let found = value.get(key).and_then(Value::as_u64);
    found.map_or_else(|| fail(format!("`{key}` is no number in {value}")), Ok)
}

/// Seconds with a fraction, as the kernel and `date` write them, as milliseconds.
fn seconds(text: &str) -> Result<u64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let part = format!("{part:0<3}");
    let number = |digits: &str| digits.parse::<u64>().context(text);
    Ok(number(whole)? * 1000 + number(part.get(..3).unwrap_or("0"))?)
}

/// One follows the other, from the kernel's start to the end.
fn check_parts(times: &Value) -> Result<()> {
    let mut from = 0;
    for part in times.get("parts").and_then(Value::as_array).into_iter().flatten() {
        if ms(part, "begun_ms")? != from {
            return fail(format!("{part} doesn't begin where the one before ended, at {from}"));
        }
        from = ms(part, "done_ms")?;
    }
    if from == ms(times, "total_ms")? && from > 0 { Ok(()) } else { fail(format!("the parts don't add up: {times}")) }
}

fn near(what: &str, shown: u64, other: u64) -> Result<()> {
    if shown.abs_diff(other) <= NEAR {
        Ok(())
    } else {
        fail(format!("{what}: {other} ms, `initctl boot` has {shown} ms"))
    }
}

pub fn agree(guest: &mut Guest) -> Result<String> {
    let shell = &mut guest.console;
    // Load and CPU times are added while the record is written.
    shell.until("grep -qF '\"stage\":\"done\"' /var/log/rung/@boot/*.json", 60)?;
    let times = json(shell, "initctl --json boot")?;
    check_parts(&times)?;
    let (begun, total) = (ms(&times, "begun_ms")?, ms(&times, "total_ms")?);
    let kernel = ms(times.pointer("/parts/0").unwrap_or(&Value::Null), "done_ms")?;
    let ran = shell.run("dmesg | sed -n 's/^\\[ *\\([0-9.]*\\)\\] Run .*init as init process$/\\1/p'")?;
    near("the kernel runs init, by its own log", kernel, seconds(&ran)?)?;
    let clocks = shell.run("cut -d' ' -f1 /proc/uptime; date +%s.%N")?;
    let (uptime, now) = clocks.split_once('\n').unwrap_or_default();
    let (uptime, now) = (seconds(uptime)?, seconds(now)?);
    near("the kernel began, by its uptime", begun, now - uptime)?;
    if total > uptime {
        return fail(format!("{total} ms for a boot, with {uptime} ms of uptime"));
    }
    // The history says when the level was reached, by the clock.
    let reached = shell
        .run("date +%s.%N -d \"$(initctl history -n all | grep -F 'runlevel 2 reached' | tail -n 1 | cut -c1-19)\"")?;
    near("runlevel 2 reached, by the history", begun + total, seconds(&reached)?)?;
    Ok(format!("kernel {kernel} ms, all up after {total} ms"))
}

pub fn views(guest: &mut Guest) -> Result<String> {
    let shell = &mut guest.console;
    holds(&shell.run("initctl boot")?, &["kernel", "runlevel S", "runlevel 2", "none failed"])?;
    let blame = json(shell, "initctl --json boot blame")?;
    let units = blame.get("units").and_then(Value::as_array).map_or(0, Vec::len);
    holds(&shell.run("initctl boot critical-chain nginx")?, &["nginx", "runlevel S"])?;
    // On a terminal it is refused.
    let plot = shell.run("initctl boot plot -o /run/boot.svg && cat /run/boot.svg")?;
    holds(&plot, &["<svg ", ">nginx <tspan", ">mountall.sh <tspan", "Disks", "</svg>"])?;
    holds(&shell.run("initctl boot list")?, &["runlevel 2"])?;
    shell.run(&format!("initctl --json boot >{KEPT} && initctl --json boot plot >{KEPT}.plot"))?;
    Ok(format!("{units} units"))
}

pub fn earlier(guest: &mut Guest) -> Result<String> {
    let shell = &mut guest.console;
    shell.run(&format!("initctl --json boot -b -1 | cmp - {KEPT}"))?;
    shell.run(&format!("initctl --json boot plot -b -1 | cmp - {KEPT}.plot"))?;
    let list = json(shell, "initctl --json boot list")?;
    let rows = list.get("boots").and_then(Value::as_array).map_or(0, Vec::len);
    if rows == 2 { Ok(String::new()) } else { fail(format!("not two boots: {list}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn seconds_are_read_as_the_kernel_writes_them() {
        assert_eq!(seconds("12.5").ok(), Some(12_500));
        assert_eq!(seconds("1.000123456\n").ok(), Some(1000));
        assert!(seconds("x").is_err());
    }

    #[test]
    fn parts_add_up() {
        let part = |begun: u64, done: u64| json!({ "begun_ms": begun, "done_ms": done });
        let times = |parts: Vec<Value>| json!({ "total_ms": 9, "parts": parts });
        assert!(check_parts(&times(vec![part(0, 4), part(4, 9)])).is_ok());
        assert!(check_parts(&times(vec![part(0, 4), part(5, 9)])).is_err());
        assert!(check_parts(&times(vec![part(0, 4), part(4, 8)])).is_err());
        assert!(check_parts(&json!({})).is_err());
    }
}
