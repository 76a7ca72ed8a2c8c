//! Plain answers through every door.

use domain::ledger::{CacheStatus, Outcome, Surface};
use domain::usage::UsageSource;
use http::{Method, Request};

use crate::world::*;

#[tokio::test]
async fn a_chat_completion_passes_untouched_and_leaves_one_priced_row() {
    let world = World::new(|_| Answer::json(200, ANSWER).header("x-request-id", "req_7")).await;
    let read = world.send(and(post(CHAT, QUESTION), &[("cf-aig-event-id", "mine"), ("user-agent", "sdk/1")])).await;
    assert_eq!((read.status, read.body.as_str()), (200, ANSWER));
    assert_eq!(read.header("cf-aig-event-id"), Some("mine"));
    assert_eq!(read.header("x-request-id"), Some("req_7"));
    assert_eq!(read.header("cf-aig-cache-status"), None);
    let timing = read.header("server-timing").expect("timing");
    assert!(timing.starts_with("gateway;dur=") && timing.contains(", upstream;dur="), "{timing}");
    assert_eq!(read.header("x-content-type-options"), Some("nosniff"));

    let call = world.upstream.call();
    assert_eq!((call.method.as_str(), call.target.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(call.body, QUESTION.replace("openai/gpt-4o-mini", "gpt-4o-mini"));
    assert_eq!(call.headers["authorization"], "Bearer sk-stored-openai");

    let row = world.row();
    assert_eq!(read.header("cf-aig-log-id"), Some(row.request_id.to_string().as_str()));
    assert_eq!((row.attempt, row.last, row.status, row.outcome), (1, true, 200, Outcome::Ok));
    assert_eq!((row.surface, row.cache, row.streamed), (Surface::ChatCompletions, CacheStatus::Off, false));
    assert_eq!((row.usage.input, row.usage.output, row.usage_source), (10, 5, UsageSource::Reported));
    // 10 × $0.15 + 5 × $0.60 for a million tokens.
    assert_eq!(row.cost.map(|cost| cost.0), Some(4_500));
    assert_eq!(row.cost_formula.lines.len(), 2);
    assert_eq!(row.model_asked.as_deref(), Some("openai/gpt-4o-mini"));
    assert_eq!((row.provider.as_deref(), row.model.as_deref()), (Some("openai"), Some("gpt-4o-mini")));
    assert_eq!((row.event_id.as_deref(), row.user_agent.as_deref()), (Some("mine"), Some("sdk/1")));
    assert_eq!((row.request_bytes, row.response_bytes), (QUESTION.len() as u64, ANSWER.len() as u64));
    assert!(row.first_byte_us.is_some_and(|us| us <= row.duration_us) && row.team_id.is_some());
    let payload = world.ledger.rows.lock().expect("free")[0].1.clone().expect("a payload");
    assert_eq!((payload.request, payload.response), (QUESTION.into(), ANSWER.into()));
    assert_eq!((payload.request_cut, payload.response_cut), (false, false));
    assert_eq!(world.gateway.in_flight(), 0);
}

#[tokio::test]
async fn the_short_url_finds_team_and_gateway_by_the_token() {
    let mut world = World::answering(200, ANSWER).await;
    let short = "/v1/chat/completions";
    assert_eq!(world.send(post(short, QUESTION)).await.code(), "gateway_required");
    assert_eq!(world.send(and(post(short, QUESTION), &[("cf-aig-gateway-id", "open")])).await.status, 200);
    world.change(|config| config.teams[0].gateways.push(gateway(19, "default", true)));
    assert_eq!(world.send(post(short, QUESTION)).await.status, 200);
    assert_eq!(world.rows().last().and_then(|row| row.gateway_id).map(|id| id.0), Some(19));
    world.change(|config| config.teams[0].tokens[0].restrictions.gateways = Some(vec![domain::GatewayId(11)]));
    assert_eq!(world.send(post(short, QUESTION)).await.status, 200);
    assert_eq!(world.rows().last().and_then(|row| row.gateway_id).map(|id| id.0), Some(11));
    world.change(|config| config.teams[0].tokens[0].restrictions.gateways = Some(vec![]));
    assert_eq!(world.send(post(short, QUESTION)).await.code(), "gateway_required");
}

#[tokio::test]
async fn a_bare_model_finds_its_provider() {
    let mut world = World::answering(200, ANSWER).await;
    let ask = |model: &str| format!(r#"{{"model":"{model}","messages":[]}}"#);
    assert_eq!(world.chat(&ask("gpt-4o-mini")).await.status, 200);
    // The only OpenAI-compatible provider takes what nobody knows.
    assert_eq!(world.chat(&ask("acme-finetune")).await.status, 200);
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(99, "groq", &url)));
    assert_eq!(world.chat(&ask("gpt-4o-mini")).await.status, 200);
    assert_eq!(world.rows().last().and_then(|row| row.provider.clone()).as_deref(), Some("openai"));
    assert_eq!(world.chat(&ask("acme-finetune")).await.code(), "model_not_found");
    let read = world.chat(&ask("claude-sonnet-4-5")).await;
    assert_eq!(world.rows().last().and_then(|row| row.provider.clone()).as_deref(), Some("anthropic"), "{}", read.body);
}

#[tokio::test]
async fn native_requests_pass_as_they_are() {
    let world = World::answering(200, r#"{"ok":true}"#).await;
    for (method, path, target) in [
        ("POST", "/v1/acme/main/openai/chat/completions?x=1", "/v1/chat/completions?x=1"),
        ("POST", "/v1/acme/main/openai/v1/chat/completions", "/v1/chat/completions"),
        ("GET", "/v1/acme/main/openai/v1/files?limit=2&after=a%20b", "/v1/files?limit=2&after=a%20b"),
        ("DELETE", "/v1/acme/main/openai/files/f1", "/v1/files/f1"),
        ("POST", "/v1/acme/main/anthropic/v1/messages", "/v1/messages"),
        (
            "POST",
            "/v1/acme/main/google-ai-studio/v1beta/models/gemini-2.5-flash:generateContent",
            "/v1beta/models/gemini-2.5-flash:generateContent",
        ),
        ("POST", "/v1/acme/main/custom-own/v1/messages", "/own/v1/messages"),
    ] {
        let mut request = post(path, r#"{"model":"m"}"#);
        *request.method_mut() = Method::from_bytes(method.as_bytes()).expect("a method");
        let read = world.send(request).await;
        assert_eq!((read.status, read.body.as_str()), (200, r#"{"ok":true}"#), "{path}");
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!((call.method.as_str(), call.target.as_str()), (method, target));
        assert_eq!(call.body, r#"{"model":"m"}"#);
    }
}

#[tokio::test]
async fn native_doors_of_every_known_provider_open_with_its_own_key() {
    let mut world = World::answering(200, ANSWER).await;
    let url = world.upstream.url();
    let names = ["mistral", "groq", "deepseek", "grok", "openrouter"];
    world.change(|config| {
        let keys = (90..).zip(names).map(|(id, name)| key(id, name, &url));
        config.teams[0].provider_keys.extend(keys);
    });
    for (provider, rest, target) in [
        ("mistral", "chat/completions", "/v1/chat/completions"),
        ("mistral", "v1/fim/completions", "/v1/fim/completions"),
        ("groq", "chat/completions", "/openai/v1/chat/completions"),
        ("groq", "openai/v1/models?x=1", "/openai/v1/models?x=1"),
        ("deepseek", "chat/completions", "/chat/completions"),
        ("deepseek", "beta/completions", "/beta/completions"),
        ("grok", "v1/chat/completions", "/v1/chat/completions"),
        ("openrouter", "chat/completions", "/api/v1/chat/completions"),
        ("openrouter", "v1/chat/completions", "/api/v1/chat/completions"),
        ("custom-own", "v1/messages", "/own/v1/messages"),
    ] {
        let read = world.send(post(&format!("/v1/acme/main/{provider}/{rest}"), QUESTION)).await;
        assert_eq!((read.status, read.body.as_str()), (200, ANSWER), "{provider} {rest}");
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!((call.target.as_str(), call.body.as_str()), (target, QUESTION), "{provider} {rest}");
        let stored = format!("sk-stored-{provider}");
        let (header, value) = if provider == "custom-own" {
            ("x-api-key", stored)
        } else {
            ("authorization", format!("Bearer {stored}"))
        };
        assert_eq!(call.headers[header], value.as_str(), "{provider}");
        assert!(!format!("{:?}", call.headers).contains(TOKEN), "{provider}");
        let row = world.rows().pop().expect("a row");
        assert_eq!((row.provider.as_deref(), row.surface), (Some(provider), Surface::Native), "{rest}");
    }
}

#[tokio::test]
async fn any_body_and_type_passes_a_native_door() {
    let world = World::new(|_| Answer::whole(201, "audio/mpeg", "sound")).await;
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--x--\r\n";
    let mut request = post("/v1/acme/main/openai/v1/audio/transcriptions", form);
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().expect("a value"));
    let read = world.send(request).await;
    assert_eq!((read.status, read.header("content-type"), read.body.as_str()), (201, Some("audio/mpeg"), "sound"));
    let call = world.upstream.call();
    assert_eq!(call.body, form);
    assert_eq!(call.headers["content-type"], "multipart/form-data; boundary=x");
}

#[tokio::test]
async fn each_dialects_usage_is_read_and_priced() {
    let anthropic = r#"{"type":"message","model":"claude-sonnet-4-5","stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":20}}"#;
    let gemini = r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":20,"totalTokenCount":120},"modelVersion":"gemini-2.5-flash"}"#;
    for (path, answer, model) in [
        ("/v1/acme/main/anthropic/v1/messages", anthropic, "claude-sonnet-4-5"),
        ("/v1/acme/main/google-ai-studio/v1beta/models/gemini-2.5-flash:generateContent", gemini, "gemini-2.5-flash"),
    ] {
        let world = World::answering(200, answer).await;
        assert_eq!(world.send(post(path, r#"{"model":"claude-sonnet-4-5"}"#)).await.body, answer);
        let row = world.row();
        assert_eq!((row.usage.input, row.usage.output, row.model.as_deref()), (100, 20, Some(model)), "{path}");
        assert!(row.cost.is_some_and(|cost| cost.0 > 0), "{path}");
    }
}

#[tokio::test]
async fn an_upstream_error_passes_untouched() {
    let error = r#"{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}"#;
    let world = World::answering(404, error).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.body.as_str()), (404, error));
    let row = world.row();
    assert_eq!(
        (row.status, row.outcome, row.error_code, row.cost.map(|cost| cost.0)),
        (404, Outcome::UpstreamError, None, Some(0))
    );
}

#[tokio::test]
async fn models_are_those_the_token_may_use() {
    let mut world = World::answering(200, "{}").await;
    let get = || {
        let request = Request::get("/v1/models").header("x-api-key", TOKEN);
        request.body(http_body_util::Full::default()).expect("a request")
    };
    let read = world.send(get()).await;
    let ids = |read: &Read| -> Vec<String> {
        let list = read.json();
        assert_eq!(list["object"], "list");
        let data = list["data"].as_array().expect("a list");
        data.iter().map(|model| model["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert!(ids(&read).iter().any(|id| id == "openai/gpt-4o-mini"), "{}", read.body);
    let with_keys = ["openai/", "anthropic/", "google-ai-studio/"];
    assert!(ids(&read).iter().all(|id| with_keys.iter().any(|slug| id.starts_with(slug))), "{}", read.body);
    assert!(with_keys.iter().all(|slug| ids(&read).iter().any(|id| id.starts_with(slug))), "{}", read.body);
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["openai/gpt-4o*".into()]));
    let read = world.send(get()).await;
    assert!(!ids(&read).is_empty() && ids(&read).iter().all(|id| id.starts_with("openai/gpt-4o")), "{}", read.body);
    assert_eq!(world.rows().len(), 2);
    assert_eq!(world.rows()[0].surface, Surface::Models);
}

#[tokio::test]
async fn logs_and_payloads_can_be_switched_per_request() {
    let mut world = World::answering(200, ANSWER).await;
    let ask = |headers: &'static [(&'static str, &'static str)]| and(post(CHAT, QUESTION), headers);
    world.send(ask(&[("cf-aig-collect-log", "false")])).await;
    world.send(ask(&[("cf-aig-collect-log-payload", "false"), ("cf-aig-metadata", r#"{"user":"ann"}"#)])).await;
    world.settings(|settings| settings.collect_logs = false);
    world.send(ask(&[])).await;
    world.send(ask(&[("cf-aig-collect-log", "true")])).await;
    let rows = world.ledger.rows.lock().expect("free").clone();
    let kept: Vec<_> = rows.iter().map(|(row, payload)| (row.logged, payload.is_some())).collect();
    assert_eq!(kept, [(false, false), (true, false), (false, false), (true, true)]);
    assert_eq!(rows[1].0.metadata.as_deref(), Some(r#"{"user":"ann"}"#));
}

#[tokio::test]
async fn a_plain_answer_is_read_whatever_its_content_type_and_the_log_say() {
    for content_type in [None, Some("text/plain")] {
        for cap in [4, 1 << 20] {
            let headers: Vec<_> = content_type.map(|kind| ("content-type", kind.to_owned())).into_iter().collect();
            let options =
                gateway::Options { allow_private_upstreams: true, payload_cap: cap, ..gateway::Options::default() };
            let script = move |_: &Seen| Answer::Whole { status: 200, headers: headers.clone(), body: ANSWER.into() };
            let mut world = World::with_options(options, script).await;
            for log in [false, true] {
                world.settings(|settings| settings.collect_log_payloads = log);
                let read = world.chat(QUESTION).await;
                assert_eq!((read.status, read.body.as_str()), (200, ANSWER), "{content_type:?} {cap} {log}");
            }
            assert!(world.rows().iter().all(|row| row.usage.output == 5));
        }
    }
}

#[tokio::test]
async fn a_models_name_of_any_length_fits_into_a_row() {
    let long = "é".repeat(40_000);
    let answer = ANSWER.replace("gpt-4o-mini", &long);
    let world = World::new(move |_| Answer::json(200, &answer)).await;
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert!(world.row().model.is_some_and(|model| long.starts_with(&model) && model.len() <= 256));
}

#[tokio::test]
async fn a_request_that_would_be_repeated_with_the_stored_key_is_refused() {
    let world = World::answering(200, "{}").await;
    let mut request = post("/v1/acme/main/openai/v1/models", "");
    *request.method_mut() = http::Method::TRACE;
    let read = world.send(request).await;
    assert_eq!((read.status, read.code().as_str()), (405, "method_not_allowed"));
    assert!(read.header("allow").is_some_and(|allow| allow.contains("DELETE") && !allow.contains("TRACE")));
    assert!(world.upstream.calls().is_empty());
}
