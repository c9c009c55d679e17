//! Time → text: `2026-11-23T01:02:03.123456+00:00`.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, and how far local time was from UTC then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Microseconds since 1970, UTC.
    pub micros: i64,
    /// Seconds that local time is ahead of UTC.
    pub offset: i32,
}

/// Tells the time; the offset is looked up once a minute of log time.
#[derive(Debug, Default)]
pub struct Clock {
    minute: Option<i64>,
    offset: i32,
}

impl Clock {
    /// The present moment.
    pub fn now(&mut self) -> Stamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(0);
        let minute = micros.div_euclid(60_000_000);
        if self.minute != Some(minute) {
            self.minute = Some(minute);
            self.offset = crate::sys::localtime::offset(minute * 60);
        }
        Stamp { micros, offset: self.offset }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.micros + i64::from(self.offset) * 1_000_000;
        let (second, micro) = (local.div_euclid(1_000_000), local.rem_euclid(1_000_000));
        let (day, second) = (second.div_euclid(86_400), second.rem_euclid(86_400));
        let (year, month, day) = civil(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let (sign, ahead) = (if self.offset < 0 { '-' } else { '+' }, self.offset.unsigned_abs() / 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}")?;
        write!(f, "{sign}{:02}:{:02}", ahead / 60, ahead % 60)
    }
}

/// Year, month and day of the `days`th day after 1970-01-01 (Gregorian). Years are counted from March, so that the
/// leap day is a year's last and month lengths follow one line.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_on_the_calendar() {
        let show = |micros, offset| Stamp { micros, offset }.to_string();
        assert_eq!(show(0, 0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(show(1_795_395_723_123_456, 0), "2026-11-23T01:02:03.123456+00:00");
        assert_eq!(show(951_782_400_000_000, 0), "2000-02-29T00:00:00.000000+00:00");
        assert_eq!(show(-1, 0), "1969-12-31T23:59:59.999999+00:00");
        assert_eq!(show(0, -12_600), "1969-12-31T20:30:00.000000-03:30");
        assert_eq!(show(4_102_444_799_999_999, 19_800), "2100-01-01T05:29:59.999999+05:30");
    }

    #[test]
    fn each_day_follows_the_one_before() {
        let mut before = civil(-1000);
        for day in -999..80_000 {
            let now = civil(day);
            assert!(now > before, "{before:?} {now:?}");
            assert!(now.2 == before.2 + 1 || now.2 == 1);
            before = now;
        }
    }
}
