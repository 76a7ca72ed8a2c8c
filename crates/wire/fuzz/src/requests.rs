//! A caller's request, for providers of every API.

use bytes::Bytes;
use serde_json::Value;
use wire::api::{Api, Path, Quirks, Target, adapt, gemini};
use wire::embed::{self, Front};
use wire::rerank;
use wire::splice::splice;

use crate::pair::model;

const PATH: Path<'static> = Path { model: Some("m"), stream: Some(false) };

/// A request that can be read can be written for everybody, or is refused; what is written is JSON.
pub(crate) fn check(front: Api, body: &[u8]) {
    aside(front, body);
    let Ok(request) = front.decode_request(body, PATH) else { return };
    let most = Quirks { images_in_results: true, custom_tools: true, cache_control: true, ..Quirks::default() };
    for provider in Api::ALL {
        for quirks in [&Quirks::default(), &most] {
            let target = Target { model: model(provider), quirks };
            let Ok(encoded) = provider.encode_request(&request, target) else { continue };
            let is_json = serde_json::from_slice::<Value>(&encoded.body).is_ok() || holds_what_values_cannot(body);
            assert!(is_json, "to {}: {}", provider.name(), String::from_utf8_lossy(&encoded.body));
        }
    }
    assert!(wire::estimate::input_tokens(&request) <= body.len() as u64 + 100_000);
}

/// Numbers beyond a float's reach, halves of characters and great depth pass through as the text they are.
fn holds_what_values_cannot(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_err()
}

/// What reads a request beside the translation.
fn aside(front: Api, body: &[u8]) {
    match front {
        Api::OpenaiChat => {
            let refuses = vec!["user".to_owned(), "messages.name".to_owned()];
            let quirks = Quirks { refuses, no_developer: true, ..Quirks::default() };
            let edits = adapt(body, Target { model: model(front), quirks: &quirks }).edits;
            if serde_json::from_slice::<Value>(body).is_ok() {
                let changed = splice(&Bytes::copy_from_slice(body), &edits);
                assert!(serde_json::from_slice::<Value>(&changed).is_ok(), "{}", String::from_utf8_lossy(&changed));
            }
            vectors(Front::Openai, body);
            drop(rerank::request(rerank::Api::Voyage, body, "m", "i"));
        }
        Api::Gemini => {
            drop(gemini::count::decode_request(body, PATH));
            drop(gemini::embed::replace_models(body, "m"));
            vectors(Front::Gemini { batch: true }, body);
        }
        _ => {}
    }
}

/// A question for vectors, in the words of everybody who may be asked.
fn vectors(front: Front, body: &[u8]) {
    use embed::Api::{Bedrock, Cohere, Gemini, Ollama, Openai, Vertex};
    for api in [Openai, Gemini, Vertex, Cohere, Ollama, Bedrock] {
        let target = Target { model: "cohere.embed-v4:0", quirks: &Quirks::default() };
        if let Ok(asked) = embed::request(front, api, body, target) {
            assert!(serde_json::from_slice::<Value>(&asked.body).is_ok());
            drop(asked.retelling.answer(body));
        }
    }
}
