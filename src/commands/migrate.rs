//! `weir migrate`

use super::{block_on, open};
use crate::config::Settings;

/// Brings the schema up to date.
pub fn run(settings: &Settings) -> Result<(), String> {
    block_on(async {
        open::open_store(settings).await?;
        println!("The database schema is up to date.");
        Ok(())
    })
}
