//! Things shown once: a text waits in memory for the session that put it there, for five minutes at most.

use crate::{Actor, Control};

impl Control {
    /// Keeps a text for the actor's session and answers the id it is found by.
    #[must_use]
    pub fn flash_put(&self, actor: &Actor, text: String) -> String {
        unimplemented!()
    }

    /// Takes the text out, once.
    #[must_use]
    pub fn flash_take(&self, actor: &Actor, id: &str) -> Option<String> {
        unimplemented!()
    }
}
