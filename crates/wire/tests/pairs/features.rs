//! One small request for each feature.

use wire::api::Api;
use wire::chat::{
    CacheTtl, Content, Effort, Format, Json, Message, Part, Reasoning, Request, Role, Sampling, Source, Tool,
    ToolChoice, ToolKind,
};

/// A feature, and words of which one shows it in a body. An empty one shows nothing: the feature cannot be missing without
/// being noted as lost.
pub struct Feature {
    pub name: &'static str,
    pub words: &'static [&'static str],
    pub request: Request,
}

type Named = (&'static str, &'static [&'static str], Request);

const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk";

fn message(role: Role, contents: impl IntoIterator<Item = Content>) -> Message {
    Message { role, name: None, parts: contents.into_iter().map(Part::from).collect() }
}

fn ask() -> Request {
    let messages = vec![message(Role::User, [Content::text("Hi")])];
    Request { model: "m".to_owned(), max_tokens: Some(4000), messages, ..Request::default() }
}

fn shown(content: Content) -> Request {
    Request { messages: vec![message(Role::User, [Content::text("Look"), content])], ..ask() }
}

fn base64(media_type: &str) -> Source {
    Source::Base64 { media_type: media_type.to_owned(), data: PIXEL.to_owned() }
}

fn url() -> Source {
    Source::Url { url: "https://example.com/needle".to_owned(), media_type: None }
}

fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

const SCHEMA: &str =
    r#"{"type":"object","properties":{"needle":{"type":"string"}},"required":["needle"],"additionalProperties":false}"#;

fn tool(kind: ToolKind) -> Tool {
    Tool { name: "probe".to_owned(), description: Some("Probes.".to_owned()), kind, cache: None }
}

const SEARCH: &[&str] = &["googleSearch", "web_search"];

fn searching(api: Api) -> ToolKind {
    let definition = match api {
        Api::Gemini => r#"{"googleSearch":{}}"#,
        Api::Anthropic => r#"{"type":"web_search_20250305","name":"web_search"}"#,
        _ => r#"{"type":"web_search"}"#,
    };
    ToolKind::Server { api, definition: json(definition) }
}

fn function(strict: Option<bool>) -> Tool {
    tool(ToolKind::Function { parameters: Some(json(SCHEMA)), strict })
}

fn with_tool(choice: Option<ToolChoice>) -> Request {
    Request { tools: vec![function(None)], tool_choice: choice, ..ask() }
}

fn called(result: Content, is_error: bool) -> Request {
    let arguments = r#"{"needle":"x"}"#.to_owned();
    let call = Content::ToolCall { id: "call_1".to_owned(), name: "probe".to_owned(), arguments, signature: None };
    let content = vec![Part::from(Content::text("sunny")), Part::from(result)];
    let result = Content::ToolResult { call_id: "call_1".to_owned(), name: None, content, is_error };
    let messages = vec![
        message(Role::User, [Content::text("Hi")]),
        message(Role::Assistant, [call]),
        message(Role::User, [result]),
    ];
    Request { messages, ..with_tool(None) }
}

fn sampled(sampling: Sampling) -> Request {
    Request { sampling, ..ask() }
}

fn reasoned(reasoning: Reasoning) -> Request {
    Request { reasoning: Some(reasoning), ..ask() }
}

fn format() -> Format {
    Format::JsonSchema { name: "city".to_owned(), description: None, schema: json(SCHEMA), strict: Some(true) }
}

fn conversation() -> Vec<Named> {
    let system = Request {
        messages: vec![message(Role::System, [Content::text("needle")]), message(Role::User, [Content::text("Hi")])],
        ..ask()
    };
    let document = |source| Content::Document { source, name: Some("a.pdf".to_owned()) };
    let mut cached = ask();
    cached.messages[0].parts[0].cache = Some(CacheTtl::Short);
    let thought = Content::Thinking { text: "needle".to_owned(), signature: None };
    let earlier = Request {
        messages: vec![
            message(Role::User, [Content::text("Hi")]),
            message(Role::Assistant, [thought, Content::text("Hello")]),
            message(Role::User, [Content::text("So?")]),
        ],
        ..ask()
    };
    let mut declined = earlier;
    declined.messages[1] = message(Role::Assistant, [Content::Refusal { text: "needle".to_owned() }]);
    let mut named = ask();
    named.messages[0].name = Some("needle".to_owned());
    vec![
        ("instructions", &["needle"], system),
        ("speaker's name", &["needle"], named),
        ("picture", &[PIXEL], shown(Content::Image { source: base64("image/png"), detail: None })),
        ("picture by address", &["example.com/needle"], shown(Content::Image { source: url(), detail: None })),
        ("PDF", &[PIXEL], shown(document(base64("application/pdf")))),
        ("PDF by address", &["example.com/needle"], shown(document(url()))),
        ("sound", &[PIXEL], shown(Content::Audio { source: base64("audio/wav") })),
        ("film", &[PIXEL], shown(Content::Video { source: base64("video/mp4") })),
        ("an earlier refusal", &["needle"], declined),
        ("cache hint", &["cache_control", "cachePoint", "prompt_cache_breakpoint"], cached),
    ]
}

fn tools() -> Vec<Named> {
    let parallel = Request { parallel_tool_calls: Some(false), ..with_tool(None) };
    let strict = Request { tools: vec![function(Some(true))], ..ask() };
    let custom = Request { tools: vec![tool(ToolKind::Custom { format: None })], ..ask() };
    let both = Request { format: format(), ..with_tool(None) };
    let search = [Api::Gemini, Api::Anthropic, Api::OpenaiResponses].map(|api| Tool {
        name: "web_search".to_owned(),
        description: None,
        ..tool(searching(api))
    });
    vec![
        ("tools", &["needle"], with_tool(None)),
        ("strict tools", &["\"strict", "strict_tools"], strict),
        (
            "tool choice: some tool",
            &["required\"", "REQUIRED", "ANY", "\"any\""],
            with_tool(Some(ToolChoice::Required)),
        ),
        ("tool choice: a certain tool", &[""], with_tool(Some(ToolChoice::Named("probe".to_owned())))),
        ("tool choice: none", &[""], with_tool(Some(ToolChoice::None))),
        ("no parallel calls", &["parallel_tool"], parallel),
        ("calls and results", &["sunny"], called(Content::text("!"), false)),
        ("failed calls", &["sunny"], called(Content::text("!"), true)),
        ("pictures in results", &[PIXEL], called(Content::Image { source: base64("image/png"), detail: None }, false)),
        ("tools that take free text", &["probe"], custom),
        ("Gemini's web search", SEARCH, Request { tools: vec![search[0].clone()], ..ask() }),
        ("Anthropic's web search", SEARCH, Request { tools: vec![search[1].clone()], ..ask() }),
        ("OpenAI's web search", SEARCH, Request { tools: vec![search[2].clone()], ..ask() }),
        ("JSON schema", &["needle"], Request { format: format(), ..ask() }),
        ("JSON schema beside tools", &["needle"], both),
        (
            "JSON without schema",
            &["json_object", "application/json", "\"json\"", "json_answer", "output", "one JSON object"],
            Request { format: Format::JsonObject, ..ask() },
        ),
    ]
}

fn settings() -> Vec<Named> {
    let plain = Sampling::default;
    vec![
        ("temperature", &["0.25"], sampled(Sampling { temperature: Some(0.25), ..plain() })),
        ("top_p", &["0.75"], sampled(Sampling { top_p: Some(0.75), ..plain() })),
        ("top_k", &["37"], sampled(Sampling { top_k: Some(37), ..plain() })),
        ("seed", &["4242"], sampled(Sampling { seed: Some(4242), ..plain() })),
        ("presence penalty", &["0.625"], sampled(Sampling { presence_penalty: Some(0.625), ..plain() })),
        ("frequency penalty", &["0.625"], sampled(Sampling { frequency_penalty: Some(0.625), ..plain() })),
        (
            "probabilities",
            &["logprobs", "Logprobs"],
            sampled(Sampling { logprobs: Some(true), top_logprobs: Some(3), ..plain() }),
        ),
        ("most tokens", &["4321"], Request { max_tokens: Some(4321), ..ask() }),
        ("stop texts", &["needle"], Request { stop: vec!["needle".to_owned()], ..ask() }),
        ("several answers", &["\"n\":2", "candidateCount"], Request { n: Some(2), ..ask() }),
        (
            "reasoning by a word",
            &["reasoning", "hinking", "think", "effort"],
            reasoned(Reasoning { effort: Some(Effort::High), ..Reasoning::default() }),
        ),
        (
            "reasoning by a budget",
            &["reasoning", "hinking", "think", "effort"],
            reasoned(Reasoning { budget: Some(2000), ..Reasoning::default() }),
        ),
        ("end user", &["needle"], Request { user: Some("needle".to_owned()), ..ask() }),
        ("metadata", &["needle"], Request { metadata: Some(json(r#"{"a":"needle"}"#)), ..ask() }),
        ("class of service", &["flex"], Request { service_tier: Some("flex".to_owned()), ..ask() }),
        (
            "biases of tokens",
            &["-77"],
            sampled(Sampling { logit_bias: Json::parse(r#"{"50256":-77}"#).ok(), ..plain() }),
        ),
        ("keeping the answer", &["\"store\":true"], Request { store: Some(true), ..ask() }),
        ("verbosity", &["verbosity"], Request { verbosity: Some("low".to_owned()), ..ask() }),
        ("prompt cache key", &["needle"], Request { prompt_cache_key: Some("needle".to_owned()), ..ask() }),
    ]
}

/// All of them, in the order of the document.
pub fn features() -> Vec<Feature> {
    let all = conversation().into_iter().chain(tools()).chain(settings());
    all.map(|(name, words, request)| Feature { name, words, request }).collect()
}
