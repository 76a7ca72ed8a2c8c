//! The control plane: every change to what Weir does goes through here. A change needs a permission held as a value
//! ([`Grant`]), is validated, and writes the row, its audit event and a higher configuration version in one
//! transaction; whoever watches [`Control::changes`] learns of it after the commit.

pub mod actor;
pub mod apply;
mod custom_provider;
mod error;
mod flash;
mod gateway;
mod member;
mod provider_key;
mod request;
mod session;
mod setup;
mod sweep;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::Store;
use store::secrets::Sealer;
use tokio::sync::watch;

pub use actor::{Actor, Grant, Member, can};
pub use custom_provider::NewCustomProvider;
pub use error::{ControlError, StartError};
pub use gateway::{GatewayChange, NewGateway};
pub use provider_key::NewProviderKey;
pub use session::{Client, SignedIn};
pub use setup::NewOwner;
pub use token::{NewToken, TokenChange};

/// What the operator decides.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the dashboard is reached, such as `https://weir.example.com`.
    pub public_url: Option<String>,
    /// Whether provider addresses may be private, link-local or loopback.
    pub allow_private_upstreams: bool,
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
    live_version: AtomicI64,
}

impl Control {
    /// Opens the control plane on a migrated database.
    ///
    /// # Errors
    /// [`StartError::WrongMasterKey`] when stored secrets were sealed with another key.
    pub async fn new(store: Store, sealer: Sealer, options: Options) -> Result<Self, StartError> {
        let (changes, _) = watch::channel(0);
        Ok(Self { inner: Arc::new(Inner { store, sealer, options, changes, live_version: AtomicI64::new(0) }) })
    }

    /// The configuration version, sent after each commit of this process.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.inner.changes.subscribe()
    }

    /// Where the dashboard is reached, where the operator told.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.inner.options.public_url.as_deref()
    }

    /// Tells which configuration version the data plane of this process runs.
    pub fn set_live_version(&self, version: i64) {
        self.inner.live_version.store(version, Ordering::Release);
    }
}
