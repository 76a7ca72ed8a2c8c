//! The yardsticks that are this program again, as other processes.

use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Result;

use super::{Serves, Target, chat_door};
use crate::RunArguments;
use crate::process::{Process, pinned};

/// The bare hyper proxy.
pub fn bare(arguments: &RunArguments, mock: SocketAddr) -> Result<Target> {
    start(arguments, "bare hyper", Serves::Upstream, &["bare", "--upstream", &mock.to_string()])
}

/// The axum route that answers a constant.
pub fn constant(arguments: &RunArguments) -> Result<Target> {
    start(arguments, "axum constant", Serves::Repeats, &["constant"])
}

/// No proxy at all: what the load and the mock provider take themselves.
pub fn none(mock: Rc<Process>, address: SocketAddr) -> Target {
    Target::new("no proxy", mock, chat_door(address), Serves::Waiting)
}

fn start(arguments: &RunArguments, name: &'static str, serves: Serves, words: &[&str]) -> Result<Target> {
    let mut command = pinned(arguments.proxy_cpu, &std::env::current_exe()?);
    command.args(words);
    let (process, address) = Process::start_server(command)?;
    Ok(Target::new(name, Rc::new(process), chat_door(address), serves))
}
