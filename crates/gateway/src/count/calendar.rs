//! Windows of the calendar in a time zone: minutes, hours, days, weeks from Monday on, months.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Offset, TimeZone, Timelike, Utc, Weekday};
use chrono_tz::Tz;
use domain::policy::Unit;

/// A time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone(Tz);

impl Zone {
    /// By its IANA name; UTC where none is given or the name, which was checked when it was written, is known no more.
    pub(crate) fn of(name: Option<&str>) -> Self {
        Self(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
    }

    /// The day of the week, and minutes since midnight, at a moment.
    pub(crate) fn clock(self, now_ms: i64) -> (Weekday, u16) {
        let local = self.local(now_ms);
        let minute = local.hour() * 60 + local.minute();
        (local.weekday(), u16::try_from(minute).unwrap_or_default())
    }

    fn local(self, now_ms: i64) -> DateTime<Tz> {
        DateTime::from_timestamp_millis(now_ms).unwrap_or(DateTime::<Utc>::MIN_UTC).with_timezone(&self.0)
    }

    /// Beginning and end of the window that a moment lies in, in milliseconds since 1970.
    pub(super) fn bounds(self, unit: Unit, now_ms: i64) -> (i64, i64) {
        let local = self.local(now_ms);
        let day = local.date_naive();
        match unit {
            // Offsets are not always whole hours, but always whole minutes in our time; an hour that is repeated when the
            // clocks go back is two.
            Unit::Minute => whole(now_ms, 60_000, 0),
            Unit::Hour => {
                let offset_ms = i64::from(local.offset().fix().local_minus_utc()) * 1_000;
                whole(now_ms, 3_600_000, offset_ms)
            }
            Unit::Day => self.days(day, day.checked_add_days(Days::new(1))),
            Unit::Week => {
                let monday =
                    day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).unwrap_or(day);
                self.days(monday, monday.checked_add_days(Days::new(7)))
            }
            Unit::Month => {
                let first = day.with_day(1).unwrap_or(day);
                self.days(first, first.checked_add_months(Months::new(1)))
            }
        }
    }

    fn days(self, first: NaiveDate, next: Option<NaiveDate>) -> (i64, i64) {
        (self.begins(first), next.map_or(i64::MAX - 1, |next| self.begins(next)))
    }

    /// The first moment of a day. Where the clocks skip midnight, the day begins with the first moment that exists.
    fn begins(self, day: NaiveDate) -> i64 {
        let midnight = day.and_time(NaiveTime::MIN);
        let local = self.0.from_local_datetime(&midnight);
        let moment = local.earliest().or_else(|| {
            // No zone skips more than a few hours, save those that skipped a day at the date line.
            (1..=48).find_map(|half_hours| {
                self.0.from_local_datetime(&(midnight + chrono::TimeDelta::minutes(30 * half_hours))).earliest()
            })
        });
        moment.map_or_else(|| midnight.and_utc().timestamp_millis(), |moment| moment.timestamp_millis())
    }
}

fn whole(now_ms: i64, length_ms: i64, offset_ms: i64) -> (i64, i64) {
    let start = (now_ms + offset_ms).div_euclid(length_ms) * length_ms - offset_ms;
    (start, start + length_ms)
}
