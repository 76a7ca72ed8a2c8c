//! How much a request may use, before it is sent: an upper bound as far as one is known, put right when the request ends.
//!
//! A text has no more than a token for every three bytes, and no more than the model takes. An answer is no longer than the
//! request says, or, where it says nothing, than the model's bound or 4,096 tokens. A recording has no more than a second for
//! every two kilobytes. Where that is too low a limit is exceeded by the difference, once for each request that was let in by it.

use domain::Usage;
use domain::price::Zone;
use serde::Deserialize;
use wire::price::{Cost, CustomCost, Found, Terms};
use wire::scan::Scan;
use wire::task::{Size, Task};

use super::held::Wants;

/// Bytes of a request for which a token is reserved.
const BYTES_A_TOKEN: u64 = 3;
/// Tokens of an answer that are reserved where nobody sets a bound.
const OUTPUT: u64 = 4_096;
/// Bytes of a recording for which a second is reserved, and the tokens that a second may be billed as.
const BYTES_A_SECOND: u64 = 2_000;
const TOKENS_A_SECOND: u64 = 20;

/// What a request says of the length of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asks {
    /// Whether its body is text, of which tokens are made.
    pub text: bool,
    /// Most tokens of an answer.
    pub output: Option<u64>,
    /// How many answers.
    pub answers: Option<u64>,
    /// Whether its API says so further down in the body.
    pub nested: bool,
}

/// What is estimated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub task: Option<Task>,
    pub asks: Asks,
    pub body: &'a [u8],
    /// What the gateway counted itself.
    pub count: Option<&'a Usage>,
    pub pictures: &'a Size,
    /// Where the answer is made.
    pub zone: Zone,
    /// None where nobody knows it.
    pub price: Option<Found<'a>>,
    /// What the request itself says that it costs.
    pub custom: Option<&'a CustomCost>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

impl Asks {
    pub(crate) fn of(scan: &Scan<'_>) -> Self {
        Self { text: true, output: scan.max_tokens, answers: scan.choices, nested: false }
    }

    /// As it is said further down in a body, by the APIs that do.
    fn within(self, body: &[u8]) -> Self {
        let nested = || serde_json::from_slice::<Nested>(body).unwrap_or_default();
        let found = if self.nested && self.output.is_none() { nested() } else { Nested::default() };
        let Nested { generation: gemini, inference: bedrock, options: ollama } = found;
        let output = gemini.output.or(bedrock.output).or(ollama.output);
        Self { output: self.output.or(output), answers: self.answers.or(gemini.answers), ..self }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nested {
    #[serde(rename = "generationConfig", alias = "generation_config")]
    generation: Bounds,
    #[serde(rename = "inferenceConfig")]
    inference: Bounds,
    options: Bounds,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bounds {
    #[serde(rename = "maxOutputTokens", alias = "max_output_tokens", alias = "maxTokens", alias = "num_predict")]
    output: Option<u64>,
    #[serde(rename = "candidateCount", alias = "candidate_count")]
    answers: Option<u64>,
}

/// What a request may use. One that certainly uses nothing is not asked about.
pub(crate) fn estimate(question: &Question<'_>) -> Wants {
    let Question { pictures, now_ms, .. } = *question;
    let (units, tokens) = (question.units(), question.tokens());
    let wanted = tokens.input.saturating_add(tokens.output).max(1);
    // The smallest amount there is, so that a limit without any room lets nothing pass that has a price.
    let least = |cost: Cost| u64::try_from(cost.total.0).unwrap_or(0).max(1);
    if let Some(custom) = question.custom {
        return Wants { requests: 1, tokens: wanted, cost: custom.cost(Some(&tokens)).map(least) };
    }
    let Some(price) = question.price else { return Wants { requests: 1, tokens: wanted, cost: None } };
    if price.is_free() {
        return Wants { requests: 1, tokens: wanted, cost: Some(0) };
    }
    let terms = Terms { at_ms: now_ms, pictures, backend: None };
    let by_unit = units.and_then(|units| price.cost(&Usage { zone: question.zone, ..units }, &terms));
    let (wanted, cost) = match by_unit {
        Some(cost) => (1, Some(cost)),
        None => (wanted, price.cost(&tokens, &terms)),
    };
    Wants { requests: 1, tokens: wanted, cost: cost.map(least) }
}

/// The same as what it would be billed as: units where these have a price, else tokens.
pub(crate) fn estimated_usage(question: &Question<'_>) -> Usage {
    let terms = Terms { at_ms: question.now_ms, pictures: question.pictures, backend: None };
    let has_price = |units: &Usage| question.price.is_some_and(|price| price.cost(units, &terms).is_some());
    let units = question.units().filter(has_price);
    Usage { zone: question.zone, ..units.unwrap_or_else(|| question.tokens()) }
}

impl Question<'_> {
    fn bytes(&self) -> u64 {
        self.body.len() as u64
    }

    fn answers(&self) -> u64 {
        self.asks.answers.unwrap_or(1).max(1)
    }

    /// What may be counted that is not billed by token.
    fn units(&self) -> Option<Usage> {
        let none = Usage::default();
        match self.task? {
            Task::Speech => Some(self.count.copied().unwrap_or(Usage { characters: self.bytes(), ..none })),
            task if task.hears() => Some(Usage { audio_seconds: self.seconds(), ..none }),
            task if task.paints() => Some(Usage { images: self.answers(), ..none }),
            Task::Rerank => Some(Usage { searches: 1, ..none }),
            _ => None,
        }
    }

    fn seconds(&self) -> u64 {
        self.bytes() / BYTES_A_SECOND + 1
    }

    /// The tokens that there may be.
    fn tokens(&self) -> Usage {
        let input = match self.task {
            Some(task) if task.hears() => self.seconds() * TOKENS_A_SECOND,
            _ if !self.asks.text => 0,
            // A list of texts may be longer than each of them.
            Some(Task::Embeddings | Task::Rerank | Task::Moderations) => self.bytes().div_ceil(BYTES_A_TOKEN),
            _ => {
                let most = self.price.and_then(|price| price.facts().context_window).unwrap_or(u64::MAX);
                self.bytes().div_ceil(BYTES_A_TOKEN).min(most)
            }
        };
        let output = match self.task {
            Some(Task::Embeddings | Task::Rerank | Task::Moderations | Task::Files | Task::Batches) => 0,
            None if !self.asks.text => 0,
            Some(_) => OUTPUT.saturating_mul(self.answers()),
            None => self.output(),
        };
        Usage { input, output, zone: self.zone, ..Usage::default() }
    }

    /// The tokens that all answers to a question may have.
    fn output(&self) -> u64 {
        let asks = self.asks.within(self.body);
        let most = self.price.and_then(|price| price.facts().max_output_tokens).unwrap_or(u64::MAX);
        let each = asks.output.unwrap_or(OUTPUT).min(most);
        each.saturating_mul(asks.answers.unwrap_or(1).max(1))
    }
}

#[cfg(test)]
mod tests {
    use wire::price::{Price, PriceBook};

    use super::*;

    fn price(provider: &str, model: &str) -> &'static Price {
        PriceBook::builtin().find(provider, model).expect("a model of the book")
    }

    fn question<'a>(price: Option<&'a Price>, body: &'a [u8], asks: Asks) -> Question<'a> {
        const NO_SIZE: &Size = &Size { quality: None, size: None };
        Question {
            task: None,
            asks,
            body,
            count: None,
            pictures: NO_SIZE,
            zone: Zone::Anywhere,
            price: price.map(Found::from),
            custom: None,
            now_ms: 1_767_000_000_000,
        }
    }

    const TEXT: Asks = Asks { text: true, output: None, answers: None, nested: false };

    #[test]
    fn three_bytes_are_a_token_and_an_answer_is_as_long_as_it_may_be() {
        // $0.15 and $0.60 for a million.
        let mini = price("openai", "gpt-4o-mini");
        let bounded = Asks { output: Some(100), answers: Some(2), ..TEXT };
        let wants = estimate(&question(Some(mini), &[b'a'; 301], bounded));
        assert_eq!(wants, Wants { requests: 1, tokens: 101 + 200, cost: Some(101 * 150 + 200 * 600) });
        let unbounded = estimate(&question(Some(mini), &[b'a'; 3], TEXT));
        assert_eq!(unbounded, Wants { requests: 1, tokens: 1 + 4_096, cost: Some(150 + 4_096 * 600) });
        let too_much = Asks { output: Some(1_000_000_000), ..TEXT };
        assert_eq!(estimate(&question(Some(mini), b"abc", too_much)).tokens, 1 + 16_384);
        let long = vec![b'a'; 3_000_000];
        assert_eq!(estimate(&question(Some(mini), &long, bounded)).tokens, 128_000 + 200);
    }

    #[test]
    fn what_has_no_price_has_no_cost_and_what_is_free_costs_nothing() {
        assert_eq!(estimate(&question(None, b"abc", TEXT)), Wants { requests: 1, tokens: 4_097, cost: None });
        let book = r#"{"version":1,"as_of":"2026-11-22","rows":[{"provider":"p","model":"m","rates":{"input":"0","output":"0"}}]}"#;
        let book = PriceBook::parse(book).expect("a book");
        assert_eq!(estimate(&question(book.find("p", "m"), b"abc", TEXT)).cost, Some(0));
    }

    #[test]
    fn a_bound_further_down_in_the_body_counts() {
        for body in [
            r#"{"generationConfig":{"maxOutputTokens":7,"candidateCount":3}}"#,
            r#"{"generation_config":{"max_output_tokens":7,"candidate_count":3}}"#,
        ] {
            let asks = Asks { nested: true, ..TEXT };
            let input = body.len().div_ceil(3) as u64;
            assert_eq!(estimate(&question(None, body.as_bytes(), asks)).tokens, input + 21, "{body}");
        }
        for body in [r#"{"inferenceConfig":{"maxTokens":7}}"#, r#"{"options":{"num_predict":7}}"#] {
            let asks = Asks { nested: true, ..TEXT };
            let input = body.len().div_ceil(3) as u64;
            assert_eq!(estimate(&question(None, body.as_bytes(), asks)).tokens, input + 7, "{body}");
        }
    }

    #[test]
    fn what_is_not_billed_by_token_is_estimated_in_its_own_unit() {
        let of = |task, model, body: &[u8], answers| {
            let asks = Asks { text: true, answers, ..Asks::default() };
            let question = Question { task: Some(task), ..question(Some(price("openai", model)), body, asks) };
            estimate(&question).cost.expect("a cost")
        };
        // $0.006 a minute: 11 seconds.
        assert_eq!(of(Task::Transcriptions, "whisper-1", &[0; 20_000], None), 1_100_000);
        // $15 for a million characters.
        assert_eq!(of(Task::Speech, "tts-1", &[b'a'; 100], None), 1_500_000);
        let one = of(Task::Images, "dall-e-3", b"{}", None);
        assert!(one > 0);
        assert_eq!(of(Task::Images, "dall-e-3", b"{}", Some(3)), 3 * one);
        // $0.02 for a million tokens, and there is no answer to pay for.
        assert_eq!(of(Task::Embeddings, "text-embedding-3-small", &[b'a'; 3_000], None), 20_000);
    }

    #[test]
    fn nothing_that_has_a_price_is_estimated_as_nothing() {
        let book = r#"{"version":1,"as_of":"2026-11-22","rows":[{"provider":"p","model":"m","rates":{"input":"0.000000001"}}]}"#;
        let book = PriceBook::parse(book).expect("a book");
        let asks = Asks { text: true, output: Some(0), ..Asks::default() };
        assert_eq!(
            estimate(&question(book.find("p", "m"), b"", asks)),
            Wants { requests: 1, tokens: 1, cost: Some(1) }
        );
    }
}
