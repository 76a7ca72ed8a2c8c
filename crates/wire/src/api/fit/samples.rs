//! A conversation with everything in it, for the tests of the encoders.

use serde_json::Value;

use crate::api::{Api, Encoded, Quirks, Target};
use crate::chat::{
    CacheTtl, Content, Format, Json, Message, Part, Refused, Request, Role, Signature, Source, Tool, ToolKind,
};

pub(in crate::api) fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

pub(in crate::api) fn message(role: Role, contents: impl IntoIterator<Item = Content>) -> Message {
    Message { role, name: None, parts: contents.into_iter().map(Part::from).collect() }
}

pub(in crate::api) fn call(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

pub(in crate::api) fn result(call_id: &str, contents: impl IntoIterator<Item = Content>, is_error: bool) -> Content {
    let content = contents.into_iter().map(Part::from).collect();
    Content::ToolResult { call_id: call_id.into(), name: None, content, is_error }
}

pub(in crate::api) fn image() -> Content {
    Content::Image { source: Source::Base64 { media_type: "image/png".into(), data: "iVBO".into() }, detail: None }
}

pub(in crate::api) fn tool(name: &str, parameters: Option<&str>) -> Tool {
    let kind = ToolKind::Function { parameters: parameters.map(json), strict: None };
    Tool { name: name.into(), description: Some(format!("Tells the {name}.")), kind, cache: None }
}

pub(in crate::api) fn ask(text: &str) -> Request {
    Request { messages: vec![message(Role::User, [Content::text(text)])], ..Request::default() }
}

pub(in crate::api) fn schema(schema: &str) -> Format {
    Format::JsonSchema { name: "city".into(), description: None, schema: json(schema), strict: None }
}

/// Instructions in two places, a picture, reasoning of `maker`, two calls at once whose results come in another order, one of
/// them a failure, words behind them, tools with and without parameters.
pub(in crate::api) fn conversation(maker: Api) -> Request {
    let signature = Some(Signature { maker, value: "EqQB".into() });
    let mut instructions = message(Role::System, [Content::text("Be brief.")]);
    instructions.parts[0].cache = Some(CacheTtl::Hour);
    let thoughts = Content::Thinking { text: "Two places.".into(), signature };
    let calls = [call("functions.weather:0", "weather", r#"{"city":"Paris"}"#), call("call_2", "clock", "")];
    let results = [
        result("call_2", [Content::text("no clock")], true),
        result("functions.weather:0", [Content::text("sunny"), image()], false),
        Content::text("Well?"),
    ];
    Request {
        messages: vec![
            instructions,
            message(Role::User, [Content::text("What is it like there?"), image(), Content::text(" ")]),
            message(Role::Assistant, [thoughts, Content::text("I look.")].into_iter().chain(calls)),
            message(Role::Developer, [Content::text("Be kind.")]),
            message(Role::User, results),
        ],
        tools: vec![
            tool("weather", Some(r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#)),
            tool("clock", None),
        ],
        max_tokens: Some(500),
        stop: vec!["END".into()],
        user: Some("u-1".into()),
        stream: true,
        ..Request::default()
    }
}

pub(in crate::api) fn encode(api: Api, model: &str, request: &Request) -> Result<Encoded, Refused> {
    api.encode_request(request, Target { model, quirks: &Quirks::default() })
}

pub(in crate::api) fn body(api: Api, model: &str, request: &Request) -> Value {
    serde_json::from_slice(&encode(api, model, request).expect("a request").body).expect("JSON")
}

/// The fields that were lost, grave ones marked.
pub(in crate::api) fn losses(encoded: &Encoded) -> String {
    if encoded.losses.all().is_empty() {
        return "nothing".to_owned();
    }
    let losses = encoded.losses.all().iter();
    losses
        .map(|loss| format!("{}{}", loss.field, if loss.changes_meaning { "!" } else { "" }))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The body, readable, and what was lost.
pub(in crate::api) fn show(api: Api, model: &str, request: &Request) -> String {
    let encoded = encode(api, model, request).expect("a request");
    let body: Value = serde_json::from_slice(&encoded.body).expect("JSON");
    let lines: Vec<_> = body
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| match value {
            Value::Array(list) => {
                let list: Vec<_> = list.iter().map(|value| format!("  {value}")).collect();
                format!("{name}:\n{}", list.join("\n"))
            }
            value => format!("{name}: {value}"),
        })
        .collect();
    format!("{}\nlost: {}", lines.join("\n"), losses(&encoded))
}
