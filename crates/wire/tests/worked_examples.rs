//! From a provider's own words to nano-dollars, each sum worked out by hand. Rates are dollars per million tokens, so a
//! token at a rate of 1 costs 1,000 nano-dollars.

use domain::Nanos;
use domain::provider::Dialect;
use serde_json::{Value, json};
use wire::price::PriceBook;
use wire::task::Size;
use wire::usage::from_body;

/// What an answer with this usage costs, and whether the sum is the provider's own.
fn cost(dialect: Dialect, provider: &str, model: &str, usage: &Value) -> i64 {
    let name = if dialect == Dialect::Gemini { "usageMetadata" } else { "usage" };
    let observed = from_body(dialect, json!({ name: usage }).to_string().as_bytes());
    let price = PriceBook::builtin().find(provider, model).expect("a price");
    let computed = price.cost(&observed.usage.expect("usage"), &Size::default()).expect("a price").total;
    let Nanos(nanos) = observed.charged.unwrap_or(computed);
    nanos
}

#[test]
fn openai_cached_input_is_part_of_the_prompt_and_reasoning_of_the_completion() {
    let usage = json!({ "prompt_tokens": 2_006, "completion_tokens": 300, "total_tokens": 2_306,
        "prompt_tokens_details": { "cached_tokens": 1_920, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": 256 } });
    // 86 × 0.25 + 1,920 × 0.025 + 300 × 2
    assert_eq!(cost(Dialect::Openai, "openai", "gpt-5-mini-2025-08-07", &usage), 21_500 + 48_000 + 600_000);
}

#[test]
fn openai_beyond_272000_tokens_bills_every_token_at_the_long_rate() {
    let usage = |prompt: u64| json!({ "input_tokens": prompt, "output_tokens": 100, "input_tokens_details": { "cached_tokens": 272_000 } });
    // 272,000 × 0.5 + 100 × 30
    assert_eq!(cost(Dialect::Openai, "openai", "gpt-5.5", &usage(272_000)), 136_000_000 + 3_000_000);
    // 1 × 10 + 272,000 × 1 + 100 × 45
    assert_eq!(cost(Dialect::Openai, "openai", "gpt-5.5", &usage(272_001)), 10_000 + 272_000_000 + 4_500_000);
}

#[test]
fn openai_embeddings_and_transcriptions_bill_what_goes_in() {
    let usage = json!({ "prompt_tokens": 7, "total_tokens": 7 });
    assert_eq!(cost(Dialect::Openai, "openai", "text-embedding-3-small", &usage), 140);
    let usage = json!({ "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
        "input_token_details": { "text_tokens": 4, "audio_tokens": 10 } });
    // 4 × 2.5 + 10 × 6 + 45 × 10
    assert_eq!(cost(Dialect::Openai, "openai", "gpt-4o-transcribe", &usage), 10_000 + 60_000 + 450_000);
}

#[test]
fn anthropic_cache_reads_and_writes_come_on_top_of_the_input() {
    let usage = json!({ "input_tokens": 21, "output_tokens": 393, "cache_read_input_tokens": 18_000,
        "cache_creation_input_tokens": 3_000,
        "cache_creation": { "ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 2_000 } });
    // 21 × 2 + 18,000 × 0.2 + 1,000 × 2.5 + 2,000 × 4 + 393 × 10
    let wanted = 42_000 + 3_600_000 + 2_500_000 + 8_000_000 + 3_930_000;
    assert_eq!(cost(Dialect::Anthropic, "anthropic", "claude-sonnet-5", &usage), wanted);
}

#[test]
fn gemini_thoughts_are_billed_as_output_and_tool_prompts_as_input() {
    let usage = json!({ "promptTokenCount": 1_000, "cachedContentTokenCount": 400, "candidatesTokenCount": 20,
        "thoughtsTokenCount": 180, "toolUsePromptTokenCount": 50, "totalTokenCount": 1_250,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 900 }, { "modality": "AUDIO", "tokenCount": 100 }] });
    // 550 × 0.3 + 400 × 0.03 + 100 × 1 + 200 × 2.5
    let wanted = 165_000 + 12_000 + 100_000 + 500_000;
    assert_eq!(cost(Dialect::Gemini, "google", "gemini-2.5-flash", &usage), wanted);
}

#[test]
fn xai_reasoning_comes_on_top_and_the_named_charge_wins() {
    let mut usage = json!({ "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
        "prompt_tokens_details": { "cached_tokens": 6 }, "completion_tokens_details": { "reasoning_tokens": 94 } });
    // 26 × 1.25 + 6 × 0.2 + 103 × 2.5
    assert_eq!(cost(Dialect::Openai, "xai", "grok-4.20", &usage), 32_500 + 1_200 + 257_500);
    usage["cost_in_usd_ticks"] = json!(5_130_000);
    assert_eq!(cost(Dialect::Openai, "xai", "grok-4.20", &usage), 513_000);
}

#[test]
fn deepseek_mistral_and_groq_have_cached_tokens_inside_the_prompt() {
    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 10, "prompt_cache_hit_tokens": 64,
        "prompt_cache_miss_tokens": 36 });
    // 36 × 0.3 + 64 × 0.006 + 10 × 1.2
    assert_eq!(cost(Dialect::Openai, "deepseek", "deepseek-v4-flash", &usage), 10_800 + 384 + 12_000);
    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 10, "num_cached_tokens": 60 });
    // 40 × 0.7 + 60 × 0.07 + 10 × 2.1
    assert_eq!(cost(Dialect::Openai, "mistral", "mistral-large-4", &usage), 28_000 + 4_200 + 21_000);
    let usage =
        json!({ "prompt_tokens": 1_000, "completion_tokens": 0, "prompt_tokens_details": { "cached_tokens": 999 } });
    // 1 × 0.15 + 999 × 0.075
    assert_eq!(cost(Dialect::Openai, "groq", "openai/gpt-oss-120b", &usage), 150 + 74_925);
}

#[test]
fn openrouter_names_the_charge() {
    let usage = json!({ "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.000_034_75, "is_byok": false });
    assert_eq!(cost(Dialect::Openai, "openrouter", "anthropic/claude-haiku-4.5", &usage), 34_750);
}
