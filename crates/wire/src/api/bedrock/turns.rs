//! The conversation as Bedrock wants it: users and assistants take turns, a user begins, and the results of all calls of a
//! turn are the first thing in the next one, in the order of the calls.

use std::collections::{HashMap, VecDeque};

use super::blocks::{Block, Message, Reasoning};
use super::media::Attachments;
use super::model::Model;
use crate::api::{Api, fit};
use crate::chat::{self, Content, Losses, Names, Part, Refused, Role};

/// Longest name of a tool and longest id of a call, in bytes.
pub(super) const LONGEST_NAME: usize = 64;

pub(super) fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Some models name their calls `functions.name:0` and want them back so.
fn in_id(c: char) -> bool {
    in_name(c) || c == '.' || c == ':'
}

/// Writes messages.
pub(super) struct Writer {
    pub(super) model: Model,
    pub(super) names: Names,
    pub(super) losses: Losses,
    ids: Names,
    attachments: Attachments,
    system: Vec<Block>,
    turns: Vec<Turn>,
}

/// All that one side says before the other answers.
struct Turn {
    assistant: bool,
    blocks: Vec<Block>,
    /// The ids of the calls made.
    calls: Vec<String>,
    /// Results by the id of the call, with the marks behind them; twice the same id keeps its order.
    results: HashMap<String, VecDeque<Vec<Block>>>,
    /// Where in the caller's request the turn began.
    at: usize,
}

impl Writer {
    pub(super) fn new(model: Model) -> Self {
        Self {
            model,
            names: Names::default(),
            losses: Losses::default(),
            ids: Names::default(),
            attachments: Attachments::default(),
            system: Vec::new(),
            turns: Vec::new(),
        }
    }

    /// Takes the caller's next message.
    pub(super) fn push(&mut self, at: usize, message: &chat::Message) {
        if fit::is_system(message) {
            for (index, part) in message.parts.iter().enumerate() {
                let block = match &part.content {
                    Content::Text { text, .. } => Block::text(text),
                    _ => {
                        self.losses.grave(fit::place(at, index), "Bedrock's instructions are text");
                        None
                    }
                };
                let system = std::mem::take(&mut self.system);
                self.system = self.with_mark(system, block, part);
            }
            return;
        }
        let assistant = message.role == Role::Assistant;
        let mut turn = match self.turns.pop() {
            Some(turn) if turn.assistant == assistant => turn,
            other => {
                self.turns.extend(other);
                Turn { assistant, blocks: Vec::new(), calls: Vec::new(), results: HashMap::new(), at }
            }
        };
        for (index, part) in message.parts.iter().enumerate() {
            self.part(&mut turn, part, &fit::place(at, index));
        }
        if !turn.blocks.is_empty() || !turn.results.is_empty() {
            self.turns.push(turn);
        }
    }

    fn part(&mut self, turn: &mut Turn, part: &Part, place: &str) {
        let block = match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } => Block::text(text),
            Content::Thinking { text, signature } => {
                // Unsigned reasoning and that of others is refused.
                let signature = signature.as_ref().and_then(|signature| signature.for_provider(Api::Bedrock));
                let text = text.clone();
                signature
                    .map(|value| Reasoning::ReasoningText { text, signature: value.to_owned() })
                    .map(Block::ReasoningContent)
            }
            Content::Redacted { data } => data
                .for_provider(Api::Bedrock)
                .map(|data| Block::ReasoningContent(Reasoning::RedactedContent(data.to_owned()))),
            Content::ToolCall { id, name, arguments, .. } => {
                let tool_use_id = self.id(id);
                turn.calls.push(tool_use_id.clone());
                let input = fit::arguments(arguments);
                Some(Block::ToolUse { tool_use_id, name: self.name(name), input })
            }
            Content::ToolResult { call_id, content, is_error, .. } => {
                let id = self.id(call_id);
                let block = self.result(&id, content, *is_error, place);
                let blocks = self.with_mark(Vec::new(), Some(block), part);
                turn.results.entry(id).or_default().push_back(blocks);
                return;
            }
            Content::Opaque { api: Api::Bedrock, value } => Some(Block::Own(value.clone())),
            Content::Opaque { .. } => {
                self.losses.harmless(place, "a block that only the API it came from knows");
                None
            }
            media => self.attachments.block(media, place, &mut self.losses),
        };
        let blocks = std::mem::take(&mut turn.blocks);
        turn.blocks = self.with_mark(blocks, block, part);
    }

    /// Adds a block and the mark for the cache behind it.
    fn with_mark(&mut self, mut blocks: Vec<Block>, block: Option<Block>, part: &Part) -> Vec<Block> {
        let Some(block) = block else { return blocks };
        blocks.push(block);
        if let Some(ttl) = part.cache {
            if self.model.caches() {
                blocks.push(Block::CachePoint(ttl.into()));
            } else {
                self.losses.harmless("cache_control", "the model has no prompt cache to steer");
            }
        }
        blocks
    }

    fn result(&mut self, id: &str, content: &[Part], is_error: bool, place: &str) -> Block {
        let says_status = self.model.takes_forced_tools();
        let mut blocks = Vec::new();
        for part in content {
            match &part.content {
                Content::Text { text, .. } | Content::Refusal { text } => blocks.extend(Block::text(text)),
                media => blocks.extend(self.attachments.block(media, place, &mut self.losses)),
            }
        }
        match blocks.first_mut() {
            Some(Block::Text(text)) if is_error && !says_status => text.insert_str(0, "Error: "),
            // An empty text is refused, an empty object is not.
            None => blocks.push(Block::Json(fit::arguments(""))),
            _ => {}
        }
        let status = (is_error && says_status).then_some("error");
        Block::ToolResult { tool_use_id: id.to_owned(), content: blocks, status }
    }

    fn id(&mut self, id: &str) -> String {
        let allowed = if self.model.is_claude() { in_name } else { in_id };
        self.ids.send(id, LONGEST_NAME, allowed).into_owned()
    }

    /// The name of a tool, as Bedrock takes it.
    pub(super) fn name(&mut self, name: &str) -> String {
        self.names.send(name, LONGEST_NAME, in_name).into_owned()
    }

    /// Whether the answer continues a turn that called tools without showing its reasoning.
    pub(super) fn continues_without_reasoning(&self) -> bool {
        let [.., calls, results] = self.turns.as_slice() else { return false };
        !results.results.is_empty() && !matches!(calls.blocks.first(), Some(Block::ReasoningContent(_)))
    }

    /// The instructions and the messages.
    pub(super) fn finish(self) -> Result<(Vec<Block>, Vec<Message>, Names, Losses), Refused> {
        let mut messages = Vec::new();
        let mut owed: Vec<String> = Vec::new();
        if self.turns.first().is_none_or(|turn| turn.assistant) {
            messages.push(Message { role: "user", content: vec![Block::Text("Begin.".to_owned())] });
        }
        for mut turn in self.turns {
            let mut content = Vec::new();
            for id in owed.drain(..) {
                let result = turn.results.get_mut(&id).and_then(VecDeque::pop_front);
                content.extend(result.unwrap_or_else(|| vec![missing(id)]));
            }
            if turn.results.values().any(|left| !left.is_empty()) {
                return Err(Refused::field(
                    format!("messages[{}]", turn.at),
                    "answers a tool call that the assistant's turn before it does not make; put each result behind its call",
                ));
            }
            content.append(&mut turn.blocks);
            if turn.assistant {
                owed = turn.calls;
                messages.push(Message { role: "assistant", content });
            } else {
                say_something(&mut content);
                messages.push(Message { role: "user", content });
            }
        }
        if !owed.is_empty() {
            messages.push(Message { role: "user", content: owed.into_iter().map(missing).collect() });
        } else if let Some(Message { role: "assistant", content }) = messages.last_mut()
            && let Some(Block::Text(text)) = content.last_mut()
        {
            // The start of an answer may not end in white space.
            text.truncate(text.trim_end().len());
        }
        Ok((self.system, messages, self.names, self.losses))
    }
}

fn missing(tool_use_id: String) -> Block {
    let content = vec![Block::Text("Error: the tool gave no result.".to_owned())];
    Block::ToolResult { tool_use_id, content, status: None }
}

/// A document needs a text beside it.
fn say_something(content: &mut Vec<Block>) {
    let has_document = content.iter().any(|block| matches!(block, Block::Document(_)));
    if has_document && !content.iter().any(|block| matches!(block, Block::Text(_))) {
        content.push(Block::Text("See the document.".to_owned()));
    }
}
