//! Moments and spans for people.

use init::log::stamp::Stamp;

/// A span as one number and a unit: `42s`, `5min`, `3h`, `2d`.
pub fn short(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}min", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A moment: `2026-11-23 01:20:00`, `offset` seconds east of UTC; milliseconds since the epoch.
pub fn moment(ms: u64, offset: i32) -> String {
    // Times beyond the year 9999 are nobody's.
    let micros = i64::try_from(ms.min(253_402_300_000_000)).unwrap_or(0).saturating_mul(1000);
    let stamp = Stamp { micros, offset }.to_string();
    stamp.get(..19).unwrap_or(&stamp).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_unit() {
        for (ms, text) in
            [(0, "0s"), (59_999, "59s"), (60_000, "1min"), (3_600_000, "1h"), (172_799_000, "47h"), (172_800_000, "2d")]
        {
            assert_eq!(short(ms), text);
        }
    }

    #[test]
    fn moments_are_calendar_dates() {
        for (ms, offset, text) in [
            (0, 0, "1970-01-01 00:00:00"),
            (951_782_400_000, 0, "2000-02-29 00:00:00"),
            (1_795_396_800_000, 0, "2026-11-23 01:20:00"),
            (1_798_761_600_000, -1, "2026-12-31 23:59:59"),
            (1_709_164_800_000, 7200, "2024-02-29 02:00:00"),
        ] {
            assert_eq!(moment(ms, offset), text);
        }
        assert!(moment(u64::MAX, 86_400).starts_with("9999-12-31") || moment(u64::MAX, 0).len() == 19);
    }
}
