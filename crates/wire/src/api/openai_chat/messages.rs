//! Reads a caller's messages.

use super::fields::Fields;
use super::open::Open;
use super::{LEFTOVERS, parts, reasoning};
use crate::api::Api;
use crate::chat::{Content, Json, Message, Part, Refused, Role, Signature};

/// Reads the conversation. Results of tools that follow each other become one message.
pub(super) fn read(list: &[Json]) -> Result<Vec<Message>, Refused> {
    if list.is_empty() {
        return Err(Refused::field("messages", "must be a list of at least one message"));
    }
    let mut reader = Reader::default();
    for (place, message) in list.iter().enumerate() {
        let fields = Fields::read(message.as_str().as_bytes(), format!("messages[{place}]"))?;
        reader.message(fields, place)?;
    }
    Ok(reader.messages)
}

#[derive(Default)]
struct Reader {
    messages: Vec<Message>,
    open: Open,
    /// Whether the last message holds results only, and may take more.
    results: bool,
}

impl Reader {
    fn message(&mut self, mut fields: Fields, place: usize) -> Result<(), Refused> {
        let role = match fields.needed("role")?.as_str() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => return self.assistant(fields, place),
            "tool" | "function" => return self.result(fields),
            other => {
                let roles = "must be `system`, `developer`, `user`, `assistant` or `tool`";
                return Err(Refused::field(fields.path("role"), format!("{roles}, not `{other}`")));
            }
        };
        let name = fields.text("name")?;
        let mut parts = parts::content(&mut fields)?;
        hint(&mut fields, &mut parts);
        leftovers(fields, &mut parts);
        self.results = false;
        self.messages.push(Message { role, name, parts });
        Ok(())
    }

    fn assistant(&mut self, mut fields: Fields, place: usize) -> Result<(), Refused> {
        let name = fields.text("name")?;
        let mut parts: Vec<Part> = thinking(&mut fields)?.into_iter().map(Part::from).collect();
        parts.append(&mut parts::content(&mut fields)?);
        hint(&mut fields, &mut parts);
        if let Some(text) = fields.text("refusal")?.filter(|text| !text.is_empty()) {
            parts.push(Content::Refusal { text }.into());
        }
        self.open.clear();
        let calls = fields.list("tool_calls")?;
        for (number, call) in calls.iter().enumerate() {
            let at = format!("messages[{place}].tool_calls[{number}]");
            let call = call_of(Fields::read(call.as_str().as_bytes(), at)?, || format!("call_{place}_{number}"))?;
            self.called(call, &mut parts);
        }
        if let Some(call) = fields.object("function_call")? {
            let call = function_of(call, format!("call_{place}_0"), None)?;
            self.called(call, &mut parts);
        }
        // Ours to say, not the caller's to repeat.
        fields.raw("annotations");
        leftovers(fields, &mut parts);
        self.results = false;
        self.messages.push(Message { role: Role::Assistant, name, parts });
        Ok(())
    }

    fn called(&mut self, call: Content, parts: &mut Vec<Part>) {
        if let Content::ToolCall { id, name, .. } = &call {
            self.open.add(id, name);
        }
        parts.push(call.into());
    }

    fn result(&mut self, mut fields: Fields) -> Result<(), Refused> {
        let name = fields.text("name")?;
        let said = fields.text("tool_call_id")?.filter(|id| !id.is_empty());
        let answered = match (&said, &name) {
            (Some(said), _) => self.open.answer(said),
            (None, Some(tool)) => self.open.answer_of(tool),
            (None, None) => self.open.answer_next(),
        };
        let missing = || Refused::field(fields.path("tool_call_id"), "is missing: it must name the call it answers");
        let call_id = said.or(answered).ok_or_else(missing)?;
        let content = parts::content(&mut fields)?;
        let result = Content::ToolResult { call_id, name, content, is_error: false };
        let mut part = Part::from(result);
        part.cache = parts::cache(&mut fields);
        match self.messages.last_mut() {
            Some(last) if self.results => last.parts.push(part),
            _ => self.messages.push(Message { role: Role::User, name: None, parts: vec![part] }),
        }
        self.results = true;
        Ok(())
    }
}

/// Reasoning of an earlier turn: the details where there are any, else the words.
fn thinking(fields: &mut Fields) -> Result<Vec<Content>, Refused> {
    let details = reasoning::read_details(&fields.list("reasoning_details")?);
    let mut words = None;
    for name in ["reasoning_content", "reasoning"] {
        words = words.or(fields.text(name)?.filter(|text| !text.is_empty()));
    }
    let mut found = if details.is_empty() || only_marks(&details) {
        words.map(|text| Content::Thinking { text, signature: None }).into_iter().chain(details).collect()
    } else {
        details
    };
    // Gemini's mark on a whole message.
    if let Some(extra) = fields.raw("extra_content") {
        let mark = parts::google_signature(&extra);
        found.extend(mark.map(|mark| Content::Thinking { text: String::new(), signature: Some(mark) }));
    }
    Ok(found)
}

fn only_marks(details: &[Content]) -> bool {
    details.iter().all(|content| matches!(content, Content::Redacted { .. }))
}

fn call_of(mut call: Fields, make_id: impl FnOnce() -> String) -> Result<Content, Refused> {
    let id = call.text("id")?.filter(|id| !id.is_empty()).unwrap_or_else(make_id);
    let signature = call.raw("extra_content").and_then(|extra| parts::google_signature(&extra));
    if let Some(mut custom) = call.object("custom")? {
        let (name, arguments) = (custom.needed("name")?, custom.text("input")?.unwrap_or_default());
        return Ok(Content::ToolCall { id, name, arguments, signature });
    }
    match call.object("function")? {
        Some(function) => function_of(function, id, signature),
        None => Err(Refused::field(call.path("function"), "is missing: it must hold `name` and `arguments`")),
    }
}

fn function_of(mut function: Fields, id: String, signature: Option<Signature>) -> Result<Content, Refused> {
    let name = function.needed("name")?;
    let arguments = match function.raw("arguments") {
        // Some callers send the object itself.
        Some(json) if json.is_object() => json.as_str().to_owned(),
        Some(json) => json
            .read()
            .map_err(|_| Refused::field(function.path("arguments"), "must be a string that holds a JSON object"))?,
        None => String::new(),
    };
    Ok(Content::ToolCall { id, name, arguments, signature })
}

/// A cache hint on the message is one on its last part.
fn hint(fields: &mut Fields, parts: &mut [Part]) {
    let cache = parts::cache(fields);
    if let Some(last) = parts.last_mut().filter(|_| cache.is_some()) {
        last.cache = cache;
    }
}

/// What this form has no field for (`prefix`, `audio`) is kept for providers of the same API.
fn leftovers(fields: Fields, parts: &mut Vec<Part>) {
    let rest: serde_json::Map<String, serde_json::Value> = fields
        .rest()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.read().ok()?)))
        .filter(|(_, value): &(String, serde_json::Value)| !value.is_null())
        .collect();
    if !rest.is_empty() {
        let value = Json::of(&serde_json::json!({ LEFTOVERS: rest }));
        parts.push(Content::Opaque { api: Api::OpenaiChat, value }.into());
    }
}
