//! Batches, as OpenAI's API tells of them (<https://platform.openai.com/docs/api-reference/batch/object>): once one has ended it says
//! what all of it used, and with which model.

use domain::Usage;
use domain::provider::Dialect;
use domain::usage::ServiceTier;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::scan::{self, ScanError, ScanErrorKind};
use crate::usage::{Observed, from_body};

/// A batch that has ended and says what it used.
#[derive(Clone, Debug)]
pub struct EndedBatch {
    pub id: String,
    /// Seconds since 1970.
    pub created_at: Option<i64>,
    pub observed: Observed,
}

#[derive(Deserialize)]
struct Said<'a> {
    object: Option<String>,
    id: Option<String>,
    status: Option<String>,
    created_at: Option<i64>,
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
}

/// The batches that have ended in an answer about one, or in a list of them. Nothing where it is about something else.
#[must_use]
pub fn ended_batches(answer: &[u8]) -> Vec<EndedBatch> {
    let Ok(said) = serde_json::from_slice::<Said<'_>>(answer) else { return Vec::new() };
    match (said.object.as_deref(), said.data) {
        (Some("list"), Some(all)) => all
            .into_iter()
            .filter_map(|one| ended(serde_json::from_str(one.get()).ok()?, one.get().as_bytes()))
            .collect(),
        (Some("batch"), None) => ended(Said { data: None, ..said }, answer).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The endpoint that a new batch asks with each line of its file; none where it names none.
///
/// # Errors
/// The body is no JSON object, or says it twice, with escapes in the key's name, or as something else than a text.
pub fn batch_endpoint(body: &[u8]) -> Result<Option<String>, ScanError> {
    let [endpoint] = scan::values(body, &["endpoint"])?;
    let Some(place) = endpoint else { return Ok(None) };
    let wrong = ScanError { kind: ScanErrorKind::WrongType("endpoint"), offset: place.start };
    serde_json::from_slice(body.get(place).unwrap_or_default()).map_err(|_| wrong)
}

fn ended(said: Said<'_>, text: &[u8]) -> Option<EndedBatch> {
    let has_ended = matches!(said.status.as_deref(), Some("completed" | "expired" | "cancelled" | "failed"));
    if said.object.as_deref() != Some("batch") || !has_ended {
        return None;
    }
    let observed = from_body(Dialect::Openai, text);
    let usage = observed.usage.filter(|usage| *usage != Usage::default())?;
    let usage = Usage { service_tier: ServiceTier::Batch, ..usage };
    Some(EndedBatch {
        id: said.id?,
        created_at: said.created_at,
        observed: Observed { usage: Some(usage), charged: None, finished: true, ..observed },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: &str = r#"{"id":"batch_1","object":"batch","endpoint":"/v1/chat/completions","model":"gpt-4o-mini-2024-07-18","status":"completed","created_at":1711471533,"request_counts":{"total":2,"completed":2,"failed":0},"usage":{"input_tokens":1500,"input_tokens_details":{"cached_tokens":1024},"output_tokens":500,"output_tokens_details":{"reasoning_tokens":300},"total_tokens":2000},"metadata":null}"#;

    #[test]
    fn what_a_batch_asks_is_said_once_and_plainly() {
        let asked = |body: &str| batch_endpoint(body.as_bytes());
        let said = Ok(Some("/v1/embeddings".to_owned()));
        assert_eq!(asked(r#"{"input_file_id":"f","endpoint":"/v1/embeddings"}"#), said);
        assert_eq!(asked(r#"{"endpoint":"\/v1\/embeddings","metadata":{"endpoint":"/v1/responses"}}"#), said);
        for none in ["{}", r#"{"endpoint":null}"#, r#"{"metadata":{"endpoint":"/v1/embeddings"}}"#] {
            assert_eq!(asked(none), Ok(None), "{none}");
        }
        for wrong in [
            r#"{"endpoint":"/v1/embeddings","endpoint":"/v1/responses"}"#,
            r#"{"end\u0070oint":"/v1/responses","endpoint":"/v1/embeddings"}"#,
            r#"{"endpoint":["/v1/embeddings"]}"#,
            r#"["/v1/embeddings"]"#,
            "{",
        ] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_ended_batch_says_what_it_used() {
        let all = ended_batches(BATCH.as_bytes());
        let [batch] = all.as_slice() else { panic!("one batch: {all:?}") };
        assert_eq!((batch.id.as_str(), batch.created_at), ("batch_1", Some(1_711_471_533)));
        assert_eq!(batch.observed.model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
        let usage = batch.observed.usage.expect("usage");
        assert_eq!((usage.input, usage.cached_input, usage.output, usage.reasoning), (1_500, 1_024, 500, 300));
        assert_eq!(usage.service_tier, ServiceTier::Batch);
    }

    #[test]
    fn a_list_tells_of_those_that_have_ended() {
        let list = format!(
            r#"{{"object":"list","data":[{BATCH},{},{},1,null],"has_more":false}}"#,
            BATCH.replace("completed\",\"created", "in_progress\",\"created"),
            BATCH.replace("batch_1", "batch_2").replace("\"completed\",\"created", "\"expired\",\"created")
        );
        let ids: Vec<_> = ended_batches(list.as_bytes()).into_iter().map(|batch| batch.id).collect();
        assert_eq!(ids, ["batch_1", "batch_2"]);
    }

    #[test]
    fn what_is_no_ended_batch_says_nothing() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"object":"batch","status":"completed"}"#,
            &BATCH.replace("\"batch\"", "\"file\""),
            &BATCH.replace("completed\",\"created", "finalizing\",\"created"),
            &BATCH.replace("usage", "used"),
            &BATCH[..BATCH.len() - 1],
        ] {
            assert!(ended_batches(text.as_bytes()).is_empty(), "{text}");
        }
    }
}
