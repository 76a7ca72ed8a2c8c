//! Housekeeping, called hourly by the server.

use crate::{Control, ControlError};

impl Control {
    /// Removes expired sessions and whatever retention says is over.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`]; the next call tries again.
    pub async fn sweep(&self) -> Result<(), ControlError> {
        unimplemented!()
    }
}
