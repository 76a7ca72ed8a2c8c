//! The benchmark: what a request costs and how long it waits, through Weir, through nginx and through a bare hyper proxy,
//! on the same machine, in the same minutes. `script/bench` builds everything and calls `bench run`.
//!
//! * `bench run` starts the mock provider and the proxies, each pinned to a processor, takes turns between them and
//!   prints a table.
//! * `bench profile` takes samples of Weir under load and prints what each stage takes.
//! * `bench translate` prints what it takes to translate requests and events.
//! * `bench policies` prints what it takes to ask policies, and to settle what a request used.
//! * `bench mock` is the provider: an answer of constant bytes, as cheap as hyper can give it.
//! * `bench bare` is a yardstick: a proxy that reads the JSON body and does nothing else with it.
//! * `bench constant` is the yardstick for cache hits: an axum route that answers constant bytes.
//!
//! To add a case, add a row to [`case::ALL`]; to add a proxy, a file below `target/` and a row in [`target::start_all`].

mod bare;
mod case;
mod clock;
mod constant;
mod ledger;
mod load;
mod mock;
mod policies;
mod process;
mod profile;
mod report;
mod run;
mod serve;
mod target;
mod translate;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures Weir against nginx and a bare hyper proxy.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything, measure, print the table.
    Run(RunArguments),
    /// Show where the time of a request goes; `script/profile` builds what it needs.
    Profile(profile::ProfileArguments),
    /// Print the nanoseconds of translated requests and events.
    Translate,
    /// Print the nanoseconds of policies.
    Policies,
    /// Answer like a provider, with constant bytes.
    Mock {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Answer with constant bytes, as an axum route.
    Constant {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Pass requests on, after reading their JSON.
    Bare {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        #[arg(long)]
        upstream: SocketAddr,
    },
}

/// How to measure.
#[derive(clap::Args)]
struct RunArguments {
    /// The `weir` binary; without it only the yardsticks are measured.
    #[arg(long)]
    weir: Option<PathBuf>,
    /// The `nginx` binary.
    #[arg(long, default_value = "nginx")]
    nginx: PathBuf,
    /// How often every target has its turn.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load in each turn.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Only the cases whose name contains this.
    #[arg(long)]
    case: Option<String>,
    /// Processor of the proxies.
    #[arg(long, default_value_t = 0)]
    proxy_cpu: usize,
    /// Processor of the load and the mock provider.
    #[arg(long, default_value_t = 1)]
    load_cpu: usize,
    /// The store's example `writer_throughput`; without it the ledger's writer is not measured.
    #[arg(long)]
    writer: Option<PathBuf>,
    /// An empty PostgreSQL database for it, beside SQLite. It stays full.
    #[arg(long)]
    postgres: Option<String>,
    /// Rows that it writes.
    #[arg(long, default_value_t = 200_000)]
    rows: u64,
    /// The commit that is checked out, to be kept with the figures.
    #[arg(long)]
    commit: Option<String>,
    /// Where to keep the figures for comparison.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Figures that an earlier run kept, to be compared with.
    #[arg(long)]
    compare: Option<PathBuf>,
}

impl RunArguments {
    fn wants(&self, case: &str) -> bool {
        self.case.as_ref().is_none_or(|part| case.contains(part.as_str()))
    }
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match Arguments::parse().command {
            Command::Run(arguments) => run::run(&arguments).await,
            Command::Profile(arguments) => profile::run(&arguments).await,
            Command::Translate => {
                translate::run();
                Ok(())
            }
            Command::Policies => {
                policies::run();
                Ok(())
            }
            Command::Constant { listen } => constant::serve(listen).await,
            Command::Mock { listen } => mock::serve(listen).await,
            Command::Bare { listen, upstream } => bare::serve(listen, upstream).await,
        }
    })
}
