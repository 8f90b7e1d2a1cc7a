//! Arguments of delayed calls: what stays as it is, what an input fills, and containers with inputs in them.
//!
//! Covers the description for Python (`Input`, `Build`), the compact one for the engine (`Part`), and taking delayed values
//! out of plain arguments and lists (`Taken`). Anything else in arguments is opened by `dusk._delayed_arguments`.

use hashbrown::HashMap;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{
    PyBool, PyBytes, PyComplex, PyEllipsis, PyFloat, PyInt, PyList, PyRange, PySlice, PyString, PyTuple,
    PyType,
};

use super::{DelayedBase, node_of};
use crate::error::Error;
use crate::expr::NodeRef;
use crate::token::{Token, Tokenizer};

/// A place in the arguments of a call that one of its inputs fills.
#[pyclass(frozen, module = "dusk._core")]
pub struct Input {
    position: usize,
}

#[pymethods]
impl Input {
    #[new]
    fn new(position: usize) -> Self {
        Self { position }
    }

    #[getter]
    fn position(&self) -> usize {
        self.position
    }

    fn __dask_tokenize__(&self) -> (&'static str, usize) {
        ("dusk-input", self.position)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyType>, (usize,)) {
        (slf.get_type(), (slf.get().position,))
    }
}

/// A container in the arguments of a call that is made anew, since inputs are in it: `how` is a function and its first
/// arguments, `parts` are the others.
#[pyclass(frozen, module = "dusk._core")]
pub struct Build {
    how: Py<PyTuple>,
    parts: Box<[Part]>,
}

#[pymethods]
impl Build {
    #[new]
    fn new(how: Bound<'_, PyTuple>, parts: &Bound<'_, PyList>) -> PyResult<Self> {
        if how.is_empty() {
            return Err(Error::value("a container is built by a function").into());
        }
        let parts = parts.iter().map(|part| Part::of(&part)).collect();
        Ok(Self {
            how: how.unbind(),
            parts,
        })
    }

    #[getter]
    fn how<'py>(&self, py: Python<'py>) -> Bound<'py, PyTuple> {
        self.how.bind(py).clone()
    }

    #[getter]
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        objects(py, &self.parts)
    }

    /// The container, with inputs in their places.
    #[pyo3(signature = (*inputs))]
    fn __call__<'py>(&self, py: Python<'py>, inputs: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.fill(py, &inputs.iter().collect::<Vec<_>>())
    }

    fn __dask_tokenize__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(&'static str, Bound<'py, PyTuple>, Bound<'py, PyList>)> {
        Ok(("dusk-build", self.how(py), self.parts(py)?))
    }

    #[allow(clippy::type_complexity, reason = "the shape of a Python call")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyTuple>, Bound<'py, PyList>))> {
        let (py, own) = (slf.py(), slf.get());
        Ok((slf.get_type(), (own.how(py), own.parts(py)?)))
    }
}

impl Build {
    fn fill<'py>(&self, py: Python<'py>, inputs: &[Bound<'py, PyAny>]) -> PyResult<Bound<'py, PyAny>> {
        let how = self.how.bind(py);
        let mut args: Vec<_> = how.iter().skip(1).collect();
        for part in &self.parts {
            args.push(part.fill(py, inputs)?);
        }
        how.get_item(0)?.call1(PyTuple::new(py, args)?)
    }
}

/// Elements of a container. Behind two pointers, since most arguments are none and shall not be wider for it.
pub(super) type Parts = Box<Box<[Part]>>;

/// An argument of a call, or an element of one.
pub(super) enum Part {
    /// It stays as it is.
    Value(Py<PyAny>),
    /// An input fills it.
    Input(u32),
    /// A list with inputs in it.
    List(Parts),
    /// A tuple with inputs in it.
    Tuple(Parts),
    /// Another container with inputs in it.
    Build(Py<Build>),
}

impl Part {
    /// The argument that Python describes by `Input` and `Build`.
    pub(super) fn of(object: &Bound<'_, PyAny>) -> Self {
        if let Ok(input) = object.cast_exact::<Input>() {
            return Self::Input(input.get().position as u32);
        }
        match object.cast_exact::<Build>() {
            Ok(build) => Self::Build(build.clone().unbind()),
            Err(_) => Self::Value(object.clone().unbind()),
        }
    }

    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Value(value) => Self::Value(value.clone_ref(py)),
            Self::Input(position) => Self::Input(*position),
            Self::List(parts) => Self::List(Box::new(clone_all(py, parts))),
            Self::Tuple(parts) => Self::Tuple(Box::new(clone_all(py, parts))),
            Self::Build(build) => Self::Build(build.clone_ref(py)),
        }
    }

    /// The same for Python.
    pub(super) fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let sequence = |kind: Bound<'py, PyType>, parts: &[Self]| {
            let function = py
                .import(intern!(py, "dusk._delayed_arguments"))?
                .getattr(intern!(py, "build_sequence"))?;
            let parts = parts
                .iter()
                .map(|part| Ok(Self::of(&part.object(py)?)))
                .collect::<PyResult<_>>()?;
            let how = PyTuple::new(py, [function, kind.into_any()])?.unbind();
            Ok(Bound::new(py, Build { how, parts })?.into_any())
        };
        match self {
            Self::Value(value) => Ok(value.bind(py).clone()),
            Self::Input(position) => Ok(Bound::new(py, Input::new(*position as usize))?.into_any()),
            Self::List(parts) => sequence(py.get_type::<PyList>(), parts),
            Self::Tuple(parts) => sequence(py.get_type::<PyTuple>(), parts),
            Self::Build(build) => Ok(build.bind(py).clone().into_any()),
        }
    }

    /// Adds it to the content hash of a call. It was taken by [`Taken::take`], so its values are plain.
    pub(super) fn tokenize(&self, py: Python<'_>, inputs: &[NodeRef], t: &mut Tokenizer) -> PyResult<()> {
        match self {
            Self::Value(value) => tokenize_plain(value.bind(py), t),
            Self::Input(position) => {
                let input = inputs.get(*position as usize);
                let input = input.ok_or_else(|| Error::internal("a delayed call lacks an input"))?;
                t.text("input").token(input.token);
                Ok(())
            }
            Self::List(parts) | Self::Tuple(parts) => {
                let kind = if matches!(self, Self::List(_)) {
                    "list"
                } else {
                    "tuple"
                };
                t.text(kind).number(parts.len() as u64);
                parts.iter().try_for_each(|part| part.tokenize(py, inputs, t))
            }
            Self::Build(_) => Err(Error::internal("a container that isn't plain has no token here").into()),
        }
    }

    pub(super) fn fill<'py>(
        &self,
        py: Python<'py>,
        inputs: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Value(value) => Ok(value.bind(py).clone()),
            Self::Input(position) => inputs
                .get(*position as usize)
                .cloned()
                .ok_or_else(|| Error::internal("a delayed call lacks an input").into()),
            Self::List(parts) => Ok(PyList::new(py, fill_all(py, parts, inputs)?)?.into_any()),
            Self::Tuple(parts) => Ok(PyTuple::new(py, fill_all(py, parts, inputs)?)?.into_any()),
            Self::Build(build) => build.get().fill(py, inputs),
        }
    }
}

pub(super) fn clone_all(py: Python<'_>, parts: &[Part]) -> Box<[Part]> {
    parts.iter().map(|part| part.clone_ref(py)).collect()
}

pub(super) fn fill_all<'py>(
    py: Python<'py>,
    parts: &[Part],
    inputs: &[Bound<'py, PyAny>],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    parts.iter().map(|part| part.fill(py, inputs)).collect()
}

pub(super) fn objects<'py>(py: Python<'py>, parts: &[Part]) -> PyResult<Bound<'py, PyList>> {
    let parts = parts
        .iter()
        .map(|part| part.object(py))
        .collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, parts)
}

/// Takes delayed values out of plain arguments.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) inputs: Vec<NodeRef>,
    /// Made when there are many.
    places: HashMap<Token, u32>,
}

impl Taken {
    const FEW: usize = 8;

    /// The argument; none when it is of a kind that Python has to look at.
    pub(super) fn take(&mut self, object: &Bound<'_, PyAny>) -> PyResult<Option<Part>> {
        if is_plain(object) {
            return Ok(Some(Part::Value(object.clone().unbind())));
        }
        if let Ok(delayed) = object.cast::<DelayedBase>() {
            let node = node_of(delayed)?;
            return Ok((node.npartitions() == 1).then(|| Part::Input(self.place(node))));
        }
        if let Ok(slice) = object.cast_exact::<PySlice>() {
            let plain = slice_parts(slice)?.iter().all(is_plain);
            return Ok(plain.then(|| Part::Value(object.clone().unbind())));
        }
        if object.is(PyEllipsis::get(object.py())) {
            return Ok(Some(Part::Value(object.clone().unbind())));
        }
        if let Ok(list) = object.cast_exact::<PyList>() {
            return self.sequence(object, list.iter(), list.len(), Part::List);
        }
        if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            return self.sequence(object, tuple.iter(), tuple.len(), Part::Tuple);
        }
        Ok(None)
    }

    fn sequence<'py>(
        &mut self,
        object: &Bound<'py, PyAny>,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        len: usize,
        make: fn(Parts) -> Part,
    ) -> PyResult<Option<Part>> {
        let mut parts = Vec::with_capacity(len);
        let mut plain = true;
        for item in items {
            let Some(part) = self.take(&item)? else {
                return Ok(None);
            };
            plain &= matches!(part, Part::Value(_));
            parts.push(part);
        }
        if plain {
            return Ok(Some(Part::Value(object.clone().unbind())));
        }
        Ok(Some(make(Box::new(parts.into_boxed_slice()))))
    }

    /// The position of an input; one that comes twice has one place.
    fn place(&mut self, node: NodeRef) -> u32 {
        let next = self.inputs.len() as u32;
        if self.inputs.len() < Self::FEW {
            let known = self.inputs.iter().position(|input| input.token == node.token);
            return known.map_or_else(
                || {
                    self.inputs.push(node);
                    next
                },
                |known| known as u32,
            );
        }
        if self.places.is_empty() {
            let known = self.inputs.iter().zip(0..);
            self.places
                .extend(known.map(|(input, place)| (input.token, place)));
        }
        let place = *self.places.entry(node.token).or_insert(next);
        if place == next {
            self.inputs.push(node);
        }
        place
    }
}

/// Adds what [`Taken::take`] takes for a value to a content hash: equal values of one type have equal hashes.
fn tokenize_plain(object: &Bound<'_, PyAny>, t: &mut Tokenizer) -> PyResult<()> {
    if let Ok(integer) = object.cast_exact::<PyInt>() {
        match integer.extract::<i64>() {
            Ok(integer) => t.text("int").number(integer.cast_unsigned()),
            Err(_) => t.text("long").text(&integer.str()?.extract::<PyBackedStr>()?),
        };
    } else if let Ok(text) = object.cast_exact::<PyString>() {
        match text.extract::<PyBackedStr>() {
            Ok(text) => t.text("str").text(&text),
            // with halves of surrogate pairs, which have no bytes of their own
            Err(_) => t.text("repr").text(&text.repr()?.extract::<PyBackedStr>()?),
        };
    } else if let Ok(float) = object.cast_exact::<PyFloat>() {
        t.text("float").number(float.value().to_bits());
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        t.text("bytes").bytes(bytes.as_bytes());
    } else if let Ok(list) = object.cast_exact::<PyList>() {
        t.text("list").number(list.len() as u64);
        list.iter().try_for_each(|item| tokenize_plain(&item, t))?;
    } else if let Ok(tuple) = object.cast_exact::<PyTuple>() {
        t.text("tuple").number(tuple.len() as u64);
        tuple.iter().try_for_each(|item| tokenize_plain(&item, t))?;
    } else if let Ok(slice) = object.cast_exact::<PySlice>() {
        t.text("slice");
        slice_parts(slice)?
            .iter()
            .try_for_each(|part| tokenize_plain(part, t))?;
    } else {
        // None, True, False, complex numbers, ranges, Ellipsis: their texts say all.
        t.text("repr").text(&object.repr()?.extract::<PyBackedStr>()?);
    }
    Ok(())
}

fn slice_parts<'py>(slice: &Bound<'py, PySlice>) -> PyResult<[Bound<'py, PyAny>; 3]> {
    let py = slice.py();
    Ok([
        slice.getattr(intern!(py, "start"))?,
        slice.getattr(intern!(py, "stop"))?,
        slice.getattr(intern!(py, "step"))?,
    ])
}

/// Whether an object is of a type whose instances are neither collections nor containers of them.
fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_none()
        || object.is_exact_instance_of::<PyBool>()
        || object.is_exact_instance_of::<PyBytes>()
        || object.is_exact_instance_of::<PyComplex>()
        || object.is_exact_instance_of::<PyRange>()
}
