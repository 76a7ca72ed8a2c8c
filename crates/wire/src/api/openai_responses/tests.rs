//! Rules of the API, and what is written in golden form.

use super::*;
use crate::api::{Api, Encoded, Quirks, Target};
use crate::chat::{Asked, Event, Json, Request};

mod answer;
mod request;
mod state;
mod stream;
mod write;

fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

fn read(body: &str) -> Request {
    decode_request(body.as_bytes()).expect("a request")
}

fn encode(request: &Request, model: &str, quirks: &Quirks) -> Encoded {
    encode_request(request, Target { model, quirks }).expect("a body")
}

/// What goes to a provider, on indented lines.
fn written(request: &Request) -> String {
    let encoded = encode(request, "gpt-5.2", &Quirks::default());
    assert_eq!(encoded.losses.all(), []);
    pretty(&encoded.body)
}

fn pretty(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    serde_json::to_string_pretty(&value).expect("JSON")
}

fn asked(body: &str) -> Asked {
    Asked {
        list: false,
        id: "0199".into(),
        own_id: false,
        created: 1_700_000_000,
        model: "gpt-5.2".into(),
        include_usage: true,
        body: body.to_owned().into(),
    }
}

/// The stream that a caller gets of some events.
fn told(asked: &Asked, events: impl IntoIterator<Item = Event>) -> String {
    let mut encoder = Encoder::new(asked);
    let mut out = Vec::new();
    events.into_iter().for_each(|event| encoder.push(event, &mut out));
    String::from_utf8(out).expect("text")
}

const OWN: Api = Api::OpenaiResponses;
