//! Recorded answers of every provider's API, given to callers of every API.

use wire::api::Api;
use wire_fuzz::pair::translation;
use wire_fuzz::said::Said;

use crate::recordings::{Faults, compared, of};

fn every_caller_reads(provider: Api, at_least: usize) {
    let mut read = 0;
    let mut faults = Faults::default();
    for case in of(provider) {
        let Some(body) = case.answer().map(|body| body.to_string().into_bytes()) else { continue };
        let Ok(answer) = provider.decode_answer(&body) else { continue };
        read += 1;
        for front in Api::FRONTS {
            let place = format!("{} to {}", case.name, front.name());
            let (written, observed) = translation(front, provider).answer(&body).expect("an answer");
            assert_eq!(observed.usage, answer.usage, "{place}");
            match front.decode_answer(&written) {
                Ok(back) => {
                    let (wanted, found) = (Said::to(front, &answer), Said::to(front, &back));
                    faults.check(wanted == found, || format!("{place}\n  {wanted:?}\n  {found:?}"));
                }
                Err(error) => faults.check(false, || format!("{place}: {error}")),
            }
        }
    }
    compared(read, at_least, &format!("answers of {}", provider.name()));
    faults.none();
}

#[test]
fn chat_completions() {
    every_caller_reads(Api::OpenaiChat, 200);
}

#[test]
fn responses() {
    every_caller_reads(Api::OpenaiResponses, 50);
}

#[test]
fn messages() {
    every_caller_reads(Api::Anthropic, 50);
}

#[test]
fn gemini() {
    every_caller_reads(Api::Gemini, 50);
}

#[test]
fn bedrock() {
    every_caller_reads(Api::Bedrock, 40);
}

#[test]
fn cohere() {
    every_caller_reads(Api::Cohere, 10);
}

#[test]
fn ollama() {
    every_caller_reads(Api::Ollama, 9);
}
