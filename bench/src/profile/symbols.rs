//! Finds the source files behind addresses of a program, inlined functions included: of what the compiler merged into
//! one function, each part is told from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Source files by address, the innermost function's first.
pub type Files = BTreeMap<u64, Vec<String>>;

/// Asks binutils' `addr2line` about all addresses at once.
pub fn files(program: &Path, addresses: BTreeSet<u64>) -> Result<Files> {
    let mut asked = Command::new("addr2line")
        .args(["--inlines", "--addresses", "--exe"])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start addr2line (on Debian: apt-get install binutils)")?;
    let mut input = asked.stdin.take().context("standard input is piped")?;
    // From a thread of its own: it answers while it is asked.
    let asking = std::thread::spawn(move || addresses.iter().try_for_each(|address| writeln!(input, "{address:x}")));
    let output = asked.wait_with_output()?;
    asking.join().ok().context("the thread that asks panicked")??;
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

/// An address alone on a line, then `file:line` for each function.
fn parse(text: &str) -> Files {
    let mut files = Files::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(address) = line.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
            current = Some(files.entry(address).or_default());
        } else if let (Some(current), Some((file, _))) = (&mut current, line.rsplit_once(':')) {
            current.push(file.to_owned());
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inlined_functions_are_told_apart() {
        let files = parse(
            "0x0000000000001a\n/r/library/core/src/slice.rs:12\n/w/crates/wire/src/scan.rs:7 (discriminator 2)\n0x1b\n??:?\n",
        );
        assert_eq!(files[&0x1a], ["/r/library/core/src/slice.rs", "/w/crates/wire/src/scan.rs"]);
        assert_eq!(files[&0x1b], ["??"]);
    }
}
