//! pandas and NumPy dtype objects to [`Dtype`] and back.
//!
//! Invariant: a native dtype comes back equal (`to_python(from_python(d)) == d`); what wouldn't is kept as the object and is
//! a host dtype: object, complex, float16, longdouble, void, period, interval, sparse, foreign byte order, timezones that
//! have no text of their own, Arrow extension types, `str` held by Python objects.

use std::sync::Arc;

use arrow::datatypes::DataType;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3_arrow::PyDataType;

use crate::dtype::{Categories, Dtype, NumpyType, TimeUnit};
use crate::error::Error;
use crate::py::convert::{is_pandas, pandas_class};
use crate::py::host::PyHostValue;

/// The dtype that the pandas or NumPy dtype `object` is.
///
/// # Errors
/// When Python fails.
pub fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    let py = object.py();
    let numpy_dtype = py.import(intern!(py, "numpy"))?.getattr(intern!(py, "dtype"))?;
    let found = if object.is_instance(&numpy_dtype)? {
        numpy(object)?
    } else if is_pandas(object, "StringDtype")? {
        text(object)?
    } else if is_pandas(object, "CategoricalDtype")? {
        category(object)?
    } else if is_pandas(object, "DatetimeTZDtype")? {
        datetimetz(object)?
    } else if is_pandas(object, "ArrowDtype")? {
        arrow(object)?
    } else {
        nullable(object)?
    };
    match found {
        Some(dtype) => Ok(dtype),
        None => host(object),
    }
}

/// A host dtype that keeps the object.
///
/// # Errors
/// When the dtype has no text.
pub fn host(object: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    Ok(Dtype::Host {
        name: object.str()?.to_str()?.into(),
        value: Some(Arc::new(PyHostValue::new(object))),
    })
}

fn numpy(object: &Bound<'_, PyAny>) -> PyResult<Option<Dtype>> {
    let py = object.py();
    if !object.getattr(intern!(py, "isnative"))?.is_truthy()? {
        return Ok(None);
    }
    let name = object.getattr(intern!(py, "name"))?;
    Ok(NumpyType::parse(name.cast()?.to_str()?).map(Dtype::Numpy))
}

fn text(object: &Bound<'_, PyAny>) -> PyResult<Option<Dtype>> {
    let py = object.py();
    let pyarrow = object.getattr(intern!(py, "storage"))?.eq("pyarrow")?;
    let missing = object.getattr(intern!(py, "na_value"))?;
    if missing.is(&pandas_class(py, "NA")?) {
        return Ok(Some(Dtype::String { pyarrow }));
    }
    // pandas holds the two storages of `str` to be different dtypes, and the engine has one word only.
    Ok(pyarrow.then_some(Dtype::Str))
}

fn nullable(object: &Bound<'_, PyAny>) -> PyResult<Option<Dtype>> {
    let py = object.py();
    let class = py
        .import(intern!(py, "pandas.core.dtypes.dtypes"))?
        .getattr(intern!(py, "BaseMaskedDtype"))?;
    if !object.is_instance(&class)? {
        return Ok(None);
    }
    let Some(Dtype::Numpy(kind)) = numpy(&object.getattr(intern!(py, "numpy_dtype"))?)? else {
        return Ok(None);
    };
    verified(object, Dtype::Nullable(kind))
}

fn datetimetz(object: &Bound<'_, PyAny>) -> PyResult<Option<Dtype>> {
    let py = object.py();
    let unit: String = object.getattr(intern!(py, "unit"))?.extract()?;
    let zone = object.getattr(intern!(py, "tz"))?;
    match (TimeUnit::parse(&unit), timezone_text(&zone)) {
        (Some(unit), Some(zone)) => verified(object, Dtype::Datetimetz(unit, zone.into())),
        _ => Ok(None),
    }
}

/// The text that pandas reads as the very timezone `zone`.
#[must_use]
pub fn timezone_text(zone: &Bound<'_, PyAny>) -> Option<String> {
    let py = zone.py();
    let text: String = zone.str().ok()?.extract().ok()?;
    let class = pandas_class(py, "DatetimeTZDtype").ok()?;
    let made = class.call1(("us", text.as_str())).ok()?;
    let wanted = class.call1(("us", zone)).ok()?;
    made.eq(wanted).ok()?.then_some(text)
}

fn category(object: &Bound<'_, PyAny>) -> PyResult<Option<Dtype>> {
    let py = object.py();
    let values = object.getattr(intern!(py, "categories"))?;
    if values.is_none() || is_pandas(&values, "MultiIndex")? {
        return Ok(None);
    }
    let ordered = object.getattr(intern!(py, "ordered"))?.is_truthy()?;
    let array = values.getattr(intern!(py, "_values"))?;
    let (dtype, Some(parts)) = super::pandas::array_from_pandas(&array, None)? else {
        return Ok(None);
    };
    let values = super::arrow::one_array(parts, &dtype)?;
    Ok(Some(Dtype::Category(Arc::new(Categories {
        values,
        dtype,
        ordered,
    }))))
}

fn arrow(object: &Bound<'_, PyAny>) -> PyResult<Option<Dtype>> {
    let py = object.py();
    let inner = object.getattr(intern!(py, "pyarrow_dtype"))?;
    let extension = py
        .import(intern!(py, "pyarrow"))?
        .getattr(intern!(py, "BaseExtensionType"))?;
    if inner.is_instance(&extension)? {
        return Ok(None);
    }
    match inner.extract::<PyDataType>() {
        Ok(data_type) => verified(object, Dtype::Arrow(data_type.into_inner())),
        Err(_) => Ok(None),
    }
}

/// `dtype`, when it comes back equal to `object`.
fn verified(object: &Bound<'_, PyAny>, dtype: Dtype) -> PyResult<Option<Dtype>> {
    let same = match to_python(object.py(), &dtype) {
        Ok(back) => back.eq(object)?,
        Err(_) => false,
    };
    Ok(same.then_some(dtype))
}

/// The pandas or NumPy dtype object of `dtype`.
///
/// # Errors
/// When pandas refuses it.
pub fn to_python<'py>(py: Python<'py>, dtype: &Dtype) -> PyResult<Bound<'py, PyAny>> {
    match dtype {
        Dtype::Numpy(kind) => py
            .import(intern!(py, "numpy"))?
            .call_method1(intern!(py, "dtype"), (kind.name(),)),
        Dtype::Str => text_dtype(py, "pyarrow", Some(f64::NAN)),
        Dtype::String { pyarrow } => text_dtype(py, if *pyarrow { "pyarrow" } else { "python" }, None),
        Dtype::Nullable(_) => py
            .import(intern!(py, "pandas.api.types"))?
            .call_method1(intern!(py, "pandas_dtype"), (dtype.name(),)),
        Dtype::Datetimetz(unit, zone) => {
            pandas_class(py, "DatetimeTZDtype")?.call1((unit.name(), zone.as_ref()))
        }
        Dtype::Category(categories) => {
            let values = super::assemble::array_to_index(py, &categories.values, &categories.dtype)?;
            pandas_class(py, "CategoricalDtype")?.call1((values, categories.ordered))
        }
        Dtype::Arrow(data_type) => {
            pandas_class(py, "ArrowDtype")?.call1((super::arrow::type_to_pyarrow(py, data_type)?,))
        }
        Dtype::Host {
            value: Some(value), ..
        } => PyHostValue::object(py, value.as_ref())
            .ok_or_else(|| Error::internal("a dtype that isn't a Python object").into()),
        Dtype::Host { name, value: None } => py
            .import(intern!(py, "pandas.api.types"))?
            .call_method1(intern!(py, "pandas_dtype"), (name.as_ref(),)),
    }
}

fn text_dtype<'py>(py: Python<'py>, storage: &str, missing: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
    let class = pandas_class(py, "StringDtype")?;
    match missing {
        // pandas looks for the object `np.nan`, not for any NaN.
        Some(_) => class.call1((
            storage,
            py.import(intern!(py, "numpy"))?.getattr(intern!(py, "nan"))?,
        )),
        None => class.call1((storage, pandas_class(py, "NA")?)),
    }
}

/// The NumPy name of the codes of a categorical with `count` categories, as pandas chooses it.
#[must_use]
pub fn code_type(count: usize) -> (&'static str, usize) {
    match count {
        0..=0x7e => ("int8", 1),
        0x7f..=0x7ffe => ("int16", 2),
        _ => ("int32", 4),
    }
}

/// Whether an array of `data_type` may stand in a column of `dtype` as it is.
#[must_use]
pub fn fits(dtype: &Dtype, data_type: &DataType) -> bool {
    match dtype {
        Dtype::Str | Dtype::String { .. } => {
            matches!(
                data_type,
                DataType::LargeUtf8 | DataType::Utf8View | DataType::Utf8
            )
        }
        Dtype::Arrow(DataType::LargeUtf8 | DataType::Utf8View | DataType::Utf8) => {
            matches!(
                data_type,
                DataType::LargeUtf8 | DataType::Utf8View | DataType::Utf8
            )
        }
        // The values may differ from the categories in how they hold text; `fill` compares them.
        Dtype::Category(_) => {
            matches!(data_type, DataType::Dictionary(key, _) if **key == DataType::Int32)
        }
        _ => dtype.arrow().as_ref() == Some(data_type),
    }
}
