//! The endpoints beside chat: what goes out, what comes back, what is written down.

use bytes::Bytes;
use domain::ledger::{CacheStatus, Outcome, Payload, Surface};
use domain::usage::UsageSource;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::*;

const COMPAT: &str = "/v1/acme/main/compat/";
const VECTORS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5, 1e-05]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
const WAV: &str = "RIFF\0\0WAVE\r\n--not\r\n";

fn at(path: &str) -> String {
    format!("{COMPAT}{path}")
}

/// A form with a recording and these fields.
fn form(path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut body = format!(
        "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n{WAV}\r\n"
    );
    for (name, value) in fields {
        body += &format!("--b1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += "--b1--\r\n";
    and(post(path, &body), &[("content-type", "multipart/form-data; boundary=b1")])
}

/// Adds keys for more providers, all of which are the scripted one.
fn with_keys(world: &mut World, providers: &[&str]) {
    let url = world.upstream.url();
    world.change(|config| {
        for (id, provider) in (100..).zip(providers) {
            config.teams[0].provider_keys.push(key(id, provider, &url));
        }
    });
}

fn limit_models(world: &mut World, models: &[&str]) {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(models));
}

fn payload(world: &World) -> Payload {
    world.ledger.rows.lock().expect("free").last().and_then(|(_, payload)| payload.clone()).expect("a payload")
}

fn sent(world: &World) -> Value {
    serde_json::from_str(&world.upstream.call().body).expect("JSON")
}

#[tokio::test]
async fn embeddings_pass_untouched_and_are_priced() {
    let world = World::answering(200, VECTORS).await;
    let question = r#"{ "input" : ["hi"], "model":"openai/text-embedding-3-small", "odd": 1.50 }"#;
    for path in [at("embeddings"), at("v1/embeddings")] {
        let read = world.send(post(&path, question)).await;
        assert_eq!((read.status, read.body.as_str()), (200, VECTORS));
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!(call.target, "/v1/embeddings");
        assert_eq!(call.body, question.replace("openai/", ""));
        let row = world.rows().pop().expect("a row");
        assert_eq!((row.surface, row.usage.input, row.usage_source), (Surface::Embeddings, 8, UsageSource::Reported));
        // 8 × $0.02 for a million tokens.
        assert_eq!(row.cost.map(|cost| cost.0), Some(160));
    }
}

#[tokio::test]
async fn a_bare_models_provider_is_found_and_the_answer_is_kept() {
    let mut world = World::answering(200, VECTORS).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    let question = r#"{"input":"hi","model":"text-embedding-3-small"}"#;
    for status in [CacheStatus::Miss, CacheStatus::Hit] {
        assert_eq!(world.send(post(&at("embeddings"), question)).await.body, VECTORS);
        let row = world.rows().pop().expect("a row");
        assert_eq!((row.cache, row.provider.as_deref()), (status, Some("openai")));
    }
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn openais_embeddings_are_answered_by_google_cohere_and_ollama() {
    for (model, path, answer, price) in [
        (
            "google-ai-studio/gemini-embedding-001",
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            r#"{"embeddings":[{"values":[0.5]}],"usageMetadata":{"promptTokenCount":1000}}"#,
            Some(150_000),
        ),
        (
            "cohere/embed-v4.0",
            "/v2/embed",
            r#"{"id":"e","embeddings":{"float":[[0.5]]},"meta":{"billed_units":{"input_tokens":1000}}}"#,
            Some(120_000),
        ),
        (
            "ollama/nomic-embed-text",
            "/api/embed",
            r#"{"model":"n","embeddings":[[0.5]],"prompt_eval_count":1000}"#,
            Some(0),
        ),
    ] {
        let mut world = World::new(move |_| Answer::json(200, answer)).await;
        with_keys(&mut world, &["cohere", "ollama"]);
        let read = world.send(post(&at("embeddings"), &json!({ "model": model, "input": ["hi"] }).to_string())).await;
        let answer = read.json();
        assert_eq!((&answer["object"], &answer["data"][0]["embedding"]), (&json!("list"), &json!([0.5])), "{model}");
        assert_eq!(answer["usage"]["prompt_tokens"], 1000);
        assert_eq!(world.upstream.call().target, path);
        let row = world.row();
        assert_eq!((row.usage.input, row.usage_source, row.outcome), (1000, UsageSource::Reported, Outcome::Ok));
        assert_eq!(row.cost.map(|cost| cost.0), price, "{model}");
        assert_eq!(
            row.model.as_deref(),
            model.split_once('/').map(|(_, model)| if model == "nomic-embed-text" { "n" } else { model })
        );
    }
}

#[tokio::test]
async fn what_a_provider_does_not_count_is_estimated_and_marked() {
    let world = World::answering(200, r#"{"embeddings":[{"values":[0.5]}]}"#).await;
    let words = "four words of text, ".repeat(10);
    let body = json!({ "model": "google-ai-studio/gemini-embedding-001", "input": words }).to_string();
    let read = world.send(post(&at("embeddings"), &body)).await;
    assert_eq!(read.json()["usage"]["prompt_tokens"], 50);
    let row = world.row();
    assert_eq!((row.usage.input, row.usage_source), (50, UsageSource::Estimated));
    assert!(row.cost.is_some_and(|cost| cost.0 > 0));
}

#[tokio::test]
async fn geminis_embeddings_are_answered_by_google_and_by_openai() {
    let gemini = r#"{"embeddings":[{"values":[0.5]}],"usageMetadata":{"promptTokenCount":3}}"#;
    let world =
        World::new(move |seen| Answer::json(200, if seen.target.contains("models/") { gemini } else { VECTORS })).await;
    let body = r#"{"requests":[{"model":"models/google-ai-studio/gemini-embedding-001", "content":{"parts":[{"text":"hi"}]}}]}"#;
    let path = at("v1beta/models/google-ai-studio/gemini-embedding-001:batchEmbedContents");
    assert_eq!(world.send(post(&path, body)).await.body, gemini);
    let call = world.upstream.calls().remove(0);
    assert_eq!(call.target, "/v1beta/models/gemini-embedding-001:batchEmbedContents");
    assert_eq!(call.body, body.replace("google-ai-studio/", ""));
    assert_eq!(world.row().usage.input, 3);

    let path = at("v1beta/models/openai/text-embedding-3-small:embedContent");
    let read = world.send(post(&path, r#"{"content":{"parts":[{"text":"hi"}]},"outputDimensionality":2}"#)).await;
    assert_eq!(
        read.json(),
        json!({ "embedding": { "values": [0.5, 1e-05] }, "usageMetadata": { "promptTokenCount": 8 } })
    );
    let call = world.upstream.calls().remove(1);
    assert_eq!(call.target, "/v1/embeddings");
    assert_eq!(
        call.body,
        r#"{"model":"text-embedding-3-small","input":["hi"],"dimensions":2,"encoding_format":"float"}"#
    );
    let refused = world.send(post(&path, r#"{"content":{}}"#)).await;
    assert_eq!(
        (refused.status, refused.json()["error"]["status"].clone()),
        (200, Value::Null),
        "an empty text is a text"
    );
    let refused = world.send(post(&path, "{}")).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_request"));
}

#[tokio::test]
async fn a_recording_is_written_down_and_its_model_found_in_the_form() {
    let answer = r#"{"text":"hello","usage":{"type":"duration","seconds":90}}"#;
    let world = World::answering(200, answer).await;
    let fields = [("model", "openai/whisper-1"), ("language", "en")];
    let read = world.send(form(&at("audio/transcriptions"), &fields)).await;
    assert_eq!((read.status, read.body.as_str()), (200, answer));
    let call = world.upstream.call();
    let whole = form("/", &[("model", "whisper-1"), ("language", "en")]);
    let whole = http_body_util::BodyExt::collect(whole.into_body()).await.expect("a body").to_bytes();
    assert_eq!((call.target.as_str(), call.body.as_bytes()), ("/v1/audio/transcriptions", &whole[..]));
    assert_eq!(call.headers["content-length"], whole.len().to_string());
    assert_eq!(call.headers["content-type"], "multipart/form-data; boundary=b1");
    let row = world.row();
    assert_eq!((row.surface, row.usage.audio_seconds), (Surface::Transcriptions, 90));
    assert_eq!(row.model.as_deref(), Some("whisper-1"));
    // $0.36 an hour.
    assert_eq!(
        (row.cost.map(|cost| cost.0), row.cost_formula.lines[0].what.as_str()),
        (Some(9_000_000), "audio_seconds")
    );
    let payload = payload(&world);
    let kept = String::from_utf8(payload.request.to_vec()).expect("text");
    assert_eq!(kept, format!("file: ({} bytes, audio/wav)\nmodel: openai/whisper-1\nlanguage: en\n", WAV.len()));
    assert!(payload.request_cut);
}

#[tokio::test]
async fn a_form_that_two_parsers_may_read_differently_is_refused() {
    let mut world = World::answering(200, "{}").await;
    let path = at("audio/transcriptions");
    for fields in [
        &[("model", "openai/whisper-1"), ("model", "openai/gpt-4o-transcribe")][..],
        &[("model", "openai/whisper-1"), ("Model", "x")],
        &[("model[]", "openai/whisper-1")],
    ] {
        let read = world.send(form(&path, fields)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_request"));
        assert_eq!(read.json()["error"]["param"], "model");
    }
    assert_eq!(world.send(form(&path, &[("language", "en")])).await.code(), "model_required");
    let broken = and(post(&path, "--b1\r\n"), &[("content-type", "multipart/form-data; boundary=b1")]);
    assert_eq!(world.send(broken).await.code(), "invalid_request");
    let text = and(post(&path, "x"), &[("content-type", "text/plain")]);
    let read = world.send(text).await;
    assert_eq!(read.code(), "unsupported_content_type");
    assert!(read.body.contains("multipart/form-data"), "{}", read.body);
    limit_models(&mut world, &["whisper-1"]);
    assert_eq!(world.send(form(&path, &[("model", "openai/gpt-4o-transcribe")])).await.code(), "token_not_allowed");
    let fallback = [("model", "openai/whisper-1"), ("models[]", "gpt-4o-transcribe")];
    assert_eq!(world.send(form(&path, &fallback)).await.code(), "token_not_allowed");
    assert!(world.upstream.calls().is_empty());
    assert_eq!(world.send(form(&path, &[("model", "openai/whisper-1")])).await.status, 200);
}

#[tokio::test]
async fn a_transcript_may_come_as_a_stream() {
    let events = "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"hel\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"hello\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":54,\"input_token_details\":{\"audio_tokens\":54},\"output_tokens\":16}}\n\n";
    let world = World::new(move |_| Answer::events(events)).await;
    let read =
        world.send(form(&at("audio/transcriptions"), &[("model", "gpt-4o-transcribe"), ("stream", "true")])).await;
    assert_eq!(read.body, events);
    let row = world.row();
    assert_eq!((row.streamed, row.usage.input, row.usage.audio_input, row.usage.output), (true, 54, 54, 16));
    // 54 × $6 and 16 × $10 for a million.
    assert_eq!(row.cost.map(|cost| cost.0), Some(484_000));
}

#[tokio::test]
async fn speech_is_priced_by_its_characters_and_never_kept_as_text() {
    let world = World::new(|_| Answer::whole(200, "audio/mpeg", "ID3\0\u{1}\0")).await;
    let body = r#"{"model":"openai/tts-1","voice":"alloy","input":"h\u00e9llo"}"#;
    let read = world.send(post(&at("audio/speech"), body)).await;
    assert_eq!((read.body.as_str(), read.header("content-type")), ("ID3\0\u{1}\0", Some("audio/mpeg")));
    let row = world.row();
    assert_eq!((row.usage.characters, row.usage_source), (5, UsageSource::Estimated));
    // $15 for a million characters.
    assert_eq!(row.cost.map(|cost| cost.0), Some(75_000));
    let payload = payload(&world);
    assert_eq!((payload.response.as_ref(), payload.response_cut), (&b""[..], true));
    // What is billed by tokens nobody reports has no known cost.
    world.send(post(&at("audio/speech"), &body.replace("tts-1", "gpt-4o-mini-tts"))).await;
    let row = world.rows().pop().expect("a row");
    assert_eq!((row.usage.characters, row.cost), (5, None));
}

#[tokio::test]
async fn what_a_price_hangs_on_is_said_once_and_plainly() {
    let world = World::answering(200, "{}").await;
    for (path, body, field) in [
        ("audio/speech", r#"{"model":"openai/tts-1","input":"a","input":"far longer"}"#, "input"),
        ("audio/speech", r#"{"model":"openai/tts-1","input":"a","\u0069nput":"far longer"}"#, "input"),
        ("images/generations", r#"{"model":"openai/dall-e-3","size":"1024x1024","size":"1792x1024"}"#, "size"),
        ("images/edits", r#"{"model":"openai/dall-e-3","quality":"standard","q\u0075ality":"hd"}"#, "quality"),
    ] {
        let read = world.send(post(&at(path), body)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_json"), "{body}");
        assert_eq!(read.json()["error"]["param"], field);
    }
    for (name, field) in [("size", "size"), ("Size", "size"), ("quality[]", "quality")] {
        let fields = [("model", "openai/dall-e-2"), (field, "x"), (name, "y")];
        let read = world.send(form(&at("images/edits"), &fields)).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_request"), "{name}");
        assert_eq!(read.json()["error"]["param"], field);
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn pictures_are_priced_by_tokens_or_by_the_piece() {
    let world = World::new(|seen| {
        let usage = r#","usage":{"input_tokens":76,"input_tokens_details":{"image_tokens":64,"text_tokens":12},"output_tokens":120}"#;
        let usage = if seen.body.contains("gpt-image") { usage } else { "" };
        Answer::json(200, &format!(r#"{{"created":1,"data":[{{"url":"u"}},{{"url":"v"}}]{usage}}}"#))
    })
    .await;
    let body = r#"{"model":"openai/dall-e-3","prompt":"a cat","n":2,"size":"1792x1024","quality":"hd"}"#;
    assert_eq!(world.send(post(&at("images/generations"), body)).await.status, 200);
    let row = world.row();
    assert_eq!((row.surface, row.usage.images, row.cost.map(|cost| cost.0)), (Surface::Images, 2, Some(240_000_000)));
    let edit = form(&at("images/edits"), &[("prompt", "green"), ("model", "openai/gpt-image-2")]);
    assert_eq!(world.send(edit).await.status, 200);
    let row = world.rows().pop().expect("a row");
    assert_eq!((row.usage.images, row.usage.image_input), (2, 64));
    assert_eq!(row.cost.map(|cost| cost.0), Some(12 * 5_000 + 64 * 8_000 + 120 * 30_000));
    assert_eq!(world.upstream.calls().pop().map(|call| call.target), Some("/v1/images/edits".into()));
}

#[tokio::test]
async fn moderation_needs_no_model_and_is_free() {
    let world =
        World::answering(200, r#"{"id":"m","model":"omni-moderation-latest","results":[{"flagged":false}]}"#).await;
    assert_eq!(world.send(post(&at("moderations"), r#"{"input":"hi"}"#)).await.status, 200);
    let row = world.row();
    assert_eq!((row.surface, row.provider.as_deref()), (Surface::Moderations, Some("openai")));
    assert_eq!(row.cost.map(|cost| cost.0), Some(0));
}

#[tokio::test]
async fn a_ranking_serves_cohere_and_jina_whoever_answers() {
    let voyage = r#"{"object":"list","data":[{"relevance_score":0.7,"index":1}],"model":"rerank-2.5","usage":{"total_tokens":1000}}"#;
    let cohere =
        r#"{"id":"r","results":[{"index":1,"relevance_score":0.7}],"meta":{"billed_units":{"search_units":2}}}"#;
    let mut world =
        World::new(move |seen| Answer::json(200, if seen.target == "/v2/rerank" { cohere } else { voyage })).await;
    with_keys(&mut world, &["cohere", "voyage"]);
    let ask = |model: &str| json!({ "model": model, "query": "q", "documents": ["a", "b"], "top_n": 1 }).to_string();
    let read = world.send(post(&at("v2/rerank"), &ask("voyage/rerank-2.5"))).await;
    let answer = read.json();
    assert_eq!((&answer["results"][0]["index"], &answer["usage"]["total_tokens"]), (&json!(1), &json!(1000)));
    assert_eq!(
        sent(&world),
        json!({ "model": "rerank-2.5", "query": "q", "documents": ["a", "b"], "top_k": 1, "return_documents": false })
    );
    // $0.05 for a million tokens.
    assert_eq!(world.row().cost.map(|cost| cost.0), Some(50_000));
    let read = world.send(post(&at("rerank"), &ask("rerank-v3.5"))).await;
    assert_eq!(read.body, cohere);
    let row = world.rows().pop().expect("a row");
    assert_eq!((row.provider.as_deref(), row.usage.searches), (Some("cohere"), 2));
    // $2 for a thousand.
    assert_eq!(row.cost.map(|cost| cost.0), Some(4_000_000));
}

#[tokio::test]
async fn files_and_batches_go_to_a_provider_that_is_named_or_clear() {
    let mut world =
        World::answering(200, r#"{"id":"x","model":"gpt-5-nano","usage":{"input_tokens":36,"output_tokens":224}}"#)
            .await;
    let request = |method: Method, path: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {TOKEN}"));
        request.body(Full::from(body)).expect("a request")
    };
    for (method, path, target) in [
        (Method::GET, "files?limit=2&key=k", "/v1/files?limit=2"),
        (Method::DELETE, "v1/files/file-1", "/v1/files/file-1"),
        (Method::GET, "files/file-1/content", "/v1/files/file-1/content"),
        (Method::GET, "batches/b1", "/v1/batches/b1"),
        (Method::POST, "batches/b1/cancel", "/v1/batches/b1/cancel"),
    ] {
        assert_eq!(world.send(request(method.clone(), &at(path), "")).await.status, 200, "{path}");
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!((call.method, call.target.as_str()), (method, target));
        let row = world.rows().pop().expect("a row");
        assert_eq!(
            (row.cost.map(|cost| cost.0), row.usage.input, row.usage_source),
            (Some(0), 0, UsageSource::None),
            "{path}"
        );
    }
    assert_eq!(world.send(form(&at("files"), &[("purpose", "batch")])).await.status, 200);
    assert_eq!(world.rows().pop().map(|row| (row.surface, row.cost.is_some())), Some((Surface::Files, true)));
    let batch = r#"{"input_file_id":"file-1","endpoint":"/v1/embeddings"}"#;
    assert_eq!(world.send(post(&at("batches"), batch)).await.status, 200);
    // What a batch will cost shows in no answer to this.
    assert_eq!(world.rows().pop().map(|row| (row.surface, row.cost)), Some((Surface::Batches, None)));

    with_keys(&mut world, &["groq", "together"]);
    let named = and(post(&at("batches"), batch), &[("weir-provider", "groq")]);
    assert_eq!(world.send(named).await.status, 200);
    assert_eq!(world.upstream.calls().pop().map(|call| call.target), Some("/openai/v1/batches".into()));
    for (provider, code) in [("nobody", "unknown_provider"), ("anthropic", "not_offered")] {
        let named = and(post(&at("batches"), batch), &[("cf-aig-provider", provider)]);
        assert_eq!(world.send(named).await.code(), code);
    }
    world.change(|config| config.teams[0].provider_keys.retain(|key| key.provider != "openai"));
    assert_eq!(world.send(post(&at("batches"), batch)).await.code(), "provider_required");
    assert_eq!(world.send(request(Method::GET, &at("files/%2e%2e"), "")).await.code(), "invalid_path");
}

#[tokio::test]
async fn a_token_for_some_models_cannot_get_round_that_by_a_batch() {
    let mut world = World::answering(200, "{}").await;
    limit_models(&mut world, &["openai/gpt-4o-mini"]);
    let batch = r#"{"input_file_id":"file-1","endpoint":"/v1/chat/completions","model":"gpt-4o-mini"}"#;
    assert_eq!(world.send(post(&at("batches"), batch)).await.code(), "token_not_allowed");
    assert_eq!(world.send(form(&at("files"), &[("purpose", "batch")])).await.code(), "token_not_allowed");
    assert_eq!(world.send(post(&at("moderations"), r#"{"input":"a"}"#)).await.code(), "token_not_allowed");
    let embed = at("v1beta/models/openai/text-embedding-3-small:embedContent");
    assert_eq!(world.send(post(&embed, r#"{"content":{"parts":[{"text":"a"}]}}"#)).await.code(), "token_not_allowed");
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn what_a_provider_does_not_offer_is_said() {
    let world = World::answering(200, "{}").await;
    let read = world.send(post(&at("embeddings"), r#"{"model":"anthropic/claude-haiku-4-5","input":"a"}"#)).await;
    assert_eq!((read.status, read.code().as_str()), (400, "not_offered"));
    assert!(read.body.contains("`anthropic` does not offer embeddings"), "{}", read.body);
    let tokens = r#"{"model":"google-ai-studio/gemini-embedding-001","input":[[1,2]]}"#;
    let read = world.send(post(&at("embeddings"), tokens)).await;
    assert_eq!((read.code().as_str(), &read.json()["error"]["param"]), ("invalid_request", &json!("input")));
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn a_native_call_is_counted_alike() {
    let world = World::answering(200, r#"{"text":"hello","usage":{"type":"duration","seconds":7}}"#).await;
    let read = world.send(form("/v1/acme/main/openai/v1/audio/transcriptions", &[("model", "whisper-1")])).await;
    assert_eq!(read.status, 200);
    let row = world.row();
    assert_eq!((row.surface, row.usage.audio_seconds), (Surface::Native, 7));
}

#[tokio::test]
async fn an_error_reaches_the_caller_in_its_own_shape() {
    let world = World::answering(404, r#"{"id":"e","message":"model 'x' not found"}"#).await;
    let mut world = world;
    with_keys(&mut world, &["cohere"]);
    let read = world.send(post(&at("embeddings"), r#"{"model":"cohere/x","input":"a"}"#)).await;
    assert_eq!((read.status, &read.json()["error"]["message"]), (404, &json!("model 'x' not found")));
    let broken = World::answering(200, r#"{"embeddings":[]}"#).await;
    let body = r#"{"model":"google-ai-studio/e","input":"a"}"#;
    assert_eq!(broken.send(post(&at("embeddings"), body)).await.code(), "upstream_invalid");
    assert_eq!(broken.row().outcome, Outcome::UpstreamFailed);
}
