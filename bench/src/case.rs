//! What is sent: one row for each kind of traffic.

use std::fmt::Write as _;

use bytes::Bytes;

/// A kind of traffic.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// Length of the request body in bytes, about.
    pub body: usize,
    pub stream: bool,
    /// Connections, each with one request at a time.
    pub connections: usize,
}

/// Every case, in the order to measure.
pub const ALL: &[Case] = &[
    Case { name: "1 KB chat", body: 1 << 10, stream: false, connections: 32 },
    Case { name: "32 KB chat", body: 32 << 10, stream: false, connections: 32 },
    Case { name: "stream of 200 events", body: 1 << 10, stream: true, connections: 16 },
    Case { name: "1 KB chat, one connection", body: 1 << 10, stream: false, connections: 1 },
];

/// Where the number that makes every prompt different stands.
const NUMBER: &str = "0000000000000000";

/// Makes the bodies of a case.
pub struct Bodies {
    before: String,
    after: String,
}

impl Bodies {
    /// `model` is what the target wants the model to be called.
    pub fn new(case: Case, model: &str) -> Self {
        let stream = if case.stream { r#""stream":true,"# } else { "" };
        let head = format!(r#"{{"model":"{model}",{stream}"temperature":0.5,"max_tokens":512,"messages":["#);
        let system = r#"{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":""#;
        let tail = r#""}]}"#;
        let length = head.len() + system.len() + NUMBER.len() + tail.len();
        let after = format!(" {}{tail}", prose(case.body.saturating_sub(length)));
        Self { before: format!("{head}{system}"), after }
    }

    /// A body that no other number makes.
    pub fn body(&self, number: u64) -> Bytes {
        let mut body = String::with_capacity(self.before.len() + NUMBER.len() + self.after.len());
        body.push_str(&self.before);
        // Writing to a String cannot fail.
        let _ = write!(body, "{number:016}");
        body.push_str(&self.after);
        Bytes::from(body)
    }
}

/// Words in an order that repeats late, so that compression has about as much work as with real prompts.
pub fn prose(length: usize) -> String {
    const WORDS: &[&str] = &[
        "the", "weir", "holds", "water", "behind", "a", "wall", "of", "stone", "and", "lets", "it", "pass", "evenly",
        "river", "summer", "please", "explain", "how", "tokens", "are", "counted", "when", "an", "answer", "breaks",
        "off", "before", "its", "end", "because", "nobody", "listens", "any", "more", "model", "context", "window",
    ];
    let mut text = String::with_capacity(length + 16);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = (state >> 33) as usize % WORDS.len();
        text.push_str(WORDS[index]);
        text.push(' ');
    }
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_the_right_length_and_all_different() {
        for case in ALL {
            let bodies = Bodies::new(*case, "openai/gpt-4o-mini");
            let (one, two) = (bodies.body(1), bodies.body(2));
            assert_ne!(one, two);
            assert!(one.len().abs_diff(case.body) < 16, "{} {}", case.name, one.len());
            let value: serde_json::Value = serde_json::from_slice(&one).expect("JSON");
            assert_eq!(value["stream"].as_bool().unwrap_or(false), case.stream);
        }
    }
}
