//! The writer's own connection to the database, and the short way over it that a batch goes where nothing is unusual.

use super::batch::Prepared;
use super::{postgres, sqlite};
use crate::spool::SpoolId;
use crate::{Store, StoreError};

/// The connection, by the database's kind.
pub(super) enum Direct {
    Sqlite(Box<sqlite::Direct>),
    Postgres(postgres::Direct),
}

impl Direct {
    /// Nothing for SQLite in memory, to which there is no second connection.
    ///
    /// # Errors
    /// The store cannot say where its database is.
    pub(super) async fn of(store: &Store) -> Result<Option<Self>, StoreError> {
        if let Some(direct) = postgres::Direct::of(store) {
            return Ok(Some(Self::Postgres(direct)));
        }
        Ok(sqlite::Direct::of(store).await?.map(|direct| Self::Sqlite(Box::new(direct))))
    }

    /// Writes a batch in one transaction. Tells whether it did: otherwise nothing has changed, or what became of it is unknown,
    /// which the careful way finds out.
    ///
    /// # Errors
    /// The database cannot be reached, or not at the moment.
    pub(super) async fn write(
        &mut self,
        store: &Store,
        spool: SpoolId,
        prepared: &Prepared,
    ) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(direct) => {
                let _turn = store.turn().await?;
                Ok(direct.write(spool, prepared))
            }
            Self::Postgres(direct) => direct.write(store, spool, prepared).await,
        }
    }

    /// Ends the connection well.
    pub(super) async fn close(self, store: &Store) {
        if let Self::Postgres(direct) = self {
            direct.close(store).await;
        }
    }
}
