use serde_json::json;

use crate::api::Api::{self, Bedrock};
use crate::api::fit::samples::{body as again, *};
use crate::chat::{Content, Effort, Format, Reasoning, Request, Role, Source, ToolChoice, ToolKind};

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "amazon.nova-lite-v1:0";
const LLAMA: &str = "meta.llama3-3-70b-instruct-v1:0";
const CLOSED: &str =
    r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}"#;

fn thinking(effort: Effort) -> Option<Reasoning> {
    Some(Reasoning { effort: Some(effort), ..Reasoning::default() })
}

#[test]
fn a_whole_conversation_for_claude() {
    insta::assert_snapshot!(show(Bedrock, CLAUDE, &conversation(Bedrock)), @r#"
    messages:
      {"role":"user","content":[{"text":"What is it like there?"},{"image":{"format":"png","source":{"bytes":"iVBO"}}}]}
      {"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Two places.","signature":"EqQB"}}},{"text":"I look."},{"toolUse":{"toolUseId":"functions_weather_0_0ffa7886","name":"weather","input":{"city":"Paris"}}},{"toolUse":{"toolUseId":"call_2","name":"clock","input":{}}}]}
      {"role":"user","content":[{"toolResult":{"toolUseId":"functions_weather_0_0ffa7886","content":[{"text":"sunny"},{"image":{"format":"png","source":{"bytes":"iVBO"}}}]}},{"toolResult":{"toolUseId":"call_2","content":[{"text":"no clock"}],"status":"error"}},{"text":"Well?"}]}
    system:
      {"text":"Be brief."}
      {"cachePoint":{"type":"default","ttl":"1h"}}
      {"text":"Be kind."}
    inferenceConfig: {"maxTokens":500,"stopSequences":["END"]}
    toolConfig: {"tools":[{"toolSpec":{"name":"weather","description":"Tells the weather.","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}},{"toolSpec":{"name":"clock","description":"Tells the clock.","inputSchema":{"json":{"type":"object","properties":{}}}}}]}
    additionalModelResponseFieldPaths:
      "/stop_sequence"
    requestMetadata: {"user":"u-1"}
    lost: nothing
    "#);
}

#[test]
fn other_models_get_no_marks_no_status_and_no_reasoning_of_others() {
    insta::assert_snapshot!(show(Bedrock, LLAMA, &conversation(Api::Anthropic)), @r#"
    messages:
      {"role":"user","content":[{"text":"What is it like there?"},{"image":{"format":"png","source":{"bytes":"iVBO"}}}]}
      {"role":"assistant","content":[{"text":"I look."},{"toolUse":{"toolUseId":"functions.weather:0","name":"weather","input":{"city":"Paris"}}},{"toolUse":{"toolUseId":"call_2","name":"clock","input":{}}}]}
      {"role":"user","content":[{"toolResult":{"toolUseId":"functions.weather:0","content":[{"text":"sunny"},{"image":{"format":"png","source":{"bytes":"iVBO"}}}]}},{"toolResult":{"toolUseId":"call_2","content":[{"text":"Error: no clock"}]}},{"text":"Well?"}]}
    system:
      {"text":"Be brief."}
      {"text":"Be kind."}
    inferenceConfig: {"maxTokens":500,"stopSequences":["END"]}
    toolConfig: {"tools":[{"toolSpec":{"name":"weather","description":"Tells the weather.","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}},{"toolSpec":{"name":"clock","description":"Tells the clock.","inputSchema":{"json":{"type":"object","properties":{}}}}}]}
    requestMetadata: {"user":"u-1"}
    lost: cache_control
    "#);
}

#[test]
fn each_maker_is_asked_for_reasoning_in_its_own_way() {
    let additional = |model: &str, reasoning: Option<Reasoning>, max_tokens| {
        let request = Request { reasoning, max_tokens, ..ask("Hi") };
        let body = body(Bedrock, model, &request);
        format!("{} {}", body["additionalModelRequestFields"], body["inferenceConfig"])
    };
    let high = || thinking(Effort::High);
    let budget = |tokens| Some(Reasoning { budget: Some(tokens), ..Reasoning::default() });
    let nova = "us.amazon.nova-2-lite-v1:0";
    let rows = [
        additional(CLAUDE, high(), Some(10_000)),
        additional(CLAUDE, high(), None),
        additional(CLAUDE, budget(4000), Some(3000)),
        additional(CLAUDE, thinking(Effort::None), Some(3000)),
        additional("us.anthropic.claude-sonnet-4-6", high(), Some(3000)),
        additional(
            "global.anthropic.claude-opus-5-5",
            Some(Reasoning { dynamic: true, visible: Some(true), ..Reasoning::default() }),
            None,
        ),
        additional(nova, high(), None),
        additional(nova, high(), Some(300)),
        additional(NOVA, high(), None),
        additional("openai.gpt-oss-120b-1:0", thinking(Effort::ExtraHigh), None),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r#"
    {"thinking":{"type":"enabled","budget_tokens":5000}} {"maxTokens":10000}
    {"thinking":{"type":"enabled","budget_tokens":16384}} {"maxTokens":20480}
    {"thinking":{"type":"enabled","budget_tokens":4000}} {"maxTokens":7000}
    null {"maxTokens":3000}
    {"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}} {"maxTokens":3000}
    {"thinking":{"type":"adaptive","display":"summarized"}} null
    {"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}} null
    {"reasoningConfig":{"type":"enabled","maxReasoningEffort":"medium"}} {"maxTokens":300}
    null null
    {"reasoning_effort":"high"} null
    "#);
}

#[test]
fn sampling_is_brought_within_bounds() {
    let mut request = Request { stop: vec!["\n".into(), "|".into()], ..ask("Hi") };
    request.sampling.temperature = Some(1.5);
    request.sampling.top_p = Some(0.5);
    request.sampling.top_k = Some(40);
    request.sampling.seed = Some(1);
    let encoded = encode(Bedrock, CLAUDE, &request).expect("a request");
    assert_eq!(losses(&encoded), "stop temperature top_p seed");
    let body = body(Bedrock, CLAUDE, &request);
    assert_eq!(body["inferenceConfig"], json!({ "temperature": 1.0, "stopSequences": ["|"] }));
    assert_eq!(body["additionalModelRequestFields"], json!({ "top_k": 40 }));
    assert_eq!(body["additionalModelResponseFieldPaths"], json!(["/stop_sequence"]));
    request.reasoning = thinking(Effort::Low);
    let body = again(Bedrock, CLAUDE, &request);
    assert!(body["inferenceConfig"].get("temperature").is_none() && body["inferenceConfig"].get("topP").is_none());
    request.sampling.top_k = Some(4);
    let body = again(Bedrock, NOVA, &request);
    assert_eq!(body["additionalModelRequestFields"], json!({ "inferenceConfig": { "topK": 4 } }));
}

#[test]
fn the_shape_of_the_answer_depends_on_the_model() {
    let shape = |model: &str, format: Format, tools| {
        let request = Request { format, tools, ..ask("Which city?") };
        let encoded = encode(Bedrock, model, &request).expect("a request");
        let body = body(Bedrock, model, &request);
        let choice = &body["toolConfig"]["toolChoice"];
        format!("{} {choice} {:?} {} {}", body["outputConfig"], encoded.output_tool, body["system"], losses(&encoded))
    };
    let rows = [
        shape(CLAUDE, schema(CLOSED), vec![]),
        shape(CLAUDE, schema(r#"{"type":"object"}"#), vec![]),
        shape(CLAUDE, Format::JsonObject, vec![tool("json", None)]),
        shape(NOVA, schema(CLOSED), vec![]),
        shape("qwen.qwen3-32b-v1:0", schema(r#"{"type":"object"}"#), vec![]),
        shape(LLAMA, schema(CLOSED), vec![]),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r#"
    {"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"city","schema":"{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":[\"name\"],\"additionalProperties\":false}"}}}} null None null nothing
    null {"tool":{"name":"json"}} Some("json") null nothing
    null {"any":{}} Some("json_answer") null nothing
    null {"tool":{"name":"json"}} Some("json") null nothing
    {"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"city","schema":"{\"type\":\"object\"}"}}}} null None null nothing
    null null None [{"text":"Answer with one JSON value that fits this schema, and with nothing else:\n{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}},\"required\":[\"name\"],\"additionalProperties\":false}"}] response_format
    "#);
}

#[test]
fn claude_is_not_forced_while_it_thinks() {
    let request = Request {
        tools: vec![tool("clock", None)],
        tool_choice: Some(ToolChoice::Named("clock".into())),
        reasoning: thinking(Effort::Low),
        ..ask("Hi")
    };
    let encoded = encode(Bedrock, CLAUDE, &request).expect("a request");
    assert_eq!(losses(&encoded), "tool_choice");
    assert_eq!(body(Bedrock, CLAUDE, &request)["toolConfig"]["toolChoice"], json!({ "auto": {} }));
    let shaped = Request { format: Format::JsonObject, reasoning: thinking(Effort::Low), ..ask("Hi") };
    let encoded = encode(Bedrock, CLAUDE, &shaped).expect("a request");
    assert_eq!((losses(&encoded).as_str(), encoded.output_tool.as_deref()), ("reasoning_effort", Some("json")));
    // A turn that called tools without showing its reasoning cannot go on with it.
    let foreign = Request { reasoning: thinking(Effort::Low), ..conversation(Api::Anthropic) };
    assert!(losses(&encode(Bedrock, CLAUDE, &foreign).expect("a request")).contains("reasoning_effort"));
    let own = Request { reasoning: thinking(Effort::Low), ..conversation(Bedrock) };
    assert!(!losses(&encode(Bedrock, CLAUDE, &own).expect("a request")).contains("reasoning_effort"));
}

#[test]
fn tools_that_are_forbidden_or_forgotten_are_stood_in_for() {
    let none = |request: Request| Request { tool_choice: Some(ToolChoice::None), ..request };
    assert!(
        body(Bedrock, NOVA, &none(Request { tools: vec![tool("a", None)], ..ask("Hi") })).get("toolConfig").is_none()
    );
    let config = &body(Bedrock, NOVA, &none(conversation(Bedrock)))["toolConfig"];
    assert_eq!(config["tools"][0]["toolSpec"]["name"], "weather");
    assert_eq!(config["tools"].as_array().map(Vec::len), Some(2));
    assert!(config.get("toolChoice").is_none());
}

#[test]
fn custom_tools_become_functions_with_one_argument() {
    let mut sql = tool("sql", None);
    sql.kind = ToolKind::Custom { format: None };
    let messages = vec![
        message(Role::User, [Content::text("Count.")]),
        message(Role::Assistant, [call("c", "sql", "SELECT 1")]),
        message(Role::User, [result("c", [], false)]),
    ];
    let request = Request { messages, tools: vec![sql], ..Request::default() };
    let body = body(Bedrock, NOVA, &request);
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["input"], json!({ "input": "SELECT 1" }));
    assert_eq!(body["messages"][2]["content"][0]["toolResult"]["content"], json!([{ "json": {} }]));
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["required"], json!(["input"]));
}

#[test]
fn what_bedrock_cannot_see_is_a_grave_loss_with_its_place() {
    let url = |url: &str| Source::Url { url: url.into(), media_type: None };
    let contents = [
        Content::Image { source: url("https://example.com/a.png"), detail: None },
        Content::Image { source: url("s3://bucket/a.jpg"), detail: None },
        Content::Image {
            source: Source::Base64 { media_type: "image/tiff".into(), data: String::new() },
            detail: None,
        },
        Content::Document { source: Source::File("file-1".into()), name: None },
        Content::Document { source: Source::Text("facts".into()), name: Some("a.txt".into()) },
    ];
    let request = Request { messages: vec![message(Role::User, contents)], n: Some(2), ..Request::default() };
    let encoded = encode(Bedrock, NOVA, &request).expect("a request");
    let place = "messages[0].content";
    let wanted = format!("{place}[0].image_url! {place}[2].image_url! {place}[3].file! n!");
    assert_eq!(losses(&encoded), wanted);
    let content = &body(Bedrock, NOVA, &request)["messages"][0]["content"];
    let wanted = json!([
        { "image": { "format": "jpeg", "source": { "s3Location": { "uri": "s3://bucket/a.jpg" } } } },
        { "document": { "format": "txt", "name": "a txt", "source": { "text": "facts" } } },
        { "text": "See the document." },
    ]);
    assert_eq!(content, &wanted);
}

#[test]
fn turns_are_mended() {
    let messages = vec![
        message(Role::Assistant, [Content::text("Hello. ")]),
        message(Role::User, [Content::text("")]),
        message(Role::Assistant, [call("", "f", "{\"a\": 1"), call("a b", "f", "{}")]),
        message(Role::User, [result("a b", [Content::text("2")], false)]),
        message(Role::Assistant, [Content::text("So: ")]),
    ];
    let request = Request { messages, ..Request::default() };
    insta::assert_snapshot!(show(Bedrock, CLAUDE, &request), @r#"
    messages:
      {"role":"user","content":[{"text":"Begin."}]}
      {"role":"assistant","content":[{"text":"Hello. "},{"toolUse":{"toolUseId":"_811c9dc5","name":"f","input":{"_raw":"{\"a\": 1"}}},{"toolUse":{"toolUseId":"a_b_10a3f9f2","name":"f","input":{}}}]}
      {"role":"user","content":[{"toolResult":{"toolUseId":"_811c9dc5","content":[{"text":"Error: the tool gave no result."}]}},{"toolResult":{"toolUseId":"a_b_10a3f9f2","content":[{"text":"2"}]}}]}
      {"role":"assistant","content":[{"text":"So:"}]}
    toolConfig: {"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}
    lost: nothing
    "#);
    let stray = Request { messages: vec![message(Role::User, [result("x", [], false)])], ..Request::default() };
    assert_eq!(encode(Bedrock, CLAUDE, &stray).expect_err("a refusal").field.as_deref(), Some("messages[0]"));
    let open = Request { messages: vec![message(Role::Assistant, [call("x", "f", "")])], ..Request::default() };
    assert_eq!(body(Bedrock, CLAUDE, &open)["messages"][2]["content"][0]["toolResult"]["toolUseId"], "x");
}

#[test]
fn settings_of_the_call_are_kept() {
    let request = Request {
        user: Some("a@b.c".into()),
        metadata: Some(json(r#"{"team":"x","odd":"ä","deep":{}}"#)),
        service_tier: Some("priority".into()),
        extra: vec![
            ("guardrailConfig".into(), json(r#"{"guardrailIdentifier":"g","guardrailVersion":"1"}"#)),
            ("additionalModelRequestFields".into(), json(r#"{"anthropic_beta":["x"]}"#)),
            ("modalities".into(), json(r#"["text","audio"]"#)),
            ("prediction".into(), json(r#"{"type":"content"}"#)),
        ],
        ..ask("Hi")
    };
    insta::assert_snapshot!(show(Bedrock, CLAUDE, &request), @r#"
    messages:
      {"role":"user","content":[{"text":"Hi"}]}
    additionalModelRequestFields: {"anthropic_beta":["x"]}
    requestMetadata: {"team":"x","user":"a@b.c"}
    serviceTier: {"type":"priority"}
    guardrailConfig: {"guardrailIdentifier":"g","guardrailVersion":"1"}
    lost: metadata modalities! prediction
    "#);
}
