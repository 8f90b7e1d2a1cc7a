//! Numbers as text: the grammar that pandas' C parser accepts, and fast paths for the usual forms.
//!
//! Integers: optional blanks, sign, digits, blanks. Floats: the same with a decimal mark and an exponent, or the words
//! `inf` and `infinity` in any case (without blanks). Floats are rounded correctly. Missing-value words are not looked at
//! here.

/// A token read as an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Int {
    /// Within `int64`.
    Fits(i64),
    /// Above `int64`, within `uint64`.
    Big(u64),
    /// An integer beyond both.
    Huge,
    /// No integer.
    Not,
}

/// What C's `isspace` takes for a blank.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// `token` without blanks at its ends.
pub(super) fn trim(mut token: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = token
        && is_space(*first)
    {
        token = rest;
    }
    while let [rest @ .., last] = token
        && is_space(*last)
    {
        token = rest;
    }
    token
}

/// Reads any integer.
pub(super) fn int(token: &[u8]) -> Int {
    let token = trim(token);
    let (negative, digits) = match token {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, token),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Int::Not;
    }
    let mut value = 0u64;
    for digit in digits {
        let next = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')));
        match next {
            Some(next) => value = next,
            None => return Int::Huge,
        }
    }
    match (negative, i64::try_from(value)) {
        (false, Ok(value)) => Int::Fits(value),
        (false, Err(_)) => Int::Big(value),
        (true, Ok(value)) => Int::Fits(-value),
        (true, Err(_)) if value == 1 << 63 => Int::Fits(i64::MIN),
        (true, Err(_)) => Int::Huge,
    }
}

/// The eight bytes before `end`.
#[inline(always)]
fn word_before(data: &[u8], end: usize) -> u64 {
    debug_assert!(end >= 8 && end <= data.len());
    // SAFETY: fields lie in a buffer with 64 bytes of padding before and after its content.
    unsafe { data.as_ptr().add(end - 8).cast::<u64>().read_unaligned() }.to_le()
}

/// The eight bytes from `start` on.
#[inline(always)]
fn word_at(data: &[u8], start: usize) -> u64 {
    debug_assert!(start + 8 <= data.len());
    // SAFETY: fields lie in a buffer with 64 bytes of padding before and after its content.
    unsafe { data.as_ptr().add(start).cast::<u64>().read_unaligned() }.to_le()
}

/// The value of `length` (1 to 8) digits that end at `end`.
#[inline(always)]
fn digits8(data: &[u8], end: usize, length: usize) -> Option<u64> {
    let high = u64::MAX << (64 - 8 * length);
    let word = (word_before(data, end) & high) | (0x3030_3030_3030_3030 & !high);
    let value = word.wrapping_sub(0x3030_3030_3030_3030);
    // A byte below '0' borrows into its high bit; one above '9' gets there by adding 0x46.
    if (word.wrapping_add(0x4646_4646_4646_4646) | value) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = value.wrapping_mul(10).wrapping_add(value >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// The value of 1 to 16 digits at `start..end`.
#[inline(always)]
fn digits16(data: &[u8], start: usize, end: usize) -> Option<u64> {
    match end.wrapping_sub(start) {
        length @ 1..=8 => digits8(data, end, length),
        length @ 9..=16 => {
            let low = digits8(data, end, 8)?;
            let high = digits8(data, end - 8, length - 8)?;
            Some(high * 100_000_000 + low)
        }
        _ => None,
    }
}

/// An integer of the usual form (sign, up to 16 digits) at `start..end` of a padded buffer; `None` sends the caller to
/// [`int`].
#[inline(always)]
pub(super) fn int_fast(data: &[u8], start: usize, end: usize) -> Option<i64> {
    if let Some(value) = digits16(data, start, end) {
        return Some(value.cast_signed());
    }
    if start < end && data[start] == b'-' {
        return Some(-digits16(data, start + 1, end)?.cast_signed());
    }
    None
}

const POWERS: [f64; 17] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
];
const INT_POWERS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// A float of the usual form (sign, up to 7 digits, `.`, up to 16 digits; or plain digits) at `start..end` of a padded
/// buffer, correctly rounded; `None` sends the caller to [`float`].
#[inline(always)]
pub(super) fn float_fast(data: &[u8], start: usize, end: usize) -> Option<f64> {
    let negative = start < end && data[start] == b'-';
    let first = start + usize::from(negative);
    let differs = word_at(data, first) ^ 0x2e2e_2e2e_2e2e_2e2e;
    let zeros = differs.wrapping_sub(0x0101_0101_0101_0101) & !differs & 0x8080_8080_8080_8080;
    let point = first + (zeros.trailing_zeros() / 8) as usize;
    // Fewer than 2^53 and a division by an exact power of ten: one rounding, so the result is the nearest float.
    let magnitude = if zeros != 0 && point < end {
        let fraction = end - point - 1;
        if point == first || fraction == 0 || fraction > 16 {
            return None;
        }
        let whole = digits8(data, point, point - first)?;
        let part = digits16(data, point + 1, end)?;
        let scale = if fraction <= 8 {
            INT_POWERS[fraction]
        } else {
            INT_POWERS[8] * INT_POWERS[fraction - 8]
        };
        let mantissa = whole.checked_mul(scale)?.checked_add(part)?;
        if mantissa > 1 << 53 {
            return None;
        }
        mantissa as f64 / POWERS[fraction]
    } else {
        let value = digits16(data, first, end)?;
        if value > 1 << 53 {
            return None;
        }
        value as f64
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Reads any float, with `decimal` between whole and fraction.
pub(super) fn float(token: &[u8], decimal: u8) -> Option<f64> {
    if let Some(value) = infinity(token) {
        return Some(value);
    }
    let token = trim(token);
    let (negative, body) = match token {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, token),
    };
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(body);
    let mut at = whole;
    let mut fraction = 0;
    if body.get(at) == Some(&decimal) {
        fraction = digits(&body[at + 1..]);
        at += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if let Some(b'e' | b'E') = body.get(at) {
        at += 1;
        at += usize::from(matches!(body.get(at), Some(b'+' | b'-')));
        let exponent = digits(&body[at..]);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    if at != body.len() {
        return None;
    }
    let magnitude = if decimal == b'.' {
        fast_float2::parse::<f64, _>(body).ok()
    } else {
        let mut plain = body.to_vec();
        if let Some(mark) = plain.get_mut(whole)
            && *mark == decimal
        {
            *mark = b'.';
        }
        fast_float2::parse::<f64, _>(&plain).ok()
    }?;
    Some(if negative { -magnitude } else { magnitude })
}

fn infinity(token: &[u8]) -> Option<f64> {
    let (sign, word) = match token {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        _ => (1.0, token),
    };
    let is = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    is.then_some(sign * f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn padded(text: &str) -> (Vec<u8>, usize, usize) {
        let mut data = vec![b'9'; 64];
        data.extend_from_slice(text.as_bytes());
        data.resize(data.len() + 64, b'9');
        (data, 64, 64 + text.len())
    }

    #[test]
    fn integers_as_pandas_reads_them() {
        for (text, value) in [
            ("0", Int::Fits(0)),
            ("-0", Int::Fits(0)),
            ("+5", Int::Fits(5)),
            (" 5\t", Int::Fits(5)),
            ("007", Int::Fits(7)),
            ("000000000000000000000000000005", Int::Fits(5)),
            ("9223372036854775807", Int::Fits(i64::MAX)),
            ("9223372036854775808", Int::Big(1 << 63)),
            ("18446744073709551615", Int::Big(u64::MAX)),
            ("18446744073709551616", Int::Huge),
            ("-9223372036854775808", Int::Fits(i64::MIN)),
            ("-9223372036854775809", Int::Huge),
            ("", Int::Not),
            ("-", Int::Not),
            ("+-5", Int::Not),
            ("- 5", Int::Not),
            ("1_000", Int::Not),
            ("0x10", Int::Not),
            ("1.0", Int::Not),
        ] {
            assert_eq!(int(text.as_bytes()), value, "{text:?}");
        }
    }

    #[test]
    fn floats_as_pandas_reads_them() {
        for (text, value) in [
            ("1.", 1.0),
            (".5", 0.5),
            ("1.e5", 1e5),
            ("-.5e-3", -5e-4),
            ("+1.5", 1.5),
            ("1.5\x0c", 1.5),
            ("1e400", f64::INFINITY),
            ("1e-400", 0.0),
            ("1e0000000000000000000001", 10.0),
            ("1e99999999999999999999", f64::INFINITY),
            ("1e-99999999999999999999", 0.0),
            ("0e99999", 0.0),
            ("iNf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("4.9e-324", 5e-324),
        ] {
            assert_eq!(float(text.as_bytes(), b'.'), Some(value), "{text:?}");
        }
        for text in [
            "", ".", "1e", "1e+", "e5", "1 .5", "1.5 x", " inf", "inf ", "nan", "1d5", "1..5", "--1",
            "1_0.5", "1,5", "0x1p3", "infin", "1.5f",
        ] {
            assert_eq!(float(text.as_bytes(), b'.'), None, "{text:?}");
        }
        assert_eq!(float(b"1,5e1", b','), Some(15.0));
        assert_eq!(float(b"1.5", b','), None);
    }

    proptest! {
        #[test]
        fn fast_integers_agree(text in "-?[0-9a. ]{0,18}") {
            let (data, start, end) = padded(&text);
            if let Some(value) = int_fast(&data, start, end) {
                prop_assert_eq!(int(text.as_bytes()), Int::Fits(value));
            }
        }

        #[test]
        fn fast_floats_agree(text in "-?[0-9]{0,9}[.]?[0-9e]{0,17}") {
            let (data, start, end) = padded(&text);
            if let Some(value) = float_fast(&data, start, end) {
                prop_assert_eq!(Some(value.to_bits()), text.parse::<f64>().ok().map(f64::to_bits));
            }
        }

        #[test]
        fn floats_round_trip(value: f64) {
            if value.is_finite() {
                prop_assert_eq!(float(value.to_string().as_bytes(), b'.').map(f64::to_bits), Some(value.to_bits()));
            }
        }
    }
}
