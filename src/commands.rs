//! One file a command. A command reports a failure as text for a person, a line for each thing that is wrong.

use crate::cli::{Cli, Command};
use crate::config::Settings;

pub mod apply;
pub mod ledger;
pub mod migrate;
pub mod mock_provider;
mod open;
pub mod prices;
pub mod serve;
pub mod user;

/// Runs one command to its end.
///
/// # Errors
/// What to tell the person who called, line by line.
pub fn run(cli: Cli) -> Result<(), String> {
    // The database and the spool hold prompts: what is written here is nobody else's to read.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match cli.command {
        Command::Serve(common) => serve::run(&load(&common)?),
        Command::Apply(arguments) => apply::run(&load(&arguments.common)?, &arguments),
        Command::Migrate(common) => migrate::run(&load(&common)?),
        Command::Ledger(command) => ledger::run(command),
        Command::Prices(command) => prices::run(command),
        Command::User(command) => user::run(&command),
        Command::MockProvider(options) => mock_provider::run(options),
        Command::Version => {
            println!("weir {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

fn load(common: &crate::cli::Common) -> Result<Settings, String> {
    Settings::load(common.config.as_deref()).map_err(|error| error.to_string())
}

/// Runs a command that needs no data plane on a runtime of its own.
fn block_on<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| format!("cannot start: {error}"))?.block_on(work)
}
