//! Prices: the team's own, the price book to search in, and the forms of a price of the team's own.

mod book;
mod form;
mod list;
mod own;
mod page;
mod told;

pub(crate) use book::unusable;
pub use list::PricesPage;
pub use page::{NewPricePage, PricePage};
