//! What a caller asks for.

use super::{CacheTtl, Json, Part};
use crate::api::Api;

/// A question, in the common form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The API the caller speaks, where that is known: fields in `extra` are its.
    pub front: Option<Api>,
    /// The model, as the caller named it.
    pub model: String,
    /// Whether the answer is to come in pieces.
    pub stream: bool,
    /// Whether a stream is to report its usage; the APIs but OpenAI's chat completions always do.
    pub include_usage: bool,
    /// The conversation, system messages included, in order.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    pub parallel_tool_calls: Option<bool>,
    /// The shape of the answer.
    pub format: Format,
    /// Most tokens of the answer.
    pub max_tokens: Option<u64>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// How much to think first.
    pub reasoning: Option<Reasoning>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// How many answers.
    pub n: Option<u64>,
    /// The end user, as the caller names them.
    pub user: Option<String>,
    /// The provider's class of service.
    pub service_tier: Option<String>,
    /// The caller's notes.
    pub metadata: Option<Json>,
    /// OpenAI's key for its prompt cache.
    pub prompt_cache_key: Option<String>,
    /// How many words to make: `low`, `medium`, `high`.
    pub verbosity: Option<String>,
    /// Whether the provider may keep the conversation.
    pub store: Option<bool>,
    /// What the front API has and this form does not, name and value, to be passed to a provider of the same family or
    /// reported as a loss.
    pub extra: Vec<(String, Json)>,
}

/// How tokens are chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2 in OpenAI's scale.
    pub temperature: Option<f64>,
    /// Nucleus.
    pub top_p: Option<f64>,
    /// The best so many.
    pub top_k: Option<u64>,
    /// For repeatable answers.
    pub seed: Option<i64>,
    /// −2 to 2.
    pub presence_penalty: Option<f64>,
    /// −2 to 2.
    pub frequency_penalty: Option<f64>,
    /// Token id to bias.
    pub logit_bias: Option<Json>,
    /// Whether to report probabilities.
    pub logprobs: Option<bool>,
    /// Of how many alternatives.
    pub top_logprobs: Option<u64>,
}

/// A turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Whose.
    pub role: Role,
    /// The speaker's name.
    pub name: Option<String>,
    /// What is said.
    pub parts: Vec<Part>,
}

/// Whose turn it is. Results of tools are [`Content::ToolResult`](super::Content::ToolResult) in a user's turn; decoders
/// put all results of one assistant turn into one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator's instructions.
    System,
    /// The same under OpenAI's newer name.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// What the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name, as the caller knows it.
    pub name: String,
    /// What it is good for.
    pub description: Option<String>,
    /// Who runs it and what it takes.
    pub kind: ToolKind,
    /// Whether the prompt up to here is worth caching.
    pub cache: Option<CacheTtl>,
}

/// Who runs a tool and what it takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolKind {
    /// The caller; takes an object.
    Function {
        /// JSON schema of the object; none where the caller gave none.
        parameters: Option<Json>,
        /// Whether the arguments must fit the schema exactly; none where the caller did not say.
        strict: Option<bool>,
    },
    /// The caller; takes free text (OpenAI's custom tools).
    Custom {
        /// The grammar of the text.
        format: Option<Json>,
    },
    /// The provider (web search and the like).
    Server {
        /// Whose it is.
        api: Api,
        /// The definition, as it came.
        definition: Json,
    },
}

/// Whether and what the model must call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Nothing.
    None,
    /// Something.
    Required,
    /// This.
    Named(String),
}

/// The shape of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// Words.
    #[default]
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The schema.
        schema: Json,
        /// Whether it must fit exactly; none where the caller did not say.
        strict: Option<bool>,
    },
}

/// How much to think.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// In words.
    pub effort: Option<Effort>,
    /// In tokens; 0 is not at all.
    pub budget: Option<u64>,
    /// Whether the caller wants to see it; none where the caller did not say.
    pub visible: Option<bool>,
    /// Whether the model decides for itself (Anthropic's `adaptive`, Gemini's −1).
    pub dynamic: bool,
}

/// How much to think, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    ExtraHigh,
    /// Without regard to cost.
    Max,
}

impl Effort {
    /// Every one, from little to much.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::ExtraHigh, Self::Max];

    /// The field's usual word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::ExtraHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }

    /// The tokens that stand for it where a provider counts: 0, 1024, 2048, 8192, 16384, 24576, 32768.
    #[must_use]
    pub fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 1024,
            Self::Low => 2048,
            Self::Medium => 8192,
            Self::High => 16384,
            Self::ExtraHigh => 24576,
            Self::Max => 32768,
        }
    }

    /// The word for a number of tokens.
    #[must_use]
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..2048 => Self::Low,
            2048..8192 => Self::Medium,
            _ => Self::High,
        }
    }
}

impl Request {
    /// Whether thoughts are to be shown. A caller of Chat Completions or of Anthropic has no need to ask for it: whoever asks
    /// these for reasoning gets to see it, where `provider` must be told.
    #[must_use]
    pub fn shows_thoughts(&self, provider: Api) -> Option<bool> {
        let reasoning = self.reasoning.as_ref()?;
        let thinks = reasoning.dynamic || reasoning.effort().is_some_and(|effort| effort > Effort::None);
        let foreign = match self.front {
            Some(Api::Anthropic) => provider != Api::Anthropic,
            Some(Api::OpenaiChat) => provider == Api::Gemini,
            _ => false,
        };
        reasoning.visible.or((thinks && foreign).then_some(true))
    }
}

impl Reasoning {
    /// The effort, said or reckoned from the budget.
    #[must_use]
    pub fn effort(&self) -> Option<Effort> {
        self.effort.or(self.budget.map(Effort::of_budget))
    }

    /// The budget, said or reckoned from the effort.
    #[must_use]
    pub fn budget(&self) -> Option<u64> {
        self.budget.or(self.effort.map(Effort::budget))
    }
}
