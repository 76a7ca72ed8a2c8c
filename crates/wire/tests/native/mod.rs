//! What the tests of the APIs that only providers speak have in common: recorded answers, and a plain form to compare them in.

use std::fs;
use std::path::{Path, PathBuf};

use domain::Usage;
use serde_json::Value;
use wire::api::{Api, StreamDecoder};
use wire::chat::{Answer, Assembly, Content, Event, Finish, StreamError};

/// A recorded answer.
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
    pub response: Value,
}

/// The recordings of an operation; none where there are no recordings at all.
pub fn cases(operation: &str, at_least: usize) -> Option<Vec<Case>> {
    let Some(corpus) = std::env::var_os("WEIR_WIRE_CORPUS") else {
        eprintln!("\n*** SKIPPED: WEIR_WIRE_CORPUS names no directory of recorded traffic ***\n");
        return None;
    };
    let entries = fs::read_dir(Path::new(&corpus).join(operation)).expect("recordings");
    let case = |folder: PathBuf| {
        let response = fs::read(folder.join("response.json")).expect("a file");
        Case { name: folder.display().to_string(), folder, response: serde_json::from_slice(&response).expect("JSON") }
    };
    let found: Vec<_> = entries.map(|entry| case(entry.expect("an entry").path())).collect();
    assert!(found.len() >= at_least, "only {} cases of {operation}", found.len());
    Some(found)
}

impl Case {
    pub fn is_good(&self) -> bool {
        self.response["status"] == 200
    }

    /// The body, where it is a whole one.
    pub fn body(&self) -> Option<&Value> {
        self.response.get("body").filter(|body| !body.is_null())
    }

    /// The bytes of a stream.
    pub fn stream(&self) -> Option<Vec<u8>> {
        let file = self.response["body_file"].as_str()?;
        Some(fs::read(self.folder.join(file)).expect("a file"))
    }
}

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

/// The events of a stream that arrives in pieces of `chunk` bytes.
pub fn events(api: Api, stream: &[u8], chunk: usize) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(api);
    let mut events = Vec::new();
    stream.chunks(chunk).for_each(|bytes| decoder.push(bytes, &mut events));
    decoder.finish(&mut events);
    assert!(decoder.is_over());
    events
}

/// What the events make, and that they keep their order.
pub fn assemble(events: &[Event]) -> Result<Answer, StreamError> {
    let mut open: Vec<u32> = Vec::new();
    let mut next = 0;
    for event in events {
        match event {
            Event::BlockStart { block, .. } => {
                assert_eq!(*block, next, "numbers rise");
                next += 1;
                open.push(*block);
            }
            Event::Text { block, .. }
            | Event::Arguments { block, .. }
            | Event::Signature { block, .. }
            | Event::Citation { block, .. } => assert!(open.contains(block), "{event:?} in no open block"),
            Event::BlockStop { block } => {
                assert!(open.contains(block), "{event:?} in no open block");
                open.retain(|o| o != block);
            }
            Event::Finish { .. } => assert!(open.is_empty(), "blocks are stopped before the end"),
            _ => {}
        }
    }
    let mut assembly = Assembly::default();
    events.iter().cloned().for_each(|event| assembly.push(event));
    assembly.finish()
}

/// Reads a stream in pieces of several sizes, which must not matter.
pub fn read_stream(api: Api, stream: &[u8]) -> Result<Answer, StreamError> {
    let whole = events(api, stream, usize::MAX);
    for chunk in [1, 7, 1000] {
        assert_eq!(events(api, stream, chunk), whole, "pieces of {chunk} bytes");
    }
    assert!(matches!(whole.first(), Some(Event::Start { .. } | Event::Error(_))));
    assemble(&whole)
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
