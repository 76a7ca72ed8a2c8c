//! What an answer says, in a form that answers of all APIs can be compared in.

use domain::Usage;
use serde_json::{Value, json};
use wire::api::Api;
use wire::chat::{Answer, Content, Finish};

/// What is said, without what belongs to which block.
#[derive(Debug, Default, PartialEq)]
pub struct Said {
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
}

/// One of the answers.
#[derive(Debug, Default, PartialEq)]
pub struct Choice {
    text: String,
    thinking: String,
    calls: Vec<(String, String, Value)>,
    finish: &'static str,
}

impl Said {
    /// What of `answer` callers of `front` get to see. What they do not see:
    /// - a refusal as such: it is text where the API has no word for it;
    /// - other choices than the first, where the API knows one;
    /// - that there is no answer at all: it is one without words;
    /// - figures that the API's usage has no field for;
    /// - reasons to finish that the API has no word for: the nearest one.
    pub fn to(front: Api, answer: &Answer) -> Self {
        let many = matches!(front, Api::OpenaiChat | Api::Gemini);
        let choices = answer.choices.iter().filter(|choice| many || choice.index == 0);
        let mut choices: Vec<_> = choices.map(|choice| Choice::to(front, choice)).collect();
        if choices.is_empty() {
            choices.push(Choice { finish: "stop", ..Choice::default() });
        }
        // Anthropic's answers always have figures.
        let usage = answer.usage.or((front == Api::Anthropic).then(Usage::default));
        Self { choices, usage: usage.map(|usage| figures(front, usage)) }
    }

    /// Puts the reasons to finish aside.
    #[must_use]
    pub fn without_finish(mut self) -> Self {
        self.choices.iter_mut().for_each(|choice| choice.finish = "");
        self
    }
}

impl Choice {
    fn to(front: Api, choice: &wire::chat::Choice) -> Self {
        let mut said = Self { finish: word(front, &choice.finish), ..Self::default() };
        for part in &choice.parts {
            match &part.content {
                Content::Text { text, .. } | Content::Refusal { text } => said.text.push_str(text),
                Content::Thinking { text, .. } => said.thinking.push_str(text),
                // Gemini knows no calls of nothing.
                Content::ToolCall { name, .. } if front == Api::Gemini && name.is_empty() => {}
                Content::ToolCall { id, name, arguments, .. } => {
                    said.calls.push((id.clone(), name.clone(), read(arguments)));
                }
                _ => {}
            }
        }
        match said.finish {
            "stop" if !said.calls.is_empty() => said.finish = "calls",
            "calls" if said.calls.is_empty() => said.finish = "stop",
            _ => {}
        }
        said
    }
}

/// Arguments as an object: none are an empty one, what is no object is kept as text.
pub fn read(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(value @ Value::Object(_)) => value,
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({ "_raw": arguments }),
    }
}

fn word(front: Api, finish: &Finish) -> &'static str {
    match finish {
        Finish::Length | Finish::ContextFull => "length",
        Finish::ToolCalls => "calls",
        Finish::ContentFilter | Finish::Refusal => "filter",
        // Chat completions that broke off are too short; Claude's merely end; Gemini has one word for all that is odd.
        Finish::Failed(_) if front == Api::OpenaiChat => "length",
        Finish::Failed(_) if front == Api::Anthropic => "stop",
        Finish::Failed(_) => "failed",
        Finish::Other(_) if front == Api::Gemini => "failed",
        Finish::Stop | Finish::StopSequence(_) | Finish::Pause | Finish::Other(_) => "stop",
    }
}

/// What callers' APIs tell of a usage: only some providers tell more.
#[must_use]
pub fn told(usage: Usage) -> Usage {
    Usage {
        input: usage.input,
        output: usage.output,
        cached_input: usage.cached_input,
        cache_write: usage.cache_write + u64::from(usage.cache_write_12h),
        cache_write_1h: usage.cache_write_1h,
        reasoning: usage.reasoning,
        audio_input: usage.audio_input,
        audio_output: usage.audio_output,
        ..Usage::default()
    }
}

/// The figures that the API's usage has fields for.
fn figures(front: Api, usage: Usage) -> Usage {
    let mut seen = told(usage);
    if matches!(front, Api::OpenaiResponses | Api::Anthropic) {
        (seen.audio_input, seen.audio_output) = (0, 0);
    }
    match front {
        // What is written to a cache is named, but not for how long.
        Api::OpenaiChat | Api::OpenaiResponses => {
            seen.cache_write += std::mem::take(&mut seen.cache_write_1h);
        }
        // Cached tokens are counted beside the others: there are never more of them.
        Api::Anthropic => seen.input = seen.input.max(seen.cached_input + seen.cache_write + seen.cache_write_1h),
        // Thoughts are counted beside the others; nothing is ever written to a cache by the way.
        Api::Gemini => {
            seen.output = seen.output.max(seen.reasoning);
            (seen.cache_write, seen.cache_write_1h) = (0, 0);
        }
        _ => {}
    }
    seen
}
