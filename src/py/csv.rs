//! `read_csv`'s keyword arguments, as pandas takes them, to the native reader's options.
//!
//! What the native reader has no option for is refused with `NotNative`; the caller then lets pandas read block by block.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};

use crate::chunk::Source;
use crate::dtype::Dtype;
use crate::error::Error;
use crate::expr::frame;
use crate::io::csv::{ColumnRef, Compression, CsvOptions, CsvSource};
use crate::py::convert::{dtype, label};
use crate::py::csv_fallback::WithFallback;
use crate::py::error::to_pyerr;
use crate::py::files::file_from_python;
use crate::py::node::PyNode;

/// Options that say what the native reader does anyway, or that concern only how pandas works.
const WITHOUT_EFFECT: [&str; 8] = [
    "engine",
    "low_memory",
    "memory_map",
    "float_precision",
    "dtype_backend",
    "storage_options",
    "cache_dates",
    "dialect",
];

/// A plan that reads CSV files natively. `fallback` gives a reader (see `reader_source`) of the same partitions, for content
/// that only pandas reads.
#[pyfunction]
#[pyo3(signature = (files, options, *, blocksize, sample, fallback=None))]
pub fn scan_csv(
    py: Python<'_>,
    files: Vec<Bound<'_, PyAny>>,
    options: &Bound<'_, PyDict>,
    blocksize: Option<u64>,
    sample: usize,
    fallback: Option<Py<PyAny>>,
) -> PyResult<PyNode> {
    let mut parsed = CsvOptions {
        blocksize,
        sample,
        ..CsvOptions::default()
    };
    let names = options.get_item("names")?.is_some_and(|names| !names.is_none());
    if names && options.get_item("header")?.is_none() {
        // names without a header argument mean that the file has none
        parsed.header = None;
    }
    for (key, value) in options {
        let key: String = key.extract()?;
        apply(&mut parsed, &key, &value)?;
    }
    let files = files.iter().map(file_from_python).collect::<PyResult<Vec<_>>>()?;
    let source = py
        .detach(|| CsvSource::new(files, parsed))
        .map_err(|error| to_pyerr(py, &error))?;
    let mut source: Arc<dyn Source> = Arc::new(source);
    if let Some(fallback) = fallback {
        source = Arc::new(WithFallback::new(source, fallback));
    }
    Ok(PyNode(frame::scan(source, None, "read-csv")))
}

fn refused(py: Python<'_>, key: &str) -> PyErr {
    to_pyerr(
        py,
        &Error::not_native(format!("read_csv: this {key} is not read natively")),
    )
}

fn apply(options: &mut CsvOptions, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = value.py();
    let refuse = || refused(py, key);
    match key {
        "sep" | "delimiter" => {
            if !value.is_none() {
                options.sep = byte(value)?.ok_or_else(refuse)?;
            }
        }
        "quotechar" => options.quotechar = byte(value)?,
        "quoting" => match value.extract::<u8>()? {
            0 | 1 => {}
            3 => options.quotechar = None,
            _ => return Err(refuse()),
        },
        "doublequote" => options.doublequote = value.extract()?,
        "escapechar" => options.escapechar = byte(value)?,
        "comment" => options.comment = byte(value)?,
        "lineterminator" => options.lineterminator = byte(value)?,
        "thousands" => options.thousands = byte(value)?,
        "decimal" => options.decimal = byte(value)?.ok_or_else(refuse)?,
        "skipinitialspace" => options.skipinitialspace = value.extract()?,
        "skip_blank_lines" => options.skip_blank_lines = value.extract()?,
        "keep_default_na" => options.keep_default_na = value.extract()?,
        "na_filter" => options.na_filter = value.extract()?,
        "assume_missing" => options.assume_missing = value.extract()?,
        "header" => {
            options.header = if value.is_none() {
                None
            } else if let Ok(text) = value.cast::<PyString>() {
                match text.to_cow()?.as_ref() {
                    "infer" => options.header,
                    _ => return Err(refuse()),
                }
            } else {
                Some(value.extract::<usize>().map_err(|_| refuse())?)
            }
        }
        "names" => {
            if !value.is_none() {
                options.names = Some(label::list_from_python(value)?);
            }
        }
        "skiprows" => {
            if !value.is_none() {
                options.skiprows = value.extract::<usize>().map_err(|_| refuse())?;
            }
        }
        "usecols" => {
            if !value.is_none() {
                options.usecols = Some(columns(value).map_err(|_| refuse())?);
            }
        }
        "dtype" => dtypes(options, value)?,
        "na_values" => na_values(options, value)?,
        "true_values" => options.true_values = words(value)?,
        "false_values" => options.false_values = words(value)?,
        "parse_dates" => {
            if value.is_instance_of::<PyBool>() || value.is_none() {
                // parse_dates=True means the index, which has no dates here
                if value.is_truthy()? {
                    return Err(refuse());
                }
            } else {
                options.parse_dates = columns(value).map_err(|_| refuse())?;
            }
        }
        "include_path_column" => {
            options.include_path_column = match value.extract::<bool>() {
                Ok(false) => None,
                Ok(true) => Some("path".to_string()),
                Err(_) => Some(value.extract()?),
            }
        }
        "compression" => {
            options.compression = match value
                .extract::<Option<String>>()
                .map_err(|_| refuse())?
                .as_deref()
            {
                None => Compression::None,
                Some("infer") => Compression::Infer,
                Some("gzip") => Compression::Gzip,
                Some("bz2") => Compression::Bz2,
                Some("xz") => Compression::Xz,
                Some("zstd") => Compression::Zstd,
                Some(_) => return Err(refuse()),
            }
        }
        "encoding" => {
            let encoding = value
                .extract::<Option<String>>()?
                .unwrap_or_default()
                .to_lowercase()
                .replace('_', "-");
            if !matches!(encoding.as_str(), "" | "utf-8" | "utf8" | "utf-8-sig" | "ascii") {
                return Err(refuse());
            }
        }
        "encoding_errors" => {
            if value.extract::<String>()? != "strict" {
                return Err(refuse());
            }
        }
        "on_bad_lines" => {
            if value.extract::<String>().map_err(|_| refuse())? != "error" {
                return Err(refuse());
            }
        }
        "index_col" => {
            if !(value.is_none() || value.is_instance_of::<PyBool>() && !value.is_truthy()?) {
                return Err(refuse());
            }
        }
        _ if WITHOUT_EFFECT.contains(&key) => {
            let default = value.is_none()
                || matches!(
                    key,
                    "engine" | "low_memory" | "memory_map" | "cache_dates" | "storage_options"
                )
                || value
                    .extract::<String>()
                    .is_ok_and(|text| matches!(text.as_str(), "high" | "round_trip" | "<no_default>"))
                || value.repr()?.to_string().contains("no_default");
            if !default {
                return Err(refuse());
            }
            if key == "engine"
                && value
                    .extract::<String>()
                    .is_ok_and(|engine| engine.starts_with("python"))
            {
                return Err(refuse());
            }
        }
        _ => return Err(refuse()),
    }
    Ok(())
}

/// A one-byte option: `None` for none.
fn byte(value: &Bound<'_, PyAny>) -> PyResult<Option<u8>> {
    if value.is_none() {
        return Ok(None);
    }
    let text: String = value.extract()?;
    match text.as_bytes() {
        [] => Ok(None),
        [byte] => Ok(Some(*byte)),
        _ => Err(refused(value.py(), "option of several characters")),
    }
}

fn column(value: &Bound<'_, PyAny>) -> PyResult<ColumnRef> {
    if value.is_instance_of::<PyBool>() {
        return Err(refused(value.py(), "column"));
    }
    // pandas takes integers as positions, everything else as labels
    match value.extract::<usize>() {
        Ok(position) => Ok(ColumnRef::Position(position)),
        Err(_) => Ok(ColumnRef::Name(label::from_python(value)?)),
    }
}

fn columns(value: &Bound<'_, PyAny>) -> PyResult<Vec<ColumnRef>> {
    if value.is_instance_of::<PyString>() || value.is_callable() || value.is_instance_of::<PyDict>() {
        return Err(refused(value.py(), "list of columns"));
    }
    value.try_iter()?.map(|item| column(&item?)).collect()
}

fn native_dtype(value: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    let parsed = dtype::from_python(value)?;
    if parsed.is_host() {
        Err(refused(value.py(), "dtype"))
    } else {
        Ok(parsed)
    }
}

fn dtypes(options: &mut CsvOptions, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_none() {
        return Ok(());
    }
    let Ok(mapping) = value.cast::<PyDict>() else {
        options.dtype = Some(native_dtype(value)?);
        return Ok(());
    };
    for (key, dtype) in mapping {
        options.dtypes.push((column(&key)?, native_dtype(&dtype)?));
    }
    Ok(())
}

fn words(value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_none() {
        return Ok(Vec::new());
    }
    if value.is_instance_of::<PyString>() {
        return Ok(vec![value.extract()?]);
    }
    if value.hasattr("__iter__")? {
        return value
            .try_iter()?
            .map(|item| item?.extract().map_err(|_| refused(value.py(), "word")))
            .collect();
    }
    Err(refused(value.py(), "word"))
}

fn na_values(options: &mut CsvOptions, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match value.cast::<PyDict>() {
        Ok(mapping) => {
            for (key, list) in mapping {
                options.na_values_by_column.push((column(&key)?, words(&list)?));
            }
        }
        Err(_) => options.na_values = words(value)?,
    }
    Ok(())
}
