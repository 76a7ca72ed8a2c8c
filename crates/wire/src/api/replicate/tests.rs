use serde_json::{Value, json};

use super::*;
use crate::api::fit::samples::encode;
use crate::api::{Api, Path, StreamDecoder};
use crate::chat::{Assembly, Request};

fn asked(body: &Value) -> Request {
    let mut body = body.clone();
    body["model"] = json!("m");
    Api::OpenaiChat.decode_request(body.to_string().as_bytes(), Path::default()).expect("a request")
}

fn sent(body: &Value) -> (Value, String) {
    let encoded = encode(Api::Replicate, "meta/llama", &asked(body)).expect("a body");
    (serde_json::from_slice(&encoded.body).expect("JSON"), encoded.losses.fields())
}

#[test]
fn one_question_goes_as_it_is_and_a_conversation_turn_by_turn() {
    let ask = json!({
        "model": "m", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": ["END", "\n\n"],
        "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Weather?" }],
        "input": { "min_tokens": 2, "prompt": "not mine" },
    });
    let input = json!({
        "prompt": "Weather?", "system_prompt": "Be brief.", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9,
        "seed": 3, "stop_sequences": "END,\n\n", "min_tokens": 2,
    });
    assert_eq!(sent(&ask), (json!({ "version": "meta/llama", "input": input }), String::new()));
    let talk = json!({ "model": "m", "stop": "a,b", "messages": [
        { "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Hello" },
        { "role": "user", "content": "So?" },
    ]});
    let (body, lost) = sent(&talk);
    assert_eq!(body["input"], json!({ "prompt": "User: Hi\n\nAssistant: Hello\n\nUser: So?\n\nAssistant:" }));
    assert_eq!(lost, "stop");
}

#[test]
fn what_models_of_replicate_cannot_do_is_refused_by_name() {
    let picture = json!([{ "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBO" } }]);
    let tool = json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "object" } } }]);
    for (ask, field) in [
        (json!({ "messages": [{ "role": "user", "content": picture }] }), "messages[0].content[0].image_url"),
        (json!({ "messages": [{ "role": "user", "content": "Hi" }], "tools": tool }), "tools"),
        (json!({ "messages": [{ "role": "user", "content": "Hi" }], "n": 2 }), "n"),
    ] {
        let encoded = encode(Api::Replicate, "m", &asked(&ask)).expect("a body");
        assert_eq!(encoded.losses.refused(false).map(|loss| loss.field.as_str()), Some(field));
    }
    let odd = json!({ "messages": [{ "role": "user", "content": "Hi" }], "input": 5 });
    assert_eq!(encode(Api::Replicate, "m", &asked(&odd)).expect_err("a refusal").field.as_deref(), Some("input"));
}

#[test]
fn a_prediction_is_read_when_it_is_done() {
    let done = r#"{"id":"p1","model":"meta/llama","status":"succeeded","output":["It ","rains."],"error":null,"metrics":{"input_token_count":7,"output_token_count":3,"predict_time":0.5}}"#;
    let answer = decode_answer(done.as_bytes()).expect("an answer");
    let usage = answer.usage.expect("usage");
    assert_eq!((answer.id.as_str(), usage.input, usage.output), ("p1", 7, 3));
    assert_eq!(answer.choices[0].parts, [crate::chat::Part::from(crate::chat::Content::text("It rains."))]);
    assert_eq!(pending(done.as_bytes()), None);
    let begun = br#"{"id":"../x","status":"processing","output":["It "]}"#;
    assert_eq!(pending(begun).as_deref(), Some("..%2Fx"));
    assert!(decode_answer(begun).is_err());
    let failed = br#"{"id":"p1","status":"failed","output":null,"error":"CUDA out of memory"}"#;
    assert_eq!(decode_answer(failed).expect_err("an error").message, "CUDA out of memory");
    assert_eq!(pending(failed), None);
}

#[test]
fn a_stream_is_read_to_its_end() {
    let read = |stream: &str| {
        let (mut decoder, mut events) = (StreamDecoder::new(Api::Replicate), Vec::new());
        decoder.push(stream.as_bytes(), &mut events);
        decoder.finish(&mut events);
        let mut assembly = Assembly::default();
        events.into_iter().for_each(|event| assembly.push(event));
        assembly.finish().map(|answer| format!("{:?}", answer.choices[0].parts)).map_err(|error| error.message)
    };
    let whole = "event: output\ndata: It\n\nevent: logs\ndata: x\n\nevent: output\ndata:  rains\ndata: \ndata: here\n\nevent: done\ndata: {}\n\n";
    assert!(read(whole).expect("an answer").contains("It rains\\n\\nhere"));
    assert_eq!(read("event: error\ndata: {\"detail\":\"broken\"}\n\n"), Err("broken".to_owned()));
    assert!(read("event: done\ndata: {\"reason\":\"canceled\"}\n\n").is_err_and(|error| error.contains("canceled")));
    assert!(read("event: output\ndata: It\n\n").is_err());
}
