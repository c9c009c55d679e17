//! Moments for people, as other systems' commands write them.

use init::log::stamp::Stamp;
use init::sys::localtime;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Mon 2026-11-23 07:23:46 UTC`, as systemctl; milliseconds since the epoch.
pub(super) fn moment(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(0);
    moment_at(seconds, localtime::offset(seconds))
}

fn moment_at(seconds: i64, offset: i32) -> String {
    let text = stamp(seconds, offset);
    let zone = if offset == 0 { "UTC" } else { text.get(26..).unwrap_or("") };
    format!("{} {} {zone}", weekday(seconds, offset), text.get(..19).unwrap_or(&text).replace('T', " "))
}

/// `Mon Nov 23 07:23:46 2026`, as ctime(3); seconds since the epoch.
pub(super) fn ctime(seconds: i64) -> String {
    ctime_at(seconds, localtime::offset(seconds))
}

fn ctime_at(seconds: i64, offset: i32) -> String {
    let text = stamp(seconds, offset);
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or("");
    let month = part(5..7).parse::<usize>().ok().and_then(|m| MONTHS.get(m.checked_sub(1)?)).unwrap_or(&"");
    let day = part(8..10).trim_start_matches('0');
    format!("{} {month} {day:>2} {} {}", weekday(seconds, offset), part(11..19), part(0..4))
}

fn stamp(seconds: i64, offset: i32) -> String {
    Stamp { micros: seconds.saturating_mul(1_000_000), offset }.to_string()
}

fn weekday(seconds: i64, offset: i32) -> &'static str {
    let day = seconds.saturating_add(offset.into()).div_euclid(86_400).rem_euclid(7);
    usize::try_from(day).ok().and_then(|day| DAYS.get(day)).unwrap_or(&"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_their_weekday() {
        assert_eq!(moment_at(0, 0), "Thu 1970-01-01 00:00:00 UTC");
        assert_eq!(moment_at(1_795_418_626, 0), "Mon 2026-11-23 07:23:46 UTC");
        assert_eq!(moment_at(1_795_418_626, 7200), "Mon 2026-11-23 09:23:46 +02:00");
        assert_eq!(ctime_at(1_795_418_626, 0), "Mon Nov 23 07:23:46 2026");
        assert_eq!(ctime_at(0, 3600), "Thu Jan  1 01:00:00 1970");
    }
}
