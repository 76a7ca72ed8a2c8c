//! Recorded traffic of the endpoints beside chat, compared with a slow and plain reading.

use domain::provider::Dialect;
use serde_json::{Value, json};
use wire::api::{Quirks, Target};
use wire::embed::{self, Front};
use wire::rerank;
use wire::task::{Task, consumed};

use crate::recordings::{self, Case, compared};

/// A recorded exchange that went well: its name, what was asked (nothing where that is not known), what was answered.
type Exchange = (String, Value, Value);

/// The recordings of these operations that went well.
fn exchanges(operations: &[&str]) -> Vec<Exchange> {
    let wanted = |provider: &str, operation: &str| operations.contains(&format!("{provider}/{operation}").as_str());
    let good = recordings::cases(wanted).into_iter().filter(Case::is_good);
    good.filter_map(|case| {
        let answer = case.answer().filter(|answer| answer.is_object())?.clone();
        Some((case.name.clone(), case.question().cloned().unwrap_or_default(), answer))
    })
    .collect()
}

const OPENAI_SHAPED: [&str; 9] = [
    "openai/embeddings",
    "azure_openai/embeddings",
    "mistral/embeddings",
    "voyage/embeddings",
    "openrouter/embeddings",
    "perplexity/embeddings",
    "llamacpp/embeddings",
    "sambanova/embeddings",
    "vllm/embeddings",
];

fn ask(front: Front, api: embed::Api, body: &Value, model: &str) -> Result<embed::Translated, String> {
    let target = Target { model, quirks: &Quirks::default() };
    embed::request(front, api, body.to_string().as_bytes(), target).map_err(|refused| refused.to_string())
}

fn answer(asked: &embed::Translated, body: &Value) -> Result<Value, String> {
    let (answer, _) = asked.retelling.answer(body.to_string().as_bytes()).map_err(|refused| refused.to_string())?;
    Ok(serde_json::from_slice(&answer).expect("JSON"))
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

/// A question in OpenAI's words with as many texts as `count`.
fn texts(count: usize) -> Value {
    json!({ "input": vec!["a"; count] })
}

#[test]
fn every_recorded_question_for_vectors_can_be_asked_elsewhere() {
    let cases = exchanges(&OPENAI_SHAPED);
    let (mut asked_of, mut refused) = (0, 0);
    for (name, request, _) in cases {
        if request.is_null() {
            continue;
        }
        let input = &request["input"];
        let of_tokens = input.as_array().is_some_and(|list| list.iter().any(|one| !one.is_string()));
        for (api, field, model) in [
            (embed::Api::Gemini, "requests", "e"),
            (embed::Api::Vertex, "instances", "e"),
            (embed::Api::Cohere, "texts", "e"),
            (embed::Api::Ollama, "input", "e"),
            (embed::Api::Bedrock, "texts", "cohere.embed-v4:0"),
        ] {
            match ask(Front::Openai, api, &request, model) {
                Ok(asked) => {
                    assert!(!of_tokens, "{name}");
                    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
                    assert_eq!(length(&body[field]), length(input).max(1), "{name}");
                    asked_of += 1;
                }
                Err(why) => {
                    assert!(of_tokens && why.starts_with("input"), "{name}: {why}");
                    refused += 1;
                }
            }
        }
    }
    compared(asked_of, 50, "questions for vectors");
    compared(refused, 5, "questions in tokens");
}

#[test]
fn every_recorded_answer_of_openais_shape_reaches_geminis_callers() {
    let cases = exchanges(&OPENAI_SHAPED);
    let (mut kept, mut unreadable) = (0, 0);
    for (name, _, body) in cases {
        let data = body["data"].as_array().expect("vectors");
        let requests = vec![json!({ "content": { "parts": [{ "text": "a" }] } }); data.len()];
        let question = json!({ "requests": requests });
        let asked = ask(Front::Gemini { batch: true }, embed::Api::Openai, &question, "e").expect("a question");
        match answer(&asked, &body) {
            Ok(back) => {
                let values: Vec<_> =
                    back["embeddings"].as_array().expect("a list").iter().map(|one| &one["values"]).collect();
                let mut wanted: Vec<_> = data.iter().collect();
                wanted.sort_by_key(|one| one["index"].as_u64());
                assert_eq!(values, wanted.iter().map(|one| &one["embedding"]).collect::<Vec<_>>(), "{name}");
                kept += 1;
            }
            // Base64 was asked for there; here floats are.
            Err(_) => {
                assert!(data.iter().all(|one| one["embedding"].is_string()), "{name}");
                unreadable += 1;
            }
        }
    }
    compared(kept, 10, "answers with vectors");
    compared(unreadable, 1, "answers in Base64");
}

#[test]
fn every_recorded_answer_of_another_shape_reaches_openais_callers() {
    let operations = [
        "gemini/batch_embed_contents",
        "vertex/embed_content",
        "vertex/predict",
        "cohere/embed_v1",
        "cohere/embed_v2",
        "ollama/native_embed",
        "bedrock/invoke_model",
    ];
    let cases = exchanges(&operations);
    let mut read = 0;
    for (name, _, body) in cases {
        let list = |place: &str| body.pointer(place).and_then(Value::as_array).cloned();
        let each = |list: Vec<Value>, place: &str| {
            list.iter().map(|one| one.pointer(place).cloned().unwrap_or_default()).collect::<Vec<_>>()
        };
        let (api, vectors) = if name.contains("ollama") {
            (embed::Api::Ollama, list("/embeddings"))
        } else if name.contains("cohere/") || name.contains("bedrock") {
            let api = if name.contains("bedrock") { embed::Api::Bedrock } else { embed::Api::Cohere };
            (api, list("/embeddings/float").or_else(|| list("/embeddings")))
        } else if let Some(predictions) = list("/predictions") {
            (embed::Api::Vertex, Some(each(predictions, "/embeddings/values")).filter(|all| !all[0].is_null()))
        } else {
            let one = body.pointer("/embedding").cloned().map(|one| vec![one]);
            (embed::Api::Gemini, one.or_else(|| list("/embeddings")).map(|all| each(all, "/values")))
        };
        let Some(vectors) = vectors else { continue };
        let asked = ask(Front::Openai, api, &texts(vectors.len()), "cohere.embed-v4:0").expect("a question");
        let back = answer(&asked, &body).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(each(back["data"].as_array().cloned().unwrap_or_default(), "/embedding"), vectors, "{name}");
        let places = ["/usageMetadata/promptTokenCount", "/meta/billed_units/input_tokens", "/prompt_eval_count"];
        let mut counted = places.iter().find_map(|place| body.pointer(place)?.as_u64());
        if let Some(predictions) = list("/predictions") {
            let counts = each(predictions, "/embeddings/statistics/token_count");
            counted = Some(counts.iter().filter_map(Value::as_u64).sum());
        }
        if let Some(counted) = counted {
            assert_eq!(back["usage"]["prompt_tokens"], counted, "{name}");
        }
        read += 1;
    }
    compared(read, 15, "vectors of other shapes");
}

#[test]
fn every_recorded_ranking_is_told_alike() {
    let operations = [
        "cohere/rerank",
        "cohere/rerank_v2",
        "voyage/rerank",
        "together/rerank",
        "llamacpp/rerank",
        "openrouter/rerank",
    ];
    let mut read = 0;
    for (name, request, body) in exchanges(&operations) {
        let api = match name.as_str() {
            name if name.contains("cohere/") => rerank::Api::Cohere,
            name if name.contains("voyage/") => rerank::Api::Voyage,
            _ => rerank::Api::Jina,
        };
        let request = if request.is_null() { json!({ "query": "q", "documents": vec!["d"; 64] }) } else { request };
        let asked = rerank::request(api, request.to_string().as_bytes(), "m", "i").expect("a question");
        let (answer, observed) = asked.retelling.answer(body.to_string().as_bytes()).expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let places = |list: &Value| {
            let all = list.as_array().expect("a list").iter();
            all.map(|one| (one["index"].clone(), one["relevance_score"].clone())).collect::<Vec<_>>()
        };
        let given = if body["results"].is_array() { &body["results"] } else { &body["data"] };
        assert_eq!(places(&answer["results"]), places(given), "{name}");
        let usage = observed.usage.expect("usage");
        let units = body.pointer("/meta/billed_units/search_units").and_then(Value::as_u64);
        let tokens = body.pointer("/usage/total_tokens").and_then(Value::as_u64);
        assert_eq!((usage.searches, usage.input), (units.unwrap_or(0), tokens.unwrap_or(0)), "{name}");
        assert!(!observed.estimated, "{name}");
        read += 1;
    }
    compared(read, 9, "rankings");
}

#[test]
fn what_recorded_answers_consumed_is_read() {
    let operations = [
        ("openai/images_generations", Task::Images),
        ("openai/images_edits", Task::ImageEdits),
        ("xai/images_generations", Task::Images),
        ("xai/images_edits", Task::ImageEdits),
        ("together/images_generations", Task::Images),
        ("openai/audio_transcriptions", Task::Transcriptions),
        ("openai/audio_translations", Task::AudioTranslations),
        ("mistral/audio_transcriptions", Task::Transcriptions),
        ("openrouter/audio_transcriptions", Task::Transcriptions),
        ("openai/moderations", Task::Moderations),
        ("openai/batches", Task::Batches),
    ];
    let (mut counted, mut silent) = (0, 0);
    for (operation, task) in operations {
        let cases = exchanges(&[operation]);
        for (name, _, body) in cases {
            let observed = consumed(task, Dialect::Openai, body.to_string().as_bytes());
            let number = |place: &str| body.pointer(place).and_then(Value::as_f64).unwrap_or(0.0).ceil() as u64;
            if matches!(task, Task::Moderations | Task::Batches) {
                assert_eq!((observed.usage, observed.charged), (None, None), "{name}");
                silent += 1;
                continue;
            }
            let seconds = ["/usage/seconds", "/usage/prompt_audio_seconds"].map(number).into_iter().max();
            let seconds = seconds.filter(|seconds| *seconds > 0).unwrap_or_else(|| number("/duration"));
            let wanted = (
                if task.paints() { length(&body["data"]) as u64 } else { 0 },
                if task.hears() { seconds } else { 0 },
                number("/usage/input_tokens") + number("/usage/prompt_tokens"),
                number("/usage/output_tokens") + number("/usage/completion_tokens"),
                number("/usage/input_tokens_details/image_tokens"),
            );
            let usage = observed.usage.unwrap_or_default();
            let found = (usage.images, usage.audio_seconds, usage.input, usage.output, usage.image_input);
            assert_eq!(found, wanted, "{name}");
            assert_eq!(observed.usage.is_some(), wanted != (0, 0, 0, 0, 0), "{name}");
            let ticks = body.pointer("/usage/cost_in_usd_ticks").and_then(Value::as_i64);
            assert_eq!(observed.charged.is_some(), ticks.is_some() || body.pointer("/usage/cost").is_some(), "{name}");
            counted += usize::from(observed.usage.is_some());
        }
    }
    compared(counted, 20, "answers with what they consumed");
    compared(silent, 10, "answers that say nothing of it");
}

#[test]
fn providers_are_asked_where_they_were_recorded() {
    const SLUGS: [(&str, &str); 13] = [
        ("openai", "openai"),
        ("groq", "groq"),
        ("mistral", "mistral"),
        ("cohere", "cohere"),
        ("voyage", "voyage"),
        ("together", "together"),
        ("openrouter", "openrouter"),
        ("perplexity", "perplexity-ai"),
        ("sambanova", "sambanova"),
        ("llamacpp", "llamacpp"),
        ("vllm", "vllm"),
        ("xai", "grok"),
        ("azure_openai", "azure-openai"),
    ];
    let mut read = 0;
    for case in recordings::cases(|provider, _| SLUGS.iter().any(|(name, _)| *name == provider)) {
        let path = case.request["path"].as_str().unwrap_or_default();
        // Older versions of APIs, Azure's older form, and an answer that was meant to be an error.
        let old = path.starts_with("/v1/rerank") && case.provider == "cohere" || path.contains("/deployments/");
        let Some(task) = Task::of_path(path).filter(|task| !task.keeps() && !old && case.is_good()) else { continue };
        let slug = SLUGS.iter().find(|(name, _)| *name == case.provider).map(|(_, slug)| *slug);
        let provider = slug.and_then(wire::providers::find).expect("a row");
        assert!(provider.offers.contains(&task), "{}: {task}", case.name);
        let base = provider.base_url.splitn(4, '/').nth(3).map_or(String::new(), |path| format!("/{path}"));
        assert_eq!(wire::providers::upstream_path(&base, &provider.task_path(task)), path, "{}", case.name);
        read += 1;
    }
    compared(read, 40, "paths");
}
