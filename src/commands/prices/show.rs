//! `weir prices show`

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::price::Per;
use domain::{Nanos, Rate};
use serde_json::{Value, json};
use wire::price::{InForce, List, Price, PriceBook, Rates};

/// Prints what the price book in force says of a model, a provider or all.
pub fn run(in_force: &InForce, model: Option<&str>, json: bool) -> Result<(), String> {
    let book = in_force.book();
    let prices = chosen(book, model)?;
    if json {
        let rows: Vec<Value> = prices.iter().map(|price| price.to_json()).collect();
        println!("{}", json!({ "version": 1, "as_of": book.as_of(), "rows": rows }));
        return Ok(());
    }
    println!("Price book {in_force}.");
    let now_ms = Utc::now().timestamp_millis();
    match prices.as_slice() {
        [price] => print!("{}", whole(price, now_ms)),
        many => many.iter().for_each(|price| println!("{}", line(price, now_ms))),
    }
    Ok(())
}

/// The prices that are asked for; at least one.
fn chosen<'a>(book: &'a PriceBook, asked: Option<&str>) -> Result<Vec<&'a Price>, String> {
    let Some(asked) = asked else { return Ok(book.prices().iter().collect()) };
    let (slug, model) = asked.split_once('/').map_or((asked, None), |(slug, model)| (slug, Some(model)));
    let provider = wire::providers::find(slug).map_or(slug, |provider| provider.price_provider.as_str());
    let found: Vec<_> = match model {
        Some(model) => book.find_or_any(provider, model).into_iter().collect(),
        None => book.prices().iter().filter(|price| price.provider == provider).collect(),
    };
    if found.is_empty() {
        return Err(format!(
            "the price book has no price of {asked}; what it costs is unknown unless a team gives its own"
        ));
    }
    Ok(found)
}

/// A price on one line: `openai/gpt-5 (chat): input $1.25, cached_input $0.125, output $10.00 per million`.
fn line(price: &Price, now_ms: i64) -> String {
    let list = price.usual_at(now_ms);
    let tokens = list.rates.map(|rates| {
        let parts: Vec<_> = rates.telling().map(|(kind, rate)| format!("{kind} {}", dollars(rate))).collect();
        format!("{} per million", parts.join(", "))
    });
    let units = list.units.telling().map(|(name, _, _, rate)| format!("{name} {}", dollars(rate)));
    let sizes = (!list.units.images.is_empty()).then(|| format!("pictures by {} sizes", list.units.images.len()));
    let searches = list.units.requests_by_context.map(|_| "requests by what is searched".to_owned());
    let parts: Vec<_> = tokens.into_iter().chain(units).chain(sizes).chain(searches).collect();
    format!("{}/{} ({}): {}", price.provider, price.model, price.mode, parts.join("; "))
}

/// All that the book says of a price, a line for each part.
fn whole(price: &Price, now_ms: i64) -> String {
    let mut out = format!("{}/{} ({})\n", price.provider, price.model, price.mode);
    // Writing to a string cannot fail.
    if !price.aliases.is_empty() {
        let _ = writeln!(out, "  also called {}", price.aliases.join(", "));
    }
    list(&mut out, price.usual_at(now_ms));
    for (tier, own) in price.services_at(now_ms) {
        let _ = writeln!(out, "  Service tier {}:", tier.as_str());
        list(&mut out, own);
    }
    if price.has_cheaper_hours() {
        let _ = writeln!(out, "  Some hours are cheaper: --json has them.");
    }
    for (from_ms, own) in price.changes() {
        let at = DateTime::from_timestamp_millis(from_ms).unwrap_or_default();
        let _ = writeln!(
            out,
            "  {} {}:",
            if from_ms > now_ms { "From" } else { "In force since" },
            at.format("%Y-%m-%d %H:%M UTC")
        );
        list(&mut out, own);
    }
    out
}

fn list(out: &mut String, list: &List) {
    if let Some(own) = &list.rates {
        rates(out, own);
    }
    for tier in &list.tiers {
        let _ = writeln!(out, "  From {} input tokens on:", tier.from);
        rates(out, &tier.rates);
    }
    for (_, kind, per, rate) in list.units.telling() {
        let _ = writeln!(out, "    {:<60} {} {}", kind.words(), dollars(rate), per.words());
    }
    for (variant, rate) in &list.units.images {
        let _ = writeln!(out, "    {:<60} {} {}", format!("Pictures of {variant}"), dollars(*rate), Per::One.words());
    }
    if let Some(sizes) = list.units.requests_by_context {
        for (size, rate) in ["low", "medium", "high"].into_iter().zip(sizes) {
            let what = format!("Requests with {size} search context");
            let _ = writeln!(out, "    {what:<60} {} {}", dollars(rate), Per::Thousand.words());
        }
    }
}

fn rates(out: &mut String, rates: &Rates) {
    for (kind, rate) in rates.telling() {
        let _ = writeln!(out, "    {:<60} {} {}", kind.words(), dollars(rate), Per::Million.words());
    }
}

fn dollars(rate: Rate) -> Nanos {
    Nanos(rate.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> PriceBook {
        let text = r#"{"version":1,"as_of":"2026-11-22","rows":[
            {"provider":"google","model":"g","mode":"chat","rates":{"input":"1","cached_input":"0.1","output":"2"},
                "tiers":[{"above":200000,"rates":{"input":"2","output":"4"}}],"units":{"per_thousand_web_searches":"14"},
                "batch":{"rates":{"input":"0.5","output":"1"}},
                "changes":[{"from":"2027-01-01","rates":{"input":"3","output":"6"}}]},
            {"provider":"google","model":"h","mode":"image","units":{"per_image":"0.04","per_image_by_variant":{"low/a":"0.01","high/a":"0.1"}}}]}"#;
        PriceBook::parse(text).expect("a book")
    }

    #[test]
    fn a_model_is_shown_with_all_its_prices() {
        let book = book();
        let prices = chosen(&book, Some("google-ai-studio/g")).expect("found");
        let text = whole(prices[0], 1_790_000_000_000);
        for part in [
            "google/g (chat)",
            "Input tokens from the provider's cache",
            "$0.10 per million",
            "From 200001 input tokens on:",
            "$4.00 per million",
            "Web searches",
            "$14.00 per thousand",
            "Service tier batch:",
            "From 2027-01-01 00:00 UTC:",
            "$6.00 per million",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        // After its day a change is what holds.
        assert!(whole(prices[0], 1_900_000_000_000).contains("In force since 2027-01-01"));
        assert!(line(prices[0], 1_900_000_000_000).ends_with("input $3.00, output $6.00 per million"));
    }

    #[test]
    fn a_provider_is_listed_and_an_unknown_model_is_an_error() {
        let book = book();
        let both = chosen(&book, Some("google")).expect("found");
        assert_eq!(both.len(), 2);
        assert_eq!(line(both[1], 0), "google/h (image): per_image $0.04; pictures by 2 sizes");
        assert_eq!(chosen(&book, None).expect("all").len(), 2);
        assert!(chosen(&book, Some("google/i")).expect_err("unknown").contains("google/i"));
    }
}
