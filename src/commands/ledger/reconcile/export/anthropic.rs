//! Anthropic's `/v1/organizations/usage_report/messages` and `/v1/organizations/cost_report`: pages of buckets, each from
//! `starting_at` (RFC 3339, UTC). Costs are decimals in cents.

use chrono::DateTime;
use serde_json::Value;

use super::{Book, Entry, Export, buckets, money, text};

/// Adds a page.
pub fn page(page: &Value, export: &mut Export) -> Result<(), String> {
    let buckets = buckets(page)?;
    let is_costs =
        buckets.iter().filter_map(|bucket| bucket["results"].get(0)).any(|result| result["amount"].is_string());
    let book = if is_costs { Book::Costs } else { Book::Usage };
    for bucket in buckets {
        let start = bucket["starting_at"].as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let day = start.ok_or("a bucket has no time `starting_at`")?.timestamp().div_euclid(86_400);
        export.days.insert((book, day));
        for result in bucket["results"].as_array().ok_or("a bucket has no list `results`")? {
            export.entries.push(if is_costs { cost(result, day)? } else { usage(result, day)? });
        }
    }
    Ok(())
}

fn cost(result: &Value, day: i64) -> Result<Entry, String> {
    let currency = result["currency"].as_str().unwrap_or("USD");
    if !currency.eq_ignore_ascii_case("usd") {
        return Err(format!("an amount is in {currency}, not in dollars"));
    }
    let amount = result["amount"].as_str().ok_or("a result has no text `amount`")?;
    let cost = money::nanos(amount, -2).ok_or_else(|| format!("`amount`: {amount} is no amount"))?;
    // Without `group_by[]=description` there is no model.
    let model = text(&result["model"]).or_else(|| text(&result["description"]));
    Ok(Entry { model, cost: Some(cost), ..Entry::of(Book::Costs, day) })
}

fn usage(result: &Value, day: i64) -> Result<Entry, String> {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let uncached = result["uncached_input_tokens"].as_u64().ok_or("a result has no `uncached_input_tokens`")?;
    let written = &result["cache_creation"];
    let cached = [
        &result["cache_read_input_tokens"],
        &written["ephemeral_5m_input_tokens"],
        &written["ephemeral_1h_input_tokens"],
    ];
    let cached = cached.into_iter().map(count).fold(0, u64::saturating_add);
    Ok(Entry {
        model: text(&result["model"]),
        key: text(&result["api_key_id"]),
        input: Some(uncached.saturating_add(cached)),
        output: Some(count(&result["output_tokens"])),
        ..Entry::of(Book::Usage, day)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ExportFormat;
    use crate::commands::ledger::reconcile::export::read;

    #[test]
    fn all_kinds_of_input_tokens_are_input() {
        let export = read(ExportFormat::Anthropic, include_str!("../fixtures/anthropic_usage.json")).expect("read");
        let expected = Entry {
            model: Some("claude-sonnet-4-5-20250929".into()),
            key: Some("apikey_01".into()),
            input: Some(1_000 + 200 + 30 + 4),
            output: Some(500),
            ..Entry::of(Book::Usage, 20_782)
        };
        assert_eq!(export.entries, [expected]);
        assert_eq!(export.days.len(), 2);
    }

    #[test]
    fn costs_are_in_cents() {
        let export = read(ExportFormat::Anthropic, include_str!("../fixtures/anthropic_costs.json")).expect("read");
        let told: Vec<_> = export.entries.iter().map(|entry| (entry.model.as_deref(), entry.cost)).collect();
        assert_eq!(
            told,
            [(Some("claude-sonnet-4-5-20250929"), Some(1_237_890)), (Some("Web Search Usage"), Some(10_000_000))]
        );
    }

    #[test]
    fn what_is_something_else_is_named() {
        let refused = |text: &str| read(ExportFormat::Anthropic, text).expect_err("refused");
        assert!(refused(r#"{"data":[{"start_time":0,"results":[]}]}"#).contains("starting_at"));
        let other = r#"{"data":[{"starting_at":"2026-11-25T00:00:00Z","results":[{"core_metrics":{}}]}]}"#;
        assert!(refused(other).contains("uncached_input_tokens"));
    }
}
