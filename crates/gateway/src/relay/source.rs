//! A provider's body, at whose beginning somebody may have looked before it is passed on.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use serde::de::IgnoredAny;
use tokio::time::timeout_at;
use wire::chat::StreamError;

use super::clock::Clock;
use super::head::{Form, MOST_LOOKED_AT};
use crate::error::Refusal;
use crate::upstream::Incoming;

/// The body.
pub(super) struct Source {
    /// What was looked at and has not been handed out.
    first: Bytes,
    rest: Incoming,
    ended: bool,
}

impl Source {
    pub(super) fn new(rest: Incoming) -> Self {
        Self { first: Bytes::new(), rest, ended: false }
    }

    /// The next bytes; none at the end. Trailers of HTTP say nothing that anybody needs.
    ///
    /// # Errors
    /// `upstream_timeout`, `upstream_reset`.
    pub(super) async fn next(&mut self, clock: &mut Clock, provider: &str) -> Result<Option<Bytes>, Refusal> {
        loop {
            match timeout_at(clock.next(), self.frame()).await {
                Err(_) => return Err(Refusal::upstream_timeout(provider)),
                Ok(Some(Err(_))) => return Err(Refusal::upstream_reset(provider)),
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => {
                    clock.touch();
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// Waits for a stream's first event, of whatever kind it is made; comments are none. What `is_whole` is no stream but one value, for
    /// which it waits while that is short. Tells the error that it is, if it is one. The bytes come again.
    ///
    /// # Errors
    /// As [`Source::next`]; a stream without any event is `upstream_reset`, what is no value `upstream_invalid`.
    pub(super) async fn begin(
        &mut self,
        (form, is_whole): (Form, bool),
        clock: &mut Clock,
        provider: &str,
    ) -> Result<Option<StreamError>, Refusal> {
        let mut seen = Vec::new();
        loop {
            let more = self.next(clock, provider).await?;
            if is_whole && more.is_none() {
                serde_json::from_slice::<IgnoredAny>(&seen).map_err(|_| Refusal::upstream_invalid(provider))?;
                let error = wire::api::failure(&seen);
                self.first = seen.into();
                return Ok(error);
            }
            let Some(more) = more else { return Err(Refusal::upstream_reset(provider)) };
            seen.extend_from_slice(&more);
            let first = if is_whole { None } else { first_event(form, &seen) };
            if first.is_some() || seen.len() >= MOST_LOOKED_AT {
                let error = first.and_then(wire::api::failure);
                self.first = seen.into();
                return Ok(error);
            }
        }
    }

    /// Waits for as many bytes as tell what the body is made of, where a stream of `wanted` is hoped for. They come again.
    ///
    /// # Errors
    /// As [`Source::next`].
    pub(super) async fn look(&mut self, wanted: Form, clock: &mut Clock, provider: &str) -> Result<Form, Refusal> {
        let mut seen = Vec::new();
        loop {
            let more = self.next(clock, provider).await?;
            seen.extend_from_slice(more.as_deref().unwrap_or_default());
            if let Some(form) = Form::of_bytes(&seen, wanted, more.is_none()) {
                self.first = seen.into();
                return Ok(form);
            }
        }
    }
}

/// The text of a stream's first event, once it is there; empty where it cannot be read.
fn first_event(form: Form, seen: &[u8]) -> Option<&[u8]> {
    match form {
        Form::Events => {
            let mut lines = seen.split_inclusive(|byte| matches!(byte, b'\n' | b'\r'));
            let line =
                lines.find_map(|line| line.strip_prefix(b"data:").filter(|line| !line.trim_ascii().is_empty()))?;
            line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')).then_some(line)
        }
        Form::Lines => seen
            .split_inclusive(|byte| *byte == b'\n')
            .find(|line| !line.trim_ascii().is_empty() && line.ends_with(b"\n")),
        Form::Frames | Form::Json | Form::Other => (!seen.is_empty()).then_some(&[]),
    }
}

impl Body for Source {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.rest).poll_frame(cx);
        self.ended = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && (self.ended || self.rest.is_end_stream())
    }
}
