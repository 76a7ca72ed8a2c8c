//! What a token's restrictions say no with: which of them it was, and where it is changed.

use std::net::IpAddr;

use domain::ledger::Surface;
use http::Method;
use wire::task::Task;

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

    /// Files and batches of a token that may use some models only.
    pub(crate) fn kept_not_allowed(task: Task) -> Self {
        let message = format!(
            "This API token is restricted to certain models, and {task} may ask for any. Use a token without model \
             restrictions."
        );
        Self::new(Code::TokenNotAllowed, message)
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
