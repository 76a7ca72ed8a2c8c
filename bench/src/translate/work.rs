//! What is translated to be measured: conversations of a certain size with a tool, and streams of words. Shared with the gates,
//! which count the allocations of the same.

use bytes::Bytes;
use serde_json::{Value, json};
use wire::api::{Api, Path, Quirks, Target};
use wire::chat::Asked;
use wire::scan::{Scan, scan};
use wire::splice::splice;
use wire::translate::{Stream, Translated, request};
use wire::usage::{HideUsage, StreamWatch};

/// Caller and provider.
pub const PAIRS: [(Api, Api); 4] = [
    (Api::OpenaiChat, Api::Anthropic),
    (Api::OpenaiChat, Api::Gemini),
    (Api::OpenaiResponses, Api::Anthropic),
    (Api::Anthropic, Api::OpenaiChat),
];

/// Sizes of requests, in bytes.
pub const SIZES: [(&str, usize); 3] = [("1 KB", 1_000), ("10 KB", 10_000), ("100 KB", 100_000)];

/// A conversation of about `size` bytes in the words of `front`, whose turns are of some 500 bytes of prose.
pub fn question(front: Api, size: usize) -> Bytes {
    const TURN: usize = 500;
    let words = "please explain how a weir holds water behind a wall of stone and lets it pass evenly; ";
    let words: String = words.chars().cycle().take(TURN).collect();
    let schema = json!({ "type": "object", "properties": { "place": { "type": "string" } }, "required": ["place"] });
    let roles = ["user", "assistant"].iter().cycle();
    let turns: Vec<Value> =
        roles.take((size / (TURN + 40)).max(1)).map(|role| json!({ "role": role, "content": words })).collect();
    let body = match front {
        Api::OpenaiResponses => json!({
            "model": "m", "stream": true, "max_output_tokens": 512, "instructions": "Be brief.", "input": turns,
            "tools": [{ "type": "function", "name": "level", "description": "Tells the water level.", "parameters": schema }],
        }),
        Api::Anthropic => json!({
            "model": "m", "stream": true, "max_tokens": 512, "system": "Be brief.", "messages": turns,
            "tools": [{ "name": "level", "description": "Tells the water level.", "input_schema": schema }],
        }),
        _ => json!({
            "model": "m", "stream": true, "max_tokens": 512, "messages": turns,
            "tools": [{ "type": "function", "function": { "name": "level", "description": "Tells the water level.", "parameters": schema } }],
        }),
    };
    body.to_string().into()
}

/// Translates a request.
pub fn ask((front, provider): (Api, Api), body: &Bytes) -> Translated {
    let model = match provider {
        Api::Anthropic => "claude-sonnet-4-5",
        Api::Gemini => "gemini-2.5-flash",
        _ => "gpt-4o-mini",
    };
    let quirks = Quirks::default();
    let asked = Asked { id: "1".to_owned(), model: "m".to_owned(), body: body.clone(), ..Asked::default() };
    let path = Path { model: Some("m"), stream: Some(true) };
    request((front, provider), body, path, Target { model, quirks: &quirks }, asked).expect("a request")
}

/// A stream that has begun, and the event of which it will see many.
pub fn begin(pair: (Api, Api)) -> (Stream, &'static [u8]) {
    let mut stream = ask(pair, &question(pair.0, 1_000)).translation.stream().expect("a caller's API");
    let (first, event) = events(pair.1);
    stream.push(first.as_bytes(), &mut Vec::new());
    (stream, event.as_bytes())
}

/// How a provider's stream begins, and an event with a word.
fn events(provider: Api) -> (&'static str, &'static str) {
    match provider {
        Api::Anthropic => (
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[],\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" water\"}}\n\n",
        ),
        Api::Gemini => (
            "",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" water\"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":100,\"totalTokenCount\":100},\"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"r1\"}\r\n\r\n",
        ),
        _ => ("", CHUNK),
    }
}

const CHUNK: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" water\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";

/// What is done to a request that merely passes: it is scanned, and the model's name is changed in place.
pub fn pass(body: &Bytes) -> Bytes {
    let found: Scan<'_> = scan(body).expect("a body");
    let edits: Vec<_> = found.replace_model("gpt-4o-mini").into_iter().collect();
    splice(body, &edits)
}

/// What reads along while a stream passes.
pub struct Passing {
    watch: StreamWatch,
    hide: HideUsage,
    event: Bytes,
}

impl Passing {
    pub fn begin() -> Self {
        let mut passing = Self {
            watch: StreamWatch::new(domain::provider::Dialect::Openai),
            hide: HideUsage::new(),
            event: Bytes::from_static(CHUNK.as_bytes()),
        };
        passing.event();
        passing
    }

    /// Lets an event pass; tells how many bytes came out.
    pub fn event(&mut self) -> usize {
        self.watch.push(&self.event);
        self.hide.push(self.event.clone()).map(|bytes| bytes.len()).sum()
    }
}
