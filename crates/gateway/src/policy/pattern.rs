//! Texts with `*` in them, taken apart once.

/// A text in which `*` stands for any characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// What stands between the stars.
    parts: Vec<String>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self { parts: text.split('*').map(str::to_owned).collect() }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let (first, middle, last) = match self.parts.as_slice() {
            [] => return false,
            [only] => return text == only,
            [first, middle @ .., last] => (first, middle, last),
        };
        let inner = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
        let Some(mut rest) = inner else { return false };
        // The first place a part fits leaves the most for those behind it.
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

/// A model: `provider/model`, or the model alone, whoever serves it.
///
/// A pattern speaks of a provider where what stands before its first slash is one, or has a star. Otherwise `openai/*` would
/// also be about what an aggregator sells under the name `openai/…`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ModelPattern {
    /// One provider's.
    Of(String, Pattern),
    /// Of the provider's slug, a slash and the model.
    Whole(Pattern),
    /// Of the model.
    Bare(Pattern),
}

impl ModelPattern {
    /// `provider` gives the canonical slug of a provider's name.
    pub(super) fn new(text: &str, provider: &dyn Fn(&str) -> Option<String>) -> Self {
        match text.split_once('/') {
            Some((slug, _)) if slug.contains('*') => Self::Whole(Pattern::new(text)),
            Some((slug, model)) => match provider(slug) {
                Some(slug) => Self::Of(slug, Pattern::new(model)),
                // A provider that is gone must not turn its patterns into bare ones.
                None if slug.starts_with("custom-") => Self::Of(slug.to_owned(), Pattern::new(model)),
                None => Self::Bare(Pattern::new(text)),
            },
            None => Self::Bare(Pattern::new(text)),
        }
    }

    pub(super) fn matches(&self, provider: &str, model: &str) -> bool {
        match self {
            Self::Of(slug, pattern) => slug == provider && pattern.matches(model),
            Self::Whole(pattern) => pattern.matches(&format!("{provider}/{model}")),
            Self::Bare(pattern) => pattern.matches(model),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_anything_anywhere() {
        for (pattern, text, matches) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4o", true),
            ("*mini", "gpt-4o-mini", true),
            ("g*4*mini", "gpt-4o-mini", true),
            ("g*4*mini", "gpt-4o-maxi", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*b*a", "aba", true),
            ("*ab*ab*", "ab", false),
            ("**", "anything", true),
            ("", "", true),
            ("è*", "été", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_model_with_a_provider_is_that_providers() {
        let known = |slug: &str| match slug {
            "openai" => Some("openai".to_owned()),
            "xai" => Some("grok".to_owned()),
            _ => None,
        };
        for (pattern, provider, model, matches) in [
            ("openai/*", "openai", "gpt-4o", true),
            ("openai/*", "openrouter", "openai/gpt-4o", false),
            ("xai/grok-*", "grok", "grok-4", true),
            ("meta-llama/*", "together", "meta-llama/llama-3", true),
            ("custom-gone/*", "together", "custom-gone/x", false),
            ("*/gpt-4o", "openai", "gpt-4o", true),
            ("*/gpt-4o", "openrouter", "openai/gpt-4o", true),
            ("gpt-*", "azure", "gpt-4o", true),
        ] {
            assert_eq!(
                ModelPattern::new(pattern, &known).matches(provider, model),
                matches,
                "{pattern} {provider} {model}"
            );
        }
    }

    /// What a pattern means, letter by letter.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=text.len()).any(|from| naive(rest, &text[from..])),
            ([letter, rest @ ..], [first, others @ ..]) => letter == first && naive(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn a_pattern_agrees_with_its_meaning(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), naive(&letters(&pattern), &letters(&text)));
        }
    }
}
