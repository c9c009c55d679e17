//! Amounts for people: memory, CPU time, spans of starts.

/// Bytes in three digits and a unit of 1024: `0`, `812K`, `8.1M`, `12G`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes == 0 {
        return "0".to_owned();
    }
    // In tenths of the unit, rounded up: what is there isn't shown as nothing.
    let (mut tenths, mut unit) = (bytes.saturating_mul(10).div_ceil(1024), 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = tenths.div_ceil(1024);
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or('?');
    if tenths < 100 && unit != 'K' {
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    } else {
        format!("{}{unit}", tenths.div_ceil(10))
    }
}

/// A span to read exactly: `340ms`, `1.234s`, `2min 3s`, `3h 4min`, `5d 6h`.
pub fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 if ms.is_multiple_of(1000) => format!("{seconds}s"),
        1..60 => format!("{seconds}.{:03}s", ms % 1000),
        60..3600 => format!("{}min {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A span in whole seconds, as [`span`].
pub fn seconds(ms: u64) -> String {
    if ms < 1000 { "0s".to_owned() } else { span(ms - ms % 1000) }
}

/// CPU time: `0.12s`, `12.3s`, then as [`span`].
pub fn cpu(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{}.{:02}s", ms / 1000, ms % 1000 / 10),
        10_000..60_000 => format!("{}.{}s", ms / 1000, ms % 1000 / 100),
        _ => span(ms),
    }
}

/// Tenths of a percent: `0.0`, `12.3`, `150`.
pub fn percent(tenths: u64) -> String {
    if tenths < 1000 { format!("{}.{}", tenths / 10, tenths % 10) } else { (tenths / 10).to_string() }
}

/// `1 process`, `2 processes`; for words whose plural is this one.
pub fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_at_most_and_a_unit() {
        for (n, text) in [
            (0, "0"),
            (1, "1K"),
            (812 << 10, "812K"),
            (8 << 20, "8.0M"),
            (8_500_000, "8.2M"),
            (12 << 30, "12G"),
            (999 << 20, "999M"),
            (3 << 40, "3.0T"),
        ] {
            assert_eq!(bytes(n), text, "{n}");
        }
    }

    #[test]
    fn spans_say_two_things_at_most() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1234, "1.234s"),
            (123_000, "2min 3s"),
            (11_040_000, "3h 4min"),
            (453_600_000, "5d 6h"),
        ] {
            assert_eq!(span(ms), text);
        }
        assert_eq!((cpu(120), cpu(12_345), cpu(123_000)), ("0.12s".into(), "12.3s".into(), "2min 3s".into()));
        assert_eq!((percent(0), percent(123), percent(1500)), ("0.0".into(), "12.3".into(), "150".into()));
        assert_eq!((count(1, "unit", "units"), count(0, "unit", "units")), ("1 unit".into(), "0 units".into()));
    }
}
