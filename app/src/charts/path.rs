//! Shapes of a plot as SVG path data, in a coordinate system that is [`WIDTH`] wide whatever the screen.

use std::fmt::Write;

use super::scale::Scale;

/// Width of the coordinate system.
pub const WIDTH: f64 = 1000.0;
/// Share of a step's width that stays empty between columns.
const GAP: f64 = 0.22;

/// The middle of a step.
fn centre(step: usize, steps: usize) -> f64 {
    (step as f64 + 0.5) / steps as f64 * WIDTH
}

/// A line through the middle of each step. It breaks where nothing was measured, and leaves lone values to [`dots`].
#[must_use]
pub fn line(values: &[Option<f64>], scale: &Scale, height: f64) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (step, value) in values.iter().enumerate() {
        let Some(value) = value.filter(|_| !is_lone(values, step)) else {
            drawing = false;
            continue;
        };
        let (x, y) = (centre(step, values.len()), scale.y(value, height));
        let command = if drawing { 'L' } else { 'M' };
        append(&mut path, format_args!("{command}{x:.1} {y:.1}"));
        drawing = true;
    }
    path
}

/// A dot for each value without neighbours, which no line would show: paths of no length, drawn with round caps.
#[must_use]
pub fn dots(values: &[Option<f64>], scale: &Scale, height: f64) -> String {
    let mut path = String::new();
    for (step, value) in values.iter().enumerate().filter(|(step, _)| is_lone(values, *step)) {
        let (x, y) = (centre(step, values.len()), scale.y(value.unwrap_or(0.0), height));
        append(&mut path, format_args!("M{x:.1} {y:.1}h0.01"));
    }
    path
}

fn is_lone(values: &[Option<f64>], step: usize) -> bool {
    let measured = |step: Option<usize>| step.and_then(|step| values.get(step).copied().flatten()).is_some();
    measured(Some(step)) && !measured(step.checked_sub(1)) && !measured(step.checked_add(1))
}

/// The space between a line and the bottom.
#[must_use]
pub fn area(values: &[Option<f64>], scale: &Scale, height: f64) -> String {
    let mut path = String::new();
    let mut start = 0;
    while start < values.len() {
        let length = values[start..].iter().take_while(|value| value.is_some()).count();
        if length > 1 {
            append(&mut path, format_args!("M{:.1} {height:.1}", centre(start, values.len())));
            for (step, value) in values.iter().enumerate().skip(start).take(length) {
                let y = scale.y(value.unwrap_or(0.0), height);
                append(&mut path, format_args!("L{:.1} {y:.1}", centre(step, values.len())));
            }
            append(&mut path, format_args!("L{:.1} {height:.1}Z", centre(start + length - 1, values.len())));
        }
        start += length.max(1);
    }
    path
}

/// Columns that stand on `floor`, which is raised by their values: call it once a layer, from the bottom up.
#[must_use]
pub fn columns(values: &[Option<f64>], floor: &mut Vec<f64>, scale: &Scale, height: f64) -> String {
    floor.resize(values.len().max(floor.len()), 0.0);
    let step_width = WIDTH / values.len().max(1) as f64;
    let width = step_width * (1.0 - GAP);
    let mut path = String::new();
    for (step, value) in values.iter().enumerate() {
        let value = value.unwrap_or(0.0);
        if value <= 0.0 {
            continue;
        }
        let bottom = scale.y(floor[step], height);
        floor[step] += value;
        // One unit at least, so that a single error beside a million requests can be seen.
        let tall = (bottom - scale.y(floor[step], height)).max(1.0);
        let x = step as f64 * step_width + (step_width - width) / 2.0;
        append(&mut path, format_args!("M{x:.1} {bottom:.1}h{width:.1}v-{tall:.1}h-{width:.1}Z"));
    }
    path
}

fn append(path: &mut String, text: std::fmt::Arguments<'_>) {
    path.write_fmt(text).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale() -> Scale {
        Scale { max: 10.0, ticks: vec![0.0, 10.0] }
    }

    #[test]
    fn a_line_breaks_where_nothing_was_measured() {
        let values = [Some(0.0), Some(10.0), None, Some(5.0), None, Some(5.0), Some(5.0), None];
        assert_eq!(line(&values, &scale(), 100.0), "M62.5 100.0L187.5 0.0M687.5 50.0L812.5 50.0");
    }

    #[test]
    fn a_lone_value_is_a_dot() {
        assert_eq!(dots(&[Some(0.0), Some(10.0), None, Some(5.0)], &scale(), 100.0), "M875.0 50.0h0.01");
        assert_eq!(dots(&[Some(10.0)], &scale(), 100.0), "M500.0 0.0h0.01");
        assert_eq!(dots(&[None, None], &scale(), 100.0), "");
    }

    #[test]
    fn an_area_returns_to_the_bottom() {
        assert_eq!(area(&[Some(10.0), Some(5.0)], &scale(), 100.0), "M250.0 100.0L250.0 0.0L750.0 50.0L750.0 100.0Z");
        assert_eq!(area(&[Some(10.0), None], &scale(), 100.0), "");
    }

    #[test]
    fn columns_stand_on_each_other() {
        let mut floor = Vec::new();
        let below = columns(&[Some(5.0)], &mut floor, &scale(), 100.0);
        let above = columns(&[Some(5.0)], &mut floor, &scale(), 100.0);
        assert_eq!(below, "M110.0 100.0h780.0v-50.0h-780.0Z");
        assert_eq!(above, "M110.0 50.0h780.0v-50.0h-780.0Z");
    }

    #[test]
    fn a_tiny_value_is_still_seen_and_nothing_is_not() {
        assert!(columns(&[Some(0.000_1)], &mut Vec::new(), &scale(), 100.0).contains("v-1.0"));
        assert_eq!(columns(&[None, Some(0.0)], &mut Vec::new(), &scale(), 100.0), "");
    }
}
