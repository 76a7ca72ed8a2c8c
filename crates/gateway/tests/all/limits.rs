//! The rate limit.

use domain::settings::RateTechnique;
use futures_util::future::join_all;

use crate::world::*;

#[tokio::test]
async fn of_many_requests_at_once_exactly_as_many_as_allowed_pass() {
    for technique in [RateTechnique::Fixed, RateTechnique::Sliding] {
        let mut world = World::answering(200, ANSWER).await;
        world.settings(|settings| {
            settings.rate_limiting_limit = Some(7);
            settings.rate_limiting_interval = Some(86_400);
            settings.rate_limiting_technique = technique;
        });
        let answers = join_all((0..40).map(|_| world.chat(QUESTION))).await;
        let passed = answers.iter().filter(|read| read.status == 200).count();
        assert_eq!((passed, world.upstream.calls().len(), world.rows().len()), (7, 7, 40));
        for read in &answers {
            assert_eq!(read.header("ratelimit-policy"), Some("\"default\";q=7;w=86400"));
            let limit = read.header("ratelimit").expect("a limit");
            if read.status == 429 {
                assert_eq!(read.code(), "rate_limited");
                assert!(read.header("retry-after").is_some_and(|s| s.parse::<u64>().is_ok_and(|s| s >= 1)));
                assert!(limit.starts_with("\"default\";r=0;t="), "{limit}");
            }
        }
    }
}

#[tokio::test]
async fn among_hits_exactly_as_many_misses_as_allowed_pass() {
    for technique in [RateTechnique::Fixed, RateTechnique::Sliding] {
        let mut world = World::answering(200, ANSWER).await;
        world.settings(|settings| {
            settings.cache_ttl = Some(60);
            settings.rate_limiting_limit = Some(7);
            settings.rate_limiting_interval = Some(86_400);
            settings.rate_limiting_technique = technique;
        });
        assert_eq!(world.chat(QUESTION).await.header("cf-aig-cache-status"), Some("MISS"));
        let new: Vec<_> = (0..30).map(|number| QUESTION.replace("hi", &number.to_string())).collect();
        let mixed = new.iter().flat_map(|new| [new.as_str(), QUESTION]);
        let answers = join_all(mixed.map(|question| world.chat(question))).await;
        let (new, known): (Vec<_>, Vec<_>) = answers.chunks(2).map(|pair| (&pair[0], &pair[1])).unzip();
        assert!(known.iter().all(|read| (read.status, read.header("cf-aig-cache-status")) == (200, Some("HIT"))));
        let passed = new.iter().filter(|read| read.status == 200).count();
        let refused = new.iter().filter(|read| read.status == 429 && read.code() == "rate_limited").count();
        assert_eq!((passed, refused, world.upstream.calls().len(), world.rows().len()), (6, 24, 7, 61));
    }
}

#[tokio::test]
async fn an_answer_from_the_cache_does_not_count() {
    let mut world = World::answering(200, ANSWER).await;
    world.settings(|settings| {
        settings.cache_ttl = Some(60);
        settings.rate_limiting_limit = Some(1);
        settings.rate_limiting_interval = Some(86_400);
    });
    for status in ["MISS", "HIT", "HIT"] {
        let read = world.chat(QUESTION).await;
        assert_eq!((read.status, read.header("cf-aig-cache-status")), (200, Some(status)));
        assert!(read.header("ratelimit").is_some_and(|limit| limit.starts_with("\"default\";r=0;")));
    }
    let other = QUESTION.replace("hi", "ho");
    assert_eq!(world.chat(&other).await.status, 429);
}
