//! Work that is not saved yet: texts wait in memory for the session that put them there. Each is what it was when it was put, so
//! that a browser's way back leads to what was before; it may be looked at again and again, and goes when nobody has for two hours.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::SessionId;
use tokio::time::Instant;

use crate::cookie::random_name;
use crate::{Actor, Control};

const LIFE: Duration = Duration::from_secs(2 * 3_600);
/// Most texts of a session and their bytes, so that nobody drives out others, and bytes of all together; beyond, what was looked at
/// longest ago goes.
const MOST: usize = 200;
const BYTES_EACH: usize = 4 * 1024 * 1024;
const BYTES: usize = 32 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct Sketches {
    kept: Mutex<HashMap<String, Sketch>>,
}

struct Sketch {
    session: SessionId,
    text: String,
    seen: Instant,
}

impl Sketches {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sketch>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what a session left behind.
    pub(crate) fn forget(&self, session: SessionId) {
        self.lock().retain(|_, sketch| sketch.session != session);
    }

    fn put(&self, id: String, session: SessionId, text: String) {
        if text.len() > BYTES {
            return;
        }
        let now = Instant::now();
        let mut kept = self.lock();
        kept.retain(|_, sketch| now < sketch.seen + LIFE);
        while kept.values().filter(|sketch| sketch.session == session).count() >= MOST {
            drop_oldest(&mut kept, Some(session));
        }
        let of_session = |kept: &HashMap<String, Sketch>| {
            kept.values().filter(|sketch| sketch.session == session).map(|sketch| sketch.text.len()).sum::<usize>()
        };
        while of_session(&kept) > 0 && of_session(&kept) + text.len() > BYTES_EACH {
            drop_oldest(&mut kept, Some(session));
        }
        while kept.values().map(|sketch| sketch.text.len()).sum::<usize>() + text.len() > BYTES {
            drop_oldest(&mut kept, None);
        }
        kept.insert(id, Sketch { session, text, seen: now });
    }

    fn look(&self, id: &str, session: SessionId) -> Option<String> {
        let now = Instant::now();
        let mut kept = self.lock();
        let sketch = kept.get_mut(id).filter(|sketch| sketch.session == session && now < sketch.seen + LIFE)?;
        sketch.seen = now;
        Some(sketch.text.clone())
    }
}

fn drop_oldest(kept: &mut HashMap<String, Sketch>, of: Option<SessionId>) {
    let candidates = kept.iter().filter(|(_, sketch)| of.is_none_or(|session| sketch.session == session));
    if let Some(oldest) = candidates.min_by_key(|(_, sketch)| sketch.seen).map(|(id, _)| id.clone()) {
        kept.remove(&oldest);
    }
}

impl Control {
    /// Keeps a text for the actor's session and answers the id it is found by; an empty one where it is not kept.
    #[must_use]
    pub fn put_sketch(&self, actor: &Actor, text: String) -> String {
        let id = random_name().unwrap_or_default();
        if !id.is_empty() {
            self.inner.sketches.put(id.clone(), actor.session_id(), text);
        }
        id
    }

    /// The text, as often as it is asked for; nothing where it is gone.
    #[must_use]
    pub fn look_at_sketch(&self, actor: &Actor, id: &str) -> Option<String> {
        self.inner.sketches.look(id, actor.session_id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: SessionId = SessionId(1);
    const BOB: SessionId = SessionId(2);

    #[tokio::test(start_paused = true)]
    async fn a_sketch_is_its_own_sessions_as_long_as_it_is_looked_at() {
        let sketches = Sketches::default();
        sketches.put("a".into(), ANN, "one".into());
        assert_eq!(sketches.look("a", BOB), None);
        for _ in 0..3 {
            tokio::time::advance(LIFE - Duration::from_secs(1)).await;
            assert_eq!(sketches.look("a", ANN).as_deref(), Some("one"));
        }
        tokio::time::advance(LIFE).await;
        assert_eq!(sketches.look("a", ANN), None);
        sketches.put("b".into(), ANN, "two".into());
        sketches.forget(ANN);
        assert_eq!(sketches.look("b", ANN), None);
    }

    #[tokio::test(start_paused = true)]
    async fn neither_a_session_nor_all_of_them_fill_the_memory() {
        let sketches = Sketches::default();
        sketches.put("bob".into(), BOB, "x".into());
        for n in 0..MOST + 5 {
            tokio::time::advance(Duration::from_millis(1)).await;
            sketches.put(n.to_string(), ANN, "x".into());
        }
        assert_eq!(sketches.lock().len(), MOST + 1);
        assert!(sketches.look("0", ANN).is_none() && sketches.look("5", ANN).is_some());
        assert!(sketches.look("bob", BOB).is_some(), "what others have is not what goes");
        for n in 0..3 {
            tokio::time::advance(Duration::from_millis(1)).await;
            sketches.put(format!("large-{n}"), BOB, "x".repeat(BYTES / 2));
        }
        assert!(sketches.look("large-0", BOB).is_none() && sketches.look("large-2", BOB).is_some());
        assert!(sketches.look("5", ANN).is_some(), "what is large drives out one's own");
        sketches.put("huge".into(), BOB, "x".repeat(BYTES + 1));
        assert!(sketches.look("huge", BOB).is_none());
    }
}
