//! Gives every sample to a layer: a system call, a crate, or in our own crates a module.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::samples::{Frame, Sample};
use super::symbols::{self, Files};

/// Code that works for whoever calls it, and is counted there.
const HELPERS: &[&str] = &[
    "ahash",
    "bytes",
    "either",
    "foldhash",
    "futures-channel",
    "futures-core",
    "futures-util",
    "hashbrown",
    "http-body",
    "http-body-util",
    "indexmap",
    "itoa",
    "memchr",
    "once_cell",
    "parking_lot",
    "parking_lot_core",
    "pin-project-lite",
    "ryu",
    "serde",
    "serde_core",
    "slab",
    "smallvec",
    "tower",
    "tower-service",
    "want",
    "arc-swap",
];

/// Where addresses of the kernel begin.
const KERNEL: u64 = 1 << 63;

/// Knows the layers of a program's addresses.
pub struct Layers {
    files: Files,
    place: Place,
}

/// How an address that perf tells becomes one that addr2line knows.
struct Place {
    /// Where the program lay in memory.
    base: u64,
    /// See [`symbols::shift`].
    shift: u64,
}

impl Layers {
    /// `base` is where `program` lay in memory.
    pub fn of(samples: &[Sample<'_>], program: &Path, base: u64) -> Result<Self> {
        let place = Place { base, shift: symbols::shift(program)? };
        let name = program.to_string_lossy();
        let mut addresses = BTreeSet::new();
        for sample in samples {
            for (depth, frame) in sample.frames.iter().enumerate() {
                if frame.object == name {
                    addresses.insert(place.inside(frame, depth));
                }
            }
        }
        Ok(Self { files: symbols::files(program, addresses)?, place })
    }

    /// The innermost layer of a sample.
    pub fn name(&self, sample: &Sample<'_>) -> String {
        if sample.frames.first().is_some_and(|frame| frame.address >= KERNEL) {
            return kernel(&sample.frames);
        }
        let frames = sample.frames.iter().enumerate();
        let files = frames.filter_map(|(depth, frame)| self.files.get(&self.place.inside(frame, depth))).flatten();
        files.filter_map(|file| layer(file)).next().unwrap_or_else(|| "not known".to_owned())
    }
}

impl Place {
    /// The address within the program; of a caller, that of the call and not of what follows it. Some versions of perf
    /// tell places in memory, others places in the file.
    fn inside(&self, frame: &Frame<'_>, depth: usize) -> u64 {
        let whole =
            if frame.address >= self.base { frame.address - self.base } else { frame.address.wrapping_add(self.shift) };
        whole.wrapping_sub(u64::from(depth > 0))
    }
}

/// The system call, without which the kernel was there of its own accord.
fn kernel(frames: &[Frame<'_>]) -> String {
    let before =
        |gate: &str| frames.iter().position(|frame| frame.symbol.starts_with(gate)).and_then(|at| at.checked_sub(1));
    // Newer kernels have a step between the gate and the call.
    let call = before("x64_sys_call").or_else(|| before("do_syscall_64")).or_else(|| before("invoke_syscall"));
    let call = call.and_then(|at| frames.get(at)).map(|frame| frame.symbol);
    if let Some(call) =
        call.filter(|call| call.contains("_sys_") || call.starts_with("do_") || call.starts_with("ksys_"))
    {
        let prefixes = ["__x64_sys_", "__arm64_sys_", "__do_sys_", "__se_sys_", "ksys_", "do_"];
        return format!("kernel: {}", prefixes.iter().find_map(|prefix| call.strip_prefix(prefix)).unwrap_or(call));
    }
    let fault = frames.iter().any(|frame| frame.symbol.contains("page_fault"));
    if fault { "kernel: page faults".to_owned() } else { "kernel: the rest".to_owned() }
}

/// The layer that a source file belongs to; none for helpers, the standard library and what is unknown.
fn layer(file: &str) -> Option<String> {
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        let package = rest.split('/').nth(1)?;
        let (name, _) =
            package.rsplit_once('-').filter(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()))?;
        return (!HELPERS.contains(&name)).then(|| name.to_owned());
    }
    // What the standard library is made of lies in `/rust/deps`.
    if file.contains("/library/") || file.starts_with("/rust/deps/") || file.starts_with("??") {
        return None;
    }
    let (before, inside) = file.rsplit_once("/src/")?;
    let module = inside.split(['/', '.']).next()?;
    let name = before.rsplit_once("/crates/").map_or("weir", |(_, name)| name);
    Some(format!("{name}: {module}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_crates_and_ours_to_modules() {
        for (file, expected) in [
            ("/w/crates/gateway/src/settle/cost.rs", Some("gateway: settle")),
            ("/w/crates/wire/src/scan.rs", Some("wire: scan")),
            ("/w/src/listener/pace.rs", Some("weir: listener")),
            ("/c/registry/src/index.crates.io-1949cf8c6b5b557f/hyper-util-0.1.21/src/client.rs", Some("hyper-util")),
            ("/c/registry/src/index.crates.io-1949cf8c6b5b557f/bytes-1.11.0/src/bytes.rs", None),
            ("/rustc/59807616/library/core/src/slice/mod.rs", None),
            ("/rust/deps/hashbrown-0.16.1/src/map.rs", None),
            ("??", None),
        ] {
            assert_eq!(layer(file).as_deref(), expected, "{file}");
        }
    }

    #[test]
    fn the_kernel_works_for_a_system_call() {
        let frame = |symbol| Frame { address: KERNEL, symbol, object: "[kernel.kallsyms]" };
        let gate = "do_syscall_64";
        assert_eq!(kernel(&[frame("tcp_sendmsg"), frame("__x64_sys_sendto"), frame(gate)]), "kernel: sendto");
        assert_eq!(kernel(&[frame("sock_write_iter"), frame("do_writev"), frame(gate)]), "kernel: writev");
        assert_eq!(kernel(&[frame("schedule"), frame("exit_to_user_mode_loop"), frame(gate)]), "kernel: the rest");
        assert_eq!(kernel(&[frame("clear_page"), frame("asm_exc_page_fault")]), "kernel: page faults");
    }
}
