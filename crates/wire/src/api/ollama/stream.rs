//! Reads a stream: a line for each piece, calls whole in a line of their own, counts in the last.

use super::answer::{Call, Line, finish};
use super::created;
use crate::api::Frames;
use crate::chat::{BlockKind, Event, StreamError};

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    started: bool,
    /// What the ids of calls are made of.
    mark: String,
    /// The number of the next block.
    next: u32,
    /// The open block and whether it is reasoning.
    open: Option<(u32, bool)>,
    calls: usize,
}

impl Frames for Decoder {
    fn frame(&mut self, _name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        let Ok(mut line) = serde_json::from_slice::<Line>(data) else { return };
        if let Some(message) = line.fault() {
            out.push(Event::Error(StreamError { status: 502, code: "upstream_error".to_owned(), message }));
            return;
        }
        self.start(&line, out);
        let message = line.message.take().unwrap_or_default();
        self.words(true, message.thinking.unwrap_or_default(), out);
        self.words(false, message.content.unwrap_or_default(), out);
        for call in message.tool_calls.into_iter().flatten() {
            let call = call.read(&self.mark, self.calls);
            self.call(call, out);
        }
        out.extend(line.logprobs().map(|logprobs| Event::Logprobs { choice: 0, logprobs }));
        if line.done == Some(true) {
            self.close(out);
            out.push(Event::Finish { choice: 0, finish: finish(line.done_reason.as_deref(), self.calls > 0) });
            out.extend(line.counts().usage().map(Event::Usage));
            out.push(Event::End);
        }
    }

    /// A stream that is complete has said `done`.
    fn finish(&mut self, out: &mut Vec<Event>) {
        self.close(out);
    }
}

impl Decoder {
    fn start(&mut self, line: &Line, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            self.mark = created::mark(line.created_at.as_deref().unwrap_or_default());
            let model = line.model.clone().unwrap_or_default();
            out.push(Event::Start { id: String::new(), model, created: line.created() });
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn words(&mut self, thinking: bool, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let block = match self.open {
            Some((block, open)) if open == thinking => block,
            _ => {
                self.close(out);
                let block = self.number();
                let kind = if thinking { BlockKind::Thinking } else { BlockKind::Text };
                out.push(Event::BlockStart { block, choice: 0, kind });
                self.open = Some((block, thinking));
                block
            }
        };
        out.push(Event::Text { block, text });
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        out.extend(self.open.take().map(|(block, _)| Event::BlockStop { block }));
    }

    fn call(&mut self, Call { id, name, arguments }: Call, out: &mut Vec<Event>) {
        self.close(out);
        self.calls += 1;
        let block = self.number();
        out.push(Event::BlockStart { block, choice: 0, kind: BlockKind::ToolCall { id, name } });
        out.push(Event::Arguments { block, json: arguments });
        out.push(Event::BlockStop { block });
    }
}
