//! Several keys with one alias.

use std::collections::BTreeMap;

use domain::config::ProviderKeyConfig;
use domain::health::{Cause, Circuit, KeyStatus};
use domain::ledger::{self, Outcome};
use domain::settings::Balance;
use domain::{ProviderKeyId, Secret, TeamId};

use crate::world::*;

const NO: &str = r#"{"error":{"message":"no"}}"#;

/// A key of OpenAI's called by its number.
fn numbered(id: i64, url: &str) -> ProviderKeyConfig {
    ProviderKeyConfig { secret: Secret::new(format!("sk-{id}")), ..key(id, "openai", url) }
}

/// A world with keys 1 to `keys` at OpenAI; `script` tells what the one of a number is answered.
async fn world(keys: i64, script: impl Fn(i64) -> Answer + Send + Sync + 'static) -> World {
    let mut world = World::new(move |seen| {
        let number =
            seen.headers["authorization"].to_str().ok().and_then(|key| key.strip_prefix("Bearer sk-")?.parse().ok());
        script(number.unwrap_or_default())
    })
    .await;
    let url = world.upstream.url();
    world.change(|config| {
        config.teams[0].provider_keys.retain(|key| key.provider != "openai");
        config.teams[0].provider_keys.extend((1..=keys).map(|id| numbered(id, &url)));
    });
    world
}

fn asked(world: &World) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for call in world.upstream.calls() {
        *asked.entry(call.headers["authorization"].to_str().expect("text").replace("Bearer ", "")).or_default() += 1;
    }
    asked
}

#[tokio::test]
async fn requests_are_shared_out_by_weight() {
    let mut world = world(3, |_| Answer::json(200, ANSWER)).await;
    world.change(|config| {
        for key in &mut config.teams[0].provider_keys {
            key.weight = match key.id.0 {
                1 => 3,
                3 => 0,
                _ => 1,
            };
        }
    });
    for _ in 0..120 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    let asked = asked(&world);
    assert!(!asked.contains_key("sk-3"), "it stands by");
    assert!((70..=108).contains(&asked["sk-1"]), "{asked:?}");
    assert_eq!(asked["sk-1"] + asked["sk-2"], 120);
}

#[tokio::test]
async fn a_key_that_is_refused_rests_and_its_request_is_answered_with_another() {
    for (status, code) in [(401, "x"), (402, "x"), (429, "x"), (429, "insufficient_quota")] {
        let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
        let world =
            world(2, move |key| if key == 1 { Answer::json(status, &body) } else { Answer::json(200, ANSWER) }).await;
        for _ in 0..30 {
            assert_eq!(world.chat(QUESTION).await.status, 200, "{status}");
        }
        let asked = asked(&world);
        assert_eq!(asked["sk-1"], 1, "{status}: it is asked no more");
        let rows = world.rows();
        let failed: Vec<_> = rows.iter().filter(|row| row.outcome != Outcome::Ok).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!((failed[0].attempt, failed[0].last, failed[0].status), (1, false, status));
        let again: Vec<_> = rows.iter().filter(|row| row.attempt == 2).map(|row| row.cause).collect();
        assert_eq!(again, [ledger::Cause::OtherKey]);
        assert_eq!(rows.len(), 31);
    }
}

#[tokio::test]
async fn where_all_rest_one_is_asked_all_the_same_and_what_it_says_is_told() {
    let world = world(3, |_| Answer::json(429, NO).header("retry-after", "7")).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("retry-after")), (429, Some("7")));
    assert_eq!(world.upstream.calls().len(), 3, "each once");
    let read = world.chat(QUESTION).await;
    assert_eq!(read.status, 429);
    assert!(world.upstream.calls().len() >= 4);
}

#[tokio::test]
async fn what_is_the_requests_fault_asks_no_other_key() {
    for status in [400, 404, 422, 500, 503] {
        let world = world(3, move |_| Answer::json(status, NO)).await;
        let read = world.chat(QUESTION).await;
        assert_eq!((read.status, read.body.as_str()), (status, NO));
        assert_eq!(world.upstream.calls().len(), 1, "{status}: all are for the same address");
    }
}

#[tokio::test]
async fn a_request_goes_on_to_another_address_and_the_dead_one_is_left_alone() {
    let mut world = world(1, |_| Answer::json(200, ANSWER)).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    world.change(|config| {
        let dead = format!("http://{gone}");
        config.teams[0].provider_keys.extend((2..5).map(|id| numbered(id, &dead)));
    });
    for _ in 0..40 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    let failed = world.rows().iter().filter(|row| row.outcome == Outcome::UpstreamFailed).count();
    assert_eq!(failed, 5, "five in a row open the circuit");
    assert_eq!(world.upstream.calls().len(), 40);
}

#[tokio::test]
async fn how_keys_and_addresses_fare_is_told_with_the_cause() {
    let mut world = world(4, |key| match key {
        1 => Answer::json(401, NO),
        2 => Answer::json(429, NO),
        _ => Answer::json(200, ANSWER),
    })
    .await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    world.change(|config| {
        let keys = &mut config.teams[0].provider_keys;
        keys.iter_mut().filter(|key| key.id.0 == 4).for_each(|key| key.enabled = false);
        keys.push(numbered(5, &format!("http://{gone}/base")));
        keys.push(ProviderKeyConfig { base_url: Some("no address".into()), ..numbered(6, "http://x") });
    });
    let told = |world: &World| {
        let health = world.gateway.health(TeamId(1));
        let keys = (1..=6).map(|id| {
            let (key, address) = health.of(ProviderKeyId(id)).expect("known");
            (key.status, key.cause.clone(), address.map(|address| (address.circuit, address.cause.clone())))
        });
        keys.collect::<Vec<_>>()
    };
    let well = Some((Circuit::Closed, None));
    let fine = (KeyStatus::InUse, None, well.clone());
    let broken = told(&world).pop().expect("six keys");
    assert_eq!((broken.0, &broken.2), (KeyStatus::Unusable, &None));
    assert!(matches!(&broken.1, Some(Cause::Broken(why)) if why.contains("its base URL is not")), "{broken:?}");
    let off = (KeyStatus::Off, None, well.clone());
    assert_eq!(told(&world)[..5], [fine.clone(), fine.clone(), fine.clone(), off, fine.clone()]);
    for _ in 0..60 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    let after = told(&world);
    assert_eq!(after[0], (KeyStatus::Parked, Some(Cause::Status(401)), well.clone()));
    assert_eq!(after[1], (KeyStatus::Resting, Some(Cause::Status(429)), well));
    assert_eq!(after[2], fine);
    assert_eq!(after[4], (KeyStatus::InUse, None, Some((Circuit::Open, Some(Cause::NoAnswer)))));
    let health = world.gateway.health(TeamId(1));
    let (parked, address) = health.of(ProviderKeyId(1)).expect("known");
    assert!((50_000..=60_000).contains(&parked.rest_ms) && parked.in_flight == 0, "{parked:?}");
    assert!(address.is_some_and(|address| address.retries_left > 0 && address.in_flight == 0), "{address:?}");
    let (_, dead) = health.of(ProviderKeyId(5)).expect("known");
    assert_eq!(dead.map(|dead| dead.address.clone()), Some(format!("{gone}/base")));
    assert_eq!(world.gateway.healths().into_iter().map(|(team, _)| team).collect::<Vec<_>>(), ["acme"]);

    // What was asked is counted by how it ended.
    let counters = world.gateway.counters();
    let [ok, error, failed, ..] = counters.attempts_ended;
    assert_eq!((ok, error, failed), (60, 2, 5), "{counters:?}");
    assert_eq!(counters.requests_ended, [60, 0, 0, 0, 0, 0]);
    assert_eq!(world.send(post(CHAT, r#"{"messages":[]}"#)).await.code(), "model_required");
    let refused: Vec<_> =
        world.gateway.refusals().filter(|(_, count)| *count > 0).map(|(code, count)| (code.as_str(), count)).collect();
    assert_eq!((refused.as_slice(), world.gateway.counters().requests_ended[3]), (&[("model_required", 1)][..], 1));
}

#[tokio::test]
async fn a_keys_limit_that_is_reached_is_told() {
    let mut world = world(2, |_| Answer::json(200, ANSWER)).await;
    world.change(|config| config.teams[0].provider_keys.iter_mut().for_each(|key| key.requests_per_minute = Some(2)));
    for _ in 0..4 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    for key in world.gateway.health(TeamId(1)).keys.iter().filter(|key| key.provider == "openai") {
        assert_eq!((key.status, &key.cause), (KeyStatus::Resting, &Some(Cause::Limit(2))));
        assert!((1..=60_000).contains(&key.rest_ms));
    }
}

#[tokio::test]
async fn a_key_that_was_put_right_is_asked_at_once() {
    let mut world = world(2, |key| if key == 1 { Answer::json(401, NO) } else { Answer::json(200, ANSWER) }).await;
    world.change(|config| {
        config.teams[0].provider_keys.iter_mut().for_each(|key| key.weight = u32::from(key.id.0 == 1))
    });
    for _ in 0..5 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    assert_eq!(asked(&world)["sk-1"], 1);
    // Another change leaves what is known.
    world.settings(|settings| settings.balance = Balance::Busy);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(asked(&world)["sk-1"], 1);
    world.change(|config| {
        let first = config.teams[0].provider_keys.iter_mut().find(|key| key.id.0 == 1).expect("the key");
        first.secret = Secret::new("sk-11".into());
    });
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(asked(&world)["sk-11"], 1);
}

#[tokio::test]
async fn a_conversation_keeps_to_one_key() {
    let world = world(5, |_| Answer::json(200, ANSWER)).await;
    let mut text = "x".repeat(5_000);
    for _ in 0..10 {
        text.push_str(" and more");
        let body = format!(r#"{{"model":"openai/gpt-4o-mini","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        assert_eq!(world.chat(&body).await.status, 200);
    }
    assert_eq!(asked(&world).len(), 1);
    let sessions = |session: &'static str| and(post(CHAT, QUESTION), &[("weir-session", session)]);
    let before = asked(&world);
    for _ in 0..10 {
        assert_eq!(world.send(sessions("a")).await.status, 200);
    }
    let grew = asked(&world).into_iter().filter(|(key, count)| before.get(key) != Some(count)).count();
    assert_eq!(grew, 1);
}

#[tokio::test]
async fn a_gateways_regions_are_never_left() {
    let mut world = world(2, |key| if key == 1 { Answer::json(401, NO) } else { Answer::json(200, ANSWER) }).await;
    world.change(|config| {
        config.teams[0].gateways[0].settings.allowed_regions = vec!["eu".into()];
        for key in &mut config.teams[0].provider_keys {
            key.region = (key.id.0 == 1).then(|| "eu".to_owned());
        }
    });
    assert_eq!(world.chat(QUESTION).await.status, 401, "not even where the other would answer");
    assert_eq!(asked(&world).keys().collect::<Vec<_>>(), ["sk-1"]);
    let refused = world.send(post("/v1/acme/main/anthropic/v1/messages", QUESTION)).await;
    assert_eq!(refused.code(), "missing_provider_key");
    assert!(refused.body.contains("region"), "{}", refused.body);
    let own = with(CHAT, QUESTION, &[("cf-aig-authorization", TOKEN), ("authorization", "Bearer sk-mine")]);
    assert_eq!(world.send(own).await.code(), "region_not_allowed");
}

#[tokio::test]
async fn a_keys_limit_sends_requests_to_the_others() {
    let mut world = world(2, |_| Answer::json(200, ANSWER)).await;
    world.change(|config| {
        config.teams[0].provider_keys.iter_mut().find(|key| key.id.0 == 1).expect("the key").requests_per_minute =
            Some(3);
    });
    for _ in 0..40 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    assert_eq!(asked(&world)["sk-1"], 3);
}

#[tokio::test]
async fn what_is_kept_at_the_provider_is_asked_of_one_key() {
    let world = world(5, |_| Answer::json(200, r#"{"id":"file-1","object":"file"}"#)).await;
    for _ in 0..6 {
        let mut request = post("/v1/acme/main/compat/files/file-1", "");
        *request.method_mut() = http::Method::GET;
        assert_eq!(world.send(request).await.status, 200);
        let batch = post("/v1/acme/main/openai/v1/batches", r#"{"input_file_id":"file-1"}"#);
        assert_eq!(world.send(batch).await.status, 200);
    }
    assert_eq!(asked(&world).len(), 1);
}

#[tokio::test]
async fn an_answer_from_the_cache_is_there_whichever_key_was_asked() {
    let mut world = world(4, |_| Answer::json(200, ANSWER)).await;
    world.settings(|settings| settings.cache_ttl = Some(300));
    for _ in 0..10 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_stream_that_begins_with_an_error_is_asked_of_another_address() {
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"overloaded\"}}\n\n";
    let good = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let bad = Upstream::start(move |_| Answer::events(error)).await;
    let mut world = world(1, move |_| Answer::events(good)).await;
    let url = bad.url();
    world.change(|config| {
        config.teams[0].provider_keys.push(ProviderKeyConfig { weight: 1_000, ..numbered(2, &url) });
        config.teams[0].provider_keys.iter_mut().filter(|key| key.id.0 == 1).for_each(|key| key.weight = 0);
    });
    let question = r#"{"model":"openai/gpt-4o-mini","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#;
    let read = world.chat(question).await;
    assert_eq!((read.status, read.body.as_str()), (200, good));
    let rows = world.rows();
    let seen: Vec<_> = rows.iter().map(|row| (row.attempt, row.last, row.outcome)).collect();
    assert_eq!(seen, [(1, false, Outcome::UpstreamFailed), (2, true, Outcome::Ok)]);
}
