//! Ledger rows for tests.

use std::time::Duration;

use chrono::NaiveDate;
use domain::ledger::{AttemptRow, CacheStatus, Cause, Outcome, Payload, Surface};
use domain::price::{CostLine, Formula, Kind, Multiplier, Per, Ppm, Source, Zone};
use domain::state::{Conversation, ConversationItem, KeptResponse, ResponseStatus, StateChange};
use domain::usage::{SearchContext, ServiceTier, UsageSource};
use domain::{GatewayId, Nanos, ProviderKeyId, Rate, RequestId, TeamId, TeamPriceId, TokenId, Usage};
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use crate::Store;
use crate::spool::{Spool, SpoolOptions};
use crate::writer::{LedgerWriter, WriterOptions};

/// Longer than any test waits where all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A writer that never waits.
pub const EAGER: WriterOptions = WriterOptions {
    batch_rows: 100,
    pause: Duration::ZERO,
    backoff: (Duration::from_millis(5), Duration::from_millis(20)),
};

/// The id of request `number`, made at `at_ms`.
pub fn id(at_ms: i64, number: u64) -> RequestId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at_ms.to_be_bytes()[2..]);
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[6] = 0x70;
    bytes[8] |= 0x80;
    RequestId(Uuid::from_bytes(bytes))
}

/// A successful, logged request of team 1 through gateway 1.
pub fn row(at_ms: i64, number: u64, attempt: u16) -> AttemptRow {
    AttemptRow {
        request_id: id(at_ms, number),
        attempt,
        last: true,
        at_ms,
        team_id: Some(TeamId(1)),
        gateway_id: Some(GatewayId(1)),
        token_id: Some(TokenId(3)),
        provider_key_id: Some(ProviderKeyId(4)),
        surface: Surface::ChatCompletions,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        provider: Some("openai".to_owned()),
        backend: None,
        model_asked: Some("openai/gpt-4o-mini".to_owned()),
        model: Some("gpt-4o-mini".to_owned()),
        status: 200,
        outcome: Outcome::Ok,
        error_code: None,
        cache: CacheStatus::Off,
        streamed: false,
        usage: Usage { input: 12, output: 34, cached_input: 5, ..Usage::default() },
        usage_source: UsageSource::Reported,
        cost: Some(Nanos(22_200)),
        cost_formula: Formula {
            lines: vec![CostLine { what: Kind::Input, units: 12, rate: Rate(150_000_000), per: Per::Million }],
            ..Formula::default()
        },
        duration_us: 480_000,
        first_byte_us: Some(120_000),
        gateway_us: 90,
        request_bytes: 210,
        response_bytes: 640,
        event_id: None,
        metadata: Some(r#"{"user":"ada"}"#.to_owned()),
        user_agent: Some("OpenAI/Python 2.0".to_owned()),
        user: None,
        logged: true,
        cause: Cause::First,
        called: None,
        way: None,
    }
}

/// A usage with something in all that has no column of its own.
pub fn more(usage: Usage) -> Usage {
    Usage {
        cache_write_12h: 14,
        explicit_cached: 15,
        cached_audio: 16,
        cached_image: 17,
        video_input: 18,
        citation: 19,
        image_output: 20,
        video_output: 21,
        web_searches: 22,
        file_searches: 23,
        pages: 24,
        annotated_pages: 25,
        images_read: 26,
        service_tier: ServiceTier::Flex,
        zone: Zone::DataResidency,
        search_context: SearchContext::High,
        ..usage
    }
}

/// A formula with something in all its parts.
pub fn formula() -> Formula {
    Formula {
        lines: vec![
            CostLine { what: Kind::Input, units: 12, rate: Rate(150_000_000), per: Per::Million },
            CostLine { what: Kind::WebSearches, units: 1, rate: Rate(10_000_000_000), per: Per::Thousand },
        ],
        source: Source::Team(TeamPriceId(9)),
        as_of: NaiveDate::from_ymd_opt(2026, 11, 22),
        since_ms: Some(5),
        tier_from: Some(200_000),
        service_tier: ServiceTier::Priority,
        off_peak: true,
        variant: Some("hd/1024x1024".to_owned()),
        multiplier: Some(Multiplier { zone: Zone::DataZoneEu, factor: Ppm(1_100_000) }),
        discount: Ppm(150_000),
    }
}

/// A response of a team through gateway 1, made at `at_ms`, valid for a second.
pub fn response(team: i64, id: &str, at_ms: i64) -> KeptResponse {
    KeptResponse {
        team_id: TeamId(team),
        gateway_id: GatewayId(1),
        id: id.to_owned(),
        provider: "anthropic".to_owned(),
        holder: None,
        status: ResponseStatus::Completed,
        background: false,
        owner: None,
        previous_id: None,
        conversation_id: None,
        created_at_ms: at_ms,
        expires_at_ms: at_ms + 1_000,
        input: r#"[{"role":"user"}]"#.to_owned(),
        response: format!(r#"{{"id":"{id}"}}"#),
    }
}

/// A conversation of a team, made at `at_ms`, valid for a second.
pub fn conversation(team: i64, id: &str, at_ms: i64) -> Conversation {
    Conversation {
        team_id: TeamId(team),
        gateway_id: GatewayId(1),
        id: id.to_owned(),
        metadata: "{}".to_owned(),
        created_at_ms: at_ms,
        expires_at_ms: at_ms + 1_000,
    }
}

/// One change of every kind.
pub fn state_changes() -> Vec<StateChange> {
    let (team_id, id, owner) = (TeamId(1), "resp_1".to_owned(), Uuid::from_u128(7));
    let kept = KeptResponse {
        holder: Some("key:4".to_owned()),
        status: ResponseStatus::InProgress,
        background: true,
        owner: Some(owner),
        previous_id: Some("resp_0".to_owned()),
        conversation_id: Some("conv_1".to_owned()),
        ..response(1, &id, 5)
    };
    let item = ConversationItem { id: "msg_1".to_owned(), position: 9, item: "{}".to_owned() };
    let conversation_id = "conv_1".to_owned();
    vec![
        StateChange::Keep(kept.clone()),
        StateChange::Forget { team_id, id },
        StateChange::Interrupt { owner, before_ms: 6 },
        StateChange::Converse(conversation(1, "conv_1", 5)),
        StateChange::EndConversation { team_id, id: conversation_id.clone() },
        StateChange::AddItems {
            team_id,
            conversation_id: conversation_id.clone(),
            items: vec![item],
            expires_at_ms: 8,
        },
        StateChange::RemoveItem { team_id, conversation_id, item_id: "msg_1".to_owned() },
        StateChange::Finish(kept),
        StateChange::Describe(conversation(1, "conv_1", 5)),
    ]
}

/// Carries changes of kept state through a spool and a writer into the database.
pub async fn change(store: &Store, changes: &[StateChange]) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (appender, reader) = Spool::open(dir.path(), SpoolOptions::default()).expect("the spool opens");
    changes.iter().for_each(|change| appender.append_state(change).expect("the change is stored"));
    let writer = LedgerWriter::start(store, reader, EAGER).expect("the writer starts");
    assert!(writer.drained(PATIENCE).await, "{:?}", writer.status());
    assert_eq!(writer.status().dead_letters, 0);
    writer.stop().await;
}

/// Carries rows through a spool and a writer into the database.
pub async fn write(store: &Store, rows: &[AttemptRow], payload: Option<&Payload>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (appender, reader) = Spool::open(dir.path(), SpoolOptions::default()).expect("the spool opens");
    for row in rows {
        appender.append(row, payload).expect("the row is stored");
    }
    let writer = LedgerWriter::start(store, reader, EAGER).expect("the writer starts");
    assert!(writer.drained(PATIENCE).await, "{:?}", writer.status());
    writer.stop().await;
}

/// The first column of the first row.
pub async fn number(store: &Store, sql: &str) -> i64 {
    let statement = Statement::from_string(store.backend().into(), sql);
    let row = store.read().query_one_raw(statement).await.expect("the query runs").expect("a row");
    row.try_get_by_index(0).expect("a number")
}

/// Runs a statement in a transaction of its own.
pub async fn execute(store: &Store, sql: &str) {
    let tx = store.write_tx().await.expect("a transaction");
    tx.execute_unprepared(sql).await.expect("the statement runs");
    tx.commit().await.expect("commits");
}

/// A team and one of its gateways, as `control` would make them.
pub async fn create_gateway(store: &Store, team: i64, gateway: i64, slug: &str, settings: &str) {
    let now = "'2026-01-01T00:00:00+00:00'";
    execute(
        store,
        &format!("INSERT INTO teams (id, slug, name, created_at) VALUES ({team}, 'team-{team}', 'T', {now}) ON CONFLICT DO NOTHING"),
    )
    .await;
    execute(
        store,
        &format!(
            "INSERT INTO gateways (id, team_id, slug, name, enabled, settings, cache_epoch, version, created_at, updated_at) \
             VALUES ({gateway}, {team}, '{slug}', 'G', true, '{settings}', 0, 1, {now}, {now})"
        ),
    )
    .await;
}
