//! `weir prices keygen` and `weir prices sign`: no database, no settings.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use wire::price::{LONGEST_BOOK, PriceBook, SecretKey};

use super::{beside, read, read_text, with_end, write};

/// Makes both files of a key, and overwrites none.
pub fn make(name: &Path) -> Result<(), String> {
    let (mut number, mut seed) = ([0; 8], [0; 32]);
    getrandom::fill(&mut number).and_then(|()| getrandom::fill(&mut seed)).map_err(|error| error.to_string())?;
    let key = SecretKey::new(number, seed).map_err(|error| format!("the new key {error}"))?;
    let (secret, public) = (with_end(name, ".sec"), with_end(name, ".pub"));
    create(&secret, 0o600, &key.to_file("secret key for price books of Weir"))?;
    create(&public, 0o644, &key.public().to_file("public key for price books of Weir"))?;
    let short = name.file_name().unwrap_or_default().to_string_lossy();
    println!("{}: the secret key. Whoever has it can sign; no passphrase is on it.", secret.display());
    println!("{}: the public key. Servers that are to trust it are told:", public.display());
    println!("WEIR_PRICE_KEYS={short}={}", key.public());
    Ok(())
}

fn create(file: &Path, mode: u32, text: &str) -> Result<(), String> {
    let named = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut created = OpenOptions::new().write(true).create_new(true).mode(mode).open(file).map_err(named)?;
    created.write_all(text.as_bytes()).and_then(|()| created.sync_all()).map_err(named)
}

/// Signs a file that is a price book, and nothing else.
pub fn sign(key: &Path, file: &Path) -> Result<(), String> {
    let secret: SecretKey = read_text(key)?.parse().map_err(|error| format!("{}: {error}", key.display()))?;
    let text = read(file, LONGEST_BOOK)?;
    let book = PriceBook::from_bytes(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let signature = secret.sign(&text).map_err(|error| format!("{}: {error}", key.display()))?;
    write(&beside(file), signature.to_file("signature of a price book of Weir").as_bytes())?;
    println!("{}: signs {} prices as of {}.", beside(file).display(), book.prices().len(), book.as_of());
    Ok(())
}
