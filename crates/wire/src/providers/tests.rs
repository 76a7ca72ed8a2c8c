use super::*;

#[test]
fn every_row_is_complete_and_no_slug_is_used_twice() {
    let mut slugs: Vec<&str> = Vec::new();
    for provider in all() {
        assert!(resolve_base(provider, None).is_ok(), "{}", provider.slug);
        assert!(!provider.base_url.ends_with('/') && !provider.chat_path.starts_with('/'), "{}", provider.slug);
        slugs.push(&provider.slug);
        slugs.extend(provider.aliases.iter().map(String::as_str));
        assert!(
            crate::price::PriceBook::builtin().models(&provider.price_provider).next().is_some(),
            "{}",
            provider.slug
        );
    }
    let count = slugs.len();
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), count);
    assert_eq!(find("xai").map(|provider| provider.slug.as_str()), Some("grok"));
    assert!(find("nobody").is_none());
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
    let base = |text| resolve_base(groq, Some(text)).map(|base| base.to_string());
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
