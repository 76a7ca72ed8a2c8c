//! What the limits of a request say about themselves: `RateLimit-Policy` and `RateLimit` as the IETF drafts them
//! (draft-ietf-httpapi-ratelimit-headers), `x-ratelimit-…` as OpenAI's SDKs read them, `weir-budget` for money, which neither
//! has a word for, and `weir-warning` where a limit is nearly used up.

use std::fmt::Write;

use domain::policy::{Action, Limit, Measure};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::name;
use super::response::insert;
use crate::policy::{Held, Place};

/// Writes what `held` says; `warned` is what other policies warn of.
pub(crate) fn write(headers: &mut HeaderMap, held: &Held, warned: &str) {
    if held.places().is_empty() && warned.is_empty() {
        return;
    }
    // One text for all lists, one after the other.
    let mut text = String::with_capacity(128);
    for (name, add) in LISTS {
        text.clear();
        if name == name::WARNING {
            text.push_str(warned);
        }
        held.places().iter().for_each(|place| add(&mut text, place));
        if !text.is_empty() {
            insert(headers, name, &text);
        }
    }
    for (measure, names) in [(Measure::Requests, &name::OPENAI_REQUESTS), (Measure::Tokens, &name::OPENAI_TOKENS)] {
        let of_measure = held.places().iter().filter(|place| place.limit.limit.measure == measure);
        if let Some(tightest) = of_measure.min_by_key(|place| place.left) {
            write_openai(headers, tightest, names, &mut text);
        }
    }
}

/// Adds a limit to a list.
type Add = fn(&mut String, &Place);

/// The lists, each with what adds a limit to it.
const LISTS: [(HeaderName, Add); 4] = [
    (name::RATE_LIMIT_POLICY, add_policy),
    (name::RATE_LIMIT, add_state),
    (name::BUDGET, add_budget),
    (name::WARNING, add_warning),
];

fn reset_s(place: &Place) -> Option<u64> {
    place.reset_ms.map(|ms| ms.max(0).unsigned_abs().div_ceil(1_000))
}

// Writing into a text cannot fail.

fn add_policy(text: &mut String, place: &Place) {
    let limit = &place.limit.limit;
    if limit.measure == Measure::Cost {
        return;
    }
    name_item(text, &place.limit.name);
    let _ = write!(text, ";q={}", place.amount);
    let unit = match limit.measure {
        Measure::Tokens => Some("tokens"),
        Measure::Concurrency => Some("concurrent-requests"),
        Measure::Requests | Measure::Cost => None,
    };
    let _ = unit.map_or(Ok(()), |unit| write!(text, ";qu=\"{unit}\""));
    let window = window_s(limit).filter(|_| limit.measure != Measure::Concurrency);
    let _ = window.map_or(Ok(()), |seconds| write!(text, ";w={seconds}"));
}

fn add_state(text: &mut String, place: &Place) {
    if place.limit.limit.measure == Measure::Cost {
        return;
    }
    name_item(text, &place.limit.name);
    let _ = write!(text, ";r={}", place.left);
    let _ = reset_s(place).map_or(Ok(()), |seconds| write!(text, ";t={seconds}"));
}

fn add_budget(text: &mut String, place: &Place) {
    if place.limit.limit.measure != Measure::Cost {
        return;
    }
    name_item(text, &place.limit.name);
    let _ = write!(text, ";remaining={};limit={}", dollars(place.left), dollars(place.amount));
    let _ = reset_s(place).map_or(Ok(()), |seconds| write!(text, ";reset={seconds}"));
}

fn add_warning(text: &mut String, place: &Place) {
    if !warns(place) {
        return;
    }
    name_item(text, &place.limit.name);
    let (used, most) = (place.used(), place.amount);
    let _ = match place.limit.limit.measure {
        Measure::Cost => write!(text, ";used={};limit={}", dollars(used), dollars(most)),
        _ => write!(text, ";used={used};limit={most}"),
    };
}

/// Whether so much is used that callers are to be told.
fn warns(place: &Place) -> bool {
    let limit = &place.limit;
    let over = limit.action == Action::Warn && place.left == 0;
    over || limit
        .limit
        .warn_at
        .is_some_and(|percent| u128::from(place.used()) * 100 >= u128::from(place.amount) * u128::from(percent))
}

fn window_s(limit: &Limit) -> Option<u32> {
    match &limit.window {
        domain::policy::Window::Calendar { unit, .. } => unit.seconds(),
        window => window.seconds(),
    }
}

fn dollars(nanos: u64) -> String {
    Limit::nanos(nanos).to_string().replace('$', "")
}

/// Appends a name to a list, as a string of a structured field (RFC 9651).
pub(crate) fn name_item(list: &mut String, name: &str) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push('"');
    for letter in name.chars() {
        match letter {
            '"' | '\\' => list.extend(['\\', letter]),
            ' '..='~' => list.push(letter),
            _ => list.push('?'),
        }
    }
    list.push('"');
}

fn write_openai(
    headers: &mut HeaderMap,
    place: &Place,
    [limit, remaining, reset]: &[HeaderName; 3],
    text: &mut String,
) {
    headers.insert(limit, HeaderValue::from(place.amount));
    headers.insert(remaining, HeaderValue::from(place.left));
    match place.reset_ms {
        Some(ms) => {
            text.clear();
            let _ = write_duration(text, ms);
            insert(headers, reset.clone(), text);
        }
        // A provider's own would be about something else.
        None => drop(headers.remove(reset)),
    }
}

/// `120ms`, `59s`, `6m0s`, `24h0m0s`.
fn write_duration(text: &mut String, ms: i64) -> std::fmt::Result {
    let ms = ms.max(0);
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, (ms % 60_000 + 999) / 1_000);
    match (hours, minutes) {
        _ if ms < 1_000 => write!(text, "{ms}ms"),
        (0, 0) => write!(text, "{seconds}s"),
        (0, _) => write!(text, "{minutes}m{seconds}s"),
        _ => write!(text, "{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_string_of_a_structured_field() {
        let mut list = String::new();
        name_item(&mut list, r#"a "b" \c"#);
        name_item(&mut list, "täglich\n");
        assert_eq!(list, r#""a \"b\" \\c", "t?glich?""#);
    }

    #[test]
    fn durations_are_written_as_sdks_read_them() {
        for (ms, words) in [
            (0, "0ms"),
            (120, "120ms"),
            (1_000, "1s"),
            (1_001, "2s"),
            (59_000, "59s"),
            (60_000, "1m0s"),
            (86_400_000, "24h0m0s"),
        ] {
            let mut text = String::new();
            write_duration(&mut text, ms).expect("a text takes all");
            assert_eq!(text, words);
        }
    }
}
