//! What is special about a provider among those that speak the same API. A row in `providers.toml` says so.

use serde::Deserialize;

/// The specialities; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Request fields that the provider answers with an error. `messages.name` is the speaker's name.
    pub refuses: Vec<String>,
    /// Fields that have another name there: ours, theirs.
    pub renames: Vec<(String, String)>,
    /// The field that holds reasoning in the assistant's messages: `reasoning_content`, `reasoning`, `reasoning_details`, or
    /// `content` where it is part of the content (Mistral); none where reasoning must not be sent back.
    pub reasoning_field: Option<String>,
    /// How the provider is asked to think: `reasoning_effort`, which is the default, `reasoning` (OpenRouter), `thinking`
    /// (DeepSeek and others), `enable_thinking` (Alibaba), or `none`.
    pub reasoning_request: Option<String>,
    /// Whether `developer` messages must be sent as `system`.
    pub no_developer: bool,
    /// Whether ids of tool calls must be nine letters and digits.
    pub short_call_ids: bool,
    /// Whether JSON schemas for the answer are unknown.
    pub no_json_schema: bool,
    /// Whether `stream_options` must not be sent.
    pub no_stream_options: bool,
    /// Whether tools that take free text are known.
    pub custom_tools: bool,
    /// Whether Anthropic's cache hints are passed on.
    pub cache_control: bool,
    /// Whether a tool's result may hold pictures.
    pub images_in_results: bool,
    /// Whether content must be one string where it is all text.
    pub joins_text: bool,
}
