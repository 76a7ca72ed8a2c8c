//! A team's own prices over the book.

use super::*;

const USAGE: u64 = 1_000_000;

fn prices(rows: &[&str]) -> Prices {
    let row = |text: &&str| Row::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"));
    Prices::new(PriceBook::builtin().clone(), (1..).map(TeamPriceId).zip(rows.iter().map(row)))
}

fn named<'a>(provider: &'a str, book: Option<&'a str>, model: &'a str) -> Named<'a> {
    Named { provider, book, answered: None, asked: Some(model) }
}

/// Dollars for a million input tokens, and whose price it is.
fn quote(prices: &Prices, named: &Named<'_>, at_ms: i64) -> Option<(String, Source)> {
    let usage = Usage { input: USAGE, ..Usage::default() };
    let cost = prices.quote(named, &usage, &Terms::at(at_ms))?;
    Some((cost.total.to_string(), cost.formula.source))
}

fn of(prices: &Prices, provider: &str, model: &str) -> Option<(String, Source)> {
    let book = Some(provider).filter(|provider| !provider.starts_with("custom-"));
    quote(prices, &named(provider, book, model), 0)
}

fn team(dollars: &str, id: i64) -> Option<(String, Source)> {
    Some((dollars.to_owned(), Source::Team(TeamPriceId(id))))
}

#[test]
fn the_row_for_the_model_wins_then_that_for_the_longest_beginning_then_the_book() {
    let prices = prices(&[
        r#"{"provider":"openai","model":"*","rates":{"input":"1"}}"#,
        r#"{"provider":"openai","model":"gpt-5*","rates":{"input":"2"}}"#,
        r#"{"provider":"openai","model":"gpt-5.6*","rates":{"input":"3"}}"#,
        r#"{"provider":"openai","model":"gpt-5.6-sol","rates":{"input":"4.5"}}"#,
    ]);
    assert_eq!(of(&prices, "openai", "gpt-5.6-sol"), team("$4.50", 4));
    assert_eq!(of(&prices, "openai", "gpt-5.6"), team("$3.00", 3), "a pattern is about the name itself");
    assert_eq!(of(&prices, "openai", "gpt-5.6-sol-2026-07-09"), team("$4.50", 4), "a snapshot of the model");
    assert_eq!(of(&prices, "openai", "gpt-5.5"), team("$2.00", 2));
    assert_eq!(of(&prices, "openai", "never-heard-of"), team("$1.00", 1));
    assert_eq!(of(&prices, "anthropic", "claude-haiku-5-5"), Some(("$0.50".into(), Source::Book)), "a long request");
    assert_eq!(of(&prices, "anthropic", "never-heard-of"), None);
}

#[test]
fn an_alias_of_the_book_is_the_model_whose_row_it_is() {
    let prices = prices(&[r#"{"provider":"openai","model":"gpt-5.6-sol","rates":{"input":"7"}}"#]);
    assert_eq!(of(&prices, "openai", "gpt-5.6"), team("$7.00", 1));
}

#[test]
fn what_answered_counts_before_what_was_asked_and_a_row_for_either_before_the_book() {
    let prices = prices(&[r#"{"provider":"azure-openai","model":"prod","rates":{"input":"9"}}"#]);
    let named = Named {
        provider: "azure-openai",
        book: Some("azure"),
        answered: Some("gpt-4o-mini-2024-07-18"),
        asked: Some("prod"),
    };
    assert_eq!(quote(&prices, &named, 0), team("$9.00", 1));
    let unnamed = Named { asked: Some("staging"), ..named };
    assert_eq!(quote(&prices, &unnamed, 0).map(|(_, source)| source), Some(Source::Book));
}

#[test]
fn a_row_holds_from_its_first_moment_to_before_its_last() {
    let prices = prices(&[
        r#"{"provider":"openai","model":"gpt-4o-mini","from":"2026-12-01","until":"2026-12-03","rates":{"input":"1"}}"#,
        r#"{"provider":"openai","model":"gpt-4o-mini","from":"2026-12-02T00:00:00+01:00","rates":{"input":"2"}}"#,
        r#"{"provider":"openai","model":"gpt*","until":"2026-11-30T00:00:00Z","rates":{"input":"3"}}"#,
    ]);
    const HOUR: i64 = 3_600_000;
    let at = |ms| quote(&prices, &named("openai", Some("openai"), "gpt-4o-mini"), ms);
    assert_eq!(at(MONDAY - 1), team("$3.00", 3));
    assert_eq!(at(MONDAY), Some(("$0.15".into(), Source::Book)));
    assert_eq!(at(MONDAY + 24 * HOUR), team("$1.00", 1));
    assert_eq!(at(MONDAY + 47 * HOUR - 1), team("$1.00", 1));
    assert_eq!(at(MONDAY + 47 * HOUR), team("$2.00", 2), "of two that hold the one that began last");
    assert_eq!(at(MONDAY + 1_000 * HOUR), team("$2.00", 2));
}

#[test]
fn a_discount_is_off_all_that_the_book_says() {
    let prices = prices(&[
        r#"{"provider":"openai","model":"gpt-5.6*","discount_ppm":150000}"#,
        r#"{"provider":"openai","model":"unknown","discount_ppm":150000}"#,
        r#"{"provider":"openai","model":"gpt-4o-mini","discount_ppm":1000000}"#,
    ]);
    let usage = Usage { input: 1_000, web_searches: 1, ..Usage::default() };
    let found = prices.find(&named("openai", Some("openai"), "gpt-5.6-sol"), 0).expect("found");
    let cost = found.cost(&usage, &Terms::at(0)).expect("a cost");
    // (4,000,000 + 10,000,000) × 0.85
    assert_eq!((cost.total, cost.formula.discount), (Nanos(11_900_000), Ppm(150_000)));
    assert_eq!(cost.formula.as_of, Some(PriceBook::builtin().as_of()));
    assert_eq!((found.facts().context_window, found.is_free()), (Some(1_050_000), false));
    assert_eq!(of(&prices, "openai", "unknown"), None, "nothing to take it off");
    assert!(prices.find(&named("openai", Some("openai"), "gpt-4o-mini"), 0).expect("found").is_free());
}

#[test]
fn zones_cost_what_the_book_says_wherever_the_team_says_they_are() {
    let prices = prices(&[r#"{"provider":"azure-openai","model":"*","zone":"data_zone:eu"}"#]);
    // 4 × 1.1
    let sol = quote(&prices, &named("azure-openai", Some("azure"), "gpt-5.6-sol"), 0);
    assert_eq!(sol.map(|(dollars, _)| dollars), Some("$8.80".to_owned()), "a long request: 8 × 1.1");
    let usage = Usage { input: 1_000, web_searches: 1, zone: Zone::InferenceUs, ..Usage::default() };
    let opus = named("anthropic", Some("anthropic"), "claude-opus-5");
    let cost = prices.quote(&opus, &usage, &Terms::at(0)).expect("a cost");
    // 1,000 × 5 × 1.1 + 10,000,000 for a search
    assert_eq!(cost.total, Nanos(5_500_000 + 10_000_000));
    let haiku = named("anthropic", Some("anthropic"), "claude-haiku-4-5");
    let cost = prices.quote(&haiku, &usage, &Terms::at(0)).expect("a cost");
    assert_eq!((cost.total, cost.formula.multiplier), (Nanos(11_000_000), None), "it has no price for zones");
}

#[test]
fn providers_of_a_teams_own_have_prices_by_rows_only() {
    let prices = prices(&[
        r#"{"provider":"custom-own","model":"big*","rates":{"input":"1","output":"2"},"units":{"per_request":"0.001"}}"#,
        r#"{"provider":"custom-own","model":"flat","units":{"per_request":"0.002"}}"#,
        r#"{"provider":"custom-own","model":"ear","units":{"per_hour_audio":"0.36"}}"#,
    ]);
    let own = |model| named("custom-own", None, model);
    let usage = Usage { input: 1_000, output: 10, ..Usage::default() };
    let cost = |model| prices.quote(&own(model), &usage, &Terms::at(0)).map(|cost| cost.total.0);
    assert_eq!(cost("big-1"), Some(1_000_000 + 20_000 + 1_000_000));
    assert_eq!(cost("flat"), Some(2_000_000));
    assert_eq!(cost("ear"), None, "tokens have no price");
    assert_eq!(cost("small"), None);
    let heard = Usage { audio_seconds: 10, ..Usage::default() };
    assert_eq!(prices.quote(&own("big-1"), &heard, &Terms::at(0)), None, "seconds have no price");
    assert_eq!(prices.quote(&own("ear"), &heard, &Terms::at(0)).map(|cost| cost.total.0), Some(1_000_000));
}

#[test]
fn who_answers_behind_a_broker_has_the_price() {
    // Qwen3-32B: 0.29 usually, novita 0.1, nebius 0.1.
    let prices = Prices::default();
    let usage = Usage { input: 1_000, ..Usage::default() };
    let cost = |backend| {
        let terms = Terms { backend, ..Terms::at(0) };
        prices
            .quote(&named("huggingface", Some("huggingface"), "Qwen/Qwen3-32B"), &usage, &terms)
            .expect("a cost")
            .total
    };
    assert_eq!(cost(Some("novita")), Nanos(100_000));
    assert_eq!(cost(Some("sambanova")), Nanos(400_000));
    assert_eq!((cost(Some("somebody")), cost(None)), (Nanos(290_000), Nanos(290_000)));
}
