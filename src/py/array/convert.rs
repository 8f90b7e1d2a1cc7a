//! NumPy arrays as blocks and blocks as NumPy arrays, without copying where nobody can tell.
//!
//! Covers dtypes, memory and the result of a computation. Invariants: memory that is lent to a function of the user is its
//! own; memory that is lent to NumPy calls of dusk's own is marked read-only; a result is writeable.

use std::panic::AssertUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::alloc::Allocation;
use arrow::buffer::{Buffer, MutableBuffer};
use numpy::ndarray::ArrayView1;
use numpy::{PyArray1, PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::{Error, Result};
use crate::expr::array::ArraySchema;
use crate::kernels::nd::copy;
use crate::nd::{Elem, NdDtype};
use crate::py::convert::numpy::lend;
use crate::py::host::{PyHostValue, chunk_to_object};

/// The dtype that NumPy's `dtype` means to the engine.
///
/// # Errors
/// When it is no dtype.
pub fn dtype_from_python(dtype: &Bound<'_, PyAny>) -> PyResult<NdDtype> {
    let descr = dtype.cast::<PyArrayDescr>()?;
    let itemsize = descr.itemsize();
    let native = matches!(descr.byteorder(), b'=' | b'|') || itemsize == 1;
    let elem = match (descr.kind(), itemsize) {
        _ if !native => None,
        (b'b', 1) => Some(Elem::Bool),
        (b'i', 1) => Some(Elem::I8),
        (b'i', 2) => Some(Elem::I16),
        (b'i', 4) => Some(Elem::I32),
        (b'i', 8) => Some(Elem::I64),
        (b'u', 1) => Some(Elem::U8),
        (b'u', 2) => Some(Elem::U16),
        (b'u', 4) => Some(Elem::U32),
        (b'u', 8) => Some(Elem::U64),
        (b'f', 2) => Some(Elem::F16),
        (b'f', 4) => Some(Elem::F32),
        (b'f', 8) => Some(Elem::F64),
        (b'c', 8) => Some(Elem::C64),
        (b'c', 16) => Some(Elem::C128),
        _ => None,
    };
    if let Some(elem) = elem {
        return Ok(NdDtype::Num(elem));
    }
    if itemsize == 0
        || !matches!(
            descr.kind(),
            b'b' | b'i' | b'u' | b'f' | b'c' | b'm' | b'M' | b'S' | b'U'
        )
    {
        return Ok(NdDtype::Host);
    }
    let text: String = dtype.getattr(intern!(dtype.py(), "str"))?.extract()?;
    Ok(NdDtype::Raw {
        descr: text.into(),
        itemsize,
    })
}

/// NumPy's dtype of a native dtype.
///
/// # Errors
/// When objects are asked for.
pub fn dtype_to_python<'py>(py: Python<'py>, dtype: &NdDtype) -> PyResult<Bound<'py, PyAny>> {
    let name: &str = match dtype {
        NdDtype::Num(elem) => elem.name(),
        NdDtype::Raw { descr, .. } => descr,
        NdDtype::Host => return Err(Error::internal("an array chunk of objects").into()),
    };
    py.import(intern!(py, "numpy"))?
        .getattr(intern!(py, "dtype"))?
        .call1((name,))
}

/// Whether `object` is a plain NumPy array (or one that is mapped from a file), not a masked array or another subclass.
fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    let Ok(numpy) = object.py().import(intern!(object.py(), "numpy")) else {
        return false;
    };
    let kind = object.get_type();
    ["ndarray", "memmap"]
        .into_iter()
        .any(|name| numpy.getattr(name).is_ok_and(|class| kind.is(&class)))
}

/// A plain NumPy array as a block that shares its memory; `None` when it is no plain array or has elements that only NumPy
/// can hold.
///
/// # Errors
/// When NumPy fails to copy an array that lies in memory in a way that kernels can't read.
pub fn chunk_from_numpy(object: &Bound<'_, PyAny>) -> PyResult<Option<ArrayChunk>> {
    if !is_plain(object) {
        return Ok(None);
    }
    let py = object.py();
    let array = object.cast::<PyUntypedArray>()?;
    let dtype = dtype_from_python(array.dtype().as_any())?;
    if dtype == NdDtype::Host {
        return Ok(None);
    }
    let itemsize = dtype.itemsize();
    let aligned: bool = object
        .getattr(intern!(py, "flags"))?
        .getattr(intern!(py, "aligned"))?
        .extract()?;
    if !aligned {
        let copy = object.call_method0(intern!(py, "copy"))?;
        return chunk_from_numpy(&copy);
    }
    let shape = array.shape().to_vec();
    if shape.contains(&0) {
        let empty: Buffer = MutableBuffer::new(0).into();
        return Ok(Some(ArrayChunk::dense(dtype, shape, empty)?));
    }
    let strides = array.strides().to_vec();
    let reach = |pick: fn(isize) -> bool| -> isize {
        let steps = shape.iter().zip(&strides).filter(|(_, stride)| pick(**stride));
        steps.map(|(len, stride)| (*len as isize - 1) * stride).sum()
    };
    let before = reach(|stride| stride < 0).unsigned_abs();
    let len = before + reach(|stride| stride > 0).unsigned_abs() + itemsize;
    // SAFETY: `array` is a NumPy array, whose head begins with the pointer to its first element.
    let data = unsafe { (*array.as_array_ptr()).fields.data }.cast::<u8>();
    // SAFETY: by NumPy's rules elements lie `before` bytes before the first one, too.
    let start = unsafe { data.sub(before) };
    let Some(pointer) = NonNull::new(start) else {
        return Err(Error::internal("an array without memory").into());
    };
    if let Some(buffer) = lent(object, start, len)? {
        return Ok(Some(ArrayChunk::strided(dtype, shape, strides, before, buffer)?));
    }
    let owner: Arc<dyn Allocation> = Arc::new(AssertUnwindSafe(object.clone().unbind()));
    // SAFETY: the `len` bytes from `pointer` are those of the array's elements, which `owner` keeps alive.
    let buffer = unsafe { Buffer::from_custom_allocation(pointer, len, owner) };
    Ok(Some(ArrayChunk::strided(dtype, shape, strides, before, buffer)?))
}

/// The `len` bytes from `start` on of a block's memory that `array` is a view of. Without this, a block that went through
/// many calls which only change its shape would hold as many owners, one inside the other.
fn lent(array: &Bound<'_, PyAny>, start: *const u8, len: usize) -> PyResult<Option<Buffer>> {
    let name = intern!(array.py(), "base");
    let mut base = array.getattr(name)?;
    while base.is_instance_of::<PyUntypedArray>() {
        base = base.getattr(name)?;
    }
    let Ok(memory) = base.cast::<SharedMemory>() else {
        return Ok(None);
    };
    let buffer = &memory.get().buffer;
    let at = (start as usize).checked_sub(buffer.as_ptr() as usize);
    let at = at.filter(|at| at.checked_add(len).is_some_and(|end| end <= buffer.len()));
    Ok(at.map(|at| buffer.slice_with_length(at, len)))
}

/// What a call for a block returned, as a chunk.
///
/// # Errors
/// When NumPy fails.
pub fn chunk_from_result(result: &Bound<'_, PyAny>, dtype: &NdDtype) -> PyResult<Chunk> {
    let py = result.py();
    if *dtype != NdDtype::Host {
        let numpy = py.import(intern!(py, "numpy"))?;
        let scalar = result.is_instance(&numpy.getattr(intern!(py, "generic"))?)?
            || result.is_instance_of::<pyo3::types::PyFloat>()
            || result.is_instance_of::<pyo3::types::PyInt>()
            || result.is_instance_of::<pyo3::types::PyComplex>();
        let array = if scalar {
            numpy.call_method1(intern!(py, "asarray"), (result,))?
        } else {
            result.clone()
        };
        if let Some(chunk) = chunk_from_numpy(&array)? {
            return Ok(Chunk::Array(Arc::new(chunk)));
        }
    }
    Ok(Chunk::Host(Arc::new(PyHostValue::new(result))))
}

/// Memory of a block that NumPy may read.
#[pyclass(frozen, module = "dusk._core")]
struct SharedMemory {
    buffer: Buffer,
}

/// The block as a NumPy array over the same memory, read-only.
///
/// # Errors
/// When Python has no memory left.
pub fn view_to_numpy<'py>(py: Python<'py>, array: &ArrayChunk) -> PyResult<Bound<'py, PyAny>> {
    let numpy = py.import(intern!(py, "numpy"))?;
    let dtype = dtype_to_python(py, &array.dtype)?;
    let shape = PyTuple::new(py, &array.shape)?;
    if array.size() == 0 {
        return numpy.call_method1(intern!(py, "empty"), (shape, dtype));
    }
    let memory = Bound::new(
        py,
        SharedMemory {
            buffer: array.buffer.clone(),
        },
    )?;
    let view = ArrayView1::from(memory.get().buffer.as_slice());
    // SAFETY: the array keeps `memory` alive, and is made read-only before anybody else sees it.
    let bytes = unsafe { PyArray1::borrow_from_array(&view, memory.clone().into_any()) }.into_any();
    bytes.call_method1(intern!(py, "setflags"), (false,))?;
    let strides = PyTuple::new(py, &array.strides)?;
    numpy
        .getattr(intern!(py, "ndarray"))?
        .call1((shape, dtype, bytes, array.offset, strides))
}

/// The block as a writeable NumPy array of its own; without a copy when nobody else holds it.
///
/// # Errors
/// When Python has no memory left.
pub fn own_numpy(py: Python<'_>, array: Arc<ArrayChunk>) -> PyResult<Bound<'_, PyAny>> {
    let shape = array.shape.clone();
    let dtype = array.dtype.clone();
    let bytes = array.size() * dtype.itemsize();
    let whole = array.as_dense().is_some() && array.offset == 0 && array.buffer.len() == bytes;
    let memory = match Arc::try_unwrap(array) {
        Ok(array) if whole => array.buffer.into_mutable().map_err(|buffer| {
            let mut copy = MutableBuffer::new(bytes);
            copy.extend_from_slice(buffer.as_slice());
            copy
        }),
        Ok(array) => Err(dense_copy(&array)?),
        Err(array) => Err(dense_copy(&array)?),
    };
    let memory = memory.unwrap_or_else(|copy| copy);
    numpy_of(py, memory, &shape, &dtype)
}

fn dense_copy(array: &ArrayChunk) -> Result<MutableBuffer> {
    let mut copy = MutableBuffer::new(array.size() * array.dtype.itemsize());
    array.runs(&mut |run| {
        copy.extend_from_slice(run);
        Ok(())
    })?;
    Ok(copy)
}

fn numpy_of<'py>(
    py: Python<'py>,
    memory: MutableBuffer,
    shape: &[usize],
    dtype: &NdDtype,
) -> PyResult<Bound<'py, PyAny>> {
    lend(py, memory)?
        .call_method1(intern!(py, "view"), (dtype_to_python(py, dtype)?,))?
        .call_method1(intern!(py, "reshape"), (PyTuple::new(py, shape)?,))
}

/// A block as an argument of a function: its own memory for a function of the user, which may write to it, a read-only view
/// for dusk's own calls.
///
/// # Errors
/// As [`chunk_to_object`].
pub fn argument(py: Python<'_>, chunk: Chunk, library: bool) -> PyResult<Bound<'_, PyAny>> {
    match chunk {
        Chunk::Array(array) if library => view_to_numpy(py, &array),
        Chunk::Array(array) => own_numpy(py, array),
        other => chunk_to_object(py, &other),
    }
}

/// Objects in nested lists of these lengths.
///
/// # Errors
/// When Python has no memory left.
pub fn nested<'py>(
    py: Python<'py>,
    objects: &[Bound<'py, PyAny>],
    lengths: &[usize],
) -> PyResult<Bound<'py, PyAny>> {
    match lengths.split_first() {
        None => objects
            .first()
            .cloned()
            .ok_or_else(|| Error::internal("a block that isn't there").into()),
        Some((count, rest)) => {
            let each = objects.len() / (*count).max(1);
            let parts = objects
                .chunks(each.max(1))
                .map(|part| nested(py, part, rest))
                .collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, parts)?.into_any())
        }
    }
}

/// The blocks of an array, or one chunk of all of them, as one object: a NumPy array (a scalar for an array without axes), or what Python makes of blocks
/// that are other objects.
///
/// # Errors
/// When the blocks don't fit together.
pub fn whole(py: Python<'_>, schema: &ArraySchema, mut chunks: Vec<Chunk>) -> PyResult<Py<PyAny>> {
    let counts = schema.grid.numblocks();
    let native = chunks.iter().map(|chunk| match chunk {
        Chunk::Array(array) if array.shape.len() == counts.len() => Some(array.clone()),
        _ => None,
    });
    let native: Option<Vec<Arc<ArrayChunk>>> = native.collect();
    let same = native
        .as_ref()
        .is_some_and(|arrays| arrays.iter().all(|array| array.dtype == arrays[0].dtype));
    let (Some(arrays), true) = (native, same) else {
        let objects = chunks
            .into_iter()
            .map(|chunk| match chunk {
                Chunk::Array(array) => own_numpy(py, array),
                other => chunk_to_object(py, &other),
            })
            .collect::<PyResult<Vec<_>>>()?;
        let blocks = nested(py, &objects, &counts)?;
        let join = py.import(intern!(py, "dusk.array._host"))?;
        return join
            .call_method1(intern!(py, "join_blocks"), (blocks, counts.len()))
            .map(Bound::unbind);
    };
    if let [_] = arrays.as_slice() {
        drop(arrays);
        let Some(Chunk::Array(array)) = chunks.pop() else {
            return Err(Error::internal("a block that isn't there").into());
        };
        let array = own_numpy(py, array)?;
        if counts.is_empty() {
            return array.get_item(PyTuple::empty(py)).map(Bound::unbind);
        }
        return Ok(array.unbind());
    }
    drop(chunks);
    let dtype = arrays[0].dtype.clone();
    let (memory, shape) = py.detach(|| gathered(schema, &arrays))?;
    drop(arrays);
    numpy_of(py, memory, &shape, &dtype).map(Bound::unbind)
}

fn gathered(schema: &ArraySchema, arrays: &[Arc<ArrayChunk>]) -> Result<(MutableBuffer, Vec<usize>)> {
    let counts = schema.grid.numblocks();
    // lengths are those that came out, which may not have been known before
    let mut starts: Vec<Vec<usize>> = Vec::with_capacity(counts.len());
    for (axis, count) in counts.iter().enumerate() {
        let mut at = 0;
        let mut positions = vec![0];
        for i in 0..*count {
            let mut index = vec![0; counts.len()];
            index[axis] = i;
            at += arrays[schema.grid.number(&index)].shape[axis];
            positions.push(at);
        }
        starts.push(positions);
    }
    let shape: Vec<usize> = starts
        .iter()
        .map(|positions| positions.last().copied().unwrap_or(0))
        .collect();
    let mut pieces = Vec::with_capacity(arrays.len());
    for (number, array) in arrays.iter().enumerate() {
        let index = schema.grid.index(number);
        let fits = index
            .iter()
            .enumerate()
            .all(|(axis, i)| array.shape[axis] == starts[axis][i + 1] - starts[axis][*i]);
        if !fits {
            return Err(Error::value(format!(
                "block {index:?} has shape {:?}, which doesn't fit its neighbours",
                array.shape
            )));
        }
        pieces.push(copy::Piece {
            chunk: (**array).clone(),
            at: index
                .iter()
                .enumerate()
                .map(|(axis, i)| starts[axis][*i])
                .collect(),
        });
    }
    let dense = copy::gather(&pieces, &shape, &arrays[0].dtype)?;
    let memory = dense.buffer.into_mutable().unwrap_or_else(|buffer| {
        let mut copy = MutableBuffer::new(buffer.len());
        copy.extend_from_slice(buffer.as_slice());
        copy
    });
    Ok((memory, shape))
}
