//! The price book: searched by provider and model, with what each model costs and from when on.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::price::Kind;
use domain::{Nanos, Rate};
use leptos::prelude::*;
use wire::price::{InForce, Price, Why};

use super::told;
use crate::components::format::grouped;
use crate::components::{EmptyState, Field, Notice, Select, Symbol, Table, Time, Tone};
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

    /// Where a model that fits is shown: the very name first, then names that begin so, then all others.
    pub(super) fn rank(&self, model: &str) -> u8 {
        let Some(asked) = self.model.as_deref().map(|asked| asked.trim().to_lowercase()) else { return 0 };
        let model = model.to_lowercase();
        if model == asked {
            0
        } else if model.starts_with(&asked) {
            1
        } else {
            2
        }
    }
}

/// What was found in the book.
pub(super) struct Found {
    in_force: Arc<InForce>,
    /// In the book, and of the team's own.
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
    /// Searches the book. `own` are the team's own providers, which no book knows.
    pub(super) fn of(in_force: Arc<InForce>, own: Vec<String>, search: &Search, now: DateTime<Utc>) -> Self {
        let prices = in_force.book().prices();
        let mut providers: Vec<_> = prices.iter().map(|price| price.provider.clone()).collect();
        providers.sort_unstable();
        providers.dedup();
        providers.extend(own);
        let rank = |price: &Price| {
            let names = std::iter::once(&price.model).chain(&price.aliases);
            let fitting = names.filter(|name| search.fits(&[&price.provider], name));
            fitting.map(|name| search.rank(name)).min()
        };
        let mut found: Vec<_> = prices.iter().filter_map(|price| Some((rank(price)?, price))).collect();
        found.sort_by_key(|(rank, _)| *rank);
        let rows = found.iter().take(SHOWN).map(|(_, price)| BookRow::of(price, now.timestamp_millis())).collect();
        let count = found.len();
        Self { in_force, providers, rows, count }
    }
}

impl BookRow {
    fn of(price: &Price, now_ms: i64) -> Self {
        let list = price.usual_at(now_ms);
        let rate = |kind| list.rates.map(|rates| rates.get(kind));
        let column = |kind| matches!(kind, Kind::Input | Kind::CachedInput | Kind::Output);
        Self {
            provider: price.provider.clone(),
            model: price.model.clone(),
            rates: [rate(Kind::Input), rate(Kind::CachedInput), rate(Kind::Output)],
            more: told::price(price, now_ms, |kind| !column(kind)),
        }
    }
}

/// The section: which book it is, search, table, how much of the book it is.
pub(super) fn section(
    team: &str,
    search: &Search,
    found: Found,
    may_edit: bool,
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let path = format!("/{team}/prices");
    let Found { in_force, providers, rows, count } = found;
    let count = match (count, rows.len()) {
        (count, shown) if count > shown => {
            format!("The first {shown} of {} models. Search for the one you mean.", grouped(count as u64))
        }
        (1, _) => "One model.".to_owned(),
        (count, _) => format!("{} models.", grouped(count as u64)),
    };
    let form = form(path, search, providers);
    let content = if rows.is_empty() {
        nothing(team, search, may_edit).into_any()
    } else {
        let help = format!(
            "{count} Dollars per million tokens of input, cached input and output; an empty field has no price."
        );
        view! { <p class="muted">{help}</p>{table(team, rows, may_edit)} }.into_any()
    };
    view! {
        <section>
            <h2>"Price book"</h2>
            {unusable(&in_force)}
            {whose(&in_force, now)}
            {form}
            {content}
        </section>
    }
}

/// Which book is in force: of what day, and whose.
fn whose(in_force: &InForce, now: DateTime<Utc>) -> impl IntoView + use<> {
    let part = "part of this release of Weir";
    let (origin, at) = match in_force.why() {
        Why::Imported { signer: Some(name), at } => (format!("signed by {name}"), Some(*at)),
        Why::Imported { signer: None, at } => ("not signed: the operator took it as it is".to_owned(), Some(*at)),
        Why::Newer { imported } => (format!("{part}, and newer than the imported one of {imported}"), None),
        Why::Builtin | Why::Fallback(_) => (part.to_owned(), None),
    };
    let imported = at.map(|at| view! { <div><dt>"Imported"</dt><dd><Time at now /></dd></div> });
    view! {
        <dl class="facts">
            <div><dt>"As of"</dt><dd>{in_force.book().as_of().to_string()}</dd></div>
            <div><dt>"Origin"</dt><dd>{origin}</dd></div>
            {imported}
        </dl>
    }
}

/// Says that an imported book is not in force.
pub(crate) fn unusable(in_force: &InForce) -> Option<impl IntoView + use<>> {
    let said = format!("The imported price book cannot be used: {}. ", in_force.problem()?);
    let instead = format!(
        "Requests cost what the book of {} says, which is part of this release of Weir. ",
        in_force.book().as_of()
    );
    Some(view! {
        <Notice tone=Tone::Bad>
            <p>
                {said}{instead}"Whoever runs this installation imports it again, or gives it up with "
                <code>"weir prices reset"</code>"."
            </p>
        </Notice>
    })
}

/// What is said where the book has nothing that fits.
fn nothing(team: &str, search: &Search, may_edit: bool) -> impl IntoView + use<> {
    let own = search.provider.as_deref().filter(|provider| provider.starts_with("custom-"));
    let title =
        if own.is_some() { "The price book knows no provider of your own" } else { "The price book has no such model" };
    let named = [
        ("provider", search.provider.as_deref().and_then(|name| own.or_else(|| slug(name)))),
        ("model", search.model.as_deref()),
    ];
    let query: Vec<_> =
        named.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value?.trim())))).collect();
    let href = format!("/{team}/prices/new?{}", query.join("&"));
    let action = may_edit.then(|| view! { <a class="button" href=href>"Give it a price"</a> });
    view! {
        <EmptyState symbol=Symbol::Search title>
            <p>"What a model costs that has no price is unknown: it is not counted as nothing. Give it a price of your own."</p>
            {action}
        </EmptyState>
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
    use domain::config::ImportedBook;
    use wire::price::Keyring;

    use super::*;

    fn search(provider: &str, model: &str) -> Search {
        let asked = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Search { provider: asked(provider), model: asked(model) }
    }

    fn book() -> Arc<InForce> {
        let text = r#"{"version":1,"as_of":"2026-11-22","rows":[
            {"provider":"openai","model":"gpt-5","aliases":["flagship"],"mode":"chat","rates":{"input":"1.25","cached_input":"0.125","output":"10"},
                "tiers":[{"above":200000,"rates":{"input":"2","output":"4"}}],"units":{"per_thousand_web_searches":"10"},
                "batch":{"rates":{"input":"0.6","output":"5"}},
                "changes":[{"from":"2027-01-01","rates":{"input":"3","output":"6"}}]},
            {"provider":"groq","model":"Llama-X","mode":"chat","rates":{"input":"0.1","output":"0.2"}},
            {"provider":"openai","model":"picture","mode":"image","units":{"per_image_by_variant":{"low/a":"0.01","high/a":"0.2"}}}]}"#;
        let (sum, imported_at) = (wire::price::sum(text.as_bytes()), DateTime::default());
        let text = text.as_bytes().to_vec();
        let book = ImportedBook { version: 1, text, sum, signature: None, pinned: true, imported_at };
        Arc::new(InForce::of(Some(&book), &Keyring::default()))
    }

    fn found(search: &Search) -> Vec<String> {
        let found =
            Found::of(book(), Vec::new(), search, DateTime::from_timestamp(1_790_000_000, 0).expect("a moment"));
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
    fn the_very_name_comes_first() {
        let text = r#"{"version":1,"as_of":"2026-11-22","rows":[
            {"provider":"a","model":"big-gpt-5","rates":{"input":"1"}},
            {"provider":"a","model":"gpt-5-mini","rates":{"input":"1"}},
            {"provider":"a","model":"other","aliases":["GPT-5"],"rates":{"input":"1"}},
            {"provider":"b","model":"gpt-5","rates":{"input":"1"}}]}"#;
        let text = text.as_bytes().to_vec();
        let sum = wire::price::sum(&text);
        let book =
            ImportedBook { version: 1, text, sum, signature: None, pinned: true, imported_at: DateTime::default() };
        let book = Arc::new(InForce::of(Some(&book), &Keyring::default()));
        let found = Found::of(book, Vec::new(), &search("", "gpt-5"), DateTime::default());
        let names: Vec<_> = found.rows.iter().map(|row| row.model.as_str()).collect();
        assert_eq!(names, ["other", "gpt-5", "gpt-5-mini", "big-gpt-5"]);
    }

    #[test]
    fn no_more_rows_are_shown_than_fit() {
        let found = Found::of(Arc::default(), vec!["custom-own".to_owned()], &Search::default(), DateTime::default());
        assert_eq!(found.providers.last().map(String::as_str), Some("custom-own"));
        assert!(found.rows.len() == SHOWN && found.count > SHOWN);
    }

    #[test]
    fn a_row_says_tiers_units_and_dates() {
        let book = book();
        let book = book.book();
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
        assert!(later.more.iter().any(|words| words == "changed 2027-01-01"));
        let picture = BookRow::of(&book.prices()[2], 0);
        assert_eq!(
            (picture.rates[0], picture.more),
            (None, vec!["pictures $0.01 to $0.20 each, by quality and size".to_owned()])
        );
    }
}
