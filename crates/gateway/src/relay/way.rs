//! What becomes of an answer: passed on, translated piece by piece, or taken in whole first.

use http::Method;
use wire::chat::StreamError;
use wire::translate::Translation;
use wire::usage::{Observed, StreamWatch, from_body};

use crate::plan::Plan;

/// What happens to an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It passes as it comes.
    Pass,
    /// A stream, translated event by event.
    Translate,
    /// It is taken in whole, and something is made of it.
    Hold(Make),
}

/// What is made of an answer that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Make {
    /// Itself, where it is JSON.
    Same,
    /// The caller's answer.
    Answer,
    /// The caller's stream, where the provider would not stream.
    Stream,
    /// The caller's answer, where the provider would only stream.
    Assembled,
    /// The caller's error.
    Error,
    /// The caller's answer, of an endpoint beside chat.
    Retold,
}

impl Way {
    /// The way of an answer, by its head.
    pub(super) fn of(plan: &Plan, status: u16, content_type: Option<&str>, encoded: bool) -> Self {
        let kind = content_type.unwrap_or_default();
        match &plan.translation {
            _ if status >= 400 && encoded => Self::Pass,
            _ if status >= 400 => {
                if plan.shapes_errors && plan.method == Method::POST {
                    Self::Hold(Make::Error)
                } else {
                    Self::Pass
                }
            }
            // What is compressed cannot be read, so it is no answer.
            Some(_) if encoded => Self::Hold(Make::Answer),
            Some(translation) => {
                let streams = is_kind(kind, translation.provider().stream_type());
                match (streams, plan.stream) {
                    (true, true) => Self::Translate,
                    (true, false) => Self::Hold(Make::Assembled),
                    (false, true) => Self::Hold(Make::Stream),
                    (false, false) => Self::Hold(Make::Answer),
                }
            }
            None if plan.retelling.is_some() => Self::Hold(Make::Retold),
            None => {
                let held = plan.must_be_json && plan.method == Method::POST && status == 200;
                if held && !encoded && !is_events(kind) { Self::Hold(Make::Same) } else { Self::Pass }
            }
        }
    }

    /// The content type of what the caller gets, where it is not the provider's. That of an error depends on whether it
    /// has to be changed; both kinds are JSON.
    pub(super) fn content_type(self, plan: &Plan) -> Option<&'static str> {
        let streams = match self {
            Self::Pass | Self::Hold(Make::Same | Make::Error) => return None,
            Self::Translate | Self::Hold(Make::Stream) => true,
            Self::Hold(Make::Answer | Make::Assembled | Make::Retold) => false,
        };
        let list = plan.translation.as_ref().is_some_and(wire::translate::Translation::is_list);
        Some(if streams && !list { "text/event-stream" } else { "application/json" })
    }
}

impl Make {
    /// What the caller gets for a provider's whole answer, and what was seen in it.
    pub(super) fn make(self, plan: &Plan, body: &[u8]) -> Result<(Vec<u8>, Observed), Fault> {
        if let Some(retelling) = &plan.retelling {
            return retelling.answer(body).map_err(|_| Fault::of(body));
        }
        let Some(translation) = &plan.translation else { return Err(Fault::Unreadable) };
        let events = holds_events(body);
        let (made, seen) = match self {
            Self::Answer | Self::Assembled if events => translation.stream_as_answer(body).map_err(Fault::BrokeOff)?,
            Self::Stream if events => whole_stream(translation, body)?,
            Self::Answer => translation.answer(body).map_err(|_| Fault::of(body))?,
            Self::Stream => translation.answer_as_stream(body).map_err(|_| Fault::of(body))?,
            Self::Assembled => translation.stream_as_answer(body).map_err(Fault::BrokeOff)?,
            Self::Same | Self::Error | Self::Retold => return Err(Fault::Unreadable),
        };
        // The reader of a family's usage knows more: what the provider charged, and each provider's own rules.
        let known = if self == Self::Assembled { None } else { translation.provider().family() };
        let observed = known.filter(|_| !events).map(|family| from_body(family, body));
        Ok((made, observed.filter(|observed| observed.usage.is_some()).unwrap_or(seen)))
    }
}

/// A stream that came under another name, and was taken in as a whole for it.
fn whole_stream(translation: &Translation, body: &[u8]) -> Result<(Vec<u8>, Observed), Fault> {
    let mut stream = translation.stream().map_err(|_| Fault::Unreadable)?;
    let mut out = Vec::new();
    stream.push(body, &mut out);
    stream.finish(&mut out);
    let seen = stream.observed().clone();
    let family = translation.provider().family();
    let watched = family.map(|family| {
        let mut watch = StreamWatch::new(family);
        watch.push(body);
        Observed { error: seen.error, ..watch.finish() }
    });
    Ok((out, watched.unwrap_or(seen)))
}

/// Why nothing could be made of an answer.
pub(super) enum Fault {
    /// It is no answer in the provider's API.
    Unreadable,
    /// It is an error, whatever its status says.
    Failed(StreamError),
    /// It is a stream that broke off, or says itself that it failed after it had begun.
    BrokeOff(StreamError),
}

impl Fault {
    /// What is wrong with a body that is no answer.
    fn of(body: &[u8]) -> Self {
        wire::api::failure(body).map_or(Self::Unreadable, Self::Failed)
    }
}

/// Whether a content type is that of server-sent events.
pub(super) fn is_events(content_type: &str) -> bool {
    is_kind(content_type, "text/event-stream")
}

/// Whether a body is a stream of events, whatever it calls itself.
pub(super) fn holds_events(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    [&b"data:"[..], b"event:", b":"].iter().any(|begin| body.starts_with(begin))
}

fn is_kind(content_type: &str, kind: &str) -> bool {
    content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(kind)
}
