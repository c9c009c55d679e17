//! Moments and spans for people.

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
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX / 2) + i64::from(offset);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar: counted in eras of 400 years that begin
/// in March, so that the leap day is the last of its year.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
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
        moment(u64::MAX, i32::MAX);
    }
}
