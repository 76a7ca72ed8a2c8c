//! `weir ledger …`

mod reconcile;
mod rerate;
mod verify;

pub use reconcile::Tolerance;

use super::{block_on, load, open};
use crate::cli::Ledger;

/// Runs one of the commands about the ledger.
pub fn run(command: Ledger) -> Result<(), String> {
    match command {
        Ledger::Reconcile(arguments) => {
            let settings = load(&arguments.common)?;
            block_on(async { reconcile::run(&open::connect(&settings).await?, &arguments).await })
        }
        Ledger::Rerate(arguments) => {
            let settings = load(&arguments.common)?;
            block_on(async { rerate::run(&open::open(&settings).await?.control, &arguments).await })
        }
        Ledger::Verify(arguments) => {
            let settings = load(&arguments.common)?;
            block_on(async { verify::run(&open::connect(&settings).await?, &arguments).await })
        }
    }
}
