//! Text as numbers, as Python's `int` and `float` read it: blanks around it, underscores between digits and the decimal
//! digits of all scripts are fine.

use std::borrow::Cow;

use super::format::quoted;
use crate::error::{Error, Result};

/// The zeros of the scripts beyond ASCII (Unicode category Nd); nine digits follow each.
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x10_4a0, 0x10_d30, 0x11_066, 0x11_0f0,
    0x11_136, 0x11_1d0, 0x11_2f0, 0x11_450, 0x11_4d0, 0x11_650, 0x11_6c0, 0x11_730, 0x11_8e0, 0x11_950,
    0x11_c50, 0x11_d50, 0x11_da0, 0x16_a60, 0x16_ac0, 0x16_b50, 0x1d_7ce, 0x1d_7d8, 0x1d_7e2, 0x1d_7ec,
    0x1d_7f6, 0x1e_140, 0x1e_2f0, 0x1e_950, 0x1f_bf0,
];

/// What Python strips, which is what Unicode calls white space and four separators more.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The text without blanks around it and with ASCII digits.
fn plain(text: &str) -> Cow<'_, str> {
    let text = text.trim_matches(is_blank);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| {
                let code = u32::from(c);
                let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last();
                match zero {
                    Some(zero) if code - zero < 10 => (b'0' + (code - zero) as u8) as char,
                    _ => c,
                }
            })
            .collect(),
    )
}

/// `text` without its underscores; `None` when one stands elsewhere than between digits.
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let well_placed = (0..bytes.len())
        .filter(|at| bytes[*at] == b'_')
        .all(|at| digit(at.checked_sub(1)) && digit(Some(at + 1)));
    well_placed.then(|| Cow::Owned(text.replace('_', "")))
}

/// `int(text)`.
///
/// # Errors
/// [`crate::error::Kind::Value`] in Python's words, [`crate::error::Kind::Overflow`] beyond 64 bits.
pub fn integer(text: &str) -> Result<i128> {
    let wrong = || {
        Error::value(format!(
            "invalid literal for int() with base 10: {}",
            quoted(text)
        ))
    };
    let plain = plain(text);
    let digits = without_underscores(&plain).ok_or_else(wrong)?;
    let (negative, digits) = match digits.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    let mut value: i128 = 0;
    for digit in digits {
        value = value * 10 + i128::from(digit - b'0');
        if value > 1 << 65 {
            return Err(Error::overflow("Python int too large to convert to C long"));
        }
    }
    Ok(if negative { -value } else { value })
}

/// `float(text)`.
///
/// # Errors
/// [`crate::error::Kind::Value`] in Python's words.
pub fn float(text: &str) -> Result<f64> {
    let wrong = || Error::value(format!("could not convert string to float: {}", quoted(text)));
    let plain = plain(text);
    let number = without_underscores(&plain).ok_or_else(wrong)?;
    let bare = number.strip_prefix(['+', '-']).unwrap_or(&number);
    let named = ["nan", "inf", "infinity"]
        .iter()
        .any(|name| bare.eq_ignore_ascii_case(name));
    if !named && !bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(wrong());
    }
    fast_float2::parse(number.as_bytes()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_python_reads_them() {
        for (text, expected) in [
            ("1", 1),
            (" 2 ", 2),
            ("-3", -3),
            ("+4", 4),
            ("1_000", 1000),
            ("\u{a0}1\n", 1),
            ("١٢", 12),
            ("１２", 12),
            ("007", 7),
            ("-0", 0),
        ] {
            assert_eq!(integer(text).unwrap(), expected, "{text}");
        }
        assert_eq!(integer("18446744073709551615").unwrap(), i128::from(u64::MAX));
        for text in [
            "", "1.5", "1e3", "0x10", "1__2", "_1", "1_", "+ 1", "--1", "²", "\0", "é",
        ] {
            let error = integer(text).unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Value, "{text}");
        }
        assert_eq!(
            integer("x").unwrap_err().message(),
            "invalid literal for int() with base 10: 'x'"
        );
        assert_eq!(
            integer(&"9".repeat(50)).unwrap_err().kind(),
            crate::error::Kind::Overflow
        );
    }

    #[test]
    fn floats_as_python_reads_them() {
        for (text, expected) in [
            ("1.5", 1.5),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e5", 1e5),
            (" 2 ", 2.0),
            ("1_0", 10.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+.5", 0.5),
            ("1_0e1_0", 1e11),
            ("1e400", f64::INFINITY),
            ("1e-400", 0.0),
            ("١.٥", 1.5),
            ("1.7976931348623157e309", f64::INFINITY),
        ] {
            assert_eq!(float(text).unwrap().to_bits(), f64::to_bits(expected), "{text}");
        }
        assert!(float("NaN").unwrap().is_nan() && float("-nan").unwrap().is_nan());
        for text in [
            "", ".", "1e", "e5", "x", "1d5", "0x1p3", "nan(1)", "infinit", "1,5", "5_.0", "5._0", "1_",
            "+ 1", "1\0",
        ] {
            assert!(float(text).is_err(), "{text}");
        }
    }
}
