//! Rules of this API, one by one.

mod answers;
mod requests;
mod streams;
mod turns;

use serde_json::{Value, json};

use crate::api::{Api, Encoded, Path, Quirks, Target};
use crate::chat::{Content, Message, Part, Refused, Request, Role};

fn decode(body: &Value) -> Result<Request, Refused> {
    Api::Anthropic.decode_request(body.to_string().as_bytes(), Path::default())
}

fn encode(request: &Request, model: &str) -> Encoded {
    let quirks = Quirks::default();
    Api::Anthropic.encode_request(request, Target { model, quirks: &quirks }).expect("a request")
}

/// The body that is sent to a model.
fn body(request: &Request, model: &str) -> Value {
    serde_json::from_slice(&encode(request, model).body).expect("JSON")
}

fn say(role: Role, content: impl IntoIterator<Item = Content>) -> Message {
    Message { role, name: None, parts: content.into_iter().map(Part::from).collect() }
}

fn ask(words: &str) -> Request {
    Request { messages: vec![say(Role::User, [Content::text(words)])], ..Request::default() }
}

fn call(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result(call_id: &str, words: &str) -> Content {
    let content = vec![Content::text(words).into()];
    Content::ToolResult { call_id: call_id.into(), name: None, content, is_error: false }
}

/// Every field of a value, one a line, so that a snapshot can be read.
fn lines(value: &Value) -> String {
    let object = value.as_object().expect("an object");
    object.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

#[test]
fn counted_tokens_are_answered() {
    let answer: Value = serde_json::from_slice(&super::count_tokens_answer(7)).expect("JSON");
    assert_eq!(answer, json!({ "input_tokens": 7 }));
}
