//! `weir ledger …`

mod verify;

use super::{block_on, load, open};
use crate::cli::Ledger;

/// Runs one of the commands about the ledger.
pub fn run(command: Ledger) -> Result<(), String> {
    match command {
        Ledger::Verify(arguments) => {
            let settings = load(&arguments.common)?;
            block_on(async { verify::run(&open::connect(&settings).await?, &arguments).await })
        }
    }
}
