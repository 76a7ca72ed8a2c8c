//! Figures in words: short where a table shows them, exact where a tooltip does.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Nanos;

/// Money with two to six significant digits: `$0.00042`, `$1,234.56`.
#[must_use]
pub fn money(amount: Nanos) -> String {
    let nanos = amount.0.unsigned_abs();
    let sign = if amount.0 < 0 { "-" } else { "" };
    if nanos >= 1_000_000_000 {
        let cents = (u128::from(nanos) + 5_000_000) / 10_000_000;
        return format!("{sign}${}.{:02}", grouped((cents / 100) as u64), cents % 100);
    }
    // Below a dollar: four significant digits, rounded, and never fewer than two decimals.
    let leading = 10_u64.pow(nanos.max(1).ilog10().saturating_sub(3));
    let rounded = (nanos + leading / 2) / leading * leading;
    format!("{sign}{}", Nanos(i64::try_from(rounded).unwrap_or(i64::MAX)))
}

/// A count with thousands separated: `12,345`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in four characters or so: `842`, `12.3k`, `4.56M`.
#[must_use]
pub fn short_count(count: u64) -> String {
    const STEPS: [(u64, &str); 4] = [(1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")];
    // Ten thousand is where the separated form stops being shorter to read.
    if count < 10_000 {
        return grouped(count);
    }
    let (step, unit) = STEPS.into_iter().find(|(step, _)| count >= *step).unwrap_or((1, ""));
    format!("{}{unit}", significant(count as f64 / step as f64))
}

/// A span of microseconds: `850 µs`, `12.4 ms`, `1.23 s`, `2 m 05 s`.
#[must_use]
pub fn duration(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..1_000_000 => format!("{} ms", significant(microseconds as f64 / 1e3)),
        1_000_000..60_000_000 => format!("{} s", significant(microseconds as f64 / 1e6)),
        _ => format!("{} m {:02} s", microseconds / 60_000_000, microseconds / 1_000_000 % 60),
    }
}

/// Three significant digits without idle zeros.
fn significant(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How long ago, or how soon: `just now`, `5 min ago`, `in 3 d`.
#[must_use]
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let delta = now - at;
    if delta.abs() < TimeDelta::seconds(5) {
        return "just now".to_owned();
    }
    let text = span(delta.abs());
    if delta > TimeDelta::zero() { format!("{text} ago") } else { format!("in {text}") }
}

fn span(delta: TimeDelta) -> String {
    match delta.num_seconds() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds @ 172_800..5_184_000 => format!("{} d", seconds / 86_400),
        seconds @ 5_184_000..63_072_000 => format!("{} months", seconds / 2_592_000),
        seconds => format!("{} years", seconds / 31_536_000),
    }
}

/// A moment in full: `2026-11-22 17:05:09 UTC`.
#[must_use]
pub fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_what_matters() {
        let cases = [
            (0, "$0.00"),
            (420_000, "$0.00042"),
            (123_456_789, "$0.1235"),
            (999_999_999, "$1.00"),
            (1_234_567_890_000, "$1,234.57"),
            (-5, "-$0.000000005"),
        ];
        for (nanos, text) in cases {
            assert_eq!(money(Nanos(nanos)), text);
        }
        assert_eq!(money(Nanos(i64::MIN)), "-$9,223,372,036.85");
    }

    #[test]
    fn counts_are_grouped_and_shortened() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
        assert_eq!(short_count(9_999), "9,999");
        assert_eq!(short_count(12_345), "12.3k");
        assert_eq!(short_count(4_560_000), "4.56M");
        assert_eq!(short_count(100_000), "100k");
    }

    #[test]
    fn durations_change_their_unit() {
        for (us, text) in [(850, "850 µs"), (12_400, "12.4 ms"), (1_230_000, "1.23 s"), (125_000_000, "2 m 05 s")] {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn moments_are_told_from_now() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let told = |seconds| relative(now - TimeDelta::seconds(seconds), now);
        assert_eq!(told(2), "just now");
        assert_eq!(told(300), "5 min ago");
        assert_eq!(told(-3 * 86_400), "in 3 d");
        assert_eq!(told(400 * 86_400), "13 months ago");
    }
}
