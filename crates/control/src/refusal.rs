//! Wrong passwords in the audit log, without letting a stranger flood it: the first one at an account becomes an event at
//! once, those of the following hour become one event together. So an account gets at most one event an hour of each
//! kind, and one more before its owner signs in; accounts that do not exist get none. What was counted and not yet
//! written when the process is told to stop is written then; after a crash it is lost, but that there were attempts is on
//! record by then.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::UserId;
use serde_json::json;
use tokio::time::Instant;

use crate::actor::Author;
use crate::change::{Change, Event, now};
use crate::{Control, ControlError};

/// Least time between two events of one kind about one account.
const APART: Duration = Duration::from_secs(3_600);

/// What was tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tried {
    /// Signing in, by whoever it was.
    SignIn,
    /// Setting a new password, from an open session.
    NewPassword,
}

/// Attempts at an account, as one event tells them.
pub(crate) struct Refused {
    tried: Tried,
    email: String,
    user_id: UserId,
    attempts: u32,
    /// When the first of them was.
    since: DateTime<Utc>,
    /// Where the last of them came from.
    from: String,
}

/// Counts of refused attempts. Only accounts that exist are in it.
#[derive(Default)]
pub(crate) struct Refusals {
    entries: Mutex<HashMap<(Tried, String), Entry>>,
    /// Held while events are written, so that who waits for it finds them written.
    writing: tokio::sync::Mutex<()>,
}

struct Entry {
    user_id: UserId,
    /// Attempts that no event tells of yet.
    attempts: u32,
    since: DateTime<Utc>,
    from: String,
    /// When the last event was written.
    told: Option<Instant>,
}

impl Entry {
    fn is_due(&self) -> bool {
        self.told.is_none_or(|told| told.elapsed() >= APART)
    }

    fn take(&mut self, tried: Tried, email: &str) -> Option<Refused> {
        self.told = Some(Instant::now());
        let attempts = std::mem::take(&mut self.attempts);
        let (user_id, since, from) = (self.user_id, self.since, self.from.clone());
        (attempts > 0).then(|| Refused { tried, email: email.to_owned(), user_id, attempts, since, from })
    }
}

impl Refusals {
    fn lock(&self) -> MutexGuard<'_, HashMap<(Tried, String), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt at an account; answers whether an event is due.
    fn count(&self, tried: Tried, email: &str, user_id: UserId, from: &str) -> bool {
        let mut entries = self.lock();
        let fresh = || Entry { user_id, attempts: 0, since: now(), from: String::new(), told: None };
        let entry = entries.entry((tried, email.to_owned())).or_insert_with(fresh);
        add(entry, 1, now(), from);
        entry.is_due()
    }

    /// Counts an attempt that was not even looked at, if the account is one that was tried before.
    pub(crate) fn count_again(&self, tried: Tried, email: &str, from: &str) {
        if let Some(entry) = self.lock().get_mut(&(tried, email.to_owned())) {
            add(entry, 1, now(), from);
        }
    }

    /// What no event tells of yet about an account.
    fn take(&self, tried: Tried, email: &str) -> Option<Refused> {
        self.lock().get_mut(&(tried, email.to_owned()))?.take(tried, email)
    }

    /// What is due; forgets accounts that were left alone since their last event.
    fn take_due(&self) -> Vec<Refused> {
        let mut due = Vec::new();
        self.lock().retain(|(tried, email), entry| {
            if !entry.is_due() {
                return true;
            }
            let refused = entry.take(*tried, email);
            let kept = refused.is_some();
            due.extend(refused);
            kept
        });
        due
    }

    /// Everything that no event tells of yet.
    fn take_all(&self) -> Vec<Refused> {
        self.lock().iter_mut().filter_map(|((tried, email), entry)| entry.take(*tried, email)).collect()
    }

    /// Counts attempts again whose event could not be written.
    fn put_back(&self, refused: &Refused) {
        if let Some(entry) = self.lock().get_mut(&(refused.tried, refused.email.clone())) {
            entry.told = None;
            add(entry, refused.attempts, refused.since, &refused.from);
        }
    }
}

fn add(entry: &mut Entry, attempts: u32, at: DateTime<Utc>, from: &str) {
    if entry.attempts == 0 {
        entry.since = at;
    }
    entry.attempts = entry.attempts.saturating_add(attempts);
    from.clone_into(&mut entry.from);
}

impl Control {
    /// Notes a wrong password of an account. The event is written in the background: an answer that took longer for
    /// accounts that exist would tell which do.
    pub(crate) fn note_refusal(&self, tried: Tried, email: &str, user_id: UserId, from: &str) {
        if self.inner.refusals.count(tried, email, user_id, from) {
            let control = self.clone();
            tokio::spawn(async move { control.write_refusals().await });
        }
    }

    /// Writes the events that are due; called hourly too. What cannot be written is tried again by the next call.
    pub(crate) async fn write_refusals(&self) {
        let _writing = self.inner.refusals.writing.lock().await;
        for refused in self.inner.refusals.take_due() {
            if self.write_refusal(&refused).await.is_err() {
                self.inner.refusals.put_back(&refused);
            }
        }
    }

    async fn write_refusal(&self, refused: &Refused) -> Result<(), ControlError> {
        let change = self.begin_account().await?;
        record(&change, refused).await?;
        change.commit(self).await
    }

    /// Writes what no event tells of yet, however lately the last one was written: the process is about to end. What cannot
    /// be written is lost.
    pub async fn flush_refusals(&self) {
        let _writing = self.inner.refusals.writing.lock().await;
        for refused in self.inner.refusals.take_all() {
            if let Err(error) = self.write_refusal(&refused).await {
                tracing::warn!(%error, "counts of wrong passwords are lost");
                return;
            }
        }
    }

    /// Records within a change what no event tells of yet, so that its owner reads of it before they act. It counts as told
    /// once the change is committed and [`Telling::told`] has been called.
    pub(crate) async fn record_refusals(
        &self,
        change: &Change,
        tried: Tried,
        email: &str,
    ) -> Result<Telling, ControlError> {
        let telling = Telling { control: self.clone(), refused: self.inner.refusals.take(tried, email) };
        if let Some(refused) = &telling.refused {
            record(change, refused).await?;
        }
        Ok(telling)
    }
}

/// Counts that a change under way tells of. Dropped before the change is made, they are counted again.
#[must_use]
pub(crate) struct Telling {
    control: Control,
    refused: Option<Refused>,
}

impl Telling {
    /// The change is made.
    pub(crate) fn told(mut self) {
        self.refused = None;
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(refused) = &self.refused {
            self.control.inner.refusals.put_back(refused);
        }
    }
}

async fn record(change: &Change, refused: &Refused) -> Result<(), ControlError> {
    let (action, actor) = match refused.tried {
        Tried::SignIn => ("session.refuse", "unknown"),
        Tried::NewPassword => ("password.refuse", refused.email.as_str()),
    };
    let event = Event {
        team: None,
        action,
        target: format!("account {}", refused.email),
        before: None,
        after: Some(json!({ "attempts": refused.attempts, "since": refused.since, "from": refused.from })),
    };
    change.record(&Author { name: actor.to_owned(), user_id: Some(refused.user_id) }, event).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(refused: &[Refused]) -> Vec<(&str, u32, &str)> {
        refused.iter().map(|refused| (refused.email.as_str(), refused.attempts, refused.from.as_str())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_attempts_an_hour_are_two_events() {
        let refusals = Refusals::default();
        let attempt = |from| refusals.count(Tried::SignIn, "ann", UserId(1), from);
        assert!(attempt("a"));
        assert_eq!(counts(&refusals.take_due()), [("ann", 1, "a")]);
        for _ in 0..999 {
            assert!(!attempt("b"));
        }
        refusals.count_again(Tried::SignIn, "ann", "c");
        refusals.count_again(Tried::SignIn, "nobody", "c");
        assert!(refusals.take_due().is_empty());
        tokio::time::advance(APART).await;
        assert_eq!(counts(&refusals.take_due()), [("ann", 1_000, "c")]);
        assert!(!attempt("d"));
        tokio::time::advance(APART).await;
        assert_eq!(counts(&refusals.take_due()), [("ann", 1, "d")]);
        tokio::time::advance(APART).await;
        assert!(refusals.take_due().is_empty());
        assert!(refusals.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_written_is_told_later() {
        let refusals = Refusals::default();
        refusals.count(Tried::SignIn, "ann", UserId(1), "a");
        let taken = refusals.take(Tried::SignIn, "ann").expect("counted");
        refusals.put_back(&taken);
        assert!(refusals.count(Tried::SignIn, "ann", UserId(1), "b"));
        assert_eq!(counts(&refusals.take_due()), [("ann", 2, "b")]);
    }
}
