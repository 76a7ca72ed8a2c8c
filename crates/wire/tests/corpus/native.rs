//! What the tests of the APIs that only providers speak have in common: a plain form to compare answers in.

use domain::Usage;
use serde_json::Value;
use wire::api::Api;
use wire::chat::{Answer, Content, Event, Finish, StreamError};
use wire_fuzz::pair;

/// What was said, without what belongs to which block.
#[derive(Debug, Default, PartialEq)]
pub struct Plain {
    pub thinking: String,
    pub text: String,
    pub signatures: Vec<String>,
    pub calls: Vec<(String, String, Value)>,
    pub citations: usize,
    pub finish: String,
    pub usage: Option<Usage>,
}

impl Plain {
    pub fn of(answer: &Answer) -> Self {
        let [choice] = answer.choices.as_slice() else { panic!("one answer") };
        let mut plain = Self { usage: answer.usage, finish: word(&choice.finish), ..Self::default() };
        for part in &choice.parts {
            match &part.content {
                Content::Text { text, citations } => {
                    plain.text.push_str(text);
                    plain.citations += citations.len();
                }
                Content::Thinking { text, signature } => {
                    plain.thinking.push_str(text);
                    plain.signatures.extend(signature.as_ref().map(|signature| signature.value.clone()));
                }
                Content::Redacted { data } => plain.signatures.push(data.value.clone()),
                Content::ToolCall { id, name, arguments, .. } => {
                    assert!(!id.is_empty());
                    let arguments = serde_json::from_str(arguments).unwrap_or(Value::Null);
                    plain.calls.push((id.clone(), name.clone(), arguments));
                }
                _ => {}
            }
        }
        plain
    }
}

fn word(finish: &Finish) -> String {
    match finish {
        Finish::Stop => "stop".to_owned(),
        Finish::StopSequence(text) => format!("stop sequence {text}"),
        Finish::Length => "length".to_owned(),
        Finish::ToolCalls => "calls".to_owned(),
        Finish::ContentFilter => "filter".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Reads a stream in pieces of several sizes, which must not matter.
pub fn read_stream(api: Api, stream: &[u8]) -> Result<Answer, StreamError> {
    let whole = pair::events(api, std::iter::once(stream));
    for chunk in [1, 7, 1000] {
        assert_eq!(pair::events(api, stream.chunks(chunk)), whole, "pieces of {chunk} bytes");
    }
    assert!(matches!(whole.first(), Some(Event::Start { .. } | Event::Error(_))));
    pair::in_order(&whole);
    pair::assemble(whole)
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
