use super::*;
use crate::auth::Facts;

/// Providers whose prices the book does not hold: they run on the customer's own machines, or have a price for each
/// account.
const UNPRICED: [&str; 22] = [
    "replicate",
    "nvidia",
    "sambanova",
    "nebius",
    "novita",
    "hyperbolic",
    "baseten",
    "vercel",
    "github",
    "venice",
    "crusoe",
    "heroku",
    "snowflake",
    "vllm",
    "llamacpp",
    "lmstudio",
    "deepgram",
    "elevenlabs",
    "cartesia",
    "fal",
    "ideogram",
    "parallel",
];

#[test]
fn every_row_is_complete_and_no_slug_is_used_twice() {
    let mut slugs: Vec<&str> = Vec::new();
    for provider in all() {
        assert_eq!(
            resolve_base(provider, None, Facts::default()).is_err(),
            provider.needs_address(),
            "{}",
            provider.slug
        );
        assert!(!provider.base_url.ends_with('/') && !provider.chat_path.starts_with('/'), "{}", provider.slug);
        slugs.push(&provider.slug);
        slugs.extend(provider.aliases.iter().map(String::as_str));
        let priced = crate::price::PriceBook::builtin().models(&provider.price_provider).next().is_some();
        assert_ne!(priced, UNPRICED.contains(&provider.slug.as_str()), "{}", provider.slug);
    }
    let count = slugs.len();
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), count);
    assert_eq!(find("xai").map(|provider| provider.slug.as_str()), Some("grok"));
    assert!(find("nobody").is_none());
}

#[test]
fn rows_say_what_they_speak_and_how() {
    let api = |slug| find(slug).map(Provider::api);
    assert_eq!(api("openai"), Some(Api::OpenaiChat));
    assert_eq!(api("anthropic"), Some(Api::Anthropic));
    assert_eq!(api("google-ai-studio"), Some(Api::Gemini));
    assert_eq!(api("aws-bedrock"), Some(Api::Bedrock));
    assert_eq!(api("cohere"), Some(Api::Cohere));
    assert_eq!(api("ollama"), Some(Api::Ollama));
    let mistral = find("mistral").expect("a provider");
    assert!(mistral.quirks.short_call_ids && mistral.quirks.no_stream_options);
    assert_eq!(mistral.quirks.renames, [("seed".to_owned(), "random_seed".to_owned())]);
}

#[test]
fn a_provider_with_an_address_for_each_account_keeps_its_path() {
    let base =
        |slug, text| resolve_base(find(slug).expect("a provider"), text, Facts::default()).map(|base| base.to_string());
    assert_eq!(base("azure-openai", None), Err(BadBase));
    let own = Some("https://mine.openai.azure.com");
    assert_eq!(base("azure-openai", own), Ok("https://mine.openai.azure.com/openai/v1".into()));
    let own = Some("https://api.cloudflare.com/client/v4/accounts/1/ai/v1");
    assert_eq!(base("workers-ai", own), Ok("https://api.cloudflare.com/client/v4/accounts/1/ai/v1".into()));
    assert_eq!(base("workers-ai", Some("http://127.0.0.1:1")), Ok("http://127.0.0.1:1".into()));
}

#[test]
fn a_key_says_where_its_account_is() {
    let base = |slug, text, project, region| {
        let facts = Facts { project, region };
        resolve_base(find(slug).expect("a provider"), text, facts).map(|base| base.to_string())
    };
    let bedrock = |text, region| base("aws-bedrock", text, None, region);
    assert_eq!(bedrock(None, Some("eu-west-1")), Ok("https://bedrock-runtime.eu-west-1.amazonaws.com".into()));
    assert_eq!(bedrock(None, None), Err(BadBase));
    assert_eq!(bedrock(Some("http://127.0.0.1:1"), Some("eu-west-1")), Ok("http://127.0.0.1:1".into()));
    let vertex = |text, region| base("google-vertex-ai", text, Some("p"), region);
    let global = "https://aiplatform.googleapis.com/v1/projects/p/locations/global";
    let east = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5";
    assert_eq!(vertex(None, Some("global")), Ok(global.into()));
    assert_eq!(vertex(None, Some("us-east5")), Ok(east.into()));
    assert_eq!(vertex(Some("https://us-east5-aiplatform.googleapis.com"), Some("global")), Ok(east.into()));
    let own = "http://127.0.0.1:1/v1/projects/p/locations/global";
    assert_eq!(vertex(Some("http://127.0.0.1:1"), Some("global")), Ok(own.into()));
}

#[test]
fn an_address_of_azure_says_which_form_its_calls_have() {
    let azure = find("azure-openai").expect("a provider");
    let base = |text| resolve_base(azure, Some(text), Facts::default()).expect("an address");
    for (text, written, by_deployment) in [
        ("https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", false),
        ("https://r.openai.azure.com/openai/v1/", "https://r.openai.azure.com/openai/v1", false),
        (
            "https://r.openai.azure.com?api-version=2024-06-01",
            "https://r.openai.azure.com/openai?api-version=2024-06-01",
            true,
        ),
        (
            "https://r.openai.azure.com/openai/deployments",
            "https://r.openai.azure.com/openai?api-version=2024-10-21",
            true,
        ),
        (
            "https://r.openai.azure.com/openai/deployments/gpt?api-version=2024-06-01",
            "https://r.openai.azure.com/openai/deployments/gpt?api-version=2024-06-01",
            false,
        ),
        (
            "https://r.services.ai.azure.com/models?api-version=2024-05-01-preview",
            "https://r.services.ai.azure.com/models?api-version=2024-05-01-preview",
            false,
        ),
    ] {
        assert_eq!((base(text).to_string().as_str(), base(text).by_deployment()), (written, by_deployment), "{text}");
    }
    for bad in ["https://r?x=1", "https://r?api-version=", "https://r?api-version=a&b=c", "https://r/?api-version=1#x"]
    {
        assert_eq!(parse_base(bad), Err(BadBase), "{bad}");
    }
}

#[test]
fn every_slug_of_cloudflares_gateway_is_answered_to() {
    let slugs = [
        "openai",
        "anthropic",
        "google-ai-studio",
        "google-vertex-ai",
        "azure-openai",
        "aws-bedrock",
        "workers-ai",
        "grok",
        "groq",
        "mistral",
        "cohere",
        "deepseek",
        "perplexity-ai",
        "cerebras",
        "cerebras-ai",
        "openrouter",
        "fireworks",
        "baseten",
        "parallel",
        "replicate",
        "huggingface",
        "cartesia",
        "elevenlabs",
        "deepgram",
        "fal",
        "ideogram",
        "google",
        "xai",
        "alibaba",
        "minimax",
        "z-ai",
    ];
    for slug in slugs {
        assert!(find(slug).is_some(), "{slug}");
    }
}

#[test]
fn a_path_is_not_doubled() {
    for (base, rest, wanted) in [
        ("/v1", "chat/completions", "/v1/chat/completions"),
        ("/v1", "v1/chat/completions", "/v1/chat/completions"),
        ("/v1/", "/v1/models?limit=2", "/v1/models?limit=2"),
        ("/v1", "v10/x", "/v1/v10/x"),
        ("/av1", "v1/x", "/av1/v1/x"),
        ("/openai/v1", "v1/x", "/openai/v1/x"),
        ("/openai/v1", "openai/v1/x", "/openai/v1/x"),
        ("/api/v1", "chat/completions", "/api/v1/chat/completions"),
        ("", "v1beta/models/gemini:generateContent?alt=sse", "/v1beta/models/gemini:generateContent?alt=sse"),
        ("", "", "/"),
        ("/v1", "v1", "/v1"),
        ("/v1", "?x=/v1", "/v1?x=/v1"),
    ] {
        assert_eq!(upstream_path(base, rest), wanted, "{base} {rest}");
    }
}

#[test]
fn a_replaced_address_keeps_the_path_unless_it_has_its_own() {
    let groq = find("groq").expect("a provider");
    let base = |text| resolve_base(groq, Some(text), Facts::default()).map(|base| base.to_string());
    assert_eq!(base("http://127.0.0.1:9001"), Ok("http://127.0.0.1:9001/openai/v1".into()));
    assert_eq!(base("http://127.0.0.1:9001/"), Ok("http://127.0.0.1:9001/openai/v1".into()));
    assert_eq!(base("HTTPS://Example.com/own/"), Ok("https://example.com/own".into()));
    assert_eq!(base("http://[::1]:9001"), Ok("http://[::1]:9001/openai/v1".into()));
    for bad in [
        "",
        "example.com",
        "ftp://example.com",
        "http://",
        "http://user:pass@example.com",
        "http://a b",
        "http://a?x=1",
        "http://a/b#c",
        "http://a:99999",
        "http://a:x",
        "http://a:",
        "http://[::1]x",
        "http://[::1",
        "http://a/../b",
    ] {
        assert_eq!(base(bad), Err(BadBase), "{bad}");
    }
}

#[test]
fn rows_say_what_is_offered_beside_chat_and_where() {
    for provider in all() {
        let mut offers = provider.offers.clone();
        offers.sort_unstable();
        offers.dedup();
        assert_eq!(offers.len(), provider.offers.len(), "{} offers something twice", provider.slug);
        let placed = provider.paths.keys().all(|task| offers.contains(task));
        assert!(placed, "{} has a path for what it does not offer", provider.slug);
        let embeds = offers.contains(&Task::Embeddings);
        assert!(embeds || provider.embeddings.api == embed::Api::Openai, "{}", provider.slug);
        assert!(offers.contains(&Task::Rerank) || provider.rerank == rerank::Api::Jina, "{}", provider.slug);
    }
    let path = |slug, task| find(slug).expect("a provider").task_path(task);
    assert_eq!(path("openai", Task::Transcriptions), "audio/transcriptions");
    assert_eq!(path("google-ai-studio", Task::Images), "v1beta/openai/images/generations");
    assert_eq!(path("cohere", Task::Transcriptions), "v2/audio/transcriptions");
    assert_eq!(path("cohere", Task::Rerank), "v2/rerank");
    assert_eq!(path("together", Task::Rerank), "rerank");
    assert!(!find("anthropic").expect("a provider").offers.contains(&Task::Embeddings));
}
