//! What the tests of the border call: chunks made, held and turned back without a plan or a scheduler.
//!
//! Not part of the API (`_core._probe`); `tests/interop` goes through it because nothing else reaches each side of the border alone.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::chunk::host::{CallSite, HostOutput};
use crate::chunk::{Batch, BatchFilter, Chunk, FrameChunk, HostFn, Scan, Source};
use crate::error::Error;
use crate::py::{convert, host, memory_source};

fn read(source: &memory_source::MemorySource, columns: &[usize]) -> crate::error::Result<Vec<Chunk>> {
    let full = source.schema();
    let picked = columns.iter().map(|&c| full.columns[c].clone()).collect();
    let schema = Arc::new(full.with_columns(full.kind, picked));
    (0..source.npartitions())
        .map(|partition| {
            let scan = Scan {
                partition,
                columns: columns.into(),
                filter: None,
                batch_rows: 1 << 30,
            };
            let mut stream = source.open(&scan)?;
            let mut batches = Vec::new();
            while let Some(batch) = stream.next()? {
                batches.push(batch);
            }
            Ok(Chunk::Frame(Arc::new(FrameChunk::new(schema.clone(), batches)?)))
        })
        .collect()
}

fn even(len: usize, parts: usize) -> Vec<usize> {
    (0..=parts).map(|i| len * i / parts).collect()
}

fn chunks_of(
    py: Python<'_>,
    object: &Bound<'_, PyAny>,
    parts: usize,
) -> PyResult<(Arc<crate::schema::FrameSchema>, Vec<Chunk>)> {
    let source =
        memory_source::MemorySource::new(object, even(object.len()?, parts), Some(host::unique_token()))?;
    let schema = source.schema();
    let all: Vec<usize> = (0..schema.columns.len()).collect();
    let chunks = if source.is_native(&all) {
        py.detach(|| read(&source, &all))?
    } else {
        (0..parts)
            .map(|p| {
                let value = host::PyHostValue::new(&source.host_partition(py, p, None)?)?;
                Ok(Chunk::Host(Arc::new(value)))
            })
            .collect::<PyResult<_>>()?
    };
    Ok((schema, chunks))
}

/// Test only: a pandas object through partitions and back.
#[pyfunction]
fn _roundtrip<'py>(py: Python<'py>, object: &Bound<'py, PyAny>, parts: usize) -> PyResult<Bound<'py, PyAny>> {
    let (schema, chunks) = chunks_of(py, object, parts)?;
    convert::frame_to_pandas(py, &schema, chunks)
}

/// Test only: chunks kept in Rust.
#[pyclass(frozen)]
struct Held {
    schema: Arc<crate::schema::FrameSchema>,
    chunks: parking_lot::Mutex<Vec<Chunk>>,
}

#[pymethods]
impl Held {
    #[new]
    fn new(py: Python<'_>, object: &Bound<'_, PyAny>, parts: usize) -> PyResult<Self> {
        let (schema, chunks) = chunks_of(py, object, parts)?;
        Ok(Self {
            schema,
            chunks: parking_lot::Mutex::new(chunks),
        })
    }

    /// Copies every batch into fresh Rust memory and joins partitions into one batch.
    fn own(&self) -> PyResult<()> {
        let mut chunks = self.chunks.lock();
        for chunk in chunks.iter_mut() {
            if let Chunk::Frame(frame) = chunk {
                let mut frame = FrameChunk::clone(frame);
                for batch in &mut frame.batches {
                    for array in &mut batch.columns {
                        *array = convert::arrow::compact(array)?;
                    }
                }
                *chunk = Chunk::Frame(Arc::new(frame));
            }
        }
        Ok(())
    }

    fn is_native(&self) -> bool {
        self.chunks
            .lock()
            .iter()
            .all(|chunk| matches!(chunk, Chunk::Frame(_)))
    }

    /// Where the values of the first batch's columns lie.
    fn addresses(&self) -> Vec<usize> {
        use arrow::array::Array;
        let chunks = self.chunks.lock();
        let Some(Chunk::Frame(frame)) = chunks.first() else {
            return Vec::new();
        };
        let columns = frame.batches[0].columns.iter();
        columns
            .map(|array| array.to_data().buffers()[0].as_ptr() as usize)
            .collect()
    }

    fn nbytes(&self) -> Vec<usize> {
        self.chunks.lock().iter().map(Chunk::nbytes).collect()
    }

    fn get<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let chunks = self.chunks.lock().clone();
        convert::frame_to_pandas(py, &self.schema, chunks)
    }

    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let chunks = std::mem::take(&mut *self.chunks.lock());
        convert::frame_to_pandas(py, &self.schema, chunks)
    }

    fn meta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::schema_to_meta(py, &self.schema)
    }

    fn map<'py>(
        &self,
        py: Python<'py>,
        function: &Bound<'py, PyAny>,
        meta: &Bound<'py, PyAny>,
    ) -> PyResult<Self> {
        let (schema, _) = convert::frame_from_pandas(meta)?;
        let schema = Arc::new(schema.with_levels());
        let function = host::PyHostFn::new(function, vec![host::HostArg::Input(0)], Vec::new(), false)?
            .with_partition_info(py, None)?;
        let chunks = self.chunks.lock().clone();
        let output = HostOutput::Frame(schema.clone());
        let npartitions = chunks.len();
        let chunks = py.detach(|| {
            chunks
                .into_iter()
                .enumerate()
                .map(|(partition, chunk)| {
                    let site = CallSite {
                        key: format!("('map', {partition})"),
                        partition,
                        npartitions,
                    };
                    function.call(&[chunk], &output, &site)
                })
                .collect::<crate::error::Result<Vec<_>>>()
        })?;
        Ok(Self {
            schema,
            chunks: parking_lot::Mutex::new(chunks),
        })
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        convert::arrow::frame_to_stream(py, &self.schema, self.chunks.lock().clone(), requested_schema)
    }

    fn dtypes(&self) -> Vec<String> {
        self.schema
            .columns
            .iter()
            .map(|column| column.dtype.name())
            .collect()
    }
}

/// Test only: the token of a frame's content.
#[pyfunction]
fn _token(object: &Bound<'_, PyAny>, parts: usize) -> PyResult<String> {
    let source = memory_source::MemorySource::new(object, even(object.len()?, parts), None)?;
    Ok(source.token().hex())
}

/// Test only: a scalar there and back, with the engine's word for it.
#[pyfunction]
fn _literal<'py>(py: Python<'py>, object: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, String)> {
    let literal = convert::scalar::literal_from_python(object)?;
    Ok((
        convert::scalar::literal_to_python(py, &literal)?,
        format!("{literal:?}"),
    ))
}

/// Test only: a label there and back.
#[pyfunction]
fn _label<'py>(py: Python<'py>, object: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, String)> {
    let label = convert::label::from_python(object)?;
    Ok((convert::label::to_python(py, &label)?, label.to_string()))
}

/// Test only: an object through pickle.
#[pyfunction]
fn _pickled<'py>(py: Python<'py>, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    use crate::host::HostValue;
    let value = host::PyHostValue::new(object)?;
    let back = value.loader().load(&value.dump()?)?;
    host::PyHostValue::object(py, back.as_ref()).ok_or_else(|| Error::internal("not Python's").into())
}

/// Test only: raises the error of an operating system call.
#[pyfunction]
fn _fail(kind: &str) -> PyResult<()> {
    Err(match kind {
        "os" => Error::os("/no/such/file", &std::io::Error::from_raw_os_error(2)),
        "value" => Error::value("bad").note("here"),
        "key" => Error::key("k"),
        "notnative" => Error::not_native("n"),
        "cancelled" => Error::new(crate::error::Kind::Cancelled, "stopped"),
        _ => Error::internal("broken"),
    }
    .into())
}

/// Keeps the rows whose first column is even; keeps a batch without odd numbers whole.
#[derive(Debug)]
struct Even;

impl BatchFilter for Even {
    fn columns(&self) -> &[usize] {
        &[0]
    }

    fn select(&self, batch: &Batch) -> crate::error::Result<Option<arrow::array::UInt32Array>> {
        use arrow::array::AsArray;
        let values = batch.columns[0]
            .as_primitive::<arrow::datatypes::Int64Type>()
            .values();
        if values.iter().all(|value| value % 2 == 0) {
            return Ok(None);
        }
        let rows = (0..batch.len as u32).filter(|&row| values[row as usize] % 2 == 0);
        Ok(Some(rows.collect()))
    }
}

/// Test only: the rows with an even first column, read by a source with a filter in batches of `rows`; the last column only.
#[pyfunction]
fn _even<'py>(
    py: Python<'py>,
    object: &Bound<'py, PyAny>,
    parts: usize,
    rows: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let source = memory_source::MemorySource::new(object, even(object.len()?, parts), None)?;
    let full = source.schema();
    let last = full.columns.len() - 1;
    let schema = Arc::new(
        full.with_columns(full.kind, vec![full.columns[last].clone()])
            .with_levels(),
    );
    let mut chunks = Vec::new();
    for partition in 0..parts {
        let scan = Scan {
            partition,
            columns: [last].into(),
            filter: Some(Arc::new(Even)),
            batch_rows: rows,
        };
        let mut stream = source.open(&scan)?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next()? {
            batches.push(batch);
        }
        chunks.push(Chunk::Frame(Arc::new(FrameChunk::new(schema.clone(), batches)?)));
    }
    convert::frame_to_pandas(py, &schema, chunks)
}

/// Adds the probes to the module.
///
/// # Errors
/// When Python fails.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Held>()?;
    for function in [
        wrap_pyfunction!(_roundtrip, m)?,
        wrap_pyfunction!(_token, m)?,
        wrap_pyfunction!(_literal, m)?,
        wrap_pyfunction!(_label, m)?,
        wrap_pyfunction!(_pickled, m)?,
        wrap_pyfunction!(_fail, m)?,
        wrap_pyfunction!(_even, m)?,
    ] {
        m.add_function(function)?;
    }
    Ok(())
}
