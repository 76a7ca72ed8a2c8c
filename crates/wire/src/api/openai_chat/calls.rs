//! The tool calls of a streamed choice, told apart by `index` where servers number them, else by id and order.

use super::parts::google_signature;
use super::shape;
use super::words::Half;
use crate::chat::{BlockKind, Event, Json};

/// Most calls of a choice; more are not looked at.
const MOST: usize = 1024;

/// Calls, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    index: u64,
    /// As the provider wrote it; may be empty.
    id: String,
    /// Its block, once its name is known.
    block: Option<u32>,
    /// Arguments that came before the name.
    early: String,
    /// Whether it has any arguments.
    begun: bool,
    signed: bool,
    half: Half,
    object: Object,
    /// Whether it was said to be complete.
    stopped: bool,
}

/// How far a JSON object is that comes in pieces.
#[derive(Debug, Default)]
struct Object {
    depth: u32,
    begun: bool,
    quoted: bool,
    escaped: bool,
}

impl Object {
    fn push(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.quoted,
                b'"' => self.quoted = !self.quoted,
                _ if self.quoted => {}
                b'{' | b'[' => (self.depth, self.begun) = (self.depth.saturating_add(1), true),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.begun && self.depth == 0 && !self.quoted
    }
}

/// Where calls come to lie.
pub(super) struct Place<'a> {
    pub(super) choice: u32,
    pub(super) next_block: &'a mut u32,
    /// The answer's id, to make ids of calls of.
    pub(super) answer: &'a str,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes the next piece of a call; `position` is its place in the list it came in.
    pub(super) fn push(&mut self, piece: shape::Call, position: usize, place: &mut Place<'_>, out: &mut Vec<Event>) {
        let function = piece.custom.filter(|custom| custom.name.is_some()).or(piece.function).unwrap_or_default();
        let id = piece.id.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let before = self.calls.len();
        let Some(at) = self.find(piece.index, position, &id, &name) else { return };
        if self.calls.len() > before {
            self.stop_complete(out);
        }
        let call = &mut self.calls[at];
        if call.block.is_none() && !name.is_empty() {
            call.start(at, name, place, out);
        }
        // Before the arguments: once they are told, it is too late for callers who want it first.
        if let (Some(block), false, Some(extra)) = (call.block, call.signed, piece.extra_content)
            && let Some(signature) = google_signature(&extra)
        {
            call.signed = true;
            out.push(Event::Signature { block, signature });
        }
        let arguments = function.arguments.map(|json| call.text(&json)).unwrap_or_default();
        if !arguments.is_empty() && !call.stopped {
            call.begun = true;
            call.object.push(&arguments);
            match call.block {
                Some(block) => out.push(Event::Arguments { block, json: arguments }),
                None => call.early.push_str(&arguments),
            }
        }
    }

    /// The call a piece belongs to. Servers that number nothing, or number all calls 0, show a new call by a name that comes
    /// with a new id, or without ids after arguments.
    fn find(&mut self, index: Option<u64>, position: usize, id: &str, name: &str) -> Option<usize> {
        let known = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == index),
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.id == id),
            None if name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        };
        if let Some(known) = known {
            let call = &self.calls[known];
            let another = if id.is_empty() { call.begun } else { !call.id.is_empty() && call.id != id };
            if name.is_empty() || call.block.is_none() || !another {
                return Some(known);
            }
        }
        if self.calls.len() >= MOST {
            return None;
        }
        let index = index.unwrap_or_else(|| position.max(self.calls.len()) as u64);
        let id = id.to_owned();
        self.calls.push(Call {
            index,
            id,
            block: None,
            early: String::new(),
            begun: false,
            signed: false,
            half: Half::default(),
            object: Object::default(),
            stopped: false,
        });
        Some(self.calls.len() - 1)
    }

    /// Something else begins: calls whose arguments are whole are complete, so that those behind them need not wait. Some
    /// providers mix the pieces of several calls; there they are not whole yet.
    pub(super) fn stop_complete(&mut self, out: &mut Vec<Event>) {
        for call in self.calls.iter_mut().filter(|call| !call.stopped && call.object.is_complete()) {
            if let Some(block) = call.block {
                call.stopped = true;
                out.push(Event::BlockStop { block });
            }
        }
    }

    /// The choice is complete: every call is.
    pub(super) fn stop(&mut self, place: &mut Place<'_>, out: &mut Vec<Event>) {
        for (at, call) in self.calls.iter_mut().enumerate() {
            if call.block.is_none() {
                call.start(at, String::new(), place, out);
            }
            out.extend(call.block.filter(|_| !call.stopped).map(|block| Event::BlockStop { block }));
        }
    }
}

impl Call {
    /// A piece of the arguments: a string, or a whole object.
    fn text(&mut self, arguments: &Json) -> String {
        self.half.read(arguments).unwrap_or_else(|| arguments.as_str().to_owned())
    }

    fn start(&mut self, at: usize, name: String, place: &mut Place<'_>, out: &mut Vec<Event>) {
        let block = *place.next_block;
        *place.next_block += 1;
        self.block = Some(block);
        let id = if self.id.is_empty() { made_up(place.answer, place.choice, at) } else { self.id.clone() };
        out.push(Event::BlockStart { block, choice: place.choice, kind: BlockKind::ToolCall { id, name } });
        if !self.early.is_empty() {
            out.push(Event::Arguments { block, json: std::mem::take(&mut self.early) });
        }
    }
}

/// An id for a call that came without: unlike those of other answers, and no longer than OpenAI takes.
fn made_up(answer: &str, choice: u32, at: usize) -> String {
    const MOST: usize = 24;
    let plain: Vec<char> = answer.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = plain[plain.len().saturating_sub(MOST)..].iter().collect();
    let choice = if choice == 0 { String::new() } else { format!("{choice}_") };
    if tail.is_empty() { format!("call_{choice}{at}") } else { format!("call_{tail}_{choice}{at}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks that begin and stop, in their order.
    fn steps(pieces: &[(u64, &str)]) -> Vec<String> {
        let (mut calls, mut out, mut next_block) = (Calls::default(), Vec::new(), 0);
        let mut place = Place { choice: 0, next_block: &mut next_block, answer: "a" };
        for (index, arguments) in pieces {
            let function = shape::Function { name: Some("f".into()), arguments: Some(Json::of(arguments)) };
            let known = calls.calls.iter().any(|call| call.index == *index);
            let function = if known { shape::Function { name: None, ..function } } else { function };
            calls.push(
                shape::Call { index: Some(*index), function: Some(function), ..Default::default() },
                0,
                &mut place,
                &mut out,
            );
        }
        calls.stop(&mut place, &mut out);
        let step = |event| match event {
            Event::BlockStart { block, .. } => Some(format!("+{block}")),
            Event::BlockStop { block } => Some(format!("-{block}")),
            _ => None,
        };
        out.into_iter().filter_map(step).collect()
    }

    #[test]
    fn a_whole_call_ends_when_the_next_begins_and_a_mixed_one_does_not() {
        assert_eq!(steps(&[(0, "{\"a\":"), (0, "\"}\"}"), (1, "{}"), (2, "{}")]), ["+0", "-0", "+1", "-1", "+2", "-2"]);
        assert_eq!(steps(&[(0, "{\"a\":"), (1, "{\"b\":"), (0, "1}"), (1, "2}")]), ["+0", "+1", "-0", "-1"]);
    }
}
