//! Sizes on the command line.

/// Bytes from a text such as `64M`.
pub fn parse(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(i) => text.split_at(i),
        None => (text, ""),
    };
    let shift = match unit.to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return Err("expected a number of bytes, or a number with K, M or G".into()),
    };
    let number: usize = digits.parse().map_err(|_| "expected a number, such as 64M".to_string())?;
    number.checked_mul(1 << shift).filter(|&n| n > 0).ok_or_else(|| "expected a positive size within memory".into())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse("123"), Ok(123));
        assert_eq!(parse("4k"), Ok(4 << 10));
        assert_eq!(parse("64M"), Ok(64 << 20));
        assert_eq!(parse("2GiB"), Ok(2 << 30));
        for wrong in ["", "M", "-1", "1T", "0", "99999999999999999999", "99999999999G"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
