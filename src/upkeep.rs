//! What has to be done now and then, off the data plane.

use std::time::Duration;

use control::Control;
use gateway::Gateway;

/// How often tokens' last use is written down.
const LAST_USED: Duration = Duration::from_secs(15);
/// How often expired sessions, cached answers and old log rows are removed.
const SWEEP: Duration = Duration::from_secs(3_600);

/// Runs for ever on the dashboard's runtime.
pub async fn run(control: Control, gateway: Gateway) {
    let mut last_used = tokio::time::interval(LAST_USED);
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = last_used.tick() => {
                let used = gateway.take_last_used();
                if !used.is_empty() && let Err(error) = control.touch_tokens(&used).await {
                    tracing::warn!(%error, "the tokens' last use could not be written down");
                }
            }
            _ = sweep.tick() => {
                if let Err(error) = control.sweep().await {
                    tracing::warn!(%error, "old rows could not be removed; the next sweep tries again");
                }
            }
        }
    }
}
