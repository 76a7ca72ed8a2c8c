//! Makes the bodies of a case.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

use super::{Case, Load};

/// Where the number that makes every prompt different stands.
const NUMBER: &str = "0000000000000000";

/// Makes the bodies of a case.
pub struct Bodies {
    before: String,
    after: String,
}

impl Bodies {
    /// `model` is what the target wants the model to be called; `length` is how long a paced stream lasts.
    pub fn new(case: Case, model: &str, length: Duration) -> Self {
        let stream = if case.stream { r#""stream":true,"# } else { "" };
        let user = match case.load {
            Load::Paced { pace, .. } => asks_for(pace, length),
            Load::Closed { .. } | Load::Open { .. } => String::new(),
        };
        let head = format!(r#"{{"model":"{model}",{stream}{user}"temperature":0.5,"max_tokens":512,"messages":["#);
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

/// The field that tells the mock provider how to pace a stream; see [`pace`].
fn asks_for(pace: Duration, length: Duration) -> String {
    let events = length.as_millis().div_ceil(pace.as_millis().max(1)).max(2);
    format!(r#""user":"{} ms {events} events","#, pace.as_millis())
}

/// The pause between two events and their number, if the request's beginning asks for a paced stream.
pub fn pace(head: &str) -> Option<(Duration, usize)> {
    let (_, asked) = head.split_once(r#""user":""#)?;
    let (ms, asked) = asked.split_once(" ms ")?;
    let (events, _) = asked.split_once(" events")?;
    Some((Duration::from_millis(ms.parse().ok()?), events.parse().ok()?))
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
    use super::super::ALL;
    use super::*;

    #[test]
    fn bodies_are_json_of_the_right_length_and_all_different() {
        for case in ALL {
            let bodies = Bodies::new(*case, "openai/gpt-4o-mini", Duration::from_secs(4));
            let (one, two) = (bodies.body(1), bodies.body(2));
            assert_ne!(one, two);
            assert!(one.len().abs_diff(case.body) < 16, "{} {}", case.name, one.len());
            let value: serde_json::Value = serde_json::from_slice(&one).expect("JSON");
            assert_eq!(value["stream"].as_bool().unwrap_or(false), case.stream);
            let head = String::from_utf8_lossy(&one[..256]);
            assert_eq!(pace(&head).is_some(), matches!(case.load, Load::Paced { .. }), "{head}");
        }
    }

    #[test]
    fn a_pace_is_read_as_it_was_written() {
        let length = Duration::from_secs(4);
        let head = format!("{{{}", asks_for(Duration::from_millis(20), length));
        assert_eq!(pace(&head), Some((Duration::from_millis(20), 200)));
    }
}
