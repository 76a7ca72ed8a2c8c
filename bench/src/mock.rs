//! A provider that answers with constant bytes: a chat completion of 1 KB, or a stream of 200 events, each of them sent
//! on its own as a model's words are. A stream that is asked for with a pace has events that say when they were sent.

mod paced;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};

use crate::case::{pace, prose};
use crate::serve;
use paced::Paced;
pub use paced::SENT_AT;

/// Events of a stream that carry words.
pub const EVENTS: usize = 200;

pub static CHAT: LazyLock<Bytes> = LazyLock::new(|| {
    let answer = |content: &str| {
        format!(
            r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1780000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":200,"completion_tokens":100,"total_tokens":300,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}}}}"#
        )
    };
    let content = prose(1_024 - answer("").len());
    Bytes::from(answer(&content))
});

/// The events, then the usage (the gateway asks for it and takes it out again), then the end.
static STREAM: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let word = event(r#""choices":[{"index":0,"delta":{"content":" water"},"logprobs":null,"finish_reason":null}]"#);
    let mut events = vec![word; EVENTS];
    events.extend(last_events());
    events
});

fn event(rest: &str) -> Bytes {
    Bytes::from(format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_bench\",{rest}}}\n\n"
    ))
}

/// What ends every stream.
fn last_events() -> [Bytes; 3] {
    [
        event(r#""choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]"#),
        event(r#""choices":[],"usage":{"prompt_tokens":200,"completion_tokens":200,"total_tokens":400}"#),
        Bytes::from_static(b"data: [DONE]\n\n"),
    ]
}

/// Answers until the process ends.
pub async fn serve(listen: SocketAddr) -> Result<()> {
    serve::serve(listen, answer).await
}

async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, Box<dyn std::error::Error + Send + Sync>> {
    let body = request.into_body().collect().await?.to_bytes();
    let head = &body[..body.len().min(256)];
    let stream = head.windows(13).any(|bytes| bytes == br#""stream":true"#);
    let (content_type, answer) = if let Some((pause, events)) = pace(&String::from_utf8_lossy(head)) {
        ("text/event-stream", Answer::Paced(Paced::new(pause, events)))
    } else if stream {
        ("text/event-stream", Answer::Stream { next: 0, wait: false })
    } else {
        ("application/json", Answer::Whole(Some(CHAT.clone())))
    };
    let mut response = Response::new(answer);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

/// The answer's body.
enum Answer {
    Whole(Option<Bytes>),
    /// `wait` makes hyper write each event before it asks for the next.
    Stream {
        next: usize,
        wait: bool,
    },
    Paced(Paced),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { wait, .. } if *wait => {
                *wait = false;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Stream { next, wait } => {
                let event = STREAM.get(*next).cloned();
                *next += 1;
                *wait = true;
                Poll::Ready(event.map(|event| Ok(Frame::data(event))))
            }
            Self::Paced(paced) => paced.poll_event(context).map(|event| event.map(|event| Ok(Frame::data(event)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream { .. } | Self::Paced(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_the_cases_say() {
        assert_eq!(CHAT.len(), 1_024);
        serde_json::from_slice::<serde_json::Value>(&CHAT).expect("JSON");
        assert_eq!(STREAM.len(), EVENTS + 3);
        for event in STREAM.iter().take(EVENTS + 2) {
            let json = event.strip_prefix(b"data: ").and_then(|rest| rest.strip_suffix(b"\n\n")).expect("an event");
            serde_json::from_slice::<serde_json::Value>(json).expect("JSON");
        }
    }
}
