//! Where it was measured, and how busy that was: without it no figure means anything.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    pub processor: String,
    kernel: String,
    /// Programs that wanted a processor in the minute before, on average.
    load_before: f64,
}

/// A machine on which something else runs is above this.
const QUIET: f64 = 0.5;

impl Machine {
    pub(super) fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let count = processors.lines().filter(|line| line.starts_with("processor")).count();
        let load = read("/proc/loadavg");
        Self {
            processor: format!("{count} × {}", model.map_or("unknown", |(_, name)| name)),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Linux {}; medians over the rounds", self.processor, self.kernel)?;
        if self.load_before > QUIET {
            write!(
                f,
                "\n\nThe machine was busy before (load {:.1}): these figures are worth little.",
                self.load_before
            )?;
        }
        Ok(())
    }
}
