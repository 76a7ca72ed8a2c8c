//! One API's bytes, as a provider's stream, as its whole answer and as a caller's request, for every API on the other side.

use wire::api::Api;
use wire::chat::{Answer, BlockKind, Choice, Content, Event, Finish, replay};

use crate::pair::{assemble, ends_properly, events, in_order, read, translated, translation};
use crate::pieces::pieces;
use crate::said::Said;
use crate::{requests, usage};

/// Checks the bytes.
pub fn check(api: Api, bytes: &[u8]) {
    stream(api, bytes);
    answer(api, bytes);
    usage::check(api, bytes);
    if Api::FRONTS.contains(&api) {
        requests::check(api, bytes);
    }
}

/// Those whose answers are translated.
fn callers(provider: Api) -> impl Iterator<Item = Api> {
    Api::FRONTS.into_iter().filter(move |front| *front != provider)
}

/// A provider's stream is the same in any pieces, its events keep their order, and every caller's stream of it ends properly and
/// says the same.
fn stream(provider: Api, bytes: &[u8]) {
    let whole = events(provider, std::iter::once(bytes));
    assert_eq!(events(provider, pieces(bytes)), whole, "in pieces");
    in_order(&whole);
    // Words of several blocks at a time are in the order of their coming to some callers, in that of the blocks to others.
    let mixed = mixes_words(&whole);
    let answer = assemble(whole);
    for front in callers(provider) {
        let way = translation(front, provider);
        let (out, complete) = translated(&way, std::iter::once(bytes));
        assert_eq!(translated(&way, pieces(bytes)), (out.clone(), complete), "in pieces, to {}", front.name());
        assert_eq!(complete, answer.is_ok(), "to {}", front.name());
        // Responses tell of a failure at the end as of any other.
        let failed = front == Api::OpenaiResponses && answer.as_ref().is_ok_and(has_failed);
        if let Err(how) = ends_properly(front, &out, complete)
            && !failed
        {
            panic!("to {}: {how}", front.name());
        }
        if let (Ok(answer), Ok(back), false) = (&answer, read(front, &out), mixed) {
            says_the_same(front, answer, &back);
        }
        let assembled = way.stream_as_answer(bytes);
        assert_eq!(assembled.is_ok(), answer.is_ok(), "as an answer, to {}: {:?}", front.name(), assembled.err());
    }
}

/// A provider's whole answer says the same to every caller, whole and as a stream.
fn answer(provider: Api, bytes: &[u8]) {
    let Ok(answer) = provider.decode_answer(bytes) else { return };
    assert_eq!(assemble(replay(answer.clone())).expect("a whole stream").choices.len(), answer.choices.len());
    for front in callers(provider) {
        let way = translation(front, provider);
        let (written, seen) = way.answer(bytes).expect("an answer");
        assert_eq!(seen.usage, answer.usage);
        let back = front.decode_answer(&written).unwrap_or_else(|error| panic!("to {}: {error}", front.name()));
        says_the_same(front, &answer, &back);
        let (streamed, _) = way.answer_as_stream(bytes).expect("an answer");
        if front == Api::OpenaiResponses && has_failed(&answer) {
            continue;
        }
        let back = read(front, &streamed).unwrap_or_else(|error| panic!("to {}: {error:?}", front.name()));
        says_the_same(front, &answer, &back);
    }
}

fn has_failed(answer: &Answer) -> bool {
    answer.choices.iter().any(|choice| matches!(choice.finish, Finish::Failed(_)))
}

/// Whether a block begins while another one of words is open.
fn mixes_words(events: &[Event]) -> bool {
    let mut open = Vec::new();
    events.iter().any(|event| match event {
        Event::BlockStart { block, kind, .. } => {
            let mixes = !open.is_empty();
            if matches!(kind, BlockKind::Text | BlockKind::Refusal | BlockKind::Thinking) {
                open.push(*block);
            }
            mixes
        }
        Event::BlockStop { block } => {
            open.retain(|number| number != block);
            false
        }
        _ => false,
    })
}

fn says_the_same(front: Api, answer: &Answer, back: &Answer) {
    // Choices are numbered from 0; others have no reader.
    if answer.choices.first().is_some_and(|choice| choice.index != 0) {
        return;
    }
    // A call of nothing cannot be told apart from the next one.
    let mut parts = answer.choices.iter().flat_map(|choice| &choice.parts);
    if parts.any(|part| matches!(&part.content, Content::ToolCall { name, .. } if name.is_empty())) {
        return;
    }
    // A reader of chunks takes a call whose object is whole, by its braces, for complete once the next one begins; what comes behind is
    // lost to it. Arguments that are no JSON are nobody's anyway.
    let mut parts = answer.choices.iter().flat_map(|choice| &choice.parts);
    if front == Api::OpenaiChat
        && parts.any(|part| matches!(&part.content, Content::ToolCall { arguments, .. } if !is_one_value(arguments)))
    {
        return;
    }
    let (mut found, mut wanted) = (Said::to(front, back), Said::to(front, answer));
    // For words that are new, or that tell of a failure, there may be none that comes near.
    let odd = |choice: &Choice| matches!(choice.finish, Finish::Other(_) | Finish::Failed(_));
    if answer.choices.iter().any(odd) {
        (found, wanted) = (found.without_finish(), wanted.without_finish());
    }
    assert_eq!(found, wanted, "to {}", front.name());
}

/// Whether arguments are one JSON value, or none at all.
fn is_one_value(arguments: &str) -> bool {
    arguments.is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(arguments).is_ok()
}
