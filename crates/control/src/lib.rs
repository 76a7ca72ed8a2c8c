//! The control plane: every change to what Weir does goes through here. A change needs a permission held as a value
//! ([`Grant`]), is validated, and writes the row, its audit event and a higher configuration version in one
//! transaction; whoever watches [`Control::changes`] learns of it after the commit.

mod account;
pub mod actor;
mod address;
pub mod apply;
mod audit;
mod change;
mod connection_test;
mod cookie;
mod credential;
mod custom_provider;
mod error;
mod flash;
mod gateway;
mod invitation;
mod ledger;
mod master_key;
mod member;
mod password;
mod policy;
mod price_book;
mod provider_health;
mod provider_key;
mod recent;
mod refusal;
mod request;
mod rerate;
mod route;
mod session;
mod setup;
mod sketch;
mod sweep;
mod team_price;
#[cfg(test)]
mod tests;
mod throttle;
mod token;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::Secret;
use store::Store;
use store::secrets::Sealer;
use tokio::sync::{Mutex, Semaphore, watch};
use wire::price::{InForce, Keyring};

use connection_test::Tester;
use cookie::Signer;
use flash::Flashes;
use password::Passwords;
use recent::Recent;
use refusal::Refusals;
use sketch::Sketches;
use throttle::{Policy, Throttle};

pub use self::route::{NewRoute, NewRouteVersion, RouteDetail};
pub use actor::{Actor, Grant, Member, can};
pub use custom_provider::NewCustomProvider;
pub use error::{ControlError, StartError};
pub use gateway::{GatewayChange, NewGateway};
pub use invitation::{Joined, Joining};
pub use ledger::LedgerWatch;
pub use policy::{
    HitGroup, MAX_DAYS, NewPolicy, PastRequest, PolicyChange, PolicyEngine, PolicyUsage, Replay, Simulation, TextError,
    Untried, Verdict, read_parts, read_text,
};
pub use price_book::{BookChange, BookError, BookImport};
pub use provider_health::ProviderWatch;
pub use provider_key::NewProviderKey;
pub use rerate::{Repriced, Rerate, RerateError, Rerated};
pub use session::{Client, SignedIn};
pub use setup::NewOwner;
pub use team_price::{MAX_PRICES, PriceChange, PriceText};
pub use token::TokenTerms;

/// What the operator decides.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the dashboard is reached, such as `https://weir.example.com`.
    pub public_url: Option<String>,
    /// Whether provider addresses may be private, link-local or loopback.
    pub allow_private_upstreams: bool,
    /// Whose price books count.
    pub price_keys: Keyring,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    sealer: Sealer,
    options: Options,
    changes: watch::Sender<i64>,
    live_version: watch::Sender<i64>,
    signer: Signer,
    passwords: Passwords,
    pairs: Throttle,
    accounts: Throttle,
    addresses: Throttle,
    refusals: Refusals,
    recent: Recent,
    flashes: Flashes,
    sketches: Sketches,
    tester: Tester,
    /// The data plane's part of policies, where this process has one.
    engine: OnceLock<Box<dyn PolicyEngine>>,
    /// How the ledger does, where this process has one.
    ledger: OnceLock<Box<dyn LedgerWatch>>,
    /// How provider keys fare, where this process asks with them.
    providers: OnceLock<Box<dyn ProviderWatch>>,
    /// The places of those who try policies on the past.
    simulations: Semaphore,
    /// The price book that was in force when somebody asked last.
    book: std::sync::Mutex<Arc<InForce>>,
    /// The set-up secret in plain, while it is valid and was made by this process.
    setup: Mutex<Option<Secret>>,
}

/// Tries at one account from one address: who mistypes waits a minute at most.
const PAIR_POLICY: Policy = Policy { free: 5, longest: Duration::from_secs(60) };
/// Tries at one account from everywhere: so many that a stranger with a few addresses cannot lock its owner out.
const ACCOUNT_POLICY: Policy = Policy { free: 100, longest: Duration::from_secs(60) };
/// An address may be an office full of people.
const ADDRESS_POLICY: Policy = Policy { free: 20, longest: Duration::from_secs(900) };

/// How long a change waits for the data plane to take it over.
const LIVE_PATIENCE: Duration = Duration::from_secs(1);

impl Control {
    /// Opens the control plane on a migrated database.
    ///
    /// # Errors
    /// [`StartError::WrongMasterKey`] when stored secrets were sealed with another key.
    pub async fn new(store: Store, sealer: Sealer, options: Options) -> Result<Self, StartError> {
        master_key::check(&store, &sealer).await?;
        let (changes, _) = watch::channel(store::config::version(&store).await?);
        let inner = Inner {
            signer: Signer::new(&sealer.derive_key("weir session cookies v1")),
            passwords: Passwords::new(),
            pairs: Throttle::new(PAIR_POLICY),
            accounts: Throttle::new(ACCOUNT_POLICY),
            addresses: Throttle::new(ADDRESS_POLICY),
            refusals: Refusals::default(),
            recent: Recent::default(),
            flashes: Flashes::default(),
            sketches: Sketches::default(),
            tester: Tester::new(options.allow_private_upstreams),
            engine: OnceLock::new(),
            ledger: OnceLock::new(),
            providers: OnceLock::new(),
            simulations: Semaphore::new(1),
            book: std::sync::Mutex::default(),
            setup: Mutex::new(None),
            live_version: watch::Sender::new(0),
            store,
            sealer,
            options,
            changes,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The configuration version, sent after each commit of this process.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.inner.changes.subscribe()
    }

    /// Tells which configuration version the data plane of this process runs. Who may do what may have changed with it.
    pub fn set_live_version(&self, version: i64) {
        self.inner.recent.clear();
        self.inner.live_version.send_modify(|live| *live = version.max(*live));
    }

    pub(crate) fn live_version(&self) -> i64 {
        *self.inner.live_version.borrow()
    }

    /// Waits until the data plane of this process runs a version, so that what a person is told works at once; a second at
    /// most, and not at all where this process has no data plane.
    pub(crate) async fn until_live(&self, version: i64) {
        if self.live_version() == 0 {
            return;
        }
        let mut live = self.inner.live_version.subscribe();
        // Too slow, or gone: the page says that the version is not live yet.
        let _ = tokio::time::timeout(LIVE_PATIENCE, live.wait_for(|live| *live >= version)).await;
    }

    /// Where the dashboard is reached, as the operator said.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.inner.options.public_url.as_deref()
    }
}

/// Prints no configuration: options may name internal hosts, everything else is secret.
impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}
