//! NumPy's promotion of element types (NEP 50), as pandas applies it to numbers and single values.
//!
//! Covers numbers and units of time; text, categories and missing values are the business of `op::infer`.

use std::cmp::Ordering;

use crate::dtype::{NumpyType, TimeUnit};
use crate::scalar::Scalar;

/// The type that an operation on arrays of types `a` and `b` computes in; `None` when one isn't a number.
#[must_use]
pub fn promote(a: NumpyType, b: NumpyType) -> Option<NumpyType> {
    use NumpyType as N;
    if !a.is_numeric() || !b.is_numeric() {
        return None;
    }
    Some(match (a, b) {
        _ if a == b => a,
        (N::Bool, other) | (other, N::Bool) => other,
        (N::Float64, _) | (_, N::Float64) => N::Float64,
        (N::Float32, other) | (other, N::Float32) => {
            if other.itemsize() <= 2 {
                N::Float32
            } else {
                N::Float64
            }
        }
        _ if a.is_signed() == b.is_signed() => {
            if a.itemsize() >= b.itemsize() {
                a
            } else {
                b
            }
        }
        _ => {
            let (signed, unsigned) = if a.is_signed() { (a, b) } else { (b, a) };
            if signed.itemsize() > unsigned.itemsize() {
                signed
            } else {
                match unsigned {
                    N::UInt8 => N::Int16,
                    N::UInt16 => N::Int32,
                    N::UInt32 => N::Int64,
                    _ => N::Float64,
                }
            }
        }
    })
}

/// The smallest and largest value of an integer type.
#[must_use]
pub fn int_range(kind: NumpyType) -> Option<(i128, i128)> {
    use NumpyType as N;
    Some(match kind {
        N::Int8 => (i8::MIN.into(), i8::MAX.into()),
        N::Int16 => (i16::MIN.into(), i16::MAX.into()),
        N::Int32 => (i32::MIN.into(), i32::MAX.into()),
        N::Int64 => (i64::MIN.into(), i64::MAX.into()),
        N::UInt8 => (0, u8::MAX.into()),
        N::UInt16 => (0, u16::MAX.into()),
        N::UInt32 => (0, u32::MAX.into()),
        N::UInt64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

/// Where `value` lies beside the range of an integer type: `Equal` inside it.
#[must_use]
pub fn beside_range(kind: NumpyType, value: i128) -> Ordering {
    match int_range(kind) {
        Some((low, _)) if value < low => Ordering::Less,
        Some((_, high)) if value > high => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// The integer that a number equals, if it is whole.
#[must_use]
pub fn whole(value: &Scalar) -> Option<i128> {
    match value {
        Scalar::Bool(value) => Some(i128::from(*value)),
        Scalar::Int(value) => Some(*value),
        // Beyond 2^120 no column type holds it anyway.
        Scalar::Float(value) if value.fract() == 0.0 && value.abs() < 1e36 => Some(*value as i128),
        _ => None,
    }
}

/// A number as a float.
#[must_use]
pub fn float(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Bool(value) => Some(f64::from(u8::from(*value))),
        Scalar::Int(value) => Some(*value as f64),
        Scalar::Float(value) => Some(*value),
        Scalar::Missing => Some(f64::NAN),
        _ => None,
    }
}

/// The finer of two units.
#[must_use]
pub fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    if a.per_second() >= b.per_second() { a } else { b }
}

/// Ticks of `from` as ticks of `to`, when that is exact and fits.
#[must_use]
pub fn exact_ticks(value: i64, from: TimeUnit, to: TimeUnit) -> Option<i64> {
    let (from, to) = (from.per_second(), to.per_second());
    if to >= from {
        value.checked_mul(to / from)
    } else {
        let factor = from / to;
        (value % factor == 0).then_some(value / factor)
    }
}

/// The moment that a date in ISO form means (`2020-01-31`, `2020-01-31 12:30`, `2020-01-31T12:30:05.25`), with the unit in
/// which it is whole. Other forms, which pandas reads with more ceremony, are `None`.
#[must_use]
pub fn parse_moment(text: &str) -> Option<(i64, TimeUnit)> {
    let bytes = text.as_bytes();
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let part = bytes.get(range)?;
        part.iter().all(u8::is_ascii_digit).then(|| {
            part.iter()
                .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
        })
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    if !(is(4, b'-') && is(7, b'-')) {
        return None;
    }
    let year = i32::try_from(number(0..4)?).ok()?;
    let date = chrono::NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?;
    let (mut second, mut fraction) = (0, &[][..]);
    if bytes.len() > 10 {
        if !(is(10, b' ') || is(10, b'T')) || !is(13, b':') {
            return None;
        }
        let (hour, minute) = (number(11..13)?, number(14..16)?);
        let mut seconds = 0;
        if bytes.len() > 16 {
            if !is(16, b':') {
                return None;
            }
            seconds = number(17..19)?;
            if bytes.len() > 19 {
                fraction = bytes.get(20..29.min(bytes.len()))?;
                if !is(19, b'.')
                    || fraction.is_empty()
                    || bytes.len() > 29
                    || !fraction.iter().all(u8::is_ascii_digit)
                {
                    return None;
                }
            }
        }
        if hour > 23 || minute > 59 || seconds > 59 {
            return None;
        }
        second = i64::from(hour * 3600 + minute * 60 + seconds);
    }
    let seconds = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp() + second;
    let unit = match fraction.len() {
        0 => TimeUnit::S,
        1..=3 => TimeUnit::Ms,
        4..=6 => TimeUnit::Us,
        _ => TimeUnit::Ns,
    };
    let scale = unit.per_second();
    let mut ticks = 0;
    let mut place = scale;
    for digit in fraction {
        place /= 10;
        ticks += i64::from(digit - b'0') * place;
    }
    Some((seconds.checked_mul(scale)?.checked_add(ticks)?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promotion_is_numpys() {
        use NumpyType as N;
        // numpy.result_type of each pair, asked of NumPy 2.4.
        for (a, b, expected) in [
            (N::Bool, N::Int8, N::Int8),
            (N::Int8, N::UInt8, N::Int16),
            (N::Int16, N::UInt8, N::Int16),
            (N::UInt32, N::Int8, N::Int64),
            (N::UInt64, N::Int8, N::Float64),
            (N::Int16, N::Float32, N::Float32),
            (N::Int32, N::Float32, N::Float64),
            (N::UInt16, N::Float32, N::Float32),
            (N::Bool, N::Float32, N::Float32),
            (N::Float32, N::Float64, N::Float64),
            (N::UInt8, N::UInt32, N::UInt32),
        ] {
            assert_eq!(promote(a, b), Some(expected));
            assert_eq!(promote(b, a), Some(expected));
        }
        assert_eq!(promote(N::Datetime(TimeUnit::S), N::Int8), None);
    }

    #[test]
    fn dates_in_iso_form() {
        assert_eq!(parse_moment("1970-01-02"), Some((86_400, TimeUnit::S)));
        assert_eq!(parse_moment("1969-12-31 23:59"), Some((-60, TimeUnit::S)));
        assert_eq!(
            parse_moment("1970-01-01T00:00:01.25"),
            Some((1_250, TimeUnit::Ms))
        );
        assert_eq!(parse_moment("1969-12-31 23:59:59.5"), Some((-500, TimeUnit::Ms)));
        for text in [
            "2020-06",
            "2020",
            "2020-13-01",
            "2020-01-01x",
            "01/02/2020",
            "2020-01-01 25:00",
            "é020-01-01",
        ] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
