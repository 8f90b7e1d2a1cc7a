//! Delayed calls: their arguments, the nodes they make, and the Python objects that stand for them.
//!
//! Covers what is done for every single call, so that a call costs about a microsecond: taking delayed values out of plain
//! arguments and lists, a name without a hash for calls that aren't pure, the node, and the collection around it. Anything
//! out of the ordinary (other collections, data classes, pure functions) goes to `dusk.delayed.call_function`, which makes
//! the same things step by step.
//!
//! Invariant: an impure call's token is made of a count and of a number of the process, so no two are equal, also not in
//! a forked process.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyBytes, PyComplex, PyDict, PyFloat, PyInt, PyList, PyRange, PyString, PyTuple, PyType,
};

use crate::chunk::host::{CallSite, HostOutput};
use crate::chunk::{Chunk, HostFn};
use crate::error::{Error, Result};
use crate::expr::{ChunkList, HostCall, Node, NodeOp, NodeRef};
use crate::host::HostRef;
use crate::py::error::host;
use crate::py::host::{PyHostFn, PyHostValue, argument, called_note};
use crate::py::node::PyNode;
use crate::token::{Token, Tokenizer};
use crate::wire::Encoder;

// --- arguments --------------------------------------------------------------------------------------------------------

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

/// An argument of a call, or an element of one.
enum Part {
    /// It stays as it is.
    Value(Py<PyAny>),
    /// An input fills it.
    Input(u32),
    /// A list with inputs in it.
    List(Box<[Part]>),
    /// A tuple with inputs in it.
    Tuple(Box<[Part]>),
    /// Another container with inputs in it.
    Build(Py<Build>),
}

impl Part {
    /// The argument that Python describes by `Input` and `Build`.
    fn of(object: &Bound<'_, PyAny>) -> Self {
        if let Ok(input) = object.cast_exact::<Input>() {
            return Self::Input(input.get().position as u32);
        }
        match object.cast_exact::<Build>() {
            Ok(build) => Self::Build(build.clone().unbind()),
            Err(_) => Self::Value(object.clone().unbind()),
        }
    }

    /// The same for Python.
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
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

    fn fill<'py>(&self, py: Python<'py>, inputs: &[Bound<'py, PyAny>]) -> PyResult<Bound<'py, PyAny>> {
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

fn fill_all<'py>(
    py: Python<'py>,
    parts: &[Part],
    inputs: &[Bound<'py, PyAny>],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    parts.iter().map(|part| part.fill(py, inputs)).collect()
}

fn objects<'py>(py: Python<'py>, parts: &[Part]) -> PyResult<Bound<'py, PyList>> {
    let parts = parts
        .iter()
        .map(|part| part.object(py))
        .collect::<PyResult<Vec<_>>>()?;
    PyList::new(py, parts)
}

/// A function with its arguments, some of which are filled with the inputs of the call.
struct Call {
    function: Py<PyAny>,
    args: Box<[Part]>,
    kwargs: Box<[(Py<PyString>, Part)]>,
}

impl Call {
    fn run<'py>(&self, py: Python<'py>, inputs: &[Bound<'py, PyAny>]) -> PyResult<Bound<'py, PyAny>> {
        let args = PyTuple::new(py, fill_all(py, &self.args, inputs)?)?;
        let function = self.function.bind(py);
        if self.kwargs.is_empty() {
            return function.call1(args);
        }
        let kwargs = PyDict::new(py);
        for (word, value) in &self.kwargs {
            kwargs.set_item(word, value.fill(py, inputs)?)?;
        }
        function.call(args, Some(&kwargs))
    }
}

/// A delayed call as a Python object: for pickles, for tokens, and for those who look into a graph.
#[pyclass(frozen, module = "dusk._core")]
pub struct DelayedCall(Arc<Call>);

/// A delayed call as the engine sees it. There may be a million, so it is small and no Python object.
pub struct DelayedFn {
    call: Arc<Call>,
    name: Arc<str>,
    token: Token,
}

impl DelayedFn {
    /// The call as a Python object.
    ///
    /// # Errors
    /// When Python has no memory left.
    pub fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(Bound::new(py, DelayedCall(self.call.clone()))?.into_any())
    }
}

impl fmt::Debug for DelayedFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedFn")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl HostFn for DelayedFn {
    fn call(&self, args: Vec<Vec<Chunk>>, _: &HostOutput, site: &CallSite) -> Result<Chunk> {
        Python::attach(|py| {
            let inputs = args
                .into_iter()
                .map(|chunks| argument(py, chunks))
                .collect::<PyResult<Vec<_>>>();
            let result = inputs.and_then(|inputs| self.call.run(py, &inputs));
            result
                .map(|result| Chunk::Host(Arc::new(PyHostValue::new(&result))))
                .map_err(host(py))
        })
        .map_err(|error| called_note(error, &self.name, site))
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn token(&self) -> Token {
        self.token
    }

    fn is_library(&self) -> bool {
        false
    }

    /// As the Python object that it can be: in another process it is a callable as any other.
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let object: HostRef = Python::attach(|py| {
            let object = self.object(py).map_err(host(py))?;
            Ok::<_, Error>(Arc::new(PyHostValue::new(&object)) as HostRef)
        })?;
        PyHostFn::encode_callable(&object, self.token, out)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[pymethods]
impl DelayedCall {
    #[new]
    fn new(
        function: Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let kwargs = kwargs
            .iter()
            .map(|(word, value)| Ok((word.cast_into::<PyString>()?.unbind(), Part::of(&value))))
            .collect::<PyResult<_>>()?;
        Ok(Self(Arc::new(Call {
            function: function.unbind(),
            args: args.iter().map(|arg| Part::of(&arg)).collect(),
            kwargs,
        })))
    }

    #[getter]
    fn function<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.0.function.bind(py).clone()
    }

    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Ok(objects(py, &self.0.args)?.to_tuple())
    }

    #[getter]
    fn kwargs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let kwargs = PyDict::new(py);
        for (word, value) in &self.0.kwargs {
            kwargs.set_item(word, value.object(py)?)?;
        }
        Ok(kwargs)
    }

    #[pyo3(signature = (*inputs))]
    fn __call__<'py>(&self, py: Python<'py>, inputs: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.0.run(py, &inputs.iter().collect::<Vec<_>>())
    }

    fn __dask_tokenize__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let word = intern!(py, "dusk-delayed-call").clone().into_any();
        let parts = [
            word,
            self.function(py),
            self.args(py)?.into_any(),
            self.kwargs(py)?.into_any(),
        ];
        PyTuple::new(py, parts)
    }

    #[allow(clippy::type_complexity, reason = "the shape of a Python call")]
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(
        Bound<'py, PyType>,
        (Bound<'py, PyAny>, Bound<'py, PyTuple>, Bound<'py, PyDict>),
    )> {
        let (py, own) = (slf.py(), slf.get());
        Ok((slf.get_type(), (own.function(py), own.args(py)?, own.kwargs(py)?)))
    }
}

/// Takes delayed values out of plain arguments.
#[derive(Default)]
struct Taken {
    inputs: Vec<NodeRef>,
    /// Made when there are many.
    places: HashMap<Token, u32>,
}

impl Taken {
    const FEW: usize = 8;

    /// The argument; none when it is of a kind that Python has to look at.
    fn take(&mut self, object: &Bound<'_, PyAny>) -> PyResult<Option<Part>> {
        if is_plain(object) {
            return Ok(Some(Part::Value(object.clone().unbind())));
        }
        if let Ok(delayed) = object.cast::<DelayedBase>() {
            let node = node_of(delayed)?;
            return Ok((node.npartitions() == 1).then(|| Part::Input(self.place(node))));
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
        make: fn(Box<[Part]>) -> Part,
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
        Ok(Some(make(parts.into_boxed_slice())))
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

// --- collections ------------------------------------------------------------------------------------------------------

struct Made {
    node: NodeRef,
    key: Option<Py<PyAny>>,
    length: Option<usize>,
}

/// What `dusk.delayed.Delayed` is made of: a node, its key and how many values it stands for.
#[pyclass(frozen, subclass, module = "dusk._core")]
#[derive(Default)]
pub struct DelayedBase {
    made: OnceLock<Made>,
}

#[pymethods]
impl DelayedBase {
    /// A node with its key; or, as in Dask, a key and a graph that has it.
    #[new]
    #[pyo3(signature = (node=None, key=None, length=None, layer=None))]
    fn new(
        node: Option<&Bound<'_, PyAny>>,
        key: Option<Bound<'_, PyAny>>,
        length: Option<usize>,
        layer: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        drop(layer);
        let made = OnceLock::new();
        if let Some(given) = node {
            let (node, key) = if let Ok(node) = given.cast::<PyNode>() {
                (node.get().0.clone(), key)
            } else {
                let module = given.py().import(intern!(given.py(), "dusk.delayed"))?;
                let node = module.call_method1(intern!(given.py(), "node_of_graph"), (given, key))?;
                (node.cast::<PyNode>()?.get().0.clone(), Some(given.clone()))
            };
            let _ = made.set(Made {
                node,
                key: key.map(Bound::unbind),
                length,
            });
        }
        Ok(Self { made })
    }

    /// The plan.
    #[getter(_node)]
    fn node(&self) -> PyResult<PyNode> {
        Ok(PyNode(self.made()?.node.clone()))
    }

    /// Its name in a graph.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let made = self.made()?;
        match &made.key {
            Some(key) => Ok(key.bind(py).clone()),
            None => Ok(PyString::new(py, &made.node.name()).into_any()),
        }
    }

    /// The key that the caller gave.
    #[getter(_given_key)]
    fn given_key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.made.get()?.key.as_ref().map(|key| key.bind(py).clone())
    }

    #[getter(_length)]
    fn length(&self) -> Option<usize> {
        self.made.get()?.length
    }
}

impl DelayedBase {
    fn made(&self) -> PyResult<&Made> {
        let missing = || Error::internal("a delayed value without a node").into();
        self.made.get().ok_or_else(missing)
    }
}

/// The node of a delayed value; functions and attributes make theirs when asked.
pub fn node_of(delayed: &Bound<'_, DelayedBase>) -> PyResult<NodeRef> {
    if let Some(made) = delayed.get().made.get() {
        return Ok(made.node.clone());
    }
    let node = delayed.getattr(intern!(delayed.py(), "_node"))?;
    Ok(node.cast::<PyNode>()?.get().0.clone())
}

/// A plan to run: a node, or a delayed value, of which there may be so many that objects for their nodes would count.
pub struct Root(pub NodeRef);

impl<'py> FromPyObject<'_, 'py> for Root {
    type Error = PyErr;

    fn extract(object: pyo3::Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(node) = object.cast::<PyNode>() {
            return Ok(Self(node.get().0.clone()));
        }
        node_of(&object.cast::<DelayedBase>()?.to_owned()).map(Self)
    }
}

/// A `Delayed` around a node.
fn delayed_of(py: Python<'_>, made: Made) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "dusk.delayed", "Delayed")?;
    let delayed = class.call0()?;
    let _ = delayed.cast::<DelayedBase>()?.get().made.set(made);
    // SAFETY: the object is alive, of a type with garbage collection, and nobody else has seen it. What it refers to is
    // behind a node, where the collector can't look: to walk over a million of them is of no use.
    unsafe { pyo3::ffi::PyObject_GC_UnTrack(delayed.as_ptr().cast()) };
    Ok(delayed)
}

static CALL_FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// What `dusk.delayed.DelayedLeaf` is made of: an object, mostly a function, whose calls make nodes.
#[pyclass(frozen, subclass, extends = DelayedBase, module = "dusk._core")]
pub struct DelayedObject {
    object: Py<PyAny>,
    /// The word in the keys of its calls.
    word: Arc<str>,
    pure: Option<bool>,
    nout: Option<usize>,
}

#[pymethods]
impl DelayedObject {
    #[new]
    #[pyo3(signature = (obj, key, pure=None, nout=None, *, word))]
    fn new(
        obj: Bound<'_, PyAny>,
        key: Bound<'_, PyAny>,
        pure: Option<bool>,
        nout: Option<usize>,
        word: &str,
    ) -> PyClassInitializer<Self> {
        // the key is for the Python half
        drop(key);
        PyClassInitializer::from(DelayedBase::default()).add_subclass(Self {
            object: obj.unbind(),
            word: word.into(),
            pure,
            nout,
        })
    }

    #[getter(_obj)]
    fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.object.bind(py).clone()
    }

    #[getter(_word)]
    fn word(&self) -> &str {
        &self.word
    }

    #[getter(_pure)]
    fn pure(&self) -> Option<bool> {
        self.pure
    }

    #[getter(_nout)]
    fn nout(&self) -> Option<usize> {
        self.nout
    }

    /// A delayed call of the function.
    #[pyo3(signature = (*args, pure=None, dask_key_name=None, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        pure: Option<bool>,
        dask_key_name: Option<Bound<'py, PyAny>>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, own) = (slf.py(), slf.get());
        let pure = match pure.or(own.pure) {
            Some(pure) => pure,
            None => pure_by_default(py)?,
        };
        if !pure && let Some(made) = own.call(py, args, dask_key_name.as_ref(), kwargs)? {
            return delayed_of(py, made);
        }
        let call = CALL_FUNCTION.import(py, "dusk.delayed", "call_function")?;
        let options = PyDict::new(py);
        options.set_item(intern!(py, "pure"), pure)?;
        options.set_item(intern!(py, "nout"), own.nout)?;
        options.set_item(intern!(py, "key"), dask_key_name)?;
        let kwargs = kwargs.cloned().unwrap_or_else(|| PyDict::new(py));
        call.call((&own.object, args, kwargs), Some(&options))
    }
}

impl DelayedObject {
    /// The node of an impure call with plain arguments; none when there are others.
    fn call(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        key: Option<&Bound<'_, PyAny>>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<Made>> {
        let mut taken = Taken::default();
        let mut parts = Vec::with_capacity(args.len());
        for arg in args.iter() {
            let Some(part) = taken.take(&arg)? else {
                return Ok(None);
            };
            parts.push(part);
        }
        let mut words = Vec::new();
        for (word, value) in kwargs.into_iter().flat_map(PyDictMethods::iter) {
            let Some(part) = taken.take(&value)? else {
                return Ok(None);
            };
            words.push((word.cast_into::<PyString>()?.unbind(), part));
        }
        let call = Call {
            function: self.object.clone_ref(py),
            args: parts.into_boxed_slice(),
            kwargs: words.into_boxed_slice(),
        };
        taken.inputs.shrink_to_fit();
        let (word, token) = (self.word.clone(), counted_token());
        let node = call_node(Arc::new(call), taken.inputs, word, token, key);
        Ok(Some(Made {
            node,
            key: key.map(|key| key.clone().unbind()),
            length: self.nout,
        }))
    }
}

/// The function of a host call: a delayed call, or any other callable.
#[must_use]
pub fn delayed_function(callable: &Bound<'_, PyAny>, name: Arc<str>, token: Token) -> Arc<dyn HostFn> {
    match callable.cast_exact::<DelayedCall>() {
        Ok(call) => Arc::new(DelayedFn {
            call: call.get().0.clone(),
            name,
            token,
        }),
        Err(_) => Arc::new(PyHostFn::named(callable, name, token)),
    }
}

fn call_node(
    call: Arc<Call>,
    inputs: Vec<NodeRef>,
    word: Arc<str>,
    token: Token,
    key: Option<&Bound<'_, PyAny>>,
) -> NodeRef {
    let op = NodeOp::PerPartition(HostCall {
        function: Arc::new(DelayedFn {
            call,
            name: word.clone(),
            token,
        }),
        output: HostOutput::Object,
    });
    let key = key.map(|key| -> HostRef { Arc::new(PyHostValue::new(key)) });
    Node::call(op, inputs, word, token, key)
}

/// The setting `delayed_pure`. A look into the dictionary of settings: the way through `config.get` takes as long as the
/// rest of a call.
#[pyfunction]
pub fn pure_by_default(py: Python<'_>) -> PyResult<bool> {
    static MODULE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module = match MODULE.get(py) {
        Some(module) => module.bind(py),
        None => MODULE
            .get_or_try_init(py, || {
                Ok::<_, PyErr>(py.import("dusk.config")?.into_any().unbind())
            })?
            .bind(py),
    };
    let settings = module.getattr(intern!(py, "config"))?;
    let settings = settings.cast::<PyDict>()?;
    for name in [intern!(py, "delayed_pure"), intern!(py, "delayed-pure")] {
        if let Some(value) = settings.get_item(name)? {
            return value.is_truthy();
        }
    }
    Ok(false)
}

// --- names ------------------------------------------------------------------------------------------------------------

static PROCESS: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A token that no other content has, in this process and in others.
#[must_use]
pub fn counted_token() -> Token {
    let process = match PROCESS.load(Ordering::Relaxed) {
        0 => restart(),
        number => number,
    };
    let mut token = [0; 16];
    token[..8].copy_from_slice(&process.to_le_bytes());
    token[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Token(token)
}

fn restart() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // std seeds it from the system's random numbers, once in a process, so time and process id are mixed in
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    hasher.write_u128(now.map_or(0, |time| time.as_nanos()));
    hasher.write_u32(std::process::id());
    let number = hasher.finish() | 1;
    PROCESS.store(number, Ordering::Relaxed);
    number
}

/// Begins other unique names: those of a forked process must not meet its parent's.
#[pyfunction]
pub fn restart_names() {
    restart();
}

/// Text that no other content has, for names.
#[pyfunction]
pub fn unique_name() -> String {
    counted_token().hex()
}

// --- for `dusk.delayed` -----------------------------------------------------------------------------------------------

/// A delayed value of a call on nodes of one partition each. The token is text: unless it is `unique`, calls with equal
/// tokens and inputs are one.
#[pyfunction]
#[pyo3(signature = (call, inputs, *, word, token=None, length=None, key=None))]
pub fn delay<'py>(
    py: Python<'py>,
    call: &Bound<'py, DelayedCall>,
    inputs: Vec<Bound<'py, PyNode>>,
    word: &str,
    token: Option<&str>,
    length: Option<usize>,
    key: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let inputs: Vec<NodeRef> = inputs.iter().map(|node| node.get().0.clone()).collect();
    let token = match token {
        None => counted_token(),
        Some(text) => {
            let mut t = Tokenizer::new();
            t.text("delayed").text(text).number(inputs.len() as u64);
            for input in &inputs {
                t.token(input.token);
            }
            t.finish()
        }
    };
    let node = call_node(call.get().0.clone(), inputs, word.into(), token, key.as_ref());
    delayed_of(
        py,
        Made {
            node,
            key: key.map(Bound::unbind),
            length,
        },
    )
}

/// The node that `Node.parts` described.
#[pyfunction]
pub fn restored(parts: &Bound<'_, PyTuple>, inputs: Vec<Bound<'_, PyNode>>) -> PyResult<PyNode> {
    let token = |position: usize| -> PyResult<Token> {
        let text: String = parts.get_item(position)?.extract()?;
        Token::from_hex(&text).ok_or_else(|| Error::value(format!("{text:?} is no token")).into())
    };
    let key = |position: usize| -> PyResult<Option<HostRef>> {
        let key = parts.get_item(position)?;
        Ok((!key.is_none()).then(|| -> HostRef { Arc::new(PyHostValue::new(&key)) }))
    };
    let object = parts.get_item(0)?;
    if parts.len() == 3 {
        let list = ChunkList {
            chunks: vec![Chunk::Host(Arc::new(PyHostValue::new(&object)))],
            token: token(1)?,
        };
        let op = NodeOp::Chunks(Arc::new(list));
        return Ok(PyNode(Node::call(op, vec![], "value".into(), token(1)?, key(2)?)));
    }
    let word: Arc<str> = parts.get_item(2)?.extract::<String>()?.into();
    let call = HostCall {
        function: delayed_function(&object, word.clone(), token(3)?),
        output: HostOutput::Object,
    };
    let op = if parts.get_item(4)?.is_truthy()? {
        NodeOp::Gather(call)
    } else {
        NodeOp::PerPartition(call)
    };
    let inputs = inputs.iter().map(|node| node.get().0.clone()).collect();
    Ok(PyNode(Node::call(op, inputs, word, token(3)?, key(5)?)))
}
