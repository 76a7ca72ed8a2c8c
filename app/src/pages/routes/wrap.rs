//! Text in a drawing, which does not wrap by itself. Widths are estimated: nobody knows the font here.

/// Breaks a text into lines of so many pixels at most, at a size of 12 px; what does not fit ends with `…`.
pub(super) fn wrap(text: &str, width: u32, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() < most {
        let is_last = lines.len() + 1 == most;
        let fits = fitting(rest, width);
        if fits == rest.len() {
            lines.push(rest.to_owned());
            break;
        }
        if is_last {
            let cut = fitting(rest, width.saturating_sub(12));
            lines.push(format!("{}…", rest[..cut].trim_end()));
            break;
        }
        let end = break_before(rest, fits);
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}

/// How many bytes of a text fit, at least a character.
fn fitting(text: &str, width: u32) -> usize {
    let (mut used, mut end) = (0, 0);
    for char in text.chars() {
        used += tenths(char);
        if used > width * 10 && end > 0 {
            break;
        }
        end += char.len_utf8();
    }
    end
}

/// Where to break within what fits: behind a sign or a space in its second half, else at its end.
fn break_before(text: &str, fits: usize) -> usize {
    let mut signs = text[..fits].char_indices().filter(|(at, char)| *at >= fits / 2 && " -_/.,:".contains(*char));
    signs.next_back().map_or(fits, |(at, char)| at + char.len_utf8())
}

/// About how wide a character is, in tenths of a pixel.
fn tenths(char: char) -> u32 {
    match char {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 36,
        'f' | 'r' | 't' | ' ' | '(' | ')' | '[' | ']' | '{' | '}' | '/' | '-' | '"' => 48,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 114,
        'A'..='Z' => 86,
        char if char.is_ascii() => 72,
        // Letters of other scripts may be twice as wide as those of ours.
        char if u32::from(char) < 0x1100 => 80,
        _ => 130,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_break_at_signs_and_end_in_an_ellipsis() {
        assert_eq!(wrap("plan", 164, 2), ["plan"]);
        assert_eq!(wrap("anthropic/claude-sonnet-4-5-20250929", 164, 2), ["anthropic/claude-sonnet-4-", "5-20250929"]);
        let cut = wrap(&"x".repeat(256), 164, 2);
        assert!(cut.len() == 2 && cut[1].ends_with('…') && !cut[0].ends_with('…'), "{cut:?}");
        assert_eq!(wrap("", 164, 2), Vec::<String>::new());
        for text in ["語".repeat(40), "W".repeat(40), "ü ".repeat(40)] {
            let lines = wrap(&text, 164, 2);
            let wide = |line: &String| line.chars().map(tenths).sum::<u32>();
            assert!(lines.iter().all(|line| wide(line) <= 1_760), "{lines:?}");
        }
    }
}
