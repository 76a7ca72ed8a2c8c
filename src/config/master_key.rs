//! The key that wraps every stored credential: given in the environment, or kept in a file that only we can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Settings;

/// Name of the key file in the data directory.
const FILE: &str = "master.key";

/// 256 random bits.
pub type MasterKey = [u8; 32];

/// Reads a key: 32 bytes in base64 or hexadecimal.
///
/// # Errors
/// A sentence that names the fix and not the value.
pub fn decode(text: &str) -> Result<MasterKey, &'static str> {
    let text = text.trim();
    let bytes = if text.len() == 64 { hex(text) } else { STANDARD.decode(text).ok() };
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or("must be 32 random bytes in base64, such as the output of `openssl rand -base64 32`")
}

fn hex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The key from the settings, else from the key file, which is made on the first start.
///
/// # Errors
/// A sentence for the operator: the file cannot be read or written, is not a key, or may be read by others.
pub fn load(settings: &Settings) -> Result<MasterKey, String> {
    if let Some(key) = &settings.master_key {
        return decode(key.expose()).map_err(|problem| format!("WEIR_MASTER_KEY: {problem}"));
    }
    let path = settings.data_dir.join(FILE);
    let named = |error: io::Error| format!("{}: {error}", path.display());
    match fs::read_to_string(&path) {
        Ok(text) => {
            let mode = fs::metadata(&path).map_err(named)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(format!("{0}: others may read it; run `chmod 600 {0}`", path.display()));
            }
            decode(&text).map_err(|problem| format!("{}: {problem}", path.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path).map_err(named),
        Err(error) => Err(named(error)),
    }
}

fn create(path: &Path) -> io::Result<MasterKey> {
    let mut key = MasterKey::default();
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", STANDARD.encode(key))?;
    file.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_base64_and_hexadecimal() {
        assert_eq!(decode(&STANDARD.encode([7; 32])), Ok([7; 32]));
        assert_eq!(decode(&"07".repeat(32)), Ok([7; 32]));
        assert!(decode("c2hvcnQ=").is_err());
        assert!(decode(&"xy".repeat(32)).is_err());
    }

    #[test]
    fn the_key_file_is_private_and_stays_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(FILE);
        let key = create(&path).expect("written");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(decode(&fs::read_to_string(&path).expect("readable")), Ok(key));
    }
}
