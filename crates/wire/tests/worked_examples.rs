//! From a provider's own words to nano-dollars. Each case in `worked_examples/` is an answer in its provider's shape, through the
//! reader and the prices that bill real ones, with the sum that a person worked out from the provider's rules and rates.
//!
//! A `working` is in nano-dollars: a rate of one dollar for a million tokens is 1,000 nano-dollars a token. The test works it
//! out too, by a reckoner of its own, so that a slip in writing is not taken for one of the code.

use std::collections::BTreeMap;
use std::path::Path;

use domain::price::Zone;
use domain::provider::Dialect;
use domain::usage::ServiceTier;
use domain::{Nanos, Usage};
use serde::Deserialize;
use serde_json::Value;
use wire::api::Api;
use wire::price::{Named, Prices, Terms};
use wire::task::{Size, Task, consumed};
use wire::usage::{AmazonCounts, Observed, Words};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The line of docs/prices.md that it shows.
    rule: String,
    /// As the price book calls it.
    provider: String,
    /// As it is asked for.
    model: String,
    reader: Reader,
    at: Option<String>,
    /// A whole body, or the documents of a stream.
    answer: Value,
    #[serde(default)]
    stream: bool,
    /// The counts that Amazon sends as headers.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What the request or its address says.
    size: Option<String>,
    quality: Option<String>,
    zone: Option<String>,
    backend: Option<String>,
    /// What only the request tells: an answer to a batch is like any other.
    #[serde(default)]
    batch: bool,
    working: String,
    nanos: i64,
    /// `provider`, where the charge is the provider's own.
    #[serde(default)]
    source: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reader {
    Openai,
    Anthropic,
    Gemini,
    Converse,
    Invoke,
    Cohere,
    Rerank,
    Images,
    Transcription,
    Embeddings,
    CohereEmbeddings,
}

impl Case {
    fn observed(&self) -> Observed {
        let body = self.answer.to_string();
        let own = |api, chat| Words::Own { api, chat };
        let words = match self.reader {
            Reader::Openai => Words::Family(Dialect::Openai),
            Reader::Anthropic => Words::Family(Dialect::Anthropic),
            Reader::Gemini => Words::Family(Dialect::Gemini),
            Reader::Converse => own(Api::Bedrock, true),
            Reader::Invoke => own(Api::Bedrock, false),
            Reader::Cohere | Reader::CohereEmbeddings => own(Api::Cohere, true),
            Reader::Rerank => return consumed(Task::Rerank, Dialect::Openai, body.as_bytes()),
            Reader::Images => return consumed(Task::Images, Dialect::Openai, body.as_bytes()),
            Reader::Transcription => return consumed(Task::Transcriptions, Dialect::Openai, body.as_bytes()),
            Reader::Embeddings => return consumed(Task::Embeddings, Dialect::Openai, body.as_bytes()),
        };
        if self.stream {
            let mut watch = words.watch();
            for document in self.answer.as_array().expect("documents") {
                let event = document["type"].as_str().map(|kind| format!("event: {kind}\n")).unwrap_or_default();
                let text = format!("{event}data: {document}\n\n");
                text.as_bytes().chunks(11).for_each(|piece| watch.push(piece));
            }
            return watch.finish();
        }
        let counts = AmazonCounts::read(|name| self.headers.get(name).map(String::as_str));
        words.read(counts, body.as_bytes())
    }

    fn at_ms(&self) -> i64 {
        let at = self.at.as_deref().unwrap_or("2026-11-23T12:00:00Z");
        chrono::DateTime::parse_from_rfc3339(at).expect("a moment").timestamp_millis()
    }

    fn zone(&self, seen: Zone) -> Zone {
        self.zone.as_deref().map_or(seen, |name| Zone::of(name).unwrap_or_else(|| panic!("no zone {name}")))
    }

    /// The cost, and whether the provider named it.
    fn cost(&self) -> (i64, bool) {
        let observed = self.observed();
        if let Some(Nanos(charged)) = observed.charged {
            return (charged, true);
        }
        let usage = observed.usage.unwrap_or_else(|| panic!("{}: no usage", self.name));
        let service_tier = if self.batch { ServiceTier::Batch } else { usage.service_tier };
        let usage = Usage { zone: self.zone(usage.zone), service_tier, ..usage };
        let named = Named {
            provider: &self.provider,
            book: Some(&self.provider),
            answered: observed.model.as_deref(),
            asked: Some(&self.model),
        };
        let pictures = &Size { size: self.size.clone(), quality: self.quality.clone() };
        let terms = Terms { at_ms: self.at_ms(), pictures, backend: self.backend.as_deref() };
        let cost = Prices::default().quote(&named, &usage, &terms);
        let cost = cost.unwrap_or_else(|| panic!("{}: no price of {usage:?}", self.name));
        assert_eq!(cost.formula.total(), cost.total, "{}", self.name);
        (cost.total.0, false)
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worked_examples");
    let mut all = Vec::new();
    for file in std::fs::read_dir(folder).expect("the folder") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        let cases: Vec<Case> = serde_json::from_str(&text).unwrap_or_else(|bad| panic!("{}: {bad}", path.display()));
        all.extend(cases);
    }
    all
}

/// `a × b ÷ c + d`, without a float: a fraction.
fn reckon(working: &str) -> (i128, i128) {
    let number = |text: &str| -> (i128, i128) {
        let text = text.trim().replace(',', "");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{part}").parse().unwrap_or_else(|_| panic!("{text} in {working}"));
        (digits, 10_i128.pow(u32::try_from(part.len()).expect("few digits")))
    };
    let term = |text: &str| {
        let mut factors = text.split('×');
        let mut all = (1, 1);
        for factor in &mut factors {
            let mut parts = factor.split('÷');
            let (above, below) = number(parts.next().unwrap_or_default());
            all = (all.0 * above, all.1 * below);
            for divisor in parts {
                let (above, below) = number(divisor);
                all = (all.0 * below, all.1 * above);
            }
        }
        all
    };
    working.split('+').map(term).fold((0, 1), |(above, below), (more, by)| (above * by + more * below, below * by))
}

#[test]
fn every_example_costs_what_was_worked_out_by_hand() {
    let all = cases();
    let mut wrong = Vec::new();
    for case in &all {
        let (above, below) = reckon(&case.working);
        let rounded = (2 * above + below) / (2 * below);
        assert_eq!(rounded, case.nanos.into(), "the working of {}", case.name);
        let (cost, charged) = case.cost();
        assert_eq!(charged, case.source == "provider", "{}", case.name);
        if cost != case.nanos {
            wrong.push(format!("{} ({}): {cost}, by hand {} = {}", case.name, case.rule, case.working, case.nanos));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() >= 80, "{}", all.len());
}

#[test]
fn every_rule_is_shown_twice() {
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases() {
        *shown.entry(case.rule).or_default() += 1;
    }
    let rare: Vec<_> = shown.iter().filter(|(_, count)| **count < 2).collect();
    assert!(rare.is_empty() && shown.len() >= 20, "{rare:?} of {}", shown.len());
}
