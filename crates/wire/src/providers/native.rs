//! Where a provider's own API is called. For most it is what the client asked for, behind the base path; some have their APIs at
//! several places, and clients of Cloudflare's gateway name them in its way.

mod bedrock;

use std::borrow::Cow;

use super::{Base, upstream_path};
use crate::auth::google;
use bedrock::bedrock;

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Another host of the same provider's than the base's.
    pub authority: Option<String>,
    /// The path, with the query as the client sent it.
    pub path: String,
    /// The region that the client named, where requests are signed for one.
    pub region: Option<String>,
    /// Whether models are managed there and not asked: such a call names none, and may concern any.
    pub manages: bool,
}

impl Place {
    fn at(path: String) -> Self {
        Self { authority: None, path, region: None, manages: false }
    }
}

/// Where `rest`, which came behind the name of the provider called `slug`, is called.
#[must_use]
pub fn native(slug: &str, base: &Base, rest: &str) -> Place {
    let usual = || Place::at(upstream_path(&base.path, rest));
    match slug {
        "aws-bedrock" => bedrock(base, rest),
        "google-vertex-ai" => vertex(base, rest).unwrap_or_else(usual),
        "azure-openai" => azure(base, rest).map_or_else(usual, Place::at),
        "workers-ai" => workers_ai(base, rest).map_or_else(usual, Place::at),
        "huggingface" => hugging_face(base, rest).map_or_else(usual, Place::at),
        "replicate" => replicate(base, rest).unwrap_or_else(usual),
        _ => usual(),
    }
}

/// The model that the path of a call names, at providers whose paths do. It decides there, whatever the body says.
#[must_use]
pub fn model_in(slug: &str, path: &str) -> Option<String> {
    // Azure reads its paths in any case.
    let plain = path.to_ascii_lowercase();
    let after = |mark: &str| {
        let place = plain.find(mark).map(|place| place + mark.len());
        place.and_then(|place| path.get(place..)).filter(|tail| !tail.is_empty())
    };
    let segment = |tail: &str| tail.split('/').next().map(decoded).filter(|model| !model.is_empty());
    match slug {
        "aws-bedrock" => after("/model/").and_then(segment),
        "azure-openai" => after("/openai/deployments/").and_then(segment),
        "workers-ai" => after("/ai/run/").map(decoded),
        "huggingface" => after("/hf-inference/models/").map(decoded),
        _ => None,
    }
}

/// Whether paths of the provider called `slug` may name a model.
#[must_use]
pub fn names_models(slug: &str) -> bool {
    matches!(slug, "aws-bedrock" | "azure-openai" | "workers-ai" | "huggingface")
}

/// What of a path must be written plainly: all of it, but the one segment in which Bedrock's models have their colons and, where
/// they are addresses of Amazon's, slashes.
#[must_use]
pub fn plain_part<'a>(slug: &str, rest: &'a str) -> Cow<'a, str> {
    let start = if rest.starts_with("model/") { Some(6) } else { rest.find("/model/").map(|place| place + 7) };
    let Some(start) = start.filter(|_| slug == "aws-bedrock") else { return Cow::Borrowed(rest) };
    let end = rest[start..].find('/').map_or(rest.len(), |end| start + end);
    let model = decoded(&rest[start..end]);
    let is_plain = model.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/".contains(&b));
    let climbs = model.split('/').any(|part| matches!(part, "" | "." | ".."));
    if is_plain && !climbs { Cow::Owned(format!("{}{}", &rest[..start], &rest[end..])) } else { Cow::Borrowed(rest) }
}

/// A segment without its percent signs; as it is where they stand for no text.
fn decoded(segment: &str) -> String {
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| segment.to_owned())
}

/// Paths that name project and location themselves.
fn vertex(base: &Base, rest: &str) -> Option<Place> {
    if !["v1/projects/", "v1beta1/projects/"].iter().any(|start| rest.starts_with(start)) {
        return None;
    }
    let location = rest.split_once("/locations/").and_then(|(_, tail)| tail.split('/').next());
    let own = google::location_of(&base.authority);
    let host = location.filter(|location| own.is_some_and(|own| own != *location)).and_then(google::host_for);
    let before = before(&base.path, &["/v1/projects/", "/v1beta1/projects/"]);
    Some(Place { authority: host, ..Place::at(format!("{before}/{rest}")) })
}

/// Paths from the resource's root, and `{resource}/{deployment}/…`.
fn azure(base: &Base, rest: &str) -> Option<String> {
    let before = before(&base.path, &["/openai", "/models", "/anthropic"]);
    let (first, tail) = rest.split_once('/')?;
    let resource = base.authority.split('.').next();
    match first {
        "openai" | "anthropic" => Some(format!("{before}/{rest}")),
        "deployments" => Some(format!("{before}/openai/{rest}")),
        // Foundry's inference API; `models` alone is OpenAI's list.
        "models" if tail.starts_with("chat/") || tail.starts_with("embeddings") || tail.starts_with("images/") => {
            Some(format!("{before}/{rest}"))
        }
        _ if Some(first) == resource => Some(format!("{before}/openai/deployments/{tail}")),
        _ => None,
    }
}

/// `@cf/…`, with and without `run/` before it.
fn workers_ai(base: &Base, rest: &str) -> Option<String> {
    let model = rest.strip_prefix("run/").unwrap_or(rest);
    let root = base.path.strip_suffix("/v1").unwrap_or(&base.path);
    model.starts_with('@').then(|| format!("{root}/run/{model}"))
}

/// The models that Hugging Face runs itself, which Cloudflare's gateway calls by their names alone.
fn hugging_face(base: &Base, rest: &str) -> Option<String> {
    let root = base.path.strip_suffix("/v1").unwrap_or(&base.path);
    let path = rest.split('?').next().unwrap_or_default();
    if rest.starts_with("hf-inference/") {
        return Some(format!("{root}/{rest}"));
    }
    let compatible =
        rest.starts_with("v1/") || path == "models" || path.ends_with("chat/completions") || path == "responses";
    (!compatible).then(|| format!("{root}/hf-inference/models/{}", rest.strip_prefix("models/").unwrap_or(rest)))
}

/// Chats in OpenAI's words are at another host.
fn replicate(base: &Base, rest: &str) -> Option<Place> {
    let path = rest.split('?').next().unwrap_or_default();
    let elsewhere = base.authority == "api.replicate.com" && path.ends_with("chat/completions");
    let authority = elsewhere.then(|| "openai-proxy.replicate.com".to_owned())?;
    Some(Place { authority: Some(authority), ..Place::at(upstream_path(&base.path, rest)) })
}

/// What stands before the first of `marks` in a base path: a proxy's own path.
fn before<'a>(path: &'a str, marks: &[&str]) -> &'a str {
    let place = marks.iter().filter_map(|mark| path.find(mark)).min();
    place.map_or(path, |place| &path[..place])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{all, parse_base};
    use super::*;

    fn called(slug: &str, base: &str, rest: &str) -> String {
        let base = parse_base(base).expect("an address");
        let place = native(slug, &base, rest);
        format!("{}{}", place.authority.unwrap_or(base.authority), place.path)
    }

    #[test]
    fn both_ways_of_naming_a_place_lead_there() {
        let us = "https://bedrock-runtime.us-east-1.amazonaws.com";
        let vertex = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5";
        let azure = "https://res.openai.azure.com/openai/v1";
        let (workers, face) =
            ("https://api.cloudflare.com/client/v4/accounts/a/ai/v1", "https://router.huggingface.co/v1");
        for (slug, base, rest, wanted) in [
            ("aws-bedrock", us, "model/m%3A0/invoke", "bedrock-runtime.us-east-1.amazonaws.com/model/m%3A0/invoke"),
            (
                "google-vertex-ai",
                vertex,
                "publishers/google/models/g:generateContent",
                "us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/google/models/g:generateContent",
            ),
            (
                "google-vertex-ai",
                vertex,
                "v1/projects/q/locations/global/publishers/google/models/g:generateContent?alt=sse",
                "aiplatform.googleapis.com/v1/projects/q/locations/global/publishers/google/models/g:generateContent?alt=sse",
            ),
            (
                "google-vertex-ai",
                "http://127.0.0.1:9001/v1/projects/p/locations/global",
                "v1/projects/p/locations/us/x",
                "127.0.0.1:9001/v1/projects/p/locations/us/x",
            ),
            ("azure-openai", azure, "chat/completions", "res.openai.azure.com/openai/v1/chat/completions"),
            ("azure-openai", azure, "v1/responses", "res.openai.azure.com/openai/v1/responses"),
            (
                "azure-openai",
                azure,
                "res/gpt/chat/completions?api-version=1",
                "res.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
            ),
            (
                "azure-openai",
                azure,
                "openai/deployments/gpt/chat/completions?api-version=1",
                "res.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
            ),
            ("azure-openai", azure, "models/chat/completions", "res.openai.azure.com/models/chat/completions"),
            ("workers-ai", workers, "@cf/meta/llama", "api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama"),
            (
                "workers-ai",
                workers,
                "run/@cf/meta/llama",
                "api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama",
            ),
            (
                "workers-ai",
                workers,
                "v1/chat/completions",
                "api.cloudflare.com/client/v4/accounts/a/ai/v1/chat/completions",
            ),
            ("huggingface", face, "v1/chat/completions", "router.huggingface.co/v1/chat/completions"),
            ("huggingface", face, "bert/base", "router.huggingface.co/hf-inference/models/bert/base"),
            ("replicate", "https://api.replicate.com/v1", "v1/predictions", "api.replicate.com/v1/predictions"),
            (
                "replicate",
                "https://api.replicate.com/v1",
                "chat/completions",
                "openai-proxy.replicate.com/v1/chat/completions",
            ),
            ("openai", "https://api.openai.com/v1", "v1/files", "api.openai.com/v1/files"),
        ] {
            assert_eq!(called(slug, base, rest), wanted, "{slug} {rest}");
        }
    }

    #[test]
    fn a_path_says_which_model_it_is_for() {
        let arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fx/invoke";
        for (slug, path, model) in [
            ("aws-bedrock", "/model/us.anthropic.claude%3A0/converse", Some("us.anthropic.claude:0")),
            ("aws-bedrock", arn, Some("arn:aws:bedrock:us-east-1:1:inference-profile/x")),
            ("aws-bedrock", "/foundation-models", None),
            ("azure-openai", "/openai/deployments/my-gpt/chat/completions", Some("my-gpt")),
            ("azure-openai", "/openai/v1/chat/completions", None),
            ("workers-ai", "/client/v4/accounts/a/ai/run/@cf/meta/llama", Some("@cf/meta/llama")),
            ("huggingface", "/hf-inference/models/a/b", Some("a/b")),
            ("openai", "/model/x/y", None),
        ] {
            assert_eq!(model_in(slug, path).as_deref(), model, "{path}");
        }
    }

    #[test]
    fn only_the_name_of_a_model_may_be_written_with_percent_signs() {
        let bedrock = |rest| plain_part("aws-bedrock", rest).into_owned();
        assert_eq!(bedrock("model/a%3Ab%2Fc/invoke"), "model//invoke");
        assert_eq!(
            bedrock("bedrock-runtime/us-east-1/model/a%3Ab/%69nvoke"),
            "bedrock-runtime/us-east-1/model//%69nvoke"
        );
        for hidden in
            ["model/..%2F..%2Fx/invoke", "model/a%00/invoke", "model/%2e%2e/invoke", "model/a%2F%2Fb/x", "a%2Fb"]
        {
            assert_eq!(bedrock(hidden), hidden);
        }
        assert_eq!(plain_part("openai", "model/a%3Ab/x"), "model/a%3Ab/x");
    }

    proptest! {
        #![proptest_config(crate::cases(128))]

        /// A key is stored for a host: whatever a client writes, it goes there or to the same provider's other hosts.
        #[test]
        fn no_path_leads_a_key_to_a_stranger(
            slug in prop::sample::select(all().iter().map(|provider| provider.slug.as_str()).collect::<Vec<_>>()),
            base in prop::sample::select(vec![
                "https://bedrock-runtime.us-east-1.amazonaws.com",
                "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5",
                "https://res.openai.azure.com/openai?api-version=1",
                "https://api.replicate.com/v1",
                "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
                "http://127.0.0.1:9001/v1",
            ]),
            rest in "(bedrock-runtime|bedrock-mantle|v1/projects/p/locations|res|@cf|models|openai|[a-z@:.]{0,9})/[a-z0-9@:./#?&=-]{0,40}",
        ) {
            let parsed = parse_base(base).expect("an address");
            let place = native(slug, &parsed, &rest);
            if let Some(authority) = place.authority {
                let family = [".amazonaws.com", ".api.aws", ".googleapis.com", ".replicate.com"];
                prop_assert!(family.iter().any(|end| authority.ends_with(end)), "{}", authority);
                prop_assert!(parse_base(&format!("https://{authority}")).is_ok(), "{}", authority);
                prop_assert!(!matches!(parsed.authority.as_str(), "127.0.0.1:9001") && !parsed.authority.contains("vpce"));
            }
            prop_assert!(place.path.starts_with('/'), "{}", place.path);
            prop_assert_eq!(place.path.contains('?'), rest.contains('?'));
        }
    }
}
