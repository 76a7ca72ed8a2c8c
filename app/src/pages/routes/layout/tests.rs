use super::{Layout, Part, WIDTH, layout, width};

fn part(height: u32, to: &[usize]) -> Part {
    Part { height, to: to.iter().copied().map(Some).collect() }
}

/// Whether each arrow keeps away from all boxes but its own two, and no two boxes meet.
fn check(layout: &Layout) {
    for (nth, one) in layout.boxes.iter().enumerate() {
        assert!(one.x >= 0 && one.y >= 0 && one.x + width() <= layout.width && one.y + one.height <= layout.height);
        for other in layout.boxes.iter().skip(nth + 1).filter(|other| other.x == one.x) {
            assert!(one.y + one.height < other.y || other.y + other.height < one.y, "{one:?} meets {other:?}");
        }
    }
    for arrow in &layout.arrows {
        for pair in arrow.points.windows(2) {
            let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
            for tile in &layout.boxes {
                let beside = x2.max(x1) <= tile.x || x1.min(x2) >= tile.x + width();
                let over = y1.max(y2) < tile.y || y1.min(y2) > tile.y + tile.height;
                assert!(beside || over, "{arrow:?} goes behind {tile:?}");
            }
        }
        assert!(arrow.points.iter().all(|(x, y)| (0..=layout.width).contains(x) && (0..=layout.height).contains(y)));
    }
}

#[test]
fn each_element_stands_right_of_those_that_lead_to_it() {
    let parts = [part(48, &[]), part(48, &[2]), part(54, &[0, 3]), Part { height: 48, to: vec![Some(0), None] }];
    let layout = layout(&parts);
    let columns: Vec<_> = layout.boxes.iter().map(|tile| (tile.x - 12) / 268).collect();
    assert_eq!(columns, [3, 0, 1, 2]);
    let arrows: Vec<_> = layout.arrows.iter().map(|arrow| (arrow.from, arrow.output)).collect();
    assert_eq!(arrows, [(1, 0), (2, 0), (2, 1), (3, 0)]);
    check(&layout);
}

#[test]
fn an_arrow_over_a_column_goes_around_its_boxes() {
    // From the first to the last, over two boxes.
    let layout = layout(&[part(48, &[1, 3]), part(48, &[2]), part(48, &[3]), part(48, &[])]);
    let long = layout.arrows.iter().find(|arrow| arrow.output == 1).expect("drawn");
    assert_eq!(long.points.len(), 6);
    check(&layout);
}

#[test]
fn arrows_of_one_box_do_not_cross() {
    // A condition before a balance and a split, whose last output leads far.
    let outputs: [&[usize]; 11] =
        [&[1], &[5, 2], &[3, 4, 9], &[8, 9], &[8], &[6, 7, 9], &[10], &[10], &[10, 9], &[10], &[]];
    let layout = layout(&outputs.map(|to| part(72, to)));
    for from in [1, 2, 5] {
        let ends: Vec<_> =
            layout.arrows.iter().filter(|arrow| arrow.from == from).map(|arrow| arrow.points[1].1).collect();
        assert!(ends.is_sorted(), "from {from}: {ends:?}");
    }
    check(&layout);
}

#[test]
fn rings_are_drawn_below_all() {
    let layout = layout(&[part(48, &[1]), part(48, &[2, 1]), part(48, &[1]), part(48, &[])]);
    let below: Vec<_> =
        layout.arrows.iter().filter(|arrow| arrow.below).map(|arrow| (arrow.from, arrow.output)).collect();
    assert_eq!(below, [(1, 1), (2, 0)]);
    check(&layout);
}

#[test]
fn any_graph_is_drawn_without_an_arrow_behind_a_box() {
    let mut number = 7u64;
    let mut random = |below: usize| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(number >> 33).expect("small") % below
    };
    for _ in 0..200 {
        let count = 1 + random(14);
        let parts: Vec<_> = (0..count)
            .map(|_| {
                let to = (0..random(4)).map(|_| Some(random(count))).collect();
                Part { height: 48 + 16 * u32::try_from(random(4)).expect("small"), to }
            })
            .collect();
        check(&layout(&parts));
    }
}

#[test]
fn the_largest_route_is_drawn_in_bounds() {
    // Each leads to all behind it, as far as an element has outputs.
    let parts: Vec<_> = (0..200usize)
        .map(|at| part(600, &(at + 1..200).rev().take(31).chain((at + 1 < 200).then_some(at + 1)).collect::<Vec<_>>()))
        .collect();
    let layout = layout(&parts);
    assert_eq!(layout.boxes.len(), 200);
    assert!(layout.arrows.iter().map(|arrow| arrow.points.len()).sum::<usize>() < 50_000);
    assert!(
        layout
            .boxes
            .iter()
            .all(|tile| tile.y + tile.height <= layout.height && tile.x + WIDTH.cast_signed() <= layout.width)
    );
}

#[test]
fn nothing_is_drawn_of_nothing() {
    assert!(layout(&[]).boxes.is_empty());
}
