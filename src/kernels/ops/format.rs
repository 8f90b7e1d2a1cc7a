//! Numbers as text, as Python's `str` writes them.

use std::fmt::Write;

/// A float that is written the Python way.
pub trait Written: Copy {
    /// Its shortest digits in the form `d.ddde-x`, and what kind of number it is.
    fn shortest(self) -> (std::num::FpCategory, bool, String);
}

impl Written for f64 {
    fn shortest(self) -> (std::num::FpCategory, bool, String) {
        (
            self.classify(),
            self.is_sign_negative(),
            format!("{:e}", self.abs()),
        )
    }
}

impl Written for f32 {
    fn shortest(self) -> (std::num::FpCategory, bool, String) {
        (
            self.classify(),
            self.is_sign_negative(),
            format!("{:e}", self.abs()),
        )
    }
}

/// Appends a float as `repr` writes it: the shortest digits that read back the same, with an exponent below `1e-4` and from
/// `1e16` on.
///
/// # Errors
/// When the text can't be written to.
pub fn float(value: impl Written, into: &mut impl Write) -> std::fmt::Result {
    let (category, negative, shortest) = value.shortest();
    match category {
        std::num::FpCategory::Nan => return into.write_str("nan"),
        std::num::FpCategory::Infinite => return into.write_str(if negative { "-inf" } else { "inf" }),
        _ => {}
    }
    if negative {
        into.write_char('-')?;
    }
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return write!(into, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent < 0 {
        into.write_str("0.")?;
        for _ in 1..-exponent {
            into.write_char('0')?;
        }
        return write!(into, "{first}{rest}");
    }
    let places = exponent.unsigned_abs() as usize;
    if rest.len() > places {
        write!(into, "{first}{}.{}", &rest[..places], &rest[places..])
    } else {
        write!(into, "{first}{rest}{:0<1$}.0", "", places - rest.len())
    }
}

/// Text in quotes as `repr` shows it in messages.
#[must_use]
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if u32::from(c) < 0x20 || u32::from(c) == 0x7f => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_writes_them() {
        // repr() of CPython 3.11.
        for (value, expected) in [
            (1.0, "1.0"),
            (1e16, "1e+16"),
            (1e-5, "1e-05"),
            (0.1, "0.1"),
            (1e22, "1e+22"),
            (123_456_789.0, "123456789.0"),
            (1e-4, "0.0001"),
            (-0.0, "-0.0"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (1.5e300, "1.5e+300"),
            (1_234_567_890_123_456.8, "1234567890123456.8"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (0.000_123, "0.000123"),
            (5e-324, "5e-324"),
            (12.5, "12.5"),
            (100.0, "100.0"),
        ] {
            let mut text = String::new();
            float(value, &mut text).unwrap();
            assert_eq!(text, expected);
        }
        for (value, expected) in [(0.1f32, "0.1"), (1e16, "1e+16"), (16_777_216.0, "16777216.0")] {
            let mut text = String::new();
            float(value, &mut text).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn text_in_quotes() {
        assert_eq!(quoted("x"), "'x'");
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("'q\""), "'\\'q\"'");
        assert_eq!(quoted("\0\n"), "'\\x00\\n'");
    }
}
