//! What every command that touches data does first: the data directory, the database, the master key.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;

use control::{Control, Options};
use store::secrets::Sealer;
use store::{Claim, Durability, Store};

use crate::config::{Settings, master_key};

/// An open installation.
pub struct Installation {
    pub store: Store,
    pub sealer: Sealer,
    pub control: Control,
}

/// Makes the data directory, readable by us only.
pub fn create_data_dir(settings: &Settings) -> Result<(), String> {
    let directory = &settings.data_dir;
    let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    created.map_err(|error| format!("WEIR_DATA_DIR: cannot create {}: {error}", directory.display()))
}

/// Opens the database and brings its schema up to date.
pub async fn open_store(settings: &Settings) -> Result<Store, String> {
    create_data_dir(settings)?;
    let store = connect(settings).await?;
    migrate(&store).await?;
    Ok(store)
}

/// Opens the database as it is.
pub async fn connect(settings: &Settings) -> Result<Store, String> {
    let durability = if settings.ledger_sync { Durability::Power } else { Durability::Process };
    let store = Store::connect_with(settings.database_url.expose(), durability).await;
    store.map_err(|error| format!("DATABASE_URL: cannot open the database: {error}"))
}

async fn migrate(store: &Store) -> Result<(), String> {
    store.migrate().await.map_err(|error| format!("the database schema cannot be brought up to date: {error}"))
}

/// Opens everything a change needs.
pub async fn open(settings: &Settings) -> Result<Installation, String> {
    installation(settings, open_store(settings).await?).await
}

/// The same for a server, which has a SQLite file to itself as long as the claim is held. A second one touches nothing.
pub async fn open_to_serve(settings: &Settings) -> Result<(Installation, Claim), String> {
    let store = connect(settings).await?;
    let claim = store.claim().await.map_err(|error| format!("DATABASE_URL: {error}"))?;
    migrate(&store).await?;
    Ok((installation(settings, store).await?, claim))
}

async fn installation(settings: &Settings, store: Store) -> Result<Installation, String> {
    let key = master_key::load(settings)?;
    let sealer = Sealer::new(key);
    let options = Options {
        public_url: settings.public_url.clone(),
        allow_private_upstreams: settings.allow_private_upstreams,
        price_keys: settings.price_keys.clone(),
    };
    let control = Control::new(store.clone(), sealer.clone(), options).await.map_err(|error| error.to_string())?;
    Ok(Installation { store, sealer, control })
}
