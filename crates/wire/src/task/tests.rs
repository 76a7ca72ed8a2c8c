use domain::provider::Dialect;

use super::*;
use crate::scan::ScanErrorKind;

fn seen(task: Task, body: &str) -> Option<Usage> {
    consumed(task, Dialect::Openai, body.as_bytes()).usage
}

#[test]
fn a_path_tells_the_task() {
    for (path, wanted) in [
        ("embeddings", Some(Task::Embeddings)),
        ("v1/images/edits", Some(Task::ImageEdits)),
        ("openai/v1/audio/transcriptions", Some(Task::Transcriptions)),
        ("v1/batches/b1", Some(Task::Batches)),
        ("v1/batches/b1/cancel", Some(Task::Batches)),
        ("v1/files/f/content", Some(Task::Files)),
        ("v1/embeddings/x", None),
        ("v1/chat/completions", None),
        ("profiles", None),
    ] {
        assert_eq!(Task::of_path(path), wanted, "{path}");
    }
}

#[test]
fn what_is_not_counted_in_tokens_is_counted() {
    let images = r#"{"created":1,"data":[{"b64_json":"aGk="},{"url":"u"}]}"#;
    assert_eq!(seen(Task::Images, images), Some(Usage { images: 2, ..Usage::default() }));
    let tokens = r#"{"data":[{}],"usage":{"input_tokens":76,"input_tokens_details":{"image_tokens":64,"text_tokens":12},"output_tokens":120}}"#;
    let wanted = Usage { input: 76, image_input: 64, output: 120, images: 1, ..Usage::default() };
    assert_eq!(seen(Task::ImageEdits, tokens), Some(wanted));
    assert_eq!(seen(Task::Images, r#"{"error":{"message":"no"}}"#), None);

    let seconds = |count| Some(Usage { audio_seconds: count, ..Usage::default() });
    assert_eq!(seen(Task::Transcriptions, r#"{"text":"a","usage":{"type":"duration","seconds":7}}"#), seconds(7));
    assert_eq!(seen(Task::AudioTranslations, r#"{"text":"a","duration":5.489}"#), seconds(6));
    assert_eq!(seen(Task::Transcriptions, r#"{"text":"a"}"#), None);
    let mistral = r#"{"text":"a","usage":{"prompt_audio_seconds":3,"prompt_tokens":5,"completion_tokens":11,"prompt_tokens_details":{"audio_tokens":375}}}"#;
    let wanted = Usage { input: 5, audio_input: 375, output: 11, audio_seconds: 3, ..Usage::default() };
    assert_eq!(seen(Task::Transcriptions, mistral), Some(wanted));

    let cohere = r#"{"results":[],"meta":{"billed_units":{"search_units":1}}}"#;
    assert_eq!(seen(Task::Rerank, cohere), Some(Usage { searches: 1, ..Usage::default() }));
    assert_eq!(
        seen(Task::Rerank, r#"{"data":[{}],"usage":{"total_tokens":43}}"#).map(|usage| (usage.input, usage.images)),
        Some((43, 0))
    );
}

#[test]
fn a_batch_that_is_looked_at_costs_nothing_again() {
    let batch = r#"{"id":"batch_1","model":"gpt-5-nano","usage":{"input_tokens":36,"output_tokens":224,"cost":0.5}}"#;
    let observed = consumed(Task::Batches, Dialect::Openai, batch.as_bytes());
    assert_eq!((observed.usage, observed.charged, observed.finished), (None, None, true));
}

#[test]
fn the_gateway_counts_what_is_to_be_spoken() {
    let count = |body: &str| {
        let counted = own_count(Task::Speech, body.as_bytes());
        counted.map(|usage| usage.map(|usage| usage.characters)).map_err(|error| error.kind)
    };
    assert_eq!(count(r#"{"model":"tts-1","input":"h\u00e9llo"}"#), Ok(Some(5)));
    assert_eq!(count(r#"{"input":5}"#), Ok(None));
    assert_eq!(
        count(r#"{"input":"short","x":{"input":"y"},"input":"much longer"}"#),
        Err(ScanErrorKind::Duplicate("input"))
    );
    assert_eq!(count(r#"{"input":"short","\u0069nput":"much longer"}"#), Err(ScanErrorKind::EscapedKey("input")));
    let embeddings = own_count(Task::Embeddings, br#"{"input":"some words"}"#).expect("nothing is looked for");
    assert!(embeddings.is_some_and(|usage| usage.input > 0));
    assert_eq!(own_count(Task::Images, b"{}"), Ok(None));
}

#[test]
fn size_and_quality_are_read() {
    let size = |text: &str| Some(text.to_owned());
    let json = size_of_json(br#"{"size":"1024x1024","quality":"hd","n":2}"#).expect("one of each");
    assert_eq!((json.size, json.quality), (size("1024x1024"), size("hd")));
    let long = format!(r#"{{"size":"{}","quality":1}}"#, "x".repeat(33));
    assert_eq!(size_of_json(long.as_bytes()), Ok(Size::default()));
    for (body, kind) in [
        (r#"{"size":"256x256","size":"1792x1024"}"#, ScanErrorKind::Duplicate("size")),
        (r#"{"quality":"low","qualit\u0079":"hd"}"#, ScanErrorKind::EscapedKey("quality")),
    ] {
        assert_eq!(size_of_json(body.as_bytes()).map_err(|error| error.kind), Err(kind), "{body}");
    }
}
