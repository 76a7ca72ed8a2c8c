//! The price book in force, and the import of another: signed by somebody who is trusted, or taken unsigned by the operator.
//! It is one for all teams, so no member of a team changes it; `weir prices` does.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use chrono::{Days, NaiveDate};
use domain::config::ImportedBook;
use serde_json::{Value, json};
use wire::price::{BadBook, BadSignature, InForce, Price, PriceBook, Unusable, Why, sum};

use crate::actor::Author;
use crate::change::Event;
use crate::{Control, ControlError};

/// A price book as somebody brings it.
#[derive(Clone, Debug, Default)]
pub struct BookImport {
    /// The bytes of its file.
    pub text: Vec<u8>,
    /// The file of its signature. None takes the book unsigned.
    pub signature: Option<String>,
    /// Whether it may be older than the one in force.
    pub older: bool,
    /// The command that asks, for the audit log.
    pub by: String,
}

/// What an import or a reset has changed.
#[derive(Clone, Debug)]
pub struct BookChange {
    /// What was in force before, and what is now.
    pub before: Arc<InForce>,
    pub after: Arc<InForce>,
    /// Prices that are new, that are others, and that are gone.
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
}

/// Why a price book was not imported.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// Its signature counts for nothing.
    #[error("{0}")]
    Signature(#[from] BadSignature),
    /// It is no price book.
    #[error("{0}")]
    Book(#[from] BadBook),
    /// It says that it is of a day that has not come.
    #[error("the price book is as of {0}, which has not come yet")]
    Future(NaiveDate),
    /// It is older than what is in force.
    #[error(
        "the price book is as of {as_of}, and the one in force as of {in_force}: an older one is taken only when asked for"
    )]
    Older { as_of: NaiveDate, in_force: NaiveDate },
    /// Everything else.
    #[error("{0}")]
    Control(#[from] ControlError),
}

impl Control {
    /// The price book in force, as the database has it. The data plane follows within a second.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn price_book(&self) -> Result<Arc<InForce>, ControlError> {
        let known = self.inner.book.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let db = self.inner.store.read();
        if known.is_of(store::price_book::version(db).await?) {
            return Ok(known);
        }
        let book = store::price_book::find(db).await?;
        let in_force = Arc::new(InForce::of(book.as_ref(), &self.inner.options.price_keys));
        *self.inner.book.lock().unwrap_or_else(PoisonError::into_inner) = in_force.clone();
        Ok(in_force)
    }

    /// Puts a price book in force for all teams: whole, or not at all.
    ///
    /// # Errors
    /// [`BookError`]; nothing was changed then.
    pub async fn import_book(&self, import: BookImport) -> Result<BookChange, BookError> {
        let BookImport { text, signature, older, by } = import;
        let signer = match &signature {
            Some(signature) => Some(self.inner.options.price_keys.signer(&text, signature)?),
            None => None,
        };
        let book = PriceBook::from_bytes(&text)?;
        let change = self.begin().await?;
        if change.now().date_naive().checked_add_days(Days::new(1)).is_some_and(|tomorrow| book.as_of() > tomorrow) {
            return Err(BookError::Future(book.as_of()));
        }
        let stored = store::price_book::find(change.tx()).await.map_err(ControlError::from)?;
        let before = Arc::new(InForce::of(stored.as_ref(), &self.inner.options.price_keys));
        let in_force = before.book().as_of();
        if book.as_of() < in_force && !older {
            return Err(BookError::Older { as_of: book.as_of(), in_force });
        }
        // The project's editions follow each other, so a newer one in the program wins; any other book is somebody's choice.
        let pinned = older || signer.is_none_or(|signer| !signer.is_project);
        let (sum, imported_at) = (sum(&text), change.now());
        let imported = ImportedBook { version: change.version(), text, sum, signature, pinned, imported_at };
        let after = Arc::new(InForce::of(Some(&imported), &self.inner.options.price_keys));
        store::price_book::replace(change.tx(), imported).await.map_err(ControlError::from)?;
        let changed = BookChange::between(before, after);
        self.commit_book(change, "price_book.import", by, &changed).await?;
        Ok(changed)
    }

    /// Goes back to the book that is part of the program. None where it is the only one there is.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn reset_book(&self, by: String) -> Result<Option<BookChange>, ControlError> {
        let change = self.begin().await?;
        let Some(stored) = store::price_book::find(change.tx()).await? else { return Ok(None) };
        store::price_book::delete(change.tx()).await?;
        let before = Arc::new(InForce::of(Some(&stored), &self.inner.options.price_keys));
        let changed = BookChange::between(before, Arc::default());
        self.commit_book(change, "price_book.reset", by, &changed).await?;
        Ok(Some(changed))
    }

    async fn commit_book(
        &self,
        change: crate::change::Change,
        action: &str,
        by: String,
        changed: &BookChange,
    ) -> Result<(), ControlError> {
        let (before, after) = (audited(&changed.before, None), audited(&changed.after, Some(changed)));
        let target = format!("price book {}", changed.after.book().as_of());
        let event = Event { team: None, action, target, before: Some(before), after: Some(after) };
        change.record(&Author { name: by, user_id: None }, event).await?;
        change.commit(self).await
    }
}

impl BookChange {
    fn between(before: Arc<InForce>, after: Arc<InForce>) -> Self {
        let by_name = |price: &'_ Price| (price.provider.clone(), price.model.clone());
        let old: HashMap<_, _> = before.book().prices().iter().map(|price| (by_name(price), price)).collect();
        let new = after.book().prices();
        let (known, added): (Vec<_>, Vec<_>) = new.iter().partition(|price| old.contains_key(&by_name(price)));
        let changed = known.iter().filter(|price| old.get(&by_name(price)).is_some_and(|old| old != *price)).count();
        let (added, removed) = (added.len(), old.len() - known.len());
        Self { before, after, added, changed, removed }
    }
}

fn audited(book: &InForce, changed: Option<&BookChange>) -> Value {
    let mut audited = json!({ "as_of": book.book().as_of(), "prices": book.book().prices().len() });
    match book.why() {
        Why::Builtin | Why::Newer { .. } => audited["signed_by"] = json!("part of the program"),
        Why::Imported { signer: Some(signer), .. } => audited["signed_by"] = json!(signer),
        Why::Imported { signer: None, .. } => audited["signed_by"] = json!("nobody"),
        Why::Fallback(unusable) => audited["unusable"] = json!(Unusable::to_string(unusable)),
    }
    if let Some(BookChange { added, changed, removed, .. }) = changed {
        audited["changes"] = json!({ "added": added, "changed": changed, "removed": removed });
    }
    audited
}
