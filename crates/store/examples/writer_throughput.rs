//! How many rows a second the ledger writer carries into the database, and how many bytes a row takes there:
//! `cargo run --release -p store --example writer_throughput [database URL] [rows] [body bytes] [rows a second]`.
//! Without a URL, a temporary SQLite file. With a rate, rows come while the writer works, as it does in a server: what it costs then
//! is the time of the processor.

use std::time::Duration;

use domain::ledger::{AttemptRow, CacheStatus, Outcome, Payload, Surface};
use domain::price::{CostLine, Formula, Kind, Per};
use domain::usage::UsageSource;
use domain::{GatewayId, Nanos, ProviderKeyId, Rate, RequestId, TeamId, TokenId, Usage};
use sea_orm::{ConnectionTrait, Database, DbErr, Statement};
use store::spool::{Spool, SpoolOptions};
use store::writer::{LedgerWriter, WriterOptions};
use store::{Backend, Store};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let mut arguments = std::env::args().skip(1);
    let file = format!("sqlite://{}?mode=rwc", dir.path().join("weir.db").display());
    let url = arguments.next().filter(|url| !url.is_empty()).unwrap_or(file);
    let rows: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let body: usize = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let store = Store::connect(&url).await?;
    store.migrate().await?;
    let (appender, reader) = Spool::open(&dir.path().join("spool"), SpoolOptions::default())?;

    let payload = Payload { request: vec![b'a'; body].into(), response: vec![b'b'; body].into(), ..Payload::default() };
    let payload = (body > 0).then_some(&payload);
    let rate: Option<f64> = arguments.next().map(|text| text.parse()).transpose()?;
    let began = Instant::now();
    let writer = if let Some(rate) = rate {
        let writer = LedgerWriter::start(&store, reader, WriterOptions::default())?;
        for number in 0..rows {
            tokio::time::sleep_until(began + Duration::from_secs_f64(number as f64 / rate)).await;
            appender.append(&row(number), payload)?;
        }
        writer
    } else {
        for number in 0..rows {
            appender.append(&row(number), payload)?;
        }
        report("appended", rows, began.elapsed());
        LedgerWriter::start(&store, reader, WriterOptions { pause: Duration::ZERO, ..WriterOptions::default() })?
    };
    let began = Instant::now();
    if !writer.drained(Duration::from_secs(600)).await {
        return Err(format!("not drained: {:?}", writer.status()).into());
    }
    report("written", rows, began.elapsed());
    writer.stop().await;
    let backend = store.backend();
    drop(store);
    let [table, all] = bytes(&url, backend).await?;
    println!("size: {} bytes a row, {} with its indexes", table / rows, all / rows);
    Ok(())
}

/// Bytes of the ledger's table, and of the table with its indexes, what is free in their pages included.
async fn bytes(url: &str, backend: Backend) -> Result<[u64; 2], DbErr> {
    let query = match backend {
        Backend::Sqlite => {
            "SELECT SUM(CASE WHEN type = 'table' THEN pgsize ELSE 0 END), SUM(pgsize) \
             FROM dbstat JOIN sqlite_master USING (name) WHERE tbl_name = 'requests'"
        }
        Backend::Postgres => "SELECT pg_table_size('requests'), pg_total_relation_size('requests')",
    };
    let database = Database::connect(url).await?;
    let row = database.query_one_raw(Statement::from_string(database.get_database_backend(), query)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("no sizes".to_owned()))?;
    let size = |column| row.try_get_by_index::<i64>(column).map(i64::unsigned_abs);
    Ok([size(0)?, size(1)?])
}

fn report(what: &str, rows: u64, took: Duration) {
    let each_us = took.as_micros() as f64 / rows as f64;
    println!("{what}: {rows} rows in {took:.2?}, {:.0} rows/s, {each_us:.1} µs each", rows as f64 / took.as_secs_f64());
}

/// Traffic of ten tokens and five models.
fn row(number: u64) -> AttemptRow {
    AttemptRow {
        request_id: RequestId(uuid::Uuid::now_v7()),
        attempt: 1,
        last: true,
        at_ms: 1_763_800_000_000 + number as i64,
        team_id: Some(TeamId(1)),
        gateway_id: Some(GatewayId(1)),
        token_id: Some(TokenId(number as i64 % 10)),
        provider_key_id: Some(ProviderKeyId(1)),
        surface: Surface::ChatCompletions,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        provider: Some("openai".to_owned()),
        backend: None,
        model_asked: Some("openai/gpt-4o-mini".to_owned()),
        model: Some(format!("gpt-4o-mini-{}", number % 5)),
        status: 200,
        outcome: Outcome::Ok,
        error_code: None,
        cache: CacheStatus::Miss,
        streamed: number.is_multiple_of(2),
        usage: Usage { input: 1_200, output: 340, ..Usage::default() },
        usage_source: UsageSource::Reported,
        cost: Some(Nanos(384_000)),
        cost_formula: Formula {
            lines: vec![
                CostLine { what: Kind::Input, units: 1_200, rate: Rate(150_000_000), per: Per::Million },
                CostLine { what: Kind::Output, units: 340, rate: Rate(600_000_000), per: Per::Million },
            ],
            as_of: chrono::NaiveDate::from_ymd_opt(2026, 11, 22),
            ..Formula::default()
        },
        duration_us: 1_000 * (number % 5_000),
        first_byte_us: Some(400 * (number % 5_000)),
        gateway_us: 60,
        request_bytes: 5_200,
        response_bytes: 1_700,
        event_id: None,
        metadata: None,
        user_agent: Some("OpenAI/Python 2.0".to_owned()),
        user: None,
        logged: true,
        cause: domain::ledger::Cause::First,
        called: None,
        way: None,
    }
}
