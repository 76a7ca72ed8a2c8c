//! The dashboard's own components. They exist on the server only; what moves is in [`crate::islands`].

mod confirm;
mod field;
mod figure;
mod form;
pub mod format;
mod icon;
mod load;
mod notice;
mod page;
mod range;
mod secret;
mod status;
mod table;

pub use confirm::{Confirm, DangerZone};
pub use field::{Checkbox, Field, Fieldset, Select, TextArea};
pub use figure::{Duration, Money, Time, Tokens};
pub use form::{FormErrors, FormState, PostForm, SubmitButton};
pub use icon::{Icon, Symbol};
pub use load::{ErrorPage, load};
pub use notice::{EmptyState, Notice, Saved, Tone};
pub use page::{Page, Tabs};
pub use range::{Range, RangePicker, moment};
pub use secret::{CopyBox, SecretBox};
pub use status::{Badge, StatusDot};
pub use table::{Pager, Table};
