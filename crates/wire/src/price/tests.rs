use chrono::NaiveDate;
use domain::price::{Kind, Ppm, Source, Zone};
use domain::usage::ServiceTier;
use domain::{Rate, TeamPriceId, Usage};
use proptest::prelude::*;

use super::*;

mod own;
mod rows;

/// 30 November 2026, a Monday.
const MONDAY: i64 = 1_795_996_800_000;

fn price(provider: &str, model: &str) -> &'static Price {
    PriceBook::builtin().find(provider, model).unwrap_or_else(|| panic!("{provider}/{model}"))
}

/// At the usual rates, and nothing but tokens.
fn cost(price: &Price, usage: &Usage) -> Cost {
    price.cost(usage, &Terms::at(0)).expect("a price for tokens")
}

fn lines(cost: &Cost) -> Vec<(&str, u64, i64)> {
    cost.formula.lines.iter().map(|line| (line.what.as_str(), line.units, line.rate.0)).collect()
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
    let short = cost(haiku, &usage(100_000));
    assert_eq!((short.total, short.formula.tier_from), (Nanos(2_000_000 + 600_000 + 4_000_000 + 500_000), None));
    // 20,001×0.5 + 60,000×0.05 + 20,000×1 + 1,000×2.5
    let long = cost(haiku, &usage(100_001));
    assert_eq!(long.total, Nanos(10_000_500 + 3_000_000 + 20_000_000 + 2_500_000));
    assert_eq!(long.formula.tier_from, Some(100_001));
}

#[test]
fn a_tier_that_starts_at_its_threshold_does_so() {
    let tiered = PriceBook::builtin().models("xai").find(|price| !price.usual().tiers.is_empty()).expect("a tier");
    assert_eq!(tiered.usual().tiers[0].from, 200_000);
    let at = |input| cost(tiered, &Usage { input, ..Usage::default() }).formula.lines[0].rate;
    let usual = tiered.usual().rates.expect("rates").get(Kind::Input);
    assert_eq!((at(199_999), at(200_000)), (usual, tiered.usual().tiers[0].rates.get(Kind::Input)));
}

#[test]
fn a_tier_of_service_has_its_own_rates_and_tiers_or_falls_back() {
    // gpt-5.6-sol: priority 8 and 40, beyond 272,000 tokens 16 and 60.
    let sol = price("openai", "gpt-5.6-sol");
    let served = |price, input, service_tier| cost(price, &Usage { input, service_tier, ..Usage::default() });
    let first = served(sol, 1_000_000, ServiceTier::Priority);
    assert_eq!((first.total, first.formula.service_tier), (Nanos(16_000_000_000), ServiceTier::Priority));
    assert_eq!(served(sol, 1_000, ServiceTier::Priority).total, Nanos(8_000_000));
    assert_eq!(served(sol, 1_000, ServiceTier::Batch).total, Nanos(2_000_000));
    // gpt-5.4: priority 5 has no tier, long requests are 5 as usual ones.
    let long = served(price("openai", "gpt-5.4"), 272_001, ServiceTier::Priority);
    assert_eq!((long.formula.service_tier, long.formula.tier_from), (ServiceTier::Standard, Some(272_001)));
    // gemini-2.5-flash-image: flex names no price for pictures, which are 30 and not words at 1.25.
    let usage = Usage { output: 100, image_output: 100, service_tier: ServiceTier::Flex, ..Usage::default() };
    assert_eq!(cost(price("google", "gemini-2.5-flash-image"), &usage).total, Nanos(3_000_000));
    // Nobody sells it so.
    let none = served(price("openai", "gpt-4o-mini"), 1_000, ServiceTier::Fast);
    assert_eq!((none.total, none.formula.service_tier), (Nanos(150_000), ServiceTier::Standard));
}

#[test]
fn audio_has_its_own_rate_and_cached_tokens_come_first() {
    // gpt-audio: 2.5 and 10, audio 32 and 64.
    let audio = price("openai", "gpt-audio-2025-08-28");
    let usage = Usage { input: 100, audio_input: 60, output: 50, audio_output: 40, ..Usage::default() };
    let plain = cost(audio, &usage);
    assert_eq!(plain.total, Nanos(40 * 2_500 + 60 * 32_000 + 10 * 10_000 + 40 * 64_000));
    let overlapping = cost(audio, &Usage { cached_input: 100, ..usage });
    assert!(overlapping.formula.lines.iter().map(|line| line.units).sum::<u64>() <= 150);
}

#[test]
fn cached_audio_and_pictures_are_no_fresh_ones() {
    // gpt-realtime: 4, cached 0.4; audio 32, cached 0.4; pictures 5, cached 0.5.
    let realtime = price("openai", "gpt-realtime");
    let usage = Usage {
        input: 1_000,
        cached_input: 500,
        audio_input: 600,
        cached_audio: 300,
        image_input: 200,
        cached_image: 100,
        ..Usage::default()
    };
    // 100 plain, 400 cached at 0.4, 100 cached pictures at 0.5, 300 audio, 100 pictures.
    assert_eq!(cost(realtime, &usage).total, Nanos(100 * 4_000 + 400 * 400 + 100 * 500 + 300 * 32_000 + 100 * 5_000));
}

#[test]
fn reasoning_and_citations_with_prices_of_their_own_are_billed_apart() {
    // sonar-deep-research: output 8, reasoning 3, citations 2.
    let output = 7_163 + 73_997 + 20_016;
    let usage = Usage { input: 33, output, reasoning: 73_997, citation: 20_016, ..Usage::default() };
    let cost = cost(price("perplexity", "sonar-deep-research"), &usage);
    assert_eq!(cost.total, Nanos(33 * 2_000 + 7_163 * 8_000 + 73_997 * 3_000 + 20_016 * 2_000));
}

#[test]
fn cheaper_hours_and_announced_changes_depend_on_the_moment() {
    const HOUR: i64 = 3_600_000;
    let usage = Usage { input: 1_000_000, ..Usage::default() };
    let deepseek = price("deepseek", "deepseek-v4-flash");
    let dollars = |price: &Price, at_ms| price.cost(&usage, &Terms::at(at_ms)).expect("a price").total.0 / 1_000_000;
    // Peak hours are 01-04 and 06-10 UTC.
    let at = |hour: i64| dollars(deepseek, MONDAY + hour * HOUR);
    assert_eq!([0, 1, 3, 4, 5, 6, 9, 10, 23].map(at), [150, 300, 300, 150, 150, 300, 300, 150, 150]);
    assert_eq!(dollars(deepseek, MONDAY + 4 * HOUR - 1), 300);
    assert_eq!(dollars(deepseek, MONDAY - 24 * HOUR + 2 * HOUR), 150, "Sunday");
    let argon = price("google", "gemini-4-argon");
    let december = MONDAY + 24 * HOUR;
    assert_eq!((dollars(argon, december - 1), dollars(argon, december)), (2_000, 4_000));
    let changed = argon.cost(&usage, &Terms::at(december)).expect("a price");
    assert_eq!(changed.formula.since_ms, Some(december));
    let flex = Usage { service_tier: ServiceTier::Flex, ..usage };
    assert_eq!(argon.cost(&flex, &Terms::at(december)).expect("a price").total, Nanos(2_000_000_000));
}

#[test]
fn models_are_found_by_id_alias_and_snapshot_but_never_by_a_guess() {
    let book = PriceBook::builtin();
    assert_eq!(book.as_of(), NaiveDate::from_ymd_opt(2026, 11, 22).expect("a day"));
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
        // Billed by the step, which nobody counts here: unknown, not free.
        ("fireworks", "flux-1-dev-fp8"),
        ("ollama", "my-own"),
    ] {
        assert_eq!(found(provider, model), None, "{model}");
    }
    assert!(book.models("google").count() > 20);
    assert!(book.find_or_any("ollama", "my-own").is_some_and(Price::is_free));
    assert!(book.find_or_any("openai", "my-own").is_none());
}

#[test]
fn a_model_that_paints_bills_its_pictures_as_such_and_its_words_as_words() {
    // 0.3, 2.5, pictures 30.
    let flash = price("google", "gemini-2.5-flash-image");
    let usage = Usage { output: 1_340, image_output: 1_290, ..Usage::default() };
    assert_eq!(cost(flash, &usage).total, Nanos(1_290 * 30_000 + 50 * 2_500));
    // gpt-image-1.5: 10, pictures 32. Nobody tells the tokens apart, but there is a picture.
    let painted = Usage { output: 1_000, images: 1, ..Usage::default() };
    assert_eq!(cost(price("openai", "gpt-image-1.5"), &painted).total, Nanos(1_000 * 32_000));
    // gpt-image-1 has no price for words.
    let painted = Usage { output: 1_000, ..Usage::default() };
    assert_eq!(cost(price("openai", "gpt-image-1"), &painted).total, Nanos(1_000 * 40_000));
}

#[test]
fn searches_are_billed_beside_tokens() {
    let usage = Usage { input: 1_000, web_searches: 3, file_searches: 2, ..Usage::default() };
    // gpt-5.6-sol: 10 and 2.5 for a thousand.
    let sol = cost(price("openai", "gpt-5.6-sol"), &usage);
    assert_eq!(sol.total, Nanos(4_000_000 + 30_000_000 + 5_000_000));
    // Gemini 2.5 bills an answer with searches once, Gemini 3 each search: 35 and 14 for a thousand.
    assert_eq!(cost(price("google", "gemini-2.5-flash"), &usage).total, Nanos(300_000 + 35_000_000));
    assert_eq!(cost(price("google", "gemini-3.7-flash"), &usage).total, Nanos(750_000 + 42_000_000));
}

proptest! {
    #[test]
    fn the_lines_add_up_to_the_total(input in 0u64..10_000_000, output in 0u64..10_000_000, parts in prop::array::uniform6(0u64..2_000_000), few in prop::array::uniform8(0u32..900_000)) {
        let [cached_input, cache_write, cache_write_1h, audio_input, reasoning, audio_output] = parts;
        let [cache_write_12h, cached_audio, cached_image, explicit_cached, video_input, citation, image_output, video_output] = few;
        let usage = Usage {
            input, output, cached_input, cache_write, cache_write_1h, audio_input, reasoning, audio_output,
            cache_write_12h, cached_audio, cached_image, explicit_cached, video_input, citation, image_output, video_output,
            ..Usage::default()
        };
        for (provider, model) in [("openai", "gpt-realtime"), ("anthropic", "claude-haiku-5-5"), ("perplexity", "sonar-deep-research"), ("google", "gemini-embedding-2")] {
            let cost = cost(price(provider, model), &usage);
            prop_assert_eq!(cost.formula.lines.iter().map(|line| line.units).sum::<u64>(), input + output);
            let exact = cost.formula.lines.iter().map(|line| line.rate.times(line.units)).sum();
            prop_assert_eq!(domain::money::round(exact), cost.total);
        }
    }
}

#[test]
fn what_is_not_billed_by_token_is_billed_by_unit() {
    let bill = |provider, model, usage: Usage, size: Option<&str>, quality: Option<&str>| {
        let pictures = &Size { size: size.map(str::to_owned), quality: quality.map(str::to_owned) };
        price(provider, model).cost(&usage, &Terms { pictures, ..Terms::at(0) }).map(|cost| cost.total)
    };
    let heard = Usage { audio_seconds: 90, ..Usage::default() };
    // $0.36 and $0.111 an hour.
    assert_eq!(bill("openai", "whisper-1", heard, None, None), Some(Nanos(9_000_000)));
    assert_eq!(bill("groq", "whisper-large-v3", heard, None, None), Some(Nanos(2_775_000)));
    let short = Usage { audio_seconds: 3, ..Usage::default() };
    assert_eq!(bill("groq", "whisper-large-v3", short, None, None), Some(Nanos(308_333)), "ten seconds at least");
    assert_eq!(bill("openai", "whisper-1", short, None, None), Some(Nanos(300_000)));
    assert_eq!(bill("openai", "whisper-1", Usage { input: 5, ..Usage::default() }, None, None), None);
    let spoken = Usage { characters: 1_000, ..Usage::default() };
    assert_eq!(bill("openai", "tts-1", spoken, None, None), Some(Nanos(15_000_000)));
    // Its tokens have a price; characters have none.
    assert_eq!(bill("openai", "gpt-4o-mini-tts", spoken, None, None), None);
    let searched = Usage { searches: 3, ..Usage::default() };
    assert_eq!(bill("cohere", "rerank-v3.5", searched, None, None), Some(Nanos(6_000_000)));
    let read = Usage { pages: 5, annotated_pages: 2, ..Usage::default() };
    assert_eq!(bill("mistral", "mistral-ocr-latest", read, None, None), Some(Nanos(20_000_000 + 10_000_000)));
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
