//! What policies say no with: by which policy, what it lets pass, how much is left, and when there is room again.

use domain::policy::{Limit, Measure};

use super::{Code, Refusal, quote};
use crate::clock::now_ms;
use crate::count::Full;
use crate::policy::{LimitId, LimitState, Place, Target, Verdict};

impl Refusal {
    /// A policy denies the request, or none permits it.
    pub(crate) fn denied_by_policy(verdict: Verdict<'_>, target: Target<'_>) -> Self {
        let name = quote(&verdict.judge().name);
        let said = match verdict {
            Verdict::Denied(_) => format!("The policy {name} does not let this request pass."),
            Verdict::NotPermitted(_) => {
                format!("No policy of the team permits this request; {name} is one that permits others.")
            }
        };
        let hidden = match target {
            Target::Hidden(_) => " It names its model in no way that policies can judge by.",
            Target::Nobody | Target::Provider(_) | Target::Model(..) => "",
        };
        let message = format!("{said}{hidden} Ask whoever runs the team's gateways.");
        Self::new(Code::DeniedByPolicy, with(message, verdict.judge().message.as_deref()))
    }

    /// There is no room for so much in a limit.
    pub(crate) fn over_limit(place: &Place, full: Full, amount: u64) -> Self {
        let (limit, state) = (&place.limit.limit, &*place.limit);
        let code = if limit.measure == Measure::Cost { Code::BudgetExceeded } else { Code::RateLimited };
        let lets = Limit { amount: place.amount, ..limit.clone() };
        let who = match state.id {
            LimitId::Gateway(_) => "This gateway".to_owned(),
            LimitId::Policy(_) => format!("The policy {}", quote(&state.name)),
        };
        let left = match limit.measure {
            Measure::Requests | Measure::Concurrency => "none is left".to_owned(),
            measure => {
                let (left, wanted) = (measure.amount(full.left), measure.amount(amount));
                format!("{left} of it is left, and this request may take {wanted}")
            }
        };
        let way_out = match full.free_in_ms {
            Some(ms) => format!("There is room again in {}.", time(ms)),
            None if amount > place.amount && place.amount > 0 => {
                "It is more than may pass at once: ask for less, with a lower bound on the answer's tokens, or have the \
                 limit raised."
                    .to_owned()
            }
            None if limit.measure == Measure::Concurrency => "Try again when another request has ended.".to_owned(),
            None => "Time alone does not bring room: have the limit raised.".to_owned(),
        };
        let message = format!("{who} lets {lets} pass; {left}. {way_out}");
        let mut refusal = Self::new(code, with(message, state.message.as_deref()));
        refusal.retry_after_s = full.free_in_ms.map(|ms| ms.unsigned_abs().div_ceil(1_000));
        refusal
    }

    /// A limit on cost lets nothing pass of which the price is unknown.
    pub(crate) fn price_unknown(limit: &LimitState, target: Target<'_>) -> Self {
        let what = match target {
            Target::Model(provider, model) => format!("the model {}", quote(&format!("{provider}/{model}"))),
            Target::Provider(provider) | Target::Hidden(provider) => {
                format!("what this request asks of the provider {}", quote(provider))
            }
            Target::Nobody => "this request".to_owned(),
        };
        let message = format!(
            "The policy {} counts money and lets nothing pass without a price, and no price is known for {what}. Give it one, \
             or set the policy's `unknown` to `pass`.",
            quote(&limit.name)
        );
        Self::new(Code::PriceUnknown, with(message, limit.message.as_deref()))
    }
}

fn with(mut message: String, own: Option<&str>) -> String {
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        message.push(' ');
        message.push_str(own);
    }
    message
}

/// A span of time in words, and where it is long the moment at which it ends.
fn time(ms: i64) -> String {
    let seconds = ms.unsigned_abs().div_ceil(1_000);
    let words = |number: u64, unit: &str| format!("{number} {unit}{}", if number == 1 { "" } else { "s" });
    let span = match seconds {
        0..120 => words(seconds, "second"),
        120..7_200 => words(seconds.div_ceil(60), "minute"),
        7_200..172_800 => words(seconds.div_ceil(3_600), "hour"),
        _ => words(seconds.div_ceil(86_400), "day"),
    };
    let at = chrono::DateTime::from_timestamp_millis(now_ms().saturating_add(ms)).filter(|_| seconds >= 7_200);
    at.map_or(span.clone(), |at| format!("{span}, at {}", at.format("%Y-%m-%dT%H:%MZ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_as_people_say_it() {
        for (ms, text) in [(1, "1 second"), (1_000, "1 second"), (90_000, "90 seconds"), (121_000, "3 minutes")] {
            assert_eq!(time(ms), text);
        }
        assert!(time(7_200_000).starts_with("2 hours, at 2"), "{}", time(7_200_000));
        assert!(time(10 * 86_400_000).starts_with("10 days, at 2"));
    }
}
