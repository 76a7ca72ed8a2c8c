//! What the system knows of this process. Linux tells; elsewhere there is nothing to tell.

use super::text::{Seconds, Text};

/// Milliseconds of a clock tick in `/proc/self/stat`: the kernel's interface has a hundred ticks a second.
const TICK_MS: u64 = 10;

/// Figures of the process.
pub fn write(text: &mut Text) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    if let Some(ticks) = ticks(&read("stat")) {
        text.counter("process_cpu_seconds_total", "Processor time that the process took.").is(Seconds(ticks * TICK_MS));
    }
    let status = read("status");
    if let Some(kib) = field(&status, "VmRSS:") {
        text.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.").is(kib << 10);
    }
    if let Some(threads) = field(&status, "Threads:") {
        text.gauge("process_threads", "Threads of the process.").is(threads);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Open files and connections of the process.").is(files.count());
    }
}

/// Time in user and in kernel mode: fields 14 and 15 of `/proc/self/stat` (proc_pid_stat(5)).
fn ticks(stat: &str) -> Option<u64> {
    // The second field, the program's name, may hold anything, brackets included.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(field(14)? + field(15)?)
}

/// A number of `/proc/self/status` (proc_pid_status(5)).
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_whatever_the_program_is_called() {
        assert_eq!(ticks("42 (we) ir) S 1 42 42 0 -1 4194560 900 0 0 0 30 12 0 0 20 0 9 0 5500"), Some(42));
        assert_eq!(ticks("42 (weir) S 1"), None);
        let status = "Name:\tweir\nVmRSS:\t    2048 kB\nThreads:\t9\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:")), (Some(2_048), Some(9)));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
