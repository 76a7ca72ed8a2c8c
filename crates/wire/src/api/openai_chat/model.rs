//! What a model's name says about the requests it takes.

/// A family of OpenAI's, as far as requests differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// o1, o3, o4-mini, GPT-5 and later: no sampling, another name for the token limit.
    Reasoning,
    /// o1-mini and o1-preview, which besides know no operator.
    Unguided,
    /// GPT-3.5, GPT-4 and the like: never think.
    Plain,
    /// Anybody else's.
    Foreign,
}

impl Family {
    /// The family of a model; names may have a vendor before them and a version behind (`openai/gpt-5-mini`, `o3:2025-04-16`).
    pub(super) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
        let digit_after = |prefix: &str| {
            name.strip_prefix(prefix).and_then(|rest| rest.chars().next()).and_then(|first| first.to_digit(10))
        };
        if name.starts_with("o1-mini") || name.starts_with("o1-preview") {
            return Self::Unguided;
        }
        match (digit_after("o"), digit_after("gpt-")) {
            (Some(_), _) => Self::Reasoning,
            (_, Some(5..)) if !name.contains("-chat") => Self::Reasoning,
            (_, Some(_)) => Self::Plain,
            _ if name.starts_with("chatgpt-") => Self::Plain,
            _ => Self::Foreign,
        }
    }

    pub(super) fn reasons(self) -> bool {
        matches!(self, Self::Reasoning | Self::Unguided)
    }

    pub(super) fn is_openai(self) -> bool {
        self != Self::Foreign
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_families_apart() {
        for (model, family) in [
            ("o3", Family::Reasoning),
            ("openai/o4-mini-2025-04-16", Family::Reasoning),
            ("gpt-5-mini", Family::Reasoning),
            ("gpt-5.1", Family::Reasoning),
            ("gpt-5-chat-latest", Family::Plain),
            ("o1-mini", Family::Unguided),
            ("gpt-4o", Family::Plain),
            ("chatgpt-4o-latest", Family::Plain),
            ("gpt-oss-120b", Family::Foreign),
            ("openai/gpt-oss-20b", Family::Foreign),
            ("olmo-2", Family::Foreign),
            ("claude-sonnet-4-5", Family::Foreign),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
