//! Why no answer's head came.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// A failed attempt to get an answer's head. The text may be shown to the caller: it names the host at most, never a
/// path, a query or a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The host's name has no address.
    #[error("the name {host} could not be resolved: {reason}")]
    Resolve { host: String, reason: String },
    /// The host is on a network that providers may not be on.
    #[error("{host} is at {address}, which is not a public address")]
    Forbidden { host: String, address: IpAddr },
    /// No address took the connection.
    #[error("{host} could not be connected to: {reason}")]
    Connect { host: String, reason: String },
    /// Name, TCP and TLS together took too long.
    #[error("connecting to {host} took longer than {} ms", after.as_millis())]
    ConnectTimeout { host: String, after: Duration },
    /// No encrypted connection came about.
    #[error("no TLS connection to {host}: {reason}")]
    Tls { host: String, reason: String },
    /// The request was sent, and nothing came for too long.
    #[error("no answer within {} ms", after.as_millis())]
    Timeout { after: Duration },
    /// The connection ended before the answer's head was complete.
    #[error("the connection was closed before an answer came")]
    Reset,
    /// What came is no HTTP, or its head is larger than allowed.
    #[error("the answer is not valid HTTP: {reason}")]
    InvalidResponse { reason: String },
    /// The request cannot be sent as it is: a method or an address that HTTP clients do not send.
    #[error("the request cannot be sent: {reason}")]
    InvalidRequest { reason: String },
}

impl SendError {
    /// Whether the provider cannot have seen the request, so that sending it again cannot make it pay twice.
    #[must_use]
    pub fn is_before_sending(&self) -> bool {
        !matches!(self, Self::Timeout { .. } | Self::Reset | Self::InvalidResponse { .. })
    }

    pub(super) fn connect(host: &str, reason: String) -> Self {
        Self::Connect { host: host.to_owned(), reason }
    }

    /// Reads hyper's error. Its text is used only where hyper made it from constants.
    pub(super) fn of(error: &hyper::Error) -> Self {
        if closed_early(error) {
            return Self::Reset;
        }
        if error.is_parse_too_large() {
            Self::InvalidResponse { reason: "the head is too large".to_owned() }
        } else if error.is_parse() {
            Self::InvalidResponse { reason: error.to_string() }
        } else if error.is_user() {
            Self::InvalidRequest { reason: error.to_string() }
        } else {
            Self::Reset
        }
    }
}

/// Whether the connection ended before a complete head came.
pub(super) fn closed_early(error: &hyper::Error) -> bool {
    let by_hyper = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    let by_system = find::<io::Error>(error).is_some_and(|fault| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
        matches!(fault.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
    });
    by_hyper || by_system
}

/// Whether the provider says that it has not begun with a request, because it has too many at once: RFC 9113, section 8.7.
pub(super) fn is_refused(error: &hyper::Error) -> bool {
    find::<h2::Error>(error)
        .is_some_and(|fault| fault.reason() == Some(h2::Reason::REFUSED_STREAM) && fault.is_remote())
}

/// The first error of a type in a chain of causes.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
