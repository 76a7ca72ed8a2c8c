//! Passwords: argon2id with the parameters OWASP recommends, off the async threads and never many at once.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;

use crate::ControlError;

/// Memory in KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes computed at once: 19 MiB and most of a core each.
const RUNNING: usize = 2;
/// Hashes waiting or running; beyond that a sign-in is told to come back.
const ADMITTED: usize = 32;

/// Checked in place of an unknown account's hash, so that both take the same time. Its digest is a random number and belongs to no
/// password; one made at each start would take 19 MiB that the process keeps.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$P8F/8Tq17dt7zx+nnYvbcw$w2xnBnSrQ2hOCyihWuc2m66RSFYU6bHmwNARhabBfF8";

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    admitted: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(RUNNING)), admitted: Semaphore::new(ADMITTED) }
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, ControlError> {
        let password = password.to_owned();
        self.run(move || hash(&password)).await?.ok_or(ControlError::Unavailable)
    }

    /// Whether the password is right; without a hash it takes as long to say no.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, ControlError> {
        let (password, known) = (password.to_owned(), hash.is_some());
        let hash = hash.unwrap_or(DECOY).to_owned();
        Ok(self.run(move || verify(&password, &hash)).await? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ControlError> {
        let _place = self.admitted.try_acquire().map_err(|_| ControlError::Throttled { retry_after_s: 2 })?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| ControlError::Unavailable)?;
        let work = tokio::task::spawn_blocking(move || {
            // Held to the end of the work even when the caller has left.
            let _running = running;
            work()
        });
        work.await.map_err(|_| ControlError::Unavailable)
    }
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the cost is within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Option<String> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).ok()?;
    let salt = SaltString::encode_b64(&salt).ok()?;
    Some(hasher().hash_password(password.as_bytes(), &salt).ok()?.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits_its_hash() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse battery").await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery", Some(&hash)).await.expect("verified"));
        assert!(!passwords.verify("correct horse batterY", Some(&hash)).await.expect("verified"));
        assert!(!passwords.verify("correct horse battery", None).await.expect("verified"));
    }

    #[test]
    fn the_decoy_costs_as_much_as_a_hash() {
        let decoy = PasswordHash::new(DECOY).expect("a hash");
        let made = hash("correct horse battery").expect("hashed");
        let made = PasswordHash::new(&made).expect("a hash");
        assert_eq!(Params::try_from(&decoy).expect("a cost"), Params::try_from(&made).expect("a cost"));
        let lengths = |hash: &PasswordHash<'_>| (hash.hash.map(|hash| hash.len()), hash.salt.map(|salt| salt.len()));
        assert_eq!((decoy.algorithm, decoy.version, lengths(&decoy)), (made.algorithm, made.version, lengths(&made)));
    }
}
