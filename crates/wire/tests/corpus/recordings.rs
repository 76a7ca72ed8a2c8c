//! The recordings: a folder for each exchange, in `provider/operation/name`. Without a directory of recordings there are
//! none, and the tests say so.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wire::api::Api;

/// A recorded exchange.
pub struct Case {
    /// `provider/operation/name`.
    pub name: String,
    pub provider: String,
    pub operation: String,
    folder: PathBuf,
    meta: Value,
    /// With `method`, `path` and `body`.
    pub request: Value,
    /// With `status` and `body`.
    pub response: Value,
}

/// The cases of which provider and operation are `wanted`, in the order of their names.
pub fn cases(wanted: impl Fn(&str, &str) -> bool) -> Vec<Case> {
    let Some(corpus) = corpus() else {
        eprintln!("\n*** SKIPPED: WEIR_WIRE_CORPUS names no directory of recorded traffic ***\n");
        return Vec::new();
    };
    let mut found = Vec::new();
    for provider in folders(&corpus) {
        for operation in folders(&provider) {
            if wanted(&last_name(&provider), &last_name(&operation)) {
                found.extend(folders(&operation).into_iter().map(Case::read));
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The cases of an operation, whoever the provider is.
pub fn operations(names: &[&str]) -> Vec<Case> {
    cases(|_, operation| names.contains(&operation))
}

/// The cases of a chat API.
pub fn of(api: Api) -> Vec<Case> {
    operations(match api {
        Api::OpenaiChat => &["chat_completions"],
        Api::OpenaiResponses => &["responses"],
        Api::Anthropic => &["messages"],
        Api::Gemini => &["generate_content", "stream_generate_content"],
        Api::Bedrock => &["converse", "converse_stream"],
        Api::Cohere => &["chat_v2"],
        Api::Ollama => &["native_chat"],
        Api::Replicate => &["predictions"],
    })
}

/// Tells how many cases were compared, and holds that against what the whole collection has. A part of it, or another one, may
/// have any number.
pub fn compared(number: usize, at_least: usize, what: &str) {
    /// Cases of the whole collection.
    const WHOLE: usize = 1_400;
    eprintln!("{number} {what} compared");
    let index = corpus().and_then(|corpus| fs::read_to_string(corpus.join("index.jsonl")).ok());
    let is_whole = index.is_some_and(|index| index.lines().count() >= WHOLE);
    assert!(number >= at_least || !is_whole, "only {number} {what} of at least {at_least}");
}

fn corpus() -> Option<PathBuf> {
    std::env::var_os("WEIR_WIRE_CORPUS").map(PathBuf::from)
}

fn folders(above: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(above).unwrap_or_else(|error| panic!("{}: {error}", above.display()));
    entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
}

fn last_name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let operation = folder.parent().map(last_name).unwrap_or_default();
        let provider = folder.parent().and_then(Path::parent).map(last_name).unwrap_or_default();
        let name = format!("{provider}/{operation}/{}", last_name(&folder));
        let json = |file: &str| match fs::read(folder.join(file)) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}/{file}: {error}")),
            Err(_) => Value::Null,
        };
        let [meta, request, response] = ["meta.json", "request.json", "response.json"].map(json);
        Self { name, provider, operation, folder, meta, request, response }
    }

    /// Whether the provider was content.
    pub fn is_good(&self) -> bool {
        self.response["status"] == 200
    }

    /// Whether the recording tells this of itself.
    pub fn has_feature(&self, name: &str) -> bool {
        self.meta["features"].as_array().into_iter().flatten().any(|feature| feature == name)
    }

    /// The model, as far as it is known.
    pub fn model(&self) -> &str {
        self.request["body"]["model"].as_str().or(self.meta["model"].as_str()).unwrap_or_default()
    }

    /// The body of the question, where it is JSON and was recorded.
    pub fn question(&self) -> Option<&Value> {
        Some(&self.request["body"]).filter(|body| self.meta["request_recorded"] == true && body.is_object())
    }

    /// The body of the answer, where it is JSON and a whole one.
    pub fn answer(&self) -> Option<&Value> {
        Some(&self.response["body"]).filter(|body| body.is_object() || body.is_array())
    }

    /// The bytes of a stream.
    pub fn stream(&self) -> Option<Vec<u8>> {
        ["response.sse", "response.ndjson", "response.eventstream"].into_iter().find_map(|file| self.file(file))
    }

    /// A file beside the others.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }
}

/// The documents of a stream of events, found line by line.
pub fn documents(stream: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stream);
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    lines.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
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
