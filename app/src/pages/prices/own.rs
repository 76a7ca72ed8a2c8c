//! The team's own prices: what each says, and whether it holds.

use chrono::{DateTime, Utc};
use domain::view::TeamPriceView;
use leptos::prelude::*;
use wire::price::Row;

use super::book::Search;
use super::told::{self, moment};
use crate::components::{Badge, Table, Tone};

/// Whether a price holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Holds,
    /// It holds, and another of the same model that began later does too, which wins.
    Replaced,
    Begins,
    Ended,
    Unreadable,
}

/// The section with the prices that fit the search.
pub(super) fn section(
    team: &str,
    search: &Search,
    prices: &[TeamPriceView],
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let now_ms = now.timestamp_millis();
    let fits = |price: &&TeamPriceView| search.fits(&[&price.provider, book_name(&price.provider)], &price.model);
    let mut shown: Vec<_> = prices.iter().filter(fits).collect();
    shown.sort_by_key(|price| search.rank(&price.model));
    let rows =
        shown.into_iter().map(|price| row(team, price, state(price, prices, now_ms), now_ms)).collect::<Vec<_>>();
    let content = match (prices.is_empty(), rows.is_empty()) {
        (true, _) => view! {
            <p class="muted">
                "None. A price of your own wins over the price book: what you agreed on with a provider, a discount, or what a \
                 provider of your own costs."
            </p>
        }
        .into_any(),
        (false, true) => view! { <p class="muted">"None of them fits the search."</p> }.into_any(),
        (false, false) => view! {
            <Table label="Your team's own prices">
                <thead>
                    <tr>
                        <th>"Model"</th>
                        <th class="wide">"Price"</th>
                        <th>"Holds"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any(),
    };
    view! {
        <section>
            <h2>"Your team's own"</h2>
            {content}
        </section>
    }
}

/// A provider's name in the price book; the slug itself where it has none.
fn book_name(slug: &str) -> &str {
    wire::providers::find(slug).map_or(slug, |provider| provider.price_provider.as_str())
}

fn row(team: &str, price: &TeamPriceView, state: State, now_ms: i64) -> impl IntoView + use<> {
    let name = format!("{}/{}", price.provider, price.model);
    let read = Row::parse(&price.text).ok();
    let unreadable = || vec!["Cannot be read by this version, so it does not count".to_owned()];
    let lines = read.as_ref().map_or_else(unreadable, |row| told::row(row, now_ms));
    let lines = lines.into_iter().map(|words| view! { <div>{words}</div> }).collect_view();
    let dates = read.and_then(|row| dates(&row)).map(|words| view! { <div class="muted">{words}</div> });
    view! {
        <tr class="tall">
            <td class="cut mono" title=name.clone()>
                <a class="row-link" href=format!("/{team}/prices/{}", price.id)>{name.clone()}</a>
            </td>
            <td class="wide">{lines}</td>
            <td>{badge(state)}{dates}</td>
        </tr>
    }
}

fn badge(state: State) -> impl IntoView {
    let (tone, words) = match state {
        State::Holds => (Tone::Good, "In force"),
        State::Replaced => (Tone::Info, "Replaced by a later one"),
        State::Begins => (Tone::Info, "To come"),
        State::Ended => (Tone::Info, "Ended"),
        State::Unreadable => (Tone::Bad, "Cannot be read"),
    };
    view! { <Badge tone>{words}</Badge> }
}

/// From when to when it holds; nothing where it holds for all time.
pub(super) fn dates(row: &Row) -> Option<String> {
    match (row.from_ms.map(moment), row.until_ms.map(moment)) {
        (None, None) => None,
        (Some(from), None) => Some(format!("from {from}")),
        (None, Some(until)) => Some(format!("until {until}")),
        (Some(from), Some(until)) => Some(format!("from {from} until {until}")),
    }
}

fn state(price: &TeamPriceView, all: &[TeamPriceView], now_ms: i64) -> State {
    let Ok(row) = Row::parse(&price.text) else { return State::Unreadable };
    match (row.from_ms, row.until_ms) {
        (Some(from), _) if from > now_ms => return State::Begins,
        (_, Some(until)) if until <= now_ms => return State::Ended,
        _ => {}
    }
    let same = all.iter().filter(|other| other.provider == price.provider && other.model == price.model);
    let later = same
        .filter_map(|other| Some((other.id, Row::parse(&other.text).ok()?)))
        .any(|(id, other)| other.holds_at(now_ms) && (other.from_ms, id) > (row.from_ms, price.id));
    if later { State::Replaced } else { State::Holds }
}

#[cfg(test)]
mod tests {
    use domain::TeamPriceId;

    use super::*;

    fn price(id: i64, more: &str) -> TeamPriceView {
        let text = format!(r#"{{"provider":"openai","model":"gpt-5",{more}}}"#);
        let at = DateTime::default();
        TeamPriceView {
            id: TeamPriceId(id),
            provider: "openai".into(),
            model: "gpt-5".into(),
            text,
            created_at: at,
            updated_at: at,
            version: 1,
            live: true,
        }
    }

    #[test]
    fn a_price_says_whether_it_holds() {
        let now = 1_798_761_600_000; // 1 January 2027
        let all = [
            price(1, r#""discount_ppm":1"#),
            price(2, r#""discount_ppm":2,"from":"2026-12-01""#),
            price(3, r#""discount_ppm":3,"from":"2027-01-02""#),
            price(4, r#""discount_ppm":4,"from":"2026-12-02","until":"2027-01-01""#),
            price(5, r#""discount":5"#),
        ];
        let states: Vec<_> = all.iter().map(|price| state(price, &all, now)).collect();
        assert_eq!(states, [State::Replaced, State::Holds, State::Begins, State::Ended, State::Unreadable]);
    }

    #[test]
    fn a_price_says_from_when_to_when_it_holds() {
        let told = |more: &str| dates(&Row::parse(&price(1, more).text).expect("a row"));
        assert_eq!(told(r#""discount_ppm":1"#), None);
        assert_eq!(told(r#""discount_ppm":1,"from":"2026-12-01""#).as_deref(), Some("from 2026-12-01"));
        assert_eq!(
            told(r#""discount_ppm":1,"from":"2026-12-01","until":"2027-01-01T09:30:00Z""#).as_deref(),
            Some("from 2026-12-01 until 2027-01-01 09:30 UTC")
        );
    }
}
