//! What a token's restrictions say no with: which of them it was, and where it is changed.

use std::net::IpAddr;

use domain::ledger::Surface;
use http::Method;

use super::{Code, Refusal, quote};

impl Refusal {
    pub(crate) fn address_not_allowed(address: IpAddr) -> Self {
        let message = format!(
            "This API token may not be used from the address {}. Add the address or its network to the token's IP ranges \
             on the team's page `Tokens`, or call from where it may be used.",
            address.to_canonical()
        );
        Self::new(Code::TokenNotAllowed, message)
    }

    pub(crate) fn endpoint_not_allowed(endpoint: Surface) -> Self {
        let message = format!(
            "This API token may not use the endpoint {}. Add the endpoint to the token on the team's page `Tokens`, or use \
             another token.",
            quote(endpoint.as_str())
        );
        Self::new(Code::TokenNotAllowed, message)
    }

    pub(crate) fn provider_not_allowed(provider: &str) -> Self {
        let message = format!(
            "This API token may not use the provider {}. Add the provider to the token on the team's page `Tokens`, name a \
             model of another provider, or use another token.",
            quote(provider)
        );
        Self::new(Code::TokenNotAllowed, message)
    }

    pub(crate) fn gateway_not_allowed(gateway: &str) -> Self {
        let message = format!(
            "This API token may not use the gateway {}. Add the gateway to the token, or use another token.",
            quote(gateway)
        );
        Self::new(Code::TokenNotAllowed, message)
    }

    pub(crate) fn model_not_allowed(model: &str) -> Self {
        let message = format!(
            "This API token may not use the model {}. Add the model to the token, or use another token.",
            quote(model)
        );
        Self::new(Code::TokenNotAllowed, message).about("model")
    }

    pub(crate) fn model_not_visible() -> Self {
        Self::new(
            Code::TokenNotAllowed,
            "This API token is restricted to certain models, and this request does not say in a readable way which \
             model it is for. Name the model in a JSON body, or use a token without model restrictions.",
        )
    }

    pub(crate) fn fallbacks_not_allowed() -> Self {
        let message = "This API token is restricted to certain models, so a request may not bring a list of `models`. \
                       Name one with `model`, or use a token without model restrictions.";
        Self::new(Code::TokenNotAllowed, message).about("models")
    }

    /// A file of a token that may use some models only.
    pub(crate) fn file_not_allowed() -> Self {
        let message = "This API token is restricted to certain models, and a batch that is made of a file may ask for any. Use a \
                       token without model restrictions.";
        Self::new(Code::TokenNotAllowed, message).about("file")
    }

    /// A batch of a token that may use some models only.
    pub(crate) fn batch_models_hidden() -> Self {
        let message = "This API token is restricted to certain models, and the models that a batch asks stand in its file \
                       (`input_file_id`), where they cannot be judged. Send the requests one by one, or use a token without \
                       model restrictions.";
        Self::new(Code::TokenNotAllowed, message).about("input_file_id")
    }

    /// A batch that asks an endpoint which the token may not use, or one that cannot be judged.
    pub(crate) fn batch_not_allowed(named: Option<&str>, endpoint: Option<Surface>) -> Self {
        let message = match (named, endpoint) {
            (Some(named), Some(endpoint)) => format!(
                "This API token may not use the endpoint {}, and the batch asks it: its `endpoint` is {}. Add the endpoint to \
                 the token on the team's page `Tokens`, or use another token.",
                quote(endpoint.as_str()),
                quote(named)
            ),
            (Some(named), None) => format!(
                "This API token is restricted to certain endpoints, and the batch's `endpoint` {} is none of them. Name \
                 another, such as `/v1/chat/completions`, or use a token without endpoint restrictions.",
                quote(named)
            ),
            (None, _) => "This API token is restricted to certain endpoints, and the batch does not say which one it asks. Name \
                          it as `endpoint`, such as `/v1/chat/completions`, or use a token without endpoint restrictions."
                .to_owned(),
        };
        Self::new(Code::TokenNotAllowed, message).about("endpoint")
    }

    /// A provider's endpoints for managing models, of a token that may use some models only.
    pub(crate) fn managing_not_allowed(provider: &str) -> Self {
        let message = format!(
            "This API token is restricted to certain models, and this endpoint of {} manages any of them. Use a token \
             without model restrictions.",
            quote(provider)
        );
        Self::new(Code::TokenNotAllowed, message)
    }

    /// A call without a body that may change or delete anything, of a token that may use some models only.
    pub(crate) fn changing_not_allowed(method: &Method, provider: &str) -> Self {
        let message = format!(
            "This API token is restricted to certain models, and {method} at {} may change or delete what others use, models \
             included. Use a token without model restrictions.",
            quote(provider)
        );
        Self::new(Code::TokenNotAllowed, message)
    }
}
