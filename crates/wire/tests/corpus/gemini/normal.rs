//! Requests and answers without what means nothing, so that two of them can be compared.

use serde_json::{Map, Value, json};

/// An answer without what the common form leaves out knowingly: when it was made, how Google splits its counts.
pub(super) fn normal_answer(mut body: Value) -> Value {
    let members = body.as_object_mut().expect("an object");
    members.retain(|name, _| ["candidates", "promptFeedback", "usageMetadata"].contains(&name.as_str()));
    if let Some(usage) = members.get_mut("usageMetadata").and_then(Value::as_object_mut) {
        let prompt = usage.get("promptTokenCount").and_then(Value::as_u64).unwrap_or(0)
            + usage.get("toolUsePromptTokenCount").and_then(Value::as_u64).unwrap_or(0);
        usage.insert("promptTokenCount".into(), prompt.into());
        let kept = [
            "promptTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount",
            "cachedContentTokenCount",
            "totalTokenCount",
        ];
        usage.retain(|name, count| kept.contains(&name.as_str()) && *count != 0);
    }
    members.retain(|name, value| name != "usageMetadata" || value.as_object().is_some_and(|usage| !usage.is_empty()));
    for candidate in members.get_mut("candidates").and_then(Value::as_array_mut).into_iter().flatten() {
        let candidate = candidate.as_object_mut().expect("a candidate");
        candidate.entry("index").or_insert(0.into());
        if !candidate.get("finishReason").is_some_and(Value::is_string) {
            candidate.insert("finishReason".into(), "STOP".into());
        }
        let content = candidate.entry("content").or_insert(json!({}));
        let parts = content.get_mut("parts").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        *content = Value::Array(normal_parts(parts));
    }
    body
}

/// Parts without what means nothing: empty texts, ids that were made up, borders between pieces of reasoning or of words.
fn normal_parts(parts: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for mut part in parts {
        if let Some(call) = part.get_mut("functionCall").and_then(Value::as_object_mut) {
            call.remove("id");
            call.entry("args").or_insert(json!({}));
        }
        if let Some(result) = part.get_mut("functionResponse").and_then(Value::as_object_mut) {
            result.remove("id");
        }
        let members = part.as_object_mut().expect("a part");
        members
            .retain(|name, value| (name != "thought" || *value != false) && (name != "parts" || *value != json!([])));
        let bare = |part: &Value| part["text"].is_string() && part.get("thoughtSignature").is_none();
        if part["text"] == "" && part.get("thoughtSignature").is_none() {
            continue;
        }
        match out.last_mut() {
            Some(last)
                if bare(last)
                    && part["text"].is_string()
                    && part["text"] != ""
                    && last["thought"] == part["thought"]
                    && bare(&part) =>
            {
                let text = format!("{}{}", last["text"].as_str().unwrap_or(""), part["text"].as_str().unwrap_or(""));
                last["text"] = text.into();
            }
            _ => out.push(part),
        }
    }
    out
}

/// Names in camel case, except those inside of schemas, arguments and results.
fn camel(value: &Value) -> Value {
    const CLOSED: [&str; 6] =
        ["args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"];
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
                let mut words = name.split('_');
                let mut out = words.next().unwrap_or_default().to_owned();
                words.for_each(|word| out.push_str(&(word[..1].to_uppercase() + &word[1..])));
                let value = if CLOSED.contains(&out.as_str()) { value.clone() } else { camel(value) };
                (out, value)
            });
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(list) => list.iter().map(camel).collect(),
        other => other.clone(),
    }
}

fn as_list(value: Option<Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    }
}

/// A request without what means nothing: borders between turns of one side, the grouping of tools, the spelling of types.
pub(super) fn normal_request(body: &Value) -> Value {
    let mut body = camel(body);
    let members = body.as_object_mut().expect("an object");
    members.remove("model");
    let mut turns: Vec<(bool, Vec<Value>)> = Vec::new();
    for mut turn in as_list(members.remove("contents")) {
        let is_model = turn["role"] == "model";
        let parts = as_list(turn.get_mut("parts").map(Value::take));
        match turns.last_mut() {
            Some(last) if last.0 == is_model => last.1.extend(parts),
            _ => turns.push((is_model, parts)),
        }
    }
    for (_, parts) in &mut turns {
        *parts = normal_parts(std::mem::take(parts));
        for part in parts.iter_mut() {
            let members = part.as_object_mut().expect("a part");
            // Stands in for the signature of a call that another model made.
            members.retain(|name, value| name != "thoughtSignature" || *value != "skip_thought_signature_validator");
        }
    }
    members.insert(
        "contents".into(),
        turns.into_iter().filter(|(_, parts)| !parts.is_empty()).map(|(_, parts)| Value::Array(parts)).collect(),
    );
    if let Some(mut system) = members.remove("systemInstruction") {
        let parts = as_list(system.get_mut("parts").map(Value::take));
        members.insert("systemInstruction".into(), Value::Array(normal_parts(parts)));
    }
    tools(members);
    config(members);
    members.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()) && *value != json!({}));
    body
}

fn tools(members: &mut Map<String, Value>) {
    let tools = as_list(members.remove("tools"));
    let mut flat: Vec<Value> = Vec::new();
    for (name, value) in tools.iter().filter_map(Value::as_object).flatten() {
        match name.as_str() {
            "functionDeclarations" => {
                flat.splice(0..0, as_list(Some(value.clone())).into_iter().map(declaration)).for_each(drop)
            }
            _ => flat.push(json!({name.as_str(): value})),
        }
    }
    members.insert("tools".into(), Value::Array(flat));
}

fn declaration(mut declaration: Value) -> Value {
    let members = declaration.as_object_mut().expect("a declaration");
    let schema = members.remove("parametersJsonSchema").or(members.remove("parameters"));
    members.insert("schema".into(), schema.map_or(Value::Null, lower));
    declaration
}

fn config(members: &mut Map<String, Value>) {
    if let Some(config) = members.get_mut("generationConfig").and_then(Value::as_object_mut) {
        let schema = config.remove("responseJsonSchema").or(config.remove("responseSchema"));
        config.insert("schema".into(), schema.map_or(Value::Null, lower));
        config.retain(|_, value| !value.is_null() && *value != json!({}) && *value != json!([]));
        if config.get("responseMimeType").is_some_and(|word| word == "text/plain") {
            config.remove("responseMimeType");
        }
        for number in
            ["temperature", "topP", "topK"].iter().filter_map(|name| config.remove_entry(*name)).collect::<Vec<_>>()
        {
            config.insert(number.0, number.1.as_f64().into());
        }
        if let Some(level) = config.get_mut("thinkingConfig").and_then(|thinking| thinking.get_mut("thinkingLevel")) {
            *level = level.as_str().unwrap_or_default().to_lowercase().into();
        }
    }
    if members.get("toolConfig").is_some_and(|config| config == &json!({"functionCallingConfig": {}})) {
        members.remove("toolConfig");
    }
}

/// A schema with its types in lower case and without the mark of its order.
fn lower(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            members.retain(|name, _| name != "propertyOrdering");
            for (name, value) in members.iter_mut() {
                *value = match value.take() {
                    Value::String(word) if name == "type" => word.to_lowercase().into(),
                    other => lower(other),
                };
            }
            if members.get("nullable") == Some(&Value::Bool(true)) {
                members.remove("nullable");
                let word = members["type"].take();
                members.insert("type".into(), json!([word, "null"]));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = lower(value.take())),
        _ => {}
    }
    schema
}
