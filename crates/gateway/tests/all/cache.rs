//! Answers that are given again.

use domain::ledger::{CacheStatus, Outcome};

use crate::world::*;

const STREAM: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n";
const ASK_STREAM: &str = r#"{"model":"openai/gpt-4o-mini","stream":true,"messages":[]}"#;

fn status(read: &Read) -> Option<&str> {
    read.header("cf-aig-cache-status")
}

/// A world with a second team, and the cache on in both.
async fn caching() -> World {
    let mut world = World::new(|seen| match seen.body.contains("\"stream\":true") {
        true => Answer::events(STREAM),
        false => Answer::json(200, ANSWER),
    })
    .await;
    let url = world.upstream.url();
    world.change(|config| {
        config.teams.push(team(2, "other", "weir_other-token", &url));
        for team in &mut config.teams {
            team.gateways[0].settings.cache_ttl = Some(60);
        }
    });
    world
}

#[tokio::test]
async fn the_same_question_is_answered_from_the_cache_and_costs_nothing() {
    let world = caching().await;
    assert_eq!(status(&world.chat(QUESTION).await), Some("MISS"));
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, status(&read), read.body.as_str()), (200, Some("HIT"), ANSWER));
    assert_eq!(read.header("content-type"), Some("application/json"));
    assert_eq!(world.upstream.calls().len(), 1);
    let row = &world.rows()[1];
    assert_eq!((row.attempt, row.last, row.cache, row.outcome), (0, true, CacheStatus::Hit, Outcome::Ok));
    assert_eq!((row.cost.map(|cost| cost.0), row.usage.input, row.usage.output), (Some(0), 0, 0));
    assert_eq!((row.provider.as_deref(), row.model.as_deref()), (Some("openai"), Some("gpt-4o-mini")));
    assert_eq!(world.gateway.counters().cache_hits, 1);
}

#[tokio::test]
async fn a_stream_is_replayed_as_the_client_saw_it() {
    let world = caching().await;
    let first = world.chat(ASK_STREAM).await;
    assert!(!first.body.contains("usage") && first.body.ends_with("data: [DONE]\n\n"), "{}", first.body);
    let again = world.chat(ASK_STREAM).await;
    assert_eq!((status(&first), status(&again)), (Some("MISS"), Some("HIT")));
    assert_eq!((again.body, again.headers["content-type"].as_bytes()), (first.body, b"text/event-stream".as_slice()));
    assert!(world.rows()[1].streamed);
}

#[tokio::test]
async fn nobody_gets_another_teams_or_payers_answer() {
    let world = caching().await;
    world.chat(QUESTION).await;
    let other = "/v1/other/main/compat/chat/completions";
    let token = [("authorization", "Bearer weir_other-token")];
    assert_eq!(status(&world.send(with(other, QUESTION, &token)).await), Some("MISS"));
    assert_eq!(status(&world.send(with(other, QUESTION, &token)).await), Some("HIT"));
    let mine = [("cf-aig-authorization", TOKEN), ("authorization", "Bearer sk-mine")];
    assert_eq!(status(&world.send(with(CHAT, QUESTION, &mine)).await), Some("MISS"));
    assert_eq!(status(&world.send(with(CHAT, QUESTION, &mine)).await), Some("HIT"));
    let key = and(with(CHAT, QUESTION, &mine), &[("cf-aig-cache-key", "k")]);
    assert_eq!(status(&world.send(key).await), Some("MISS"));
    let key = and(post(CHAT, QUESTION), &[("cf-aig-cache-key", "k")]);
    assert_eq!(status(&world.send(key).await), Some("MISS"));
}

#[tokio::test]
async fn one_byte_makes_another_question() {
    let world = caching().await;
    for (body, expected) in
        [(QUESTION.to_owned(), "MISS"), (format!("{QUESTION} "), "MISS"), (QUESTION.to_owned(), "HIT")]
    {
        assert_eq!(status(&world.chat(&body).await), Some(expected));
    }
}

#[tokio::test]
async fn the_caller_steers_the_cache_by_headers() {
    let mut world = caching().await;
    let ask = |headers: &[(&'static str, &str)]| and(post(CHAT, QUESTION), headers);
    world.chat(QUESTION).await;
    assert_eq!(status(&world.send(ask(&[("cf-aig-skip-cache", "true")])).await), Some("BYPASS"));
    assert_eq!(status(&world.send(ask(&[("cf-skip-cache", "true")])).await), Some("BYPASS"));
    assert_eq!(status(&world.send(ask(&[("cf-aig-cache-ttl", "0")])).await), None);
    world.settings(|settings| settings.cache_ttl = None);
    assert_eq!(status(&world.chat(QUESTION).await), None);
    assert_eq!(status(&world.send(ask(&[("cf-aig-cache-ttl", "3600")])).await), Some("HIT"));
    assert_eq!(status(&world.send(ask(&[("cf-aig-cache-key", "mine")])).await), Some("MISS"));
    let other = and(post(CHAT, &QUESTION.replace("hi", "ho")), &[("cf-aig-cache-key", "mine")]);
    assert_eq!(status(&world.send(other).await), Some("HIT"));
    let stream = and(post(CHAT, ASK_STREAM), &[("cf-aig-cache-key", "mine")]);
    assert_eq!(status(&world.send(stream).await), Some("MISS"));
}

#[tokio::test]
async fn a_new_epoch_and_a_forgotten_gateway_miss() {
    let mut world = caching().await;
    world.chat(QUESTION).await;
    world.change(|config| config.teams[0].gateways[0].cache_epoch += 1);
    assert_eq!(status(&world.chat(QUESTION).await), Some("MISS"));
    world.gateway.forget_cache(domain::GatewayId(11));
    assert_eq!(status(&world.chat(QUESTION).await), Some("MISS"));
    assert_eq!(status(&world.chat(QUESTION).await), Some("HIT"));
}

#[tokio::test]
async fn errors_and_cut_streams_are_not_kept() {
    for answer in [
        (|| Answer::json(500, "{}")) as fn() -> Answer,
        || Answer::events("data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\n\n"),
        || Answer::events("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"),
        || Answer::whole(200, "audio/mpeg", "sound"),
    ] {
        let mut world = World::new(move |_| answer()).await;
        world.settings(|settings| settings.cache_ttl = Some(60));
        let path = "/v1/acme/main/openai/v1/chat/completions";
        for _ in 0..2 {
            world.send(post(path, r#"{"model":"m","stream":true}"#)).await;
        }
        assert_eq!(world.upstream.calls().len(), 2);
    }
}

#[tokio::test]
async fn pages_and_json_that_breaks_off_are_not_kept() {
    for answer in [(|| Answer::whole(200, "text/html; charset=utf-8", "<p>Sign in")) as fn() -> Answer, || {
        Answer::json(200, r#"{"object":"list","data":["#)
    }] {
        let mut world = World::new(move |_| answer()).await;
        world.settings(|settings| settings.cache_ttl = Some(60));
        for _ in 0..2 {
            let read = world.send(post("/v1/acme/main/openai/v1/embeddings", r#"{"model":"m"}"#)).await;
            assert_eq!((read.status, status(&read)), (200, Some("MISS")));
        }
    }
}

#[tokio::test]
async fn only_questions_are_answered_from_the_cache() {
    let world = caching().await;
    for (path, expected) in [
        ("openai/v1/embeddings", Some("HIT")),
        ("openai/v1/moderations", Some("HIT")),
        ("anthropic/v1/messages", Some("HIT")),
        ("anthropic/v1/messages/count_tokens", Some("HIT")),
        ("google-ai-studio/v1beta/models/g:generateContent", Some("HIT")),
        ("anthropic/v1/messages/batches", None),
        ("openai/v1/threads", None),
        ("openai/v1/threads/t/messages", None),
        ("openai/v1/batches", None),
        ("openai/v1/responses", None),
    ] {
        let ask = || post(&format!("/v1/acme/main/{path}"), r#"{"model":"m"}"#);
        world.send(ask()).await;
        assert_eq!(status(&world.send(ask()).await), expected, "{path}");
        let asked = || and(ask(), &[("cf-aig-cache-ttl", "60")]);
        world.send(asked()).await;
        assert_eq!(status(&world.send(asked()).await), Some("HIT"), "{path}");
    }
}

#[tokio::test]
async fn a_header_that_changes_the_answer_makes_another_question() {
    let world = caching().await;
    let path = "/v1/acme/main/anthropic/v1/messages";
    for (beta, expected) in [("a", "MISS"), ("b", "MISS"), ("a", "HIT")] {
        let read = world.send(and(post(path, r#"{"model":"m"}"#), &[("anthropic-beta", beta)])).await;
        assert_eq!(status(&read), Some(expected), "{beta}");
    }
}
