//! What runs in the browser: few and small. Everything works without them.

mod copy;
mod live;
mod shortcuts;

pub use copy::CopyButton;
pub use live::LiveRefresh;
pub use shortcuts::{PaletteLink, Shortcuts};
