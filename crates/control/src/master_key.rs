//! Notices a wrong master key before anything is sealed with it: a known text is kept sealed in the database.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use store::secrets::{Place, Sealed, Sealer};
use store::{Store, StoreError, config};

use crate::StartError;

const META_KEY: &str = "master_key_check";
const PLACE: Place = Place { table: "meta", row_id: 0 };
const TEXT: &str = "the master key fits";

/// Checks the master key against the database, or notes it in a new one.
pub(crate) async fn check(store: &Store, sealer: &Sealer) -> Result<(), StartError> {
    if let Some(value) = config::find_meta(store.read(), META_KEY).await? {
        return fits(sealer, &value);
    }
    let tx = store.write_tx().await?;
    // The version's lock makes two first starts at once wait for each other.
    config::bump(&tx).await?;
    if let Some(value) = config::find_meta(&tx, META_KEY).await? {
        return fits(sealer, &value);
    }
    let sealed = sealer.seal(PLACE, TEXT).map_err(|error| StoreError::Other(error.to_string()))?;
    let value = format!("{}:{}", sealed.key_version, STANDARD_NO_PAD.encode(sealed.bytes));
    config::set_meta(&tx, META_KEY, &value).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

fn fits(sealer: &Sealer, value: &str) -> Result<(), StartError> {
    let sealed = value.split_once(':').and_then(|(key_version, bytes)| {
        Some(Sealed { key_version: key_version.parse().ok()?, bytes: STANDARD_NO_PAD.decode(bytes).ok()? })
    });
    let plain = sealed.and_then(|sealed| sealer.open(PLACE, &sealed).ok());
    if plain.is_some_and(|plain| plain.expose() == TEXT) { Ok(()) } else { Err(StartError::WrongMasterKey) }
}
