//! Python objects and functions as the engine sees them: objects (`value`), and functions, which are [`HostFn`]; and where
//! the arrays that functions make have their memory (`memory`).
//!
//! Covers calling a function with chunks as pandas objects, NumPy arrays and plain objects, and making a chunk of its
//! result. Does not cover which function is called when.
//!
//! Invariants: a user's exception comes back untouched; an argument that is a pandas object is a shallow copy, so that
//! pandas' copy-on-write keeps a function that writes to it from changing a chunk.

pub mod memory;
mod value;

use std::any::Any;
use std::sync::{Arc, OnceLock};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::chunk::array_source::ViewAxis;
use crate::chunk::host::{CallSite, HostOutput};
use crate::chunk::{Chunk, HostFn};
use crate::error::{Error, Result};
use crate::host::HostRef;
use crate::nd::Grid;
use crate::py::array::convert as array;
use crate::py::convert::assemble::kind_number;
use crate::py::convert::{call, chunk_to_pandas, frame_to_pandas};
use crate::py::delayed::DelayedFn;
use crate::py::error::{from_pyerr, host};
use crate::py::result::likely_chunk;
use crate::py::row_calls::{self, RowCall};
use crate::schema::FrameSchema;
use crate::token::{Token, Tokenize, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire, broken};

pub use value::PyHostValue;
use value::{is_pandas, small_nbytes};

/// What there is to say of a Python callable.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostFnOptions {
    /// pandas or NumPy applied by dusk itself.
    pub library: bool,
    /// It has no inputs and is given the number of the partition.
    pub indexed: bool,
    /// It is called on partitions of a frame, and may ask which one it has (`partition_info`).
    pub partitions: bool,
    /// Its content hash, when the caller knows it.
    pub token: Option<Token>,
}

/// Which host function follows on the wire: a Python callable.
const FUNCTION: u8 = 0;

/// A Python callable. Fixed arguments belong into the callable itself.
#[derive(Debug)]
pub struct PyHostFn {
    function: HostRef,
    name: Arc<str>,
    token: OnceLock<Token>,
    library: bool,
    indexed: bool,
    /// Whether it takes `partition_info`.
    asks: bool,
    divisions: Option<HostRef>,
}

impl PyHostFn {
    /// A callable.
    ///
    /// # Errors
    /// [`crate::error::Kind::Type`] when `function` isn't callable.
    pub fn new(function: &Bound<'_, PyAny>, options: HostFnOptions) -> PyResult<Self> {
        if !function.is_callable() {
            return Err(Error::type_(format!("{} isn't callable", function.get_type().name()?)).into());
        }
        Ok(Self {
            function: Arc::new(PyHostValue::new(function)),
            name: function_name(function).into(),
            token: options.token.map_or_else(OnceLock::new, OnceLock::from),
            library: options.library,
            indexed: options.indexed,
            asks: options.partitions && asks_for_partition_info(function),
            divisions: None,
        })
    }

    /// A callable whose name and token are known.
    #[must_use]
    pub fn named(function: &Bound<'_, PyAny>, name: Arc<str>, token: Token) -> Self {
        Self {
            function: Arc::new(PyHostValue::new(function)),
            name,
            token: OnceLock::from(token),
            library: false,
            indexed: false,
            asks: false,
            divisions: None,
        }
    }

    /// The same callable under another content hash.
    #[must_use]
    pub fn copied(&self, token: Token) -> Self {
        Self {
            function: self.function.clone(),
            name: self.name.clone(),
            token: OnceLock::from(token),
            library: self.library,
            indexed: self.indexed,
            asks: self.asks,
            divisions: self.divisions.clone(),
        }
    }

    /// Tells a function that asks for `partition_info` where its partition begins.
    #[must_use]
    pub fn with_divisions(mut self, divisions: &Bound<'_, PyAny>) -> Self {
        if self.asks {
            self.divisions = Some(Arc::new(PyHostValue::new(divisions)));
        }
        self
    }

    /// Reads what [`HostFn::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are damaged.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn HostFn>> {
        match from.tag()? {
            FUNCTION => {}
            row_calls::ROW_CALL => return RowCall::from_wire(from),
            _ => return Err(broken("no function")),
        }
        let function = from.object()?;
        let name = Python::attach(|py| python_object(py, &function).map(|object| function_name(&object)))
            .map_err(|error| Python::attach(|py| from_pyerr(py, error)))?;
        Ok(Arc::new(Self {
            function,
            name: name.into(),
            token: OnceLock::from(from.take::<Token>()?),
            library: from.take()?,
            indexed: from.take()?,
            asks: from.take()?,
            divisions: from.take()?,
        }))
    }

    fn encode_parts(function: &HostRef, token: Token, flags: [bool; 3], out: &mut Encoder) -> Result<()> {
        out.tag(FUNCTION);
        out.object(function, true);
        token.encode(out)?;
        for flag in flags {
            flag.encode(out)?;
        }
        Ok(())
    }

    /// Writes a callable of the user that isn't held as one of these, and is read as one.
    ///
    /// # Errors
    /// As `encode`.
    pub fn encode_callable(function: &HostRef, token: Token, out: &mut Encoder) -> Result<()> {
        Self::encode_parts(function, token, [false; 3], out)?;
        None::<HostRef>.encode(out)
    }

    fn run(
        &self,
        py: Python<'_>,
        groups: Vec<Vec<Chunk>>,
        output: &HostOutput,
        site: &CallSite,
    ) -> PyResult<Chunk> {
        let rows = site.block.as_ref().and_then(|_| short_rows(&groups));
        memory::pool_arrays(py);
        let mut args = Vec::with_capacity(groups.len() + 1);
        if self.indexed {
            args.push(match &site.block {
                Some(block) => PyTuple::new(py, &block.index)?.into_any(),
                None => site.partition.into_pyobject(py)?.into_any(),
            });
        }
        for (position, chunks) in groups.into_iter().enumerate() {
            if let Some(block) = &site.block {
                let objects = chunks
                    .into_iter()
                    .map(|chunk| array::argument(py, chunk, self.library))
                    .collect::<PyResult<Vec<_>>>()?;
                args.push(array::nested(py, &objects, &block.nests[position])?);
                continue;
            }
            args.push(argument(py, chunks)?);
        }
        let function = python_object(py, &self.function)?;
        let _buffer = rows.map(|rows| UfuncBuffer::for_rows(py, rows)).transpose()?;
        let result = if self.asks {
            let kwargs = PyDict::new(py);
            kwargs.set_item(intern!(py, "partition_info"), self.partition_info(py, site)?)?;
            function.call(PyTuple::new(py, args)?, Some(&kwargs))?
        } else {
            function.call1(PyTuple::new(py, args)?)?
        };
        match output {
            HostOutput::Object => Ok(Chunk::Host(Arc::new(PyHostValue::new(&result)))),
            HostOutput::Likely { schema, labels } => likely_chunk(&result, schema, *labels),
            HostOutput::Array(dtype) => array::chunk_from_result(&result, dtype),
        }
    }

    fn partition_info<'py>(&self, py: Python<'py>, site: &CallSite) -> PyResult<Bound<'py, PyDict>> {
        let info = PyDict::new(py);
        info.set_item(intern!(py, "number"), site.partition)?;
        let division = match &self.divisions {
            Some(divisions) => python_object(py, divisions)?.get_item(site.partition)?,
            None => py.None().into_bound(py),
        };
        info.set_item(intern!(py, "division"), division)?;
        Ok(info)
    }
}

/// Elements of the shortest rows among large blocks with several axes, where NumPy's buffer holds more than two.
fn short_rows(groups: &[Vec<Chunk>]) -> Option<usize> {
    let rows = groups.iter().flatten().filter_map(|chunk| match chunk {
        Chunk::Array(array) if array.shape.len() > 1 && array.size() >= LARGE_BLOCK => {
            array.shape.last().copied()
        }
        _ => None,
    });
    rows.min().filter(|len| (1..UFUNC_BUFFER / 2).contains(len))
}

/// Blocks of fewer elements aren't worth a setting.
const LARGE_BLOCK: usize = 1 << 14;
/// Elements of NumPy's buffer for operands of ufuncs.
const UFUNC_BUFFER: usize = 8192;

/// A smaller buffer for the operands of NumPy's ufuncs in this thread, until it is dropped.
///
/// NumPy copies rows of operands that don't lie together into its buffer as soon as it holds several, though it could read
/// them where they are; `block[1:-1] += block[:-2]` then takes four times as long.
struct UfuncBuffer<'py> {
    set: Bound<'py, PyAny>,
    before: Bound<'py, PyAny>,
}

impl<'py> UfuncBuffer<'py> {
    /// Room for two rows of so many elements, but enough for converting types in it.
    fn for_rows(py: Python<'py>, rows: usize) -> PyResult<Self> {
        let set = py
            .import(intern!(py, "numpy"))?
            .getattr(intern!(py, "setbufsize"))?;
        let size = (2 * rows).clamp(512, UFUNC_BUFFER) / 16 * 16;
        let before = set.call1((size,))?;
        Ok(Self { set, before })
    }
}

impl Drop for UfuncBuffer<'_> {
    fn drop(&mut self) {
        // It was that before, so it can be that again.
        let _ = self.set.call1((&self.before,));
    }
}

impl HostFn for PyHostFn {
    fn call(&self, args: Vec<Vec<Chunk>>, output: &HostOutput, site: &CallSite) -> Result<Chunk> {
        Python::attach(|py| self.run(py, args, output, site).map_err(host(py)))
            .map_err(|error| called_note(error, &self.name, site))
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn token(&self) -> Token {
        if let Some(token) = self.token.get() {
            return *token;
        }
        // Outside the cell, which would stay shut in a child that is forked meanwhile.
        let mut t = Tokenizer::new();
        t.token(self.function.token());
        if let Some(divisions) = &self.divisions {
            t.token(divisions.token());
        }
        let token = t.finish();
        *self.token.get_or_init(|| token)
    }

    fn is_library(&self) -> bool {
        self.library
    }

    /// Asks the callable itself, by its method `__dusk_viewed__`.
    fn viewed(&self, axes: &[ViewAxis], fixed: &[(usize, usize)], shown: &Grid) -> Option<Arc<dyn HostFn>> {
        if !self.indexed || self.divisions.is_some() {
            return None;
        }
        let sizes: Option<Vec<Vec<usize>>> = shown
            .axes
            .iter()
            .map(|axis| axis.sizes().into_iter().collect())
            .collect();
        let mut t = Tokenizer::new();
        t.text("viewed").token(self.token());
        shown.tokenize(&mut t);
        for axis in axes {
            let (axis, start, step) = axis.as_ref()?;
            t.number(*axis as u64)
                .number(*start as u64)
                .number(step.cast_unsigned() as u64);
        }
        for (axis, position) in fixed {
            t.number(*axis as u64).number(*position as u64);
        }
        Python::attach(|py| {
            let object = python_object(py, &self.function).ok()?;
            let ask = object.getattr_opt(intern!(py, "__dusk_viewed__")).ok()??;
            let new = ask.call1((axes.to_vec(), fixed.to_vec(), sizes?)).ok()?;
            if new.is_none() {
                return None;
            }
            let options = HostFnOptions {
                library: self.library,
                indexed: true,
                partitions: false,
                token: Some(t.finish()),
            };
            let new = Self::new(&new, options).ok()?;
            Some(Arc::new(new) as Arc<dyn HostFn>)
        })
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        Self::encode_parts(
            &self.function,
            self.token(),
            [self.library, self.indexed, self.asks],
            out,
        )?;
        self.divisions.encode(out)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The Python callable of a host function; of a call that the engine makes itself, its name.
///
/// # Errors
/// When Python has no memory left.
pub fn callable<'py>(py: Python<'py>, function: &dyn HostFn) -> PyResult<Bound<'py, PyAny>> {
    let any = function.as_any();
    if let Some(call) = any.downcast_ref::<DelayedFn>() {
        return call.object(py);
    }
    match any.downcast_ref::<PyHostFn>() {
        Some(function) => python_object(py, &function.function),
        None => Ok(PyString::new(py, function.name()).into_any()),
    }
}

/// The error of a call, with a note that says which.
#[must_use]
pub fn called_note(error: Error, name: &str, site: &CallSite) -> Error {
    let note = format!(
        "in {name}, partition {} of {}, key {}",
        site.partition,
        site.npartitions,
        site.key()
    );
    error.note(match &site.origin {
        Some((source, partition)) => format!("{note}, from {}", source.describe(*partition)),
        None => note,
    })
}

/// An argument of a call: one chunk, or several as one object.
///
/// # Errors
/// As [`chunk_to_object`].
pub fn argument(py: Python<'_>, chunks: Vec<Chunk>) -> PyResult<Bound<'_, PyAny>> {
    match chunks.as_slice() {
        [chunk] => chunk_to_object(py, chunk),
        _ => chunks_to_object(py, None, chunks),
    }
}

/// Several chunks as one object: frames are put one after another, other objects become a list. The chunks are taken, so
/// that memory which nobody else holds is handed over. `schema` says what host chunks are; without it they say it
/// themselves.
///
/// # Errors
/// As [`frame_to_pandas`].
pub fn chunks_to_object<'py>(
    py: Python<'py>,
    schema: Option<&FrameSchema>,
    chunks: Vec<Chunk>,
) -> PyResult<Bound<'py, PyAny>> {
    let native = chunks.iter().find_map(|chunk| match chunk {
        Chunk::Frame(frame) => Some(frame.schema.clone()),
        _ => None,
    });
    let hosts = chunks
        .iter()
        .filter(|chunk| matches!(chunk, Chunk::Host(_)))
        .count();
    if native.is_some() && hosts > 0 {
        // Some partitions turned out otherwise: pandas finds what holds the values of all.
        let kind = native.as_ref().map_or(3, |schema| kind_number(schema.kind));
        let objects = chunks
            .iter()
            .map(|chunk| chunk_to_object(py, chunk))
            .collect::<PyResult<Vec<_>>>()?;
        return call(py, "concat", (objects, kind, py.None()));
    }
    // chunks know best: what was read may have turned out wider than what was planned
    if let Some(schema) = native.as_deref().or(schema) {
        return frame_to_pandas(py, schema, chunks);
    }
    let objects = chunks
        .iter()
        .map(|chunk| chunk_to_object(py, chunk))
        .collect::<PyResult<Vec<_>>>()?;
    if let [object] = objects.as_slice() {
        return Ok(object.clone());
    }
    match objects
        .iter()
        .all(is_pandas)
        .then(|| objects.first().map(kind_of))
        .flatten()
    {
        Some(kind) => call(py, "concat", (objects, kind?, py.None())),
        None => Ok(PyList::new(py, objects)?.into_any()),
    }
}

/// The number of a pandas object's kind.
fn kind_of(object: &Bound<'_, PyAny>) -> PyResult<u8> {
    let name = object.py().import(intern!(object.py(), "pandas"))?;
    for (kind, class) in ["DataFrame", "Series", "Index"].into_iter().enumerate() {
        if object.is_instance(&name.getattr(class)?)? {
            return Ok(kind as u8);
        }
    }
    Ok(3)
}

fn python_object<'py>(py: Python<'py>, value: &HostRef) -> PyResult<Bound<'py, PyAny>> {
    PyHostValue::object(py, value.as_ref())
        .ok_or_else(|| Error::internal("an object that isn't Python's").into())
}

/// What people call a function: its name, that of the function in a `partial`, or that of its class.
fn function_name(function: &Bound<'_, PyAny>) -> String {
    let py = function.py();
    let inner = function
        .getattr(intern!(py, "func"))
        .unwrap_or_else(|_| function.clone());
    let name = [function, &inner].iter().find_map(|function| {
        function
            .getattr(intern!(py, "__name__"))
            .ok()?
            .extract::<String>()
            .ok()
    });
    name.or_else(|| function.get_type().name().ok()?.extract().ok())
        .unwrap_or_else(|| "function".to_string())
}

fn asks_for_partition_info(function: &Bound<'_, PyAny>) -> bool {
    let py = function.py();
    py.import(intern!(py, "inspect"))
        .and_then(|inspect| inspect.call_method1(intern!(py, "signature"), (function,)))
        .and_then(|signature| signature.getattr(intern!(py, "parameters")))
        .and_then(|parameters| parameters.contains(intern!(py, "partition_info")))
        .unwrap_or(false)
}

/// The Python object of a chunk, for a function to read and write.
///
/// # Errors
/// As [`chunk_to_pandas`].
pub fn chunk_to_object<'py>(py: Python<'py>, chunk: &Chunk) -> PyResult<Bound<'py, PyAny>> {
    match chunk {
        Chunk::Frame(frame) => chunk_to_pandas(py, &frame.schema, chunk),
        Chunk::Array(array) => array::own_numpy(py, array.clone()),
        Chunk::Arrays(_) | Chunk::State(_) => Err(Error::internal("a partial result for a function").into()),
        Chunk::Host(value) => {
            let object = python_object(py, value)?;
            if small_nbytes(&object).is_none() && is_pandas(&object) && object.hasattr(intern!(py, "iloc"))? {
                let kwargs = PyDict::new(py);
                kwargs.set_item(intern!(py, "deep"), false)?;
                return object.call_method(intern!(py, "copy"), (), Some(&kwargs));
            }
            Ok(object)
        }
    }
}
