//! Data types and fill values as Zarr writes them, both versions, and as NumPy names them.
//!
//! Covers what blocks hold natively: numbers, datetimes, and text and bytes of a fixed length. Records, objects and text
//! of any length are refused with [`crate::error::Kind::NotNative`].

use std::sync::Arc;

use arrow::datatypes::{ArrowPrimitiveType, Float16Type};
use serde_json::{Value, json};
use zarrs::array::{DataType, data_type};
use zarrs::metadata::Endianness;
use zarrs::metadata::v3::MetadataV3;

use crate::error::{Error, Result};
use crate::nd::{Elem, NdDtype};

type F16 = <Float16Type as ArrowPrimitiveType>::Native;

/// The dtype of a version 2 document, and the byte order of what is stored.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when blocks can't hold it.
pub fn from_v2(dtype: &Value) -> Result<(NdDtype, Option<Endianness>)> {
    let refuse = || Error::not_native(format!("a Zarr array of dtype {dtype}"));
    let text = dtype.as_str().ok_or_else(refuse)?;
    let order = match text.as_bytes().first() {
        Some(b'<') => Some(Endianness::Little),
        Some(b'>') => Some(Endianness::Big),
        Some(b'|') => None,
        _ => return Err(refuse()),
    };
    let (kind, size) = (text.get(1..2).unwrap_or(""), text.get(2..).unwrap_or(""));
    if let "M" | "m" = kind {
        return size
            .starts_with('8')
            .then(|| (raw(&format!("<{kind}{size}"), 8), order))
            .ok_or_else(refuse);
    }
    let size: usize = size.parse().map_err(|_| refuse())?;
    let dtype = match (kind, size) {
        (_, 0) => return Err(refuse()),
        ("U", n) => raw(&format!("<U{n}"), n * 4),
        ("S", n) => raw(&format!("|S{n}"), n),
        ("V", n) => raw(&format!("|V{n}"), n),
        ("b", 1) => NdDtype::Num(Elem::Bool),
        ("i" | "u" | "f" | "c", n) => {
            let family = match kind {
                "i" => "int",
                "u" => "uint",
                "f" => "float",
                _ => "complex",
            };
            NdDtype::Num(Elem::parse(&format!("{family}{}", n * 8)).ok_or_else(refuse)?)
        }
        _ => return Err(refuse()),
    };
    Ok((dtype, order))
}

/// The dtype of a version 3 document.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when blocks can't hold it.
pub fn from_v3(dtype: &Value) -> Result<NdDtype> {
    let refuse = || Error::not_native(format!("a Zarr array of data type {dtype}"));
    let name = dtype
        .as_str()
        .or_else(|| dtype["name"].as_str())
        .ok_or_else(refuse)?;
    let number = |key: &str| dtype["configuration"][key].as_u64().map(|n| n as usize);
    let length = || number("length_bytes").filter(|n| *n > 0).ok_or_else(refuse);
    if let Some(elem) = Elem::parse(name) {
        return Ok(NdDtype::Num(elem));
    }
    match name {
        "numpy.datetime64" | "numpy.timedelta64" => {
            let kind = if name.contains("date") { 'M' } else { 'm' };
            let unit = dtype["configuration"]["unit"].as_str().ok_or_else(refuse)?;
            let scale = number("scale_factor").unwrap_or(1);
            Ok(match (unit, scale) {
                ("generic", _) => raw(&format!("<{kind}8"), 8),
                (unit, 1) => raw(&format!("<{kind}8[{}]", plain_unit(unit)), 8),
                (unit, scale) => raw(&format!("<{kind}8[{scale}{}]", plain_unit(unit)), 8),
            })
        }
        "fixed_length_utf32" => {
            let length = length()?;
            Ok(raw(&format!("<U{}", length / 4), length / 4 * 4))
        }
        "null_terminated_bytes" => Ok(raw(&format!("|S{}", length()?), length()?)),
        "raw_bytes" => Ok(raw(&format!("|V{}", length()?), length()?)),
        _ => {
            let bits: Option<usize> = name.strip_prefix('r').and_then(|bits| bits.parse().ok());
            match bits {
                Some(bits) if bits > 0 && bits % 8 == 0 => Ok(raw(&format!("|V{}", bits / 8), bits / 8)),
                _ => Err(refuse()),
            }
        }
    }
}

fn plain_unit(unit: &str) -> &str {
    if unit == "μs" || unit == "µs" {
        "us"
    } else {
        unit
    }
}

fn raw(descr: &str, itemsize: usize) -> NdDtype {
    NdDtype::Raw {
        descr: descr.into(),
        itemsize,
    }
}

/// The dtype that NumPy writes as `descr`, in the machine's byte order.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when blocks can't hold it.
pub fn from_numpy(descr: &str) -> Result<NdDtype> {
    from_v2(&Value::from(descr)).map(|(dtype, _)| dtype)
}

/// NumPy's `dtype.str`.
///
/// # Errors
/// When it is a dtype of host objects.
pub fn to_numpy(dtype: &NdDtype) -> Result<String> {
    match dtype {
        NdDtype::Num(Elem::Bool) => Ok("|b1".into()),
        NdDtype::Num(elem) => {
            let kind = &elem.name()[..1];
            let order = if elem.itemsize() == 1 { '|' } else { '<' };
            Ok(format!("{order}{kind}{}", elem.itemsize()))
        }
        NdDtype::Raw { descr, .. } => Ok(descr.to_string()),
        NdDtype::Host => Err(Error::not_native("objects in a Zarr array")),
    }
}

/// How version 3 writes it.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when it doesn't.
pub fn to_v3(dtype: &NdDtype) -> Result<Value> {
    let (descr, itemsize) = match dtype {
        NdDtype::Num(elem) => return Ok(elem.name().into()),
        NdDtype::Raw { descr, itemsize } => (descr, *itemsize),
        NdDtype::Host => return Err(Error::not_native("objects in a Zarr array")),
    };
    let named = |name: &str, configuration: Value| json!({"name": name, "configuration": configuration});
    let bytes = || json!({"length_bytes": itemsize});
    match descr.get(1..2) {
        Some("U") => Ok(named("fixed_length_utf32", bytes())),
        Some("S") => Ok(named("null_terminated_bytes", bytes())),
        Some("V") => Ok(named("raw_bytes", bytes())),
        Some(kind @ ("M" | "m")) => {
            let name = if kind == "M" {
                "numpy.datetime64"
            } else {
                "numpy.timedelta64"
            };
            let unit = descr.get(4..descr.len() - 1).unwrap_or("");
            let digits = unit.bytes().take_while(u8::is_ascii_digit).count();
            let scale: u64 = unit[..digits].parse().unwrap_or(1);
            let unit = if unit.is_empty() {
                "generic"
            } else {
                &unit[digits..]
            };
            Ok(named(name, json!({"unit": unit, "scale_factor": scale})))
        }
        _ => Err(Error::not_native(format!("a Zarr array of dtype {descr}"))),
    }
}

/// The type under which the codecs know the elements: it has their size and the size of what byte order turns around.
///
/// # Errors
/// When there is none.
pub fn for_codecs(dtype: &NdDtype) -> Result<DataType> {
    let (descr, itemsize) = match dtype {
        NdDtype::Num(elem) => {
            return DataType::from_metadata(&MetadataV3::new(elem.name()))
                .map_err(|error| Error::internal(error.to_string()));
        }
        NdDtype::Raw { descr, itemsize } => (descr, *itemsize),
        NdDtype::Host => return Err(Error::not_native("objects in a Zarr array")),
    };
    match descr.get(1..2) {
        Some("M" | "m") => Ok(data_type::int64()),
        Some("U") => {
            let length = std::num::NonZeroU64::new(itemsize as u64);
            let length = length.ok_or_else(|| Error::internal("text of no length"))?;
            data_type::FixedLengthUTF32DataType::new(length)
                .map(|dtype| Arc::new(dtype).into())
                .map_err(|error| Error::internal(error.to_string()))
        }
        _ => Ok(Arc::new(data_type::RawBitsDataType::new(itemsize)).into()),
    }
}

/// The bytes of one element with the value that a document has as `fill_value`; zeros for `null`.
///
/// # Errors
/// When the value isn't one of the dtype.
pub fn fill_bytes(dtype: &NdDtype, value: &Value) -> Result<Vec<u8>> {
    let wrong = || Error::value(format!("the fill value {value} isn't one of the array's dtype"));
    if value.is_null() {
        return Ok(vec![0; dtype.itemsize()]);
    }
    let elem = match dtype {
        NdDtype::Num(elem) => *elem,
        NdDtype::Raw { descr, itemsize } => return raw_bytes(descr, *itemsize, value).ok_or_else(wrong),
        NdDtype::Host => return Err(Error::not_native("objects in a Zarr array")),
    };
    // Version 2 writers put down integers as floats now and then.
    let integer = || -> Option<i128> {
        let whole = || value.as_f64().filter(|x| x.fract() == 0.0).map(|x| x as i128);
        let truth = value.as_bool().map(i128::from);
        let exact = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
        exact.or(truth).or_else(whole)
    };
    macro_rules! whole {
        ($t:ty) => {
            <$t>::try_from(integer().ok_or_else(wrong)?)
                .map_err(|_| wrong())?
                .to_ne_bytes()
                .to_vec()
        };
    }
    Ok(match elem {
        Elem::Bool => vec![u8::from(integer().ok_or_else(wrong)? != 0)],
        Elem::I8 => whole!(i8),
        Elem::I16 => whole!(i16),
        Elem::I32 => whole!(i32),
        Elem::I64 => whole!(i64),
        Elem::U8 => whole!(u8),
        Elem::U16 => whole!(u16),
        Elem::U32 => whole!(u32),
        Elem::U64 => whole!(u64),
        Elem::F16 | Elem::F32 | Elem::F64 => float_bytes(elem.itemsize(), value).ok_or_else(wrong)?,
        Elem::C64 | Elem::C128 => {
            let half = elem.itemsize() / 2;
            let parts = match value.as_array().map(Vec::as_slice) {
                Some([real, imaginary]) => [real.clone(), imaginary.clone()],
                _ => [value.clone(), json!(0)],
            };
            let mut bytes = float_bytes(half, &parts[0]).ok_or_else(wrong)?;
            bytes.extend(float_bytes(half, &parts[1]).ok_or_else(wrong)?);
            bytes
        }
    })
}

fn float_bytes(size: usize, value: &Value) -> Option<Vec<u8>> {
    let number = match value {
        Value::String(text) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            hex => {
                let bits = u64::from_str_radix(hex.strip_prefix("0x")?, 16).ok()?;
                return Some(match size {
                    2 => u16::try_from(bits).ok()?.to_ne_bytes().to_vec(),
                    4 => u32::try_from(bits).ok()?.to_ne_bytes().to_vec(),
                    _ => bits.to_ne_bytes().to_vec(),
                });
            }
        },
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        other => other.as_f64()?,
    };
    Some(match size {
        2 => F16::from_f64(number).to_ne_bytes().to_vec(),
        4 => (number as f32).to_ne_bytes().to_vec(),
        _ => number.to_ne_bytes().to_vec(),
    })
}

fn raw_bytes(descr: &str, itemsize: usize, value: &Value) -> Option<Vec<u8>> {
    let mut bytes = match (descr.get(1..2)?, value) {
        ("M" | "m", Value::String(text)) => (text == "NaT").then(|| i64::MIN.to_ne_bytes().to_vec())?,
        ("M" | "m", number) => number.as_i64()?.to_ne_bytes().to_vec(),
        ("U", Value::String(text)) => text.chars().flat_map(|c| (c as u32).to_ne_bytes()).collect(),
        (_, Value::String(text)) => base64::decode(text)?,
        (_, Value::Array(numbers)) => numbers
            .iter()
            .map(|number| number.as_u64().and_then(|n| u8::try_from(n).ok()))
            .collect::<Option<_>>()?,
        ("U" | "S" | "V", Value::Number(number)) if number.as_f64() == Some(0.0) => Vec::new(),
        _ => return None,
    };
    (bytes.len() <= itemsize).then(|| {
        bytes.resize(itemsize, 0);
        bytes
    })
}

/// How a document writes the element in `bytes`.
///
/// # Errors
/// When `bytes` isn't one element.
pub fn fill_value(dtype: &NdDtype, bytes: &[u8]) -> Result<Value> {
    let wrong = || Error::internal("a fill value of one element");
    if bytes.len() != dtype.itemsize() {
        return Err(wrong());
    }
    macro_rules! number {
        ($t:ty) => {
            <$t>::from_ne_bytes(bytes.try_into().map_err(|_| wrong())?)
        };
    }
    let elem = match dtype {
        NdDtype::Num(elem) => *elem,
        NdDtype::Raw { descr, .. } => {
            return match descr.get(1..2) {
                Some("M" | "m") => Ok(number!(i64).into()),
                Some("U") => {
                    let text: Option<String> = bytes
                        .chunks_exact(4)
                        .map(|unit| unit.try_into().map_or(0, u32::from_ne_bytes))
                        .take_while(|code| *code != 0)
                        .map(char::from_u32)
                        .collect();
                    text.map(Value::from).ok_or_else(wrong)
                }
                Some("S") => {
                    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
                    Ok(base64::encode(&bytes[..end]).into())
                }
                _ => Ok(base64::encode(bytes).into()),
            };
        }
        NdDtype::Host => return Err(wrong()),
    };
    Ok(match elem {
        Elem::Bool => (bytes[0] != 0).into(),
        Elem::I8 => number!(i8).into(),
        Elem::I16 => number!(i16).into(),
        Elem::I32 => number!(i32).into(),
        Elem::I64 => number!(i64).into(),
        Elem::U8 => number!(u8).into(),
        Elem::U16 => number!(u16).into(),
        Elem::U32 => number!(u32).into(),
        Elem::U64 => number!(u64).into(),
        Elem::F16 | Elem::F32 | Elem::F64 => float_value(bytes).ok_or_else(wrong)?,
        Elem::C64 | Elem::C128 => {
            let (real, imaginary) = bytes.split_at(bytes.len() / 2);
            let parts: Option<Vec<Value>> = [real, imaginary].into_iter().map(float_value).collect();
            parts.ok_or_else(wrong)?.into()
        }
    })
}

fn float_value(bytes: &[u8]) -> Option<Value> {
    let number = match bytes.len() {
        2 => F16::from_ne_bytes(bytes.try_into().ok()?).to_f64(),
        // The shortest digits that give this very float: what Python writes as well.
        4 => {
            let number = f32::from_ne_bytes(bytes.try_into().ok()?);
            f64::from(number)
        }
        _ => f64::from_ne_bytes(bytes.try_into().ok()?),
    };
    Some(if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        number.into()
    })
}

/// Base 64 of few bytes, as fill values have it.
mod base64 {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub(super) fn encode(bytes: &[u8]) -> String {
        let mut text = String::new();
        for group in bytes.chunks(3) {
            let bits =
                group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for digit in 0..4 {
                if digit <= group.len() {
                    text.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
                } else {
                    text.push('=');
                }
            }
        }
        text
    }

    pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let text = text.trim_end_matches('=').as_bytes();
        for group in text.chunks(4) {
            let mut bits = 0u32;
            for byte in group {
                bits = bits << 6 | DIGITS.iter().position(|digit| digit == byte)? as u32;
            }
            bits <<= 6 * (4 - group.len());
            bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dtypes_go_both_ways() {
        let all = Elem::ALL.into_iter().map(NdDtype::Num);
        let raws = ["<M8[ns]", "<m8[10s]", "<M8", "<U3", "|S5", "|V6"];
        for dtype in all.chain(raws.into_iter().map(|descr| from_numpy(descr).expect("dtype"))) {
            let text = to_numpy(&dtype).expect("text");
            assert_eq!(from_numpy(&text).expect("v2"), dtype);
            assert_eq!(from_v3(&to_v3(&dtype).expect("v3")).expect("back"), dtype);
            assert_eq!(
                for_codecs(&dtype).expect("codecs").fixed_size(),
                Some(dtype.itemsize())
            );
        }
        assert_eq!(
            from_v2(&json!(">f4")).expect("big"),
            (NdDtype::Num(Elem::F32), Some(Endianness::Big))
        );
        for dtype in [
            json!("|O"),
            json!("<f16"),
            json!([["a", "<i4"]]),
            json!("f8"),
            json!("|S0"),
            json!(""),
        ] {
            assert!(from_v2(&dtype).is_err(), "{dtype}");
        }
        for dtype in [
            json!("string"),
            json!("r7"),
            json!("bfloat16"),
            json!({"name": "struct"}),
            json!(3),
        ] {
            assert!(from_v3(&dtype).is_err(), "{dtype}");
        }
    }

    #[test]
    fn fill_values_go_both_ways() {
        let num = NdDtype::Num;
        for (dtype, value) in [
            (num(Elem::Bool), json!(true)),
            (num(Elem::U64), json!(u64::MAX)),
            (num(Elem::I64), json!(i64::MIN)),
            (num(Elem::F64), json!(0.1)),
            (num(Elem::F32), json!("-Infinity")),
            (num(Elem::F16), json!("NaN")),
            (num(Elem::C64), json!([1.5, "NaN"])),
            (from_numpy("<M8[s]").expect("dtype"), json!(i64::MIN)),
            (from_numpy("<U3").expect("dtype"), json!("äb")),
            (from_numpy("|S5").expect("dtype"), json!("YWJjZA==")),
            (from_numpy("|V1").expect("dtype"), json!("/w==")),
        ] {
            let bytes = fill_bytes(&dtype, &value).expect("bytes");
            assert_eq!(fill_value(&dtype, &bytes).expect("value"), value);
        }
        assert_eq!(
            fill_bytes(&num(Elem::F32), &json!("0x7fc00000")).expect("hex"),
            f32::NAN.to_ne_bytes()
        );
        assert_eq!(
            fill_bytes(&num(Elem::I16), &json!(3.0)).expect("whole"),
            3i16.to_ne_bytes()
        );
        assert_eq!(fill_bytes(&num(Elem::I16), &json!(null)).expect("null"), [0, 0]);
        for (elem, value) in [
            (Elem::I8, json!(300)),
            (Elem::I8, json!(1.5)),
            (Elem::F32, json!("x")),
        ] {
            assert!(fill_bytes(&num(elem), &value).is_err());
        }
    }
}
