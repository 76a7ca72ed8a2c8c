//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::ledger::Tolerance;

/// A self-hosted AI gateway: one binary with a dashboard, exact money and unbroken streams.
#[derive(Debug, Parser)]
#[command(name = "weir", version, disable_version_flag = true, propagate_version = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the dashboard and the gateway.
    Serve(Common),
    /// Make the database agree with a YAML file that declares teams, gateways, provider keys and tokens.
    Apply(Apply),
    /// Bring the database schema up to date and stop.
    Migrate(Common),
    /// Check the ledger, and compare it with what providers say.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Look at the price book in force, put another in force, sign one.
    #[command(subcommand)]
    Prices(Prices),
    /// Manage people who sign in.
    #[command(subcommand)]
    User(User),
    /// A test tool: a provider that answers from nothing, with faults on demand. Never point real traffic at it.
    MockProvider(MockProvider),
    /// Print the version.
    Version,
}

/// Where the settings come from.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Settings file; `weir.toml` in the working directory is read when there is one. The environment wins over it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `weir apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// The YAML file.
    pub file: PathBuf,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `weir mock-provider`
#[derive(Debug, Args)]
pub struct MockProvider {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9001")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub options: mock::Options,
}

/// `weir ledger …`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Check that costs are what their formulas make, that no attempt is missing or there twice, and that sums are those of the
    /// rows. Works while a server runs. Fails where something differs.
    Verify(Verify),
    /// Compare a provider's usage or cost export with the ledger, by day (UTC), model and key, and name what may explain a difference.
    /// Fails where a figure differs by more than the tolerance.
    Reconcile(Reconcile),
    /// Price what was used in the past again, at the prices that are now known for its time, and show the difference. With --write a
    /// correction is put beside each row that costs something else; rows themselves never change. Works while a server runs.
    Rerate(Rerate),
}

/// `weir ledger rerate`
#[derive(Debug, Args)]
pub struct Rerate {
    /// Only what this team used.
    #[arg(long, value_name = "SLUG")]
    pub team: Option<String>,
    /// Only what was asked of this provider.
    #[arg(long, value_name = "SLUG")]
    pub provider: Option<String>,
    /// Only what this model answered, as the request log names it.
    #[arg(long)]
    pub model: Option<String>,
    /// First day on which requests came in, as YYYY-MM-DD (UTC); where the ledger begins without it.
    #[arg(long, value_name = "DAY")]
    pub from: Option<chrono::NaiveDate>,
    /// Last day; today without it.
    #[arg(long, value_name = "DAY")]
    pub to: Option<chrono::NaiveDate>,
    /// Write the corrections.
    #[arg(long)]
    pub write: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `weir ledger verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// First day to check, as YYYY-MM-DD (UTC); where the ledger begins without it.
    #[arg(long, value_name = "DAY")]
    pub from: Option<chrono::NaiveDate>,
    /// Last day to check; today without it.
    #[arg(long, value_name = "DAY")]
    pub to: Option<chrono::NaiveDate>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `weir ledger reconcile`
#[derive(Debug, Args)]
pub struct Reconcile {
    /// The export: answers of the provider's usage or costs API, or a table.
    pub file: PathBuf,
    /// Whose export it is.
    #[arg(long, value_enum)]
    pub provider: ExportFormat,
    /// How many percent of what the provider says a figure may differ.
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = tolerance)]
    pub tolerance: Tolerance,
    /// What the provider calls a key: NAME is TEAM/ALIAS or ALIAS, ID the key's id in the export. May be given often.
    #[arg(long = "key", value_name = "NAME=ID", value_parser = pair)]
    pub keys: Vec<(String, String)>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Whose export it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// `/v1/organization/usage/completions` or `/v1/organization/costs`.
    Openai,
    /// `/v1/organizations/usage_report/messages` or `/v1/organizations/cost_report`.
    Anthropic,
    /// A table with the columns day, model, key, requests, tokens_in, tokens_out, cost.
    Csv,
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    let percent: domain::Rate = text.parse().map_err(|_| "must be a number of percent, such as 0.5".to_owned())?;
    // A rate has nine decimals, and a basis point is a hundredth.
    let basis_points = u64::try_from(percent.0 / 10_000_000).map_err(|_| "must be 0 or more".to_owned())?;
    if basis_points > 10_000 { Err("must be at most 100".to_owned()) } else { Ok(Tolerance { basis_points }) }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, id)| !name.is_empty() && !id.is_empty());
    pair.map(|(name, id)| (name.to_owned(), id.to_owned())).ok_or_else(|| "must be NAME=ID".to_owned())
}

/// `weir prices …`
#[derive(Debug, Subcommand)]
pub enum Prices {
    /// Print what the price book in force says of a model, or of all.
    Show {
        /// A provider's slug and its model, such as openai/gpt-5; with a slug only, all its models.
        #[arg(value_name = "PROVIDER/MODEL")]
        model: Option<String>,
        /// Print rows of the book as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Put a signed price book in force, for all teams and at once. Running servers follow within a second.
    Import(ImportPrices),
    /// Write the price book in force to a file, and its signature beside it where it has one.
    Export {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Go back to the price book that is part of the program.
    Reset {
        #[command(flatten)]
        common: Common,
    },
    /// Make a key to sign price books with: NAME.sec, which is nobody else's to read, and NAME.pub. They are keys of `signify`.
    Keygen {
        /// What the two files begin with.
        name: PathBuf,
    },
    /// Sign a price book: FILE.sig says that it is the key's holder's.
    Sign {
        /// The secret key's file, made by `weir prices keygen` or by `signify -G -n`.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The price book.
        file: PathBuf,
    },
}

/// `weir prices import`
#[derive(Debug, Args)]
pub struct ImportPrices {
    /// The price book.
    pub file: PathBuf,
    /// The file of its signature; FILE.sig where it is not said.
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// Take it without a signature. The audit log, the dashboard and `weir prices show` say so.
    #[arg(long, conflicts_with = "signature")]
    pub unsigned: bool,
    /// Take it although the one in force is of a later day. It stays in force then, whatever a newer release brings.
    #[arg(long)]
    pub older: bool,
    #[command(flatten)]
    pub common: Common,
}

/// `weir user …`
#[derive(Debug, Subcommand)]
pub enum User {
    /// Give a person a new random password, print it once, and sign them out everywhere.
    ResetPassword {
        /// The person's e-mail address.
        email: String,
        #[command(flatten)]
        common: Common,
    },
}
