//! Ollama's times: `2026-08-05T08:11:04.351521Z`.

/// Seconds since 1970; none for another form.
pub(super) fn seconds(time: &str) -> Option<i64> {
    let (whole, fraction) = time.strip_suffix('Z')?.split_at_checked(19)?;
    if !(fraction.is_empty() || fraction.starts_with('.')) {
        return None;
    }
    let mut numbers = whole.split(['-', 'T', ':']).map(str::parse::<i64>);
    let mut next = || numbers.next()?.ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    if !(1..=12).contains(&month) {
        return None;
    }
    // Years begin in March, so that the leap day is their last.
    let years = if month > 2 { year } else { year - 1 };
    let days_before_month = (153 * ((month + 9) % 12) + 2) / 5;
    let days =
        365 * years + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) + days_before_month + day;
    Some((days - 719_469) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// A mark that the ids of calls are made of where Ollama gives none: the digits of the time, so that the calls of one
/// conversation differ.
pub(super) fn mark(time: &str) -> String {
    time.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        for (time, wanted) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2024-02-29T23:59:59.5Z", Some(1_709_251_199)),
            ("2024-03-01T00:00:00Z", Some(1_709_251_200)),
            ("2026-08-05T08:11:04.351521Z", Some(1_785_917_464)),
            ("2026-08-05T08:11:04+02:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(seconds(time), wanted, "{time}");
        }
    }
}
