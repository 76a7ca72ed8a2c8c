use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use bytes::Bytes;
use domain::{TeamId, Usage};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

/// A tier in memory that counts what it is asked.
#[derive(Default)]
struct Tier {
    kept: Mutex<HashMap<CacheKey, CacheEntry>>,
    loads: Mutex<Vec<CacheKey>>,
}

impl CacheTier for Tier {
    fn holds(&self, key: &CacheKey) -> bool {
        self.kept.lock().expect("not poisoned").contains_key(key)
    }

    fn load(&self, key: CacheKey) -> BoxFuture<'static, Option<CacheEntry>> {
        self.loads.lock().expect("not poisoned").push(key);
        let entry = self.kept.lock().expect("not poisoned").get(&key).cloned();
        async move { entry }.boxed()
    }

    fn save(&self, entry: Arc<CacheEntry>) {
        self.kept.lock().expect("not poisoned").insert(entry.key, (*entry).clone());
    }
}

fn entry(name: u8, length: usize, expires_at_ms: i64) -> CacheEntry {
    CacheEntry {
        key: [name; 32],
        team_id: TeamId(1),
        gateway_id: GatewayId(i64::from(name) % 2),
        created_at_ms: 0,
        expires_at_ms,
        status: 200,
        content_type: "application/json".into(),
        streamed: false,
        body: Bytes::from(vec![name; length]),
        provider: "openai".into(),
        model: None,
        usage: Usage::default(),
    }
}

fn cache(bytes: u64) -> (ExactCache, Arc<Tier>) {
    let tier = Arc::new(Tier::default());
    (ExactCache::new(bytes, tier.clone()), tier)
}

#[tokio::test]
async fn an_answer_is_given_until_it_expires() {
    let (cache, tier) = cache(1 << 20);
    cache.put(Arc::new(entry(1, 100, 1_000)));
    assert_eq!(cache.get(&[1; 32], 999).await.expect("kept").body.len(), 100);
    assert!(cache.get(&[1; 32], 1_000).await.is_none());
    assert!(cache.get(&[2; 32], 0).await.is_none());
    assert_eq!(tier.loads.lock().expect("not poisoned").len(), 1, "asked only for what memory no longer had");
    assert_eq!(cache.bytes(), 0, "the expired entry was dropped");
}

#[tokio::test]
async fn what_only_the_tier_has_moves_into_memory() {
    let (cache, tier) = cache(1 << 20);
    tier.save(Arc::new(entry(1, 100, 1_000)));
    for _ in 0..2 {
        assert!(cache.get(&[1; 32], 0).await.is_some());
    }
    assert_eq!(tier.loads.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn a_tier_that_returns_another_entry_is_not_believed() {
    let (cache, tier) = cache(1 << 20);
    tier.kept.lock().expect("not poisoned").insert([1; 32], entry(2, 100, 1_000));
    assert!(cache.get(&[1; 32], 0).await.is_none());
}

#[tokio::test]
async fn an_answer_above_the_bound_is_not_kept() {
    let (cache, tier) = cache(1 << 20);
    let bound = cache.largest_body();
    assert!(bound > 30_000, "{bound}");
    cache.put(Arc::new(entry(1, bound + 1, 1_000)));
    cache.put(Arc::new(entry(2, bound - 100, 1_000)));
    assert!(cache.get(&[1; 32], 0).await.is_none());
    assert!(cache.get(&[2; 32], 0).await.is_some());
    assert_eq!(tier.kept.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn memory_stays_within_its_bound() {
    let (cache, _tier) = cache(1 << 20);
    for name in 0..=255 {
        cache.put(Arc::new(entry(name, 20_000, 1_000)));
        assert!(cache.bytes() <= 1 << 20);
    }
    assert!(cache.bytes() > 1 << 18, "{}", cache.bytes());
}

#[tokio::test]
async fn a_forgotten_gateway_leaves_the_others_alone() {
    let (cache, tier) = cache(1 << 20);
    for name in [1, 2] {
        cache.put(Arc::new(entry(name, 10, 1_000)));
    }
    tier.kept.lock().expect("not poisoned").clear();
    cache.forget(GatewayId(1));
    assert!(cache.get(&[1; 32], 0).await.is_none());
    assert!(cache.get(&[2; 32], 0).await.is_some());
}

#[test]
fn every_part_changes_the_key_and_none_can_pose_as_another() {
    let plain = HeaderMap::new();
    let beta = HeaderMap::from_iter([(HeaderName::from_static("anthropic-beta"), HeaderValue::from_static("b"))]);
    let version = HeaderMap::from_iter([(HeaderName::from_static("anthropic-version"), HeaderValue::from_static("b"))]);
    let agent = HeaderMap::from_iter([(http::header::USER_AGENT, HeaderValue::from_static("b"))]);
    let base = KeyParts {
        team: TeamId(1),
        gateway: GatewayId(1),
        epoch: 1,
        provider: "openai",
        path_and_query: "/v1/chat/completions",
        credential: Some(1),
        headers: &plain,
        body: b"{}",
        stream: false,
        custom: None,
    };
    let (long, longer) = (vec![b'a'; 5_000], vec![b'a'; 5_001]);
    let mut other = long.clone();
    other[4_999] = b'b';
    let digest = blake3::hash(&long);
    let variants = [
        base,
        KeyParts { body: &long, ..base },
        KeyParts { body: &longer, ..base },
        KeyParts { body: &other, ..base },
        KeyParts { body: digest.as_bytes(), ..base },
        KeyParts { team: TeamId(2), ..base },
        KeyParts { gateway: GatewayId(2), ..base },
        KeyParts { epoch: 2, ..base },
        KeyParts { provider: "groq", ..base },
        KeyParts { path_and_query: "/v1/chat/completions?a", ..base },
        KeyParts { body: b"{} ", ..base },
        KeyParts { stream: true, ..base },
        KeyParts { credential: Some(2), ..base },
        KeyParts { credential: None, ..base },
        KeyParts { headers: &beta, ..base },
        KeyParts { headers: &version, ..base },
        KeyParts { provider: "openai/v1", path_and_query: "/chat/completions", ..base },
        KeyParts { path_and_query: "/v1/chat/completions{", body: b"}", ..base },
        KeyParts { custom: Some(""), ..base },
        KeyParts { custom: Some("mine"), ..base },
        KeyParts { custom: Some("mine"), stream: true, ..base },
        KeyParts { custom: Some("mine"), team: TeamId(2), ..base },
    ];
    let keys: HashSet<_> = variants.iter().map(key).collect();
    assert_eq!(keys.len(), variants.len());
    assert_eq!(key(&base), key(&KeyParts { headers: &agent, ..base }));
    let custom = KeyParts { custom: Some("mine"), ..base };
    assert_eq!(key(&custom), key(&KeyParts { body: b"another", path_and_query: "/", ..custom }));
    assert_eq!(key(&custom), key(&KeyParts { body: &long, ..custom }));
}

/// A tier that knows everything and never says it.
struct Stuck;

impl CacheTier for Stuck {
    fn holds(&self, _: &CacheKey) -> bool {
        true
    }

    fn load(&self, _: CacheKey) -> BoxFuture<'static, Option<CacheEntry>> {
        futures_util::future::pending().boxed()
    }

    fn save(&self, _: Arc<CacheEntry>) {}
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_does_not_answer_is_a_miss() {
    let cache = ExactCache::new(1 << 20, Arc::new(Stuck));
    let began = tokio::time::Instant::now();
    let asked = tokio::time::timeout(std::time::Duration::from_secs(5), cache.get(&[1; 32], 0)).await;
    assert!(asked.expect("in time").is_none());
    assert!(began.elapsed() < std::time::Duration::from_secs(1));
}
