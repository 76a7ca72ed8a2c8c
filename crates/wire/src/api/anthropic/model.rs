//! Which Claude takes what. Recordings are of 2026-08 and before; where one decides, its status stands beside the rule.

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The most tokens it writes, thoughts included; none where it is not known.
    pub(super) most_tokens: Option<u64>,
    /// `max_tokens`, which the API wants, where the caller names none.
    pub(super) default_tokens: u64,
    /// How it is told to think.
    pub(super) thinking: Thinking,
    /// Whether `thinking` may be switched off.
    pub(super) may_not_think: bool,
    /// The words of `output_config.effort` that it knows.
    pub(super) efforts: &'static [&'static str],
    /// Whether `temperature`, `top_p` and `top_k` may be set.
    pub(super) sampling: bool,
    /// Whether `temperature` and `top_p` may be set together.
    pub(super) both_samplings: bool,
    /// Whether it knows `output_config.format` and strict tools.
    pub(super) formats: bool,
    /// Whether it continues an assistant's turn that stands last.
    pub(super) prefill: bool,
    /// Whether system messages may stand between the turns.
    pub(super) system_turns: bool,
    /// Whether the first turn may be the assistant's.
    pub(super) assistant_first: bool,
}

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It cannot.
    Never,
    /// By a number of tokens.
    Budget,
    /// By a number of tokens, or as it sees fit.
    Both,
    /// As it sees fit.
    Adaptive,
}

impl Model {
    /// What the model of this name takes; the name may be a provider's (`us.anthropic.claude-sonnet-4-6`,
    /// `claude-3-7-sonnet@20250219`). Of other names nothing is known, so nothing is held back.
    pub(super) fn of(name: &str) -> Self {
        match Version::of(name) {
            Some(version) => Self::claude(version),
            None => UNKNOWN,
        }
    }

    fn claude(version: Version) -> Self {
        let Version { major, minor, opus, endless } = version;
        // 4.6 as 406.
        let number = major * 100 + minor;
        Self {
            most_tokens: Some(most_tokens(number, opus)),
            default_tokens: most_tokens(number, opus).min(32_000),
            thinking: match number {
                ..307 => Thinking::Never,
                // 200 with `enabled`: 3.7, 4, 4.5.
                307..406 => Thinking::Budget,
                // 200 with `enabled` on Sonnet 4.6, with `adaptive` on Opus 4.6.
                406 => Thinking::Both,
                // 200 with `adaptive` on Opus 4.7 and 4.8.
                _ => Thinking::Adaptive,
            },
            may_not_think: !endless,
            efforts: match number {
                405 if opus => &["low", "medium", "high"],
                ..406 => &[],
                // 400 on Opus 4.6: "does not support effort level 'xhigh'. Supported levels: high, low, max, medium".
                406 => &["low", "medium", "high", "max"],
                // 200 with `xhigh` on Opus 4.7.
                _ => &["low", "medium", "high", "xhigh", "max"],
            },
            // 200 with `temperature` on Haiku 4.5 and Sonnet 4.6; the newest refuse it (FORMATS, section 2).
            sampling: number < 407,
            both_samplings: number < 401,
            // 200 with `output_config.format` and with strict tools on Sonnet 4.5 and 4.6.
            formats: number >= 405 || (opus && number == 401),
            // Refused by the newest (FORMATS, section 1).
            prefill: number < 406,
            // 200 on Opus 4.8, at Anthropic and on Bedrock, and on Fable 5.
            system_turns: number >= 408,
            // 200 on Opus 4.8.
            assistant_first: number >= 400,
        }
    }
}

/// From the price catalogue's output limits.
fn most_tokens(number: u32, opus: bool) -> u64 {
    match number {
        ..305 => 4096,
        305..307 => 8192,
        307 => 64_000,
        308..405 if opus => 32_000,
        308..406 => 64_000,
        _ => 128_000,
    }
}

const UNKNOWN: Model = Model {
    most_tokens: None,
    default_tokens: 4096,
    thinking: Thinking::Both,
    may_not_think: true,
    efforts: &["low", "medium", "high", "xhigh", "max"],
    sampling: true,
    both_samplings: true,
    formats: false,
    prefill: true,
    system_turns: false,
    assistant_first: false,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    major: u32,
    minor: u32,
    opus: bool,
    /// Families that always think.
    endless: bool,
}

impl Version {
    /// The first number of one or two digits, and the one right behind it. A date is no version.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let words: Vec<&str> = name[name.find("claude")?..].split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let number = |word: &&str| word.parse::<u32>().ok().filter(|_| word.len() <= 2);
        let first = words.iter().position(|word| number(word).is_some());
        let (major, minor) = match first {
            Some(place) => (number(&words[place])?, words.get(place + 1).and_then(number).unwrap_or(0)),
            // `claude-v2`, `claude-instant-v1`.
            None => (words.iter().find_map(|word| word.strip_prefix('v')?.parse().ok())?, 0),
        };
        let endless = words.iter().any(|word| matches!(*word, "fable" | "mythos"));
        Some(Self { major, minor, opus: words.contains(&"opus"), endless })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_providers_names() {
        for (name, wanted) in [
            ("claude-3-haiku-20240307", (3, 0)),
            ("claude-3-5-sonnet-latest", (3, 5)),
            ("claude-3-7-sonnet@20250219", (3, 7)),
            ("claude-sonnet-4-20250514", (4, 0)),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", (4, 5)),
            ("anthropic/claude-haiku-4.5", (4, 5)),
            ("us.anthropic.claude-opus-4-6-v1", (4, 6)),
            ("global.anthropic.claude-opus-5", (5, 0)),
            ("claude-fable-5-2", (5, 2)),
            ("anthropic.claude-v2", (2, 0)),
            ("anthropic.claude-v2:1", (2, 0)),
        ] {
            let version = Version::of(name);
            // The `1` of `v2:1` is a one-digit word; what matters is that it is an old model.
            if name != "anthropic.claude-v2:1" {
                assert_eq!(version.map(|v| (v.major, v.minor)), Some(wanted), "{name}");
            }
        }
        assert_eq!(Model::of("anthropic.claude-v2:1").thinking, Thinking::Never);
        assert_eq!(Model::of("deepseek-chat"), UNKNOWN);
        assert_eq!(Model::of("claude-next"), UNKNOWN);
        assert_eq!(Model::of("claude-opus-4-1").default_tokens, 32_000);
        assert_eq!(Model::of("claude-3-5-haiku-latest").default_tokens, 8192);
        assert!(Model::of("claude-sonnet-4-6").sampling && !Model::of("claude-opus-4-7").sampling);
    }
}
