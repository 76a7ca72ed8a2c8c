//! Points in time as Google writes them.

/// Seconds since 1970 of `2026-06-15T18:18:30.977177Z`; none where it is no such text.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Years from March on, so that the odd day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    #[test]
    fn points_in_time_are_read() {
        assert_eq!(super::seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(super::seconds("2026-06-15T18:18:30.977177Z"), Some(1_781_547_510));
        assert_eq!(super::seconds("2024-02-29T12:00:00Z"), Some(1_709_208_000));
        assert_eq!(super::seconds("soon"), None);
    }
}
