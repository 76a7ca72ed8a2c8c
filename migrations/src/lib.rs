//! The database schema, one change a file, named by date. Migrations only ever add: `down` refuses, and a change that
//! old code could not live with is made in two releases (expand, then contract).

use sea_orm_migration::prelude::*;

/// Declares the migration modules and lists them in order.
macro_rules! migrations {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+

        /// Every migration in the order it is applied: a new one goes to the end of the list, one a line.
        fn all() -> Vec<Box<dyn MigrationTrait>> {
            vec![$(Box::new($name::Migration)),+]
        }
    };
}

migrations! {
    m20261122_000001_create_volume,
    m20261122_000002_create_people,
    m20261122_000003_create_gateways,
    m20261122_000004_create_provider_keys,
    m20261122_000005_create_api_tokens,
    m20261122_000006_create_audit,
    m20261122_000007_bound_cache,
    m20261122_000008_find_account_events,
    m20261126_000001_bound_dead_letters,
    m20261126_000002_find_broken_answers,
    m20261126_000003_invite_members,
    m20261126_000009_keep_responses,
    m20261126_000010_find_by_provider,
    m20261126_000011_count_units,
    m20261126_000012_find_oldest_conversations,
    m20261126_000013_create_policies,
    m20261127_000014_restrict_tokens,
    m20261127_000015_rotate_tokens,
    m20261127_000016_own_policies,
    m20261127_000017_bill_more,
    m20261127_000018_create_team_prices,
    m20261127_000025_import_price_book,
    m20261127_000050_create_routes,
    m20261127_000060_pool_provider_keys,
    m20261127_000061_correct_costs,
    m20261127_000062_sum_up_users,
}

/// Applies what is missing; see `store::Store::migrate`, which takes the lock that keeps two processes apart.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        all()
    }
}
