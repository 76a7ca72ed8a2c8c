use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api::Api::{self, Cohere};
use crate::api::StreamDecoder;
use crate::api::fit::samples::*;
use crate::chat::{
    Assembly, Content, Effort, Event, Finish, Format, Reasoning, Request, Role, Source, StreamError, ToolChoice,
};

const MODEL: &str = "command-a-03-2025";
const REASONING: &str = "command-a-reasoning-08-2025";

#[test]
fn a_whole_conversation() {
    insta::assert_snapshot!(show(Cohere, REASONING, &conversation(Api::Anthropic)), @r#"
    model: "command-a-reasoning-08-2025"
    messages:
      {"role":"system","content":"Be brief."}
      {"role":"user","content":[{"type":"text","text":"What is it like there?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"type":"text","text":" "}]}
      {"role":"assistant","content":[{"type":"thinking","thinking":"Two places."}],"tool_plan":"I look.","tool_calls":[{"id":"functions.weather:0","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},{"id":"call_2","type":"function","function":{"name":"clock","arguments":"{}"}}]}
      {"role":"system","content":"Be kind."}
      {"role":"tool","tool_call_id":"functions.weather:0","content":"sunny"}
      {"role":"tool","tool_call_id":"call_2","content":"Error: no clock"}
      {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}},{"type":"text","text":"Well?"}]}
    stream: true
    max_tokens: 500
    stop_sequences:
      "END"
    tools:
      {"type":"function","function":{"name":"weather","description":"Tells the weather.","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}
      {"type":"function","function":{"name":"clock","description":"Tells the clock.","parameters":{"type":"object","properties":{}}}}
    lost: user
    "#);
}

#[test]
fn settings_are_brought_within_bounds() {
    let mut request = Request {
        format: schema(r#"{"type":"object"}"#),
        reasoning: Some(Reasoning { effort: Some(Effort::Low), ..Reasoning::default() }),
        extra: vec![("safety_mode".into(), json(r#""OFF""#)), ("web_search_options".into(), json(r#"{"a":1}"#))],
        stop: (0..6).map(|n| n.to_string()).collect(),
        n: Some(1),
        ..ask("Hi")
    };
    request.sampling.temperature = Some(1.2);
    request.sampling.top_p = Some(1.0);
    request.sampling.top_k = Some(7);
    request.sampling.presence_penalty = Some(-1.0);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.seed = Some(1 << 40);
    request.sampling.logprobs = Some(true);
    request.sampling.top_logprobs = Some(2);
    insta::assert_snapshot!(show(Cohere, MODEL, &request), @r#"
    model: "command-a-03-2025"
    messages:
      {"role":"user","content":"Hi"}
    stream: false
    temperature: 1.0
    p: 0.99
    k: 7
    stop_sequences:
      "0"
      "1"
      "2"
      "3"
      "4"
    seed: 1099511627776
    presence_penalty: 0.0
    frequency_penalty: 0.5
    logprobs: true
    response_format: {"type":"json_object","json_schema":{"type":"object"}}
    thinking: {"type":"enabled","token_budget":2048}
    safety_mode: "OFF"
    lost: temperature presence_penalty stop! top_logprobs! web_search_options!
    "#);
}

#[test]
fn a_certain_tool_is_the_only_one_that_is_offered() {
    let tools = vec![tool("a", None), tool("b", None)];
    let choose = |choice| {
        let body = body(Cohere, MODEL, &Request { tools: tools.clone(), tool_choice: Some(choice), ..ask("Hi") });
        let names: Vec<_> =
            body["tools"].as_array().expect("tools").iter().map(|tool| tool["function"]["name"].clone()).collect();
        (Value::Array(names), body["tool_choice"].clone())
    };
    assert_eq!(choose(ToolChoice::Named("b".into())), (json!(["b"]), json!("REQUIRED")));
    assert_eq!(choose(ToolChoice::Required), (json!(["a", "b"]), json!("REQUIRED")));
    assert_eq!(choose(ToolChoice::None), (json!(["a", "b"]), json!("NONE")));
    assert_eq!(choose(ToolChoice::Auto), (json!(["a", "b"]), Value::Null));
}

#[test]
fn a_shape_beside_tools_is_asked_for_in_words() {
    let request = Request { format: Format::JsonObject, tools: vec![tool("a", None)], ..ask("Hi") };
    let body = body(Cohere, MODEL, &request);
    assert!(body.get("response_format").is_none());
    assert_eq!(body["messages"][0]["content"], "Answer with one JSON object and nothing else.");
    assert_eq!(losses(&encode(Cohere, MODEL, &request).expect("a request")), "response_format");
}

#[test]
fn documents_stand_beside_the_messages_if_they_are_text() {
    let document = |source, name: &str| Content::Document { source, name: Some(name.into()) };
    let pdf = Source::Base64 { media_type: "application/pdf".into(), data: "JVBE".into() };
    let contents =
        [document(Source::Text("Ruby is from 1993.".into()), "facts"), document(pdf, "b.pdf"), Content::text("When?")];
    let request = Request { messages: vec![message(Role::User, contents)], ..Request::default() };
    let encoded = body(Cohere, MODEL, &request);
    assert_eq!(
        encoded["documents"],
        json!([{ "id": "doc:0", "data": { "title": "facts", "text": "Ruby is from 1993." } }])
    );
    assert_eq!(encoded["messages"], json!([{ "role": "user", "content": "When?" }]));
    assert_eq!(losses(&encode(Cohere, MODEL, &request).expect("a request")), "messages[0].content[1].file!");
}

fn stream(events: &[Value]) -> Vec<u8> {
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    events.iter().map(event).collect::<String>().into_bytes()
}

fn read(stream: &[u8], chunk: usize) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(Cohere);
    let mut events = Vec::new();
    stream.chunks(chunk).for_each(|bytes| decoder.push(bytes, &mut events));
    decoder.finish(&mut events);
    events
}

fn content(kind: &str, at: u64, content: Value) -> Value {
    json!({ "type": kind, "index": at, "delta": { "message": { "content": content } } })
}

fn call(kind: &str, at: u64, call: Value) -> Value {
    json!({ "type": kind, "index": at, "delta": { "message": { "tool_calls": call } } })
}

fn end(reason: &str) -> Value {
    let usage =
        json!({ "billed_units": { "input_tokens": 3, "output_tokens": 9 }, "tokens": { "reasoning_tokens": 4 } });
    json!({ "type": "message-end", "delta": { "finish_reason": reason, "usage": usage } })
}

fn sample() -> Vec<Value> {
    let source = json!({ "type": "document", "id": "doc:0", "document": { "title": "facts", "text": "Rain." } });
    let citation = json!({ "start": 0, "end": 2, "text": "It", "sources": [source] });
    let mut probable = content("content-delta", 1, json!({ "text": " rains 🌧" }));
    probable["logprobs"] = json!({ "text": " rains 🌧", "token_ids": [1, 2], "logprobs": [-0.5, -0.25] });
    vec![
        json!({ "type": "message-start", "id": "1", "delta": { "message": { "role": "assistant" } } }),
        content("content-start", 0, json!({ "type": "thinking", "thinking": "" })),
        content("content-delta", 0, json!({ "thinking": "Hm" })),
        json!({ "type": "content-end", "index": 0 }),
        content("content-start", 1, json!({ "type": "text", "text": "It" })),
        probable,
        json!({ "type": "content-end", "index": 1 }),
        json!({ "type": "citation-start", "index": 0, "delta": { "message": { "citations": citation } } }),
        json!({ "type": "citation-end", "index": 0 }),
        json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": "I look." } } }),
        call(
            "tool-call-start",
            0,
            json!({ "id": "f_1", "type": "function", "function": { "name": "f", "arguments": "" } }),
        ),
        call("tool-call-delta", 0, json!({ "function": { "arguments": "{\"a\":" } })),
        call("tool-call-delta", 0, json!({ "function": { "arguments": "1}" } })),
        json!({ "type": "tool-call-end", "index": 0 }),
        call("tool-call-start", 1, json!({ "function": { "name": "g" } })),
        json!({ "type": "tool-call-end", "index": 1 }),
        json!({ "type": "from-the-future", "index": "x", "delta": [] }),
        end("TOOL_CALL"),
    ]
}

#[test]
fn a_stream_with_everything_in_it() {
    let mut bytes = stream(&sample());
    bytes.extend_from_slice(b"data: [DONE]\n\n");
    let events: Vec<_> = read(&bytes, 5).iter().map(|event| format!("{event:?}")).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    Start { id: "1", model: "", created: None }
    BlockStart { block: 0, choice: 0, kind: Thinking }
    Text { block: 0, text: "Hm" }
    BlockStop { block: 0 }
    BlockStart { block: 1, choice: 0, kind: Text }
    Text { block: 1, text: "It" }
    Text { block: 1, text: " rains 🌧" }
    Logprobs { choice: 0, logprobs: {"content":[{"token":" rains 🌧","logprob":-0.75,"bytes":[32,114,97,105,110,115,32,240,159,140,167],"top_logprobs":[]}],"refusal":null} }
    Citation { block: 1, citation: Citation { url: None, title: Some("facts"), quote: Some("Rain."), span: Some((0, 2)), original: Some((Cohere, {"start":0,"end":2,"text":"It","sources":[{"type":"document","id":"doc:0","document":{"title":"facts","text":"Rain."}}]})) } }
    BlockStop { block: 1 }
    BlockStart { block: 2, choice: 0, kind: Text }
    Text { block: 2, text: "I look." }
    BlockStop { block: 2 }
    BlockStart { block: 3, choice: 0, kind: ToolCall { id: "f_1", name: "f" } }
    Arguments { block: 3, json: "{\"a\":" }
    Arguments { block: 3, json: "1}" }
    BlockStop { block: 3 }
    BlockStart { block: 4, choice: 0, kind: ToolCall { id: "call_1_4", name: "g" } }
    Arguments { block: 4, json: "{}" }
    BlockStop { block: 4 }
    Finish { choice: 0, finish: ToolCalls }
    Usage(Usage { input: 3, output: 9, cached_input: 0, cache_write: 0, cache_write_1h: 0, reasoning: 4, audio_input: 0, audio_output: 0, image_input: 0, audio_seconds: 0, characters: 0, images: 0, searches: 0, cache_write_12h: 0, explicit_cached: 0, cached_audio: 0, cached_image: 0, video_input: 0, citation: 0, image_output: 0, video_output: 0, web_searches: 0, file_searches: 0, pages: 0, annotated_pages: 0, images_read: 0, service_tier: Standard, zone: Anywhere, search_context: Untold })
    End
    "#);
}

#[test]
fn streams_that_fail_say_so() {
    let mut failed = end("ERROR");
    failed["delta"]["error"] = "overloaded".into();
    let message = |message: &str| StreamError { status: 502, code: "upstream_error".into(), message: message.into() };
    assert_eq!(read(&stream(&[failed]), 9).last(), Some(&Event::Error(message("overloaded"))));
    assert_eq!(
        read(b"data: {\"message\":\"broken\",\"id\":\"1\"}\n\n", 9).last(),
        Some(&Event::Error(message("broken")))
    );
    let cut = stream(&sample()[..6]);
    assert_eq!(read(&cut, 9).last(), Some(&Event::Error(StreamError::truncated())));
}

#[test]
fn a_whole_answer_keeps_the_order() {
    let body = json!({ "id": "7", "finish_reason": "COMPLETE", "logprobs": [{ "text": "Hi", "logprobs": [-1.5] }],
        "message": { "role": "assistant", "tool_plan": "I look.",
            "content": [{ "type": "thinking", "thinking": "Hm" }, { "type": "text", "text": "Hi" }, { "type": "new" }],
            "citations": [
                { "start": 0, "end": 2, "content_index": 1, "sources": [{ "tool_output": { "url": "https://a.example", "content": "Hi" } }] },
                { "start": 0, "end": 2, "content_index": 9 }],
            "tool_calls": [{ "function": { "name": "f", "arguments": "" } }] } });
    let answer = Cohere.decode_answer(body.to_string().as_bytes()).expect("an answer");
    let [choice] = answer.choices.as_slice() else { panic!("one") };
    assert_eq!(choice.finish, Finish::ToolCalls);
    let kinds: Vec<_> = choice
        .parts
        .iter()
        .map(|part| match &part.content {
            Content::Thinking { text, .. } => format!("thinking {text}"),
            Content::Text { text, citations } => {
                format!("text {text} {:?}", citations.iter().map(|c| &c.url).collect::<Vec<_>>())
            }
            Content::ToolCall { id, arguments, .. } => format!("call {id} {arguments}"),
            _ => "other".to_owned(),
        })
        .collect();
    let wanted =
        ["thinking Hm", "text I look. []", r#"text Hi [Some("https://a.example")]"#, "other", "call call_7_4 {}"];
    assert_eq!(kinds, wanted);
    let logprobs = choice.logprobs.as_ref().expect("probabilities");
    assert_eq!(
        *logprobs,
        json(r#"{"content":[{"token":"Hi","logprob":-1.5,"bytes":[72,105],"top_logprobs":[]}],"refusal":null}"#)
    );
    assert!(Cohere.decode_answer(br#"{"id":"1","message":"too many tokens"}"#).is_err());
    let plain =
        Cohere.decode_answer(br#"{"message":{"content":"Hi"},"finish_reason":"STOP_SEQUENCE"}"#).expect("an answer");
    assert_eq!(plain.choices[0].finish, Finish::StopSequence(String::new()));
}

fn any_event() -> impl Strategy<Value = Value> {
    let at = 0_u64..3;
    prop_oneof![
        (at.clone(), ".{0,8}").prop_map(|(at, text)| content("content-delta", at, json!({ "text": text }))),
        (at.clone(), ".{0,8}").prop_map(|(at, text)| content("content-start", at, json!({ "thinking": text }))),
        ".{0,8}".prop_map(|plan| json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": plan } } })),
        at.clone().prop_map(|at| call("tool-call-start", at, json!({ "id": "", "function": { "name": "f" } }))),
        (at.clone(), ".{0,8}").prop_map(|(at, piece)| call(
            "tool-call-delta",
            at,
            json!({ "function": { "arguments": piece } })
        )),
        at.prop_map(|at| json!({ "type": "tool-call-end", "index": at })),
        Just(json!({ "type": "citation-start", "delta": { "message": { "citations": {} } } })),
        Just(json!({ "type": "content-delta", "delta": null })),
    ]
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn any_events_in_any_pieces_make_one_answer(events in prop::collection::vec(any_event(), 0..30), chunk in 1_usize..60) {
        let mut all = events;
        all.push(end("COMPLETE"));
        let bytes = stream(&all);
        let whole = read(&bytes, usize::MAX);
        prop_assert_eq!(&read(&bytes, chunk), &whole);
        let mut assembly = Assembly::default();
        whole.into_iter().for_each(|event| assembly.push(event));
        prop_assert!(assembly.finish().is_ok());
    }
}
