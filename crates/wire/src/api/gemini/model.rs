//! What a model of Google's can take, told from its name.

/// A model, by generation and family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    generation: Option<(u32, u32)>,
    pro: bool,
    lite: bool,
    image: bool,
    gemini: bool,
}

/// How a model is told how much to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// It does not think.
    Never,
    /// In tokens, within these bounds; `off` where 0 is allowed.
    Budget {
        /// Fewest.
        least: u64,
        /// Most.
        most: u64,
        /// Whether it can be turned off.
        off: bool,
    },
    /// In words; `least` is the least of them, `medium` whether there is something between little and much.
    Level {
        /// The least word.
        least: &'static str,
        /// Whether `medium` is known.
        medium: bool,
    },
}

impl Model {
    /// Reads `gemini-2.5-flash`, `models/gemini-3-pro-preview`, `publishers/google/models/…`. What has no generation in
    /// its name (`gemini-flash-latest`, numbers of tuned models) is taken for a new one.
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let numbers = name.strip_prefix("gemini-").map(|rest| rest.split('-').next().unwrap_or(rest));
        let generation = numbers.and_then(|numbers| {
            let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
        Self {
            generation,
            pro: name.contains("pro"),
            lite: name.contains("lite"),
            image: name.contains("image"),
            gemini: !name.starts_with("gemma") && !name.starts_with("learnlm"),
        }
    }

    fn since(self, major: u32, minor: u32) -> bool {
        self.gemini && self.generation.is_none_or(|generation| generation >= (major, minor))
    }

    /// Whether it takes JSON schemas as they are; older ones know a subset of OpenAPI's.
    pub(super) fn takes_json_schema(self) -> bool {
        self.since(2, 5)
    }

    /// Whether it refuses a call in the history that lacks its signature, and takes what only the third generation
    /// takes: media in results of tools, a resolution for each picture, its own tools beside the caller's, answers in a
    /// schema beside tools.
    pub(super) fn is_third_generation(self) -> bool {
        self.since(3, 0)
    }

    /// How it is told how much to think.
    pub(super) fn thinking(self) -> Thinking {
        let budget = |least, most, off| Thinking::Budget { least, most, off };
        match self.generation {
            _ if !self.gemini => Thinking::Never,
            Some(generation) if generation < (2, 5) => Thinking::Never,
            Some(generation) if generation < (3, 0) && self.image => Thinking::Never,
            Some(generation) if generation < (3, 0) && self.pro => budget(128, 32768, false),
            Some(generation) if generation < (3, 0) && self.lite => budget(512, 24576, true),
            Some(generation) if generation < (3, 0) => budget(1, 24576, true),
            Some((3, 0)) if self.pro => Thinking::Level { least: "low", medium: false },
            _ if self.pro => Thinking::Level { least: "low", medium: true },
            _ => Thinking::Level { least: "minimal", medium: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_from_names() {
        for (name, json_schema, third) in [
            ("gemini-1.5-pro-002", false, false),
            ("models/gemini-2.0-flash", false, false),
            ("gemini-2.5-flash-lite", true, false),
            ("publishers/google/models/gemini-3-pro-preview", true, true),
            ("gemini-3.6-flash", true, true),
            ("gemini-flash-latest", true, true),
            ("gemma-3-27b-it", false, false),
        ] {
            let model = Model::of(name);
            assert_eq!((model.takes_json_schema(), model.is_third_generation()), (json_schema, third), "{name}");
        }
    }

    #[test]
    fn each_generation_is_told_to_think_in_its_own_way() {
        assert_eq!(Model::of("gemini-2.0-flash").thinking(), Thinking::Never);
        assert_eq!(Model::of("gemini-2.5-pro").thinking(), Thinking::Budget { least: 128, most: 32768, off: false });
        assert_eq!(Model::of("gemini-3-pro-preview").thinking(), Thinking::Level { least: "low", medium: false });
        assert_eq!(Model::of("gemini-3.1-pro-preview").thinking(), Thinking::Level { least: "low", medium: true });
        assert_eq!(Model::of("gemini-flash-latest").thinking(), Thinking::Level { least: "minimal", medium: true });
    }
}
