use super::*;
use crate::chat::{CacheTtl, Effort, Format, Json, Reasoning, Sampling, Signature, Source, Tool, ToolChoice, ToolKind};

fn tool(name: &str, parameters: Option<Value>) -> Tool {
    let kind = ToolKind::Function { parameters: parameters.map(|p| Json::of(&p)), strict: None };
    Tool { name: name.into(), description: None, kind, cache: None }
}

fn schema_format() -> Format {
    let schema =
        json!({ "type": "object", "properties": { "n": { "type": "integer", "minimum": 1 } }, "required": ["n"] });
    Format::JsonSchema { name: "out".into(), description: None, schema: Json::of(&schema), strict: Some(true) }
}

#[test]
fn a_request_of_claude_code_is_read() {
    let request = decode(&json!({
        "model": "claude-opus-4-6",
        "max_tokens": 32000,
        "stream": true,
        "system": [
            { "type": "text", "text": "You are Claude Code." },
            { "type": "text", "text": "Rules.", "cache_control": { "type": "ephemeral", "ttl": "1h" } },
        ],
        "messages": [
            { "role": "user", "content": "List the files." },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "ls", "signature": "EqQB" },
                { "type": "tool_use", "id": "toolu_1", "name": "Bash", "input": { "command": "ls" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [
                    { "type": "text", "text": "no" },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AA==" } },
                ] },
                { "type": "text", "text": "Go on.", "cache_control": { "type": "ephemeral" } },
            ] },
        ],
        "tools": [{ "name": "Bash", "description": "Runs.", "input_schema": { "type": "object" }, "cache_control": { "type": "ephemeral" } }],
        "tool_choice": { "type": "auto", "disable_parallel_tool_use": true },
        "thinking": { "type": "enabled", "budget_tokens": 4000 },
        "metadata": { "user_id": "u" },
        "context_management": { "edits": [] },
    }))
    .expect("a request");
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
    assert_eq!(request.messages[0].parts[1].cache, Some(CacheTtl::Hour));
    let mark = Signature { maker: Api::Anthropic, value: "EqQB".into() };
    let turn = [
        Content::Thinking { text: "ls".into(), signature: Some(mark) },
        call("toolu_1", "Bash", r#"{"command":"ls"}"#),
    ];
    assert_eq!(request.messages[2].parts, turn.map(Part::from));
    let Content::ToolResult { content, is_error: true, .. } = &request.messages[3].parts[0].content else { panic!() };
    assert_eq!(content.len(), 2);
    assert_eq!(request.messages[3].parts[1].cache, Some(CacheTtl::Short));
    assert_eq!(request.tools[0].cache, Some(CacheTtl::Short));
    assert_eq!((request.tool_choice, request.parallel_tool_calls), (Some(ToolChoice::Auto), Some(false)));
    assert_eq!(request.reasoning, Some(Reasoning { budget: Some(4000), ..Reasoning::default() }));
    assert_eq!(request.user.as_deref(), Some("u"));
    assert_eq!(request.extra, [("context_management".to_owned(), Json::of(&json!({ "edits": [] })))]);
}

#[test]
fn faults_are_named() {
    let message = |content: Value| json!({ "messages": [{ "role": "user", "content": content }] });
    let faults = [
        (json!({}), "messages"),
        (json!({ "messages": [{ "role": "tool", "content": "" }] }), "messages[0].role"),
        (message(json!([{ "type": "text" }])), "messages[0].content[0].text"),
        (message(json!([{ "type": "image", "source": { "type": "ftp" } }])), "messages[0].content[0].source.type"),
        (message(json!([{ "type": "tool_result" }])), "messages[0].content[0].tool_use_id"),
        (json!({ "messages": [], "max_tokens": "many" }), "max_tokens"),
        (json!({ "messages": [], "tools": [{}] }), "tools[0].name"),
        (json!({ "messages": [], "tool_choice": { "type": "maybe" } }), "tool_choice.type"),
        (json!({ "messages": [], "thinking": { "type": "enabled" } }), "thinking.budget_tokens"),
    ];
    for (body, field) in faults {
        let fault = decode(&body).expect_err("a fault");
        assert_eq!(fault.field.as_deref(), Some(field), "{fault}");
    }
    insta::assert_snapshot!(decode(&json!({ "messages": 1 })).expect_err("a fault"), @"messages: The value does not have the shape this API asks for: invalid type: integer `1`, expected a sequence.");
    assert!(decode(&json!([])).is_err());
}

#[test]
fn blocks_in_blocks_in_blocks_are_refused() {
    let deep =
        (0..50).fold(json!("x"), |inner, _| json!([{ "type": "tool_result", "tool_use_id": "a", "content": inner }]));
    let fault = decode(&json!({ "messages": [{ "role": "user", "content": deep }] })).expect_err("too deep");
    assert!(fault.message.contains("too deep"), "{fault}");
}

#[test]
fn server_tools_are_kept_for_claude() {
    let definition = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": 2 });
    let request =
        decode(&json!({ "messages": [{ "role": "user", "content": "x" }], "tools": [definition] })).expect("a request");
    assert!(matches!(request.tools[0].kind, ToolKind::Server { api: Api::Anthropic, .. }));
    assert_eq!(body(&request, "claude-sonnet-4-6")["tools"][0], definition);
}

#[test]
fn turns_alternate_and_results_come_first_in_the_order_of_their_calls() {
    let request = Request {
        messages: vec![
            say(Role::System, [Content::text("Be kind.")]),
            say(Role::User, [Content::text("Hi"), Content::text("")]),
            say(Role::User, [Content::text("there")]),
            say(
                Role::Assistant,
                [call("functions.f:0", "f", ""), call("functions.f:1", "f", r#"{"a":"#), call("c", "g", "{}")],
            ),
            say(Role::User, [Content::text("and?")]),
            say(Role::User, [result("functions.f:1", "two"), result("functions.f:0", "one")]),
            say(Role::Developer, [Content::text("Be brief.")]),
        ],
        ..Request::default()
    };
    let sent = body(&request, "claude-sonnet-4-5");
    insta::assert_snapshot!(lines(&sent), @r#"
    model: "claude-sonnet-4-5"
    max_tokens: 32000
    system: [{"type":"text","text":"Be kind."},{"type":"text","text":"Be brief."}]
    messages: [{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"there"}]},{"role":"assistant","content":[{"type":"tool_use","id":"functions_f_0_4be0e962e9dcd7b8","name":"f","input":{}},{"type":"tool_use","id":"functions_f_1_4be0ea62e9dcd96b","name":"f","input":{"_raw":"{\"a\":"}},{"type":"tool_use","id":"c","name":"g","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"functions_f_0_4be0e962e9dcd7b8","content":[{"type":"text","text":"one"}]},{"type":"tool_result","tool_use_id":"functions_f_1_4be0ea62e9dcd96b","content":[{"type":"text","text":"two"}]},{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"The tool gave no result."}],"is_error":true},{"type":"text","text":"and?"}]}]
    tools: [{"name":"f","input_schema":{"type":"object","properties":{}}},{"name":"g","input_schema":{"type":"object","properties":{}}}]
    tool_choice: {"type":"none"}
    "#);
    let newest = body(&request, "claude-opus-4-8");
    assert_eq!(newest["messages"][3]["role"], "system");
    assert_eq!(newest["tool_choice"], json!({ "type": "none" }));
}

#[test]
fn calls_with_the_same_id_are_told_apart() {
    let turn = |n: &str| [say(Role::Assistant, [call("call_0", "f", "{}")]), say(Role::User, [result("call_0", n)])];
    let mut request = ask("x");
    request.messages.extend(turn("1").into_iter().chain(turn("2")));
    let sent = body(&request, "claude-opus-4-8");
    assert_eq!(sent["messages"][1]["content"][0]["id"], "call_0");
    assert_eq!(sent["messages"][3]["content"][0]["id"], sent["messages"][4]["content"][0]["tool_use_id"]);
    assert_ne!(sent["messages"][3]["content"][0]["id"], "call_0");
}

#[test]
fn odd_beginnings_and_ends_are_made_to_fit() {
    let only_system = Request { messages: vec![say(Role::System, [Content::text("Go.")])], ..Request::default() };
    assert_eq!(body(&only_system, "claude-opus-5")["messages"][0]["role"], "user");
    let assistant = say(Role::Assistant, [Content::text("The answer is \n")]);
    let request = Request { messages: vec![assistant], ..Request::default() };
    let old = body(&request, "claude-3-haiku-20240307");
    assert_eq!(
        (&old["messages"][0]["role"], &old["messages"][1]["content"][0]["text"]),
        (&json!("user"), &json!("The answer is"))
    );
    let new = encode(&request, "claude-opus-4-6");
    assert_eq!(new.losses.fields(), "messages");
    let quirks = Quirks::default();
    let target = Target { model: "claude-opus-5", quirks: &quirks };
    let nothing = Api::Anthropic.encode_request(&ask(""), target).expect_err("nothing to say");
    assert_eq!(nothing.field.as_deref(), Some("messages"));
}

#[test]
fn thinking_is_asked_for_in_the_models_own_way() {
    let with = |reasoning: Reasoning, max_tokens: u64, model: &str| {
        let request = Request {
            reasoning: Some(reasoning),
            max_tokens: Some(max_tokens),
            sampling: Sampling { temperature: Some(0.2), ..Sampling::default() },
            ..ask("x")
        };
        let sent = body(&request, model);
        format!("{} {} {} {}", sent["max_tokens"], sent["thinking"], sent["output_config"], sent["temperature"])
    };
    let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
    let budget = |budget| Reasoning { budget: Some(budget), ..Reasoning::default() };
    let cases = [
        with(effort(Effort::High), 100, "claude-sonnet-4-5"),
        with(budget(10), 4000, "claude-sonnet-4-5"),
        with(effort(Effort::ExtraHigh), 4000, "claude-opus-4-6"),
        with(budget(9000), 4000, "claude-opus-4-8"),
        with(effort(Effort::None), 4000, "claude-opus-4-8"),
        with(effort(Effort::None), 4000, "claude-fable-5"),
        with(effort(Effort::Low), 9000, "claude-3-5-sonnet-latest"),
        with(Reasoning { dynamic: true, ..Reasoning::default() }, 4000, "claude-haiku-4-5"),
    ];
    insta::assert_snapshot!(cases.join("\n"), @r#"
    16484 {"type":"enabled","budget_tokens":16384} null null
    4000 {"type":"enabled","budget_tokens":1024} null null
    4000 {"type":"adaptive"} {"effort":"high"} null
    4000 {"type":"adaptive","display":"summarized"} {"effort":"high"} null
    4000 {"type":"disabled"} null null
    4000 null null null
    8192 null null 0.2
    12192 {"type":"enabled","budget_tokens":8192} null null
    "#);
}

#[test]
fn thinking_is_left_out_where_the_turn_began_without_it() {
    let mut request = Request { reasoning: Some(Reasoning { budget: Some(2000), ..Reasoning::default() }), ..ask("x") };
    request.messages.push(say(Role::Assistant, [call("a", "f", "{}")]));
    request.messages.push(say(Role::User, [result("a", "1")]));
    let sent = encode(&request, "claude-sonnet-4-5");
    assert_eq!(sent.losses.fields(), "reasoning_effort");
    assert!(!String::from_utf8(sent.body).expect("text").contains("budget_tokens"));
    assert_eq!(body(&request, "claude-opus-4-8")["thinking"]["type"], "adaptive");
}

#[test]
fn calls_are_not_forced_on_a_model_that_thinks_by_a_budget() {
    let request = Request {
        reasoning: Some(Reasoning { budget: Some(2000), ..Reasoning::default() }),
        tools: vec![tool("f", None)],
        tool_choice: Some(ToolChoice::Named("f".into())),
        ..ask("x")
    };
    let sent = body(&request, "claude-sonnet-4-5");
    assert_eq!(sent["tool_choice"], json!({ "type": "auto" }));
    assert_eq!(sent["tools"][0]["input_schema"], json!({ "type": "object", "properties": {} }));
    assert_eq!(body(&request, "claude-opus-4-8")["tool_choice"], json!({ "type": "tool", "name": "f" }));
}

#[test]
fn the_answers_shape_is_asked_for_in_the_models_own_way() {
    let request = Request { format: schema_format(), ..ask("x") };
    let sent = body(&request, "claude-sonnet-4-5");
    insta::assert_snapshot!(sent["output_config"], @r#"{"format":{"type":"json_schema","schema":{"type":"object","properties":{"n":{"type":"integer","description":"{minimum: 1}"}},"required":["n"],"additionalProperties":false}}}"#);
    let old = encode(&request, "claude-sonnet-4-20250514");
    assert_eq!(old.output_tool.as_deref(), Some("json"));
    let old: Value = serde_json::from_slice(&old.body).expect("JSON");
    assert_eq!(old["tool_choice"], json!({ "type": "tool", "name": "json", "disable_parallel_tool_use": true }));
    assert_eq!(old["tools"][0]["input_schema"]["properties"]["n"]["minimum"], 1);
    let object = Request { format: Format::JsonObject, tools: vec![tool("json", None)], ..ask("x") };
    let sent = encode(&object, "claude-opus-4-8");
    assert_eq!(sent.output_tool.as_deref(), Some("json_output"));
    assert_eq!(body(&object, "claude-opus-4-8")["tool_choice"], json!({ "type": "any" }));
    let list = Json::of(&json!({ "type": "array", "items": { "type": "object" } }));
    let format = Format::JsonSchema { name: "l".into(), description: None, schema: list, strict: None };
    let told = encode(&Request { format, ..ask("x") }, "claude-opus-4-8");
    assert_eq!((told.output_tool, told.losses.fields().as_str()), (None, "response_format"));
}

#[test]
fn what_claude_does_not_know_is_told() {
    let request = Request {
        n: Some(2),
        sampling: Sampling {
            temperature: Some(1.7),
            seed: Some(1),
            logprobs: Some(true),
            top_p: Some(0.5),
            ..Sampling::default()
        },
        stop: vec!["\n".into(), "END".into()],
        service_tier: Some("flex".into()),
        extra: vec![
            ("web_search_options".into(), Json::of(&json!({ "a": 1 }))),
            ("modalities".into(), Json::of(&json!(["text"]))),
        ],
        ..ask("x")
    };
    let sent = encode(&request, "claude-sonnet-4-5");
    let told: Vec<_> = sent.losses.all().iter().map(|l| format!("{} {}", l.field, l.changes_meaning)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    web_search_options true
    n true
    logprobs true
    seed false
    temperature false
    top_p false
    stop false
    service_tier false
    ");
    let sent = body(&request, "claude-sonnet-4-5");
    assert_eq!(
        (&sent["temperature"], &sent["top_p"], &sent["stop_sequences"]),
        (&json!(1.0), &Value::Null, &json!(["END"]))
    );
    assert_eq!(body(&ask("x"), "claude-opus-4-1")["max_tokens"], 32_000);
    assert_eq!(body(&ask("x"), "something")["max_tokens"], 4096);
}

#[test]
fn pictures_and_documents_are_written() {
    let inline = |media_type: &str, data: &str| Source::Base64 { media_type: media_type.into(), data: data.into() };
    let parts = [
        Content::Image { source: inline("image/png", "AA=="), detail: Some("low".into()) },
        Content::Image { source: Source::Url { url: "https://x/y.png".into(), media_type: None }, detail: None },
        Content::Document { source: inline("application/pdf", "AA=="), name: Some("a.pdf".into()) },
        Content::Document { source: inline("text/plain", "SGVsbG8="), name: None },
        Content::Document { source: inline("application/msword", "AA=="), name: None },
        Content::Audio { source: inline("audio/wav", "AA==") },
    ];
    let request = Request { messages: vec![say(Role::User, parts)], ..Request::default() };
    let sent = encode(&request, "claude-sonnet-4-5");
    assert_eq!(sent.losses.fields(), "messages[0].content[4], messages[0].content[5]");
    assert!(sent.losses.refused(false).is_some());
    let sent = body(&request, "claude-sonnet-4-5");
    let blocks: Vec<String> =
        sent["messages"][0]["content"].as_array().expect("a list").iter().map(Value::to_string).collect();
    insta::assert_snapshot!(blocks.join("\n"), @r#"
    {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}
    {"type":"image","source":{"type":"url","url":"https://x/y.png"}}
    {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA=="},"title":"a.pdf"}
    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"Hello"}}
    "#);
}

#[test]
fn the_prompt_is_cached_where_the_caller_names_a_key() {
    let mut request = Request { prompt_cache_key: Some("k".into()), tools: vec![tool("f", None)], ..ask("x") };
    assert_eq!(body(&request, "claude-opus-5")["tools"][0]["cache_control"], json!({ "type": "ephemeral" }));
    request.messages.insert(0, say(Role::System, [Content::text("Long.")]));
    let sent = body(&request, "claude-opus-5");
    assert_eq!(sent["system"][0]["cache_control"], json!({ "type": "ephemeral" }));
    assert_eq!(sent["tools"][0]["cache_control"], Value::Null);
}

#[test]
fn only_claudes_own_thoughts_go_back_to_it() {
    let mark = |maker, value: &str| Some(Signature { maker, value: value.into() });
    let thought = |signature| Content::Thinking { text: "hm".into(), signature };
    let mut request = ask("x");
    let turn = [
        thought(mark(Api::Gemini, "g")),
        thought(None),
        thought(mark(Api::Anthropic, "Eq")),
        Content::Redacted { data: Signature { maker: Api::OpenaiResponses, value: "o".into() } },
        Content::text("So."),
    ];
    request.messages.push(say(Role::Assistant, turn));
    request.messages.push(say(Role::User, [Content::text("And?")]));
    let sent = body(&request, "claude-opus-5");
    let wanted =
        json!([{ "type": "thinking", "thinking": "hm", "signature": "Eq" }, { "type": "text", "text": "So." }]);
    assert_eq!(sent["messages"][1]["content"], wanted);
}

#[test]
fn names_that_claude_does_not_take_are_changed_everywhere() {
    let mut request = Request {
        tools: vec![tool("srv.tool", None)],
        tool_choice: Some(ToolChoice::Named("srv.tool".into())),
        ..ask("x")
    };
    request.messages.push(say(Role::Assistant, [call("a", "srv.tool", "{}")]));
    request.messages.push(say(Role::User, [result("a", "1")]));
    let encoded = encode(&request, "claude-sonnet-4-5");
    let sent = body(&request, "claude-sonnet-4-5");
    let name = sent["tools"][0]["name"].as_str().expect("a name");
    assert_eq!(encoded.names.asked(name), "srv.tool");
    assert_eq!(
        (&sent["tool_choice"]["name"], &sent["messages"][1]["content"][0]["name"]),
        (&json!(name), &json!(name))
    );
}

#[test]
fn alternatives_at_the_top_of_a_schema_are_folded() {
    let branches = json!({ "anyOf": [
        { "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] },
        { "type": "object", "properties": { "b": { "type": "string" } } },
    ] });
    let request = Request { tools: vec![tool("f", Some(branches))], ..ask("x") };
    let sent = body(&request, "claude-sonnet-4-5");
    let wanted = json!({ "type": "object", "properties": { "a": { "type": "string" }, "b": { "type": "string" } } });
    assert_eq!(sent["tools"][0]["input_schema"], wanted);
}

#[test]
fn a_mark_of_geminis_on_a_call_comes_back_onto_the_call() {
    let request = decode(&json!({ "messages": [{ "role": "assistant", "content": [
        { "type": "thinking", "thinking": "real", "signature": "gemini#s0" },
        { "type": "thinking", "thinking": "", "signature": "gemini#s1" },
        { "type": "tool_use", "id": "a", "name": "f", "input": {} },
        { "type": "tool_use", "id": "b", "name": "f", "input": {} },
    ] }] }))
    .expect("a request");
    let marks: Vec<Option<&str>> = request.messages[0]
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::ToolCall { signature, .. } | Content::Thinking { signature, .. } => {
                signature.as_ref().map(|s| s.value.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(marks, [Some("s0"), Some("s1"), None]);
}
