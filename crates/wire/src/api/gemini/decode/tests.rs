use super::*;
use crate::chat::{Content, Effort, Format, Role, Tool, ToolChoice, ToolKind};

fn read(body: &str) -> Request {
    let path = Path { model: Some("models/gemini-2.5-flash"), stream: Some(true) };
    decode_request(body.as_bytes(), path).expect("a request")
}

fn refused(body: &str) -> String {
    let path = Path { model: Some("gemini-2.5-flash"), stream: None };
    decode_request(body.as_bytes(), path).expect_err("no request").field.unwrap_or_default()
}

#[test]
fn a_request_in_snake_case_is_the_same_request() {
    let camel = r#"{
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Look: "}, {"inlineData": {"mimeType": "image/png", "data": "aA=="}}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}}}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {"maxOutputTokens": 5, "topK": 40.0, "responseMimeType": "application/json", "responseSchema": {"type": "ARRAY"},
            "thinkingConfig": {"thinkingBudget": -1, "includeThoughts": true}, "stopSequences": ["x"], "mediaResolution": "LOW"},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    }"#;
    let snake = r#"{
        "system_instruction": {"parts": {"text": "Be brief."}},
        "contents": {"role": "user", "parts": [{"text": "Look: "}, {"inline_data": {"mime_type": "image/png", "data": "aA=="}}]},
        "tools": [{"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}}}]}, {"google_search": {}}],
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
        "generation_config": {"max_output_tokens": 5, "top_k": 40, "response_mime_type": "application/json", "response_schema": {"type": "ARRAY"},
            "thinking_config": {"thinking_budget": -1, "include_thoughts": true}, "stop_sequences": ["x"], "media_resolution": "LOW"},
        "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    }"#;
    let request = read(camel);
    assert_eq!(read(snake), request);
    assert_eq!((request.model.as_str(), request.stream, request.max_tokens), ("gemini-2.5-flash", true, Some(5)));
    assert_eq!(request.sampling.top_k, Some(40));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    let reasoning = request.reasoning.expect("reasoning");
    assert_eq!((reasoning.dynamic, reasoning.budget, reasoning.visible), (true, None, Some(true)));
    assert!(matches!(&request.format, Format::JsonSchema { schema, .. } if schema.as_str() == r#"{"type":"array"}"#));
    let [Tool { kind: ToolKind::Function { parameters: Some(schema), .. }, .. }, search] = &request.tools[..] else {
        panic!()
    };
    assert_eq!(schema.as_str(), r#"{"type":"object","properties":{"x":{"type":"string"}}}"#);
    assert!(
        matches!(&search.kind, ToolKind::Server { definition, .. } if definition.as_str() == r#"{"googleSearch":{}}"#)
    );
    let extra: Vec<&str> = request.extra.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(extra, ["generationConfig.mediaResolution", "safetySettings"]);
}

#[test]
fn calls_without_ids_and_their_results_find_each_other() {
    let request = read(
        r#"{"contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {"c": 1}}, "thoughtSignature": "Cg=="},
                {"functionCall": {"name": "t"}}, {"functionCall": {"name": "w", "args": {"c": 2}}}]},
            {"role": "function", "parts": [{"functionResponse": {"name": "w", "response": {"result": "one"}}}]},
            {"role": "function", "parts": [{"functionResponse": {"name": "w", "response": {"result": "two"}}},
                {"functionResponse": {"name": "t", "response": {"error": "late"}}}]}
        ]}"#,
    );
    assert_eq!(request.messages.len(), 3);
    let calls: Vec<(&str, &str)> = request.messages[1]
        .parts
        .iter()
        .filter_map(|part| match &part.content {
            Content::ToolCall { id, arguments, .. } => Some((id.as_str(), arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("call_w_0", r#"{"c": 1}"#), ("call_t_1", "{}"), ("call_w_2", r#"{"c": 2}"#)]);
    let results: Vec<(&str, bool)> = request.messages[2]
        .parts
        .iter()
        .filter_map(|part| match &part.content {
            Content::ToolResult { call_id, is_error, .. } => Some((call_id.as_str(), *is_error)),
            _ => None,
        })
        .collect();
    assert_eq!(results, [("call_w_0", false), ("call_w_2", false), ("call_t_1", true)]);
    assert_eq!(request.messages[2].role, Role::User);
}

#[test]
fn marks_stay_where_they_are() {
    let body = r#"{"contents": [{"role": "model", "parts": [
        {"text": "Hm, ", "thought": true}, {"text": "so.", "thought": true},
        {"text": "Yes.", "thoughtSignature": "QQ=="}, {"text": "", "thoughtSignature": "Qg=="}
    ]}]}"#;
    let parts: Vec<Content> = read(body).messages.remove(0).parts.into_iter().map(|part| part.content).collect();
    let mark = |value: &str| Some(crate::chat::Signature { maker: crate::api::Api::Gemini, value: value.into() });
    assert_eq!(
        parts,
        [
            Content::Thinking { text: "Hm, so.".into(), signature: None },
            Content::Thinking { text: String::new(), signature: mark("QQ==") },
            Content::text("Yes."),
            Content::Thinking { text: String::new(), signature: mark("Qg==") },
        ]
    );
}

#[test]
fn levels_of_thinking_are_words() {
    let level = |word: &str| {
        format!(r#"{{"contents": [], "generationConfig": {{"thinkingConfig": {{"thinkingLevel": "{word}"}}}}}}"#)
    };
    let effort = |word| read(&level(word)).reasoning.and_then(|reasoning| reasoning.effort);
    assert_eq!((effort("HIGH"), effort("minimal")), (Some(Effort::High), Some(Effort::Minimal)));
    assert_eq!(refused(&level("lots")), "generationConfig.thinkingConfig.thinkingLevel");
}

#[test]
fn faults_are_named() {
    assert_eq!(refused("{}"), "contents");
    assert_eq!(refused(r#"{"contents": [{"role": "system", "parts": []}]}"#), "contents[0].role");
    assert_eq!(refused(r#"{"contents": [{"parts": [{"fileData": {}}]}]}"#), "contents[0].parts[0].fileData");
    assert_eq!(refused(r#"{"contents": [], "generationConfig": {"seed": "x"}}"#), "generationConfig.seed");
    assert_eq!(
        refused(r#"{"contents": [], "tools": [{"functionDeclarations": [{}]}]}"#),
        "tools[0].functionDeclarations[0].name"
    );
    assert!(decode_request(b"[", Path::default()).is_err());
}
