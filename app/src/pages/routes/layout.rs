//! Where the elements of a route stand in a drawing: in columns from left to right, each right of all that lead to it. An arrow that
//! goes over a column has a lane of its own there, between the boxes; one that goes back, as in a ring, goes below all. Pure.

mod columns;
#[cfg(test)]
mod tests;

use columns::Columns;

/// Width of a box, and the space between columns and between what stands in one.
pub(super) const WIDTH: u32 = 176;
const GAP: (i32, i32) = (92, 22);
/// What stands out of a box at its corners has room in it.
const MARGIN: i32 = 12;
/// Height for each output, so that their names do not meet.
pub(super) const OUTPUT: u32 = 18;
/// Space below the drawing for an arrow that goes back.
const BELOW: i32 = 12;

/// A box to place.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub(super) height: u32,
    /// The boxes that the outputs lead to; nothing for those that lead nowhere.
    pub(super) to: Vec<Option<usize>>,
}

/// A drawing's size, boxes and arrows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: i32,
    pub(super) height: i32,
    /// In the order of the parts.
    pub(super) boxes: Vec<Tile>,
    pub(super) arrows: Vec<Arrow>,
}

/// Where a box stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) height: i32,
}

/// An output, from the right side of a box to the left side of another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) from: usize,
    /// The output's number.
    pub(super) output: usize,
    /// From the first point to the second it bends, then to the third it is straight, and so on in turn; below all it is straight.
    pub(super) points: Vec<(i32, i32)>,
    /// Whether it goes below all.
    pub(super) below: bool,
}

/// An output that leads somewhere: its box and number, the box it leads to, and the height of its end over the box's top.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: usize,
    output: usize,
    to: usize,
    offset: i32,
    /// Whether it leads back, or there are too many long ones.
    below: bool,
}

/// Lays boxes out.
pub(super) fn layout(parts: &[Part]) -> Layout {
    let mut edges = edges(parts);
    let columns = Columns::new(parts, &mut edges);
    let boxes: Vec<Tile> = columns.boxes(parts);
    let bottom = boxes.iter().map(|tile| tile.y + tile.height).chain(columns.lanes_bottom()).max().unwrap_or(0);
    let mut below = 0;
    let arrows: Vec<_> = edges
        .iter()
        .enumerate()
        .map(|(nth, edge)| {
            let (from, to) = (boxes[edge.from], boxes[edge.to]);
            let start = (from.x + width(), from.y + edge.offset);
            let end = (to.x, to.y + to.height / 2);
            let mut points = vec![start];
            if edge.below {
                below += 1;
                let y = bottom + BELOW * below;
                let (right, left) = (start.0 + 8 + below % 4 * 5, (end.0 - 12 - below % 4 * 4).max(2));
                points.extend([(right, start.1), (right, y), (left, y), (left, end.1)]);
            } else {
                points.extend(columns.lanes(nth).flat_map(|(x, y)| [(x, y), (x + width(), y)]));
            }
            points.push(end);
            Arrow { from: edge.from, output: edge.output, points, below: edge.below }
        })
        .collect();
    let right = boxes.iter().map(|tile| tile.x + width()).max().unwrap_or(0);
    let room = if below > 0 { 32 } else { 0 };
    Layout { width: right + MARGIN + room, height: bottom + BELOW * below + MARGIN, boxes, arrows }
}

fn width() -> i32 {
    WIDTH.cast_signed()
}

fn edges(parts: &[Part]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, part) in parts.iter().enumerate() {
        let shown: Vec<_> = part.to.iter().enumerate().filter_map(|(output, to)| Some((output, (*to)?))).collect();
        let step = i32::try_from(part.height as usize / (shown.len() + 1)).unwrap_or(0);
        for ((output, to), nth) in shown.into_iter().zip(1..) {
            edges.push(Edge { from, output, to, offset: nth * step, below: false });
        }
    }
    edges
}
