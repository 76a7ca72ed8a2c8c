//! Whose key is used, and which headers travel.

use chrono::{TimeDelta, Utc};
use domain::config::PreviousSecret;
use http::Request;
use http_body_util::Full;

use crate::world::*;

const NATIVE: &str = "/v1/acme/main/openai/v1/chat/completions";

#[tokio::test]
async fn the_token_is_found_wherever_an_sdk_puts_it_and_never_sent_on() {
    let world = World::answering(200, ANSWER).await;
    for (name, value) in [
        ("authorization", format!("Bearer {TOKEN}")),
        ("authorization", format!("bearer  {TOKEN}")),
        ("x-api-key", TOKEN.into()),
        ("x-goog-api-key", TOKEN.into()),
        ("api-key", TOKEN.into()),
        ("cf-aig-authorization", format!("Bearer {TOKEN}")),
        ("cf-aig-authorization", TOKEN.into()),
    ] {
        assert_eq!(world.send(with(NATIVE, QUESTION, &[(name, &value)])).await.status, 200, "{name}");
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!(call.headers["authorization"], "Bearer sk-stored-openai");
        assert!(!format!("{call:?}").contains(TOKEN), "{call:?}");
    }
    assert!(world.rows().iter().all(|row| row.token_id.is_some() && row.provider_key_id.is_some()));
}

#[tokio::test]
async fn a_key_in_the_query_is_taken_out_of_it() {
    let world = World::answering(200, "{}").await;
    let path = format!("/v1/acme/main/google-ai-studio/v1beta/models/g:generateContent?alt=sse&key={TOKEN}");
    assert_eq!(world.send(with(&path, "{}", &[])).await.status, 200);
    let call = world.upstream.call();
    assert_eq!(call.target, "/v1beta/models/g:generateContent?alt=sse");
    assert_eq!(call.headers["x-goog-api-key"], "sk-stored-google-ai-studio");
    assert!(!format!("{:?}", world.row()).contains(TOKEN));
}

#[tokio::test]
async fn a_key_beside_the_token_wins_over_the_stored_one() {
    let world = World::answering(200, ANSWER).await;
    let token = ("cf-aig-authorization", TOKEN);
    for (path, name, value) in [
        (NATIVE, "authorization", "Bearer sk-mine"),
        (CHAT, "authorization", "Bearer sk-mine"),
        ("/v1/acme/main/anthropic/v1/messages", "x-api-key", "sk-mine"),
    ] {
        assert_eq!(world.send(with(path, QUESTION, &[token, (name, value)])).await.status, 200);
        let call = world.upstream.calls().pop().expect("a call");
        assert_eq!(call.headers[name], value);
        assert!(!format!("{call:?}").contains("sk-stored"), "{call:?}");
    }
    assert!(world.rows().iter().all(|row| row.provider_key_id.is_none()));
    // Somebody who puts the token into both headers means the stored key.
    let both = [("cf-aig-authorization", TOKEN), ("authorization", &*format!("Bearer {TOKEN}"))];
    world.send(with(NATIVE, QUESTION, &both)).await;
    assert_eq!(world.upstream.calls().pop().expect("a call").headers["authorization"], "Bearer sk-stored-openai");
}

#[tokio::test]
async fn another_stored_key_is_chosen_by_its_alias() {
    let mut world = World::answering(200, ANSWER).await;
    let url = world.upstream.url();
    world.change(|config| {
        let mut second = key(77, "openai", &url);
        second.alias = "batch".into();
        second.secret = domain::Secret::new("sk-batch".into());
        config.teams[0].provider_keys.push(second);
    });
    world.send(and(post(NATIVE, QUESTION), &[("cf-aig-byok-alias", "batch")])).await;
    assert_eq!(world.upstream.call().headers["authorization"], "Bearer sk-batch");
    assert_eq!(world.row().provider_key_id.map(|id| id.0), Some(77));
    let read = world.send(and(post(NATIVE, QUESTION), &[("cf-aig-byok-alias", "none")])).await;
    assert_eq!(read.code(), "missing_provider_key");
}

#[tokio::test]
async fn an_open_gateway_needs_no_token_and_passes_the_callers_key_on() {
    let world = World::answering(200, ANSWER).await;
    let open = "/v1/acme/open/openai/v1/chat/completions";
    assert_eq!(world.send(with(open, QUESTION, &[])).await.status, 200);
    assert_eq!(world.upstream.calls()[0].headers["authorization"], "Bearer sk-stored-openai");
    assert_eq!(world.send(with(open, QUESTION, &[("authorization", "Bearer sk-mine")])).await.status, 200);
    assert_eq!(world.upstream.calls()[1].headers["authorization"], "Bearer sk-mine");
    // A token that is not known, or no longer, is still nothing for a provider to see.
    assert_eq!(world.send(with(open, QUESTION, &[("authorization", "Bearer weir_deleted")])).await.status, 200);
    assert_eq!(world.upstream.calls()[2].headers["authorization"], "Bearer sk-stored-openai");
    assert_eq!(world.send(post(open, QUESTION)).await.status, 200);
    assert_eq!(world.rows()[3].token_id.map(|id| id.0), Some(10));
    assert!(world.rows()[..3].iter().all(|row| row.token_id.is_none() && row.team_id.is_some()));
    let rest = "/v1/acme/main/openai/v1/chat/completions";
    assert_eq!(world.send(with(rest, QUESTION, &[])).await.code(), "missing_token");
}

#[tokio::test]
async fn what_belongs_to_one_connection_or_to_the_gateway_stays() {
    let world = World::new(|_| {
        Answer::json(200, "{}")
            .header("set-cookie", "a=b")
            .header("x-hop", "1")
            .header("connection", "x-hop")
            .header("cf-aig-cache-status", "HIT")
            .header("openai-version", "2020-10-01")
    })
    .await;
    let request = and(
        post(NATIVE, r#"{"model":"m"}"#),
        &[
            ("cookie", "__Host-weir=secret"),
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("cf-aig-metadata", r#"{"user":"ann"}"#),
            ("accept-encoding", "gzip, br"),
            ("x-forwarded-for", "10.0.0.1"),
            ("openai-organization", "org-1"),
        ],
    );
    let read = world.send(request).await;
    let sent = world.upstream.call().headers;
    for name in ["cookie", "x-private", "cf-aig-metadata", "x-forwarded-for"] {
        assert!(!sent.contains_key(name), "{name}: {sent:?}");
    }
    assert_eq!(
        (&sent["accept-encoding"], &sent["openai-organization"]),
        (&"identity".parse().expect("a value"), &"org-1".parse().expect("a value"))
    );
    for name in ["set-cookie", "x-hop", "connection", "cf-aig-cache-status"] {
        assert!(read.header(name).is_none(), "{name}: {read:?}");
    }
    assert_eq!(read.header("openai-version"), Some("2020-10-01"));
}

#[tokio::test]
async fn every_route_refuses_without_a_token_and_reveals_nothing() {
    let world = World::answering(200, ANSWER).await;
    let beside = [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/nothing",
        "/v1/nobody/nothing/openai/x",
        "/v1/acme/nothing/openai/x",
        "/v1/a",
    ];
    let patterns = gateway::ROUTES.iter().map(|route| route.pattern).chain(beside);
    for pattern in patterns {
        for provider in ["openai", "anthropic", "google-ai-studio", "nobody"] {
            let path = pattern
                .replace("{team}", "acme")
                .replace("{gateway}", "main")
                .replace("{provider}", provider)
                .replace("{rest}", "v1/x");
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                for (token, code) in [(None, "missing_token"), (Some("wrong"), "invalid_token")] {
                    let mut request = Request::builder().method(method).uri(&path);
                    request = token.into_iter().fold(request, |request, token| request.header("x-api-key", token));
                    let read = world.send(request.body(Full::default()).expect("a request")).await;
                    assert_eq!((read.status, read.code().as_str()), (401, code), "{method} {path}");
                }
            }
        }
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn the_secret_before_works_until_its_end_and_is_never_sent_on() {
    const OLD: &str = "weir_the-secret-before";
    let mut world = World::answering(200, ANSWER).await;
    let rotate = |world: &mut World, until| {
        let previous = Some(PreviousSecret { digest: token_config(1, OLD).digest, until });
        world.change(|config| config.teams[0].tokens[0].previous = previous);
    };
    let ask = async |world: &World, token: &str| {
        world.send(with(CHAT, QUESTION, &[("authorization", &format!("Bearer {token}"))])).await
    };
    assert_eq!(ask(&world, OLD).await.code(), "invalid_token");
    rotate(&mut world, Utc::now() + TimeDelta::hours(1));
    assert_eq!((ask(&world, TOKEN).await.status, world.gateway.last_used()[0].previous), (200, None));
    assert_eq!(ask(&world, OLD).await.status, 200);
    assert!(world.gateway.last_used()[0].previous.is_some(), "somebody still uses it");
    let ids: Vec<_> = world.rows().iter().filter_map(|row| row.token_id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "one token, one history");
    // It is a token of ours, so it is no key for a provider either.
    let both = [("cf-aig-authorization", TOKEN), ("authorization", OLD)];
    assert_eq!(world.send(with(NATIVE, QUESTION, &both)).await.status, 200);
    assert!(world.upstream.calls().iter().all(|call| !format!("{call:?}").contains(OLD)));

    rotate(&mut world, Utc::now());
    let ended = ask(&world, OLD).await;
    assert_eq!((ended.status, ended.code().as_str()), (401, "revoked_token"));
    assert!(ended.body.contains("was replaced by another one"), "{}", ended.body);
    assert_eq!(ask(&world, TOKEN).await.status, 200);
}
