//! The own limits of a token: policies that its form makes, changes and ends. Changed into something else by other ways, such a policy
//! is one like any other from then on.

use domain::policy::{MAX_AMOUNT, OwnLimit, OwnLimits, Policy, PolicyState, Rule};
use domain::validate::{FieldError, MAX_NAME, Problem};
use domain::{PolicyId, TeamId, TokenId};
use store::entity::{api_token, policy::Model};
use store::policy as rows;

use super::{definition, record};
use crate::ControlError;
use crate::actor::Author;
use crate::change::Change;

/// What is wrong with amounts, by the names of their fields.
pub(crate) fn problems(limits: &OwnLimits) -> Vec<FieldError> {
    let wrong = |kind: OwnLimit| {
        let least = u64::from(matches!(kind, OwnLimit::RequestsPerMinute | OwnLimit::TokensPerMinute));
        let amount = limits.get(kind)?;
        let problem = Problem::OutOfRange { min: least, max: MAX_AMOUNT };
        (amount < least || amount > MAX_AMOUNT).then(|| FieldError::new(kind.as_str(), problem))
    };
    OwnLimit::ALL.into_iter().filter_map(wrong).collect()
}

/// Makes a token's own limits what they are to be. One whose amount stays is left alone, whatever its state; one that gets another
/// is in force. Tells whether anything was changed.
pub(crate) async fn set(
    change: &Change,
    team: TeamId,
    author: &Author,
    token: &api_token::Model,
    limits: &OwnLimits,
) -> Result<bool, ControlError> {
    let mut changed = false;
    let present = rows::list_own(change.tx(), TokenId(token.id)).await?;
    for kind in OwnLimit::ALL {
        let stored = present.iter().find_map(|row| {
            let policy = rows::policy(row).ok()?;
            let (_, amount) = OwnLimit::of(&policy).filter(|(known, _)| *known == kind)?;
            Some((row, policy, amount))
        });
        match (stored, limits.get(kind)) {
            (None, None) => continue,
            (Some((_, _, stored)), Some(amount)) if stored == amount => continue,
            (Some((row, _, _)), None) => remove(change, team, author, row).await?,
            (Some((row, mut policy, _)), Some(amount)) => {
                if let Rule::Limit(limit) = &mut policy.rule {
                    limit.amount = amount;
                }
                let wanted = definition(change, &row.name, PolicyState::On, row.token_id.map(TokenId), &policy);
                let new = rows::update(change.tx(), PolicyId(row.id), &wanted).await?;
                record(change, team, author, Some(row), Some(&new)).await?;
            }
            (None, Some(amount)) => {
                let policy = kind.policy(&token.name, amount);
                let name = free_name(change, team, &token.name, kind).await?;
                let wanted = definition(change, &name, PolicyState::On, Some(TokenId(token.id)), &policy);
                let new = rows::create(change.tx(), team, &wanted).await?;
                record(change, team, author, None, Some(&new)).await?;
            }
        }
        changed = true;
    }
    Ok(changed)
}

/// Ends all own limits of a token that is no more.
pub(crate) async fn end(change: &Change, team: TeamId, author: &Author, token: TokenId) -> Result<(), ControlError> {
    for row in rows::list_own(change.tx(), token).await? {
        remove(change, team, author, &row).await?;
    }
    Ok(())
}

/// Gives own limits the names that go with the token's new one, where they have those of its old one.
pub(crate) async fn rename(
    change: &Change,
    team: TeamId,
    author: &Author,
    (token, old_name, new_name): (TokenId, &str, &str),
) -> Result<(), ControlError> {
    for row in rows::list_own(change.tx(), token).await? {
        let Ok(policy) = rows::policy(&row) else { continue };
        let Some((kind, _)) = OwnLimit::of(&policy).filter(|(kind, _)| row.name == name(old_name, *kind, "")) else {
            continue;
        };
        let name = free_name(change, team, new_name, kind).await?;
        let wanted = definition(change, &name, rows::state(&row), row.token_id.map(TokenId), &policy);
        let new = rows::update(change.tx(), PolicyId(row.id), &wanted).await?;
        record(change, team, author, Some(&row), Some(&new)).await?;
    }
    Ok(())
}

/// Whose own limit a policy is once it is changed: the same token's, where it stays a limit of that kind.
pub(crate) fn owner(old: &Model, policy: &Policy) -> Option<TokenId> {
    let present = rows::policy(old).ok()?;
    let (before, _) = OwnLimit::of(&present)?;
    let (after, _) = OwnLimit::of(policy)?;
    old.token_id.map(TokenId).filter(|_| before == after && present.when == policy.when)
}

async fn remove(change: &Change, team: TeamId, author: &Author, row: &Model) -> Result<(), ControlError> {
    rows::delete(change.tx(), PolicyId(row.id)).await?;
    record(change, team, author, Some(row), None).await
}

/// A name that no policy of the team has.
async fn free_name(change: &Change, team: TeamId, token: &str, kind: OwnLimit) -> Result<String, ControlError> {
    let mut wanted = name(token, kind, "");
    for number in 2_u32.. {
        if !rows::has_name(change.tx(), team, &wanted).await? {
            break;
        }
        wanted = name(token, kind, &format!(" ({number})"));
    }
    Ok(wanted)
}

/// `app: requests a minute`, with as much of the token's name as fits.
fn name(token: &str, kind: OwnLimit, end: &str) -> String {
    let end = format!(": {kind}{end}");
    let room = MAX_NAME - end.chars().count();
    let short: String = token.chars().take(room).collect();
    format!("{}{end}", short.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_whatever_the_token_is_called() {
        assert_eq!(name("app", OwnLimit::CostPerDay, ""), "app: cost a day");
        for kind in OwnLimit::ALL {
            let long = name(&"ü".repeat(64), kind, " (12)");
            assert_eq!((long.chars().count(), domain::validate::name(&long)), (MAX_NAME, Ok(())));
        }
    }

    #[test]
    fn amounts_have_bounds() {
        let fields = |amounts: &[(OwnLimit, u64)]| {
            let limits: OwnLimits = amounts.iter().copied().collect();
            problems(&limits).into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&[(OwnLimit::RequestsPerMinute, 1), (OwnLimit::CostPerDay, 0)]), [""; 0]);
        let wrong = [(OwnLimit::TokensPerMinute, 0), (OwnLimit::CostPerMonth, MAX_AMOUNT + 1)];
        assert_eq!(fields(&wrong), ["tokens_per_minute", "cost_per_month"]);
    }
}
