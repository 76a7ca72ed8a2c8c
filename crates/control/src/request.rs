//! The request log and the figures, for those who may see them.

use domain::filter::{Cursor, Page, RequestFilter};
use domain::view::{FilterChoices, Overview, RequestDetail, RequestRow};
use domain::{GatewayId, RequestId};

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
        unimplemented!()
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
        unimplemented!()
    }

    /// What the log's filters offer.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn filter_choices(&self, grant: &Grant<can::View>) -> Result<FilterChoices, ControlError> {
        unimplemented!()
    }

    /// The newest request of the team, or of one gateway.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn latest_request(
        &self,
        grant: &Grant<can::View>,
        gateway: Option<GatewayId>,
    ) -> Result<Option<RequestRow>, ControlError> {
        unimplemented!()
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
        unimplemented!()
    }
}
