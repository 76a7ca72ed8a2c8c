//! `thoughtSignature` as callers see it. SDKs decode the field from Base64 and encode it again, in either alphabet, so a
//! foreign mark is wrapped in Base64 to come through.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::api::Api;
use crate::chat::Signature;

/// What Gemini takes in place of the signature of a call that it did not make.
pub(super) const PLACEHOLDER: &str = "skip_thought_signature_validator";

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, ANY_PADDING);

/// Reads the field.
pub(crate) fn read(field: &str) -> Signature {
    let bytes = PLAIN.decode(field).or_else(|_| URL.decode(field)).unwrap_or_default();
    let foreign = std::str::from_utf8(&bytes).ok().map(|text| Signature::read(text, Api::Gemini));
    foreign
        .filter(|signature| signature.maker != Api::Gemini)
        .unwrap_or_else(|| Signature { maker: Api::Gemini, value: field.to_owned() })
}

/// Writes the field for a caller.
pub(super) fn write(signature: &Signature) -> String {
    match signature.for_provider(Api::Gemini) {
        Some(value) => value.to_owned(),
        None => PLAIN.encode(signature.write(Api::Gemini)),
    }
}

/// Stands before the value of reasoning that is nothing but a secret.
const REDACTED: &str = "redacted#";

/// Writes encrypted reasoning for a caller.
pub(super) fn write_redacted(data: &Signature) -> String {
    match data.for_provider(Api::Gemini) {
        Some(value) => value.to_owned(),
        None => write(&Signature { maker: data.maker, value: format!("{REDACTED}{}", data.value) }),
    }
}

/// The encrypted reasoning that a mark stands for, where it does.
pub(super) fn redacted(signature: &Signature) -> Option<Signature> {
    let value = signature.value.strip_prefix(REDACTED).filter(|_| signature.maker != Api::Gemini)?;
    Some(Signature { maker: signature.maker, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_signature_survives_a_client_that_decodes_base64() {
        let made = Signature { maker: Api::Anthropic, value: "Eq>>?/+".into() };
        let field = write(&made);
        let bytes = PLAIN.decode(&field).expect("Base64");
        assert_eq!(read(&URL.encode(&bytes)), made);
        assert_eq!(read(field.trim_end_matches('=')), made);
        let own = Signature { maker: Api::Gemini, value: "CiQB_-8=".into() };
        assert_eq!(read(&write(&own)), own);
    }
}
