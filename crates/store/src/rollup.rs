//! Roll-ups: sums per minute, hour and day, kept by the ledger writer in the transaction that stores the rows, so that
//! no chart ever reads a row of the log.
//!
//! A row counts once per resolution and dimension (team, gateway, provider, model, token; in one table also who was asked for). Requests, errors, cache hits
//! and the histograms count the `last` row of a request, which carries what the client was told; attempts, tokens and
//! cost count every row. Requests that no team can be charged with are left out.

mod breakdown;
mod histogram;
mod overview;
mod tally;

use domain::TeamId;
use sea_orm::{ConnectionTrait, Statement};

pub use breakdown::{breakdown, unpriced};
pub use overview::overview;
pub(crate) use tally::{Counted, Key, Sums, Tally};

use crate::{Store, StoreError};

/// Whether anything was ever counted for a team.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn has_any(store: &Store, team: TeamId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM rollup_day WHERE team_id = $1 LIMIT 1";
    let statement = Statement::from_sql_and_values(store.backend().into(), sql, [team.0.into()]);
    Ok(store.read().query_one_raw(statement).await?.is_some())
}

/// A table of roll-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    Minute,
    Hour,
    Day,
    /// Days, by whom was asked for; rows that do not say that are not in it. It has no histograms.
    UserDay,
}

impl Resolution {
    /// Those that have all rows, from fine to coarse.
    pub(crate) const WHOLE: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];
    /// Every table.
    pub(crate) const ALL: [Self; 4] = [Self::Minute, Self::Hour, Self::Day, Self::UserDay];

    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Minute => "rollup_minute",
            Self::Hour => "rollup_hour",
            Self::Day => "rollup_day",
            Self::UserDay => "rollup_user_day",
        }
    }

    /// Seconds a row covers.
    pub(crate) fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day | Self::UserDay => 86_400,
        }
    }

    /// Days a row is kept; days are kept for good.
    pub(crate) fn kept_days(self) -> Option<i64> {
        match self {
            Self::Minute => Some(4),
            Self::Hour | Self::UserDay => Some(400),
            Self::Day => None,
        }
    }
}

#[cfg(test)]
mod tests;
