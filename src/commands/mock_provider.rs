//! `weir mock-provider`

use super::block_on;
use crate::cli::MockProvider;

/// Serves until interrupted.
pub fn run(arguments: MockProvider) -> Result<(), String> {
    block_on(async {
        let refused = |error| format!("--listen: cannot listen on {}: {error}", arguments.listen);
        let listener = tokio::net::TcpListener::bind(arguments.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        println!("Mock provider (a test tool) listening on http://{address}");
        mock::serve(listener, arguments.options).await.map_err(|error| error.to_string())
    })
}
