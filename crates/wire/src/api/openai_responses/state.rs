//! What a request says of state that is kept between requests, and how kept items are put into it.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::object::Object;
use super::write::Fields;
use crate::chat::{Json, Refused};

/// Longest id of an item that is kept, in bytes. Databases find items by them, and take no key of any length.
pub const MOST_ITEM_ID: usize = 512;

/// What a request says of kept state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateRefs {
    /// The response that this one continues.
    pub previous_response_id: Option<String>,
    /// The conversation it belongs to.
    pub conversation: Option<String>,
    /// Items that are named instead of sent, in order.
    pub item_references: Vec<String>,
    /// How many items it brings.
    pub items: usize,
    /// The place of the first of them whose id is longer than [`MOST_ITEM_ID`].
    pub overlong_id: Option<usize>,
    /// Whether the response is to be kept; none where the caller did not say, which means yes.
    pub store: Option<bool>,
    /// Whether the caller comes back for the answer later.
    pub background: bool,
}

/// Reads what a request says of kept state. Of a body that is no request, nothing.
#[must_use]
pub fn state_refs(body: &[u8]) -> StateRefs {
    let Some(asked) = Object::parse(body) else { return StateRefs::default() };
    let conversation = asked.get("conversation").or_else(|| asked.object("conversation")?.get("id"));
    let input: Vec<_> = asked.list("input").into_iter().map(Object::of).collect();
    StateRefs {
        previous_response_id: asked.get("previous_response_id"),
        conversation,
        item_references: input.iter().flatten().filter_map(reference).collect(),
        items: if asked.get::<String>("input").is_some() { 1 } else { input.len() },
        overlong_id: input.iter().position(|item| item.as_ref().is_some_and(has_overlong_id)),
        store: asked.get("store"),
        background: asked.get("background").unwrap_or(false),
    }
}

/// Whether an item's id is longer than one may be that is kept.
pub(super) fn has_overlong_id(item: &Object<'_>) -> bool {
    // Escapes make the text longer than what it says, never shorter.
    let may_be = item.raw("id").is_some_and(|id| id.get().len() > MOST_ITEM_ID);
    may_be && item.text("id").len() > MOST_ITEM_ID
}

/// The id of the item that stands for another.
fn reference(item: &Object<'_>) -> Option<String> {
    let kind = item.kind();
    let refers = kind == "item_reference" || (kind.is_empty() && item.raw("role").is_none());
    refers.then(|| item.get("id")).flatten()
}

/// The request with kept items before its own, and without what pointed to them. `background` says whether it may still ask
/// for the background. A body that is no request comes back as it is.
#[must_use]
pub fn with_history(body: &[u8], items: &[Json], background: bool) -> Vec<u8> {
    let without = ["previous_response_id", "conversation", "background"];
    let without = if background { &without[..2] } else { &without[..] };
    with_input(body, without, |asked| Ok(Joined(items, sent(asked)))).unwrap_or_default()
}

/// The request with kept items in the places of references to them. `find` knows the items by their ids.
///
/// # Errors
/// When an item is not known.
pub fn resolve_references(body: &[u8], find: impl Fn(&str) -> Option<Json>) -> Result<Vec<u8>, Refused> {
    with_input(body, &[], |asked| {
        let resolve = |(i, item): (usize, Json)| {
            let Some(id) = Object::parse(item.as_str().as_bytes()).as_ref().and_then(reference) else {
                return Ok(item);
            };
            let unknown = || Refused::field(format!("input[{i}].id"), format!("there is no item {id:?}"));
            find(&id).ok_or_else(unknown)
        };
        sent(asked).into_iter().enumerate().map(resolve).collect::<Result<Vec<_>, _>>()
    })
}

fn with_input<T: Serialize>(
    body: &[u8],
    without: &[&str],
    input: impl FnOnce(&Object<'_>) -> Result<T, Refused>,
) -> Result<Vec<u8>, Refused> {
    let Some(asked) = Object::parse(body) else { return Ok(body.to_vec()) };
    let mut fields = Fields::default();
    let kept = asked.all().filter(|(name, _)| *name != "input" && !without.contains(name));
    kept.for_each(|(name, raw)| fields.put(name, &raw));
    fields.put("input", &input(&asked)?);
    Ok(serde_json::to_vec(&fields)?)
}

/// Two lists as one: the first may be long, and is not copied.
struct Joined<'a>(&'a [Json], Vec<Json>);

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().chain(&self.1))
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "message")]
struct Spoken<'a> {
    role: &'static str,
    content: [Words<'a>; 1],
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "input_text")]
struct Words<'a> {
    text: &'a str,
}

/// The items that a request sends; a text is a message.
fn sent(asked: &Object<'_>) -> Vec<Json> {
    match asked.get::<String>("input") {
        Some(text) => vec![Json::of(&Spoken { role: "user", content: [Words { text: &text }] })],
        None => asked.list("input").into_iter().map(Json::of).collect(),
    }
}

/// The items that a request sends, as a list of them shows them: every one with an id, messages with parts. An id that an
/// item does not bring along, or that is too long, is made of its kind, `base` and its place.
#[must_use]
pub fn items_of(body: &[u8], base: &str) -> Vec<Json> {
    let Some(asked) = Object::parse(body) else { return Vec::new() };
    let items = sent(&asked);
    let show = |(i, item): (usize, &Json)| {
        let object = Object::parse(item.as_str().as_bytes());
        object.map_or_else(|| item.clone(), |object| normal(&object, base, &format!("q{i}")))
    };
    items.iter().enumerate().map(show).collect()
}

/// An item with its id, type and status.
pub(super) fn normal(item: &Object<'_>, base: &str, place: &str) -> Json {
    let mut kind = item.kind();
    if kind.is_empty() && item.raw("role").is_some() {
        "message".clone_into(&mut kind);
    }
    let made_up = || format!("{}_{base}_{place}", prefix(&kind));
    let own = item.get::<String>("id").filter(|id| id.len() <= MOST_ITEM_ID);
    let mut fields = Fields::default();
    fields.put("id", &own.unwrap_or_else(made_up));
    fields.put("type", &kind);
    if kind == "message" {
        fields.put("status", &item.get::<String>("status").as_deref().unwrap_or("completed"));
        let role = item.text("role");
        if let Some(text) = item.get::<String>("content") {
            fields.put("content", &[spoken(&role, &text)]);
        }
    }
    let written: Vec<String> = fields.names().map(str::to_owned).collect();
    item.all().filter(|(name, _)| !written.iter().any(|w| w == name)).for_each(|(name, raw)| fields.put(name, &raw));
    Json::of(&fields)
}

/// The id of the response that an item with an id made here belongs to.
#[must_use]
pub fn response_of_item(item: &str) -> Option<String> {
    let (_, rest) = item.split_once('_')?;
    let (base, _) = rest.rsplit_once('_')?;
    Some(format!("resp_{base}"))
}

/// The id of an item.
#[must_use]
pub fn id_of(item: &Json) -> Option<String> {
    Object::parse(item.as_str().as_bytes())?.get("id")
}

/// Kept items for a maker of this API that does not hold them itself: without reasoning, which it could not decrypt, and
/// without the ids under which it would look for the rest.
#[must_use]
pub fn portable(items: &[Json]) -> Vec<Json> {
    let carry = |json: &Json| {
        let Some(item) = Object::parse(json.as_str().as_bytes()) else { return Some(json.clone()) };
        match item.kind().as_str() {
            "reasoning" | "item_reference" => None,
            "message" | "function_call" | "function_call_output" | "custom_tool_call" | "custom_tool_call_output" => {
                let mut fields = Fields::default();
                item.all().filter(|(name, _)| *name != "id").for_each(|(name, raw)| fields.put(name, &raw));
                Some(Json::of(&fields))
            }
            _ => Some(json.clone()),
        }
    };
    items.iter().filter_map(carry).collect()
}

fn spoken(role: &str, text: &str) -> serde_json::Value {
    if role == "assistant" {
        serde_json::json!({ "type": "output_text", "text": text, "annotations": [] })
    } else {
        serde_json::json!({ "type": "input_text", "text": text })
    }
}

fn prefix(kind: &str) -> &'static str {
    match kind {
        "message" => "msg",
        "reasoning" => "rs",
        "function_call" => "fc",
        "function_call_output" => "fco",
        "custom_tool_call" => "ctc",
        "custom_tool_call_output" => "ctco",
        _ => "item",
    }
}

/// The items of a response's output for a conversation: as they are, but for one whose id is missing or too long, which gets one
/// made of `base`.
#[must_use]
pub fn items_to_keep(response_body: &[u8], base: &str) -> Vec<Json> {
    let response = Object::parse(response_body).unwrap_or_default();
    let keep = |(i, raw): (usize, &RawValue)| {
        let item = Object::of(raw)?;
        let is_named = item.get::<String>("id").is_some_and(|id| id.len() <= MOST_ITEM_ID);
        Some(if is_named { Json::of(raw) } else { normal(&item, base, &format!("a{i}")) })
    };
    response.list("output").into_iter().enumerate().filter_map(keep).collect()
}

/// The items of a response's output. Of a body that is no response, none.
#[must_use]
pub fn output_items(response_body: &[u8]) -> Vec<Json> {
    let response = Object::parse(response_body).unwrap_or_default();
    response.list("output").into_iter().map(Json::of).collect()
}
