//! A token's own limits in the file: all that it is to have, so that what is not among them is lifted.

use std::collections::BTreeMap;

use domain::money::Rate;
use domain::policy::{Measure, OwnLimit, OwnLimits};
use domain::{Nanos, TokenId};
use serde_json::Value;
use serde_saphyr::Spanned;
use store::entity::api_token::Model;

use crate::apply::planner::Planner;
use crate::apply::state::State;
use crate::policy::own;

/// What the file says of a token's limits.
type Said = Spanned<Option<BTreeMap<String, Spanned<Value>>>>;

impl Planner<'_> {
    /// The limits that a file names; none where something is wrong with them, which is reported.
    pub(super) fn limits(&mut self, path: &str, said: &Said) -> Option<OwnLimits> {
        let mut limits = OwnLimits::default();
        let mut fine = true;
        let mut refuse = |planner: &mut Self, line, name: &str, message: String| {
            planner.report.add(line, format!("{path}.limits.{name}"), message);
            fine = false;
        };
        for (name, value) in said.value.iter().flatten() {
            let line = value.referenced.line();
            let Some(kind) = OwnLimit::ALL.into_iter().find(|kind| kind.as_str() == name) else {
                let known = OwnLimit::ALL.map(OwnLimit::as_str).join(", ");
                refuse(self, line, name, format!("is no limit of a token, which are {known}"));
                continue;
            };
            match amount(kind, &value.value) {
                Ok(amount) => {
                    limits.set(kind, amount);
                    let only: OwnLimits = amount.map(|amount| (kind, amount)).into_iter().collect();
                    for error in own::problems(&only) {
                        refuse(self, line, name, error.problem.to_string());
                    }
                }
                Err(message) => refuse(self, line, name, message.to_owned()),
            }
        }
        fine.then_some(limits)
    }
}

/// An amount in the unit of its kind; none where nothing is said.
fn amount(kind: OwnLimit, value: &Value) -> Result<Option<u64>, &'static str> {
    let (wanted, unit) = match kind.measure() {
        Measure::Cost => ("must be whole dollars, or dollars in quotes, as \"0.50\"", 1_000_000_000),
        _ => ("must be a whole number", 1),
    };
    let amount = match (value, kind.measure()) {
        (Value::Null, _) => return Ok(None),
        (Value::Number(number), _) => number.as_u64().and_then(|number| number.checked_mul(unit)),
        (Value::String(text), Measure::Cost) => {
            text.parse::<Rate>().ok().and_then(|dollars| u64::try_from(dollars.0).ok())
        }
        _ => None,
    };
    amount.map(Some).ok_or(wanted)
}

/// The limits that a stored token has.
pub(super) fn stored(token: &Model, state: &State) -> OwnLimits {
    let id = Some(TokenId(token.id));
    let own = state.policies.iter().filter(|row| row.token_id.map(TokenId) == id);
    own.filter_map(|row| OwnLimit::of(&store::policy::policy(row).ok()?)).collect()
}

/// A limit for people.
pub(super) fn shown(kind: OwnLimit, amount: Option<u64>) -> Value {
    match (kind.measure(), amount) {
        (_, None) => Value::Null,
        (Measure::Cost, Some(amount)) => Nanos(i64::try_from(amount).unwrap_or(i64::MAX)).to_string().into(),
        (_, Some(amount)) => amount.into(),
    }
}
