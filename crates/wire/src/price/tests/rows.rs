//! What a row may say, and what is told of one that is wrong.

use super::*;

#[test]
fn everything_that_a_row_can_say_is_read() {
    let text = r#"{
        "provider":"openai","model":"m*","from":"2026-12-01","until":"2027-01-01T12:30:00Z","mode":"chat",
        "aliases":["n"],"context_window":1000,"max_output_tokens":100,
        "rates":{"input":"1","cached_input":"0.1","explicit_cached_input":"0.05","cached_audio_input":"0.2","cached_image_input":"0.3",
            "cache_write":"1.25","cache_write_1h":"2","cache_write_12h":"2.5","audio_input":"3","image_input":"4","video_input":"5",
            "output":"6","reasoning":"7","citation":"8","audio_output":"9","image_output":"10","video_output":"11"},
        "tiers":[{"from":500,"rates":{"input":"2"}},{"above":100,"rates":{"input":"1.5"}}],
        "batch":{"rates":{"input":"0.5"},"tiers":[{"above":100,"rates":{"input":"0.75"}}],"units":{"per_image":"0.01"}},
        "service_tiers":{"flex":{"rates":{"input":"0.5"}},"priority":{"rates":{"input":"2"}},"fast":{"rates":{"input":"4"}}},
        "off_peak":{"windows":[{"weekdays":[1,7],"hours_utc":["00:00-01:00","22:30-00:00"]}],"rates":{"input":"0.25"}},
        "changes":[{"from":"2026-12-15","rates":{"input":"3"},"batch":{"rates":{"input":"1"}}}],
        "units":{"per_hour_audio":"0.36","minimum_audio_seconds":10,"per_million_characters":"15","per_thousand_searches":"2",
            "per_image":"0.04","per_image_by_variant":{"hd/default":"0.08"},"per_thousand_pages":"4","per_thousand_annotated_pages":"5",
            "per_thousand_web_searches":"10","per_thousand_grounded_prompts":"35","per_thousand_file_searches":"2.5",
            "per_image_read":"0.0001","per_request":"0.001","per_thousand_requests_by_context":{"low":"5","medium":"8","high":"12"}},
        "multipliers":{"data_zone:us":"1.1"},"zone":"data_zone:us","backends":{"novita":{"input":"0.9"}}
    }"#;
    let row = Row::parse(text).expect("a row");
    assert_eq!((row.provider(), row.model(), row.zone), ("openai", "m*", Some(Zone::DataZoneUs)));
    assert_eq!((row.from_ms, row.until_ms), (Some(MONDAY + 86_400_000), Some(MONDAY + 32 * 86_400_000 + 45_000_000)));
    let price = row.price().expect("prices");
    let rates = price.usual().rates.expect("rates");
    let named: Vec<i64> = Kind::TOKENS.map(|kind| rates.get(kind).0 / 10_000_000).to_vec();
    assert_eq!(named, [100, 10, 5, 20, 30, 125, 200, 250, 300, 400, 500, 600, 700, 800, 900, 1_000, 1_100]);
    assert_eq!(price.usual().tiers.iter().map(|tier| tier.from).collect::<Vec<_>>(), [101, 500]);
    assert_eq!(price.lists.services.len(), 4);
    let batch = price.lists.service(ServiceTier::Batch).expect("batch");
    assert_eq!((batch.units.image, batch.units.request), (Some(Rate(10_000_000)), Some(Rate(1_000_000))));
    assert_eq!(price.off_peak.as_ref().map(|hours| hours.windows.len()), Some(2));
    assert_eq!((price.changes.len(), price.multipliers.len(), price.backends.len()), (1, 1, 1));
    assert_eq!(price.usual().units.requests_by_context, Some([5, 8, 12].map(|dollars| Rate(dollars * 1_000_000_000))));
}

#[test]
fn a_wrong_row_is_told_by_the_field_and_what_it_should_be() {
    let rest = |more: &str| format!(r#"{{"provider":"openai","model":"m",{more}}}"#);
    let rates = |more: &str| rest(&format!(r#""rates":{{{more}}}"#));
    for (text, field, says) in [
        ("[]".to_owned(), "row", "JSON object"),
        ("{".to_owned(), "row", "must be JSON"),
        (format!("{{\"provider\":\"{}\"}}", "x".repeat(20_000)), "row", "longer"),
        ("{}".to_owned(), "provider", "missing"),
        (r#"{"provider":"openai"}"#.to_owned(), "model", "missing"),
        (r#"{"provider":5,"model":"m"}"#.to_owned(), "provider", "text"),
        (r#"{"provider":"openai","model":"a*b","rates":{"input":"1"}}"#.to_owned(), "model", "at its end"),
        (rest(r#""mode":"chat""#), "rates", "missing"),
        (rates(r#""input":0.15"#), "rates.input", "in quotes"),
        (rates(r#""input":"1e-3""#), "rates.input", "plain decimal"),
        (rates(r#""input":"-1""#), "rates.input", "plain decimal"),
        (rates(r#""output":"1""#), "rates.input", "missing"),
        (rates(r#""input":"1","inptu":"1""#), "rates.inptu", "`cached_input`"),
        (rest(r#""rate":{}"#), "rate", "`rates`"),
        (rest(r#""rates":{"input":"1"},"tiers":[{"rates":{"input":"1"}}]"#), "tiers[0].above", "`from`"),
        (
            rest(r#""rates":{"input":"1"},"tiers":[{"from":5,"above":4,"rates":{"input":"1"}}]"#),
            "tiers[0].above",
            "`from`",
        ),
        (rest(r#""rates":{"input":"1"},"tiers":[{"from":5}]"#), "tiers[0].rates", "missing"),
        (rest(r#""rates":{"input":"1"},"tiers":{}"#), "tiers", "list"),
        (rest(r#""tiers":[{"from":5,"rates":{"input":"1"}}],"discount_ppm":5"#), "tiers", "needs `rates`"),
        (rest(r#""discount_ppm":0"#), "discount_ppm", "1 to 1000000"),
        (rest(r#""discount_ppm":1000001"#), "discount_ppm", "15 per cent"),
        (rest(r#""discount_ppm":5,"rates":{"input":"1"}"#), "discount_ppm", "leave it out"),
        (rest(r#""discount_ppm":5,"from":"soon""#), "from", "2026-12-01"),
        (rest(r#""discount_ppm":5,"from":"2026-12-02","until":"2026-12-02""#), "until", "later"),
        (rest(r#""zone":"moon""#), "zone", "data_zone:us"),
        (rest(r#""rates":{"input":"1"},"multipliers":{"moon":"1.1"}"#), "multipliers.moon", "inference_geo:us"),
        (rest(r#""rates":{"input":"1"},"multipliers":{"data_zone:us":1.1}"#), "multipliers.data_zone:us", "in quotes"),
        (rest(r#""units":{"per_image":"x"}"#), "units.per_image", "plain decimal"),
        (rest(r#""units":{"per_image_by_variant":{"hd":1}}"#), "units.per_image_by_variant.hd", "in quotes"),
        (
            rest(r#""units":{"per_thousand_requests_by_context":{"low":"1"}}"#),
            "units.per_thousand_requests_by_context.medium",
            "missing",
        ),
        (
            rest(
                r#""rates":{"input":"1"},"off_peak":{"windows":[{"weekdays":[0],"hours_utc":[]}],"rates":{"input":"1"}}"#,
            ),
            "off_peak.windows[0].weekdays",
            "Monday",
        ),
        (
            rest(
                r#""rates":{"input":"1"},"off_peak":{"windows":[{"weekdays":[1],"hours_utc":["9-10"]}],"rates":{"input":"1"}}"#,
            ),
            "off_peak.windows[0].hours_utc",
            "10:00-00:00",
        ),
        (rest(r#""rates":{"input":"1"},"changes":[{"rates":{"input":"1"}}]"#), "changes[0].from", "missing"),
        (rest(r#""rates":{"input":"1"},"service_tiers":{"slow":{}}"#), "service_tiers.slow", "`flex`"),
        (rest(r#""rates":{"input":"1"},"context_window":-1"#), "context_window", "whole number"),
        (r#"{"provider":"custom-own","model":"*","discount_ppm":5}"#.to_owned(), "rates", "provider of your own"),
    ] {
        let bad = Row::parse(&text).expect_err(&text);
        assert_eq!(bad.field, field, "{text}: {bad}");
        assert!(bad.to_string().contains(says), "{text}: {bad}");
    }
}

#[test]
fn a_wrong_book_is_told_by_row_and_field() {
    let book = |row: &str| format!(r#"{{"version":1,"as_of":"2026-11-22","rows":[{row}]}}"#);
    for (text, says) in [
        ("[]".to_owned(), "`version`, `as_of` and `rows`"),
        (r#"{"version":2,"as_of":"2026-11-22","rows":[]}"#.to_owned(), "`version` must be 1"),
        (r#"{"version":1,"as_of":"today","rows":[]}"#.to_owned(), "`as_of`"),
        (r#"{"version":1,"as_of":"2026-11-22","rows":[],"more":1}"#.to_owned(), "`more`"),
        (
            book(r#"{"provider":"p","model":"m","rates":{"input":"x"}}"#),
            "row 1 of the price book (p/m) cannot be read: `rates.input`",
        ),
        (book(r#"{"provider":"p","model":"m","discount_ppm":5}"#), "team's own"),
        (book(r#"{"provider":"p","model":"m"}"#), "`rates` is missing"),
    ] {
        let bad = PriceBook::parse(&text).expect_err(&text).to_string();
        assert!(bad.contains(says), "{text}: {bad}");
    }
    assert_eq!(PriceBook::parse(&book("")).expect("a book").models("p").count(), 0);
}
