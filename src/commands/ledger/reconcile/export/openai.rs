//! OpenAI's `/v1/organization/usage/…` and `/v1/organization/costs`: pages of buckets, each from `start_time` (seconds).

use serde_json::Value;

use super::{Book, Entry, Export, buckets, money, text};

/// Adds a page.
pub fn page(page: &Value, export: &mut Export) -> Result<(), String> {
    for bucket in buckets(page)? {
        let start = bucket["start_time"].as_i64().ok_or("a bucket has no `start_time`")?;
        let day = start.div_euclid(86_400);
        // Older answers call it `result`.
        let results = bucket["results"].as_array().or(bucket["result"].as_array());
        let results = results.ok_or("a bucket has no list `results`")?;
        if results.is_empty() {
            // Which book it is shows in other buckets only; of an empty one both would say the same.
            export.days.extend([(book_of(page), day)]);
        }
        for result in results {
            let entry = entry(result, day)?;
            export.days.insert((entry.book, day));
            export.entries.push(entry);
        }
    }
    Ok(())
}

/// What a page is about, by its first result.
fn book_of(page: &Value) -> Book {
    let results = page["data"].as_array().into_iter().flatten().filter_map(|bucket| bucket["results"].get(0));
    match results.map(|result| &result["amount"]).next() {
        Some(Value::Object(_)) => Book::Costs,
        _ => Book::Usage,
    }
}

fn entry(result: &Value, day: i64) -> Result<Entry, String> {
    if let Some(value) = result["amount"].get("value") {
        let currency = result["amount"]["currency"].as_str().unwrap_or("usd");
        if !currency.eq_ignore_ascii_case("usd") {
            return Err(format!("an amount is in {currency}, not in dollars"));
        }
        let decimal = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let cost = money::nanos(&decimal, 0).ok_or_else(|| format!("`amount.value`: {decimal} is no amount"))?;
        // `gpt-4o-mini-2024-07-18, cached input`
        let line = text(&result["line_item"]);
        let model = line.map(|line| line.split(',').next().unwrap_or_default().trim().to_owned());
        return Ok(Entry { model, cost: Some(cost), ..Entry::of(Book::Costs, day) });
    }
    let requests = result["num_model_requests"].as_u64();
    if requests.is_none() {
        return Err("a result has neither `num_model_requests` nor `amount`: it is of no usage or costs API".to_owned());
    }
    Ok(Entry {
        model: text(&result["model"]),
        key: text(&result["api_key_id"]),
        requests,
        input: result["input_tokens"].as_u64(),
        output: result["output_tokens"].as_u64(),
        ..Entry::of(Book::Usage, day)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ExportFormat;
    use crate::commands::ledger::reconcile::export::read;

    #[test]
    fn usage_and_costs_are_read() {
        let export = read(ExportFormat::Openai, include_str!("../fixtures/openai_usage.json")).expect("read");
        assert!(!export.is_cut);
        // 2026-11-25, and the day after without anything.
        assert_eq!(export.days.iter().copied().collect::<Vec<_>>(), [(Book::Usage, 20_782), (Book::Usage, 20_783)]);
        let first = Entry {
            model: Some("gpt-4o-mini-2024-07-18".into()),
            key: Some("key_abc".into()),
            requests: Some(3),
            input: Some(36),
            output: Some(102),
            ..Entry::of(Book::Usage, 20_782)
        };
        assert_eq!(export.entries[0], first);
        let export = read(ExportFormat::Openai, include_str!("../fixtures/openai_costs.json")).expect("read");
        let told: Vec<_> = export.entries.iter().map(|entry| (entry.model.as_deref(), entry.cost)).collect();
        let model = Some("gpt-4o-mini-2024-07-18");
        assert_eq!(told, [(model, Some(5_400)), (model, Some(61_200)), (Some("web search"), Some(25_000_000))]);
    }

    #[test]
    fn what_is_something_else_is_named() {
        let refused = |text: &str| read(ExportFormat::Openai, text).expect_err("refused");
        assert!(refused("{").contains("is no JSON"));
        assert!(refused(r#"{"object":"list"}"#).contains("page 1: has no list `data`"));
        let other = r#"{"data":[{"start_time":0,"results":[{"object":"organization.usage.vector_stores.result"}]}]}"#;
        assert!(refused(other).contains("num_model_requests"));
        let euros = r#"{"data":[{"start_time":0,"results":[{"amount":{"value":1,"currency":"eur"}}]}]}"#;
        assert!(refused(euros).contains("eur"));
        assert!(refused("[]").contains("no days"));
    }

    #[test]
    fn an_export_that_goes_on_says_so() {
        let cut = r#"{"data":[{"start_time":0,"results":[]}],"has_more":true,"next_page":"x"}"#;
        assert!(read(ExportFormat::Openai, cut).expect("read").is_cut);
        let whole = format!("{cut}\n{{\"data\":[],\"has_more\":false}}");
        assert!(!read(ExportFormat::Openai, &whole).expect("read").is_cut);
    }
}
