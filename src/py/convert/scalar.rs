//! Single values: Python, NumPy and pandas scalars to literals and back.
//!
//! NumPy's scalars carry their dtype (strong), Python's don't (weak). What the engine has no word for (Decimal, dates,
//! complex numbers, periods, integers beyond 64 bits) is refused with [`crate::error::Kind::NotNative`], so that the caller
//! takes the pandas path.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDateTime, PyDelta, PyFloat, PyInt, PyString};

use crate::dtype::{NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::py::convert::{is_pandas, pandas_class};
use crate::py::error::host;
use crate::scalar::{Literal, Scalar};

/// The literal that `object` is.
///
/// # Errors
/// [`crate::error::Kind::NotNative`] when the engine has no word for it.
pub fn literal_from_python(object: &Bound<'_, PyAny>) -> Result<Literal> {
    let py = object.py();
    let fail = host(py);
    if object.is_none() {
        return Ok(Literal::weak(Scalar::Missing));
    }
    if object.is_instance_of::<PyBool>() {
        return Ok(Literal::weak(Scalar::Bool(object.extract().map_err(fail)?)));
    }
    // NumPy first: `np.float64` is a `float`, `np.str_` a `str`.
    let numpy = py.import(intern!(py, "numpy")).map_err(fail)?;
    let generic = numpy.getattr(intern!(py, "generic")).map_err(fail)?;
    if object.is_instance(&generic).map_err(fail)? {
        return numpy_scalar(object);
    }
    if object.is_instance_of::<PyInt>() {
        return Ok(Literal::weak(Scalar::Int(integer(object)?)));
    }
    if object.is_instance_of::<PyFloat>() {
        return Ok(Literal::weak(Scalar::Float(object.extract().map_err(fail)?)));
    }
    if let Ok(text) = object.cast::<PyString>() {
        let text = text
            .to_cow()
            .map_err(|_| Error::not_native("text that isn't Unicode (a lone surrogate)"))?;
        return Ok(Literal::weak(Scalar::Str(text.as_ref().into())));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Literal::weak(Scalar::Bytes(bytes.as_bytes().into())));
    }
    for missing in ["NaT", "NA"] {
        if object.is(&pandas_class(py, missing).map_err(fail)?) {
            return Ok(Literal::weak(Scalar::Missing));
        }
    }
    if object.is_instance_of::<PyDateTime>() {
        return moment(object);
    }
    if object.is_instance_of::<PyDelta>() {
        return span(object);
    }
    Err(refuse(object))
}

/// The value of `object` alone, without its strength.
///
/// # Errors
/// As [`literal_from_python`].
pub fn scalar_from_python(object: &Bound<'_, PyAny>) -> Result<Scalar> {
    literal_from_python(object).map(|literal| literal.value)
}

fn refuse(object: &Bound<'_, PyAny>) -> Error {
    let name = object.get_type().name().map(|name| name.to_string());
    Error::not_native(format!("a scalar of type {}", name.unwrap_or_default()))
}

fn integer(object: &Bound<'_, PyAny>) -> Result<i128> {
    let refuse = || Error::not_native("an integer beyond 64 bits");
    if let Ok(value) = object.extract::<i64>() {
        return Ok(value.into());
    }
    object.extract::<u64>().map(i128::from).map_err(|_| refuse())
}

fn numpy_scalar(object: &Bound<'_, PyAny>) -> Result<Literal> {
    let py = object.py();
    let fail = host(py);
    let dtype = object.getattr(intern!(py, "dtype")).map_err(fail)?;
    let name: String = dtype
        .getattr(intern!(py, "name"))
        .and_then(|name| name.extract())
        .map_err(fail)?;
    let strong = |value, kind| {
        Ok(Literal {
            value,
            dtype: Some(kind),
        })
    };
    match NumpyType::parse(&name) {
        Some(kind @ NumpyType::Bool) => strong(Scalar::Bool(object.is_truthy().map_err(fail)?), kind),
        Some(kind) if kind.is_integer() => {
            let value = object.call_method0(intern!(py, "item")).map_err(fail)?;
            strong(Scalar::Int(integer(&value)?), kind)
        }
        Some(kind) if kind.is_float() => {
            let value = object.call_method0(intern!(py, "item")).map_err(fail)?;
            strong(Scalar::Float(value.extract().map_err(fail)?), kind)
        }
        Some(kind @ NumpyType::Datetime(unit)) => {
            let value = ticks(object)?;
            strong(
                value.map_or(Scalar::Missing, |value| Scalar::Timestamp {
                    value,
                    unit,
                    tz: None,
                }),
                kind,
            )
        }
        Some(kind @ NumpyType::Timedelta(unit)) => {
            let value = ticks(object)?;
            strong(
                value.map_or(Scalar::Missing, |value| Scalar::Timedelta { value, unit }),
                kind,
            )
        }
        _ if name.starts_with("datetime64[") || name.starts_with("timedelta64[") => {
            // Days, weeks and the like: pandas turns them into seconds, and so do we, as long as a tick has a fixed length.
            let seconds = name.replace("datetime64", "M8").replace("timedelta64", "m8");
            let unit = seconds
                .split_once('[')
                .map_or("", |(_, unit)| unit.trim_end_matches(']'));
            if !matches!(unit, "m" | "h" | "D" | "W") {
                return Err(refuse(object));
            }
            let to = format!("{}[s]", &seconds[..2]);
            numpy_scalar(&object.call_method1(intern!(py, "astype"), (to,)).map_err(fail)?)
        }
        _ => match object.cast::<PyString>() {
            Ok(text) => match text.to_cow() {
                Ok(text) => Ok(Literal::weak(Scalar::Str(text.as_ref().into()))),
                Err(_) => Err(refuse(object)),
            },
            Err(_) => match object.cast::<PyBytes>() {
                Ok(bytes) => Ok(Literal::weak(Scalar::Bytes(bytes.as_bytes().into()))),
                Err(_) => Err(refuse(object)),
            },
        },
    }
}

/// The ticks of a `datetime64` or `timedelta64`; `None` for `NaT`.
fn ticks(object: &Bound<'_, PyAny>) -> Result<Option<i64>> {
    let py = object.py();
    let fail = host(py);
    let value: i64 = object
        .call_method1(intern!(py, "astype"), ("i8",))
        .and_then(|value| value.call_method0(intern!(py, "item")))
        .and_then(|value| value.extract())
        .map_err(fail)?;
    Ok((value != i64::MIN).then_some(value))
}

/// Ticks and unit of a pandas `Timestamp` or `Timedelta`.
fn pandas_ticks(object: &Bound<'_, PyAny>) -> Result<(i64, TimeUnit)> {
    let py = object.py();
    let fail = host(py);
    let unit: String = object
        .getattr(intern!(py, "unit"))
        .and_then(|unit| unit.extract())
        .map_err(fail)?;
    let unit = TimeUnit::parse(&unit).ok_or_else(|| refuse(object))?;
    // `asm8` is in UTC and keeps the unit.
    let value = object.getattr(intern!(py, "asm8")).map_err(fail)?;
    Ok((ticks(&value)?.ok_or_else(|| refuse(object))?, unit))
}

fn moment(object: &Bound<'_, PyAny>) -> Result<Literal> {
    let py = object.py();
    let fail = host(py);
    let class = pandas_class(py, "Timestamp").map_err(fail)?;
    let stamp = if object.is_instance(&class).map_err(fail)? {
        object.clone()
    } else {
        // A `datetime` is a moment in microseconds, as pandas reads it.
        class.call1((object,)).map_err(|_| refuse(object))?
    };
    let (value, unit) = pandas_ticks(&stamp)?;
    let zone = stamp.getattr(intern!(py, "tz")).map_err(fail)?;
    let tz = if zone.is_none() {
        None
    } else {
        let text = super::dtype::timezone_text(&zone).ok_or_else(|| refuse(object))?;
        Some(text.into())
    };
    Ok(Literal::weak(Scalar::Timestamp { value, unit, tz }))
}

fn span(object: &Bound<'_, PyAny>) -> Result<Literal> {
    let py = object.py();
    let fail = host(py);
    let class = pandas_class(py, "Timedelta").map_err(fail)?;
    let delta = if is_pandas(object, "Timedelta").map_err(fail)? {
        object.clone()
    } else {
        class.call1((object,)).map_err(|_| refuse(object))?
    };
    let (value, unit) = pandas_ticks(&delta)?;
    Ok(Literal::weak(Scalar::Timedelta { value, unit }))
}

/// The Python object of a scalar: plain Python for numbers and text, pandas' for moments and spans, `None` for missing.
///
/// # Errors
/// When pandas refuses the value.
pub fn scalar_to_python<'py>(py: Python<'py>, scalar: &Scalar) -> PyResult<Bound<'py, PyAny>> {
    Ok(match scalar {
        Scalar::Missing => py.None().into_bound(py),
        Scalar::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
        Scalar::Int(value) => match i64::try_from(*value) {
            Ok(value) => value.into_pyobject(py)?.into_any(),
            Err(_) => u64::try_from(*value)
                .map_err(|_| Error::overflow(format!("the integer {value} is beyond 64 bits")))?
                .into_pyobject(py)?
                .into_any(),
        },
        Scalar::Float(value) => PyFloat::new(py, *value).into_any(),
        Scalar::Str(text) => PyString::new(py, text).into_any(),
        Scalar::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Scalar::Timestamp { value, unit, tz } => {
            let moment = numpy_ticks(py, "datetime64", *value, *unit)?;
            let stamp = pandas_class(py, "Timestamp")?.call1((moment,))?;
            match tz {
                None => stamp,
                Some(tz) => stamp
                    .call_method1(intern!(py, "tz_localize"), ("UTC",))?
                    .call_method1(intern!(py, "tz_convert"), (&**tz,))?,
            }
        }
        Scalar::Timedelta { value, unit } => {
            pandas_class(py, "Timedelta")?.call1((numpy_ticks(py, "timedelta64", *value, *unit)?,))?
        }
    })
}

/// The Python object of a literal: a NumPy scalar when it is strong.
///
/// # Errors
/// When the value doesn't fit its dtype.
pub fn literal_to_python<'py>(py: Python<'py>, literal: &Literal) -> PyResult<Bound<'py, PyAny>> {
    let Some(kind) = literal.dtype else {
        return scalar_to_python(py, &literal.value);
    };
    match (&literal.value, kind) {
        (Scalar::Timestamp { value, unit, .. }, NumpyType::Datetime(_)) => {
            numpy_ticks(py, "datetime64", *value, *unit)
        }
        (Scalar::Timedelta { value, unit }, NumpyType::Timedelta(_)) => {
            numpy_ticks(py, "timedelta64", *value, *unit)
        }
        (Scalar::Missing, NumpyType::Datetime(unit)) => numpy_ticks(py, "datetime64", i64::MIN, unit),
        (Scalar::Missing, NumpyType::Timedelta(unit)) => numpy_ticks(py, "timedelta64", i64::MIN, unit),
        (value, kind) => {
            let dtype = py
                .import(intern!(py, "numpy"))?
                .call_method1(intern!(py, "dtype"), (kind.name(),))?;
            let value = scalar_to_python(py, value)?;
            dtype.getattr(intern!(py, "type"))?.call1((value,))
        }
    }
}

fn numpy_ticks<'py>(py: Python<'py>, class: &str, value: i64, unit: TimeUnit) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "numpy"))?
        .getattr(class)?
        .call1((value, unit.name()))
}
