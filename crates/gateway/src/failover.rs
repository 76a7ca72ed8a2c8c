//! What it means that an attempt failed: whether another key or another target is to be asked, and what the client is told where there
//! is none.

use bytes::{Bytes, BytesMut};
use domain::ledger::Outcome;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use memchr::memmem;
use route::Fault;
use tokio::time::{Duration, Instant, timeout_at};

use crate::body::Body;
use crate::error::{Code, Refusal, respond};
use crate::headers::response;
use crate::plan::Plan;
use crate::settle::{End, Settlement};
use crate::upstream::Incoming;

/// Most bytes of an error that are read, and how long that may take.
const MOST: usize = 256 << 10;
const WITHIN: Duration = Duration::from_secs(5);

/// Why there is no answer, and whether somebody else may have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody is there, or the connection broke.
    Unreachable,
    /// Nothing came in time.
    Timeout,
    /// What came is no answer.
    Malformed,
    /// The provider has a fault.
    Server,
    /// The key is asked too often.
    RateLimited,
    /// The key is not taken, not paid for or not allowed to ask this.
    Key,
    /// The question is too long for the model.
    ContextLength,
    /// The provider does not want to answer such a question.
    ContentPolicy,
    /// It refuses the question otherwise.
    Refused,
    /// A limit or a policy of the team does not let it be asked.
    Limited,
    /// It cannot be asked: there is no key for it, or its API cannot express the question.
    NotPossible,
    /// The question is at fault as it stands.
    Question,
    /// Nobody would be asked: the fault is the gateway's own.
    Final,
}

impl Kind {
    /// What a provider's status says alone.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            401..=403 => Self::Key,
            408 | 504 => Self::Timeout,
            429 => Self::RateLimited,
            500.. => Self::Server,
            _ => Self::Refused,
        }
    }

    fn of_code(code: Code) -> Self {
        match code {
            Code::UpstreamUnreachable | Code::UpstreamForbiddenAddress | Code::UpstreamReset => Self::Unreachable,
            Code::UpstreamTimeout => Self::Timeout,
            Code::UpstreamInvalid => Self::Malformed,
            Code::UpstreamBusy => Self::Server,
            Code::RateLimited | Code::BudgetExceeded | Code::PriceUnknown | Code::DeniedByPolicy => Self::Limited,
            Code::ProviderTokenFailed => Self::Key,
            Code::MissingProviderKey
            | Code::ProviderDisabled
            | Code::UnknownProvider
            | Code::ModelNotFound
            | Code::NotExpressible
            | Code::NotOffered
            | Code::TokenNotAllowed
            | Code::RegionNotAllowed
            | Code::InvalidRequest
            | Code::FetchFailed => Self::NotPossible,
            Code::InvalidHeader
            | Code::CustomCostNotAllowed
            | Code::InvalidPath
            | Code::UnknownRoute
            | Code::InvalidJson
            | Code::ModelRequired
            | Code::RouteWithoutModel
            | Code::ProviderRequired => Self::Question,
            _ => Self::Final,
        }
    }

    /// What an error says beside its status.
    fn of_body(status: u16, body: &[u8]) -> Self {
        const TOO_LONG: [&str; 7] = [
            "context_length_exceeded",
            "prompt is too long",
            "maximum context length",
            "exceeds the maximum number of tokens",
            "too many input tokens",
            "context window",
            "Input is too long",
        ];
        const UNWANTED: [&str; 5] = [
            "content_policy_violation",
            "content_filter",
            "ResponsibleAIPolicyViolation",
            "content management policy",
            "moderation_blocked",
        ];
        const UNPAID: [&str; 4] =
            ["insufficient_quota", "billing_hard_limit", "credit balance is too low", "exceeded your current quota"];
        let says = |words: &[&str]| words.iter().any(|word| memmem::find(body, word.as_bytes()).is_some());
        match Self::of_status(status) {
            Self::Refused if says(&TOO_LONG) => Self::ContextLength,
            Self::Refused if says(&UNWANTED) => Self::ContentPolicy,
            Self::Refused if says(&UNPAID) => Self::Key,
            kind => kind,
        }
    }

    /// Whether it is certainly the key's fault, so that asking with it again is of no use.
    pub(crate) fn is_the_keys(self) -> bool {
        matches!(self, Self::Key | Self::RateLimited)
    }

    /// Whether it may be the key's fault, by the status: some say so with one that is for anything.
    pub(crate) fn may_be_the_keys(self) -> bool {
        matches!(self, Self::Key | Self::RateLimited | Self::Refused)
    }

    /// Whether a key for another address may have an answer.
    pub(crate) fn may_be_the_addresses(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Malformed | Self::Server)
    }

    /// Why the target has no answer; nothing where no other one has an answer to the same question.
    pub(crate) fn of_the_target(self) -> Option<Fault> {
        Some(match self {
            Self::Unreachable => Fault::Unreachable,
            Self::Timeout => Fault::Timeout,
            Self::Malformed => Fault::InvalidAnswer,
            Self::Server => Fault::ServerError,
            Self::RateLimited => Fault::RateLimited,
            Self::Key => Fault::KeyRefused,
            Self::ContextLength => Fault::ContextLength,
            Self::ContentPolicy => Fault::ContentPolicy,
            Self::Refused => Fault::Refused,
            Self::Limited => Fault::LimitReached,
            Self::NotPossible => Fault::NotPossible,
            Self::Question | Self::Final => return None,
        })
    }

    /// Whether a step with a question of its own may have an answer.
    pub(crate) fn may_be_the_steps(self) -> bool {
        self != Self::Final
    }
}

/// An attempt, or a plan, that led to no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub kind: Kind,
    said: Said,
}

#[derive(Debug)]
enum Said {
    Refusal(Refusal),
    /// The provider's own error; whether it is put into the caller's shape, and whose it is then.
    Error {
        status: StatusCode,
        headers: Box<HeaderMap>,
        body: Bytes,
        provider: Option<String>,
    },
}

impl Failure {
    /// The gateway itself says no.
    pub(crate) fn refused(refusal: Refusal) -> Box<Self> {
        Box::new(Self { kind: Kind::of_code(refusal.code), said: Said::Refusal(refusal) })
    }

    /// What began as an answer is the provider's error.
    pub(crate) fn of_error(refusal: Refusal, status: u16, body: &[u8]) -> Box<Self> {
        Box::new(Self { kind: Kind::of_body(status, body), said: Said::Refusal(refusal) })
    }

    /// The status and the code of the row.
    pub(crate) fn status_and_code(&self) -> (u16, Option<Code>) {
        match &self.said {
            Said::Refusal(refusal) => (refusal.code.status(), Some(refusal.code)),
            Said::Error { status, .. } => (status.as_u16(), None),
        }
    }

    /// Tells the client, and settles the request. Its last attempt, if there was one, has ended.
    pub(crate) fn respond(self, settlement: &mut Settlement) -> Response<Body> {
        let (status, mut headers, body, provider) = match self.said {
            Said::Refusal(refusal) => return respond(settlement, &refusal),
            Said::Error { status, headers, body, provider } => (status, *headers, body, provider),
        };
        response::from_upstream(&mut headers);
        headers.remove(CONTENT_LENGTH);
        let shaped = provider
            .filter(|_| !headers.contains_key(CONTENT_ENCODING))
            .and_then(|provider| wire::error::in_shape_of(settlement.dialect, status.as_u16(), &provider, &body));
        let body = match shaped {
            Some(shaped) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Bytes::from(shaped.into_bytes())
            }
            None => body,
        };
        settlement.close();
        response::complete(&mut headers, settlement);
        let mut answer = Response::new(Body::whole(body));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        answer
    }
}

/// Reads a provider's error, as far as it is worth it, and ends its attempt.
pub(crate) async fn read_error(settlement: &mut Settlement, plan: &Plan, answer: Response<Incoming>) -> Box<Failure> {
    let (parts, mut upstream) = answer.into_parts();
    let status = parts.status.as_u16();
    let (mut body, end) = (BytesMut::new(), Instant::now() + WITHIN);
    while body.len() < MOST {
        let Ok(Some(Ok(frame))) = timeout_at(end, upstream.frame()).await else { break };
        if let Ok(bytes) = frame.into_data() {
            body.extend_from_slice(&bytes[..bytes.len().min(MOST - body.len())]);
        }
    }
    let body = body.freeze();
    let kind = Kind::of_body(status, &body);
    let mut capture = settlement.capture_for_log();
    capture.push(&body);
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let end = End::without_answer(status, Outcome::UpstreamError, None);
    settlement.end_attempt(End { response: Some(&capture), response_content_type: content_type.as_deref(), ..end });
    let provider = plan.shapes_errors.then(|| plan.provider.clone());
    let said = Said::Error { status: parts.status, headers: Box::new(parts.headers), body, provider };
    Box::new(Failure { kind, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_whose_fault_it_is() {
        for (status, body, kind) in [
            (400, r#"{"error":{"code":"context_length_exceeded"}}"#, Kind::ContextLength),
            (
                400,
                r#"{"type":"error","error":{"message":"prompt is too long: 250000 tokens > 200000"}}"#,
                Kind::ContextLength,
            ),
            (400, r#"{"error":{"code":"content_filter"}}"#, Kind::ContentPolicy),
            (400, r#"{"error":{"message":"Your credit balance is too low"}}"#, Kind::Key),
            (400, "{}", Kind::Refused),
            (429, r#"{"error":{"code":"insufficient_quota"}}"#, Kind::RateLimited),
            (401, "", Kind::Key),
            (500, "context window", Kind::Server),
            (529, "", Kind::Server),
            (504, "", Kind::Timeout),
        ] {
            assert_eq!(Kind::of_body(status, body.as_bytes()), kind, "{status} {body}");
        }
    }

    #[test]
    fn what_is_the_requests_own_fault_asks_nobody_else() {
        for code in [Code::InvalidJson, Code::LedgerUnavailable, Code::ShuttingDown, Code::Overloaded] {
            assert!(Kind::of_code(code).of_the_target().is_none(), "{}", code.as_str());
        }
        for code in [Code::UpstreamTimeout, Code::BudgetExceeded, Code::NotExpressible, Code::MissingProviderKey] {
            assert!(Kind::of_code(code).of_the_target().is_some(), "{}", code.as_str());
        }
    }
}
