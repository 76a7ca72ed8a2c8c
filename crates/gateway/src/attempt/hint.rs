//! When a provider wants to be asked again, in the ways in which providers say that.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;

/// When limits are full again, for each of which `…-remaining-…` says whether it is used up: OpenAI and most others, and Anthropic.
const RESETS: [(&str, &str); 5] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
];

/// The time after which a provider wants to be asked again: what it says in `Retry-After`, in seconds or as a date, or in Azure's
/// and OpenAI's milliseconds; else when the limit that is used up is full again.
pub(super) fn wished(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let ms = ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().find_map(text);
    if let Some(ms) = ms.and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    if let Some(after) = text("retry-after").and_then(|text| seconds(text).or_else(|| until(text, now))) {
        return Some(after);
    }
    let is_used_up = |name| text(name).is_some_and(|left| left.parse() == Ok(0_u64));
    let resets = RESETS.into_iter().filter(|(remaining, _)| is_used_up(remaining));
    resets.filter_map(|(_, reset)| text(reset)).filter_map(|text| reset(text, now)).max()
}

/// Seconds, be they with a fraction.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn until(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let at = DateTime::parse_from_rfc2822(text).or_else(|_| DateTime::parse_from_rfc3339(text)).ok()?;
    Some((at.to_utc() - now).to_std().unwrap_or_default())
}

/// The end of a limit: `6m0s`, `20ms`, `1.5s`, a date, seconds, or seconds since 1970.
fn reset(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    /// More is no number of seconds that anybody waits, but a moment: in 2001.
    const MOMENT: u64 = 1_000_000_000;
    match seconds(text) {
        Some(seconds) if seconds.as_secs() < MOMENT => Some(seconds),
        Some(moment) => {
            // Some say milliseconds.
            let ms = if moment.as_secs() < 1_000 * MOMENT { moment.as_millis() } else { u128::from(moment.as_secs()) };
            let at = DateTime::from_timestamp_millis(i64::try_from(ms).ok()?)?;
            Some((at - now).to_std().unwrap_or_default())
        }
        None => until(text, now).or_else(|| spelled(text)),
    }
}

/// Hours, minutes, seconds and milliseconds, each behind its number.
fn spelled(text: &str) -> Option<Duration> {
    let (mut rest, mut sum) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number = seconds(&rest[..end])?;
        rest = &rest[end..];
        let (unit, factor) = [("ms", 0.001), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        sum = sum.checked_add(Duration::try_from_secs_f64(number.as_secs_f64() * factor).ok()?)?;
        rest = &rest[unit.len()..];
    }
    (!sum.is_zero() || text.contains('0')).then_some(sum)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn wished_by(headers: &[(&'static str, &'static str)]) -> Option<u128> {
        let now = DateTime::parse_from_rfc3339("2026-11-27T10:00:00Z").expect("a date").to_utc();
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        wished(&headers.collect(), now).map(|after| after.as_millis())
    }

    #[test]
    fn every_way_of_saying_it_is_read() {
        for (headers, ms) in [
            (&[("retry-after", "2")][..], Some(2_000)),
            (&[("retry-after", "0.25")], Some(250)),
            (&[("retry-after", "Fri, 27 Nov 2026 10:00:30 GMT")], Some(30_000)),
            (&[("retry-after", "Fri, 27 Nov 2026 09:00:00 GMT")], Some(0)),
            (&[("retry-after-ms", "50"), ("retry-after", "2")], Some(50)),
            (&[("x-ms-retry-after-ms", "70")], Some(70)),
            (&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")], Some(360_000)),
            (&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "20ms")], Some(20)),
            (&[("x-ratelimit-remaining-requests", "5"), ("x-ratelimit-reset-requests", "20ms")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795773610")], Some(10_000)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795773610000")], Some(10_000)),
            (
                &[
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    ("anthropic-ratelimit-tokens-reset", "2026-11-27T10:00:07Z"),
                ],
                Some(7_000),
            ),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "inf")], None),
            (&[], None),
        ] {
            assert_eq!(wished_by(headers), ms, "{headers:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_provider_says_does_harm(text in "[ -~]{0,40}") {
            let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
            let zero = HeaderValue::from_static("0");
            for (remaining, reset) in RESETS {
                let headers = HeaderMap::from_iter([
                    (HeaderName::from_static(remaining), zero.clone()),
                    (HeaderName::from_static(reset), value.clone()),
                ]);
                let _ = wished(&headers, crate::clock::now());
            }
            let _ = wished(&HeaderMap::from_iter([(HeaderName::from_static("retry-after"), value)]), crate::clock::now());
        }
    }
}
