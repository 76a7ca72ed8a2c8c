//! Which of several keys a request is asked with. It is chosen where it is first needed and stays the same for as long as one
//! target is planned; once it has failed, another is chosen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use domain::{ProviderKeyId, RequestId};

use super::Request;
use crate::health::Health;
use crate::pool::mix;
use crate::snapshot::{Ask, Chosen, KeyFault, Others, TeamState};

/// Bodies that are shorter than this have no beginning that a provider would keep: caches begin at 1,024 tokens.
const SHORTEST_KEPT: usize = 4 << 10;
/// What tells conversations apart in the beginning of a body: its last bytes are part of what the first person said.
const BEGINNING: usize = 4 << 10;

/// The choice of a request, at one target after the other.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    random: u64,
    session: Option<u64>,
    tried: Vec<ProviderKeyId>,
    /// The key's id; 0 where none is chosen.
    key: AtomicI64,
    others: AtomicU8,
    /// Whether what is asked for is kept with one key, so that others do not know it.
    keeps: AtomicBool,
    /// The beginning of the body, once it was looked at; 0 until then.
    beginning: AtomicU64,
}

impl Choice {
    pub(crate) fn new(id: RequestId, session: Option<&str>) -> Self {
        let random = mix(u64::from_ne_bytes(id.0.as_u64_pair().1.to_ne_bytes()));
        Self { random, session: session.map(|session| digest(session.as_bytes())), ..Self::default() }
    }

    /// Keeps to the newest key.
    pub(crate) fn keep(&self) {
        self.keeps.store(true, Ordering::Relaxed);
    }

    /// Whether it keeps to the newest key.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps.load(Ordering::Relaxed)
    }

    /// Keeps to this key.
    pub(crate) fn pin(&self, key: ProviderKeyId) {
        self.key.store(key.0, Ordering::Relaxed);
        self.others.store(Others::None as u8, Ordering::Relaxed);
    }

    /// Whether this key of a provider, by its canonical slug, may be used.
    pub(super) fn may_pin(&self, request: &Request<'_>, provider: &str, key: ProviderKeyId) -> bool {
        let regions = &request.gateway.settings.allowed_regions;
        let alias = request.controls.byok_alias.as_deref().unwrap_or(super::DEFAULT_ALIAS);
        let found = request.access.team.key_by_id(provider, key, request.now_ms);
        !self.tried.contains(&key) && found.is_some_and(|(key, _)| key.alias == alias && key.is_in(regions))
    }

    /// Chooses another key the next time.
    pub(crate) fn give_up(&mut self, key: ProviderKeyId) {
        self.tried.push(key);
        self.forget();
    }

    /// Chooses a key for another address the next time.
    pub(crate) fn give_up_address(&mut self, team: &TeamState, provider: &str, address: &Arc<Health>) {
        let there = team.keys_at(provider, address);
        self.tried.extend(there);
        self.forget();
    }

    /// Begins anew, for another target.
    pub(crate) fn begin_anew(&mut self) {
        self.tried.clear();
        self.forget();
    }

    /// A random number of the request.
    pub(crate) fn random(&self) -> u64 {
        self.random
    }

    fn forget(&mut self) {
        self.key.store(0, Ordering::Relaxed);
        self.keeps.store(false, Ordering::Relaxed);
    }

    /// The key for a provider, by its canonical slug, with an alias.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn choose<'a>(
        &self,
        request: &Request<'a>,
        provider: &str,
        alias: &str,
    ) -> Result<Chosen<'a>, KeyFault> {
        let team = &request.access.team;
        let settings = &request.gateway.settings;
        let affinity = || settings.affinity.then(|| self.affinity(request.body)).flatten();
        let ask = Ask {
            tried: &self.tried,
            regions: &settings.allowed_regions,
            balance: settings.balance,
            affinity: &affinity,
            random: self.random,
            now_ms: request.now_ms,
        };
        let known = ProviderKeyId(self.key.load(Ordering::Relaxed));
        if let Some((key, target)) =
            team.key_by_id(provider, known, request.now_ms).filter(|(key, _)| key.is_in(ask.regions))
        {
            return Ok(Chosen { key, target, others: Others::of(self.others.load(Ordering::Relaxed)) });
        }
        let chosen = if self.keeps() { team.first(provider, alias, &ask) } else { team.choose(provider, alias, &ask) }?;
        self.key.store(chosen.key.id.0, Ordering::Relaxed);
        self.others.store(chosen.others as u8, Ordering::Relaxed);
        Ok(chosen)
    }

    /// What keeps to one key: a session that the caller names, or else a conversation, by how it begins.
    pub(crate) fn affinity(&self, body: &[u8]) -> Option<u64> {
        if self.session.is_some() || body.len() < SHORTEST_KEPT {
            return self.session;
        }
        let known = self.beginning.load(Ordering::Relaxed);
        let beginning = if known == 0 { digest(&body[..BEGINNING]) } else { known };
        self.beginning.store(beginning, Ordering::Relaxed);
        Some(beginning)
    }
}

/// A number for a text, the same in every process (FNV-1a, with its bits spread).
fn digest(bytes: &[u8]) -> u64 {
    let hashed = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    mix(hashed).max(1)
}
