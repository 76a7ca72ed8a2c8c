//! Requests, as callers write them and providers get them.

use super::super::encode_answer;
use super::*;

fn agent() -> Value {
    json!({
        "model": "x", "stream": true, "max_tokens": 100, "temperature": 0.5, "stop": "END", "user": "u", "top_k": 5,
        "messages": [
            { "role": "developer", "content": "Be brief." },
            { "role": "user", "name": "ann", "content": [
                { "type": "text", "text": "What is this?", "cache_control": { "type": "ephemeral" } },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBO", "detail": "low" } },
            ] },
            { "role": "assistant", "content": null, "reasoning_content": "Look at both.", "tool_calls": [
                { "id": "functions.look:0", "type": "function", "function": { "name": "look", "arguments": "" } },
                { "id": "b", "type": "function", "function": { "name": "a.very/odd name", "arguments": "{\"x\": 1e-05}" } },
            ] },
            { "role": "tool", "tool_call_id": "functions.look:0", "content": [
                { "type": "text", "text": "A cat." },
                { "type": "image_url", "image_url": { "url": "https://example.com/cat.png" } },
            ] },
            { "role": "tool", "tool_call_id": "b", "content": "" },
            { "role": "user", "content": "Well?" },
        ],
        "tools": [
            { "type": "function", "function": { "name": "look", "parameters": { "type": "object" }, "strict": true } },
            { "type": "function", "function": { "name": "a.very/odd name" } },
        ],
        "tool_choice": { "type": "function", "function": { "name": "a.very/odd name" } },
        "response_format": { "type": "json_schema", "json_schema": { "name": "n", "schema": { "type": "object" }, "strict": true } },
        "reasoning_effort": "xhigh",
        "unheard_of": [1.50],
    })
}

#[test]
fn an_agents_turn_for_a_reasoning_model_of_openai() {
    let Encoded { body, losses, .. } = encoded(&agent(), "gpt-5-mini", &Quirks::default());
    insta::assert_snapshot!(losses.fields(), @"temperature, top_k, stop");
    insta::assert_snapshot!(pretty(&body), @r#"
    {
      "model": "gpt-5-mini",
      "messages": [
        {
          "role": "developer",
          "content": "Be brief."
        },
        {
          "role": "user",
          "content": [
            {
              "type": "text",
              "text": "What is this?"
            },
            {
              "type": "image_url",
              "image_url": {
                "url": "data:image/png;base64,iVBO",
                "detail": "low"
              }
            }
          ],
          "name": "ann"
        },
        {
          "role": "assistant",
          "content": null,
          "tool_calls": [
            {
              "id": "functions.look:0",
              "type": "function",
              "function": {
                "name": "look",
                "arguments": "{}"
              }
            },
            {
              "id": "b",
              "type": "function",
              "function": {
                "name": "a_very_odd_name_4c2d4bcb",
                "arguments": "{\"x\": 1e-05}"
              }
            }
          ]
        },
        {
          "role": "tool",
          "tool_call_id": "functions.look:0",
          "content": "A cat."
        },
        {
          "role": "tool",
          "tool_call_id": "b",
          "content": ""
        },
        {
          "role": "user",
          "content": [
            {
              "type": "image_url",
              "image_url": {
                "url": "https://example.com/cat.png"
              }
            }
          ]
        },
        {
          "role": "user",
          "content": "Well?"
        }
      ],
      "stream": true,
      "stream_options": {
        "include_usage": true
      },
      "max_completion_tokens": 100,
      "tools": [
        {
          "type": "function",
          "function": {
            "name": "look",
            "parameters": {
              "type": "object"
            },
            "strict": true
          }
        },
        {
          "type": "function",
          "function": {
            "name": "a_very_odd_name_4c2d4bcb"
          }
        }
      ],
      "tool_choice": {
        "type": "function",
        "function": {
          "name": "a_very_odd_name_4c2d4bcb"
        }
      },
      "response_format": {
        "type": "json_schema",
        "json_schema": {
          "name": "n",
          "schema": {
            "type": "object"
          },
          "strict": true
        }
      },
      "reasoning_effort": "xhigh",
      "user": "u",
      "unheard_of": [
        1.5
      ]
    }
    "#);
}

#[test]
fn an_agents_turn_for_a_provider_with_habits() {
    let quirks = Quirks {
        refuses: ["top_k", "user", "unheard_of", "messages.name"].map(str::to_owned).to_vec(),
        renames: vec![("temperature".into(), "heat".into())],
        reasoning_field: Some("reasoning_content".into()),
        reasoning_request: Some("thinking".into()),
        short_call_ids: true,
        no_json_schema: true,
        no_stream_options: true,
        cache_control: true,
        ..Quirks::default()
    };
    let Encoded { body, losses, names, .. } = encoded(&agent(), "deepseek-chat", &quirks);
    assert_eq!(losses.refused(false), None);
    insta::assert_snapshot!(losses.fields(), @"messages.name, top_k, response_format.json_schema, user, unheard_of");
    insta::assert_snapshot!(pretty(&body), @r#"
    {
      "model": "deepseek-chat",
      "messages": [
        {
          "role": "system",
          "content": "Answer with nothing but a JSON object that fits this JSON schema:\n{\"type\":\"object\"}"
        },
        {
          "role": "system",
          "content": "Be brief."
        },
        {
          "role": "user",
          "content": [
            {
              "type": "text",
              "text": "What is this?",
              "cache_control": {
                "type": "ephemeral"
              }
            },
            {
              "type": "image_url",
              "image_url": {
                "url": "data:image/png;base64,iVBO",
                "detail": "low"
              }
            }
          ]
        },
        {
          "role": "assistant",
          "content": null,
          "reasoning_content": "Look at both.",
          "tool_calls": [
            {
              "id": "nz8ooi7ps",
              "type": "function",
              "function": {
                "name": "look",
                "arguments": "{}"
              }
            },
            {
              "id": "b37wv41wy",
              "type": "function",
              "function": {
                "name": "a_very_odd_name_4c2d4bcb",
                "arguments": "{\"x\": 1e-05}"
              }
            }
          ]
        },
        {
          "role": "tool",
          "tool_call_id": "nz8ooi7ps",
          "content": "A cat."
        },
        {
          "role": "tool",
          "tool_call_id": "b37wv41wy",
          "content": ""
        },
        {
          "role": "user",
          "content": [
            {
              "type": "image_url",
              "image_url": {
                "url": "https://example.com/cat.png"
              }
            }
          ]
        },
        {
          "role": "user",
          "content": "Well?"
        }
      ],
      "stream": true,
      "max_tokens": 100,
      "heat": 0.5,
      "stop": [
        "END"
      ],
      "tools": [
        {
          "type": "function",
          "function": {
            "name": "look",
            "parameters": {
              "type": "object"
            },
            "strict": true
          }
        },
        {
          "type": "function",
          "function": {
            "name": "a_very_odd_name_4c2d4bcb"
          }
        }
      ],
      "tool_choice": {
        "type": "function",
        "function": {
          "name": "a_very_odd_name_4c2d4bcb"
        }
      },
      "response_format": {
        "type": "json_object"
      },
      "thinking": {
        "type": "enabled"
      },
      "reasoning_effort": "xhigh"
    }
    "#);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let sent = body["tools"][1]["function"]["name"].as_str().expect("a name");
    assert_eq!(names.asked(sent), "a.very/odd name");
}

#[test]
fn what_changes_the_answer_is_a_grave_loss() {
    let refuses = ["n", "logprobs"].map(str::to_owned).to_vec();
    let quirks = Quirks { refuses, ..Quirks::default() };
    let ask = |more: Value| {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        encoded(&body, "m", &quirks).losses
    };
    for (more, grave) in [
        (json!({ "n": 2 }), true),
        (json!({ "n": 1 }), false),
        (json!({ "logprobs": true }), true),
        (json!({ "logprobs": false }), false),
        (json!({ "tools": [{ "type": "custom", "custom": { "name": "c" } }] }), false),
        (json!({ "tools": [{ "type": "web_search" }] }), false),
    ] {
        assert_eq!(ask(more.clone()).refused(false).is_some(), grave, "{more}");
    }
}

#[test]
fn fields_of_other_apis_go_to_nobody_else() {
    let mut request = decoded(&agent());
    request.front = Some(Api::Anthropic);
    request.metadata = Some(Json::of(&json!({ "user_id": "u" })));
    let quirks = Quirks::default();
    let Encoded { body, losses, .. } =
        API.encode_request(&request, Target { model: "m", quirks: &quirks }).expect("a body");
    assert_eq!(losses.fields(), "metadata, unheard_of");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(body["unheard_of"].is_null() && body["metadata"].is_null());
}

#[test]
fn a_bad_request_is_told_where_it_is_bad() {
    let refusal = |body: Value| {
        let body = body.to_string();
        API.decode_request(body.as_bytes(), Path::default()).expect_err("a refusal").to_string()
    };
    let says = |message: Value| refusal(json!({ "model": "m", "messages": [message] }));
    insta::assert_snapshot!(refusal(json!({ "model": "m" })), @"messages: must be a list of at least one message");
    insta::assert_snapshot!(refusal(json!({ "messages": [] })), @"model: is missing: it must be a string");
    insta::assert_snapshot!(refusal(json!({ "model": "m", "messages": [{}], "n": -1 })), @"messages[0].role: is missing: it must be a string");
    insta::assert_snapshot!(says(json!({ "role": "robot" })), @"messages[0].role: must be `system`, `developer`, `user`, `assistant` or `tool`, not `robot`");
    insta::assert_snapshot!(says(json!({ "role": "tool", "content": "x" })), @"messages[0].tool_call_id: is missing: it must name the call it answers");
    insta::assert_snapshot!(says(json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "cat.png" } }] })), @"messages[0].content[0].image_url: must be an object with `url`, a web address or `data:image/png;base64,…`");
    insta::assert_snapshot!(says(json!({ "role": "user", "content": 1 })), @"messages[0].content: must be a string or a list of content parts");
}

#[test]
fn old_functions_are_asked_and_answered_in_their_own_way() {
    let body = json!({
        "model": "m",
        "messages": [
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "{}" } },
            { "role": "function", "name": "f", "content": "1" },
        ],
        "functions": [{ "name": "f", "parameters": {} }], "function_call": { "name": "f" },
    });
    let request = decoded(&body);
    assert_eq!(request.tools[0].name, "f");
    let result = &request.messages[2].parts[0].content;
    assert!(matches!(result, Content::ToolResult { call_id, .. } if call_id == "call_1_0"), "{result:?}");
    let asked = Asked { body: body.to_string().into(), ..Asked::default() };
    let choice =
        Choice { index: 0, parts: vec![call("a", "f", "{}").into()], finish: Finish::ToolCalls, logprobs: None };
    let answer = Answer { choices: vec![choice], ..Answer::default() };
    let written: Value = serde_json::from_slice(&encode_answer(&answer, &asked)).expect("JSON");
    assert_eq!(written["choices"][0]["message"]["function_call"], json!({ "name": "f", "arguments": "{}" }));
    assert_eq!(written["choices"][0]["finish_reason"], "function_call");
}
