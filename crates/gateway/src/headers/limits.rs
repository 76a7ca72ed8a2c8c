//! What the limits of a request say about themselves: `RateLimit-Policy` and `RateLimit` as the IETF drafts them
//! (draft-ietf-httpapi-ratelimit-headers), `x-ratelimit-…` as OpenAI's SDKs read them, `weir-budget` for money, which neither
//! has a word for, and `weir-warning` where a limit is nearly used up.

use std::fmt::Write;

use domain::policy::{Action, Limit, Measure};
use http::{HeaderMap, HeaderName};

use super::name;
use super::response::insert;
use crate::policy::{Held, Place};

/// Writes what `held` says; `warned` is what other policies warn of.
pub(crate) fn write(headers: &mut HeaderMap, held: &Held, warned: &str) {
    let mut lists = Lists { warnings: warned.to_owned(), ..Lists::default() };
    for place in held.places() {
        lists.add(place);
    }
    for (name, list) in [
        (name::RATE_LIMIT_POLICY, &lists.policies),
        (name::RATE_LIMIT, &lists.states),
        (name::BUDGET, &lists.budgets),
        (name::WARNING, &lists.warnings),
    ] {
        if !list.is_empty() {
            insert(headers, name, list);
        }
    }
    for (measure, names) in [(Measure::Requests, &name::OPENAI_REQUESTS), (Measure::Tokens, &name::OPENAI_TOKENS)] {
        let of_measure = held.places().iter().filter(|place| place.limit.limit.measure == measure);
        if let Some(tightest) = of_measure.min_by_key(|place| place.left) {
            write_openai(headers, tightest, names);
        }
    }
}

#[derive(Default)]
struct Lists {
    policies: String,
    states: String,
    budgets: String,
    warnings: String,
}

impl Lists {
    fn add(&mut self, place: &Place) {
        let limit = &place.limit.limit;
        let name = &place.limit.name;
        let reset_s = place.reset_ms.map(|ms| ms.max(0).unsigned_abs().div_ceil(1_000));
        // Writing into a text cannot fail.
        if limit.measure == Measure::Cost {
            name_item(&mut self.budgets, name);
            let _ = write!(self.budgets, ";remaining={};limit={}", dollars(place.left), dollars(place.amount));
            let _ = reset_s.map_or(Ok(()), |seconds| write!(self.budgets, ";reset={seconds}"));
        } else {
            name_item(&mut self.policies, name);
            let _ = write!(self.policies, ";q={}", place.amount);
            let unit = match limit.measure {
                Measure::Tokens => Some("tokens"),
                Measure::Concurrency => Some("concurrent-requests"),
                Measure::Requests | Measure::Cost => None,
            };
            let _ = unit.map_or(Ok(()), |unit| write!(self.policies, ";qu=\"{unit}\""));
            let window = window_s(limit).filter(|_| limit.measure != Measure::Concurrency);
            let _ = window.map_or(Ok(()), |seconds| write!(self.policies, ";w={seconds}"));
            name_item(&mut self.states, name);
            let _ = write!(self.states, ";r={}", place.left);
            let _ = reset_s.map_or(Ok(()), |seconds| write!(self.states, ";t={seconds}"));
        }
        if warns(place) {
            name_item(&mut self.warnings, name);
            let (used, most) = (place.used(), place.amount);
            let _ = match limit.measure {
                Measure::Cost => write!(self.warnings, ";used={};limit={}", dollars(used), dollars(most)),
                _ => write!(self.warnings, ";used={used};limit={most}"),
            };
        }
    }
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

fn write_openai(headers: &mut HeaderMap, place: &Place, [limit, remaining, reset]: &[HeaderName; 3]) {
    insert(headers, limit.clone(), &place.amount.to_string());
    insert(headers, remaining.clone(), &place.left.to_string());
    match place.reset_ms {
        Some(ms) => insert(headers, reset.clone(), &duration(ms)),
        // A provider's own would be about something else.
        None => drop(headers.remove(reset)),
    }
}

/// `120ms`, `59s`, `6m0s`, `24h0m0s`.
fn duration(ms: i64) -> String {
    let ms = ms.max(0);
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, (ms % 60_000 + 999) / 1_000);
    match (hours, minutes) {
        _ if ms < 1_000 => format!("{ms}ms"),
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
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
        for (ms, text) in [
            (0, "0ms"),
            (120, "120ms"),
            (1_000, "1s"),
            (1_001, "2s"),
            (59_000, "59s"),
            (60_000, "1m0s"),
            (86_400_000, "24h0m0s"),
        ] {
            assert_eq!(duration(ms), text);
        }
    }
}
