//! What a request asks, in a form that requests of all APIs can be compared in.

use std::collections::HashMap;

use serde_json::Value;
use wire::api::{Api, Encoded};
use wire::chat::{Content, Format, Losses, Names, Part, Request, Role, Source, ToolKind};

use wire_fuzz::said;

/// A conversation without what belongs to which message:
/// - instructions stand before it, wherever they stood (APIs that know one place for them);
/// - thoughts are left out, since they go back to their maker only;
/// - calls are numbered, since ids are changed where an API has rules for them; results stand in the order of the calls;
/// - white space is put aside, since texts are joined;
/// - instructions alone are said by the user.
#[derive(Debug, Default, PartialEq)]
pub struct Asked {
    pub instructions: String,
    pub said: Vec<(Role, String)>,
    pub calls: Vec<(String, Value)>,
    pub results: Vec<(Option<usize>, String)>,
    pub media: Vec<String>,
    pub tools: Vec<(String, Option<String>, Vec<String>)>,
    pub schema: Option<Value>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub max_tokens: Option<u64>,
    pub stop: Vec<String>,
    pub has_files: bool,
}

impl Asked {
    /// What `request` asks, with the caller's names.
    pub fn by(request: &Request, names: &Names) -> Self {
        let mut asked = Self {
            schema: schema(&request.format),
            temperature: request.sampling.temperature,
            top_p: request.sampling.top_p,
            max_tokens: request.max_tokens,
            stop: request.stop.clone(),
            ..Self::default()
        };
        let mut ids = HashMap::new();
        for message in &request.messages {
            for part in &message.parts {
                asked.part(message.role, part, names, &mut ids);
            }
        }
        asked.results.sort();
        // Somebody must say something.
        if let ([], false) = (asked.said.as_slice(), asked.instructions.is_empty()) {
            asked.said.push((Role::User, std::mem::take(&mut asked.instructions)));
        }
        for tool in &request.tools {
            if let ToolKind::Function { parameters, .. } = &tool.kind {
                let properties = parameters.as_ref().and_then(|json| json.read::<Value>().ok());
                let properties = properties.as_ref().and_then(|schema| schema["properties"].as_object());
                let mut properties: Vec<_> = properties.into_iter().flat_map(|all| all.keys().cloned()).collect();
                properties.sort();
                let words = tool.description.clone().filter(|words| !words.trim().is_empty());
                asked.tools.push((names.asked(&tool.name).to_owned(), words, properties));
            }
        }
        asked
    }

    fn part(&mut self, role: Role, part: &Part, names: &Names, ids: &mut HashMap<String, usize>) {
        match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } => self.words(role, text),
            Content::Image { source, .. }
            | Content::Document { source, .. }
            | Content::Audio { source }
            | Content::Video { source } => self.medium(role, source),
            Content::ToolCall { id, name, arguments, .. } => {
                ids.insert(id.clone(), self.calls.len());
                self.calls.push((names.asked(name).to_owned(), said::read(arguments)));
            }
            Content::ToolResult { call_id, content, is_error, .. } => {
                let mut words = Self::default();
                content.iter().for_each(|part| words.part(Role::User, part, names, ids));
                let text: String = words.said.into_iter().map(|(_, text)| text).collect();
                let text = text.strip_prefix("Error:").filter(|_| !is_error).map(str::to_owned).unwrap_or(text);
                self.media.append(&mut words.media);
                self.results.push((ids.get(call_id).copied(), plain(&text)));
            }
            Content::Thinking { .. } | Content::Redacted { .. } | Content::Opaque { .. } => {}
        }
    }

    fn words(&mut self, role: Role, text: &str) {
        let text = plain(text);
        if matches!(role, Role::System | Role::Developer) {
            self.instructions.push_str(&text);
        } else if let Some((_, last)) = self.said.last_mut().filter(|(last, _)| *last == role) {
            last.push_str(&text);
        } else if !text.is_empty() {
            self.said.push((role, text));
        }
    }

    fn medium(&mut self, role: Role, source: &Source) {
        match source {
            Source::Base64 { data, .. } => self.media.push(data.clone()),
            Source::Text(text) => self.words(role, text),
            Source::Url { url, .. } => self.media.push(url.clone()),
            Source::File(id) => {
                self.has_files = true;
                self.media.push(id.clone());
            }
        }
    }
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect()
}

fn schema(format: &Format) -> Option<Value> {
    match format {
        Format::JsonSchema { schema, .. } => schema.read().ok(),
        _ => None,
    }
}

/// Puts aside what `encoded` says it has lost, and what an API must do without. Fields are in the caller's words.
pub fn without_losses(asked: &mut Asked, request: &Request, api: Api, encoded: &Encoded) {
    let lost = |name: &str| is_lost(&encoded.losses, name);
    // One is what models do that take no other.
    if lost("temperature") || asked.temperature == Some(1.0) {
        asked.temperature = None;
    }
    if lost("top_p") {
        asked.top_p = None;
    }
    if lost("stop") {
        asked.stop.clear();
    }
    // Claude wants a length, and one above the budget for thoughts; OpenAI's least is 16.
    if lost("max_tokens") || request.reasoning.is_some() || api == Api::Anthropic || api == Api::OpenaiResponses {
        asked.max_tokens = None;
    }
    // Told in words, or as a tool that was made up; schemas are rewritten for whom they would be too much.
    if encoded.output_tool.is_some() || lost("response_format") || asked.schema.is_some() && api != Api::OpenaiChat {
        asked.schema = None;
    }
}

/// Whether what was lost has a name that begins so.
pub fn is_lost(losses: &Losses, name: &str) -> bool {
    losses.all().iter().any(|loss| loss.field.starts_with(name))
}
