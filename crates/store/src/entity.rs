//! One entity per table; the schema itself is made by the `migrations` crate.
