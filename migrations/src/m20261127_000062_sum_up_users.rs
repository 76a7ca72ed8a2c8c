//! Sums by day and by whom was asked for, made of the rows that the log still has.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// As the ledger's writer sums up: what was answered, with names cut to 128 characters. A sum that fits no column stays below its bound.
const FILL: &str = "
    INSERT INTO rollup_user_day (team_id, at_s, gateway_id, provider, model, token_id, user_name,
        requests, errors, cache_hits, attempts, input_tokens, output_tokens, cost_nanos, unpriced)
    SELECT team_id, at_ms / 1000 - at_ms / 1000 % 86400, COALESCE(gateway_id, 0), SUBSTR(COALESCE(provider, ''), 1, 128),
        SUBSTR(COALESCE(model, ''), 1, 128),
        COALESCE(token_id, 0), SUBSTR(user_name, 1, 128),
        CAST(SUM(CASE WHEN last THEN 1 ELSE 0 END) AS bigint),
        CAST(SUM(CASE WHEN last AND outcome NOT IN ('ok', 'client_gone') THEN 1 ELSE 0 END) AS bigint),
        CAST(SUM(CASE WHEN last AND cache = 'hit' THEN 1 ELSE 0 END) AS bigint),
        CAST(SUM(CASE WHEN attempt > 0 THEN 1 ELSE 0 END) AS bigint),
        CAST(SUM(input_tokens) AS bigint), CAST(SUM(output_tokens) AS bigint), 
        CAST(CASE WHEN ABS(SUM(COALESCE(cost_nanos, 0) / 1000000)) >= 7000000000000
            THEN 7000000000000000000
            ELSE SUM(COALESCE(cost_nanos, 0) / 1000000) * 1000000 + SUM(COALESCE(cost_nanos, 0) % 1000000) END AS bigint),
        CAST(SUM(CASE WHEN attempt > 0 AND cost_nanos IS NULL THEN 1 ELSE 0 END) AS bigint)
    FROM requests WHERE team_id IS NOT NULL AND user_name <> ''
        AND (cache = 'hit' OR (attempt > 0 AND (status < 400 OR usage_source <> 'none')))
    GROUP BY 1, 2, 3, 4, 5, 6, 7";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut create = Table::create();
        create.table("rollup_user_day").col(big_integer("at_s")).col(big_integer("team_id")).col(big_integer("gateway_id"));
        create.col(text("provider")).col(text("model")).col(big_integer("token_id")).col(text("user_name"));
        for sum in
            ["requests", "errors", "cache_hits", "attempts", "input_tokens", "output_tokens", "cost_nanos", "unpriced"]
        {
            create.col(big_integer(sum));
        }
        create.primary_key(
            Index::create()
                .col("team_id")
                .col("at_s")
                .col("user_name")
                .col("gateway_id")
                .col("provider")
                .col("model")
                .col("token_id"),
        );
        manager.create_table(create).await?;
        manager.get_connection().execute_unprepared(FILL).await?;
        Ok(())
    }
}
