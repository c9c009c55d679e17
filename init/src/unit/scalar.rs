//! Single values: booleans, time spans, sizes, signals, modes. Each parser says what it expected.

use std::time::Duration;

/// `yes`/`no` in systemd's spellings.
///
/// # Errors
/// What was expected.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Ok(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

/// Units of time and their microseconds, the largest first; the first name of each is the one printed.
const SPANS: &[(&[&str], u64)] = &[
    (&["y", "year", "years"], 31_557_600_000_000),
    (&["month", "months", "M"], 2_629_800_000_000),
    (&["w", "week", "weeks"], 604_800_000_000),
    (&["d", "day", "days"], 86_400_000_000),
    (&["h", "hr", "hour", "hours"], 3_600_000_000),
    (&["min", "m", "minute", "minutes"], 60_000_000),
    (&["s", "sec", "second", "seconds", ""], 1_000_000),
    (&["ms", "msec"], 1_000),
    (&["us", "usec", "µs", "μs"], 1),
];

/// A time span as in systemd.time(7): `5s`, `1min 30s`, `1.5h`, a plain number of seconds; `None` is `infinity`.
///
/// # Errors
/// What was expected.
pub fn span(text: &str) -> Result<Option<Duration>, String> {
    let bad = || format!("`{text}` is no time span; expected is e.g. `5s`, `1min 30s`, `infinity`");
    if text.trim() == "infinity" {
        return Ok(None);
    }
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let point = after.strip_prefix('.');
        let (fraction, after) = point.map_or(("", after), digits);
        if fraction.is_empty() && (whole.is_empty() || point.is_some()) {
            return Err(bad());
        }
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end).ok_or_else(bad)?;
        let micros = SPANS.iter().find(|(names, _)| names.contains(&unit)).map(|(_, micros)| *micros);
        let micros = micros.ok_or_else(|| format!("`{unit}` is no unit of time; known: y month w d h min s ms us"))?;
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| bad())? };
        let mut scale = u128::from(micros);
        let mut part: u128 = 0;
        for digit in fraction.bytes().take(12) {
            part += u128::from(digit - b'0') * scale * 1_000_000 / 10;
            scale /= 10;
            if scale == 0 {
                break;
            }
        }
        let part = u64::try_from(part / 1_000_000).map_err(|_| bad())?;
        total = whole
            .checked_mul(micros)
            .and_then(|v| v.checked_add(part))
            .and_then(|v| total.checked_add(v))
            .ok_or_else(|| format!("`{text}` is too long a time"))?;
        rest = after.trim_start();
    }
    Ok(Some(Duration::from_micros(total)))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A time span as [`span`] reads it: `1min 30s`.
pub fn show_span(time: Duration) -> String {
    let Ok(mut left) = u64::try_from(time.as_micros()) else { return "infinity".into() };
    let mut parts = Vec::new();
    for (names, micros) in SPANS.iter().skip(3) {
        let (count, name) = (left / micros, names.first().unwrap_or(&""));
        if count > 0 {
            parts.push(format!("{count}{name}"));
        }
        left %= micros;
    }
    if parts.is_empty() { "0".into() } else { parts.join(" ") }
}

/// A whole number in a range.
///
/// # Errors
/// What was expected.
pub fn number<T: TryFrom<i64>>(text: &str, low: i64, high: i64) -> Result<T, String> {
    let value = text.parse::<i64>().ok().filter(|v| (low..=high).contains(v));
    let value = value.and_then(|v| T::try_from(v).ok());
    value.ok_or_else(|| format!("`{text}` is no whole number from {low} to {high}"))
}

/// A file mode: octal, at most 7777.
///
/// # Errors
/// What was expected.
pub fn mode(text: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let value = u32::from_str_radix(text, 8).ok().filter(|m| digits && *m <= 0o7777);
    value.ok_or_else(|| format!("`{text}` is no mode; expected are octal digits, e.g. `022`"))
}

/// A count of bytes with an optional suffix `K M G T P E` (powers of 1024); `u64::MAX` is `infinity`.
///
/// # Errors
/// What was expected.
pub fn size(text: &str) -> Result<u64, String> {
    if text == "infinity" {
        return Ok(u64::MAX);
    }
    let (count, suffix) = digits(text);
    let power = match suffix.trim_start() {
        "" | "B" => Some(0),
        s => "KMGTPE".find(s).filter(|_| s.len() == 1).and_then(|p| u32::try_from(p).ok()).map(|p| p + 1),
    };
    let value = count.parse::<u64>().ok().zip(power).and_then(|(c, p)| c.checked_mul(1u64.checked_shl(10 * p)?));
    value.ok_or_else(|| format!("`{text}` is no size; expected is a number with K, M, G, T, P or E, or `infinity`"))
}

/// What the number of a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Bytes.
    Bytes,
    /// Things.
    Plain,
    /// Seconds.
    Seconds,
    /// Microseconds.
    Micros,
    /// A nice level: `+5`, `-5`, or the kernel's raw 1 to 40.
    Nice,
}

/// `SOFT`, or `SOFT:HARD`.
///
/// # Errors
/// What was expected.
pub fn limit(text: &str, count: Count) -> Result<(u64, u64), String> {
    let one = |text: &str| -> Result<u64, String> {
        let text = text.trim();
        if text == "infinity" {
            return Ok(u64::MAX);
        }
        match count {
            Count::Bytes => size(text),
            Count::Plain => {
                text.parse().map_err(|_| format!("`{text}` is no limit; expected is a number or `infinity`"))
            }
            Count::Seconds => Ok(span(text)?.map_or(u64::MAX, |d| {
                d.as_secs().saturating_add(u64::from(d.subsec_micros() > 0)) // a part of a second counts as one
            })),
            Count::Micros => match text.parse() {
                Ok(micros) => Ok(micros),
                Err(_) => Ok(span(text)?.and_then(|d| u64::try_from(d.as_micros()).ok()).unwrap_or(u64::MAX)),
            },
            Count::Nice if text.starts_with(['+', '-']) => {
                number::<i64>(text, -20, 19).and_then(|n| u64::try_from(20 - n).map_err(|e| e.to_string()))
            }
            Count::Nice => number(text, 0, 40),
        }
    };
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let (low, high) = (one(soft)?, one(hard)?);
    if low > high {
        return Err(format!("the soft limit `{soft}` is above the hard limit `{hard}`"));
    }
    Ok((low, high))
}

/// Signals by name; the place is the number less one.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// A signal by number or name, with or without `SIG`; `RTMIN+n`, `RTMAX-n`.
///
/// # Errors
/// What was expected.
pub fn signal(text: &str) -> Result<i32, String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let real_time = |base: i32, sign: i32, rest: &str| match rest.get(1..) {
        None if rest.is_empty() => Some(base),
        Some(n) if rest.starts_with(if sign > 0 { '+' } else { '-' }) => {
            n.parse::<i32>().ok().filter(|n| (0..=30).contains(n)).map(|n| base + sign * n)
        }
        _ => None,
    };
    let found = if let Some(at) = SIGNALS.iter().position(|s| *s == name) {
        i32::try_from(at + 1).ok()
    } else if let Some(rest) = name.strip_prefix("RTMIN") {
        real_time(RTMIN, 1, rest)
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        real_time(RTMAX, -1, rest)
    } else {
        match name {
            "POLL" => Some(29),
            "IOT" => Some(6),
            "CLD" => Some(17),
            _ => text.parse::<i32>().ok(),
        }
    };
    let known = found.filter(|n| (1..=31).contains(n) || (RTMIN..=RTMAX).contains(n));
    known.ok_or_else(|| format!("`{text}` is no signal; expected is e.g. `SIGTERM`, `RTMIN+3` or a number"))
}

/// `SIGTERM`, `SIGRTMIN+3`.
pub fn show_signal(number: i32) -> String {
    let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
    match at.and_then(|at| SIGNALS.get(at)) {
        Some(name) => format!("SIG{name}"),
        None if number == RTMIN => "SIGRTMIN".to_owned(),
        None if (RTMIN..=RTMAX).contains(&number) => format!("SIGRTMIN+{}", number - RTMIN),
        None => number.to_string(),
    }
}

/// `NAME`: letters, digits and `_`, no digit first.
pub fn is_variable(name: &str) -> bool {
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    rest && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_as_systemd_reads_them() {
        let millis = |text| span(text).expect(text).map(|d| d.as_micros());
        for (text, micros) in [
            ("5", 5_000_000),
            ("1min 30s", 90_000_000),
            ("1min30s", 90_000_000),
            ("1.5h", 5_400_000_000),
            ("0.5", 500_000),
            (".25s", 250_000),
            ("100ms 7us", 100_007),
            ("2 weeks", 1_209_600_000_000),
            ("0", 0),
        ] {
            assert_eq!(millis(text), Some(micros), "{text}");
        }
        assert_eq!(millis("infinity"), None);
        for text in ["", "s", "5x", "-1", "1..2", "99999999999999999999", "9999999999999y", "5s,"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn signals_modes_sizes_and_limits() {
        assert_eq!(signal("SIGTERM"), Ok(15));
        assert_eq!(signal("int"), Ok(2));
        assert_eq!(signal("RTMIN+3"), Ok(37));
        assert_eq!(signal("SIGRTMAX-1"), Ok(63));
        assert_eq!(signal("9"), Ok(9));
        for text in ["", "SIG", "0", "65", "32", "RTMIN+31", "RTMIN-1", "TERMX", "RTMINä"] {
            assert!(signal(text).is_err(), "{text}");
        }
        assert_eq!((mode("0022"), mode("77777").is_err(), mode("+7").is_err()), (Ok(0o22), true, true));
        assert_eq!((size("2K"), size("1E"), size("16E").is_err()), (Ok(2048), Ok(1 << 60), true));
        assert_eq!(limit("1024:infinity", Count::Plain), Ok((1024, u64::MAX)));
        assert_eq!(limit("1M", Count::Bytes), Ok((1 << 20, 1 << 20)));
        assert_eq!(limit("1min", Count::Seconds), Ok((60, 60)));
        assert_eq!(limit("-5", Count::Nice), Ok((25, 25)));
        assert!(limit("5:4", Count::Plain).is_err() && limit("x", Count::Plain).is_err());
    }

    proptest! {
        #[test]
        fn spans_print_as_they_read(micros in 0u64..1 << 50) {
            let time = Duration::from_micros(micros);
            prop_assert_eq!(span(&show_span(time)), Ok(Some(time)));
        }

        #[test]
        fn signals_print_as_they_read(n in prop_oneof![1..32i32, 34..65i32]) {
            prop_assert_eq!(signal(&show_signal(n)), Ok(n));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            let _ = (span(&text), signal(&text), size(&text), mode(&text), boolean(&text));
            let _ = (limit(&text, Count::Nice), limit(&text, Count::Micros), limit(&text, Count::Seconds));
        }
    }
}
