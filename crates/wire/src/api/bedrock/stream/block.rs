//! A block that is being sent.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::answer::ToolUse;
use super::MOST_HELD;
use crate::api::Api;
use crate::chat::{BlockKind, Event, Json, Signature};
use crate::usage::number::lenient;

#[derive(Debug)]
pub(super) struct Open {
    /// Bedrock's number.
    pub(super) at: u64,
    /// Ours.
    pub(super) block: u32,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Thinking {
        signature: String,
    },
    Call {
        id: String,
        name: String,
        /// Whether arguments came.
        said: bool,
    },
    Held(Held),
}

/// A call of a tool that Bedrock runs, or its result, up to now.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// `toolUse` or `toolResult`.
    field: &'static str,
    start: Map<String, Value>,
    input: String,
    content: Vec<Value>,
    bytes: usize,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Start {
    tool_use: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    tool_result: Option<Map<String, Value>>,
}

impl Kind {
    /// Reads a start; `next` is the number that the block will have.
    pub(super) fn of_start(start: &Json, next: u32) -> Option<Self> {
        let start: Start = start.read().ok()?;
        if let Some(result) = start.tool_result {
            return Some(Self::Held(Held { field: "toolResult", start: result, ..Held::default() }));
        }
        let raw = start.tool_use?;
        let call: ToolUse = raw.read().ok()?;
        if call.is_servers() {
            return Some(Self::Held(Held { field: "toolUse", start: raw.read().ok()?, ..Held::default() }));
        }
        Some(Self::Call { id: call.id(next as usize), name: call.name.unwrap_or_default(), said: false })
    }

    /// Whether pieces of the other kind belong here.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl Held {
    pub(super) fn result(&mut self, piece: &Json) {
        self.bytes += piece.as_str().len();
        if self.bytes <= MOST_HELD {
            self.content.extend(piece.read::<Value>());
        }
    }

    fn block(mut self) -> Json {
        if self.field == "toolUse" {
            let input = serde_json::from_str(&self.input).unwrap_or_else(|_| Value::Object(Map::new()));
            self.start.insert("input".to_owned(), input);
        } else {
            self.start.insert("content".to_owned(), Value::Array(self.content));
        }
        Json::of(&Map::from_iter([(self.field.to_owned(), Value::Object(self.start))]))
    }
}

impl Open {
    pub(super) fn start(&self, out: &mut Vec<Event>) {
        let kind = match &self.kind {
            Kind::Text => BlockKind::Text,
            Kind::Thinking { .. } => BlockKind::Thinking,
            Kind::Call { id, name, .. } => BlockKind::ToolCall { id: id.clone(), name: name.clone() },
            // Handed out when it is complete.
            Kind::Held(_) => return,
        };
        out.push(Event::BlockStart { block: self.block, choice: 0, kind });
    }

    /// Bytes that wait for the end of the block.
    pub(super) fn held(&self) -> usize {
        match &self.kind {
            Kind::Held(held) => held.input.len() + held.bytes,
            Kind::Thinking { signature } => signature.len(),
            Kind::Text | Kind::Call { .. } => 0,
        }
    }

    /// A piece of a call's arguments.
    pub(super) fn input(&mut self, json: String, out: &mut Vec<Event>) {
        match &mut self.kind {
            Kind::Call { said, .. } if !json.is_empty() => {
                *said = true;
                out.push(Event::Arguments { block: self.block, json });
            }
            Kind::Held(held) if held.input.len() + json.len() <= MOST_HELD => held.input.push_str(&json),
            _ => {}
        }
    }

    /// Ends the block; `next` is the number of the next one.
    pub(super) fn close(self, next: &mut u32, out: &mut Vec<Event>) {
        let mut block = self.block;
        match self.kind {
            Kind::Text => {}
            Kind::Thinking { signature } if signature.is_empty() => {}
            Kind::Thinking { signature } => {
                let signature = Signature { maker: Api::Bedrock, value: signature };
                out.push(Event::Signature { block, signature });
            }
            Kind::Call { said: true, .. } => {}
            Kind::Call { .. } => out.push(Event::Arguments { block, json: "{}".to_owned() }),
            Kind::Held(held) => {
                block = *next;
                *next += 1;
                let kind = BlockKind::Opaque { api: Api::Bedrock, value: held.block() };
                out.push(Event::BlockStart { block, choice: 0, kind });
            }
        }
        out.push(Event::BlockStop { block });
    }
}

/// A whole block of reasoning that is given away encrypted only.
pub(super) fn redacted(block: u32, value: String, out: &mut Vec<Event>) {
    let data = Signature { maker: Api::Bedrock, value };
    out.push(Event::BlockStart { block, choice: 0, kind: BlockKind::Redacted { data } });
    out.push(Event::BlockStop { block });
}
