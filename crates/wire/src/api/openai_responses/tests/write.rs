//! What providers get.

use super::*;
use crate::chat::{
    Content, Effort, Format, Message, Part, Reasoning, Role, Sampling, Signature, Source, Tool, ToolChoice, ToolKind,
};

fn message(role: Role, contents: Vec<Content>) -> Message {
    Message { role, name: None, parts: contents.into_iter().map(Part::from).collect() }
}

fn call(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result(id: &str, content: Vec<Content>, is_error: bool) -> Content {
    let content = content.into_iter().map(Part::from).collect();
    Content::ToolResult { call_id: id.into(), name: None, content, is_error }
}

fn thinking(text: &str, maker: Api, value: &str) -> Content {
    Content::Thinking { text: text.into(), signature: Some(Signature { maker, value: value.into() }) }
}

fn function(name: &str) -> Tool {
    let kind = ToolKind::Function { parameters: None, strict: None };
    Tool { name: name.into(), description: None, kind, cache: None }
}

fn png() -> Source {
    Source::Base64 { media_type: "image/png".into(), data: "AA==".into() }
}

/// A conversation with parallel calls, reasoning and a picture.
fn conversation() -> Vec<Message> {
    vec![
        message(Role::System, vec![Content::text("Be short.")]),
        message(
            Role::User,
            vec![
                Content::text("What is this?"),
                Content::Image { source: png(), detail: Some("high".into()) },
                Content::Document { source: Source::File("file_1".into()), name: None },
            ],
        ),
        message(
            Role::Assistant,
            vec![
                thinking("hm", OWN, "rs_1:gAAA"),
                thinking("foreign", Api::Anthropic, "EqQB"),
                Content::text("Let me look."),
                call("call_1", "look", ""),
                call("call_2", "sh", "ls"),
            ],
        ),
        message(
            Role::User,
            vec![
                result("call_1", vec![Content::text("no"), Content::Image { source: png(), detail: None }], false),
                result("call_2", vec![Content::text("denied")], true),
                Content::text("Well?"),
            ],
        ),
    ]
}

#[test]
fn a_conversation_is_a_list_of_items() {
    let custom = Tool { kind: ToolKind::Custom { format: None }, ..function("sh") };
    let request = Request {
        stream: true,
        messages: conversation(),
        tools: vec![function("look"), custom],
        tool_choice: Some(ToolChoice::Named("sh".into())),
        parallel_tool_calls: Some(true),
        format: Format::JsonSchema {
            name: "n".into(),
            description: None,
            schema: json(r#"{"type":"object"}"#),
            strict: Some(true),
        },
        max_tokens: Some(5),
        reasoning: Some(Reasoning { budget: Some(3000), visible: Some(true), ..Reasoning::default() }),
        verbosity: Some("low".into()),
        ..Request::default()
    };
    insta::assert_snapshot!(written(&request), @r#"
{
  "model": "gpt-5.2",
  "instructions": "Be short.",
  "input": [
    {
      "type": "message",
      "role": "user",
      "content": [
        {
          "type": "input_text",
          "text": "What is this?"
        },
        {
          "type": "input_image",
          "image_url": "data:image/png;base64,AA==",
          "detail": "high"
        },
        {
          "type": "input_file",
          "file_id": "file_1"
        }
      ]
    },
    {
      "type": "reasoning",
      "id": "rs_1",
      "summary": [
        {
          "type": "summary_text",
          "text": "hm"
        }
      ],
      "encrypted_content": "gAAA"
    },
    {
      "type": "message",
      "role": "assistant",
      "content": "Let me look."
    },
    {
      "type": "function_call",
      "call_id": "call_1",
      "name": "look",
      "arguments": "{}"
    },
    {
      "type": "custom_tool_call",
      "call_id": "call_2",
      "name": "sh",
      "input": "ls"
    },
    {
      "type": "function_call_output",
      "call_id": "call_1",
      "output": [
        {
          "type": "input_text",
          "text": "no"
        },
        {
          "type": "input_image",
          "image_url": "data:image/png;base64,AA=="
        }
      ]
    },
    {
      "type": "custom_tool_call_output",
      "call_id": "call_2",
      "output": "Error: denied"
    },
    {
      "type": "message",
      "role": "user",
      "content": "Well?"
    }
  ],
  "tools": [
    {
      "type": "function",
      "name": "look",
      "parameters": {
        "type": "object",
        "properties": {}
      },
      "strict": false
    },
    {
      "type": "custom",
      "name": "sh"
    }
  ],
  "tool_choice": {
    "type": "custom",
    "name": "sh"
  },
  "parallel_tool_calls": true,
  "stream": true,
  "store": false,
  "max_output_tokens": 16,
  "text": {
    "format": {
      "type": "json_schema",
      "name": "n",
      "schema": {
        "type": "object"
      },
      "strict": true
    },
    "verbosity": "low"
  },
  "reasoning": {
    "effort": "medium",
    "summary": "auto"
  },
  "include": [
    "reasoning.encrypted_content"
  ]
}
"#);
}

#[test]
fn reasoning_goes_back_to_its_maker_and_with_what_followed_it_only() {
    let input = |quirks: &Quirks| {
        let parts = vec![thinking("a", Api::Anthropic, "EqQB"), Content::text("x"), thinking("b", OWN, "rs_2:gBBB")];
        let request = Request { messages: vec![message(Role::Assistant, parts)], ..Request::default() };
        let body = encode(&request, "m", quirks).body;
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        body["input"].to_string()
    };
    assert_eq!(input(&Quirks::default()), r#"[{"type":"message","role":"assistant","content":"x"}]"#);
    let open = Quirks { reasoning_field: Some("content".into()), ..Quirks::default() };
    assert_eq!(
        input(&open),
        r#"[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"a"}]},{"type":"message","role":"assistant","content":"x"}]"#
    );
}

#[test]
fn pictures_that_the_model_made_are_shown_by_the_user() {
    let parts = vec![Content::text("Here:"), Content::Image { source: png(), detail: None }, Content::text("Nice?")];
    let request = Request { messages: vec![message(Role::Assistant, parts)], ..Request::default() };
    let encoded = encode(&request, "m", &Quirks::default());
    let body: serde_json::Value = serde_json::from_slice(&encoded.body).expect("JSON");
    let roles: Vec<&str> = (0..3).filter_map(|i| body["input"][i]["role"].as_str()).collect();
    assert_eq!((roles, encoded.losses.all().len()), (vec!["assistant", "user", "assistant"], 0));
}

#[test]
fn nothing_is_kept_there_unless_asked_for_and_older_models_do_not_reason() {
    let told = |store: Option<bool>, model: &str| {
        let request = Request { store, ..Request::default() };
        let body: serde_json::Value =
            serde_json::from_slice(&encode(&request, model, &Quirks::default()).body).expect("JSON");
        (body["store"].as_bool(), body["include"][0] == "reasoning.encrypted_content")
    };
    assert_eq!(told(None, "gpt-5.2"), (Some(false), true));
    assert_eq!(told(None, "openai/gpt-4o-mini"), (Some(false), false));
    assert_eq!(told(Some(true), "gpt-5.2"), (Some(true), false));
    assert_eq!(told(None, "o3"), (Some(false), true));
}

#[test]
fn what_cannot_be_said_is_reported() {
    let sampling = Sampling { top_k: Some(4), seed: Some(1), frequency_penalty: Some(0.0), ..Sampling::default() };
    let kind = ToolKind::Server { api: Api::Anthropic, definition: json("{}") };
    let request = Request {
        messages: vec![message(Role::User, vec![Content::Video { source: png() }])],
        tools: vec![Tool { name: "web_search".into(), description: None, kind, cache: None }],
        n: Some(2),
        stop: vec!["END".into()],
        sampling,
        extra: vec![("modalities".into(), json(r#"["text","audio"]"#)), ("new_field".into(), json("1"))],
        ..Request::default()
    };
    let losses = encode(&request, "m", &Quirks::default()).losses;
    let found: Vec<(&str, bool)> =
        losses.all().iter().map(|loss| (loss.field.as_str(), loss.changes_meaning)).collect();
    let wanted = [
        ("messages[0].content[0]", true),
        ("tools[0]", true),
        ("modalities", true),
        ("new_field", false),
        ("top_k", false),
        ("seed", false),
        ("stop", false),
        ("n", true),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn quirks_of_a_provider_are_respected() {
    let quirks = Quirks {
        refuses: vec!["store".into(), "include".into(), "user".into()],
        renames: vec![("max_output_tokens".into(), "max_tokens".into())],
        no_developer: true,
        no_json_schema: true,
        ..Quirks::default()
    };
    let schema = json(r#"{"type":"object"}"#);
    let request = Request {
        messages: vec![message(Role::Developer, vec![Content::text("D")])],
        format: Format::JsonSchema { name: "n".into(), description: None, schema, strict: None },
        max_tokens: Some(20),
        user: Some("u".into()),
        reasoning: Some(Reasoning { effort: Some(Effort::Max), ..Reasoning::default() }),
        ..Request::default()
    };
    let encoded = encode(&request, "m", &quirks);
    assert_eq!(encoded.losses.fields(), "user");
    insta::assert_snapshot!(String::from_utf8_lossy(&encoded.body), @r#"{"model":"m","instructions":"Answer with a JSON object that fits this JSON schema: {\"type\":\"object\"}","input":[{"type":"message","role":"system","content":"D"}],"max_tokens":20,"text":{"format":{"type":"json_object"}},"reasoning":{"effort":"xhigh"}}"#);
}

#[test]
fn long_names_and_ids_are_shortened_alike() {
    let (name, id) = ("n".repeat(70), "i".repeat(70));
    let parts = vec![call(&id, &name, "{}")];
    let request = Request {
        messages: vec![message(Role::Assistant, parts), message(Role::User, vec![result(&id, Vec::new(), false)])],
        tools: vec![function(&name)],
        ..Request::default()
    };
    let encoded = encode(&request, "m", &Quirks::default());
    let body: serde_json::Value = serde_json::from_slice(&encoded.body).expect("JSON");
    assert_eq!(body["tools"][0]["name"], body["input"][0]["name"]);
    assert_eq!(encoded.names.asked(body["tools"][0]["name"].as_str().expect("a name")), name);
    assert_eq!(body["input"][0]["call_id"], body["input"][1]["call_id"]);
    assert!(body["input"][0]["call_id"].as_str().is_some_and(|id| id.len() <= 64));
}
