//! Responses as they are kept: what is read of them, and how one is told that was not finished.

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::encoder::Encoder;
use super::object::Object;
use super::state::{MOST_ITEM_ID, has_overlong_id, normal};
use super::write::Fields;
use crate::chat::{Asked, Json, Refused};
use crate::sse::{Event, one_line};

/// What must be known of a response to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub id: String,
    /// Its status, as it says.
    pub status: String,
    /// When it began, in seconds since 1970.
    pub created_at: Option<i64>,
    /// Whether it was asked for in the background.
    pub background: bool,
}

/// Reads what must be known of a response; none where it is none.
#[must_use]
pub fn head(response: &[u8]) -> Option<Head> {
    let response = Object::parse(response)?;
    let id: String = response.get("id")?;
    let status = response.get("status").unwrap_or_else(|| "completed".to_owned());
    let created_at = response.get::<f64>("created_at").map(|seconds| seconds as i64);
    let background = response.get("background").unwrap_or(false);
    let is_response = response.text("object") == "response" || response.raw("output").is_some();
    is_response.then_some(Head { id, status, created_at, background })
}

/// The response that an event of a stream tells, where it is one of the stream's first or last.
#[must_use]
pub fn told(event: &Event<'_>) -> Option<Json> {
    const TELLING: [&str; 6] = [
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
    ];
    #[derive(Deserialize)]
    struct Telling<'a> {
        #[serde(rename = "type")]
        kind: Option<&'a str>,
        #[serde(borrow)]
        response: Option<&'a RawValue>,
    }
    let named = |name: &[u8]| TELLING.iter().any(|telling| telling.as_bytes() == name);
    if event.event.is_some_and(|name| !named(name)) {
        return None;
    }
    let telling: Telling<'_> = serde_json::from_slice(event.data).ok()?;
    let kind = telling.kind.or(event.event.and_then(|name| std::str::from_utf8(name).ok()))?;
    TELLING.contains(&kind).then(|| telling.response.map(Json::of)).flatten()
}

/// The response to a question before anything is known of it.
#[must_use]
pub fn opening(asked: &Asked) -> Json {
    Encoder::silent(asked, None).into_opening()
}

/// The response with another status, and with the code and the sentence of a failure.
#[must_use]
pub fn ends_as(response: &str, status: &str, failure: Option<(&str, &str)>) -> String {
    let Some(object) = Object::parse(response.as_bytes()) else { return response.to_owned() };
    let mut fields = Fields::default();
    for (name, raw) in object.all() {
        match name {
            "status" => fields.put(name, &status),
            "error" if failure.is_some() => {
                fields.put(name, &failure.map(|(code, message)| json!({ "code": code, "message": message })));
            }
            _ => fields.put(name, &raw),
        }
    }
    Json::of(&fields).as_str().to_owned()
}

/// An event that tells a response, as the stream's event of that number.
#[must_use]
pub fn telling(kind: &str, number: usize, response: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Telling<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        sequence_number: usize,
        response: Option<Json>,
    }
    let telling = Telling { kind, sequence_number: number, response: Json::parse(response).ok() };
    let mut event = format!("event: {kind}\ndata: ").into_bytes();
    let begin = event.len();
    event.extend_from_slice(Json::of(&telling).as_str().as_bytes());
    one_line(&mut event, begin);
    event.extend_from_slice(b"\n\n");
    event
}

/// What a request about a conversation brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    /// Its items, every one with an id; those without are named after `base`.
    pub items: Vec<Json>,
    /// A JSON object.
    pub metadata: Option<Json>,
}

/// Reads a request about a conversation. No body says nothing.
///
/// # Errors
/// A field has the wrong shape.
pub fn described(body: &[u8], base: &str) -> Result<Described, Refused> {
    if body.trim_ascii().is_empty() {
        return Ok(Described::default());
    }
    let asked = serde_json::from_slice::<Object<'_>>(body)?;
    let wrong = |_| Refused::field("items", "must be a list of items");
    let list: Vec<&RawValue> =
        asked.raw("items").map_or(Ok(Vec::new()), |raw| serde_json::from_str(raw.get()).map_err(wrong))?;
    let item = |(i, raw): (usize, &RawValue)| {
        let wrong = || Refused::field(format!("items[{i}]"), "must be an object");
        let item = Object::of(raw).ok_or_else(wrong)?;
        if has_overlong_id(&item) {
            let message = format!("is longer than {MOST_ITEM_ID} bytes; send a shorter one, or none");
            return Err(Refused::field(format!("items[{i}].id"), message));
        }
        Ok(normal(&item, base, &format!("q{i}")))
    };
    let items = list.into_iter().enumerate().map(item).collect::<Result<_, _>>()?;
    let metadata = asked.json("metadata");
    if metadata.as_ref().is_some_and(|metadata| !metadata.is_object()) {
        return Err(Refused::field("metadata", "must be an object"));
    }
    Ok(Described { items, metadata })
}

/// A page of items as a list.
#[must_use]
pub fn list(items: &[Json], has_more: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct List<'a> {
        object: &'static str,
        data: &'a [Json],
        first_id: Option<String>,
        last_id: Option<String>,
        has_more: bool,
    }
    let (first_id, last_id) = (items.first().and_then(super::id_of), items.last().and_then(super::id_of));
    let list = List { object: "list", data: items, first_id, last_id, has_more };
    Json::of(&list).as_str().as_bytes().to_vec()
}
