//! Answers that the gateway makes itself.

use bytes::Bytes;
use domain::ledger::Outcome;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use wire::usage::Observed;

use crate::body::Body;
use crate::headers::response;
use crate::settle::{End, Settlement};

const JSON: &str = "application/json";

/// Settles a request that needed no provider and answers it with JSON.
pub(crate) fn json(settlement: &mut Settlement, body: impl Into<Bytes>) -> Response<Body> {
    let body = body.into();
    let mut capture = settlement.capture_for_log();
    capture.push(&body);
    settlement.finish(End {
        status: 200,
        outcome: Outcome::Ok,
        code: None,
        observed: Observed { finished: true, ..Observed::default() },
        response: Some(&capture),
        response_content_type: Some(JSON),
    });
    let mut answer = Response::new(Body::whole(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response::complete(answer.headers_mut(), settlement);
    answer
}
