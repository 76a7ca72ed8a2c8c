//! The sentences. Each says what is wrong and what to do; names from outside are quoted and cut.

use super::{Code, Refusal, quote};
use crate::memory::Full;
use crate::snapshot::KeyFault;
use crate::upstream::SendError;
use wire::price::BadRow;
use wire::task::Task;

/// Where a token may be put, for people who put it nowhere.
const WHERE: &str = "Send a Weir API token as `Authorization: Bearer …`, `x-api-key`, `x-goog-api-key`, `api-key` or \
                     `cf-aig-authorization: Bearer …`.";

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::overloaded()
    }
}

impl Refusal {
    pub(crate) fn missing_token() -> Self {
        Self::new(Code::MissingToken, WHERE)
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new(Code::InvalidToken, format!("This API token is not known here. Check it for typing errors. {WHERE}"))
    }

    pub(crate) fn revoked_token() -> Self {
        Self::new(Code::RevokedToken, "This API token has been revoked. Issue a new one on the team's page `Tokens`.")
    }

    /// A secret that its token had before a rotation.
    pub(crate) fn replaced_secret() -> Self {
        let message = "This secret of the API token was replaced by another one, and the time in which both worked is over. \
                       Use the token's new secret, or make one on the team's page `Tokens`.";
        Self::new(Code::RevokedToken, message)
    }

    pub(crate) fn expired_token() -> Self {
        Self::new(Code::ExpiredToken, "This API token has expired. Issue a new one on the team's page `Tokens`.")
    }

    pub(crate) fn invalid_path() -> Self {
        let message = "The path writes plain letters, dots or separators as `%…`, or has a backslash or a broken `%…`. \
                       Write them as they are.";
        Self::new(Code::InvalidPath, message)
    }

    pub(crate) fn unknown_route(path: &str) -> Self {
        let message = format!(
            "There is no endpoint {}. Use `/v1/chat/completions`, `/v1/responses`, `/v1/messages`, \
             `/v1beta/models/{{model}}:generateContent`, `/v1/embeddings`, `/v1/images/…`, `/v1/audio/…`, \
             `/v1/moderations`, `/v1/rerank`, `/v1/files`, `/v1/batches`, `/v1/models`, the same below \
             `/v1/{{team}}/{{gateway}}/compat/`, or `/v1/{{team}}/{{gateway}}/{{provider}}/…`.",
            quote(path)
        );
        Self::new(Code::UnknownRoute, message)
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut refusal = Self::new(Code::MethodNotAllowed, format!("This endpoint takes {allow} only."));
        refusal.allow = Some(allow);
        refusal
    }

    pub(crate) fn unknown_team(asked: &str, own: &str) -> Self {
        let message = format!(
            "This API token belongs to the team {}, not to {}. Correct the path, or use a token of that team.",
            quote(own),
            quote(asked)
        );
        Self::new(Code::UnknownTeam, message)
    }

    pub(crate) fn unknown_gateway(gateway: &str) -> Self {
        let message = format!(
            "The team has no gateway {}. Correct the name, or create the gateway on the team's page `Gateways`.",
            quote(gateway)
        );
        Self::new(Code::UnknownGateway, message)
    }

    pub(crate) fn gateway_disabled(gateway: &str) -> Self {
        let message = format!("The gateway {} is switched off. Switch it on in its settings.", quote(gateway));
        Self::new(Code::GatewayDisabled, message)
    }

    pub(crate) fn gateway_required() -> Self {
        Self::new(
            Code::GatewayRequired,
            "The team has several gateways. Name one with the header `cf-aig-gateway-id: {gateway}` or with the path \
             `/v1/{team}/{gateway}/compat/chat/completions`, or restrict the token to one gateway.",
        )
    }

    pub(crate) fn no_gateway() -> Self {
        Self::new(
            Code::GatewayRequired,
            "This API token has no gateway it could use. Create one on the team's page `Gateways`.",
        )
    }

    pub(crate) fn content_type_twice() -> Self {
        let message =
            "The header `content-type` is there twice, and the provider might believe the other one. Send it once.";
        Self::new(Code::InvalidHeader, message).about("content-type")
    }

    pub(crate) fn invalid_header(header: &'static str, bounds: &str) -> Self {
        let message = format!("The header `{header}` must be {bounds}. Correct it or leave it out.");
        Self::new(Code::InvalidHeader, message).about(header)
    }

    pub(crate) fn invalid_query(name: &'static str, bounds: &str) -> Self {
        let message = format!("`{name}` in the query must be {bounds}. Correct it or leave it out.");
        Self::new(Code::InvalidQuery, message).about(name)
    }

    pub(crate) fn invalid_custom_cost(bad: &BadRow) -> Self {
        let message = format!("In the header `cf-aig-custom-cost` {bad}. Correct it or leave it out.");
        Self::new(Code::InvalidHeader, message).about("cf-aig-custom-cost")
    }

    pub(crate) fn custom_cost_not_allowed() -> Self {
        let message = "The gateway does not let callers state what a request costs, because budgets would count it. Leave \
                       `cf-aig-custom-cost` out, or have `Callers may state costs` switched on in the gateway's settings.";
        Self::new(Code::CustomCostNotAllowed, message).about("cf-aig-custom-cost")
    }

    pub(crate) fn body_too_large(most: usize) -> Self {
        Self::new(Code::BodyTooLarge, format!("The request body is longer than {most} bytes. Send less."))
    }

    pub(crate) fn request_timeout(seconds: u64) -> Self {
        let message = format!("The request body did not arrive within {seconds} seconds. Send it faster, or less.");
        Self::new(Code::RequestTimeout, message)
    }

    pub(crate) fn invalid_body() -> Self {
        Self::new(Code::InvalidBody, "The request body broke off before its end. Send the request again.")
    }

    pub(crate) fn unsupported_content_type() -> Self {
        Self::new(
            Code::UnsupportedContentType,
            "This endpoint takes JSON. Send it with `Content-Type: application/json` and without `Content-Encoding`.",
        )
    }

    pub(crate) fn invalid_json(error: wire::scan::ScanError) -> Self {
        let mut refusal = Self::new(Code::InvalidJson, format!("{error} Correct the body and send it again."));
        refusal.param = error.param().map(Into::into);
        refusal
    }

    pub(crate) fn model_required() -> Self {
        let message = "The body names no model. Add `\"model\": \"provider/model\"`, for example \
                       `\"openai/gpt-4o-mini\"`.";
        Self::new(Code::ModelRequired, message).about("model")
    }

    pub(crate) fn model_not_found(model: &str) -> Self {
        let message = format!(
            "No provider is known for the model {}. Write it as `provider/model`, for example `openai/gpt-4o-mini`, \
             and make sure that the team has a key for that provider.",
            quote(model)
        );
        Self::new(Code::ModelNotFound, message).about("model")
    }

    pub(crate) fn unknown_dynamic_route(name: &str, gateway: &str) -> Self {
        let message = format!(
            "The gateway {} has no dynamic route {}, or none of its versions is deployed. Correct the name, or create and deploy it \
             on the gateway's page `Routes`.",
            quote(gateway),
            quote(name)
        );
        Self::new(Code::ModelNotFound, message).about("model")
    }

    /// A route is asked for where there is none.
    pub(crate) fn no_dynamic_routes(name: &str) -> Self {
        let message = format!(
            "The gateway has no dynamic routes, so there is no {}. Create and deploy it on the gateway's page `Routes`, or name a \
             model as `provider/model`.",
            quote(name)
        );
        Self::new(Code::ModelNotFound, message).about("model")
    }

    pub(crate) fn route_without_model(name: &str) -> Self {
        let message = format!(
            "The dynamic route {} ended before it came to a model. Have the route changed on the gateway's page `Routes`.",
            quote(name)
        );
        Self::new(Code::RouteWithoutModel, message).about("model")
    }

    pub(crate) fn route_limit_used_up(name: &str, element: &str, free_in_ms: Option<i64>) -> Self {
        Self::route_used_up(Code::RateLimited, "limit", (name, element), free_in_ms)
    }

    pub(crate) fn route_budget_used_up(name: &str, element: &str, free_in_ms: Option<i64>) -> Self {
        Self::route_used_up(Code::BudgetExceeded, "budget", (name, element), free_in_ms)
    }

    fn route_used_up(code: Code, what: &str, (name, element): (&str, &str), free_in_ms: Option<i64>) -> Self {
        let seconds = free_in_ms.and_then(|ms| u64::try_from(ms).ok()).map(|ms| ms.div_ceil(1_000));
        let when =
            seconds.map_or_else(|| "Wait until its window is over".to_owned(), |s| format!("Try again in {s} s"));
        let message = format!(
            "The {what} {} in the dynamic route {} is used up, and the route leads nowhere then. {when}, or have the route changed.",
            quote(element),
            quote(name)
        );
        let mut refusal = Self::new(code, message);
        refusal.retry_after_s = seconds;
        refusal
    }

    /// A body that is no question in the endpoint's API.
    pub(crate) fn invalid_request(fault: wire::chat::Refused) -> Self {
        let refusal = Self::new(Code::InvalidRequest, fault.message);
        match fault.field {
            Some(field) => refusal.about(field),
            None => refusal,
        }
    }

    /// More than is read at once.
    pub(crate) fn too_many_values(values: usize, most: usize) -> Self {
        let message = format!(
            "The body has {values} JSON values, and one that must be translated or kept may have {most}. Send less, or \
             ask a provider of the same API."
        );
        Self::new(Code::InvalidRequest, message)
    }

    pub(crate) fn previous_response_not_found(id: &str) -> Self {
        let message = format!(
            "Previous response with id {} not found. It may have expired, been deleted, been too long to be kept, or been \
             made with `store: false`. Send the whole conversation as `input`.",
            quote(id)
        );
        Self::new(Code::PreviousResponseNotFound, message).about("previous_response_id")
    }

    pub(crate) fn response_not_found(id: &str) -> Self {
        let message = format!(
            "Response with id {} not found. It may have expired, been deleted, been too long to be kept, or been made with \
             `store: false`.",
            quote(id)
        );
        Self::new(Code::ResponseNotFound, message).about("id")
    }

    pub(crate) fn conversation_not_found(id: &str, field: Option<&'static str>) -> Self {
        let message = format!("Conversation with id {} not found. It may have expired or been deleted.", quote(id));
        Self::new(Code::ConversationNotFound, message).about(field.unwrap_or("id"))
    }

    pub(crate) fn item_not_found(id: &str) -> Self {
        let message = format!("Item with id {} not found in this conversation.", quote(id));
        Self::new(Code::ItemNotFound, message).about("item_id")
    }

    pub(crate) fn state_disabled(field: &'static str) -> Self {
        let message = "This gateway keeps no responses, so a request cannot refer to earlier ones. Send the whole \
                       conversation as `input`, or raise `response_ttl_days` in the gateway's settings.";
        Self::new(Code::StateDisabled, message).about(field)
    }

    pub(crate) fn state_unavailable() -> Self {
        let message =
            "What is kept of earlier requests cannot be read or written now. Send the request again in a moment.";
        let mut refusal = Self::new(Code::StateUnavailable, message);
        refusal.retry_after_s = Some(1);
        refusal
    }

    pub(crate) fn too_many_background(most: usize) -> Self {
        let message = format!(
            "{most} responses are being made in the background already. Wait until one is complete, or send the question \
             without `background`."
        );
        let mut refusal = Self::new(Code::TooManyBackground, message);
        refusal.retry_after_s = Some(5);
        refusal
    }

    /// A question that the provider's API has no words for.
    pub(crate) fn not_expressible(provider: &str, loss: &wire::chat::Loss) -> Self {
        let message = format!(
            "{} cannot be sent to {}: {}. Leave it out, or ask another provider.",
            quote(&loss.field),
            quote(provider),
            loss.why
        );
        Self::new(Code::NotExpressible, message).about(loss.field.clone())
    }

    /// A form that cannot be passed on.
    pub(crate) fn invalid_form(error: wire::multipart::FormError) -> Self {
        let refusal = Self::new(Code::InvalidRequest, format!("{error} Correct the form and send it again."));
        match error.param() {
            Some(field) => refusal.about(field),
            None => refusal,
        }
    }

    /// The refusal of a body that is no JSON, where the endpoint takes forms too.
    pub(crate) fn or_form(mut self, task: Task) -> Self {
        if task.takes_form() && self.code == Code::UnsupportedContentType {
            self.message = "This endpoint takes a form or JSON. Send it with `Content-Type: multipart/form-data; \
                            boundary=…` or `application/json`, and without `Content-Encoding`."
                .into();
        }
        self
    }

    pub(crate) fn not_offered(provider: &str, task: Task) -> Self {
        let message = format!(
            "The provider {} does not offer {task} here. Name a model of another provider, or call what it offers \
             instead by its own path `/v1/{{team}}/{{gateway}}/{{provider}}/…`.",
            quote(provider)
        );
        Self::new(Code::NotOffered, message)
    }

    pub(crate) fn provider_required(task: Task) -> Self {
        let message = format!(
            "This request names no model, and it is not clear which of the team's providers is meant for {task}. Name \
             one with the header `weir-provider: openai`, and make sure that the team has a key for it."
        );
        Self::new(Code::ProviderRequired, message)
    }

    pub(crate) fn unknown_provider(provider: &str) -> Self {
        let message = format!(
            "There is no provider {}. Use a known provider's name such as `openai`, or `custom-…` for one the team \
             has defined.",
            quote(provider)
        );
        Self::new(Code::UnknownProvider, message)
    }

    /// A provider that does other things than chat.
    pub(crate) fn no_chats(provider: &str) -> Self {
        let message = format!(
            "The provider {} answers no chats. Call its own API below `/v1/{{team}}/{{gateway}}/{provider}/…`, or name \
             another provider.",
            quote(provider)
        );
        Self::new(Code::ModelNotFound, message).about("model")
    }

    pub(crate) fn provider_disabled(provider: &str) -> Self {
        let message = format!("The provider {} is switched off. Switch it on, or use another.", quote(provider));
        Self::new(Code::ProviderDisabled, message)
    }

    pub(crate) fn missing_provider_key(provider: &str, alias: &str, fault: KeyFault) -> Self {
        let message = format!(
            "The team's key {} for the provider {} {fault}. Put it right on the team's page `Provider keys`, or send \
             the provider's key yourself and the Weir token in `cf-aig-authorization`.",
            quote(alias),
            quote(provider)
        );
        Self::new(Code::MissingProviderKey, message)
    }

    pub(crate) fn own_key_without_region(provider: &str) -> Self {
        let message = format!(
            "The gateway may use keys of certain regions only, and the key for the provider {} that came with the request has none. \
             Leave it out, so that a stored key is used, or change the gateway's allowed regions.",
            quote(provider)
        );
        Self::new(Code::RegionNotAllowed, message)
    }

    /// The token that the provider wants could not be fetched.
    pub(crate) fn provider_token_failed(provider: &str, fault: &crate::account::Fault) -> Self {
        let message = format!(
            "No access token for the provider {} could be fetched with the team's key: {fault}. Check the service account, \
             and that this server reaches its `token_uri`.",
            quote(provider)
        );
        Self::new(Code::ProviderTokenFailed, message)
    }

    /// What stands at `field` by its address only could not be had.
    pub(crate) fn fetch_failed(field: &str, reason: &str) -> Self {
        let message = format!(
            "The provider fetches nothing itself, so the gateway does, and what {} names cannot be used: {reason}. Correct \
             the address, or send the bytes in Base64.",
            quote(field)
        );
        Self::new(Code::FetchFailed, message).about(field.to_owned())
    }

    pub(crate) fn too_much_to_fetch(field: &str) -> Self {
        let most = crate::fetch::MOST;
        let message = format!(
            "The provider fetches nothing itself, and the gateway fetches {most} pictures and documents for a request at \
             most. Leave {} out, or send some of them in Base64.",
            quote(field)
        );
        Self::new(Code::InvalidRequest, message).about(field.to_owned())
    }

    /// No head of an answer came.
    pub(crate) fn send_failed(provider: &str, error: &SendError) -> Self {
        match error {
            SendError::Resolve { .. }
            | SendError::Connect { .. }
            | SendError::Tls { .. }
            | SendError::InvalidRequest { .. } => Self::upstream_unreachable(provider, error),
            SendError::Forbidden { .. } => Self::upstream_forbidden_address(provider),
            SendError::ConnectTimeout { .. } | SendError::Timeout { .. } => Self::upstream_timeout(provider),
            SendError::Reset => Self::upstream_reset(provider),
            SendError::InvalidResponse { .. } => Self::upstream_invalid(provider),
        }
    }

    fn upstream_unreachable(provider: &str, error: &SendError) -> Self {
        let message = format!(
            "The provider {} cannot be reached: {error}. Check its base URL and the network, or try again later.",
            quote(provider)
        );
        Self::new(Code::UpstreamUnreachable, message)
    }

    fn upstream_forbidden_address(provider: &str) -> Self {
        let message = format!(
            "The provider {} lives at a private, link-local or metadata address. Start the server with \
             `WEIR_ALLOW_PRIVATE_UPSTREAMS=true` if that is meant.",
            quote(provider)
        );
        Self::new(Code::UpstreamForbiddenAddress, message)
    }

    pub(crate) fn upstream_reset(provider: &str) -> Self {
        let message = format!(
            "The provider {} closed the connection before its answer was complete. Try again.",
            quote(provider)
        );
        Self::new(Code::UpstreamReset, message)
    }

    pub(crate) fn upstream_invalid(provider: &str) -> Self {
        let message = format!(
            "The provider {} sent an answer that is not what its API promises. Check that its base URL points to \
             the API, or try again later.",
            quote(provider)
        );
        Self::new(Code::UpstreamInvalid, message)
    }

    pub(crate) fn upstream_timeout(provider: &str) -> Self {
        let message = format!(
            "The provider {} was silent for too long. Try again, or raise the timeout in the gateway's settings or \
             with `cf-aig-request-timeout`.",
            quote(provider)
        );
        Self::new(Code::UpstreamTimeout, message)
    }

    /// The provider's answer begins with an error.
    pub(crate) fn upstream_failed(provider: &str, said: &str) -> Self {
        let message = format!("The provider {} failed: {}.", quote(provider), quote(said));
        Self::new(Code::UpstreamReset, message)
    }

    pub(crate) fn upstream_busy(provider: &str) -> Self {
        let message = format!(
            "As many requests are under way at the provider {} as this server allows. Send the request again in a moment. \
             The operator may raise `WEIR_MAX_IN_FLIGHT_PER_UPSTREAM`.",
            quote(provider)
        );
        let mut refusal = Self::new(Code::UpstreamBusy, message);
        refusal.retry_after_s = Some(1);
        refusal
    }

    /// As many requests are under way as may be.
    pub(crate) fn too_many_in_flight() -> Self {
        let message = "As many requests are under way as this server takes at once. Send the request again in a moment. The \
                       operator may raise `WEIR_MAX_IN_FLIGHT`.";
        let mut refusal = Self::new(Code::Overloaded, message);
        refusal.retry_after_s = Some(1);
        refusal
    }

    pub(crate) fn ledger_unavailable() -> Self {
        let message = "The gateway cannot write down what requests cost, so it sends none. The operator should look \
                       at the server's disk and log.";
        let mut refusal = Self::new(Code::LedgerUnavailable, message);
        refusal.retry_after_s = Some(5);
        refusal
    }

    pub(crate) fn overloaded() -> Self {
        let message = "The server is busy with so many large requests that it has no memory for this one. Send it \
                       again in a moment. The operator may raise `WEIR_BODY_MEMORY`.";
        let mut refusal = Self::new(Code::Overloaded, message);
        refusal.retry_after_s = Some(1);
        refusal
    }

    pub(crate) fn starting() -> Self {
        let message =
            "The server has just started and still reads what was spent before. Send the request again in a moment.";
        let mut refusal = Self::new(Code::Starting, message);
        refusal.retry_after_s = Some(1);
        refusal
    }

    pub(crate) fn shutting_down() -> Self {
        let mut refusal = Self::new(Code::ShuttingDown, "The server is stopping. Send the request again.");
        refusal.retry_after_s = Some(1);
        refusal
    }

    pub(crate) fn internal() -> Self {
        Self::new(Code::InternalError, "The gateway has a fault. Its log says more; please report it.")
    }
}
