//! Ids of calls, which OpenAI takes up to a length only, and the names of tools that take free text.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::object::Object;

/// Most bytes of a call's id.
const MOST: usize = 64;

/// The id to send for a call: itself where it fits, else a short form that is the same for the call and its result.
pub(super) fn id(asked: &str) -> Cow<'_, str> {
    if !asked.is_empty() && asked.len() <= MOST {
        return Cow::Borrowed(asked);
    }
    Cow::Owned(format!("call_{:016x}", fingerprint(asked.as_bytes())))
}

/// FNV-1a of 64 bits: short, stable, and only there to keep two long texts apart.
pub(super) fn fingerprint(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The custom tools among a caller's.
pub(super) fn custom_tools(tools: Option<&RawValue>) -> HashSet<String> {
    let list: Vec<&RawValue> = tools.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let tools = list.into_iter().filter_map(Object::of);
    tools.filter(|tool| tool.kind() == "custom").map(|tool| tool.text("name")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ids_are_shortened_alike() {
        assert_eq!(id("call_1"), "call_1");
        let long = "x".repeat(65);
        assert_eq!(id(&long), id(&long));
        assert!(id(&long).len() <= MOST && id("") != id(&long) && !id("").is_empty());
    }
}
