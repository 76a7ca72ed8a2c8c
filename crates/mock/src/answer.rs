//! The answer to a prompt: words picked by a hash of the prompt, or a call of the first tool offered.

use serde_json::{Map, Value, json};

use crate::control::Control;

/// Words in an answer when nothing says otherwise.
const DEFAULT_TOKENS: u32 = 24;
/// Words of the prompt that an answer repeats.
const REPEATED: usize = 8;
const VOCABULARY: [&str; 32] = [
    "river", "gate", "water", "flows", "over", "stone", "slowly", "and", "the", "weir", "keeps", "its", "level",
    "while", "a", "heron", "waits", "under", "willow", "trees", "for", "small", "silver", "fish", "that", "pass",
    "through", "open", "sluices", "at", "first", "light",
];

const THOUGHTS: [&str; 5] = ["Where", " is", " the", " water", " deep?"];
/// What a signature on reasoning begins with; the answer's id follows. In the alphabet of base64, as Gemini's are.
const SIGNED: &str = "mock";

/// A tool that a request offers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tool {
    pub name: String,
    pub parameters: Value,
}

/// What all dialects ask, once read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prompt {
    pub model: String,
    /// The text of every message, in order.
    pub text: String,
    /// The text of the last user message: where controls are looked for.
    pub last_user: String,
    pub messages: u64,
    /// The tool to call, where one is offered and its result is not there yet.
    pub tool: Option<Tool>,
    /// The schema that the text must fit, where one is asked for.
    pub schema: Option<Value>,
    /// Whether reasoning is to be shown.
    pub thinks: bool,
    pub max_tokens: Option<u32>,
    pub stream: bool,
    pub include_usage: bool,
}

/// What the answer consists of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Pieces that make the text when joined; each counts as a token.
    Text(Vec<String>),
    Call {
        name: String,
        arguments: Value,
    },
}

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub model: String,
    /// Sixteen hexadecimal digits, for ids.
    pub id: String,
    /// Pieces of the reasoning before the content; none where none is shown. Each counts as a token.
    pub thoughts: Vec<&'static str>,
    pub content: Content,
    pub input_tokens: u64,
    pub cached_tokens: u64,
    pub output_tokens: u64,
    /// Whether the limit of tokens cut it short.
    pub truncated: bool,
    /// Whether usage is reported.
    pub usage: bool,
}

impl Prompt {
    /// Tokens of the input: its words, and three for each message.
    pub fn input_tokens(&self) -> u64 {
        count_tokens(&self.text) + 3 * self.messages
    }

    /// Answers as the controls want it.
    pub fn answer(&self, control: &Control) -> Answer {
        let hash = hash(&[&self.model, &self.text]);
        let (content, truncated) = match (&self.tool, &self.schema) {
            (Some(tool), _) => {
                (Content::Call { name: tool.name.clone(), arguments: arguments(&tool.parameters) }, false)
            }
            (None, Some(schema)) => (Content::Text(pieces(&arguments(schema).to_string()).collect()), false),
            (None, None) => self.words(control, hash),
        };
        let thoughts = if self.thinks { THOUGHTS.to_vec() } else { Vec::new() };
        let said = match &content {
            Content::Text(pieces) => pieces.len() as u64,
            Content::Call { arguments, .. } => 8 + count_tokens(&arguments.to_string()),
        };
        let input_tokens = self.input_tokens();
        Answer {
            model: self.model.clone(),
            id: format!("{hash:016x}"),
            output_tokens: said + thoughts.len() as u64,
            thoughts,
            content,
            input_tokens,
            cached_tokens: control.cached.unwrap_or(0).min(input_tokens),
            truncated,
            usage: !control.no_usage,
        }
    }

    fn words(&self, control: &Control, seed: u64) -> (Content, bool) {
        let wanted = control.tokens.unwrap_or(DEFAULT_TOKENS);
        let given = self.max_tokens.unwrap_or(wanted).min(wanted);
        // The words that steer the mock are not repeated: a second turn would obey them again.
        let repeated = self.last_user.split_whitespace().filter(|word| !word.contains("mock-")).take(REPEATED);
        let mut state = seed;
        let invented = std::iter::repeat_with(|| VOCABULARY[next(&mut state)]);
        let pieces = std::iter::once("Echo:")
            .chain(repeated)
            .chain(invented)
            .take(given as usize)
            .enumerate()
            .map(|(at, word)| if at == 0 { word.to_owned() } else { format!(" {word}") })
            .collect();
        (Content::Text(pieces), given < wanted)
    }
}

impl Answer {
    /// What proves that the reasoning is the mock's own.
    pub fn signature(&self) -> String {
        format!("{SIGNED}{}", self.id)
    }
}

/// Whether the mock made this signature.
pub(crate) fn is_signature(value: &Value) -> bool {
    value.as_str().is_some_and(|value| value.starts_with(SIGNED))
}

/// A text in pieces of at most eight characters.
pub(crate) fn pieces(text: &str) -> std::vec::IntoIter<String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters.chunks(8).map(|piece| piece.iter().collect()).collect();
    pieces.into_iter()
}

/// Tokens of a text: its words, by white space.
pub(crate) fn count_tokens(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// FNV-1a over some texts: stable between machines and versions, which the standard library's hasher is not.
pub(crate) fn hash(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in texts.iter().flat_map(|text| text.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

/// A number of [0, 32) from a xorshift generator.
fn next(state: &mut u64) -> usize {
    *state = (*state).max(1);
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 59) as usize
}

/// A unit vector that depends on the text alone.
pub(crate) fn embedding(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = hash(&[text]);
    let raw: Vec<f32> = (0..dimensions).map(|_| next(&mut state) as f32 - 15.5).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.into_iter().map(|x| x / length).collect()
}

/// Arguments that fit a JSON schema's properties.
fn arguments(schema: &Value) -> Value {
    let mut object = Map::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            object.insert(name.clone(), sample(property));
        }
    }
    Value::Object(object)
}

fn sample(property: &Value) -> Value {
    if let Some(first) = property.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if let Some(first) = property.get("anyOf").and_then(|choices| choices.get(0)) {
        return sample(first);
    }
    let kind = property.get("type").and_then(Value::as_str).unwrap_or("string").to_ascii_lowercase();
    match kind.as_str() {
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" => json!([]),
        "object" => arguments(property),
        _ => json!("Lyon"),
    }
}

/// The text in a message's content, whichever way the dialect nests it.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => {
            ["text", "content", "parts"].iter().filter_map(|key| fields.get(*key)).map(text_of).collect()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer) -> String {
        match &answer.content {
            Content::Text(pieces) => pieces.concat(),
            Content::Call { .. } => String::new(),
        }
    }

    fn prompt(text: &str) -> Prompt {
        Prompt { model: "m".into(), text: text.into(), last_user: text.into(), messages: 1, ..Prompt::default() }
    }

    #[test]
    fn the_same_prompt_gets_the_same_answer_and_another_a_different_one() {
        let one = prompt("How deep is the lake?").answer(&Control::default());
        let same = prompt("How deep is the lake?").answer(&Control::default());
        let other = prompt("How wide is the lake?").answer(&Control::default());
        assert_eq!((text(&one), &one.id), (text(&same), &same.id));
        assert_ne!(text(&one), text(&other));
        assert!(text(&one).starts_with("Echo: How deep is the lake?"), "{}", text(&one));
        assert_eq!((one.input_tokens, one.output_tokens), (8, 24));
    }

    #[test]
    fn a_token_limit_cuts_the_answer() {
        let answer = Prompt { max_tokens: Some(3), ..prompt("one two three") }.answer(&Control::default());
        assert_eq!(text(&answer), "Echo: one two");
        assert!(answer.truncated);
    }

    #[test]
    fn arguments_fit_the_schema() {
        let schema = json!({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"INTEGER"},
            "unit":{"type":"string","enum":["celsius","kelvin"]},"where":{"type":"object","properties":{"x":{"type":"number"}}}}});
        assert_eq!(arguments(&schema), json!({"city":"Lyon","days":1,"unit":"celsius","where":{"x":1}}));
    }

    #[test]
    fn embeddings_are_unit_vectors() {
        let vector = embedding("text", 16);
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        assert_eq!(vector, embedding("text", 16));
    }
}
