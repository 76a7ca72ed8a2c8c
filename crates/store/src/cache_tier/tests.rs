use bytes::Bytes;
use domain::Usage;

use super::*;
use crate::testing::db_test;

const NOW_MS: i64 = 1_763_800_000_000;

fn entry(key: u8, gateway: i64, expires_at_ms: i64, body: &'static str) -> Arc<CacheEntry> {
    Arc::new(CacheEntry {
        key: [key; 32],
        team_id: TeamId(1),
        gateway_id: GatewayId(gateway),
        created_at_ms: NOW_MS - 1_000,
        expires_at_ms,
        status: 200,
        content_type: "text/event-stream".to_owned(),
        streamed: true,
        body: Bytes::from_static(body.as_bytes()),
        provider: "openai".to_owned(),
        model: Some("gpt-4o-mini".to_owned()),
        usage: Usage { input: 3, output: 4, ..Usage::default() },
    })
}

db_test! {
    async fn an_entry_comes_back_as_it_was_until_it_expires(store: Store) {
        let saved = entry(1, 1, NOW_MS + 10, "data: x\n\n");
        save(&store, std::slice::from_ref(&saved)).await.expect("saved");
        assert_eq!(load(&store, &saved.key, NOW_MS).await.expect("loaded").as_ref(), Some(&*saved));
        assert_eq!(load(&store, &saved.key, NOW_MS + 10).await.expect("loaded"), None);
        assert_eq!(load(&store, &[9; 32], NOW_MS).await.expect("loaded"), None);
    }

    async fn the_latest_answer_under_a_key_is_kept(store: Store) {
        save(&store, &[entry(1, 1, NOW_MS + 10, "old")]).await.expect("saved");
        let twice = [entry(1, 1, NOW_MS + 20, "newer"), entry(1, 1, NOW_MS + 30, "newest")];
        save(&store, &twice).await.expect("saved");
        let found = load(&store, &[1; 32], NOW_MS).await.expect("loaded").expect("an entry");
        assert_eq!(found.body, "newest");
    }

    async fn valid_keys_are_listed_within_the_bound(store: Store) {
        let entries: Vec<_> = (1..=120).map(|key| entry(key, 1, NOW_MS + i64::from(key) - 20, "x")).collect();
        save(&store, &entries).await.expect("saved");
        assert_eq!(load_keys(&store, NOW_MS, 1_000).await.expect("keys").len(), 100);
        assert_eq!(load_keys(&store, NOW_MS, 2).await.expect("keys"), [[120; 32], [119; 32]]);
    }

    async fn trimming_takes_the_oldest_until_the_rest_fits(store: Store) {
        const EACH: u64 = OVERHEAD + 100;
        let aged = |number: u16| {
            let mut entry = CacheEntry::clone(&entry(0, 1, NOW_MS + 10, ""));
            entry.key[..2].copy_from_slice(&number.to_be_bytes());
            entry.created_at_ms += i64::from(number);
            entry.body = vec![7; 100].into();
            Arc::new(entry)
        };
        // Written in another order than they were made; more than one range is to go.
        let entries: Vec<_> = (0..700).rev().map(aged).collect();
        save(&store, &entries).await.expect("saved");
        assert_eq!(total(&store).await.expect("a sum"), 700 * EACH as i64);
        assert_eq!(trim(&store, 700 * EACH).await.expect("trimmed"), 0);
        assert_eq!(trim(&store, 151 * EACH - 1).await.expect("trimmed"), 550);
        let kept = load_keys(&store, NOW_MS, 1_000).await.expect("keys");
        assert_eq!((kept.len(), kept.iter().map(|key| u16::from_be_bytes([key[0], key[1]])).min()), (150, Some(550)));
        // A newer answer in the place of an old one counts as new, and once.
        let mut again = CacheEntry::clone(&aged(550));
        again.created_at_ms = NOW_MS;
        again.body = vec![7; 300].into();
        save(&store, &[Arc::new(again)]).await.expect("saved");
        assert_eq!(total(&store).await.expect("a sum"), 150 * EACH as i64 + 200);
        assert_eq!(trim(&store, 2 * EACH + 200).await.expect("trimmed"), 148);
        assert!(load(&store, &aged(550).key, NOW_MS).await.expect("loaded").is_some());
        assert_eq!((trim(&store, 0).await.expect("trimmed"), total(&store).await.expect("a sum")), (2, 0));
    }

    async fn purging_takes_what_expired_or_a_gateway(store: Store) {
        let entries: Vec<_> = (0..250).map(|key| entry(key, i64::from(key % 2), NOW_MS + i64::from(key) - 209, "x")).collect();
        save(&store, &entries).await.expect("saved");
        assert_eq!(purge_expired(&store, NOW_MS).await.expect("purged"), 210);
        assert_eq!(purge_gateway(&store, GatewayId(1)).await.expect("purged"), 20);
        assert_eq!(load_keys(&store, 0, 1_000).await.expect("keys").len(), 20);
    }
}
