//! Keeps the data plane's snapshot in step with the database: at once after a change made by this process, within a
//! second after one made by another.

use std::time::Duration;

use control::Control;
use gateway::Gateway;
use store::Store;
use store::secrets::Sealer;
use store::writer::WriterProgress;

use crate::history;

/// How often the version in the database is looked at.
const POLL: Duration = Duration::from_secs(1);

/// Watches for changes for ever; runs on the dashboard's runtime. While the gateway is suspended it is told what passed before,
/// and lets requests in.
pub async fn watch(store: Store, sealer: Sealer, control: Control, gateway: Gateway, writer: WriterProgress) {
    let mut changes = control.changes();
    let mut tick = tokio::time::interval(POLL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            _ = tick.tick() => {}
        }
        let outcome = bring_up_to_date(&store, &sealer, &control, &gateway, &writer).await;
        match (&outcome, failing) {
            // One line when it begins and one when it ends; the old snapshot serves on meanwhile.
            (Err(error), false) => {
                tracing::error!(%error, "the configuration cannot be reloaded; the last one stays in force")
            }
            (Ok(()), true) => tracing::info!(version = gateway.version(), "the configuration is up to date again"),
            _ => {}
        }
        failing = outcome.is_err();
    }
}

async fn bring_up_to_date(
    store: &Store,
    sealer: &Sealer,
    control: &Control,
    gateway: &Gateway,
    writer: &WriterProgress,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    if store::config::version(store).await? == gateway.version() && !gateway.is_suspended() {
        return Ok(());
    }
    let config = store::config::load_config(store, sealer).await?;
    let compiled = gateway.compile(&config)?;
    history::tell(store, writer, &compiled).await?;
    gateway.adopt(compiled);
    control.set_live_version(gateway.version());
    tracing::info!(version = gateway.version(), "configuration reloaded");
    Ok(())
}
