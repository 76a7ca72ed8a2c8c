//! First stage: from method and path to a typed door. Nothing is looked up here and nothing is revealed; whether the
//! door may be passed is the next stage's question.

mod kept;
mod routes;
mod tasks;

use std::borrow::Cow;

use domain::ledger::Surface;
use domain::provider::Dialect;
use http::{Method, Uri};
use wire::api::{Api, Path};
use wire::embed::Front;
use wire::task::Task;

pub(crate) use tasks::{Call, asked_by_batch, surface};

pub(crate) use self::kept::KeptCall;
pub use self::routes::{ROUTES, Route};

/// What a provider's own endpoints are called with. Not `TRACE`: its answer repeats the request, stored key included.
const PROXIED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// A team and a gateway, as a path names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub team: &'a str,
    pub gateway: &'a str,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door<'a> {
    /// A question to any provider, in an API that callers speak.
    Chat { front: Api, path: Path<'a> },
    /// How many tokens a question has.
    CountTokens { front: Api, path: Path<'a> },
    /// Something that is kept of the Responses API.
    Kept(KeptCall<'a>),
    /// An endpoint beside chat.
    Task(Call<'a>),
    /// The models that may be asked.
    Models,
    /// How much the caller's limits leave.
    Limits,
    /// Steps that are tried in their order.
    Universal,
    /// A provider's own API.
    Native { provider: &'a str, rest: &'a str },
    /// No endpoint.
    Unknown,
}

/// A request as its first line describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ingress<'a> {
    pub door: Door<'a>,
    pub place: Option<Place<'a>>,
    /// The shape of errors.
    pub dialect: Dialect,
    /// The methods the door takes, where the request came with another.
    pub allow: Option<&'static str>,
}

impl Ingress<'_> {
    pub(crate) fn surface(&self) -> Surface {
        match self.door {
            Door::Chat { front: Api::OpenaiResponses, .. } => Surface::Responses,
            Door::Chat { front: Api::Anthropic, .. } => Surface::Messages,
            Door::Chat { front: Api::Gemini, .. } => Surface::GenerateContent,
            Door::Chat { .. } => Surface::ChatCompletions,
            Door::CountTokens { .. } => Surface::CountTokens,
            Door::Kept(call) => call.surface(),
            Door::Task(call) => surface(call.task),
            Door::Models => Surface::Models,
            Door::Limits => Surface::Limits,
            Door::Universal => Surface::Universal,
            Door::Native { .. } => Surface::Native,
            Door::Unknown => Surface::Unknown,
        }
    }
}

/// Finds the door.
pub(crate) fn ingress<'a>(method: &Method, path: &'a str) -> Ingress<'a> {
    let (door, place) = door(path);
    let allow = match door {
        Door::Chat { .. } | Door::CountTokens { .. } | Door::Universal => (method != Method::POST).then_some("POST"),
        Door::Kept(call) => call.allow(method),
        Door::Task(call) if !call.task.keeps() => (method != Method::POST).then_some("POST"),
        Door::Models | Door::Limits => (method != Method::GET && method != Method::HEAD).then_some("GET"),
        Door::Native { .. } | Door::Task(_) => matches!(*method, Method::TRACE | Method::CONNECT).then_some(PROXIED),
        Door::Unknown => None,
    };
    let dialect = match door {
        Door::Native { provider, rest } => {
            dialect(wire::providers::find(provider).map(|known| known.dialect).unwrap_or_default(), rest)
        }
        Door::Chat { front, .. } | Door::CountTokens { front, .. } => front.family().unwrap_or_default(),
        Door::Kept(_) => Dialect::Openai,
        Door::Task(Call { front: Front::Gemini { .. }, .. }) => Dialect::Gemini,
        Door::Task(_) => Dialect::Openai,
        Door::Models | Door::Limits | Door::Universal | Door::Unknown => unknown_dialect(path),
    };
    Ingress { door, place, dialect, allow }
}

fn door(path: &str) -> (Door<'_>, Option<Place<'_>>) {
    let versioned = |path: &&str| path.starts_with("v1") || path.starts_with("v2/");
    if let Some(door) = path.strip_prefix('/').filter(versioned).and_then(endpoint) {
        return (door, None);
    }
    let mut parts = path.strip_prefix("/v1/").unwrap_or_default().splitn(4, '/');
    let (Some(team), Some(gateway)) = (parts.next(), parts.next().filter(|slug| !slug.is_empty())) else {
        return (Door::Unknown, None);
    };
    let place = Some(Place { team, gateway });
    let door = match (parts.next(), parts.next()) {
        (Some("compat"), rest) => rest.and_then(endpoint).unwrap_or(Door::Unknown),
        (Some(provider), Some(rest)) if !provider.is_empty() && !rest.is_empty() && !climbs(rest) => {
            Door::Native { provider, rest }
        }
        // Not `/v1/models/{model}` and the like.
        (None | Some(""), None) if !is_endpoint(team) => Door::Universal,
        _ => Door::Unknown,
    };
    (door, place)
}

/// Whether a word begins the path of an endpoint at the root: no team is called so.
fn is_endpoint(word: &str) -> bool {
    domain::validate::team_slug(word).is_err()
}

/// An endpoint that fronts every provider, by its path at the root or below `compat`. SDKs put `v1` or `v1beta` before it (Google's either, as it is told).
fn endpoint(path: &str) -> Option<Door<'_>> {
    let beta = path.strip_prefix("v1beta/");
    let path = beta.or_else(|| path.strip_prefix("v1/")).unwrap_or(path);
    if let Some(call) = path.strip_prefix("models/") {
        return gemini(call);
    }
    // Several clients of Google's API leave `models/` out where the model's name has a slash.
    if let Some(door) = beta.filter(|call| call.contains('/')).and_then(gemini) {
        return Some(door);
    }
    let chat = |front| Some(Door::Chat { front, path: Path::default() });
    match path {
        "chat/completions" => chat(Api::OpenaiChat),
        "responses" => chat(Api::OpenaiResponses),
        "messages" => chat(Api::Anthropic),
        "messages/count_tokens" => Some(Door::CountTokens { front: Api::Anthropic, path: Path::default() }),
        "models" => Some(Door::Models),
        "limits" => Some(Door::Limits),
        path => KeptCall::of(path).map(Door::Kept).or_else(|| tasks::call(path).map(Door::Task)),
    }
}

/// `{model}:{verb}`, where the model may be `provider/model`.
fn gemini(call: &str) -> Option<Door<'_>> {
    let (model, verb) = call.rsplit_once(':')?;
    let path = |stream| Path { model: Some(model).filter(|model| !model.is_empty()), stream };
    let front = Api::Gemini;
    match verb {
        "generateContent" => Some(Door::Chat { front, path: path(Some(false)) }),
        "streamGenerateContent" => Some(Door::Chat { front, path: path(Some(true)) }),
        "countTokens" => Some(Door::CountTokens { front, path: path(None) }),
        "embedContent" | "batchEmbedContents" => {
            let front = Front::Gemini { batch: verb == "batchEmbedContents" };
            Some(Door::Task(Call { task: Task::Embeddings, front, model: path(None).model, rest: "" }))
        }
        _ => None,
    }
}

/// The shape of errors where a path leads nowhere.
fn unknown_dialect(path: &str) -> Dialect {
    if path.starts_with("/v1beta") { Dialect::Gemini } else { Dialect::Openai }
}

/// Whether a path hides what it says: a separator, a dot or a plain letter that is written as `%…`, or a backslash.
/// What the gateway judges by must be what the provider reads.
pub(crate) fn disguises(path: &str) -> bool {
    let mut rest = path;
    while let Some(place) = rest.find(['%', '\\']) {
        let code = rest[place..].strip_prefix('%').and_then(|code| code.get(..2));
        let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) else { return true };
        if byte.is_ascii_alphanumeric() || b"-._~/\\".contains(&byte) {
            return true;
        }
        rest = &rest[place + 3..];
    }
    false
}

/// Whether a path has segments that a server may read as "one level up", which would leave the provider's base path.
fn climbs(path: &str) -> bool {
    path.split('/').any(|segment| segment == "." || segment == "..")
}

/// The dialect of a provider's endpoint: several providers offer OpenAI's chat completions beside their own API.
pub(crate) fn dialect(own: Dialect, rest: &str) -> Dialect {
    if is_chat_completions(rest) { Dialect::Openai } else { own }
}

/// Whether an endpoint is OpenAI's chat completions.
pub(crate) fn is_chat_completions(rest: &str) -> bool {
    rest == "chat/completions" || rest.ends_with("/chat/completions")
}

/// The model that a Gemini path names: `v1beta/models/{model}:generateContent`.
pub(crate) fn model_in_path(rest: &str) -> Option<&str> {
    let tail = rest.strip_prefix("models/").or_else(|| rest.split_once("/models/").map(|(_, tail)| tail))?;
    let end = tail.find([':', '/']).unwrap_or(tail.len());
    Some(&tail[..end]).filter(|model| !model.is_empty())
}

/// A query without `key`, which may hold a credential, and the credential, percent-decoded.
pub(crate) fn split_key(uri: &Uri) -> (Option<Cow<'_, str>>, Option<String>) {
    let Some(query) = uri.query() else { return (None, None) };
    let is_key = |pair: &&str| pair.split('=').next().is_some_and(|name| name == "key" || name.contains('%'));
    if !query.split('&').any(|pair| is_key(&pair)) {
        return (Some(Cow::Borrowed(query)), None);
    }
    let mut key = None;
    let mut rest = String::with_capacity(query.len());
    for pair in query.split('&') {
        match url::form_urlencoded::parse(pair.as_bytes()).next() {
            Some((name, value)) if name == "key" => key = key.or(Some(value.into_owned())),
            _ => {
                if !rest.is_empty() {
                    rest.push('&');
                }
                rest.push_str(pair);
            }
        }
    }
    (Some(rest).filter(|rest| !rest.is_empty()).map(Cow::Owned), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(path: &str) -> Ingress<'_> {
        ingress(&Method::POST, path)
    }

    #[test]
    fn every_route_of_the_table_leads_to_its_surface() {
        for route in ROUTES {
            let path = route.pattern.replace("{team}", "acme").replace("{provider}", "openai");
            let path = path.replace("{rest}", "v1/files").replace("{model}", "a/b");
            let method = if route.methods == "*" { Method::POST } else { route.methods.parse().expect("a method") };
            let found = ingress(&method, &path);
            assert_eq!((found.surface(), found.allow), (route.surface, None), "{path}");
        }
    }

    #[test]
    fn a_gemini_path_names_model_and_stream() {
        let Door::Chat { front, path } = enter("/v1beta/models/openai/gpt-4o:streamGenerateContent").door else {
            panic!("a question");
        };
        assert_eq!((front, path.model, path.stream), (Api::Gemini, Some("openai/gpt-4o"), Some(true)));
        let path = "/v1beta/openai/gpt-4o:streamGenerateContent";
        assert_eq!(
            enter(path).door,
            Door::Chat { front, path: Path { model: Some("openai/gpt-4o"), stream: Some(true) } }
        );
        assert_eq!(enter(&format!("/v1/a/b/compat{path}")).door, enter(path).door);
        assert_eq!(enter("/v1beta/gpt-4o:generateContent").door, Door::Unknown);
    }

    #[test]
    fn what_is_no_route_is_unknown() {
        for path in [
            "/v1",
            "/v1/",
            "/v1/messages/x",
            "/v1/responses/",
            "/v1/responses/x/y",
            "/v1/conversations/x/items/",
            "/v1/models/x",
            "/v1beta/models/x",
            "/v1beta/models/x:nothing",
            "/chat/completions",
            "/v1/a",
            "/v1/a/",
            "/v1/a/b/openai",
            "/v1/a/b/openai/",
            "/v1/a/b/compat/files/a/b/c",
            "/v2/embeddings",
            "/v1/a/b/openai/../x",
            "/v1/a/b/openai/x/../y",
            "/v2/chat/completions",
            "",
        ] {
            assert_eq!(enter(path).door, Door::Unknown, "{path}");
        }
    }

    #[test]
    fn a_path_may_not_hide_what_it_says() {
        for path in ["v1/%6dodels", "a%2fb", "a%2F", "a%5c", "a\\b", "%2e%2e/x", "a%7E", "a%", "a%2", "a%zz", "é%61"] {
            assert!(disguises(path), "{path}");
        }
        for path in ["v1/models", "v1/files/a%20b", "models/a:b", "%C3%A9", "a%3Ab"] {
            assert!(!disguises(path), "{path}");
        }
    }

    #[test]
    fn errors_take_the_dialect_of_the_path() {
        assert_eq!(enter("/v1/a/b/anthropic/v1/messages").dialect, Dialect::Anthropic);
        assert_eq!(enter("/v1/a/b/google-ai-studio/v1beta/models/g:generateContent").dialect, Dialect::Gemini);
        assert_eq!(enter("/v1/a/b/google-ai-studio/v1beta/openai/chat/completions").dialect, Dialect::Openai);
        assert_eq!(enter("/v1/a/b/compat/chat/completions").dialect, Dialect::Openai);
        assert_eq!(enter("/v1/a/b/custom-x/y").dialect, Dialect::Openai);
        assert_eq!(enter("/v1/messages").dialect, Dialect::Anthropic);
        assert_eq!(enter("/v1/a/b/compat/v1/messages").dialect, Dialect::Anthropic);
        assert_eq!(enter("/v1beta/models/x:generateContent").dialect, Dialect::Gemini);
        assert_eq!(enter("/v1beta/nothing").dialect, Dialect::Gemini);
    }

    #[test]
    fn another_method_is_told_the_right_one() {
        assert_eq!(ingress(&Method::GET, "/v1/chat/completions").allow, Some("POST"));
        assert_eq!(ingress(&Method::POST, "/v1/models").allow, Some("GET"));
        assert_eq!(ingress(&Method::POST, "/v1/responses/x").allow, Some("GET, DELETE"));
        assert_eq!(ingress(&Method::PUT, "/v1/conversations/x").allow, Some("GET, POST, DELETE"));
        assert_eq!(ingress(&Method::DELETE, "/v1/a/b/openai/v1/files/1").allow, None);
        assert_eq!(ingress(&Method::TRACE, "/v1/a/b/openai/v1/files/1").allow, Some(PROXIED));
    }

    #[test]
    fn the_model_of_a_gemini_path_is_found() {
        assert_eq!(model_in_path("v1beta/models/gemini-2.5-flash:streamGenerateContent"), Some("gemini-2.5-flash"));
        assert_eq!(model_in_path("v1beta/models"), None);
    }

    #[test]
    fn a_key_in_the_query_is_taken_out_of_it() {
        let split = |uri: &str| {
            let uri: Uri = uri.parse().expect("a URI");
            let (query, key) = split_key(&uri);
            (query.map(Cow::into_owned), key)
        };
        assert_eq!(split("/x?alt=sse&key=a%2Fb&n=1"), (Some("alt=sse&n=1".into()), Some("a/b".into())));
        assert_eq!(split("/x?%6bey=secret"), (None, Some("secret".into())));
        assert_eq!(split("/x?alt=sse"), (Some("alt=sse".into()), None));
        assert_eq!(split("/x"), (None, None));
    }
}
