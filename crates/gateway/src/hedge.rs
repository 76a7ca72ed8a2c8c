//! Hedged requests (Dean and Barroso, The Tail at Scale, 2013): where an answer does not begin as soon as most do, the same is asked a
//! second time beside the first, with another key where there is one, and who has an answer first is heard. The other is broken off.
//!
//! # When
//! Where the gateway's settings or the caller ask for it, for questions that may be asked twice: nothing is kept of their answers, here
//! or at the provider. Once in a request, and only while nothing of an answer has gone to the caller. After as long as a chosen share of
//! the answers of the same model at the same address took to begin ([`Pace`]), within bounds.
//!
//! # What it costs
//! Both attempts have a row and are paid for. Room for the second is taken out of all limits before it goes out; where there is none
//! it does not. It counts against the address's budget for hedges, which is part of that for retries ([`crate::health`]).

mod pace;

use std::time::Duration;

use futures_util::future::{Either, select};
use http::{Method, Response};
use memchr::memmem;
use tokio::time::{Instant, timeout};

pub(crate) use self::pace::Pace;
use crate::ask::{Asked, Called, Tried, call, plan_beside};
use crate::attempt::Else;
use crate::body::Body;
use crate::counters::count;
use crate::gateway::Shared;
use crate::headers::controls::Hedge;
use crate::health::Standing;
use crate::plan::Plan;
use crate::relay::Unanswered;
use crate::reuse::{Slot, repeats};
use crate::settle::{Race, Settlement, Side};

/// Where nobody says otherwise: the percentile, and the bounds of the wait in milliseconds.
const PERCENTILE: u8 = 95;
const LEAST_MS: u32 = 100;
const MOST_MS: u32 = 10_000;

/// After which time there is a second attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delay {
    percentile: u8,
    least: Duration,
    most: Duration,
}

impl Delay {
    /// As the caller or else the gateway says; none where a request is not to be hedged, or must not be.
    pub(crate) fn of(asked: &Asked<'_>, settlement: &Settlement, plan: &Plan) -> Option<Self> {
        let settings = &asked.gateway.settings;
        let percentile = match asked.controls.hedge {
            None => settings.hedge_percentile?,
            Some(Hedge::Off) => return None,
            Some(Hedge::On | Hedge::After(_)) => settings.hedge_percentile.unwrap_or(PERCENTILE),
        };
        if !may_be_asked_twice(asked, plan) || settlement.has_raced() || settlement.fallback.is_some() {
            return None;
        }
        Some(match asked.controls.hedge {
            Some(Hedge::After(after)) => Self { percentile, least: after, most: after },
            _ => {
                let ms = |ms: u32| Duration::from_millis(ms.into());
                let least = settings.hedge_least_delay.unwrap_or(LEAST_MS);
                let most = settings.hedge_most_delay.unwrap_or(MOST_MS.max(least));
                Self { percentile, least: ms(least.min(most)), most: ms(most) }
            }
        })
    }

    /// The wait, where so many of a hundred answers begin within `usual`.
    fn after(self, usual: Option<Duration>) -> Duration {
        usual.unwrap_or(self.most).clamp(self.least, self.most)
    }
}

/// Whether a question changes nothing anywhere, and whoever is asked it is known.
fn may_be_asked_twice(asked: &Asked<'_>, plan: &Plan) -> bool {
    let is_a_question = match &asked.called {
        Called::Chat { .. } | Called::CountTokens { .. } => true,
        Called::Task(call) => !call.task.keeps(),
        Called::Native { .. } => plan.model.is_some() && repeats(plan.uri.path(), plan.dialect),
        Called::Models | Called::Limits | Called::Kept(_) | Called::Universal => false,
    };
    let keeps =
        asked.choice.keeps() || plan.after.is_some() || plan.background || plan.polls() || is_to_be_stored(&asked.body);
    is_a_question && !keeps && plan.method == Method::POST && plan.healths.address.is_some()
}

/// Whether a body says `"store": true`, wherever it does: then the provider keeps what it answers.
fn is_to_be_stored(body: &[u8]) -> bool {
    memmem::find_iter(body, b"\"store\"").any(|at| {
        let value = body[at + 7..].trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| value.starts_with(b"true"))
    })
}

/// What came of both attempts, and whom to turn from where neither has an answer.
type Outcome = (Result<Response<Body>, Unanswered>, Option<Box<Tried>>);

/// Calls the provider, and after a while a second time.
pub(crate) async fn call_hedged(
    mut settlement: Box<Settlement>,
    (plan, slot): (Box<Plan>, Option<Slot>),
    (other, tried): (Else, Option<Box<Tried>>),
    asked: &mut Asked<'_>,
    delay: Delay,
) -> Outcome {
    let shared = settlement.shared().clone();
    let pace = &shared.pace;
    let (mut spare, race) = settlement.fork();
    let key = pace.key(asked.access.team.id, &plan);
    let wait = delay.after(pace.percentile(key, delay.percentile));
    let begin = Instant::now();
    // Whatever is no answer is told as a failure: the other one may have an answer.
    let mut first = Box::pin(async {
        let answered = call(settlement, plan, slot, Else { target: true, ..other }).await;
        if answered.is_ok() && !race.has_repeated() {
            pace.note(key, begin.elapsed());
        }
        answered
    });
    if let Ok(answered) = timeout(wait, &mut first).await {
        return (answered, tried);
    }
    if !race.has_begun() {
        return (first.await, tried);
    }
    spare.upstream += wait;
    if let Some(tried) = &tried {
        tried.turn_away(asked);
    }
    let second = Box::pin(beside(spare, asked));
    match select(first, second).await {
        Either::Left((Ok(answer), second)) => {
            race.decide(Side::First);
            drop(second);
            (Ok(answer), None)
        }
        Either::Left((Err(failed), second)) => {
            let kind = failed.failure.kind;
            if !kind.is_the_keys() && !kind.may_be_the_addresses() {
                // It is the question: the other will hear the same.
                race.decide(Side::First);
                drop(second);
                return (Err(failed), tried);
            }
            let answered = second.await;
            second_or(answered, failed, (tried, &race))
        }
        Either::Right((Some((Ok(answer), _)), first)) => {
            // It took longer than this; were it left out, the next ones would be waited for ever less.
            pace.note(key, begin.elapsed());
            won(&shared, &race);
            drop(first);
            (Ok(answer), None)
        }
        Either::Right((failed, first)) => match first.await {
            Ok(answer) => {
                race.decide(Side::First);
                drop(failed);
                (Ok(answer), None)
            }
            Err(unanswered) => second_or(failed, unanswered, (tried, &race)),
        },
    }
}

/// What came of the second attempt, and whom to turn from where it failed; nothing where it was not made.
type Second = Option<(Result<Response<Body>, Unanswered>, Option<Box<Tried>>)>;

/// The second attempt.
async fn beside(mut spare: Box<Settlement>, asked: &Asked<'_>) -> Second {
    let (mut plan, slot) = plan_beside(&mut spare, asked, may_go).await?;
    plan.retry.max_attempts = 1;
    let (key, begin) = (spare.shared().pace.key(asked.access.team.id, &plan), Instant::now());
    let other = Else { target: true, key: plan.has_other_keys };
    let tried = Tried::of(&plan);
    let shared = spare.shared().clone();
    let answered = call(spare, plan, slot, other).await;
    if answered.is_ok() {
        shared.pace.note(key, begin.elapsed());
    }
    Some((answered, tried))
}

/// Whether whom a second attempt is for is well, and has not had too many.
fn may_go(plan: &Plan) -> bool {
    let now = Instant::now();
    let (address, key) = (&plan.healths.address, &plan.healths.key);
    let are_well = [address, key].into_iter().flatten().all(|health| health.standing(now) == Standing::Ready);
    are_well && address.as_ref().is_some_and(|address| address.may_hedge(now))
}

/// The second's answer, or else the failure of the first.
fn second_or(second: Second, failed: Unanswered, (tried, race): (Option<Box<Tried>>, &Race)) -> Outcome {
    match second {
        Some((Ok(answer), _)) => {
            won(failed.settlement.shared(), race);
            drop(failed);
            (Ok(answer), None)
        }
        Some((Err(also), after)) => {
            race.decide(Side::First);
            drop(also);
            (Err(failed), after)
        }
        None => (Err(failed), tried),
    }
}

/// The second attempt has the answer.
fn won(shared: &Shared, race: &Race) {
    count(&shared.counters.hedges_won);
    race.decide(Side::Second);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_stored_is_seen_however_it_is_written() {
        for stored in [r#"{"store":true}"#, "{\"a\":1, \"store\" :\n true}", r#"{"store":false,"x":{"store": true}}"#] {
            assert!(is_to_be_stored(stored.as_bytes()), "{stored}");
        }
        for not in [r#"{"store":false}"#, r#"{"stored":true}"#, r#"{"x":"store"}"#, r#"{"store""#, ""] {
            assert!(!is_to_be_stored(not.as_bytes()), "{not}");
        }
    }
}
