use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api::Api::{self, Ollama};
use crate::api::StreamDecoder;
use crate::api::fit::samples::*;
use crate::chat::{
    Assembly, Content, Effort, Event, Finish, Format, Reasoning, Request, Role, Source, StreamError, ToolChoice,
};

#[test]
fn a_whole_conversation() {
    insta::assert_snapshot!(show(Ollama, "qwen3:4b", &conversation(Api::Anthropic)), @r#"
    model: "qwen3:4b"
    messages:
      {"role":"system","content":"Be brief."}
      {"role":"user","content":"What is it like there?\n ","images":["iVBO"]}
      {"role":"assistant","content":"I look.","thinking":"Two places.","tool_calls":[{"id":"functions.weather:0","function":{"name":"weather","arguments":{"city":"Paris"}}},{"id":"call_2","function":{"name":"clock","arguments":{}}}]}
      {"role":"system","content":"Be kind."}
      {"role":"tool","content":"sunny","tool_name":"weather","tool_call_id":"functions.weather:0"}
      {"role":"tool","content":"Error: no clock","tool_name":"clock","tool_call_id":"call_2"}
      {"role":"user","content":"Well?","images":["iVBO"]}
    stream: true
    tools:
      {"type":"function","function":{"name":"weather","description":"Tells the weather.","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}
      {"type":"function","function":{"name":"clock","description":"Tells the clock.","parameters":{"type":"object","properties":{}}}}
    options: {"num_predict":500,"stop":["END"]}
    lost: user
    "#);
}

#[test]
fn settings_are_options() {
    let mut request = Request {
        format: schema(r#"{"type":"object"}"#),
        max_tokens: Some(9),
        extra: vec![
            ("keep_alive".into(), json(r#""5m""#)),
            ("options".into(), json(r#"{"num_ctx":4096,"temperature":9}"#)),
            ("audio".into(), json(r#"{"voice":"a"}"#)),
        ],
        ..ask("Hi")
    };
    request.sampling.temperature = Some(0.0);
    request.sampling.top_k = Some(7);
    request.sampling.seed = Some(-1);
    request.sampling.logprobs = Some(true);
    request.sampling.logit_bias = Some(json(r#"{"5":1}"#));
    insta::assert_snapshot!(show(Ollama, "gemma3:1b", &request), @r#"
    model: "gemma3:1b"
    messages:
      {"role":"user","content":"Hi"}
    stream: false
    format: {"type":"object"}
    logprobs: true
    options: {"num_ctx":4096,"temperature":0.0,"num_predict":9,"top_k":7,"seed":-1}
    keep_alive: "5m"
    lost: logit_bias audio!
    "#);
    let asked = Request { format: Format::JsonObject, ..ask("Hi") };
    assert_eq!(body(Ollama, "gemma3:1b", &asked)["format"], "json");
    let odd = Request { extra: vec![("options".into(), json("[1]"))], ..ask("Hi") };
    assert_eq!(encode(Ollama, "m", &odd).expect_err("a refusal").field.as_deref(), Some("options"));
}

#[test]
fn how_much_to_think_is_known_to_one_family_only() {
    let think = |model: &str, effort| {
        let reasoning = Some(Reasoning { effort: Some(effort), ..Reasoning::default() });
        body(Ollama, model, &Request { reasoning, ..ask("Hi") })["think"].clone()
    };
    assert_eq!(think("qwen3:4b", Effort::High), json!(true));
    assert_eq!(think("qwen3:4b", Effort::None), json!(false));
    assert_eq!(think("gpt-oss:20b", Effort::High), json!("high"));
    assert!(body(Ollama, "qwen3:4b", &ask("Hi")).get("think").is_none());
}

#[test]
fn calls_are_left_to_the_model() {
    let choose =
        |choice| Request { tools: vec![tool("a", None), tool("b", None)], tool_choice: Some(choice), ..ask("Hi") };
    let named = choose(ToolChoice::Named("b".into()));
    assert_eq!(losses(&encode(Ollama, "m", &named).expect("a request")), "tool_choice");
    assert_eq!(body(Ollama, "m", &named)["tools"][0]["function"]["name"], "b");
    assert!(body(Ollama, "m", &choose(ToolChoice::None)).get("tools").is_none());
}

#[test]
fn what_ollama_cannot_see_is_a_grave_loss_with_its_place() {
    let url = Source::Url { url: "https://example.com/a.png".into(), media_type: None };
    let contents = [
        Content::Image { source: url.clone(), detail: None },
        Content::Document { source: url, name: None },
        Content::Document { source: Source::Text("Rain.".into()), name: Some("facts".into()) },
        Content::Document { source: Source::Base64 { media_type: "text/csv".into(), data: "YSxi".into() }, name: None },
    ];
    let request = Request { messages: vec![message(Role::User, contents)], ..Request::default() };
    let place = "messages[0].content";
    let encoded = encode(Ollama, "m", &request).expect("a request");
    assert_eq!(losses(&encoded), format!("{place}[0].image_url! {place}[1].file!"));
    assert_eq!(body(Ollama, "m", &request)["messages"], json!([{ "role": "user", "content": "facts:\nRain.\na,b" }]));
}

fn read(stream: &[u8], chunk: usize) -> Vec<Event> {
    let mut decoder = StreamDecoder::new(Ollama);
    let mut events = Vec::new();
    stream.chunks(chunk).for_each(|bytes| decoder.push(bytes, &mut events));
    decoder.finish(&mut events);
    events
}

fn stream(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

fn line(message: Value) -> Value {
    json!({ "model": "qwen3:4b", "created_at": "2026-08-05T08:11:04.35Z", "message": message, "done": false })
}

fn last(reason: &str) -> Value {
    json!({ "message": { "content": "" }, "done": true, "done_reason": reason, "prompt_eval_count": 195, "eval_count": 575 })
}

fn sample() -> Vec<Value> {
    let calls = json!([
        { "function": { "index": 0, "name": "f", "arguments": { "b": 1, "a": 1e-5 } } },
        { "id": "call_x", "function": { "index": 1, "name": "g", "arguments": "" } },
    ]);
    vec![
        line(json!({ "role": "assistant", "content": "", "thinking": "Hm" })),
        line(json!({ "role": "assistant", "content": "", "thinking": "!" })),
        line(json!({ "role": "assistant", "content": "It rains 🌧" })),
        line(json!({ "role": "assistant", "content": "", "tool_calls": calls })),
        last("stop"),
    ]
}

#[test]
fn a_stream_with_everything_in_it() {
    let events: Vec<_> = read(&stream(&sample()), 5).iter().map(|event| format!("{event:?}")).collect();
    insta::assert_snapshot!(events.join("\n"), @r#"
    Start { id: "", model: "qwen3:4b", created: Some(1785917464) }
    BlockStart { block: 0, choice: 0, kind: Thinking }
    Text { block: 0, text: "Hm" }
    Text { block: 0, text: "!" }
    BlockStop { block: 0 }
    BlockStart { block: 1, choice: 0, kind: Text }
    Text { block: 1, text: "It rains 🌧" }
    BlockStop { block: 1 }
    BlockStart { block: 2, choice: 0, kind: ToolCall { id: "call_2026080508110435_0", name: "f" } }
    Arguments { block: 2, json: "{\"b\":1,\"a\":0.00001}" }
    BlockStop { block: 2 }
    BlockStart { block: 3, choice: 0, kind: ToolCall { id: "call_x", name: "g" } }
    Arguments { block: 3, json: "{}" }
    BlockStop { block: 3 }
    Finish { choice: 0, finish: ToolCalls }
    Usage(Usage { input: 195, output: 575, cached_input: 0, cache_write: 0, cache_write_1h: 0, reasoning: 0, audio_input: 0, audio_output: 0, image_input: 0, audio_seconds: 0, characters: 0, images: 0, searches: 0, cache_write_12h: 0, explicit_cached: 0, cached_audio: 0, cached_image: 0, video_input: 0, citation: 0, image_output: 0, video_output: 0, web_searches: 0, file_searches: 0, pages: 0, annotated_pages: 0, images_read: 0, service_tier: Standard, zone: Anywhere, search_context: Untold })
    End
    "#);
}

#[test]
fn streams_that_fail_say_so() {
    let mut bytes = stream(&sample()[..3]);
    assert_eq!(read(&bytes, 9).last(), Some(&Event::Error(StreamError::truncated())));
    // The last line lacks its end.
    bytes.extend_from_slice(br#"{"error":"model runner has stopped"}"#);
    let error = StreamError { status: 502, code: "upstream_error".into(), message: "model runner has stopped".into() };
    assert_eq!(read(&bytes, 9).last(), Some(&Event::Error(error)));
}

#[test]
fn reasons_to_stop_are_told_apart() {
    for (reason, wanted) in
        [("stop", Finish::Stop), ("", Finish::Stop), ("length", Finish::Length), ("load", Finish::Other("load".into()))]
    {
        let answer = Ollama.decode_answer(last(reason).to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.choices[0].finish, wanted);
        assert!(answer.choices[0].parts.is_empty());
    }
    let refused = Ollama.decode_answer(br#"{"error":"model not found"}"#).expect_err("a refusal");
    assert_eq!(refused.message, "model not found");
}

fn any_line() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,8}".prop_map(|text| line(json!({ "content": text }))),
        ".{0,8}".prop_map(|text| line(json!({ "thinking": text, "content": null }))),
        ".{0,8}".prop_map(|text| line(json!({ "tool_calls": [{ "function": { "name": text, "arguments": text } }] }))),
        Just(json!({ "message": 1, "logprobs": [{ "token": "a" }] })),
        Just(json!("odd")),
    ]
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn any_lines_in_any_pieces_make_one_answer(lines in prop::collection::vec(any_line(), 0..30), chunk in 1_usize..60) {
        let mut all = lines;
        all.push(last("stop"));
        let bytes = stream(&all);
        let whole = read(&bytes, usize::MAX);
        prop_assert_eq!(&read(&bytes, chunk), &whole);
        let mut assembly = Assembly::default();
        whole.into_iter().for_each(|event| assembly.push(event));
        prop_assert!(assembly.finish().is_ok());
    }
}
