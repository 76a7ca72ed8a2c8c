//! Pairs of APIs.
