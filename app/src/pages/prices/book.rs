//! The price book: searched by provider and model, with what each model costs and from when on.

use chrono::{DateTime, NaiveDate, Utc};
use domain::price::Kind;
use domain::{Nanos, Rate};
use leptos::prelude::*;
use wire::price::{List, Price, PriceBook};

use super::own::{moment, short};
use crate::components::format::grouped;
use crate::components::{EmptyState, Field, Select, Symbol, Table};
use crate::pages::overview::encoded;

/// Most rows that are shown.
const SHOWN: usize = 100;

/// What is searched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    pub provider: Option<String>,
    /// A part of the model's name, in any case.
    pub model: Option<String>,
}

impl Search {
    /// Whether a model of a provider, which has these names, is among what is searched for.
    pub(super) fn fits(&self, providers: &[&str], model: &str) -> bool {
        self.provider.as_deref().is_none_or(|asked| providers.contains(&asked))
            && self.model.as_deref().is_none_or(|asked| model.to_lowercase().contains(&asked.trim().to_lowercase()))
    }
}

/// What was found in the book.
pub(super) struct Found {
    as_of: NaiveDate,
    providers: Vec<String>,
    rows: Vec<BookRow>,
    /// How many there are, shown or not.
    count: usize,
}

/// A line of the table.
struct BookRow {
    provider: String,
    model: String,
    rates: [Option<Rate>; 3],
    more: Vec<String>,
}

impl Found {
    /// Searches the book.
    pub(super) fn of(book: &PriceBook, search: &Search, now: DateTime<Utc>) -> Self {
        let mut providers: Vec<_> = book.prices().iter().map(|price| price.provider.clone()).collect();
        providers.sort_unstable();
        providers.dedup();
        let fits = |price: &&Price| {
            let names = std::iter::once(&price.model).chain(&price.aliases);
            let mut names = names.map(String::as_str);
            names.any(|name| search.fits(&[&price.provider], name))
        };
        let found: Vec<_> = book.prices().iter().filter(fits).collect();
        let rows = found.iter().take(SHOWN).map(|price| BookRow::of(price, now.timestamp_millis())).collect();
        Self { as_of: book.as_of(), providers, rows, count: found.len() }
    }
}

impl BookRow {
    fn of(price: &Price, now_ms: i64) -> Self {
        let list = price.usual_at(now_ms);
        let rate = |kind| list.rates.map(|rates| rates.get(kind));
        let mut more = others(list);
        for tier in &list.tiers {
            more.push(format!("from {} input tokens on: {}", grouped(tier.from), rates(&tier.rates, |_| true)));
        }
        for (tier, own) in price.services_at(now_ms) {
            let told = own.rates.map(|own| rates(&own, |_| true));
            more.push(format!("service tier {}: {}", tier.as_str(), told.unwrap_or_else(|| "own prices".to_owned())));
        }
        if price.has_cheaper_hours() {
            more.push("cheaper at some hours".to_owned());
        }
        for (from_ms, change) in price.changes() {
            let day = moment(from_ms);
            more.push(if from_ms > now_ms {
                let told = change.rates.map(|own| rates(&own, |_| true));
                format!("from {day}: {}", told.unwrap_or_else(|| "other prices".to_owned()))
            } else {
                format!("in force since {day}")
            });
        }
        Self {
            provider: price.provider.clone(),
            model: price.model.clone(),
            rates: [rate(Kind::Input), rate(Kind::CachedInput), rate(Kind::Output)],
            more,
        }
    }
}

/// Rates in words, of the kinds that are chosen.
fn rates(rates: &wire::price::Rates, chosen: impl Fn(Kind) -> bool) -> String {
    let chosen = rates.telling().filter(|(kind, _)| chosen(*kind));
    chosen.map(|(kind, rate)| format!("{} {}", short(kind), Nanos(rate.0))).collect::<Vec<_>>().join(", ")
}

/// What has no column of its own.
fn others(list: &List) -> Vec<String> {
    let column = |kind| matches!(kind, Kind::Input | Kind::CachedInput | Kind::Output);
    let mut all: Vec<_> = list.rates.iter().map(|own| rates(own, |kind| !column(kind))).collect();
    all.retain(|words| !words.is_empty());
    let units = list.units.telling();
    all.extend(units.map(|(_, kind, per, rate)| format!("{} {} {}", short(kind), Nanos(rate.0), per.words())));
    if let (Some(least), Some(most)) =
        (list.units.images.iter().map(|(_, rate)| *rate).min(), list.units.images.iter().map(|(_, rate)| *rate).max())
    {
        all.push(format!("pictures {} to {} each, by quality and size", Nanos(least.0), Nanos(most.0)));
    }
    if let Some([low, _, high]) = list.units.requests_by_context {
        all.push(format!("requests {} to {} per thousand, by what is searched", Nanos(low.0), Nanos(high.0)));
    }
    all
}

/// The section: search, table, how much of the book it is.
pub(super) fn section(team: &str, search: &Search, found: Found, may_edit: bool) -> impl IntoView + use<> {
    let path = format!("/{team}/prices");
    let count = match (found.count, found.rows.len()) {
        (count, shown) if count > shown => {
            format!("The first {shown} of {} models. Search for the one you mean.", grouped(count as u64))
        }
        (1, _) => "One model.".to_owned(),
        (count, _) => format!("{} models.", grouped(count as u64)),
    };
    let as_of = format!(
        "As of {}. Dollars per million tokens of input, cached input and output; an empty field has no price. {count}",
        found.as_of
    );
    let form = form(path, search, found.providers);
    let content = if found.rows.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Search title="The price book has no such model">
                <p>"What a model costs that has no price is unknown: it is not counted as nothing. Give it a price of your own."</p>
            </EmptyState>
        }
        .into_any()
    } else {
        table(team, found.rows, may_edit).into_any()
    };
    view! {
        <section>
            <h2>"Price book"</h2>
            {form}
            <p class="muted">{as_of}</p>
            {content}
        </section>
    }
}

/// The form. It sends `GET`, so that every search has an address.
fn form(path: String, search: &Search, providers: Vec<String>) -> impl IntoView + use<> {
    let mut options = vec![(String::new(), "Any".to_owned())];
    options.extend(providers.into_iter().map(|name| (name.clone(), name)));
    let provider = search.provider.clone().unwrap_or_default();
    if !options.iter().any(|(known, _)| *known == provider) {
        options.push((provider.clone(), provider.clone()));
    }
    let clear = (*search != Search::default()).then(|| view! { <a class="button" href=path.clone()>"Clear"</a> });
    view! {
        <form method="get" action=path.clone() class="filters" role="search" aria-label="Prices">
            <Select label="Provider" name="provider" options value=provider />
            <Field label="Model" name="model" value=search.model.clone().unwrap_or_default() placeholder="gpt-5" />
            <div class="filters-send">
                <button type="submit" class="button primary">"Search"</button>
                {clear}
            </div>
        </form>
    }
}

fn table(team: &str, rows: Vec<BookRow>, may_edit: bool) -> impl IntoView + use<> {
    let rows = rows.into_iter().map(|row| line(team, row, may_edit)).collect::<Vec<_>>();
    view! {
        <Table label="Price book">
            <thead>
                <tr>
                    <th>"Model"</th>
                    <th class="right">"Input"</th>
                    <th class="right">"Cached input"</th>
                    <th class="right">"Output"</th>
                    <th class="wide">"Besides"</th>
                    <th class="roomy"><span class="hidden">"Action"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

fn line(team: &str, row: BookRow, may_edit: bool) -> impl IntoView + use<> {
    let name = format!("{}/{}", row.provider, row.model);
    let cells = row.rates.map(|rate| {
        view! { <td class="right"><span class="number">{rate.map(|rate| Nanos(rate.0).to_string())}</span></td> }
    });
    let more = row.more.into_iter().map(|words| view! { <div>{words}</div> }).collect::<Vec<_>>();
    let slug = slug(&row.provider).filter(|_| may_edit);
    let action = slug.map(|slug| {
        let href = format!("/{team}/prices/new?provider={}&model={}", encoded(slug), encoded(&row.model));
        view! { <a class="button small" href=href>"Override"<span class="hidden">{format!(" {name}")}</span></a> }
    });
    view! {
        <tr class="tall">
            <td class="cut mono" title=name.clone()>{name.clone()}</td>
            {cells.into_iter().collect::<Vec<_>>()}
            <td class="wide">{more}</td>
            <td class="actions roomy">{action}</td>
        </tr>
    }
}

/// The slug of the first provider that has this name in the book.
fn slug(book: &str) -> Option<&'static str> {
    wire::providers::all()
        .iter()
        .find(|provider| provider.price_provider == book)
        .map(|provider| provider.slug.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(provider: &str, model: &str) -> Search {
        let asked = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Search { provider: asked(provider), model: asked(model) }
    }

    fn book() -> PriceBook {
        let text = r#"{"version":1,"as_of":"2026-11-22","rows":[
            {"provider":"openai","model":"gpt-5","aliases":["flagship"],"mode":"chat","rates":{"input":"1.25","cached_input":"0.125","output":"10"},
                "tiers":[{"above":200000,"rates":{"input":"2","output":"4"}}],"units":{"per_thousand_web_searches":"10"},
                "batch":{"rates":{"input":"0.6","output":"5"}},
                "changes":[{"from":"2027-01-01","rates":{"input":"3","output":"6"}}]},
            {"provider":"groq","model":"Llama-X","mode":"chat","rates":{"input":"0.1","output":"0.2"}},
            {"provider":"openai","model":"picture","mode":"image","units":{"per_image_by_variant":{"low/a":"0.01","high/a":"0.2"}}}]}"#;
        PriceBook::parse(text).expect("a book")
    }

    fn found(search: &Search) -> Vec<String> {
        let found = Found::of(&book(), search, DateTime::from_timestamp(1_790_000_000, 0).expect("a moment"));
        found.rows.into_iter().map(|row| row.model).collect()
    }

    #[test]
    fn the_book_is_searched_by_provider_and_by_a_part_of_a_name() {
        assert_eq!(found(&search("", "")), ["gpt-5", "Llama-X", "picture"]);
        assert_eq!(found(&search("openai", "")), ["gpt-5", "picture"]);
        assert_eq!(found(&search("", " LLAMA ")), ["Llama-X"]);
        assert_eq!(found(&search("", "flagship")), ["gpt-5"]);
        assert!(found(&search("groq", "gpt")).is_empty());
    }

    #[test]
    fn no_more_rows_are_shown_than_fit() {
        let found = Found::of(PriceBook::builtin(), &Search::default(), DateTime::default());
        assert!(found.rows.len() == SHOWN && found.count > SHOWN);
    }

    #[test]
    fn a_row_says_tiers_units_and_dates() {
        let book = book();
        let row = BookRow::of(&book.prices()[0], 1_790_000_000_000);
        let more = row.more.join("; ");
        for part in [
            "web searches $10.00 per thousand",
            "from 200,001 input tokens on: input $2.00, output $4.00",
            "service tier batch: input $0.60, output $5.00",
            "from 2027-01-01: input $3.00, output $6.00",
        ] {
            assert!(more.contains(part), "{part}: {more}");
        }
        assert_eq!(row.rates[1], Some(Rate(125_000_000)));
        let later = BookRow::of(&book.prices()[0], 1_900_000_000_000);
        assert_eq!(later.rates[0], Some(Rate(3_000_000_000)));
        assert!(later.more.iter().any(|words| words.starts_with("in force since")));
        let picture = BookRow::of(&book.prices()[2], 0);
        assert_eq!(
            (picture.rates[0], picture.more),
            (None, vec!["pictures $0.01 to $0.20 each, by quality and size".to_owned()])
        );
    }
}
