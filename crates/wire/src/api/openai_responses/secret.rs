//! The encrypted content of reasoning items.
//!
//! OpenAI checks that it comes back under the id it was given out with, so both travel together as `id:secret`. Secrets of
//! other makers stand in the same field behind their maker's name. A mark that belongs to a call (Gemini's) is written
//! into a reasoning item beside the call as `gemini#call#mark`, because a call has no field for it.

use crate::api::Api;
use crate::chat::Signature;

const OWN: Api = Api::OpenaiResponses;

/// A secret as it was read, and the call it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// Of the reasoning item itself.
    Reasoning(Signature),
    /// Of a call, named by its id.
    Call(String, Signature),
}

/// Reads the encrypted content of the item `id`.
pub(super) fn read(id: &str, text: &str) -> Secret {
    let Signature { maker, value } = Signature::read(text, OWN);
    if maker == OWN {
        // A secret that was written for a caller may hold its id already.
        let value = if value.contains(':') { value } else { format!("{id}:{value}") };
        return Secret::Reasoning(Signature { maker, value });
    }
    match value.rsplit_once('#') {
        Some((call, mark)) => Secret::Call(call.to_owned(), Signature { maker, value: mark.to_owned() }),
        None => Secret::Reasoning(Signature { maker, value }),
    }
}

/// The item's id, where this API made the secret, and the encrypted content to write.
pub(super) fn write(signature: &Signature) -> (Option<&str>, String) {
    match signature.for_provider(OWN) {
        Some(value) => {
            let (id, secret) = value.split_once(':').unwrap_or(("", value));
            (Some(id).filter(|id| !id.is_empty()), secret.to_owned())
        }
        None => (None, signature.write(OWN)),
    }
}

/// The encrypted content that carries the mark of a call.
pub(super) fn write_of_call(call: &str, mark: &Signature) -> String {
    format!("{}#{call}#{}", mark.maker.name(), mark.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_under_its_own_id() {
        let Secret::Reasoning(own) = read("rs_1", "gAAA==") else { panic!("reasoning") };
        assert_eq!(own, Signature { maker: OWN, value: "rs_1:gAAA==".into() });
        assert_eq!(write(&own), (Some("rs_1"), "gAAA==".to_owned()));
        assert_eq!(read("rs_9", "rs_1:gAAA=="), Secret::Reasoning(own));
        let Secret::Reasoning(foreign) = read("rs_2", "anthropic#EqQB") else { panic!("reasoning") };
        assert_eq!(foreign, Signature { maker: Api::Anthropic, value: "EqQB".into() });
        assert_eq!(write(&foreign), (None, "anthropic#EqQB".to_owned()));
    }

    #[test]
    fn the_mark_of_a_call_finds_its_call() {
        let mark = Signature { maker: Api::Gemini, value: "CiQB".into() };
        let written = write_of_call("functions.f:0", &mark);
        assert_eq!(read("rs_1", &written), Secret::Call("functions.f:0".to_owned(), mark));
    }
}
