//! The request log and the figures, for those who may see them.

use domain::filter::{Cursor, Page, RequestFilter};
use domain::view::{Breakdown, Dimension, FilterChoices, Overview, RequestDetail, RequestRow, UnpricedModel};
use domain::{GatewayId, RequestId};
use store::{request_log, rollup};

use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can};

impl Control {
    /// A page of the request log, newest first.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_requests(
        &self,
        grant: &Grant<can::View>,
        filter: &RequestFilter,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<RequestRow>, ControlError> {
        Ok(request_log::list_requests(&self.inner.store, grant.team_id(), filter, cursor, limit).await?)
    }

    /// One request with its attempts, and its bodies for those who may see them.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_request(
        &self,
        grant: &Grant<can::View>,
        payloads: Option<&Grant<can::ViewPayloads>>,
        id: RequestId,
    ) -> Result<RequestDetail, ControlError> {
        let with_payloads = payloads.is_some_and(|payloads| payloads.team_id() == grant.team_id());
        let found = request_log::find_request(&self.inner.store, grant.team_id(), id, with_payloads).await;
        found.map_err(|error| missing(error, "request"))
    }

    /// What the log's filters offer.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn filter_choices(&self, grant: &Grant<can::View>) -> Result<FilterChoices, ControlError> {
        Ok(request_log::filter_choices(&self.inner.store, grant.team_id()).await?)
    }

    /// The newest request in the log of the team, or of one gateway.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn latest_request(
        &self,
        grant: &Grant<can::View>,
        gateway: Option<GatewayId>,
    ) -> Result<Option<RequestRow>, ControlError> {
        let filter = RequestFilter { gateway, ..RequestFilter::default() };
        let page = request_log::list_requests(&self.inner.store, grant.team_id(), &filter, None, 1).await?;
        Ok(page.rows.into_iter().next())
    }

    /// Whether the team ever made a request, logged or not, that figures know of.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn has_requests(&self, grant: &Grant<can::View>) -> Result<bool, ControlError> {
        Ok(rollup::has_any(&self.inner.store, grant.team_id()).await?)
    }

    /// Figures over a span, in milliseconds since 1970, the end exclusive.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn overview(
        &self,
        grant: &Grant<can::View>,
        gateway: Option<GatewayId>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Overview, ControlError> {
        Ok(rollup::overview(&self.inner.store, grant.team_id(), gateway, from_ms, to_ms).await?)
    }

    /// The models whose attempts have no known cost, in a span: most attempts first, five at most.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn unpriced(
        &self,
        grant: &Grant<can::View>,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<UnpricedModel>, ControlError> {
        Ok(rollup::unpriced(&self.inner.store, grant.team_id(), (from_ms, to_ms), 5).await?)
    }

    /// Figures over a span by two dimensions.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn breakdown(
        &self,
        grant: &Grant<can::View>,
        by: [Dimension; 2],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Breakdown, ControlError> {
        Ok(rollup::breakdown(&self.inner.store, grant.team_id(), by, from_ms, to_ms).await?)
    }
}
