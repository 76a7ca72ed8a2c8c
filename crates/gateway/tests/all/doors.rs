//! A walk through every endpoint.

use bytes::Bytes;
use domain::ledger::Surface;
use gateway::Route;
use http::{Method, Request};
use http_body_util::Full;

use crate::world::*;

/// A question that each kind of endpoint takes.
fn body(surface: Surface) -> &'static str {
    match surface {
        Surface::ChatCompletions | Surface::Unknown => QUESTION,
        Surface::Responses => r#"{"model":"openai/gpt-4o-mini","input":"hi"}"#,
        Surface::Messages | Surface::CountTokens => {
            r#"{"model":"anthropic/claude-sonnet-4-5","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"contents":[{"parts":[{"text":"hi"}]}]}"#
        }
        Surface::GenerateContent => r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#,
        Surface::Embeddings => {
            r#"{"model":"openai/text-embedding-3-small","input":"hi","content":{"parts":[{"text":"hi"}]},"requests":[{"content":{"parts":[{"text":"hi"}]}}]}"#
        }
        Surface::Images => r#"{"model":"openai/dall-e-3","prompt":"hi"}"#,
        Surface::Speech => r#"{"model":"openai/tts-1","input":"hi","voice":"alloy"}"#,
        Surface::Transcriptions | Surface::Translations => r#"{"model":"openai/whisper-1"}"#,
        Surface::Moderations => r#"{"model":"openai/omni-moderation-latest","input":"hi"}"#,
        Surface::Rerank => r#"{"model":"cohere/rerank-v3.5","query":"hi","documents":["a"]}"#,
        Surface::Universal => {
            r#"[{"provider":"compat","endpoint":"chat/completions","query":{"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}}]"#
        }
        Surface::Native => r#"{"model":"gpt-4o-mini","messages":[]}"#,
        Surface::Conversations => r#"{"metadata":{},"items":[{"type":"message","role":"user","content":"hi"}]}"#,
        Surface::Files | Surface::Batches | Surface::Models | Surface::Limits | Surface::StoredResponses => "",
    }
}

/// What of an endpoint is named in a path.
pub struct Names {
    response: String,
    conversation: String,
    item: String,
}

impl Names {
    fn path(&self, route: &Route) -> String {
        let id = if route.surface == Surface::Conversations { &self.conversation } else { &self.response };
        let rest = if route.surface == Surface::Native { "v1/chat/completions" } else { "file_1" };
        let provider = if route.surface == Surface::Native { "openai" } else { "google-ai-studio" };
        let model = match route.surface {
            Surface::Embeddings => "gemini-embedding-001",
            _ => "gemini-2.5-flash",
        };
        route
            .pattern
            .replace("{team}", "acme")
            .replace("{gateway}", "main")
            .replace("{provider}", provider)
            .replace("{model}", model)
            .replace("{rest}", rest)
            .replace("{item}", &self.item)
            .replace("{id}", id)
    }
}

fn call(method: &Method, path: &str, body: &str) -> Request<Full<Bytes>> {
    let body = if *method == Method::POST { body } else { "" };
    let mut request = and(post(path, body), &[("cf-aig-gateway-id", "main")]);
    *request.method_mut() = method.clone();
    request
}

fn methods(route: &Route) -> Vec<Method> {
    match route.methods {
        "*" => vec![Method::GET, Method::POST, Method::DELETE],
        method => vec![method.parse().expect("a method")],
    }
}

/// A world that keeps a response which OpenAI is still making, and a conversation.
pub async fn world() -> (World, Names) {
    let mut world = World::new(|seen| {
        if seen.target.contains("/responses") {
            let queued = r#"{"id":"resp_native","object":"response","created_at":1,"status":"queued","background":true,"model":"gpt-4o-mini","output":[],"usage":null}"#;
            return Answer::json(200, queued);
        }
        Answer::json(200, ANSWER)
    })
    .await;
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(100, "cohere", &url)));
    let ask = r#"{"model":"openai/gpt-4o-mini","input":"hi","background":true}"#;
    let response = world.send(post("/v1/acme/main/compat/responses", ask)).await.json();
    let create = post("/v1/acme/main/compat/conversations", body(Surface::Conversations));
    let conversation = world.send(create).await.json();
    let text = |value: &serde_json::Value| value.as_str().expect("an id").to_owned();
    let conversation = text(&conversation["id"]);
    let mut items = post(&format!("/v1/acme/main/compat/conversations/{conversation}/items"), "");
    *items.method_mut() = Method::GET;
    let items = world.send(items).await.json();
    let names = Names { response: text(&response["id"]), item: text(&items["data"][0]["id"]), conversation };
    (world, names)
}

/// Calls every endpoint in every way, with what each answers. Those that end what is kept come last, and may meet that it has
/// ended.
pub async fn walk(world: &World, names: &Names, mut check: impl FnMut(&Route, &Method, &str, &Read)) {
    let mut all: Vec<_> = gateway::ROUTES
        .iter()
        .flat_map(|route| methods(route).into_iter().map(move |method| (route, method)))
        .collect();
    let last =
        |route: &Route, method: &Method| (*method == Method::DELETE).then_some(!route.pattern.contains("{item}"));
    all.sort_by_key(|(route, method)| last(route, method));
    for (route, method) in all {
        let path = names.path(route);
        let read = world.send(call(&method, &path, body(route.surface))).await;
        if last(route, &method).is_none() || read.status != 404 {
            check(route, &method, &path, &read);
        }
    }
}
