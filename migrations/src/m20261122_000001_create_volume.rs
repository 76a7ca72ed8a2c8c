//! Tables of volume: written by the ledger writer and the cache, never by a person. They name teams, gateways, keys and
//! tokens by id without foreign keys, because a ledger row outlives what it names.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, blob, blob_null, boolean, integer, pk_uuid, text, text_null, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(requests()).await?;
        manager.create_table(request_bodies()).await?;
        for table in ["rollup_minute", "rollup_hour", "rollup_day"] {
            manager.create_table(rollup(table)).await?;
        }
        manager.create_table(spool_positions()).await?;
        manager.create_table(dead_letters()).await?;
        manager.create_table(cache_entries()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Request ids sort by time, so each of these serves one filter of the log, newest first. `requests_by_gateway` serves
/// retention too and therefore covers rows that do not show. Both databases know partial indexes in this spelling.
const INDEXES: [&str; 7] = [
    "CREATE INDEX requests_by_team ON requests (team_id, request_id, attempt) WHERE logged",
    "CREATE INDEX requests_by_gateway ON requests (gateway_id, request_id, attempt)",
    "CREATE INDEX requests_by_token ON requests (token_id, request_id, attempt) WHERE logged",
    "CREATE INDEX requests_by_model ON requests (team_id, model, request_id, attempt) WHERE logged",
    "CREATE INDEX requests_failed ON requests (team_id, request_id, attempt) WHERE logged AND status >= 400",
    "CREATE INDEX cache_entries_by_expiry ON cache_entries (expires_at_ms)",
    "CREATE INDEX cache_entries_by_gateway ON cache_entries (gateway_id)",
];

fn requests() -> TableCreateStatement {
    Table::create()
        .table("requests")
        .col(uuid("request_id"))
        .col(integer("attempt"))
        .col(boolean("last"))
        .col(big_integer("at_ms"))
        .col(big_integer_null("team_id"))
        .col(big_integer_null("gateway_id"))
        .col(big_integer_null("token_id"))
        .col(big_integer_null("provider_key_id"))
        .col(text("surface"))
        .col(text("method"))
        .col(text("path"))
        .col(text_null("provider"))
        .col(text_null("model_asked"))
        .col(text_null("model"))
        .col(integer("status"))
        .col(text("outcome"))
        .col(text_null("error_code"))
        .col(text("cache"))
        .col(boolean("streamed"))
        .col(big_integer("input_tokens"))
        .col(big_integer("output_tokens"))
        .col(big_integer("cached_input_tokens"))
        .col(big_integer("cache_write_tokens"))
        .col(big_integer("cache_write_1h_tokens"))
        .col(big_integer("reasoning_tokens"))
        .col(big_integer("audio_input_tokens"))
        .col(big_integer("audio_output_tokens"))
        .col(text("usage_source"))
        .col(big_integer_null("cost_nanos"))
        .col(text_null("cost_formula"))
        .col(big_integer("duration_us"))
        .col(big_integer_null("first_byte_us"))
        .col(big_integer("gateway_us"))
        .col(big_integer("request_bytes"))
        .col(big_integer("response_bytes"))
        .col(text_null("event_id"))
        .col(text_null("metadata"))
        .col(text_null("user_agent"))
        .col(boolean("logged"))
        .primary_key(Index::create().col("request_id").col("attempt"))
        .to_owned()
}

/// Bodies are zstd frames, apart from the narrow rows that lists read.
fn request_bodies() -> TableCreateStatement {
    Table::create()
        .table("request_bodies")
        .col(uuid("request_id"))
        .col(integer("attempt"))
        .col(blob("request"))
        .col(blob("response"))
        .col(text_null("request_content_type"))
        .col(text_null("response_content_type"))
        .col(boolean("request_cut"))
        .col(boolean("response_cut"))
        .primary_key(Index::create().col("request_id").col("attempt"))
        .to_owned()
}

/// Sums per step of time and dimension; 0 and the empty string stand for "none" so that the key is never null.
/// Histogram buckets are columns, so that adding two rows is plain SQL on both databases.
fn rollup(table: &'static str) -> TableCreateStatement {
    let mut create = Table::create();
    create.table(table).col(big_integer("at_s")).col(big_integer("team_id")).col(big_integer("gateway_id"));
    create.col(text("provider")).col(text("model")).col(big_integer("token_id"));
    for sum in ["requests", "errors", "cache_hits", "attempts", "input_tokens", "output_tokens", "cost_nanos", "unpriced"]
    {
        create.col(big_integer(sum));
    }
    for histogram in ["latency", "first_byte"] {
        for bucket in 0..24 {
            create.col(big_integer(format!("{histogram}_{bucket:02}")).default(0));
        }
    }
    create.primary_key(
        Index::create().col("team_id").col("at_s").col("gateway_id").col("provider").col("model").col("token_id"),
    );
    create
}

/// How far each spool has been written to this database; saved in the same transaction as the rows.
fn spool_positions() -> TableCreateStatement {
    Table::create()
        .table("spool_positions")
        .col(pk_uuid("spool_id"))
        .col(big_integer("segment"))
        .col(big_integer("at_byte"))
        .to_owned()
}

/// Records that could not be written as rows, whole, with the reason.
fn dead_letters() -> TableCreateStatement {
    Table::create()
        .table("dead_letters")
        .col(uuid("spool_id"))
        .col(big_integer("segment"))
        .col(big_integer("at_byte"))
        .col(text("reason"))
        .col(blob_null("record"))
        .primary_key(Index::create().col("spool_id").col("segment").col("at_byte"))
        .to_owned()
}

fn cache_entries() -> TableCreateStatement {
    Table::create()
        .table("cache_entries")
        .col(blob("key").primary_key())
        .col(big_integer("team_id"))
        .col(big_integer("gateway_id"))
        .col(big_integer("created_at_ms"))
        .col(big_integer("expires_at_ms"))
        .col(integer("status"))
        .col(text("content_type"))
        .col(boolean("streamed"))
        .col(blob("body"))
        .col(text("provider"))
        .col(text_null("model"))
        .col(text("usage"))
        .to_owned()
}
