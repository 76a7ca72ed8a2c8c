//! Reads a provider's stream.
//!
//! Every kind of item has three chances to be heard: piece by piece, whole when the item is done, and whole in the last
//! event; what came early is not said again. So servers that leave events out are read as well as those that send all.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::input::words;
use super::object::Object;
use super::secret::{self, Secret};
use super::{answer, content};
use crate::api::{Api, Frames};
use crate::chat::{BlockKind, Event, Json};
use crate::usage;

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Decoder {
    begun: bool,
    /// The next block's number.
    blocks: u32,
    /// The items by their place in the output.
    items: BTreeMap<u64, Item>,
    /// Places of items whose events do not name any, by the items' ids.
    unplaced: BTreeMap<String, u64>,
    pub(super) seen: answer::Seen,
}

/// An item, as far as it has been heard.
#[derive(Debug, Default)]
struct Item {
    block: Option<u32>,
    /// The part of the item that is being written, with its kind.
    part: Option<(Words, u64)>,
    /// Whether anything of the open block has been said.
    said: bool,
    citations: usize,
    logprobs: bool,
    done: bool,
}

/// Kinds of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    Text,
    Refusal,
    Thought,
    Summary,
}

impl Frames for Decoder {
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>) {
        let Some(frame) = Object::parse(data) else { return };
        let mut kind = frame.kind();
        if kind.is_empty() {
            kind = name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default().to_owned();
        }
        self.event(&kind, &frame, data, out);
    }

    fn finish(&mut self, _out: &mut Vec<Event>) {}
}

impl Decoder {
    fn event(&mut self, kind: &str, frame: &Object<'_>, data: &[u8], out: &mut Vec<Event>) {
        let place = self.place(frame);
        match kind.strip_prefix("response.").unwrap_or(kind) {
            "created" | "in_progress" | "queued" => {
                let response = frame.object("response").unwrap_or_default();
                self.begin(&response, out);
            }
            "output_item.added" => self.added(place, &frame.object("item").unwrap_or_default(), out),
            "output_item.done" => {
                if let Some(raw) = frame.raw("item") {
                    self.done(place, raw, out);
                }
            }
            "output_text.annotation.added" => {
                let part = frame.get("content_index").unwrap_or(0);
                self.annotation(place, part, frame.raw("annotation"), out);
            }
            "completed" | "incomplete" | "failed" => {
                let response = frame.object("response").unwrap_or_default();
                self.last(kind, &response, data, out);
            }
            "error" => out.push(Event::Error(answer::stream_error(frame))),
            "" if frame.raw("error").is_some() => out.push(Event::Error(answer::stream_error(frame))),
            other => self.piece(other, place, frame, out),
        }
    }

    /// The place that an event speaks of. Items without one are put behind all that have one.
    fn place(&mut self, frame: &Object<'_>) -> u64 {
        const BEHIND: u64 = 1 << 32;
        if let Some(place) = frame.get("output_index") {
            return place;
        }
        let id = frame.get("item_id").or_else(|| frame.object("item")?.get("id"));
        let Some(id) = id else { return 0 };
        let next = BEHIND + self.unplaced.len() as u64;
        *self.unplaced.entry(id).or_insert(next)
    }

    /// A piece of an item, or the end of one.
    fn piece(&mut self, kind: &str, place: u64, frame: &Object<'_>, out: &mut Vec<Event>) {
        let at = |index| frame.get(index).unwrap_or(0);
        let (words, index, whole) = match kind.rsplit_once('.').unwrap_or_default().0 {
            "output_text" => (Words::Text, at("content_index"), "text"),
            "refusal" => (Words::Refusal, at("content_index"), "refusal"),
            "reasoning_text" => (Words::Thought, at("content_index"), "text"),
            "reasoning_summary_text" => (Words::Summary, at("summary_index"), "text"),
            "function_call_arguments" | "custom_tool_call_input" => {
                let text = frame.get("delta").or_else(|| frame.get("arguments")).or_else(|| frame.get("input"));
                self.arguments(place, kind.ends_with(".done"), text.unwrap_or_default(), out);
                return;
            }
            _ => return,
        };
        if kind.ends_with(".delta") {
            self.words(place, (words, index), frame.text("delta"), out);
            if words == Words::Text {
                self.logprobs(place, frame, out);
            }
        } else if kind.ends_with(".done") {
            self.whole(place, (words, index), frame.text(whole), out);
        }
    }

    pub(super) fn begin(&mut self, response: &Object<'_>, out: &mut Vec<Event>) {
        if !self.begun {
            self.begun = true;
            let created = response.get::<f64>("created_at").map(|at| at as i64);
            out.push(Event::Start { id: response.text("id"), model: response.text("model"), created });
        }
    }

    fn added(&mut self, place: u64, item: &Object<'_>, out: &mut Vec<Event>) {
        if matches!(item.kind().as_str(), "function_call" | "custom_tool_call") && !self.items.contains_key(&place) {
            self.call(place, item, out);
        }
    }

    fn call(&mut self, place: u64, item: &Object<'_>, out: &mut Vec<Event>) {
        let id = [item.text("call_id"), item.text("id")].into_iter().find(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{place}"));
        let block = self.open(BlockKind::ToolCall { id, name: item.text("name") }, out);
        self.items.insert(place, Item { block: Some(block), ..Item::default() });
    }

    /// Begins a block.
    fn open(&mut self, kind: BlockKind, out: &mut Vec<Event>) -> u32 {
        if !self.begun {
            self.begin(&Object::default(), out);
        }
        self.seen.block(&kind);
        let block = self.blocks;
        self.blocks += 1;
        out.push(Event::BlockStart { block, choice: 0, kind });
        block
    }

    /// More words of a part; none begin no block.
    fn words(&mut self, place: u64, part: (Words, u64), text: String, out: &mut Vec<Event>) {
        if text.is_empty() || self.items.get(&place).is_some_and(|item| item.done) {
            return;
        }
        let Some(block) = self.block_of(place, part, out) else { return };
        self.seen.text |= part.0 == Words::Text;
        out.push(Event::Text { block, text });
    }

    /// The block that takes the words of a part.
    fn block_of(&mut self, place: u64, part: (Words, u64), out: &mut Vec<Event>) -> Option<u32> {
        let reasoning = matches!(part.0, Words::Thought | Words::Summary);
        let mut item = self.items.remove(&place).unwrap_or_default();
        let block = match (item.block, item.part) {
            (Some(block), Some(last)) if last == part => Some(block),
            // Reasoning and its summary say the same; the first that comes is taken.
            (Some(_), Some((words, _))) if reasoning && words != part.0 => None,
            (Some(block), Some(_)) if reasoning => {
                out.push(Event::Text { block, text: "\n\n".to_owned() });
                Some(block)
            }
            (open, _) => {
                out.extend(open.map(|block| Event::BlockStop { block }));
                item.citations = 0;
                Some(self.open(block_kind(part.0), out))
            }
        };
        if block.is_some() {
            (item.block, item.part, item.said) = (block, Some(part), true);
        }
        self.items.insert(place, item);
        block
    }

    /// A part as a whole, where its pieces did not come.
    fn whole(&mut self, place: u64, part: (Words, u64), text: String, out: &mut Vec<Event>) {
        if !self.has(place, part) {
            self.words(place, part, text, out);
        }
    }

    fn arguments(&mut self, place: u64, whole: bool, json: String, out: &mut Vec<Event>) {
        let Some(item) = self.items.get_mut(&place) else { return };
        let Some(block) = item.block.filter(|_| item.part.is_none()) else { return };
        if !(json.is_empty() || whole && item.said) {
            item.said = true;
            out.push(Event::Arguments { block, json });
        }
    }

    fn annotation(&mut self, place: u64, part: u64, raw: Option<&RawValue>, out: &mut Vec<Event>) {
        let Some(citation) = raw.and_then(content::citation) else { return };
        if self.items.get(&place).is_some_and(|item| item.done) {
            return;
        }
        let Some(block) = self.block_of(place, (Words::Text, part), out) else { return };
        if let Some(item) = self.items.get_mut(&place) {
            item.citations += 1;
        }
        out.push(Event::Citation { block, citation });
    }

    /// An item as a whole: says what was not said yet and ends its block.
    pub(super) fn done(&mut self, place: u64, raw: &RawValue, out: &mut Vec<Event>) {
        let Some(item) = Object::of(raw) else { return };
        if self.items.get(&place).is_some_and(|item| item.done) {
            return;
        }
        match item.kind().as_str() {
            "message" => self.message(place, &item, out),
            "" if item.raw("role").is_some() => self.message(place, &item, out),
            "reasoning" => self.reasoning(place, &item, out),
            kind @ ("function_call" | "custom_tool_call") => {
                if !self.items.contains_key(&place) {
                    self.call(place, &item, out);
                }
                let field = if kind == "function_call" { "arguments" } else { "input" };
                self.arguments(place, true, item.written(field), out);
            }
            _ => {
                // What began as something else ends here.
                let begun = self.items.get_mut(&place).and_then(|item| item.block.take());
                out.extend(begun.map(|block| Event::BlockStop { block }));
                let block = self.open(BlockKind::Opaque { api: Api::OpenaiResponses, value: Json::of(raw) }, out);
                self.items.entry(place).or_default().block = Some(block);
            }
        }
        let item = self.items.entry(place).or_default();
        item.done = true;
        out.extend(item.block.take().map(|block| Event::BlockStop { block }));
    }

    fn message(&mut self, place: u64, item: &Object<'_>, out: &mut Vec<Event>) {
        // Some servers have a text where a list belongs.
        self.whole(place, (Words::Text, 0), item.text("content"), out);
        for (index, part) in item.objects("content").iter().enumerate() {
            let index = index as u64;
            match part.kind().as_str() {
                "output_text" | "text" => {
                    self.whole(place, (Words::Text, index), part.text("text"), out);
                    if self.items.get(&place).is_some_and(|item| !item.logprobs) {
                        self.logprobs(place, part, out);
                    }
                    self.missing_annotations(place, index, part, out);
                }
                "refusal" => self.whole(place, (Words::Refusal, index), part.text("refusal"), out),
                _ => {}
            }
        }
    }

    /// Probabilities that stand beside words, in the shape of chat completions.
    fn logprobs(&mut self, place: u64, beside: &Object<'_>, out: &mut Vec<Event>) {
        let list = beside.list("logprobs");
        if !list.is_empty() {
            self.items.entry(place).or_default().logprobs = true;
            let logprobs = Json::of(&serde_json::json!({ "content": list }));
            out.push(Event::Logprobs { choice: 0, logprobs });
        }
    }

    /// Whether anything of a part, or of a later one, was said.
    fn has(&self, place: u64, part: (Words, u64)) -> bool {
        self.items.get(&place).and_then(|item| item.part).is_some_and(|(_, index)| index >= part.1)
    }

    /// Annotations of the last part that came with the whole only.
    fn missing_annotations(&mut self, place: u64, index: u64, part: &Object<'_>, out: &mut Vec<Event>) {
        let Some(item) = self.items.get(&place).filter(|item| item.part == Some((Words::Text, index))) else { return };
        for raw in part.list("annotations").into_iter().skip(item.citations) {
            self.annotation(place, index, Some(raw), out);
        }
    }

    fn reasoning(&mut self, place: u64, item: &Object<'_>, out: &mut Vec<Event>) {
        if self.items.get(&place).is_none_or(|item| item.part.is_none()) {
            self.words(place, (Words::Thought, 0), words(item), out);
        }
        let secret = item.get::<String>("encrypted_content").map(|text| secret::read(&item.text("id"), &text));
        let Some(Secret::Reasoning(signature)) = secret else { return };
        match self.items.get(&place).and_then(|item| item.block) {
            Some(block) => out.push(Event::Signature { block, signature }),
            None => {
                let block = self.open(BlockKind::Redacted { data: signature }, out);
                self.items.entry(place).or_default().block = Some(block);
            }
        }
    }

    /// The last event: everything that was not said yet, then how it ended.
    fn last(&mut self, kind: &str, response: &Object<'_>, data: &[u8], out: &mut Vec<Event>) {
        if kind.ends_with("failed") {
            out.push(Event::Error(answer::stream_error(response)));
            return;
        }
        self.begin(response, out);
        let output = response.list("output").into_iter().enumerate().filter(|_| self.unplaced.is_empty());
        for (place, raw) in output.collect::<Vec<_>>() {
            self.done(place as u64, raw, out);
        }
        let open = self.items.values_mut().filter_map(|item| item.block.take());
        out.extend(open.map(|block| Event::BlockStop { block }));
        out.push(Event::Finish { choice: 0, finish: self.seen.finish(response) });
        out.extend(usage::from_body(domain::provider::Dialect::Openai, data).usage.map(Event::Usage));
        out.push(Event::End);
    }
}

fn block_kind(words: Words) -> BlockKind {
    match words {
        Words::Text => BlockKind::Text,
        Words::Refusal => BlockKind::Refusal,
        Words::Thought | Words::Summary => BlockKind::Thinking,
    }
}
