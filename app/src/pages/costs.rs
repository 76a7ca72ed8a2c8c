//! Where the money went: by any two of gateway, token, provider, model, user and day, from roll-ups.

mod days;
mod tables;

use domain::view::{Breakdown, Dimension};
use leptos::prelude::*;

use crate::components::format::{grouped, money, short_count};
use crate::components::{EmptyState, Page, Range, RangePicker, Select, Symbol, load};
use crate::pages::address;
use crate::{AppError, server};

/// Costs.
#[component]
pub fn CostsPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let range = Range::of(&query, server::now());
    let asked = |name| query.get_str(name).and_then(Dimension::parse);
    let by = chosen(asked("by"), asked("and"));
    load(find(team.clone(), by, range), move |breakdown| show(&team, by, range, &breakdown))
}

/// Two different dimensions.
fn chosen(first: Option<Dimension>, second: Option<Dimension>) -> [Dimension; 2] {
    let first = first.unwrap_or(Dimension::Model);
    let usual = [Dimension::Token, Dimension::Model].into_iter().find(|usual| *usual != first);
    let second = second.filter(|second| *second != first).or(usual).unwrap_or(Dimension::Token);
    [first, second]
}

async fn find(team: String, by: [Dimension; 2], range: Range) -> Result<Breakdown, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    Ok(server::control()?.breakdown(&grant, by, range.from_ms(), range.to_ms()).await?)
}

fn show(team: &str, by: [Dimension; 2], range: Range, breakdown: &Breakdown) -> impl IntoView + use<> {
    let path = format!("/{team}/costs");
    let keep = vec![("by", by[0].as_str().to_owned()), ("and", by[1].as_str().to_owned())];
    let picker = view! { <RangePicker range path=path.clone() keep /> };
    let nothing = breakdown.totals.requests == 0 && breakdown.pairs.is_empty();
    let content = if nothing {
        view! {
            <EmptyState symbol=Symbol::Cost title="Nothing was asked in this time">
                <p>"Choose a longer range. What a request costs shows here a moment after its answer."</p>
            </EmptyState>
        }
        .into_any()
    } else {
        let first = match by[0] {
            Dimension::Day => days::chart(breakdown).into_any(),
            _ => tables::values(by[0], breakdown, team, range).into_any(),
        };
        let by_user = by.contains(&Dimension::User).then(|| {
            view! { <p class="help">"Users are those that callers name. They are counted by whole days (UTC); what names nobody is among the others."</p> }
        });
        view! { {totals(breakdown)}{by_user}{first}{tables::pairs(by, breakdown, team, range)} }.into_any()
    };
    view! {
        <Page title="Costs" toolbar=move || picker>
            {chooser(path, by, range)}
            {content}
        </Page>
    }
}

/// The form that chooses what is told apart. It sends `GET`, so that every view has an address.
fn chooser(path: String, by: [Dimension; 2], range: Range) -> impl IntoView {
    let options =
        || Dimension::ALL.map(|dimension| (dimension.as_str().to_owned(), words(dimension).to_owned())).to_vec();
    let kept = range.pairs().into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
    view! {
        <form method="get" action=path class="filters">
            {kept.collect_view()}
            <Select label="By" name="by" options=options() value=by[0].as_str() />
            <Select label="And by" name="and" options=options() value=by[1].as_str() />
            <div class="filters-send"><button type="submit" class="button primary">"Show"</button></div>
        </form>
    }
}

fn totals(breakdown: &Breakdown) -> impl IntoView + use<> {
    let totals = breakdown.totals;
    let unpriced =
        (totals.unpriced > 0).then(|| format!("{} attempts without a known price", grouped(totals.unpriced)));
    let tokens = format!("{} in, {} out", short_count(totals.input_tokens), short_count(totals.output_tokens));
    view! {
        <dl class="figures">
            <div><dt>"Cost"</dt><dd><span class="value">{money(totals.cost)}</span><span class="note">{unpriced}</span></dd></div>
            <div><dt>"Requests"</dt><dd><span class="value">{short_count(totals.requests)}</span></dd></div>
            <div><dt>"Tokens"</dt><dd>
                <span class="value">{short_count(totals.input_tokens + totals.output_tokens)}</span><span class="note">{tokens}</span>
            </dd></div>
        </dl>
    }
}

/// A dimension as a heading.
fn words(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Gateway => "Gateway",
        Dimension::Token => "Token",
        Dimension::Provider => "Provider",
        Dimension::Model => "Model",
        Dimension::User => "User",
        Dimension::Day => "Day",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_dimensions_are_told_apart() {
        use Dimension::{Day, Model, Token};
        assert_eq!(chosen(None, None), [Model, Token]);
        assert_eq!(chosen(Some(Token), None), [Token, Model]);
        assert_eq!(chosen(Some(Token), Some(Token)), [Token, Model]);
        assert_eq!(chosen(Some(Day), Some(Model)), [Day, Model]);
    }
}
