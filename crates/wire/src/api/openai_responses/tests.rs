//! Rules of the API, and what is written in golden form.
