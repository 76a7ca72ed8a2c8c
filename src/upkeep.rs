//! What has to be done now and then, off the data plane.

use std::collections::HashMap;
use std::time::Duration;

use control::Control;
use domain::TokenId;
use domain::token::LastUse;
use gateway::Gateway;

/// How often tokens' last use is written down.
const LAST_USED: Duration = Duration::from_secs(15);
/// How often expired sessions, cached answers and old log rows are removed.
const SWEEP: Duration = Duration::from_secs(3_600);

/// Runs for ever on the dashboard's runtime.
pub async fn run(control: Control, gateway: Gateway) {
    let mut last_used = tokio::time::interval(LAST_USED);
    let mut sweep = tokio::time::interval(SWEEP);
    let mut written = Written::default();
    loop {
        tokio::select! {
            _ = last_used.tick() => written.bring_up_to_date(&control, &gateway.last_used()).await,
            _ = sweep.tick() => {
                if let Err(error) = control.sweep().await {
                    tracing::warn!(%error, "old rows could not be removed; the next sweep tries again");
                }
            }
        }
    }
}

/// The uses of tokens that are in the database already.
#[derive(Debug, Default)]
pub struct Written(HashMap<TokenId, LastUse>);

impl Written {
    /// Writes down what is not. What fails is tried again the next time.
    pub async fn bring_up_to_date(&mut self, control: &Control, used: &[LastUse]) {
        let news: Vec<LastUse> = used.iter().copied().filter(|used| self.0.get(&used.token) != Some(used)).collect();
        match control.touch_tokens(&news).await {
            Ok(()) => self.0.extend(news.into_iter().map(|used| (used.token, used))),
            Err(error) => tracing::warn!(%error, "the tokens' last use could not be written down"),
        }
    }
}
