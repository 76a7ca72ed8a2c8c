//! Tells limits that begin with a configuration what passed before, from the ledger: at a start all of them, later those that
//! were switched on or count differently from before. The old configuration stays in force meanwhile. What is under way at that
//! moment is in no ledger yet, and such a limit does not count it.

use std::time::Duration;

use gateway::Compiled;
use store::writer::WriterProgress;
use store::{Store, StoreError};

/// Longest wait for what is in the spool to be in the database. What is not there by then is not counted.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Tells all that a configuration must be told.
///
/// # Errors
/// The database does not answer; the configuration is not to be used then.
pub async fn tell(store: &Store, writer: &WriterProgress, compiled: &Compiled) -> Result<(), StoreError> {
    let teams = compiled.needs_history();
    if teams.is_empty() {
        return Ok(());
    }
    if !writer.drained(CATCH_UP).await {
        tracing::warn!("the ledger is not in the database yet; limits begin without what is missing");
    }
    for (team, since_ms) in teams {
        let mut after = None;
        loop {
            let page = store::usage::spent_since(store, team, since_ms, after).await?;
            compiled.replay(team, &page.past);
            after = match page.next {
                Some(next) => Some(next),
                None => break,
            };
        }
    }
    Ok(())
}
