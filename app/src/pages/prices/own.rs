//! The team's own prices: what each says, and whether it holds.

use chrono::{DateTime, Utc};
use domain::Nanos;
use domain::price::{Kind, Ppm};
use domain::view::TeamPriceView;
use leptos::prelude::*;
use wire::price::Row;

use super::book::Search;
use crate::api::prices::per_cent;
use crate::components::{Badge, Table, Tone};

/// Whether a price holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Holds,
    /// It holds, and another of the same model that began later does too, which wins.
    Replaced,
    Begins(i64),
    Ended(i64),
    Unreadable,
}

/// The section with the prices that fit the search.
pub(super) fn section(
    team: &str,
    search: &Search,
    prices: &[TeamPriceView],
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let shown = prices.iter().filter(|price| search.fits(&[&price.provider, book_name(&price.provider)], &price.model));
    let rows = shown.map(|price| row(team, price, state(price, prices, now.timestamp_millis()))).collect::<Vec<_>>();
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
                        <th>"State"</th>
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

fn row(team: &str, price: &TeamPriceView, state: State) -> impl IntoView + use<> {
    let name = format!("{}/{}", price.provider, price.model);
    let words = Row::parse(&price.text)
        .map_or_else(|_| "Cannot be read by this version, so it does not count".to_owned(), |row| words(&row));
    view! {
        <tr>
            <td class="cut mono" title=name.clone()>
                <a class="row-link" href=format!("/{team}/prices/{}", price.id)>{name.clone()}</a>
            </td>
            <td class="wide">{words}</td>
            <td>{badge(state)}</td>
        </tr>
    }
}

fn badge(state: State) -> impl IntoView {
    let (tone, words) = match state {
        State::Holds => (Tone::Good, "In force".to_owned()),
        State::Replaced => (Tone::Info, "Replaced by a later one".to_owned()),
        State::Begins(from) => (Tone::Info, format!("From {}", moment(from))),
        State::Ended(until) => (Tone::Info, format!("Ended {}", moment(until))),
        State::Unreadable => (Tone::Bad, "Cannot be read".to_owned()),
    };
    view! { <Badge tone>{words}</Badge> }
}

fn state(price: &TeamPriceView, all: &[TeamPriceView], now_ms: i64) -> State {
    let Ok(row) = Row::parse(&price.text) else { return State::Unreadable };
    match (row.from_ms, row.until_ms) {
        (Some(from), _) if from > now_ms => return State::Begins(from),
        (_, Some(until)) if until <= now_ms => return State::Ended(until),
        _ => {}
    }
    let same = all.iter().filter(|other| other.provider == price.provider && other.model == price.model);
    let later = same
        .filter_map(|other| Some((other.id, Row::parse(&other.text).ok()?)))
        .any(|(id, other)| other.holds_at(now_ms) && (other.from_ms, id) > (row.from_ms, price.id));
    if later { State::Replaced } else { State::Holds }
}

/// What a price says: `Input $1.25, output $10.00 per million tokens; until 1 January 2027`.
pub(super) fn words(row: &Row) -> String {
    let mut parts = Vec::new();
    if row.discount != Ppm(0) {
        parts.push(format!("{} % off the price book", per_cent(row.discount)));
    }
    if let Some(zone) = row.zone {
        parts.push(format!("always with the factor of {}", zone.as_str()));
    }
    if let Some(price) = row.price() {
        let usual = price.usual();
        if let Some(rates) = &usual.rates {
            let rates: Vec<_> =
                rates.telling().map(|(kind, rate)| format!("{} {}", short(kind), Nanos(rate.0))).collect();
            parts.push(format!("{} per million tokens", rates.join(", ")));
        }
        let units = usual.units.telling();
        parts.extend(units.map(|(_, kind, per, rate)| format!("{} {} {}", short(kind), Nanos(rate.0), per.words())));
        let more = [
            (!usual.tiers.is_empty(), "other rates for long requests"),
            (!usual.units.images.is_empty(), "pictures by size"),
            (price.services_at(0).next().is_some(), "service tiers"),
            (price.has_cheaper_hours(), "cheaper hours"),
            (price.changes().next().is_some(), "changes to come or past"),
        ];
        parts.extend(more.into_iter().filter(|(is, _)| *is).map(|(_, words)| words.to_owned()));
    }
    if let Some(until) = row.until_ms {
        parts.push(format!("until {}", moment(until)));
    }
    parts.join("; ")
}

/// A moment, in milliseconds since 1970: the day alone where it is the beginning of one.
pub(super) fn moment(at_ms: i64) -> String {
    let format = if at_ms % 86_400_000 == 0 { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M UTC" };
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().format(format).to_string()
}

/// The name of a kind in a list.
pub(super) fn short(kind: Kind) -> String {
    kind.as_str().replace('_', " ")
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
        let day = 86_400_000;
        assert_eq!(
            states,
            [State::Replaced, State::Holds, State::Begins(now + day), State::Ended(now), State::Unreadable]
        );
    }

    #[test]
    fn a_price_is_told_in_words() {
        let told = |more: &str| words(&Row::parse(&price(1, more).text).expect("a row"));
        assert_eq!(told(r#""discount_ppm":125000"#), "12.5 % off the price book");
        assert_eq!(
            told(r#""rates":{"input":"1.25","output":"10"},"tiers":[{"above":9,"rates":{"input":"2","output":"3"}}]"#),
            "input $1.25, output $10.00 per million tokens; other rates for long requests"
        );
        assert_eq!(told(r#""units":{"per_thousand_pages":"2"}"#), "pages $2.00 per thousand");
    }
}
