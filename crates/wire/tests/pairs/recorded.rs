//! The recordings, by the API that they speak.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wire::api::{self, Api, Quirks, Target};
use wire::chat::Asked;
use wire::translate::{self, Translation};

/// A recorded exchange.
pub struct Case {
    pub name: String,
    pub folder: PathBuf,
}

/// What providers call the operation.
fn operations(api: Api) -> &'static [&'static str] {
    match api {
        Api::OpenaiChat => &["chat_completions"],
        Api::OpenaiResponses => &["responses"],
        Api::Anthropic => &["messages"],
        Api::Gemini => &["generate_content", "stream_generate_content"],
        Api::Bedrock => &["converse", "converse_stream"],
        Api::Cohere => &["chat_v2"],
        Api::Ollama => &["native_chat"],
    }
}

/// The recordings of an API; none where there are no recordings at all.
pub fn cases(api: Api) -> Option<Vec<Case>> {
    let Some(corpus) = std::env::var_os("WEIR_WIRE_CORPUS") else {
        eprintln!("\n*** SKIPPED: WEIR_WIRE_CORPUS names no directory of recorded traffic ***\n");
        return None;
    };
    let providers = folders(Path::new(&corpus));
    let wanted = providers.iter().flat_map(|provider| operations(api).iter().map(|operation| provider.join(operation)));
    let mut found: Vec<_> = wanted.flat_map(|operation| folders(&operation)).map(Case::of).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 15, "only {} cases of {}", found.len(), api.name());
    Some(found)
}

fn folders(above: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(above).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
}

impl Case {
    fn of(folder: PathBuf) -> Self {
        let last: Vec<_> = folder.iter().rev().take(3).map(|name| name.to_string_lossy().into_owned()).collect();
        Self { name: format!("{}/{}/{}", last[2], last[1], last[0]), folder }
    }

    fn json(&self, file: &str) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.folder.join(file)).ok()?).ok()
    }

    /// The body of the answer, where it is a whole one.
    pub fn answer(&self) -> Option<Vec<u8>> {
        let body = self.json("response.json")?["body"].take();
        body.is_object().then(|| body.to_string().into_bytes())
    }

    /// The bytes of a stream.
    pub fn stream(&self) -> Option<Vec<u8>> {
        let files = ["response.sse", "response.ndjson", "response.eventstream"];
        files.iter().find_map(|file| fs::read(self.folder.join(file)).ok())
    }

    /// The body of the question, and whether the provider took it.
    pub fn request(&self) -> Option<(Vec<u8>, bool)> {
        let meta = self.json("meta.json")?;
        if meta["request_recorded"] != true {
            return None;
        }
        let body = self.json("request.json")?["body"].take();
        body.is_object().then(|| (body.to_string().into_bytes(), meta["status"] == 200))
    }
}

/// A model of the kind that an API serves.
pub fn model(api: Api) -> &'static str {
    match api {
        Api::OpenaiChat | Api::OpenaiResponses => "gpt-5",
        Api::Anthropic => "claude-sonnet-4-5",
        Api::Gemini => "gemini-2.5-pro",
        Api::Bedrock => "anthropic.claude-sonnet-4-5-20250929-v1:0",
        Api::Cohere => "command-a-reasoning-08-2025",
        Api::Ollama => "qwen3",
    }
}

/// The way back of a plain question.
pub fn translation(front: Api, provider: Api) -> Translation {
    let body = match front {
        Api::OpenaiResponses => r#"{"model":"m","input":"Hi"}"#,
        Api::Gemini => r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#,
        _ => {
            r#"{"model":"m","max_tokens":9,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}]}"#
        }
    };
    let path = api::Path { model: Some("m"), stream: None };
    let quirks = Quirks::default();
    let target = Target { model: model(provider), quirks: &quirks };
    let asked = Asked {
        id: "0123456789abcdef".to_owned(),
        created: 1,
        model: "m".to_owned(),
        body: body.as_bytes().to_vec().into(),
        ..Asked::default()
    };
    translate::request((front, provider), body.as_bytes(), path, target, asked).expect("a question").translation
}

/// What went wrong, gathered so that one run shows all of it.
#[derive(Default)]
pub struct Faults(Vec<String>);

impl Faults {
    pub fn check(&mut self, fine: bool, what: impl FnOnce() -> String) {
        if !fine {
            self.0.push(what());
        }
    }

    pub fn none(self) {
        const SHOWN: usize = 25;
        for fault in self.0.iter().take(SHOWN) {
            eprintln!("{fault}\n");
        }
        assert!(self.0.is_empty(), "{} faults", self.0.len());
    }
}
