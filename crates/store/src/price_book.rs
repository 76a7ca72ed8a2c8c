//! The price book that was imported. There is at most one.

use domain::config::ImportedBook;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QuerySelect};

use crate::entity::price_book::{ActiveModel, Column, Entity};
use crate::{StoreError, WriteTx};

/// The only row.
const ROW: i64 = 1;

/// The book.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find(db: &impl ConnectionTrait) -> Result<Option<ImportedBook>, StoreError> {
    let row = Entity::find_by_id(ROW).one(db).await?;
    Ok(row.map(|row| ImportedBook {
        version: row.version,
        text: row.text,
        sum: row.sum,
        signature: row.signature,
        pinned: row.pinned,
        imported_at: row.imported_at,
    }))
}

/// The configuration version that its import made, without the book: that is how to see whether there is another.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn version(db: &impl ConnectionTrait) -> Result<Option<i64>, StoreError> {
    let version = Entity::find_by_id(ROW).select_only().column(Column::Version);
    Ok(version.into_tuple().one(db).await?)
}

/// Puts a book in the place of the one that is there.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn replace(tx: &WriteTx, book: ImportedBook) -> Result<(), StoreError> {
    delete(tx).await?;
    let row = ActiveModel {
        id: Set(ROW),
        version: Set(book.version),
        text: Set(book.text),
        sum: Set(book.sum),
        signature: Set(book.signature),
        pinned: Set(book.pinned),
        imported_at: Set(book.imported_at),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes the book.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete(tx: &WriteTx) -> Result<(), StoreError> {
    Entity::delete_by_id(ROW).exec(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::config::load_config;
    use crate::secrets::Sealer;
    use crate::{Store, db_test};

    fn book(version: i64, signature: Option<&str>) -> ImportedBook {
        ImportedBook {
            version,
            text: vec![b'{', 0, 0xff, b'}'],
            sum: vec![7; 32],
            signature: signature.map(str::to_owned),
            pinned: signature.is_none(),
            imported_at: DateTime::from_timestamp(1_790_000_000, 0).expect("a moment"),
        }
    }

    async fn loaded(store: &Store) -> Option<ImportedBook> {
        load_config(store, &Sealer::new([7; 32])).await.expect("loaded").book
    }

    db_test! {
        async fn there_is_one_imported_book_and_it_reaches_the_configuration(store: Store) {
            assert_eq!((loaded(&store).await, version(store.read()).await.expect("read")), (None, None));
            for book in [book(3, Some("signature")), book(4, None)] {
                let tx = store.write_tx().await.expect("a transaction");
                replace(&tx, book.clone()).await.expect("written");
                tx.commit().await.expect("committed");
                assert_eq!(version(store.read()).await.expect("read"), Some(book.version));
                assert_eq!(find(store.read()).await.expect("read").as_ref(), Some(&book));
                assert_eq!(loaded(&store).await, Some(book));
            }
            let tx = store.write_tx().await.expect("a transaction");
            delete(&tx).await.expect("deleted");
            tx.commit().await.expect("committed");
            assert_eq!(loaded(&store).await, None);
        }
    }
}
