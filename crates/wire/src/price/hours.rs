//! Hours of the week.

/// Hours of some weekdays, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// 1 is Monday.
    pub weekdays: Vec<u8>,
    /// Minutes of the day.
    pub from: u16,
    pub to: u16,
}

const MINUTE_MS: i64 = 60_000;
const MINUTES_A_DAY: i64 = 24 * 60;

impl Window {
    /// Whether a moment, in milliseconds since 1970, lies in it.
    pub(super) fn covers(&self, at_ms: i64) -> bool {
        let minutes = at_ms.div_euclid(MINUTE_MS);
        let minute = minutes.rem_euclid(MINUTES_A_DAY);
        // 1 January 1970 was a Thursday, ISO weekday 4.
        let weekday = (minutes.div_euclid(MINUTES_A_DAY) + 3).rem_euclid(7) + 1;
        (i64::from(self.from)..i64::from(self.to)).contains(&minute)
            && self.weekdays.iter().any(|day| i64::from(*day) == weekday)
    }
}
