//! Rules of this API, one by one.
