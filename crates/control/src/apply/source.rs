//! Secrets are never written in the file: it names an environment variable or another file.

use domain::Secret;

use super::EnvLookup;

/// Largest secret file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Reads `env:NAME` or `file:PATH`. Space around the value is dropped: files end with a line break.
///
/// # Errors
/// Why there is no value, without repeating the text: somebody may have pasted the secret itself.
pub(super) fn read(text: &str, env: EnvLookup<'_>) -> Result<Secret, String> {
    let value = if let Some(name) = text.strip_prefix("env:") {
        env(name).ok_or_else(|| format!("the environment variable {name} is not set"))?
    } else if let Some(path) = text.strip_prefix("file:") {
        read_file(path).map_err(|error| format!("cannot read the file {path}: {error}"))?
    } else {
        return Err("must be env:NAME or file:PATH; secrets do not belong into this file".to_owned());
    };
    let value = value.trim();
    if value.is_empty() { Err("the value is empty".to_owned()) } else { Ok(Secret::new(value.to_owned())) }
}

/// Whether a text names a secret, rather than being one.
pub(super) fn is_named(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

fn read_file(path: &str) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > MAX_FILE {
        return Err(std::io::Error::other("it is too large for a secret"));
    }
    std::fs::read_to_string(path)
}
