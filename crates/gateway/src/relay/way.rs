//! What becomes of an answer: passed on, translated piece by piece, or taken in whole first.

use http::Method;
use wire::chat::StreamError;
use wire::usage::{Observed, from_body};

use super::head::{Form, Head};
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
    /// The content type of the streams that the gateway makes.
    pub(super) const EVENTS: &str = "text/event-stream";

    /// The way of an answer.
    pub(super) fn of(plan: &Plan, head: &Head) -> Self {
        let encoded = head.encoded;
        match &plan.translation {
            _ if head.status >= 400 && encoded => Self::Pass,
            _ if head.status >= 400 => {
                if plan.shapes_errors && plan.method == Method::POST {
                    Self::Hold(Make::Error)
                } else {
                    Self::Pass
                }
            }
            // What is compressed cannot be read, so it is no answer.
            Some(_) if encoded => Self::Hold(Make::Answer),
            Some(_) => match (head.form == Form::of_stream(plan), plan.stream) {
                (true, true) => Self::Translate,
                (true, false) => Self::Hold(Make::Assembled),
                (false, true) => Self::Hold(Make::Stream),
                (false, false) => Self::Hold(Make::Answer),
            },
            None if plan.retelling.is_some() => Self::Hold(Make::Retold),
            None => {
                let judged = plan.must_be_json && plan.method == Method::POST && head.status == 200 && !encoded;
                // Where a stream was asked for, JSON may be one too.
                let streams = head.form == Form::Events || (plan.stream && head.form == Form::Json);
                if judged && !streams { Self::Hold(Make::Same) } else { Self::Pass }
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
        Some(if streams && !list { Self::EVENTS } else { "application/json" })
    }
}

impl Make {
    /// What the caller gets for a provider's whole answer, and what was seen in it.
    pub(super) fn make(self, plan: &Plan, body: &[u8]) -> Result<(Vec<u8>, Observed), Fault> {
        if let Some(retelling) = &plan.retelling {
            return retelling.answer(body).map_err(|_| Fault::of(body));
        }
        let Some(translation) = &plan.translation else { return Err(Fault::Unreadable) };
        let (made, seen) = match self {
            Self::Answer => match translation.answer(body) {
                Ok(told) => told,
                Err(_) => match Fault::of(body) {
                    Fault::Unreadable if holds_stream(plan, body) => {
                        translation.stream_as_answer(body).map_err(Fault::BrokeOff)?
                    }
                    fault => return Err(fault),
                },
            },
            Self::Stream => translation.answer_as_stream(body).map_err(|_| Fault::of(body))?,
            Self::Assembled => translation.stream_as_answer(body).map_err(Fault::BrokeOff)?,
            Self::Same | Self::Error | Self::Retold => return Err(Fault::Unreadable),
        };
        // The reader of a family's usage knows more: what the provider charged, and each provider's own rules.
        let known = if self == Self::Assembled { None } else { translation.provider().family() };
        let observed = known.map(|family| from_body(family, body));
        Ok((made, observed.filter(|observed| observed.usage.is_some()).unwrap_or(seen)))
    }
}

/// Whether a body is a stream for which nobody asked, whatever it calls itself.
fn holds_stream(plan: &Plan, body: &[u8]) -> bool {
    let wanted = Form::of_stream(plan);
    Form::of_bytes(body, wanted, true) == Some(wanted)
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
