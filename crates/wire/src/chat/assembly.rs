//! Puts the pieces of a stream together again.

use domain::Usage;

use super::{Answer, BlockKind, Choice, Content, Event, Finish, Json, Part, StreamError};

/// An answer that grows with each event.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    answer: Answer,
    /// Blocks by number: the choice they belong to and what they hold so far.
    blocks: Vec<(u32, u32, Part)>,
    finishes: Vec<(u32, Finish)>,
    logprobs: Vec<(u32, Vec<Json>)>,
    usage: Option<Usage>,
    error: Option<StreamError>,
    ended: bool,
}

impl Assembly {
    /// Takes the next event.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start { id, model, created } => {
                (self.answer.id, self.answer.model, self.answer.created) = (id, model, created);
            }
            Event::BlockStart { block, choice, kind } => self.blocks.push((block, choice, begin(kind))),
            Event::Text { block, text: more } => {
                if let Some(Content::Text { text, .. } | Content::Refusal { text } | Content::Thinking { text, .. }) =
                    self.content(block)
                {
                    text.push_str(&more);
                }
            }
            Event::Arguments { block, json } => {
                if let Some(Content::ToolCall { arguments, .. }) = self.content(block) {
                    arguments.push_str(&json);
                }
            }
            Event::Signature { block, signature: mark } => {
                if let Some(Content::Thinking { signature, .. } | Content::ToolCall { signature, .. }) =
                    self.content(block)
                {
                    *signature = Some(mark);
                }
            }
            Event::Citation { block, citation } => {
                if let Some(Content::Text { citations, .. }) = self.content(block) {
                    citations.push(citation);
                }
            }
            Event::Logprobs { choice, logprobs } => match self.logprobs.iter_mut().find(|(c, _)| *c == choice) {
                Some((_, all)) => all.push(logprobs),
                None => self.logprobs.push((choice, vec![logprobs])),
            },
            Event::BlockStop { .. } | Event::KeepAlive => {}
            Event::Finish { choice, finish } => self.finishes.push((choice, finish)),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Error(error) => self.error = Some(error),
            Event::End => self.ended = true,
        }
    }

    fn content(&mut self, block: u32) -> Option<&mut Content> {
        self.blocks.iter_mut().rev().find(|(number, ..)| *number == block).map(|(.., part)| &mut part.content)
    }

    /// The whole answer.
    ///
    /// # Errors
    /// The stream's own error, or that it ended before it was complete.
    pub fn finish(self) -> Result<Answer, StreamError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if !self.ended {
            return Err(StreamError::truncated());
        }
        let mut answer = Answer { usage: self.usage, ..self.answer };
        let choice_of = |index: u32, finish: Finish| Choice { index, parts: Vec::new(), finish, logprobs: None };
        answer.choices = self.finishes.into_iter().map(|(index, finish)| choice_of(index, finish)).collect();
        answer.choices.sort_by_key(|choice| choice.index);
        for (_, index, part) in self.blocks {
            if let Some(choice) = answer.choices.iter_mut().find(|choice| choice.index == index) {
                choice.parts.push(part);
            }
        }
        for (index, pieces) in self.logprobs {
            if let Some(choice) = answer.choices.iter_mut().find(|choice| choice.index == index) {
                choice.logprobs = Some(join(&pieces));
            }
        }
        Ok(answer)
    }
}

fn begin(kind: BlockKind) -> Part {
    let empty = String::new();
    Part::from(match kind {
        BlockKind::Text => Content::text(""),
        BlockKind::Refusal => Content::Refusal { text: empty },
        BlockKind::Thinking => Content::Thinking { text: empty, signature: None },
        BlockKind::Redacted { data } => Content::Redacted { data },
        BlockKind::ToolCall { id, name } => Content::ToolCall { id, name, arguments: empty, signature: None },
        BlockKind::Opaque { api, value } => Content::Opaque { api, value },
    })
}

/// Lists of token probabilities, one behind the other.
fn join(pieces: &[Json]) -> Json {
    let mut all = serde_json::Map::new();
    for piece in pieces {
        let Ok(serde_json::Value::Object(lists)) = piece.read() else { continue };
        for (name, list) in lists {
            match (all.get_mut(&name), list) {
                (Some(serde_json::Value::Array(so_far)), serde_json::Value::Array(more)) => so_far.extend(more),
                (Some(serde_json::Value::Null) | None, list) => drop(all.insert(name, list)),
                _ => {}
            }
        }
    }
    Json::of(&all)
}
