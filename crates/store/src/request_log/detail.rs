//! One request with all its attempts.

use std::collections::HashMap;
use std::io::Read;

use domain::view::{AttemptDetail, PayloadView, RequestDetail};
use domain::{RequestId, TeamId};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::entity::{request, request_body};
use crate::{Store, StoreError, correction, pack};

/// Longest body shown, in bytes; bodies are cut to less before they are stored.
const MAX_BODY: u64 = 8 << 20;

/// A request of the team's log; its bodies only where `with_payload` says so.
///
/// # Errors
/// [`StoreError::NotFound`] where the team has no such request in its log.
pub async fn find_request(
    store: &Store,
    team: TeamId,
    id: RequestId,
    with_payload: bool,
) -> Result<RequestDetail, StoreError> {
    let models = request::Entity::find()
        .filter(request::Column::RequestId.eq(id.0))
        .filter(request::Column::TeamId.eq(team.0))
        .filter(Expr::cust("logged"))
        .order_by_asc(request::Column::Attempt)
        .all(store.read())
        .await?;
    if models.is_empty() {
        return Err(StoreError::NotFound);
    }
    let mut bodies = if with_payload { bodies(store, id).await? } else { HashMap::new() };
    let formulas =
        models.iter().map(|model| correction::formula(model.cost_formula.as_deref())).collect::<Result<Vec<_>, _>>()?;
    let rows = super::rows(store, models).await?;
    let mut corrections = correction::of_request(store.read(), id).await?;
    let attempts = rows.into_iter().zip(formulas).map(|(row, cost_formula)| {
        let payload = bodies.remove(&i32::from(row.attempt)).map(payload);
        let corrections = corrections.remove(&i32::from(row.attempt)).unwrap_or_default();
        AttemptDetail { row, cost_formula, corrections, payload }
    });
    Ok(RequestDetail { attempts: attempts.collect() })
}

/// By attempt. The caller has made sure that the request is the team's.
async fn bodies(store: &Store, id: RequestId) -> Result<HashMap<i32, request_body::Model>, StoreError> {
    let bodies =
        request_body::Entity::find().filter(request_body::Column::RequestId.eq(id.0)).all(store.read()).await?;
    Ok(bodies.into_iter().map(|body| (body.attempt, body)).collect())
}

fn payload(body: request_body::Model) -> PayloadView {
    let (request, request_short) = unpack(&body.request);
    let (response, response_short) = unpack(&body.response);
    PayloadView {
        request,
        response,
        request_content_type: body.request_content_type,
        response_content_type: body.response_content_type,
        request_cut: body.request_cut || request_short,
        response_cut: body.response_cut || response_short,
    }
}

/// The text of a zstd frame, and whether something of it is missing: a damaged frame shows what can be read.
fn unpack(frame: &[u8]) -> (String, bool) {
    let mut bytes = Vec::new();
    let read = pack::unpack(frame, MAX_BODY).and_then(|mut frame| frame.read_to_end(&mut bytes));
    (String::from_utf8_lossy(&bytes).into_owned(), read.is_err())
}
