//! The columns of a drawing: who stands in which, in what order, and how high.

use super::{Edge, GAP, MARGIN, Part, Tile, width};

/// Most lanes; beyond, long arrows go below all.
const MAX_LANES: usize = 3_000;
/// Height of a lane.
const LANE: i32 = 6;
/// How far apart two neighbours are, where the mean of several is taken.
const RANK: usize = 1_000;
/// How often order and heights are improved.
const ROUNDS: usize = 3;

/// What stands in a column: a box, or a lane for an arrow that goes over it.
#[derive(Clone, Debug)]
struct Node {
    column: usize,
    /// Its place in the column, from the top.
    rank: usize,
    y: i32,
    height: i32,
    /// What leads to it, with the height over its top of the end there; and what it leads to.
    before: Vec<(usize, i32)>,
    after: Vec<usize>,
}

impl Node {
    fn middle(&self) -> i32 {
        self.y + self.height / 2
    }
}

pub(super) struct Columns {
    /// The boxes first, in their order, then the lanes.
    nodes: Vec<Node>,
    /// The nodes of each column, from the top.
    columns: Vec<Vec<usize>>,
    /// The lanes of each edge, from the left.
    lanes: Vec<Vec<usize>>,
}

impl Columns {
    /// Places the boxes, and marks the edges that go below all.
    pub(super) fn new(parts: &[Part], edges: &mut [Edge]) -> Self {
        mark_rings(parts, edges);
        let of = columns_of(parts.len(), edges);
        let node = |column, height| Node { column, rank: 0, y: 0, height, before: Vec::new(), after: Vec::new() };
        let mut nodes: Vec<Node> =
            parts.iter().zip(&of).map(|(part, column)| node(*column, part.height.cast_signed())).collect();
        let mut lanes = Vec::with_capacity(edges.len());
        for edge in edges.iter_mut() {
            let between = (of[edge.from] + 1)..of[edge.to].max(of[edge.from] + 1);
            edge.below |= nodes.len() + between.len() > parts.len() + MAX_LANES;
            let mut own = Vec::new();
            if !edge.below {
                let (mut last, mut offset) = (edge.from, edge.offset);
                for column in between {
                    let lane = nodes.len();
                    nodes.push(node(column, LANE));
                    connect(&mut nodes, last, offset, lane);
                    own.push(lane);
                    (last, offset) = (lane, LANE / 2);
                }
                connect(&mut nodes, last, offset, edge.to);
            }
            lanes.push(own);
        }
        let mut columns = vec![Vec::new(); of.iter().max().map_or(0, |last| last + 1)];
        for at in by_visit(&nodes) {
            nodes[at].rank = columns[nodes[at].column].len();
            columns[nodes[at].column].push(at);
        }
        let mut placed = Self { nodes, columns, lanes };
        placed.order();
        placed.place();
        placed
    }

    pub(super) fn boxes(&self, parts: &[Part]) -> Vec<Tile> {
        let nodes = self.nodes.iter().take(parts.len());
        nodes.map(|node| Tile { x: left(node.column), y: node.y, height: node.height }).collect()
    }

    /// The lanes of an edge, by its number: the left end of each.
    pub(super) fn lanes(&self, edge: usize) -> impl Iterator<Item = (i32, i32)> {
        self.lanes[edge].iter().map(|lane| (left(self.nodes[*lane].column), self.nodes[*lane].middle()))
    }

    pub(super) fn lanes_bottom(&self) -> impl Iterator<Item = i32> {
        self.lanes.iter().flatten().map(|lane| self.nodes[*lane].y + LANE)
    }

    /// Puts what belongs together at the same height, so that few arrows cross.
    fn order(&mut self) {
        for round in 0..2 * ROUNDS + 1 {
            let last = self.columns.len();
            for nth in 0..last {
                let column = if round % 2 == 0 { nth } else { last - 1 - nth };
                let mut sorted = std::mem::take(&mut self.columns[column]);
                sorted.sort_by_cached_key(|at| {
                    let node = &self.nodes[*at];
                    // By the box, and within it by the place of the arrow's end.
                    let ranks: Vec<usize> = if round % 2 == 0 {
                        let over = |offset: &i32| usize::try_from(*offset).unwrap_or(0).min(RANK - 1);
                        node.before
                            .iter()
                            .map(|(other, offset)| self.nodes[*other].rank * RANK + over(offset))
                            .collect()
                    } else {
                        node.after.iter().map(|other| self.nodes[*other].rank * RANK).collect()
                    };
                    let mean =
                        if ranks.is_empty() { node.rank * RANK } else { ranks.iter().sum::<usize>() / ranks.len() };
                    (mean, node.rank)
                });
                for (rank, at) in sorted.iter().enumerate() {
                    self.nodes[*at].rank = rank;
                }
                self.columns[column] = sorted;
            }
        }
    }

    /// Puts everything as near as there is room to the height of what it is joined to.
    fn place(&mut self) {
        for round in 0..2 * ROUNDS + 1 {
            let last = self.columns.len();
            for nth in 0..last {
                let column = if round % 2 == 0 { nth } else { last - 1 - nth };
                self.place_column(column, round % 2 == 0);
            }
        }
        let top = self.nodes.iter().map(|node| node.y).min().unwrap_or(0);
        self.nodes.iter_mut().for_each(|node| node.y += MARGIN - top);
    }

    fn place_column(&mut self, column: usize, by_before: bool) {
        let wanted: Vec<i32> = self.columns[column].iter().map(|at| self.wanted(*at, by_before)).collect();
        let mut free = i32::MIN;
        let mut moved = 0i64;
        for (at, wanted) in self.columns[column].iter().zip(&wanted) {
            let node = &mut self.nodes[*at];
            node.y = (*wanted).max(free);
            free = node.y + node.height + GAP.1;
            moved += i64::from(node.y - wanted);
        }
        let count = i64::try_from(wanted.len().max(1)).unwrap_or(1);
        let back = i32::try_from(moved / count).unwrap_or(0);
        self.columns[column].iter().for_each(|at| self.nodes[*at].y -= back);
    }

    /// The top that something would have if it stood alone.
    fn wanted(&self, at: usize, by_before: bool) -> i32 {
        let node = &self.nodes[at];
        let heights: Vec<i32> = if by_before {
            node.before.iter().map(|(other, offset)| self.nodes[*other].y + offset).collect()
        } else {
            node.after.iter().map(|other| self.nodes[*other].middle()).collect()
        };
        match i32::try_from(heights.len()) {
            Ok(count) if count > 0 => heights.iter().sum::<i32>() / count - node.height / 2,
            _ => node.y,
        }
    }
}

fn left(column: usize) -> i32 {
    MARGIN + i32::try_from(column).unwrap_or(0) * (width() + GAP.0)
}

fn connect(nodes: &mut [Node], from: usize, offset: i32, to: usize) {
    nodes[from].after.push(to);
    nodes[to].before.push((from, offset));
}

/// Marks the edges that lead back to a box on the way to them.
fn mark_rings(parts: &[Part], edges: &mut [Edge]) {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    edges.iter().enumerate().for_each(|(nth, edge)| out[edge.from].push(nth));
    // On the way that is looked at, or done with.
    let (mut open, mut done) = (vec![false; parts.len()], vec![false; parts.len()]);
    for first in 0..parts.len() {
        if done[first] {
            continue;
        }
        open[first] = true;
        let mut way = vec![(first, 0)];
        while let Some((at, next)) = way.last_mut() {
            let Some(edge) = out[*at].get(*next).map(|nth| &mut edges[*nth]) else {
                (open[*at], done[*at]) = (false, true);
                way.pop();
                continue;
            };
            *next += 1;
            if open[edge.to] {
                edge.below = true;
            } else if !done[edge.to] {
                open[edge.to] = true;
                way.push((edge.to, 0));
            }
        }
    }
}

/// The column of each box: one more than that of the last that leads to it.
fn columns_of(count: usize, edges: &[Edge]) -> Vec<usize> {
    let forward = || edges.iter().filter(|edge| !edge.below);
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut incoming = vec![0usize; count];
    for edge in forward() {
        out[edge.from].push(edge.to);
        incoming[edge.to] += 1;
    }
    let mut columns = vec![0; count];
    let mut ready: Vec<_> = (0..count).filter(|at| incoming[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for to in &out[at] {
            columns[*to] = columns[*to].max(columns[at] + 1);
            incoming[*to] -= 1;
            if incoming[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    columns
}

/// The nodes in the order in which somebody meets them who follows the outputs from the beginning.
fn by_visit(nodes: &[Node]) -> Vec<usize> {
    let (mut order, mut seen) = (Vec::with_capacity(nodes.len()), vec![false; nodes.len()]);
    let beginnings = (0..nodes.len()).filter(|at| nodes[*at].before.is_empty());
    let mut waiting: Vec<usize> = beginnings.collect::<Vec<_>>().into_iter().rev().collect();
    while let Some(at) = waiting.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            order.push(at);
            waiting.extend(nodes[at].after.iter().rev());
        }
    }
    order.extend((0..nodes.len()).filter(|at| !seen[*at]));
    order
}
