//! A client's connection as hyper sees it, and what outlives hyper's interest in it: the socket itself, where an answer was
//! given before the client had sent all of its request.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::http::{Request, Version};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::pace::Paces;

/// What is known of a connection beside hyper.
#[derive(Debug, Default)]
pub(super) struct Talk {
    asked: AtomicBool,
    /// Whether the latest request's body was given up before its end.
    unread: AtomicBool,
    /// The answers that are under way.
    pub(super) paces: Paces,
    /// The socket, after hyper said its last word on it and the client did not.
    left: Mutex<Option<TcpStream>>,
}

impl Talk {
    /// Notes that a request has come.
    pub(super) fn ask(self: &Arc<Self>, request: Request<Incoming>) -> Request<Upload> {
        self.asked.store(true, Ordering::Relaxed);
        self.unread.store(false, Ordering::Relaxed);
        // Over HTTP/2 one request can be given up without the others.
        let watched = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
        request.map(|body| Upload { body, talk: watched.then(|| Arc::clone(self)) })
    }

    /// Whether a request has come.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The socket of a connection that is over, where the client may be sending still: its request was answered early, or
    /// was no HTTP that hyper understands (`failed`).
    pub(super) fn take_unheard(&self, failed: bool) -> Option<TcpStream> {
        let socket = self.left.lock().unwrap_or_else(PoisonError::into_inner).take();
        socket.filter(|_| failed || self.unread.load(Ordering::Relaxed))
    }
}

/// A request's body that tells when it is given up before its end.
#[derive(Debug)]
pub(super) struct Upload {
    body: Incoming,
    /// Nothing where nobody needs to know, or everything has come.
    talk: Option<Arc<Talk>>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.talk = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(talk) = &self.talk {
            talk.unread.store(true, Ordering::Relaxed);
        }
    }
}

/// The socket while hyper has it. Dropped after hyper's last word, it hands the socket to the connection's [`Talk`].
#[derive(Debug)]
pub(super) struct Socket {
    stream: Option<TcpStream>,
    talk: Arc<Talk>,
    /// Whether we have said that no more will come from us.
    said_all: bool,
    /// Whether the client has, or is gone.
    heard_all: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, talk: Arc<Talk>) -> Self {
        Self { stream: Some(stream), talk, said_all: false, heard_all: false }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, room: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = room.filled().len();
        let read = self.stream()?.poll_read(cx, room);
        if let Poll::Ready(read) = &read {
            self.heard_all |= read.is_err() || (room.filled().len() == before && room.remaining() > 0);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(TcpStream::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.stream()?.poll_shutdown(cx);
        self.said_all |= matches!(shut, Poll::Ready(Ok(())));
        shut
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.said_all && !self.heard_all {
            *self.talk.left.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
        }
    }
}
