//! What the models behind Converse take. Its API is one, but what is allowed in it differs by maker.

/// Who made a model, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// Anthropic's, with its version: 3.7 is `(3, 7)`.
    Claude(u32, u32),
    /// Amazon's Nova, with its generation.
    Nova(u32),
    /// OpenAI's open models.
    GptOss,
    /// Others; whether they keep to a JSON schema by themselves.
    Other { schemas: bool },
}

/// Marks in the names of models that keep to a schema.
const WITH_SCHEMAS: [&str; 10] = [
    "qwen.qwen3",
    "google.gemma-3",
    "minimax.",
    "magistral",
    "ministral",
    "mistral-large-3",
    "voxtral",
    "moonshot",
    "nvidia.",
    "deepseek.v3",
];

impl Model {
    /// Reads a model's name or the identifier of an inference profile.
    pub(super) fn of(name: &str) -> Self {
        if let Some((_, rest)) = name.split_once("claude-") {
            // `3-7-sonnet-20250219`, `sonnet-4-5-20250929`, `opus-4-20250514`: dates are no versions.
            let mut numbers =
                rest.split(['-', '.', ':', '@']).filter_map(|word| word.parse().ok()).take_while(|n| *n < 100);
            return Self::Claude(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        }
        if let Some((_, rest)) = name.split_once("nova-") {
            return Self::Nova(if rest.starts_with('2') { 2 } else { 1 });
        }
        if name.contains("gpt-oss") {
            return Self::GptOss;
        }
        Self::Other { schemas: WITH_SCHEMAS.iter().any(|mark| name.contains(mark)) }
    }

    pub(super) fn is_claude(self) -> bool {
        matches!(self, Self::Claude(..))
    }

    /// Whether a tool can be forced on it.
    pub(super) fn takes_forced_tools(self) -> bool {
        matches!(self, Self::Claude(..) | Self::Nova(_))
    }

    /// Whether it keeps to a JSON schema by itself.
    pub(super) fn takes_schemas(self) -> bool {
        match self {
            Self::Claude(major, minor) => (major, minor) >= (4, 5),
            Self::GptOss => true,
            Self::Nova(_) => false,
            Self::Other { schemas } => schemas,
        }
    }

    /// Whether it decides for itself how much to think, and is told in words.
    pub(super) fn thinks_adaptively(self) -> bool {
        matches!(self, Self::Claude(major, minor) if (major, minor) >= (4, 6))
    }

    /// Whether marks for the prompt cache may stand in messages.
    pub(super) fn caches(self) -> bool {
        matches!(self, Self::Claude(..) | Self::Nova(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_maker_and_version() {
        for (name, model) in [
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Model::Claude(3, 7)),
            ("anthropic.claude-3-haiku-20240307-v1:0", Model::Claude(3, 0)),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Model::Claude(4, 0)),
            ("global.anthropic.claude-haiku-4-5-20251001-v1:0", Model::Claude(4, 5)),
            ("us.anthropic.claude-sonnet-4-6", Model::Claude(4, 6)),
            ("global.anthropic.claude-fable-5", Model::Claude(5, 0)),
            ("amazon.nova-lite-v1:0", Model::Nova(1)),
            ("us.amazon.nova-2-lite-v1:0", Model::Nova(2)),
            ("openai.gpt-oss-120b-1:0", Model::GptOss),
            ("meta.llama3-2-1b-instruct-v1:0", Model::Other { schemas: false }),
            ("moonshot.kimi-k2-thinking", Model::Other { schemas: true }),
        ] {
            assert_eq!(Model::of(name), model, "{name}");
        }
    }
}
