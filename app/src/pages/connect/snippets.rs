//! Snippets that work as they are: real address, team and gateway filled in, the token too where it was just issued.

/// What the snippets are filled with.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Scheme and host, without a slash at the end.
    pub origin: &'a str,
    pub team: &'a str,
    pub gateway: &'a str,
    /// The token, or a word that stands for it.
    pub token: &'a str,
}

/// Stands for a token that is not known any more.
pub const TOKEN_PLACEHOLDER: &str = "YOUR_WEIR_TOKEN";

/// An application or library somebody may connect.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Its name in the URL.
    pub slug: &'static str,
    pub name: &'static str,
    /// The provider whose key it spends.
    pub provider: &'static str,
    snippets: fn(Target<'_>) -> Vec<Snippet>,
}

/// Something to paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// What it shows, in a few words.
    pub title: &'static str,
    pub code: String,
}

impl Client {
    /// The ready-made snippets, the recommended one first.
    #[must_use]
    pub fn snippets(&self, target: Target<'_>) -> Vec<Snippet> {
        (self.snippets)(target)
    }
}

/// Every client, in the order of the tabs.
pub const CLIENTS: &[Client] = &[
    Client { slug: "curl", name: "curl", provider: "openai", snippets: curl },
    Client { slug: "openai-python", name: "OpenAI Python", provider: "openai", snippets: openai_python },
    Client { slug: "openai-node", name: "OpenAI Node", provider: "openai", snippets: openai_node },
    Client { slug: "anthropic", name: "Anthropic", provider: "anthropic", snippets: anthropic },
    Client { slug: "gemini", name: "Gemini", provider: "google-ai-studio", snippets: gemini },
    Client { slug: "vercel", name: "Vercel AI SDK", provider: "openai", snippets: vercel },
    Client { slug: "claude-code", name: "Claude Code", provider: "anthropic", snippets: claude_code },
];

/// The client of that name, or the first.
#[must_use]
pub fn find(slug: Option<&str>) -> &'static Client {
    CLIENTS.iter().find(|client| Some(client.slug) == slug).unwrap_or(&CLIENTS[0])
}

const SHORT: &str = "Any provider through one address; the model names it";
const LONG: &str = "The provider's own API through this gateway";

impl Target<'_> {
    /// `https://host/v1/team/gateway/{rest}`.
    fn path(self, rest: &str) -> String {
        format!("{}/v1/{}/{}/{rest}", self.origin, self.team, self.gateway)
    }
}

fn curl(target: Target<'_>) -> Vec<Snippet> {
    let call = |url: &str, model: &str| {
        format!(
            r#"curl {url} \
  -H "Authorization: Bearer {token}" \
  -H "Content-Type: application/json" \
  -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'"#,
            token = target.token,
        )
    };
    vec![
        Snippet { title: LONG, code: call(&target.path("openai/chat/completions"), "gpt-4o-mini") },
        Snippet { title: SHORT, code: call(&target.path("compat/chat/completions"), "openai/gpt-4o-mini") },
        Snippet {
            title: "Without team and gateway in the address, where the token belongs to one gateway",
            code: call(&format!("{}/v1/chat/completions", target.origin), "openai/gpt-4o-mini"),
        },
    ]
}

fn openai_python(target: Target<'_>) -> Vec<Snippet> {
    let program = |base: &str, model: &str| {
        format!(
            r#"from openai import OpenAI

client = OpenAI(
    base_url="{base}",
    api_key="{token}",
)
answer = client.chat.completions.create(
    model="{model}",
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.choices[0].message.content)"#,
            token = target.token,
        )
    };
    vec![
        Snippet { title: LONG, code: program(&target.path("openai"), "gpt-4o-mini") },
        Snippet { title: SHORT, code: program(&target.path("compat"), "openai/gpt-4o-mini") },
    ]
}

fn openai_node(target: Target<'_>) -> Vec<Snippet> {
    let program = |base: &str, model: &str| {
        format!(
            r#"import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: "{base}",
  apiKey: "{token}",
}});
const answer = await client.chat.completions.create({{
  model: "{model}",
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.choices[0].message.content);"#,
            token = target.token,
        )
    };
    vec![
        Snippet { title: LONG, code: program(&target.path("openai"), "gpt-4o-mini") },
        Snippet { title: SHORT, code: program(&target.path("compat"), "openai/gpt-4o-mini") },
    ]
}

fn anthropic(target: Target<'_>) -> Vec<Snippet> {
    let (base, token) = (target.path("anthropic"), target.token);
    let python = format!(
        r#"import anthropic

client = anthropic.Anthropic(
    base_url="{base}",
    api_key="{token}",
)
answer = client.messages.create(
    model="claude-haiku-4-5",
    max_tokens=256,
    messages=[{{"role": "user", "content": "Hello"}}],
)
print(answer.content[0].text)"#
    );
    let node = format!(
        r#"import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({{
  baseURL: "{base}",
  apiKey: "{token}",
}});
const answer = await client.messages.create({{
  model: "claude-haiku-4-5",
  max_tokens: 256,
  messages: [{{ role: "user", content: "Hello" }}],
}});
console.log(answer.content[0].text);"#
    );
    vec![Snippet { title: "Python", code: python }, Snippet { title: "Node", code: node }]
}

fn gemini(target: Target<'_>) -> Vec<Snippet> {
    let (base, token) = (target.path("google-ai-studio"), target.token);
    let python = format!(
        r#"from google import genai
from google.genai import types

client = genai.Client(
    api_key="{token}",
    http_options=types.HttpOptions(base_url="{base}"),
)
answer = client.models.generate_content(model="gemini-2.5-flash", contents="Hello")
print(answer.text)"#
    );
    let node = format!(
        r#"import {{ GoogleGenAI }} from "@google/genai";

const client = new GoogleGenAI({{
  apiKey: "{token}",
  httpOptions: {{ baseUrl: "{base}" }},
}});
const answer = await client.models.generateContent({{ model: "gemini-2.5-flash", contents: "Hello" }});
console.log(answer.text);"#
    );
    vec![
        Snippet { title: "Python (google-genai)", code: python },
        Snippet { title: "Node (@google/genai)", code: node },
    ]
}

fn vercel(target: Target<'_>) -> Vec<Snippet> {
    let token = target.token;
    let program = |base: &str, model: &str| {
        format!(
            r#"import {{ createOpenAICompatible }} from "@ai-sdk/openai-compatible";
import {{ generateText }} from "ai";

const weir = createOpenAICompatible({{
  name: "weir",
  baseURL: "{base}",
  apiKey: "{token}",
}});
const {{ text }} = await generateText({{
  model: weir("{model}"),
  prompt: "Hello",
}});
console.log(text);"#
        )
    };
    vec![
        Snippet { title: LONG, code: program(&target.path("openai"), "gpt-4o-mini") },
        Snippet { title: SHORT, code: program(&target.path("compat"), "openai/gpt-4o-mini") },
    ]
}

fn claude_code(target: Target<'_>) -> Vec<Snippet> {
    let (base, token) = (target.path("anthropic"), target.token);
    let shell = format!("export ANTHROPIC_BASE_URL={base}\nexport ANTHROPIC_AUTH_TOKEN={token}\nclaude");
    let settings = format!(
        r#"{{
  "env": {{
    "ANTHROPIC_BASE_URL": "{base}",
    "ANTHROPIC_AUTH_TOKEN": "{token}"
  }}
}}"#
    );
    let other = format!(
        "export ANTHROPIC_BASE_URL={}\nexport ANTHROPIC_AUTH_TOKEN={token}\nexport ANTHROPIC_MODEL=openai/gpt-4.1\n\
         export ANTHROPIC_DEFAULT_HAIKU_MODEL=openai/gpt-4.1-mini\nclaude",
        target.path("compat"),
    );
    vec![
        Snippet { title: "In the shell", code: shell },
        Snippet { title: "For good, in ~/.claude/settings.json", code: settings },
        Snippet { title: "With models of another provider, translated by Weir", code: other },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target<'_> =
        Target { origin: "https://weir.example.com", team: "acme", gateway: "main", token: "weir_abc" };

    #[test]
    fn every_snippet_has_the_real_values() {
        for client in CLIENTS {
            for snippet in client.snippets(TARGET) {
                assert!(snippet.code.contains("https://weir.example.com/v1/"), "{}", snippet.code);
                assert!(snippet.code.contains("weir_abc"), "{}", snippet.code);
                assert!(!snippet.code.contains("{{"), "{}", snippet.code);
            }
        }
    }

    #[test]
    fn openai_clients_show_both_ways_in() {
        for slug in ["curl", "openai-python", "openai-node", "vercel"] {
            let code: String = find(Some(slug)).snippets(TARGET).into_iter().map(|snippet| snippet.code).collect();
            assert!(code.contains("/v1/acme/main/openai") && code.contains("/v1/acme/main/compat"), "{slug}");
        }
    }

    #[test]
    fn the_short_form_has_neither_team_nor_gateway() {
        let last = find(None).snippets(TARGET).pop().expect("three forms of curl");
        assert!(last.code.starts_with("curl https://weir.example.com/v1/chat/completions \\"), "{}", last.code);
    }

    #[test]
    fn an_unknown_client_is_the_first() {
        assert_eq!(find(Some("fax")).slug, "curl");
    }
}
