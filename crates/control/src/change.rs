//! The one way to change something: a transaction that holds the configuration version's lock, writes the change and
//! its audit event, and is announced once it is committed. What concerns accounts only is not announced.

use chrono::{DateTime, SubsecRound, Utc};
use domain::TeamId;
use serde_json::Value;
use store::{WriteTx, audit, config};

use crate::actor::Author;
use crate::{Control, ControlError};

/// An open change. Dropped without `commit`, nothing happened.
pub(crate) struct Change {
    tx: WriteTx,
    version: i64,
    /// Whether the data plane has to hear of it.
    announced: bool,
    now: DateTime<Utc>,
}

/// What the audit log says about a change.
pub(crate) struct Event<'a> {
    /// Nothing for what concerns no team.
    pub(crate) team: Option<TeamId>,
    /// `gateway.update`, …
    pub(crate) action: &'a str,
    /// `gateway main`
    pub(crate) target: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// The present moment in whole milliseconds, which both databases store without loss.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

impl Control {
    pub(crate) async fn begin(&self) -> Result<Change, ControlError> {
        let tx = self.inner.store.write_tx().await?;
        let version = config::bump(&tx).await?;
        Ok(Change { tx, version, announced: true, now: now() })
    }

    /// A change of an account: signing in, a new password. The configuration stays what it is.
    pub(crate) async fn begin_account(&self) -> Result<Change, ControlError> {
        let tx = self.inner.store.write_tx().await?;
        let version = config::lock(&tx).await?;
        Ok(Change { tx, version, announced: false, now: now() })
    }
}

impl Change {
    pub(crate) fn tx(&self) -> &WriteTx {
        &self.tx
    }

    /// The configuration version this change makes.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(crate) async fn record(&self, author: &Author, event: Event<'_>) -> Result<(), ControlError> {
        let event = audit::NewEvent {
            at_ms: self.now.timestamp_millis(),
            team_id: event.team,
            user_id: author.user_id,
            actor: author.name.clone(),
            action: event.action.to_owned(),
            target: event.target,
            before: event.before.map(written),
            after: event.after.map(written),
        };
        Ok(audit::append(&self.tx, event).await?)
    }

    /// Makes it so, announces it, and gives the data plane a moment to take it over.
    pub(crate) async fn commit(self, control: &Control) -> Result<(), ControlError> {
        self.tx.commit().await.map_err(store::StoreError::from)?;
        if self.announced {
            control.inner.changes.send_modify(|version| *version = self.version.max(*version));
            control.until_live(self.version).await;
        }
        Ok(())
    }
}

/// JSON as it goes on record: keys in alphabetical order, however it was put together.
fn written(mut json: serde_json::Value) -> String {
    json.sort_all_objects();
    json.to_string()
}
