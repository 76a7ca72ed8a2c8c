//! Recorded streams of every provider's API, given to callers of every API: whole, in pieces and cut off.

use serde_json::Value;
use wire::api::{Api, StreamDecoder};
use wire::chat::{Answer, Assembly, Event, StreamError};
use wire::translate::Translation;

use crate::recorded::{Faults, cases, translation};
use crate::said::Said;

/// What the caller gets of a stream that comes in pieces of `size` bytes, and whether it was complete.
pub fn translated(translation: &Translation, bytes: &[u8], size: usize) -> (Vec<u8>, bool) {
    let mut stream = translation.stream().expect("a caller's API");
    let mut out = Vec::new();
    bytes.chunks(size).for_each(|piece| stream.push(piece, &mut out));
    let failed = stream.observed().error;
    let complete = stream.finish(&mut out) && !failed;
    assert!(stream.is_over());
    (out, complete)
}

fn read(api: Api, stream: &[u8]) -> Result<Answer, StreamError> {
    let mut decoder = StreamDecoder::new(api);
    let mut events = Vec::new();
    decoder.push(stream, &mut events);
    decoder.finish(&mut events);
    let mut assembly = Assembly::default();
    events.into_iter().for_each(|event: Event| assembly.push(event));
    assembly.finish()
}

/// How often a caller's stream says that it failed.
pub fn errors(stream: &[u8]) -> usize {
    let text = String::from_utf8_lossy(stream);
    let documents = text.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    documents.filter(|document| document["error"].is_object() || document["type"] == "error").count()
}

/// Whether the caller's stream is complete, or ends with an error, and only one.
fn ends_properly(front: Api, out: &[u8], complete: bool) -> Result<(), String> {
    let (told, found) = (errors(out), read(front, out));
    match (complete, found) {
        (true, Ok(_)) if told == 0 => Ok(()),
        (false, Err(_)) if told == 1 => Ok(()),
        (_, found) => {
            let tail = String::from_utf8_lossy(&out[out.len().saturating_sub(500)..]).into_owned();
            Err(format!("complete: {complete}, {told} errors, {:?}: {tail}", found.err()))
        }
    }
}

fn compare(case: &str, front: Api, provider: Api, stream: &[u8], faults: &mut Faults) {
    let place = format!("{case} to {}", front.name());
    let translation = translation(front, provider);
    let (out, complete) = translated(&translation, stream, 4096);
    // Single bytes for one caller: how a stream is cut is the decoder's business, and the same for all.
    let sizes: &[usize] = if front == Api::OpenaiChat { &[1, 13] } else { &[13] };
    for &size in sizes {
        let same = translated(&translation, stream, size) == (out.clone(), complete);
        faults.check(same, || format!("{place}: pieces of {size} bytes make another stream"));
    }
    if let Err(how) = ends_properly(front, &out, complete) {
        faults.check(false, || format!("{place}: {how}"));
        return;
    }
    match (read(provider, stream), read(front, &out)) {
        (Ok(answer), Ok(back)) => {
            let (wanted, found) = (Said::to(front, &answer), Said::to(front, &back));
            faults.check(wanted == found, || format!("{place}\n  {wanted:?}\n  {found:?}"));
        }
        (wanted, found) => faults.check(wanted.is_err() == found.is_err(), || format!("{place}: {wanted:?} {found:?}")),
    }
}

/// Cut off at several places, for the callers in turn.
fn cut(case: &str, provider: Api, stream: &[u8], faults: &mut Faults) {
    const CUTS: usize = 20;
    for number in 0..CUTS {
        let front = Api::FRONTS[number % Api::FRONTS.len()];
        let end = stream.len() * number / CUTS;
        let (out, complete) = translated(&translation(front, provider), &stream[..end], 4096);
        if let Err(how) = ends_properly(front, &out, complete) {
            faults.check(false, || format!("{case} cut after {end} bytes, to {}: {how}", front.name()));
        }
    }
}

fn every_caller_reads(provider: Api, at_least: usize) {
    let Some(cases) = cases(provider) else { return };
    let mut compared = 0;
    let mut faults = Faults::default();
    for case in cases {
        let Some(stream) = case.stream() else { continue };
        compared += 1;
        for front in Api::FRONTS {
            compare(&case.name, front, provider, &stream, &mut faults);
        }
        cut(&case.name, provider, &stream, &mut faults);
    }
    eprintln!("{compared} streams of {}", provider.name());
    assert!(compared >= at_least, "only {compared} streams");
    faults.none();
}

#[test]
fn chat_completions() {
    every_caller_reads(Api::OpenaiChat, 190);
}

#[test]
fn responses() {
    every_caller_reads(Api::OpenaiResponses, 30);
}

#[test]
fn messages() {
    every_caller_reads(Api::Anthropic, 30);
}

#[test]
fn gemini() {
    every_caller_reads(Api::Gemini, 30);
}

#[test]
fn bedrock() {
    every_caller_reads(Api::Bedrock, 30);
}

#[test]
fn cohere() {
    every_caller_reads(Api::Cohere, 5);
}

#[test]
fn ollama() {
    every_caller_reads(Api::Ollama, 5);
}
