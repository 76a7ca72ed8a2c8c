//! Recorded requests of callers of every API, written for providers of every API.
//!
//! What is not compared: requests that nobody answered; those that need what is stored elsewhere (state, files, a model in the
//! address); conversations and tools of which something is noted as lost.

use wire::api::{Api, Path, Quirks, Target};
use wire::chat::{Names, Request};
use wire_fuzz::pair::model;

use crate::asked::{Asked, is_lost, without_losses};
use crate::recordings::{Faults, compared, of};

const PATH: Path<'static> = Path { model: Some("m"), stream: Some(false) };

fn every_provider_takes(front: Api, at_least: usize) {
    let mut read = 0;
    let mut faults = Faults::default();
    for case in of(front) {
        let (Some(body), was_taken) = (case.question(), case.is_good()) else { continue };
        let request = match front.decode_request(body.to_string().as_bytes(), PATH) {
            Ok(request) => request,
            Err(error) => {
                let state = ["prompt", "previous_response_id", "conversation", "model"];
                let elsewhere = error.field.as_deref().is_some_and(|field| state.contains(&field));
                faults.check(!was_taken || elsewhere, || format!("{}: {error}", case.name));
                continue;
            }
        };
        if !was_taken {
            continue;
        }
        read += 1;
        for provider in Api::ALL.into_iter().filter(|provider| *provider != front) {
            compare(&format!("{} to {}", case.name, provider.name()), &request, provider, &mut faults);
        }
    }
    compared(read, at_least, &format!("requests of {}", front.name()));
    faults.none();
}

fn compare(place: &str, request: &Request, provider: Api, faults: &mut Faults) {
    let quirks = Quirks { images_in_results: true, ..Quirks::default() };
    let encoded = match provider.encode_request(request, Target { model: model(provider), quirks: &quirks }) {
        Ok(encoded) => encoded,
        Err(error) => return faults.check(may_refuse(request), || format!("{place}: {error}")),
    };
    if !Api::FRONTS.contains(&provider) {
        return faults.check(serde_json::from_slice::<serde_json::Value>(&encoded.body).is_ok(), || place.to_owned());
    }
    let back = match provider.decode_request(&encoded.body, PATH) {
        Ok(back) => back,
        Err(error) => return faults.check(false, || format!("{place}, read again: {error}")),
    };
    let lossy = is_lost(&encoded.losses, "messages") || is_lost(&encoded.losses, "tools");
    if lossy || !encoded.custom.is_empty() {
        return;
    }
    let mut wanted = Asked::by(request, &Names::default());
    let mut found = Asked::by(&back, &encoded.names);
    if let Some(made_up) = &encoded.output_tool {
        found.tools.retain(|(name, ..)| name != made_up);
    }
    if request.tools.is_empty() {
        // Made up for the calls of the history.
        found.tools.clear();
    }
    for asked in [&mut wanted, &mut found] {
        without_losses(asked, request, provider, &encoded);
    }
    let losses = encoded.losses.fields();
    faults.check(wanted == found, || format!("{place} (lost: {losses})\n  {wanted:?}\n  {found:?}"));
}

/// Files lie at another provider, and some providers of Claude's take results of calls that nobody made.
fn may_refuse(request: &Request) -> bool {
    let asked = Asked::by(request, &Names::default());
    asked.has_files || asked.results.iter().any(|(call, _)| call.is_none())
}

#[test]
fn chat_completions() {
    every_provider_takes(Api::OpenaiChat, 200);
}

#[test]
fn responses() {
    every_provider_takes(Api::OpenaiResponses, 50);
}

#[test]
fn messages() {
    every_provider_takes(Api::Anthropic, 50);
}

#[test]
fn gemini() {
    every_provider_takes(Api::Gemini, 50);
}
