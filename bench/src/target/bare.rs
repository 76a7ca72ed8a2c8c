//! The bare hyper proxy: this program again, as another process.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Result;

use super::Target;
use crate::RunArguments;
use crate::load::Door;
use crate::process::{Process, pinned};

pub fn start(arguments: &RunArguments, mock: SocketAddr) -> Result<Target> {
    let mut command = pinned(arguments.proxy_cpu, &std::env::current_exe()?);
    command.arg("bare").arg("--upstream").arg(mock.to_string());
    let (process, address) = Process::start_server(command)?;
    Ok(Target {
        name: "bare hyper",
        process: Rc::new(process),
        door: Door { address, path: "/v1/chat/completions".into(), token: None, model: "gpt-4o-mini" },
        stream_door: None,
        data_plane: &[],
        cold_start: None,
        idle_bytes: 0,
    })
}
