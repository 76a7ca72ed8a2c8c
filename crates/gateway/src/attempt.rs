//! Seventh stage: calls the provider, and calls it again where that may help.
//!
//! # What is tried again
//! No answer at all (nobody there, connection closed, silence), and statuses that speak of a moment: 408, 429, 500, 502,
//! 503, 504, 529. Not 409: it speaks of the request. Only while nothing has reached the client, so an answer whose head
//! has arrived is the answer.
//!
//! # How long to wait
//! The pause grows by the chosen rule. A provider that asks for a longer one gets it up to five seconds; beyond that
//! the client is better served with the answer at once, `Retry-After` included.

mod retry;

use bytes::Bytes;
use domain::ledger::Outcome;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::clock::now;
use crate::error::Refusal;
use crate::plan::{Authorize, Plan};
use crate::settle::{End, Settlement, note_backend};
use crate::upstream::SendError;

/// Calls the provider until there is an answer to give.
///
/// # Errors
/// `upstream_…`, with the last attempt's row ended, or `ledger_unavailable`.
pub(crate) async fn attempt(settlement: &mut Settlement, plan: &mut Plan) -> Result<Response<Incoming>, Refusal> {
    take_token(settlement, plan).await?;
    loop {
        settlement.begin_attempt()?;
        let attempt = u8::try_from(settlement.row.attempt).unwrap_or(u8::MAX);
        let more = attempt < plan.retry.max_attempts;
        let request = request(plan, more);
        let client = settlement.shared().client.clone();
        let pause = match client.send_within(request, plan.first_byte_timeout).await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                settlement.first_byte(status);
                note_backend(settlement, answer.headers());
                if status == 401 {
                    give_up_token(plan);
                }
                let pause = more.then(|| plan.retry.pause_after(attempt, status, answer.headers())).flatten();
                let Some(pause) = pause else { return Ok(answer) };
                settlement.end_attempt(End::without_answer(status, Outcome::UpstreamError, None));
                pause
            }
            Err(error) => {
                let refusal = fail(settlement, plan, &error);
                if !more || !retry::may_help(&error) {
                    return Err(refusal);
                }
                plan.retry.pause(attempt)
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Puts the provider's access token among the headers, where its key is no header itself.
///
/// # Errors
/// `provider_token_failed`.
async fn take_token(settlement: &Settlement, plan: &mut Plan) -> Result<(), Refusal> {
    if let Authorize::Fetch(account) = &plan.authorize {
        let header = account.header(&settlement.shared().client).await;
        let header = header.map_err(|fault| Refusal::provider_token_failed(&plan.provider, &fault))?;
        plan.token = Some(header);
    }
    Ok(())
}

/// A token that the provider does not take, before its end, is fetched anew for the next request.
fn give_up_token(plan: &Plan) {
    if let (Authorize::Fetch(account), Some(token)) = (&plan.authorize, &plan.token) {
        account.give_up(token);
    }
}

/// The request, with everything in it given away on the last attempt, unless the provider is asked again for its answer.
fn request(plan: &mut Plan, more: bool) -> Request<Full<Bytes>> {
    let again = more || plan.polls();
    let mut headers = if again { plan.headers.clone() } else { std::mem::take(&mut plan.headers) };
    match &plan.authorize {
        Authorize::Done => {}
        Authorize::Sign(signer, region) => {
            signer.sign((&plan.method, &plan.uri, &mut headers), &plan.body, region.as_deref(), now());
        }
        Authorize::Fetch(_) => headers.extend(plan.token.clone().map(|token| (AUTHORIZATION, token))),
    }
    let mut request = Request::new(Full::new(plan.body.clone()));
    *request.method_mut() = plan.method.clone();
    *request.uri_mut() = plan.uri.clone();
    *request.headers_mut() = headers;
    request
}

fn fail(settlement: &mut Settlement, plan: &Plan, error: &SendError) -> Refusal {
    let refusal = Refusal::send_failed(&plan.provider, error);
    let code = refusal.code;
    settlement.end_attempt(End::without_answer(code.status(), Outcome::UpstreamFailed, Some(code)));
    refusal
}
