//! Recorded streams of every provider's API, given to callers of every API: whole, in pieces and cut off.

use wire::api::Api;
use wire_fuzz::pair::{ends_properly, read, translated, translation};
use wire_fuzz::said::Said;

use crate::recordings::{Faults, compared, of};

fn compare(case: &str, front: Api, provider: Api, stream: &[u8], faults: &mut Faults) {
    let place = format!("{case} to {}", front.name());
    let translation = translation(front, provider);
    let (out, complete) = translated(&translation, stream.chunks(4096));
    // Single bytes for one caller: how a stream is cut is the decoder's business, and the same for all.
    let sizes: &[usize] = if front == Api::OpenaiChat { &[1, 13] } else { &[13] };
    for &size in sizes {
        let same = translated(&translation, stream.chunks(size)) == (out.clone(), complete);
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
        let (out, complete) = translated(&translation(front, provider), stream[..end].chunks(4096));
        if let Err(how) = ends_properly(front, &out, complete) {
            faults.check(false, || format!("{case} cut after {end} bytes, to {}: {how}", front.name()));
        }
    }
}

fn every_caller_reads(provider: Api, at_least: usize) {
    let mut seen = 0;
    let mut faults = Faults::default();
    for case in of(provider) {
        let Some(stream) = case.stream() else { continue };
        seen += 1;
        for front in Api::FRONTS {
            compare(&case.name, front, provider, &stream, &mut faults);
        }
        cut(&case.name, provider, &stream, &mut faults);
    }
    compared(seen, at_least, &format!("streams of {}", provider.name()));
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
