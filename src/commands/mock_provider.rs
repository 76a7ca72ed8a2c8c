//! `weir mock-provider`

use super::block_on;

/// Serves until interrupted.
pub fn run(options: mock::Options) -> Result<(), String> {
    block_on(async {
        let listener = tokio::net::TcpListener::bind(options.listen)
            .await
            .map_err(|error| format!("--listen: cannot listen on {}: {error}", options.listen))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        println!("Mock provider (a test tool) listening on http://{address}");
        mock::serve(listener, options).await.map_err(|error| error.to_string())
    })
}
