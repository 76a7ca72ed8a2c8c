//! Seventh stage: calls the provider, and calls it again where that may help.
//!
//! # What is tried again
//! No answer at all (nobody there, connection closed, silence), and statuses that speak of a moment: 408, 429, 500, 502,
//! 503, 504, 529. Not 409: it speaks of the request. Only while nothing has reached the client, so an answer whose head
//! has arrived is the answer. What the same key is asked again for is bounded for each address: a hundred times in ten
//! seconds and one for five requests beyond ([`crate::health`]), so that a provider in trouble is not asked twice as much.
//! Where another key could be asked, at another address or, after a refusal of the key, at any, that one is asked instead and at once.
//!
//! # How long to wait
//! The pause grows by the chosen rule, a quarter more or less at random. A provider that asks for a longer one gets it up to five
//! seconds; beyond that the client is better served with the answer at once, `Retry-After` included.

mod hint;
mod retry;

use bytes::Bytes;
use domain::ledger::{Cause, Outcome};
use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;

use crate::clock::now;
use crate::error::Refusal;
use crate::failover::{Failure, Kind, read_error};
use crate::health::Nth;
use crate::plan::{Authorize, Plan};
use crate::queue;
use crate::settle::{End, Fares, Settlement, note_backend};
use crate::upstream::{Incoming, SendError};

/// What else there is to do where this attempt fails.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Else {
    /// Another target may be asked.
    pub target: bool,
    /// Another key of the same may be.
    pub key: bool,
}

/// Calls the provider until there is an answer to give, be it an error, or somebody else may be asked instead.
///
/// # Errors
/// Why there is no answer, with the last attempt's row ended.
pub(crate) async fn attempt(
    settlement: &mut Settlement,
    plan: &mut Plan,
    other: Else,
) -> Result<Response<Incoming>, Box<Failure>> {
    take_token(settlement, plan).await.map_err(Failure::refused)?;
    let mut made = 0;
    loop {
        let turn = match check_room(settlement, plan, false) {
            Ok(()) => None,
            Err(full) if settlement.may_wait() && !plan.has_other_addresses => {
                Box::pin(queue::for_address(settlement, plan, full)).await.map_err(Failure::refused)?
            }
            Err(full) => return Err(Failure::refused(full)),
        };
        if made > 0 {
            settlement.row.cause = Cause::Retry;
        } else if settlement.is_hedge() {
            settlement.row.cause = Cause::Hedge;
        }
        settlement.begin_attempt().map_err(Failure::refused)?;
        made += 1;
        let nth = match made {
            1 if settlement.is_hedge() => Nth::Beside,
            1 => Nth::First,
            _ => Nth::Again,
        };
        settlement.fares = Fares::begin(&plan.healths, nth);
        drop(turn);
        let more = made < plan.retry.max_attempts;
        let sent = settlement.shared().client.send_within(|| request(plan), plan.timeouts.head).await;
        let pause = match sent {
            Ok(answer) => {
                let status = answer.status().as_u16();
                settlement.first_byte(status);
                note_backend(settlement, answer.headers());
                let wished = if status == 429 || status >= 500 { hint::wished(answer.headers(), now()) } else { None };
                settlement.fares.head(status, wished);
                if status == 401 {
                    give_up_token(plan);
                }
                let kind = Kind::of_status(status);
                let goes_on = other.target
                    || (other.key && kind.may_be_the_keys())
                    || (plan.has_other_addresses && kind.may_be_the_addresses());
                let pause = plan
                    .retry
                    .pause_after(made, status, wished)
                    .filter(|_| more && may_repeat(plan) && !changes_key(plan, kind));
                match pause {
                    Some(pause) => {
                        settlement.end_attempt(End::without_answer(status, Outcome::UpstreamError, None));
                        pause
                    }
                    None if goes_on && status >= 400 => return Err(read_error(settlement, plan, answer).await),
                    None => return Ok(answer),
                }
            }
            Err(error) => {
                let refusal = fail(settlement, plan, &error);
                if !more || !retry::may_help(&error) || plan.has_other_addresses || !may_repeat(plan) {
                    return Err(Failure::refused(refusal));
                }
                plan.retry.pause(made)
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// Whether another key is better asked than the same one again.
fn changes_key(plan: &Plan, kind: Kind) -> bool {
    plan.has_other_keys && (kind.is_the_keys() || (plan.has_other_addresses && kind.may_be_the_addresses()))
}

/// Whether the address may be asked again for what it was asked before.
fn may_repeat(plan: &Plan) -> bool {
    plan.healths.address.as_ref().is_none_or(|address| address.may_repeat(Instant::now()))
}

/// Whether the address has room for one more request. One that waited `has_turn`; the others overtake none that waits.
pub(crate) fn check_room(settlement: &Settlement, plan: &Plan, has_turn: bool) -> Result<(), Refusal> {
    let most = settlement.shared().options.max_in_flight_per_upstream;
    let is_full = plan.healths.address.as_ref().is_some_and(|address| {
        let is_others = !has_turn && settlement.may_wait() && address.line.is_waited_in();
        is_others || address.busy() as usize >= most
    });
    if is_full { Err(Refusal::upstream_busy(&plan.provider)) } else { Ok(()) }
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

/// The request, signed for now where it is signed.
fn request(plan: &Plan) -> Request<Full<Bytes>> {
    let mut headers = plan.headers.clone();
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
