//! Where the elements of a route stand in a drawing: in layers from left to right, each right of all that lead to it. Pure.

use route::Graph;

/// Width and least height of a box, and the space between layers and between the boxes of one.
pub(super) const WIDTH: u32 = 168;
const HEIGHT: u32 = 48;
/// Height for each output, so that their names do not meet.
const OUTPUT: u32 = 16;
const GAP: (u32, u32) = (88, 20);
const MARGIN: u32 = 4;

/// A drawing's size, boxes and arrows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    /// In the order of the elements.
    pub(super) boxes: Vec<Tile>,
    pub(super) arrows: Vec<Arrow>,
}

/// Where an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tile {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) height: u32,
}

/// An output, from the right side of a box to the left side of another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) name: String,
    pub(super) from: (u32, u32),
    pub(super) to: (u32, u32),
}

/// Lays a route out. Outputs that lead nowhere are left out.
pub(super) fn layout(graph: &Graph) -> Layout {
    let place = |id: &str| graph.elements.iter().position(|element| element.id == id);
    let edges: Vec<Vec<usize>> = graph
        .elements
        .iter()
        .map(|element| element.outputs.iter().filter_map(|output| place(&output.to)).collect())
        .collect();
    let layers = layers(&edges);
    let mut bottoms = vec![MARGIN; layers.iter().max().map_or(0, |last| last + 1)];
    let boxes: Vec<_> = layers
        .iter()
        .zip(&edges)
        .map(|(layer, outputs)| {
            let (x, y) = (MARGIN + scaled(*layer, WIDTH + GAP.0), bottoms[*layer]);
            let height = HEIGHT.max(scaled(outputs.len() + 1, OUTPUT));
            bottoms[*layer] += height + GAP.1;
            Tile { x, y, height }
        })
        .collect();
    let mut arrows = Vec::new();
    for (element, from) in graph.elements.iter().zip(&boxes) {
        let shown: Vec<_> = element.outputs.iter().filter_map(|output| Some((output, place(&output.to)?))).collect();
        for (nth, (output, to)) in (1..).zip(&shown) {
            let (to, step) = (boxes[*to], from.height / scaled(shown.len() + 1, 1));
            let from = (from.x + WIDTH, from.y + nth * step);
            arrows.push(Arrow { name: output.name.clone(), from, to: (to.x, to.y + to.height / 2) });
        }
    }
    let width = scaled(bottoms.len(), WIDTH + GAP.0).saturating_sub(GAP.0) + 2 * MARGIN;
    let height = bottoms.iter().max().map_or(0, |bottom| bottom - GAP.1) + MARGIN;
    Layout { width, height, boxes, arrows }
}

/// The layer of each element: one more than that of the last that leads to it. Rings come to the end.
fn layers(edges: &[Vec<usize>]) -> Vec<usize> {
    let mut incoming = vec![0usize; edges.len()];
    edges.iter().flatten().for_each(|to| incoming[*to] += 1);
    let mut layers = vec![0; edges.len()];
    let mut ready: Vec<_> = (0..edges.len()).filter(|at| incoming[*at] == 0).collect();
    let mut placed = vec![false; edges.len()];
    while let Some(at) = ready.pop() {
        placed[at] = true;
        for to in &edges[at] {
            layers[*to] = layers[*to].max(layers[at] + 1);
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    let last = layers.iter().max().map_or(0, |last| last + 1);
    layers.into_iter().zip(placed).map(|(layer, placed)| if placed { layer } else { last }).collect()
}

fn scaled(count: usize, by: u32) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(elements: &str) -> Layout {
        layout(&route::read(elements, &()).graph.expect("elements"))
    }

    #[test]
    fn each_element_stands_right_of_those_that_lead_to_it() {
        let layout = of(r#"[{"id":"e","type":"end"},
            {"id":"s","type":"start","outputs":{"next":{"elementId":"a"}}},
            {"id":"a","type":"model","properties":{"provider":"p","model":"a"},"outputs":{"success":{"elementId":"e"},"fallback":{"elementId":"b"}}},
            {"id":"b","type":"model","properties":{"provider":"p","model":"b"},"outputs":{"success":{"elementId":"e"},"fallback":{"elementId":"gone"}}}]"#);
        let columns: Vec<_> = layout.boxes.iter().map(|place| (place.x - 4) / 256).collect();
        assert_eq!(columns, [3, 0, 1, 2]);
        assert_eq!(
            layout.arrows.iter().map(|arrow| arrow.name.as_str()).collect::<Vec<_>>(),
            ["next", "success", "fallback", "success"]
        );
        assert!(layout.arrows.iter().all(|arrow| arrow.from.0 < arrow.to.0 && arrow.to.0 < layout.width));
        assert_eq!(layout.height, 48 + 8);
    }

    #[test]
    fn boxes_of_one_layer_do_not_meet_and_rings_are_drawn() {
        let layout = of(r#"[{"id":"s","type":"start","outputs":{"next":{"elementId":"a"}}},{"id":"x","type":"end"},
            {"id":"a","type":"model","properties":{"provider":"p","model":"a"},"outputs":{"fallback":{"elementId":"b"}}},
            {"id":"b","type":"model","properties":{"provider":"p","model":"b"},"outputs":{"fallback":{"elementId":"a"}}}]"#);
        let mut boxes = layout.boxes.clone();
        boxes.sort_unstable();
        boxes.dedup();
        assert_eq!(boxes.len(), 4);
        assert!(
            layout.boxes.iter().all(|place| place.x + WIDTH <= layout.width && place.y + place.height <= layout.height)
        );
    }
}
