use super::*;
use crate::api::{Api, Quirks};
use crate::chat::{Content, Format, Json, Message, Part, Role, Signature, Source, Tool, ToolChoice, ToolKind};

fn message(role: Role, parts: impl IntoIterator<Item = Content>) -> Message {
    Message { role, name: None, parts: parts.into_iter().map(Part::from).collect() }
}

fn call(id: &str, name: &str, arguments: &str) -> Content {
    Content::ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), signature: None }
}

fn result(id: &str, text: &str) -> Content {
    let content = vec![Content::text(text).into()];
    Content::ToolResult { call_id: id.into(), name: None, content, is_error: false }
}

fn tool(name: &str, schema: &str) -> Tool {
    let parameters = Some(Json::parse(schema).expect("JSON"));
    Tool {
        name: name.into(),
        description: None,
        kind: ToolKind::Function { parameters, strict: Some(true) },
        cache: None,
    }
}

fn encode(request: &Request, model: &str) -> Encoded {
    encode_request(request, Target { model, quirks: &Quirks::default() }).expect("a body")
}

fn body(request: &Request, model: &str) -> String {
    String::from_utf8(encode(request, model).body).expect("text")
}

fn of(messages: impl Into<Vec<Message>>) -> Request {
    Request { messages: messages.into(), ..Request::default() }
}

#[test]
fn parallel_calls_are_answered_in_their_order_in_one_turn() {
    let request = of([
        message(Role::System, [Content::text("Be brief.")]),
        message(Role::User, [Content::text("Weather and time?")]),
        message(
            Role::Assistant,
            [
                Content::text("Looking."),
                call("a", "weather", r#"{"city":"Ulm"}"#),
                call("b", "time", ""),
                call("c", "news", "{\"x\""),
            ],
        ),
        message(Role::User, [result("b", "noon"), Content::text("Quick!")]),
        message(Role::User, [result("a", r#"{"degrees":20}"#)]),
        message(Role::Developer, [Content::text("No jokes.")]),
    ]);
    insta::assert_snapshot!(body(&request, "gemini-2.5-flash"), @r#"{"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"No jokes."}]},"contents":[{"role":"user","parts":[{"text":"Weather and time?"}]},{"role":"model","parts":[{"text":"Looking."},{"functionCall":{"id":"a","name":"weather","args":{"city":"Ulm"}}},{"functionCall":{"id":"b","name":"time","args":{}}},{"functionCall":{"id":"c","name":"news","args":{"_raw":"{\"x\""}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"weather","response":{"degrees":20}}},{"functionResponse":{"id":"b","name":"time","response":{"result":"noon"}}},{"functionResponse":{"id":"c","name":"news","response":{"error":"The tool gave no answer."}}},{"text":"Quick!"}]}]}"#);
}

#[test]
fn newer_models_get_a_stand_in_for_signatures_they_did_not_make() {
    let own = Some(Signature { maker: Api::Gemini, value: "CiQ=".into() });
    let foreign = Some(Signature { maker: Api::Anthropic, value: "Eq".into() });
    let signed = Content::ToolCall { id: "c".into(), name: "f".into(), arguments: "{}".into(), signature: own.clone() };
    let request = of([
        message(Role::User, [Content::text("Go.")]),
        message(
            Role::Assistant,
            [Content::Thinking { text: "hm".into(), signature: foreign }, call("a", "f", "{}"), call("b", "f", "{}")],
        ),
        message(Role::User, [result("a", "1"), result("b", "2")]),
        message(Role::Assistant, [signed]),
        message(Role::User, [result("c", "3")]),
        message(Role::Assistant, [Content::Thinking { text: String::new(), signature: own }, Content::text("Done.")]),
    ]);
    insta::assert_snapshot!(body(&request, "gemini-3-pro-preview"), @r#"{"contents":[{"role":"user","parts":[{"text":"Go."}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"b","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"result":"1"}}},{"functionResponse":{"id":"b","name":"f","response":{"result":"2"}}}]},{"role":"model","parts":[{"functionCall":{"id":"c","name":"f","args":{}},"thoughtSignature":"CiQ="}]},{"role":"user","parts":[{"functionResponse":{"id":"c","name":"f","response":{"result":"3"}}}]},{"role":"model","parts":[{"text":"Done.","thoughtSignature":"CiQ="}]}]}"#);
    assert!(!body(&request, "gemini-2.5-pro").contains(super::super::signature::PLACEHOLDER));
}

#[test]
fn pictures_go_where_the_model_takes_them() {
    let image = || Content::Image {
        source: Source::Base64 { media_type: "image/png".into(), data: "aA==".into() },
        detail: Some("low".into()),
    };
    let url = Source::Url { url: "https://a.example/b.PDF?x".into(), media_type: None };
    let content = vec![Content::text("a chart").into(), image().into()];
    let request = of([
        message(Role::User, [Content::Document { source: url, name: None }, image()]),
        message(Role::Assistant, [call("a", "draw", "{}")]),
        message(Role::User, [Content::ToolResult { call_id: "a".into(), name: None, content, is_error: false }]),
    ]);
    insta::assert_snapshot!(body(&request, "gemini-2.5-flash"), @r#"{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://a.example/b.PDF?x"}},{"inlineData":{"mimeType":"image/png","data":"aA=="}}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"draw","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"draw","response":{"result":"a chart"}}},{"inlineData":{"mimeType":"image/png","data":"aA=="}}]}]}"#);
    insta::assert_snapshot!(body(&request, "gemini-3-flash-preview"), @r#"{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://a.example/b.PDF?x"}},{"inlineData":{"mimeType":"image/png","data":"aA=="},"mediaResolution":{"level":"MEDIA_RESOLUTION_LOW"}}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"draw","args":{}},"thoughtSignature":"skip_thought_signature_validator"}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"draw","response":{"result":"a chart"},"parts":[{"inlineData":{"mimeType":"image/png","data":"aA=="}}]}}]}]}"#);
}

fn structured() -> Request {
    let schema = Json::parse(
        r#"{"type":"object","properties":{"b":{"type":["string","null"]},"a":{"type":"integer"}},"additionalProperties":false}"#,
    );
    let schema = schema.expect("JSON");
    Request {
        format: Format::JsonSchema { name: "city".into(), description: None, schema, strict: Some(true) },
        ..of([message(Role::User, [Content::text("Go.")])])
    }
}

#[test]
fn a_schema_is_written_as_each_generation_knows_it() {
    insta::assert_snapshot!(body(&structured(), "gemini-2.5-flash"), @r#"{"contents":[{"role":"user","parts":[{"text":"Go."}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"b":{"type":["string","null"]},"a":{"type":"integer"}},"additionalProperties":false}}}"#);
    insta::assert_snapshot!(body(&structured(), "gemini-2.0-flash"), @r#"{"contents":[{"role":"user","parts":[{"text":"Go."}]}],"generationConfig":{"responseMimeType":"application/json","responseSchema":{"type":"object","properties":{"b":{"nullable":true,"type":"string"},"a":{"type":"integer"}},"propertyOrdering":["b","a"]}}}"#);
}

#[test]
fn beside_tools_an_older_model_answers_in_a_schema_by_a_call() {
    let tools = vec![tool("f", r#"{"type":"object","properties":{}}"#)];
    let request = Request { tools, ..structured() };
    let encoded = encode(&request, "gemini-2.5-flash");
    assert_eq!(encoded.output_tool.as_deref(), Some("city"));
    insta::assert_snapshot!(String::from_utf8(encoded.body).expect("text"), @r#"{"contents":[{"role":"user","parts":[{"text":"Go."}]}],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{}}},{"name":"city","description":"Gives the final answer to the user. Call it once, at the end.","parametersJsonSchema":{"type":"object","properties":{"b":{"type":["string","null"]},"a":{"type":"integer"}},"additionalProperties":false}}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}"#);
    assert_eq!(encode(&request, "gemini-3-flash-preview").output_tool, None);
}

#[test]
fn tools_of_other_providers_are_exchanged_and_names_shortened() {
    let server = |api, definition: &str| ToolKind::Server { api, definition: Json::parse(definition).expect("JSON") };
    let of_kind = |kind| Tool { name: "x".into(), description: None, kind, cache: None };
    let mut request = of([message(Role::User, [Content::text("Go.")])]);
    request.tools = vec![
        tool("1st/tool", r#"{"type":"object"}"#),
        of_kind(server(Api::Anthropic, r#"{"type":"web_search_20250305","name":"web_search"}"#)),
        of_kind(server(Api::OpenaiResponses, r#"{"type":"computer_use"}"#)),
    ];
    request.tool_choice = Some(ToolChoice::Named("1st/tool".into()));
    let encoded = encode(&request, "gemini-3-flash-preview");
    assert_eq!(encoded.losses.fields(), "tools[2]");
    insta::assert_snapshot!(String::from_utf8(encoded.body).expect("text"), @r#"{"contents":[{"role":"user","parts":[{"text":"Go."}]}],"tools":[{"functionDeclarations":[{"name":"_________993570b6","parametersJsonSchema":{"type":"object"}}]},{"googleSearch":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["_________993570b6"]},"includeServerSideToolInvocations":true}}"#);
    let grave = encode(&request, "gemini-2.5-flash").losses;
    assert!(grave.all().iter().any(|loss| loss.field == "tools[1]" && loss.changes_meaning), "{grave:?}");
}

#[test]
fn what_gemini_does_not_have_is_reported() {
    let mut request = of([message(Role::User, [Content::text("Go.")])]);
    request.sampling.seed = Some(1 << 40);
    request.sampling.logprobs = Some(true);
    request.sampling.top_logprobs = Some(3);
    request.n = Some(2);
    request.user = Some("u".into());
    request.stop = (0..6).map(|i| i.to_string()).collect();
    let json = |text: &str| Json::parse(text).expect("JSON");
    request.extra = vec![
        ("safety_settings".into(), json("[1]")),
        ("previous_response_id".into(), json(r#""r""#)),
        ("background".into(), json("false")),
        ("custom".into(), json("1")),
    ];
    let encoded = encode(&request, "gemini-2.5-flash");
    assert_eq!(encoded.losses.fields(), "stop, user, previous_response_id, custom");
    insta::assert_snapshot!(String::from_utf8(encoded.body).expect("text"), @r#"{"contents":[{"role":"user","parts":[{"text":"Go."}]}],"safetySettings":[1],"generationConfig":{"candidateCount":2,"seed":256,"responseLogprobs":true,"logprobs":3,"stopSequences":["0","1","2","3","4"]}}"#);
    let quirks = Quirks { refuses: vec!["seed".into()], ..Quirks::default() };
    let refused = encode_request(&request, Target { model: "gemini-2.5-flash", quirks: &quirks }).expect("a body");
    assert!(!String::from_utf8(refused.body).expect("text").contains("seed"));
}

#[test]
fn results_without_calls_and_files_of_others_are_refused() {
    let field = |request: Request| {
        let target = Target { model: "gemini-2.5-flash", quirks: &Quirks::default() };
        encode_request(&request, target).expect_err("refused").field.unwrap_or_default()
    };
    assert_eq!(field(of([message(Role::User, [result("a", "1")])])), "messages[0].tool_call_id");
    let file = Content::Image { source: Source::File("file-1".into()), detail: None };
    assert_eq!(field(of([message(Role::User, [file])])), "messages[0].content[0]");
}

#[test]
fn instructions_alone_are_a_question() {
    let request = of([message(Role::System, [Content::text("Say hi.")])]);
    assert_eq!(body(&request, "gemini-2.5-flash"), r#"{"contents":[{"role":"user","parts":[{"text":"Say hi."}]}]}"#);
}
