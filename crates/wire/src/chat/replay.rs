//! Takes a whole answer apart into the events of a stream.

use super::{Answer, BlockKind, Content, Event, Part};

/// The events that [`Assembly`](super::Assembly) makes the same answer of, each block in one piece.
#[must_use]
pub fn replay(answer: Answer) -> Vec<Event> {
    let mut out = vec![Event::Start { id: answer.id, model: answer.model, created: answer.created }];
    let mut block = 0;
    let mut finishes = Vec::new();
    for choice in answer.choices {
        for part in choice.parts {
            play(part, block, choice.index, &mut out);
            block += 1;
        }
        if let Some(logprobs) = choice.logprobs {
            out.push(Event::Logprobs { choice: choice.index, logprobs });
        }
        finishes.push(Event::Finish { choice: choice.index, finish: choice.finish });
    }
    out.append(&mut finishes);
    out.extend(answer.usage.map(Event::Usage));
    out.push(Event::End);
    out
}

fn play(part: Part, block: u32, choice: u32, out: &mut Vec<Event>) {
    let mut deltas = Vec::new();
    let kind = match part.content {
        Content::Text { text, citations } => {
            deltas.push(Event::Text { block, text });
            deltas.extend(citations.into_iter().map(|citation| Event::Citation { block, citation }));
            BlockKind::Text
        }
        Content::Refusal { text } => {
            deltas.push(Event::Text { block, text });
            BlockKind::Refusal
        }
        Content::Thinking { text, signature } => {
            deltas.push(Event::Text { block, text });
            deltas.extend(signature.map(|signature| Event::Signature { block, signature }));
            BlockKind::Thinking
        }
        Content::Redacted { data } => BlockKind::Redacted { data },
        Content::ToolCall { id, name, arguments, signature } => {
            deltas.extend(signature.map(|signature| Event::Signature { block, signature }));
            deltas.push(Event::Arguments { block, json: arguments });
            BlockKind::ToolCall { id, name }
        }
        Content::Opaque { api, value } => BlockKind::Opaque { api, value },
        // Providers do not answer with these in a form that a stream could carry.
        Content::Image { .. }
        | Content::Document { .. }
        | Content::Audio { .. }
        | Content::Video { .. }
        | Content::ToolResult { .. } => return,
    };
    out.push(Event::BlockStart { block, choice, kind });
    out.append(&mut deltas);
    out.push(Event::BlockStop { block });
}

#[cfg(test)]
mod tests {
    use super::super::{Assembly, Choice, Finish, Json, Signature};
    use super::*;
    use crate::api::Api;

    #[test]
    fn what_is_taken_apart_goes_together_again() {
        let mark = Signature { maker: Api::Anthropic, value: "Eq".into() };
        let parts = [
            Content::Thinking { text: "hm".into(), signature: Some(mark.clone()) },
            Content::Redacted { data: mark },
            Content::text("It rains."),
            Content::ToolCall { id: "a".into(), name: "f".into(), arguments: "{}".into(), signature: None },
            Content::Refusal { text: "no".into() },
        ];
        let choice = Choice {
            index: 0,
            parts: parts.map(Part::from).to_vec(),
            finish: Finish::ToolCalls,
            logprobs: Some(Json::parse(r#"{"content":[{"token":"It"}],"refusal":null}"#).expect("JSON")),
        };
        let answer = Answer { id: "1".into(), model: "m".into(), choices: vec![choice], ..Answer::default() };
        let mut assembly = Assembly::default();
        replay(answer.clone()).into_iter().for_each(|event| assembly.push(event));
        assert_eq!(assembly.finish(), Ok(answer));
    }

    #[test]
    fn a_stream_without_an_end_is_no_answer() {
        let mut assembly = Assembly::default();
        assembly.push(Event::Start { id: String::new(), model: String::new(), created: None });
        assert_eq!(assembly.finish().map_err(|error| error.code), Err("upstream_reset".to_owned()));
    }
}
