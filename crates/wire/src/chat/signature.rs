//! Signatures that a provider puts on its reasoning and wants back unchanged with the next turn.
//!
//! A caller whose API differs from the provider's keeps a foreign signature in its own field for signatures. There it is
//! written as `maker#value`, so that it goes back to nobody but its maker.

use crate::api::Api;

/// A provider's mark on its reasoning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who can read it.
    pub maker: Api,
    /// What it wrote.
    pub value: String,
}

impl Signature {
    /// Reads the field of a caller or provider that speaks `own`.
    #[must_use]
    pub fn read(text: &str, own: Api) -> Self {
        let foreign = text.split_once('#').and_then(|(maker, value)| Some((Api::from_name(maker)?, value)));
        match foreign {
            Some((maker, value)) => Self { maker, value: value.to_owned() },
            None => Self { maker: own, value: text.to_owned() },
        }
    }

    /// What stands in the field of a caller that speaks `own`.
    #[must_use]
    pub fn write(&self, own: Api) -> String {
        if self.maker == own { self.value.clone() } else { format!("{}#{}", self.maker.name(), self.value) }
    }

    /// The value, where `provider` made it.
    #[must_use]
    pub fn for_provider(&self, provider: Api) -> Option<&str> {
        (self.maker == provider).then_some(self.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_signature_comes_back_to_its_maker_only() {
        let made = Signature { maker: Api::Gemini, value: "CiQB#x".into() };
        let kept = made.write(Api::Anthropic);
        assert_eq!(kept, "gemini#CiQB#x");
        assert_eq!(Signature::read(&kept, Api::Anthropic), made);
        assert_eq!(made.for_provider(Api::Anthropic), None);
        assert_eq!(Signature::read("EqQB", Api::Anthropic).write(Api::Anthropic), "EqQB");
    }
}
