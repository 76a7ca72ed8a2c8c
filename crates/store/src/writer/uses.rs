//! When tokens were last used, as the ledger's rows tell it. The data plane tells it too, every few seconds; what a process that was
//! killed could not tell any more is in the spool, or was written down here in the transaction of the rows.

use std::collections::HashMap;

use domain::TokenId;
use domain::ledger::AttemptRow;
use domain::token::LastUse;

/// A use is written down when it is so much later than the one that was, in milliseconds: a busy token is not written with
/// each batch.
const STEP_MS: i64 = 30_000;
/// What a request is refused with whose token does not count as used.
const NOT_USED: [&str; 2] = ["revoked_token", "expired_token"];

/// The uses that this writer has written down.
#[derive(Debug, Default)]
pub(super) struct Uses(HashMap<TokenId, i64>);

impl Uses {
    /// The uses in rows that are worth writing down, in the order of the tokens.
    pub(super) fn of<'r>(&self, rows: impl Iterator<Item = &'r AttemptRow>) -> Vec<LastUse> {
        let mut latest: HashMap<TokenId, i64> = HashMap::new();
        for row in rows {
            let Some(token) = row.token_id else { continue };
            if !row.error_code.as_deref().is_some_and(|code| NOT_USED.contains(&code)) {
                let at_ms = latest.entry(token).or_insert(row.at_ms);
                *at_ms = row.at_ms.max(*at_ms);
            }
        }
        let known = |token: &TokenId| self.0.get(token).copied().unwrap_or(i64::MIN);
        let mut used: Vec<_> = latest
            .into_iter()
            .filter(|(token, at_ms)| at_ms.saturating_sub(STEP_MS) >= known(token))
            .map(|(token, at_ms)| LastUse { token, at_ms, previous: None })
            .collect();
        used.sort_unstable_by_key(|used| used.token);
        used
    }

    /// Remembers what is written down.
    pub(super) fn note(&mut self, written: &[LastUse]) {
        self.0.extend(written.iter().map(|used| (used.token, used.at_ms)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::row;

    const AT_MS: i64 = 1_763_800_000_000;

    fn used(token: i64, at_ms: i64) -> LastUse {
        LastUse { token: TokenId(token), at_ms, previous: None }
    }

    fn by(token: i64, at_ms: i64) -> AttemptRow {
        AttemptRow { token_id: Some(TokenId(token)), ..row(at_ms, 1, 1) }
    }

    #[test]
    fn a_busy_token_is_not_written_with_each_batch() {
        let mut uses = Uses::default();
        let first = uses.of([by(2, AT_MS), by(1, AT_MS), by(2, AT_MS + 5)].iter());
        assert_eq!(first, [used(1, AT_MS), used(2, AT_MS + 5)]);
        uses.note(&first);
        assert_eq!(uses.of([by(1, AT_MS + STEP_MS - 1), by(2, AT_MS + STEP_MS)].iter()), []);
        assert_eq!(uses.of([by(1, AT_MS + STEP_MS)].iter()), [used(1, AT_MS + STEP_MS)]);
    }

    #[test]
    fn a_token_that_is_over_was_not_used() {
        let refused = |code: &str| AttemptRow { error_code: Some(code.to_owned()), ..by(1, AT_MS) };
        let nobody = AttemptRow { token_id: None, ..by(1, AT_MS) };
        let rows = [refused("revoked_token"), refused("expired_token"), nobody];
        assert_eq!(Uses::default().of(rows.iter()), []);
        assert_eq!(Uses::default().of([refused("token_not_allowed")].iter()), [used(1, AT_MS)]);
    }
}
