//! Brings blocks that are open at the same time one behind the other, for APIs whose blocks never interleave.

use super::{Event, StreamError};

/// Most bytes of blocks that wait for their turn.
const MOST: usize = 16 * 1024 * 1024;

/// Lets one block pass and keeps the events of the others until it is complete.
#[derive(Debug, Default)]
pub struct Sequence {
    open: Option<u32>,
    waiting: Vec<(u32, Vec<Event>)>,
    bytes: usize,
}

impl Sequence {
    /// Takes the next event and hands out what may go now. Where more waits than the gateway keeps, the stream ends with
    /// an error.
    pub fn push(&mut self, event: Event, out: &mut Vec<Event>) {
        match block_of(&event) {
            None => {
                if ends_blocks(&event) {
                    self.let_all_out(out);
                }
                out.push(event);
            }
            Some(block) if self.open.is_none() || self.open == Some(block) => {
                let stops = matches!(event, Event::BlockStop { .. });
                self.open = (!stops).then_some(block);
                out.push(event);
                if stops {
                    self.next(out);
                }
            }
            Some(block) => self.keep(block, event, out),
        }
    }

    /// Bytes that wait.
    pub(crate) fn held(&self) -> usize {
        self.bytes
    }

    fn keep(&mut self, block: u32, event: Event, out: &mut Vec<Event>) {
        self.bytes += size(&event);
        if self.bytes > MOST {
            out.push(Event::Error(StreamError {
                status: 502,
                code: "upstream_too_large".to_owned(),
                message: "The provider mixes more parallel blocks than the gateway can put in order.".to_owned(),
            }));
            return;
        }
        match self.waiting.iter_mut().find(|(number, _)| *number == block) {
            Some((_, events)) => events.push(event),
            None => self.waiting.push((block, vec![event])),
        }
    }

    /// Lets out the blocks that waited, up to the first that is not complete.
    fn next(&mut self, out: &mut Vec<Event>) {
        while self.open.is_none() && !self.waiting.is_empty() {
            let (block, mut events) = self.waiting.remove(0);
            let complete = matches!(events.last(), Some(Event::BlockStop { .. }));
            self.bytes -= events.iter().map(size).sum::<usize>();
            out.append(&mut events);
            self.open = (!complete).then_some(block);
        }
    }

    /// The end of a choice is the end of its blocks, also where nobody said so.
    fn let_all_out(&mut self, out: &mut Vec<Event>) {
        while let Some(block) = self.open.take() {
            out.push(Event::BlockStop { block });
            self.next(out);
        }
    }
}

fn block_of(event: &Event) -> Option<u32> {
    match event {
        Event::BlockStart { block, .. }
        | Event::Text { block, .. }
        | Event::Arguments { block, .. }
        | Event::Signature { block, .. }
        | Event::Citation { block, .. }
        | Event::BlockStop { block } => Some(*block),
        _ => None,
    }
}

fn ends_blocks(event: &Event) -> bool {
    matches!(event, Event::Finish { .. } | Event::End | Event::Error(_))
}

fn size(event: &Event) -> usize {
    const EACH: usize = 64;
    EACH + match event {
        Event::Text { text, .. } => text.len(),
        Event::Arguments { json, .. } => json.len(),
        Event::BlockStart { kind: super::BlockKind::Opaque { value, .. }, .. } => value.as_str().len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BlockKind, Finish};
    use super::*;

    fn start(block: u32) -> Event {
        let kind = BlockKind::ToolCall { id: block.to_string(), name: "f".into() };
        Event::BlockStart { block, choice: 0, kind }
    }

    fn piece(block: u32, json: &str) -> Event {
        Event::Arguments { block, json: json.into() }
    }

    #[test]
    fn parallel_calls_come_one_behind_the_other() {
        let finish = Event::Finish { choice: 0, finish: Finish::ToolCalls };
        let mixed =
            [start(0), piece(0, "a"), start(1), piece(1, "b"), piece(0, "c"), start(2), piece(2, "d"), piece(1, "e")];
        let mut sequence = Sequence::default();
        let mut out = Vec::new();
        for event in mixed.into_iter().chain([Event::BlockStop { block: 0 }, finish.clone(), Event::End]) {
            sequence.push(event, &mut out);
        }
        let stop = |block| Event::BlockStop { block };
        let wanted = [
            start(0),
            piece(0, "a"),
            piece(0, "c"),
            stop(0),
            start(1),
            piece(1, "b"),
            piece(1, "e"),
            stop(1),
            start(2),
            piece(2, "d"),
            stop(2),
            finish,
            Event::End,
        ];
        assert_eq!(out, wanted);
        assert_eq!(sequence.bytes, 0);
    }
}
