//! Things shown once: a text waits in memory for the session that put it there, for five minutes at most.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Secret, SessionId};
use tokio::time::Instant;

use crate::cookie::random_name;
use crate::{Actor, Control};

const LIFE: Duration = Duration::from_secs(300);
/// Most texts that wait at once; beyond that the oldest goes.
const CAPACITY: usize = 1_000;

#[derive(Default)]
pub(crate) struct Flashes {
    waiting: Mutex<HashMap<String, Flash>>,
}

struct Flash {
    session: SessionId,
    text: Secret,
    until: Instant,
}

impl Flashes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Flash>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what a session left behind.
    pub(crate) fn forget(&self, session: SessionId) {
        self.lock().retain(|_, flash| flash.session != session);
    }

    fn put(&self, id: String, session: SessionId, text: String) {
        let now = Instant::now();
        let mut waiting = self.lock();
        waiting.retain(|_, flash| flash.until > now);
        if waiting.len() >= CAPACITY
            && let Some(oldest) = waiting.iter().min_by_key(|(_, flash)| flash.until).map(|(id, _)| id.clone())
        {
            waiting.remove(&oldest);
        }
        waiting.insert(id, Flash { session, text: Secret::new(text), until: now + LIFE });
    }

    fn take(&self, id: &str, session: SessionId) -> Option<String> {
        let mut waiting = self.lock();
        if waiting.get(id)?.session != session {
            return None;
        }
        let flash = waiting.remove(id)?;
        (flash.until > Instant::now()).then(|| flash.text.expose().to_owned())
    }
}

impl Control {
    /// Keeps a text for the actor's session and answers the id it is found by.
    #[must_use]
    pub fn flash_put(&self, actor: &Actor, text: String) -> String {
        // Without randomness the id is empty and the text is not kept: shown to nobody rather than to anybody.
        let id = random_name().unwrap_or_default();
        if !id.is_empty() {
            self.inner.flashes.put(id.clone(), actor.session_id(), text);
        }
        id
    }

    /// Takes the text out, once.
    #[must_use]
    pub fn flash_take(&self, actor: &Actor, id: &str) -> Option<String> {
        self.inner.flashes.take(id, actor.session_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_text_is_taken_once_by_its_own_session_in_time() {
        let flashes = Flashes::default();
        flashes.put("a".into(), SessionId(1), "plain".into());
        assert_eq!(flashes.take("a", SessionId(2)), None);
        assert_eq!(flashes.take("a", SessionId(1)).as_deref(), Some("plain"));
        assert_eq!(flashes.take("a", SessionId(1)), None);
        flashes.put("b".into(), SessionId(1), "plain".into());
        tokio::time::advance(LIFE).await;
        assert_eq!(flashes.take("b", SessionId(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_texts_wait() {
        let flashes = Flashes::default();
        for n in 0..CAPACITY + 5 {
            flashes.put(n.to_string(), SessionId(1), String::new());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(flashes.lock().len(), CAPACITY);
        assert_eq!(flashes.take("0", SessionId(1)), None);
    }
}
