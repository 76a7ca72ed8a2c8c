//! Decimal numbers as exports write them, without passing through a float.

/// A decimal number in units of a billionth, half away from zero: `0.06`, `6e-05`, `-1.5`. `shift` moves the point to the right
/// first: of cents, -2 makes dollars.
pub fn nanos(text: &str, shift: i32) -> Option<i64> {
    let text = text.trim().trim_start_matches('$');
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{part}");
    if all.is_empty() || all.len() > 30 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i128 = all.parse().ok()?;
    let places = 9 + exponent.checked_add(shift)? - i32::try_from(part.len()).ok()?;
    let factor = 10_i128.checked_pow(places.unsigned_abs().min(38))?;
    let scaled = if places >= 0 { number.checked_mul(factor)? } else { (number + factor / 2) / factor };
    i64::try_from(if negative { -scaled } else { scaled }).ok()
}

#[cfg(test)]
mod tests {
    use super::nanos;

    #[test]
    fn decimals_are_read_to_the_nano_dollar() {
        let read = ["0.06", "6e-05", "12", "-1.5", "$0.10", "0.8958740000000000", "1.0E+1", "0.0000000015", ".5"];
        let expected = [
            60_000_000,
            60_000,
            12_000_000_000,
            -1_500_000_000,
            100_000_000,
            895_874_000,
            10_000_000_000,
            2,
            500_000_000,
        ];
        assert_eq!(read.map(|text| nanos(text, 0)), expected.map(Some));
        assert_eq!(nanos("123.45", -2), Some(1_234_500_000), "cents");
        assert_eq!(nanos("1e-30", 0), Some(0));
        for bad in ["", "-", "1,5", "1.2.3", "NaN", "1e400", "99999999999999"] {
            assert_eq!(nanos(bad, 0), None, "{bad}");
        }
    }
}
