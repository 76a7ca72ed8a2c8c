//! Finds the source files behind addresses of a program, inlined functions included: of what the compiler merged into
//! one function, each part is told from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Source files by address, the innermost function's first.
pub type Files = BTreeMap<u64, Vec<String>>;

/// How much further the code of a 64-bit program lies in memory than in its file, both from their beginnings.
pub fn shift(program: &Path) -> Result<u64> {
    /// A part of the file that is loaded, and may be run.
    const LOADED: u64 = 1;
    const RUN: u64 = 1;
    let mut file = File::open(program).with_context(|| program.display().to_string())?;
    let mut head = [0; 64];
    file.read_exact(&mut head)?;
    ensure!(head.starts_with(b"\x7fELF\x02\x01"), "{} is no 64-bit little-endian ELF file", program.display());
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    file.seek(SeekFrom::Start(number(&head[32..40])))?;
    for _ in 0..number(&head[56..58]) {
        let mut part = [0; 56];
        file.read_exact(&mut part)?;
        if number(&part[..4]) == LOADED && number(&part[4..8]) & RUN != 0 {
            return Ok(number(&part[16..24]).wrapping_sub(number(&part[8..16])));
        }
    }
    bail!("{} has no code", program.display())
}

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
    fn the_code_of_this_program_is_found() {
        let me = std::env::current_exe().expect("a path");
        // A whole number of pages, whatever the linker chose.
        assert_eq!(shift(&me).expect("an ELF file") % 4_096, 0);
    }

    #[test]
    fn inlined_functions_are_told_apart() {
        let files = parse(
            "0x0000000000001a\n/r/library/core/src/slice.rs:12\n/w/crates/wire/src/scan.rs:7 (discriminator 2)\n0x1b\n??:?\n",
        );
        assert_eq!(files[&0x1a], ["/r/library/core/src/slice.rs", "/w/crates/wire/src/scan.rs"]);
        assert_eq!(files[&0x1b], ["??"]);
    }
}
