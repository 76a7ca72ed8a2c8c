//! Checks the style sheet: every pair of text and ground reads well, light and dark.

use std::collections::HashMap;

/// Least contrast of text (WCAG 2.2, AA).
const LEAST: f64 = 4.5;
/// Least contrast of marks and of the lines of charts.
const LEAST_OF_MARKS: f64 = 3.0;

const TEXTS: &[(&str, &[&str])] = &[
    ("text", &["ground", "raised", "sunken", "hover", "accent-wash"]),
    ("muted", &["ground", "raised", "sunken", "hover"]),
    ("accent-text", &["ground", "raised", "sunken", "accent-wash", "hover"]),
    ("good-text", &["ground", "raised", "good-wash"]),
    ("warn-text", &["ground", "raised", "warn-wash"]),
    ("bad-text", &["ground", "raised", "bad-wash"]),
    ("on-accent", &["accent-strong"]),
    ("on-bad", &["bad-fill"]),
];
const MARKS: &[&str] = &["accent", "good", "bad", "tone-cost", "tone-latency", "tone-tokens-in"];

/// Lightness, chroma, hue in degrees.
type Colour = [f64; 3];

/// The pairs `--name: light-dark(oklch(…), oklch(…))` of the style sheet.
fn tokens() -> HashMap<&'static str, [Colour; 2]> {
    let sheet = include_str!("../../../style/main.css");
    sheet.lines().filter_map(|line| read(line.trim())).collect()
}

fn read(line: &'static str) -> Option<(&'static str, [Colour; 2])> {
    let (name, value) = line.strip_prefix("--")?.split_once(": light-dark(")?;
    let mut colours = value.split("oklch(").skip(1).filter_map(|part| {
        let numbers: Vec<f64> = part.split([' ', ')']).map_while(|number| number.parse().ok()).collect();
        Colour::try_from(numbers).ok()
    });
    Some((name, [colours.next()?, colours.next()?]))
}

/// Relative luminance, with channels outside sRGB cut as browsers do.
fn luminance([lightness, chroma, hue]: Colour) -> f64 {
    let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    let red = 4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s;
    let green = -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s;
    let blue = -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s;
    0.2126 * red.clamp(0.0, 1.0) + 0.7152 * green.clamp(0.0, 1.0) + 0.0722 * blue.clamp(0.0, 1.0)
}

fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn failures(pairs: impl Iterator<Item = (&'static str, &'static str)>, least: f64) -> Vec<String> {
    let tokens = tokens();
    let mut found = Vec::new();
    for (front, back) in pairs {
        for (theme, name) in ["light", "dark"].into_iter().enumerate() {
            let measured = contrast(tokens[front][theme], tokens[back][theme]);
            if measured < least {
                found.push(format!("{front} on {back}, {name}: {measured:.2}"));
            }
        }
    }
    found
}

#[test]
fn black_on_white_measures_21() {
    assert!((contrast([0.0, 0.0, 0.0], [1.0, 0.0, 0.0]) - 21.0).abs() < 0.05);
}

#[test]
fn every_text_reads_well_on_its_ground() {
    let pairs = TEXTS.iter().flat_map(|(text, grounds)| grounds.iter().map(move |ground| (*text, *ground)));
    assert_eq!(failures(pairs, LEAST), [""; 0]);
}

#[test]
fn every_mark_stands_out() {
    assert_eq!(failures(MARKS.iter().map(|mark| (*mark, "ground")), LEAST_OF_MARKS), [""; 0]);
}
