//! The least that answers a question from memory: an axum route that reads the request and gives constant bytes, as
//! many as the mock provider's answer has. A cache hit is compared with it.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use tokio::net::TcpListener;

use crate::mock::CHAT;

/// Answers until the process ends.
pub async fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    let answer = |_: Bytes| async { ([(CONTENT_TYPE, "application/json")], CHAT.clone()) };
    let routes = Router::new().route("/v1/chat/completions", post(answer));
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        // Slower without it, and no less right.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await.context("cannot serve")
}
