//! Charts as SVG made on the server: round ticks, UTC times, one colour per meaning. A chart is complete without
//! scripts; the island in `hover` adds the line that follows the pointer, and zooming by dragging.
//!
//! A plot has no fixed width. Gridlines and labels are placed in percent, and shapes live in a nested `<svg>` that is
//! stretched, with strokes that are not: so text keeps its size on every screen, and no style attribute is needed.

use serde::{Deserialize, Serialize};

mod hover;
#[cfg(feature = "ssr")]
mod path;
#[cfg(feature = "ssr")]
mod scale;
#[cfg(feature = "ssr")]
mod spec;
#[cfg(feature = "ssr")]
mod unit;
#[cfg(feature = "ssr")]
mod view;

pub use hover::{ChartHover, HoverSeries};
#[cfg(feature = "ssr")]
pub use spec::{ChartSpec, Kind, Series, Tone};
#[cfg(feature = "ssr")]
pub use unit::Unit;
#[cfg(feature = "ssr")]
pub use view::{Chart, Share};

/// Where a chart leads when a step is clicked or a span is dragged over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The request log, without query.
    pub requests: String,
    /// The page with the chart, without query.
    pub zoom: String,
    /// What both keep of the query, such as `gateway=main`; may be empty.
    pub keep: String,
}
