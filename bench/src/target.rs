//! What is measured: proxies in front of the same mock provider.

mod bare;
mod nginx;
mod weir;

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;

use crate::RunArguments;
use crate::case::Case;
use crate::load::Door;
use crate::process::{Cpu, Process};

/// A proxy that runs.
pub struct Target {
    pub name: &'static str,
    pub process: Rc<Process>,
    door: Door,
    /// Where streams are asked for, if elsewhere.
    stream_door: Option<Door>,
    /// Begins the names of the threads that serve requests; empty for all.
    data_plane: &'static [&'static str],
    /// From the start of the process to its first answer, where that is measured.
    pub cold_start: Option<Duration>,
    /// Resident bytes before the first request.
    pub idle_bytes: u64,
}

impl Target {
    /// Where to send a case's requests.
    pub fn door(&self, case: Case) -> &Door {
        self.stream_door.as_ref().filter(|_| case.stream).unwrap_or(&self.door)
    }

    /// The part of the processor time that went into serving requests.
    pub fn data_plane(&self, cpu: &Cpu) -> Duration {
        let serves = |name: &str| self.data_plane.iter().any(|prefix| name.starts_with(prefix));
        if self.data_plane.is_empty() {
            return cpu.total;
        }
        cpu.threads.iter().filter(|(name, _)| serves(name)).map(|(_, spent)| spent).sum()
    }
}

/// Starts every target; the first is what the others are compared with. Files go below `dir`.
pub async fn start_all(arguments: &RunArguments, mock: SocketAddr, dir: &Path) -> Result<Vec<Target>> {
    let mut targets = vec![nginx::start(arguments, mock, dir).await?, bare::start(arguments, mock)?];
    if let Some(weir) = &arguments.weir {
        targets.extend(weir::start(weir, arguments.proxy_cpu, mock, dir).await?);
    }
    // Start-up has its own processor time and garbage.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for target in &mut targets {
        target.process.settle().await?;
        target.idle_bytes = target.process.resident()?;
    }
    Ok(targets)
}
