use proptest::prelude::*;

use super::*;

fn price(provider: &str, model: &str) -> &'static Price {
    PriceBook::builtin().find(provider, model).unwrap_or_else(|| panic!("{provider}/{model}"))
}

/// At the usual rates, and nothing but tokens.
fn cost(price: &Price, usage: &Usage) -> Cost {
    price.cost(usage, &Size::default()).expect("a price for tokens")
}

fn rates(price: &Price) -> Rates {
    price.rates.expect("rates")
}

fn lines(cost: &Cost) -> Vec<(&str, u64, i64)> {
    cost.lines.iter().map(|line| (line.what.as_str(), line.units, line.rate.0)).collect()
}

#[test]
fn cached_and_written_tokens_are_billed_at_their_rate_instead_of_the_input_rate() {
    // 2000×4 + 5000×0.4 + 1000×5 + 700×20 dollars per million.
    let usage = Usage {
        input: 8_000,
        cached_input: 5_000,
        cache_write: 1_000,
        output: 700,
        reasoning: 300,
        ..Usage::default()
    };
    let cost = cost(price("openai", "gpt-5.6-sol"), &usage);
    assert_eq!(cost.total, Nanos(8_000_000 + 2_000_000 + 5_000_000 + 14_000_000));
    assert_eq!(
        lines(&cost),
        [
            ("input", 2_000, 4_000_000_000),
            ("cached_input", 5_000, 400_000_000),
            ("cache_write", 1_000, 5_000_000_000),
            ("output", 700, 20_000_000_000)
        ]
    );
}

#[test]
fn a_long_request_pays_the_tier_for_every_token() {
    let haiku = price("anthropic", "claude-haiku-5-5");
    let usage =
        |input| Usage { input, cached_input: 60_000, cache_write_1h: 20_000, output: 1_000, ..Usage::default() };
    // 20,000×0.1 + 60,000×0.01 + 20,000×0.2 + 1,000×0.5
    assert_eq!(cost(haiku, &usage(100_000)).total, Nanos(2_000_000 + 600_000 + 4_000_000 + 500_000));
    // 20,001×0.5 + 60,000×0.05 + 20,000×1 + 1,000×2.5
    assert_eq!(cost(haiku, &usage(100_001)).total, Nanos(10_000_500 + 3_000_000 + 20_000_000 + 2_500_000));
}

#[test]
fn a_tier_that_starts_at_its_threshold_does_so() {
    let tiered = PriceBook::builtin().models("xai").find(|price| !price.tiers.is_empty()).expect("a tiered model");
    assert_eq!(tiered.tiers[0].above, 199_999);
    let at = |input| cost(tiered, &Usage { input, ..Usage::default() }).lines[0].rate;
    assert_eq!((at(199_999), at(200_000)), (rates(tiered).input, tiered.tiers[0].rates.input));
}

#[test]
fn audio_has_its_own_rate_and_cached_tokens_come_first() {
    // gpt-audio: 2.5 and 10, audio 32 and 64.
    let audio = price("openai", "gpt-audio-2025-08-28");
    let usage = Usage { input: 100, audio_input: 60, output: 50, audio_output: 40, ..Usage::default() };
    let plain = cost(audio, &usage);
    assert_eq!(plain.total, Nanos(40 * 2_500 + 60 * 32_000 + 10 * 10_000 + 40 * 64_000));
    let overlapping = cost(audio, &Usage { cached_input: 100, ..usage });
    assert!(overlapping.lines.iter().map(|line| line.units).sum::<u64>() <= 150);
}

#[test]
fn reasoning_with_a_price_of_its_own_is_billed_apart() {
    // sonar-deep-research: output 8, reasoning 3.
    let usage = Usage { input: 33, output: 7_163 + 73_997, reasoning: 73_997, ..Usage::default() };
    let cost = cost(price("perplexity", "sonar-deep-research"), &usage);
    assert_eq!(cost.total, Nanos(33 * 2_000 + 7_163 * 8_000 + 73_997 * 3_000));
}

#[test]
fn cheaper_hours_and_announced_changes_depend_on_the_moment() {
    const HOUR: i64 = 3_600_000;
    // 30 November 2026.
    let monday = 1_795_996_800_000;
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let deepseek = price("deepseek", "deepseek-v4-flash");
    let dollars =
        |price: &Price, at_ms| price.cost_at(&usage, &Size::default(), at_ms).expect("a price").total.0 / 1_000_000;
    // Peak hours are 01-04 and 06-10 UTC.
    let at = |hour: i64| dollars(deepseek, monday + hour * HOUR);
    assert_eq!([0, 1, 3, 4, 5, 6, 9, 10, 23].map(at), [150, 300, 300, 150, 150, 300, 300, 150, 150]);
    assert_eq!(dollars(deepseek, monday - 24 * HOUR + 2 * HOUR), 150, "Sunday");
    assert_eq!(cost(deepseek, &usage).total, Nanos(300_000_000));
    let argon = price("google", "gemini-4-argon");
    let december = monday + 24 * HOUR;
    assert_eq!((dollars(argon, december - 1), dollars(argon, december)), (2_000, 4_000));
}

#[test]
fn a_fraction_of_a_nano_is_rounded_once() {
    let rates = Rates { input: Rate(37_500_500), output: Rate(500), ..Rates::default() };
    let cost = rates.cost(&Usage { input: 1, output: 1, ..Usage::default() });
    assert_eq!(cost.total, Nanos(38), "37.5005 + 0.0005 = 37.501");
}

#[test]
fn models_are_found_by_id_alias_and_snapshot_but_never_by_a_guess() {
    let book = PriceBook::builtin();
    let found = |provider: &str, model: &str| book.find(provider, model).map(|price| price.model.as_str());
    assert_eq!(found("openai", "gpt-5.6"), Some("gpt-5.6-sol"));
    assert_eq!(found("openai", "gpt-5.6-sol-2031-01-02"), Some("gpt-5.6-sol"));
    assert_eq!(found("anthropic", "claude-haiku-5-5-20310102"), Some("claude-haiku-5-5"));
    assert_eq!(found("google", "models/gemini-3.7-flash"), Some("gemini-3.7-flash"));
    for (provider, model) in [
        ("openai", "gpt-5.6-sol-mini"),
        ("openai", ""),
        ("openai", "-2025-01-01"),
        ("nobody", "gpt-5"),
        ("openai", "gpt-5.6-sol-2031-01-0é"),
    ] {
        assert_eq!(found(provider, model), None, "{model}");
    }
    assert!(book.models("google").count() > 20);
    // Billed by page, which nobody counts here: unknown, not free.
    assert_eq!(found("mistral", "mistral-ocr-2512"), None);
}

#[test]
fn a_model_that_paints_bills_its_output_as_pictures() {
    let cost = cost(price("google", "gemini-2.5-flash-image"), &Usage { output: 1_290, ..Usage::default() });
    assert_eq!(cost.total, Nanos(1_290 * 30_000));
}

proptest! {
    #[test]
    fn the_lines_add_up_to_the_total(input in 0u64..10_000_000, output in 0u64..10_000_000, parts in prop::array::uniform6(0u64..2_000_000)) {
        let [cached_input, cache_write, cache_write_1h, audio_input, reasoning, audio_output] = parts;
        let usage = Usage { input, output, cached_input, cache_write, cache_write_1h, audio_input, reasoning, audio_output, ..Usage::default() };
        for (provider, model) in [("openai", "gpt-audio"), ("anthropic", "claude-haiku-5-5"), ("perplexity", "sonar-deep-research")] {
            let cost = cost(price(provider, model), &usage);
            prop_assert_eq!(cost.lines.iter().map(|line| line.units).sum::<u64>(), input + output);
            let exact = cost.lines.iter().map(|line| line.rate.times(line.units)).sum();
            prop_assert_eq!(domain::money::round(exact), cost.total);
        }
    }
}

#[test]
fn what_is_not_billed_by_token_is_billed_by_unit() {
    let bill = |provider, model, usage: Usage, size: Option<&str>, quality: Option<&str>| {
        let size = Size { size: size.map(str::to_owned), quality: quality.map(str::to_owned) };
        price(provider, model).cost(&usage, &size).map(|cost| cost.total)
    };
    let heard = Usage { audio_seconds: 90, ..Usage::default() };
    // $0.36 and $0.111 an hour.
    assert_eq!(bill("openai", "whisper-1", heard, None, None), Some(Nanos(9_000_000)));
    assert_eq!(bill("groq", "whisper-large-v3", heard, None, None), Some(Nanos(2_775_000)));
    assert_eq!(bill("openai", "whisper-1", Usage { input: 5, ..Usage::default() }, None, None), None);
    let spoken = Usage { characters: 1_000, ..Usage::default() };
    assert_eq!(bill("openai", "tts-1", spoken, None, None), Some(Nanos(15_000_000)));
    // Its tokens have a price; characters have none.
    assert_eq!(bill("openai", "gpt-4o-mini-tts", spoken, None, None), None);
    let searched = Usage { searches: 3, ..Usage::default() };
    assert_eq!(bill("cohere", "rerank-v3.5", searched, None, None), Some(Nanos(6_000_000)));
    let painted = Usage { images: 2, ..Usage::default() };
    assert_eq!(bill("openai", "dall-e-3", painted, Some("1792x1024"), Some("hd")), Some(Nanos(240_000_000)));
    assert_eq!(bill("openai", "dall-e-3", painted, Some("auto"), None), Some(Nanos(80_000_000)));
    assert_eq!(bill("openai", "dall-e-3", painted, Some("9x9"), None), None, "no price for this size");
    assert_eq!(bill("xai", "grok-imagine-image", painted, Some("9x9"), None), Some(Nanos(40_000_000)));
    // Tokens come first where they were counted and have a price.
    let both = Usage { input: 76, image_input: 64, output: 120, images: 1, ..Usage::default() };
    assert_eq!(bill("openai", "gpt-image-2", both, None, None), Some(Nanos(12 * 5_000 + 64 * 8_000 + 120 * 30_000)));
    let by_the_hour = Usage { audio_seconds: 90, ..Usage::default() };
    assert_eq!(bill("openai", "gpt-4o-transcribe", by_the_hour, None, None), Some(Nanos(9_000_000)));
    assert_eq!(bill("openai", "omni-moderation-latest", Usage::default(), None, None), Some(Nanos(0)));
    assert!(price("openai", "omni-moderation-latest").is_free() && !price("openai", "whisper-1").is_free());
}
