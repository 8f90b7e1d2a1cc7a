//! Delayed calls: their arguments, the nodes they make, and the Python objects that stand for them.
//!
//! Covers what is done for every single call, so that a call costs about a microsecond: taking delayed values out of plain
//! arguments and lists (`arguments`), a name without a hash for calls that aren't pure (`names`), the node (`call`), and the
//! collection around it (here). Anything out of the ordinary (other collections, data classes, pure functions) goes to
//! `dusk.delayed.call_function`, which makes the same things step by step.

mod arguments;
mod call;
mod names;

use std::sync::{Arc, OnceLock};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use crate::chunk::Chunk;
use crate::chunk::host::HostOutput;
use crate::error::Error;
use crate::expr::{ChunkList, HostCall, Node, NodeOp, NodeRef};
use crate::host::HostRef;
use crate::py::host::PyHostValue;
use crate::py::node::PyNode;
use crate::token::{Token, Tokenizer};

pub use arguments::{Build, Input};
pub use call::{DelayedCall, DelayedFn, delayed_function};
pub use names::{counted_token, restart_names, unique_name};

use arguments::Taken;
use call::{Arguments, Callee, Keywords, delayed_fn};

// --- collections ------------------------------------------------------------------------------------------------------

struct Made {
    node: NodeRef,
    key: Option<Py<PyAny>>,
    length: Option<u32>,
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
        length: Option<u32>,
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
    fn length(&self) -> Option<u32> {
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
    callee: Arc<Callee>,
    pure: Option<bool>,
    nout: Option<u32>,
}

#[pymethods]
impl DelayedObject {
    #[new]
    #[pyo3(signature = (obj, key, pure=None, nout=None, *, word))]
    fn new(
        obj: Bound<'_, PyAny>,
        key: Bound<'_, PyAny>,
        pure: Option<bool>,
        nout: Option<u32>,
        word: &str,
    ) -> PyClassInitializer<Self> {
        // the key is for the Python half
        drop(key);
        PyClassInitializer::from(DelayedBase::default()).add_subclass(Self {
            callee: Arc::new(Callee::new(obj.unbind(), word.into())),
            pure,
            nout,
        })
    }

    #[getter(_obj)]
    fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.callee.function.bind(py).clone()
    }

    #[getter(_word)]
    fn word(&self) -> &str {
        &self.callee.word
    }

    #[getter(_pure)]
    fn pure(&self) -> Option<bool> {
        self.pure
    }

    #[getter(_nout)]
    fn nout(&self) -> Option<u32> {
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
        if let Some(made) = own.call(args, dask_key_name.as_ref(), kwargs, pure)? {
            return delayed_of(py, made);
        }
        let call = CALL_FUNCTION.import(py, "dusk.delayed", "call_function")?;
        let options = PyDict::new(py);
        options.set_item(intern!(py, "pure"), pure)?;
        options.set_item(intern!(py, "nout"), own.nout)?;
        options.set_item(intern!(py, "key"), dask_key_name)?;
        let kwargs = kwargs.cloned().unwrap_or_else(|| PyDict::new(py));
        call.call((&own.callee.function, args, kwargs), Some(&options))
    }
}

impl DelayedObject {
    /// The node of a call with plain arguments; none when there are others, or a token must be made elsewhere.
    fn call(
        &self,
        args: &Bound<'_, PyTuple>,
        key: Option<&Bound<'_, PyAny>>,
        kwargs: Option<&Bound<'_, PyDict>>,
        pure: bool,
    ) -> PyResult<Option<Made>> {
        let mut content = match pure.then(|| self.callee.token(args.py())).transpose()? {
            None => None,
            Some(None) => return Ok(None),
            Some(Some(token)) => {
                let mut content = Tokenizer::new();
                content.text("delayed call").token(token);
                content.text(&self.callee.word).number(args.len() as u64);
                Some(content)
            }
        };
        let mut taken = Taken::default();
        let mut parts = Vec::with_capacity(args.len());
        for arg in args.iter() {
            let Some(part) = taken.take(&arg)? else {
                return Ok(None);
            };
            parts.push(part);
        }
        let mut words = Keywords::new();
        for (word, value) in kwargs.into_iter().flat_map(PyDictMethods::iter) {
            let Some(part) = taken.take(&value)? else {
                return Ok(None);
            };
            words.push((word.cast_into::<PyString>()?.unbind(), part));
        }
        let arguments = Arguments {
            args: parts.into_boxed_slice(),
            kwargs: (!words.is_empty()).then(|| Box::new(words)),
        };
        taken.inputs.shrink_to_fit();
        let token = match &mut content {
            None => counted_token(),
            Some(content) => {
                for part in &arguments.args {
                    part.tokenize(args.py(), &taken.inputs, content)?;
                }
                for (word, part) in arguments.kwargs.iter().flat_map(|words| words.iter()) {
                    content.text(&word.bind(args.py()).extract::<PyBackedStr>()?);
                    part.tokenize(args.py(), &taken.inputs, content)?;
                }
                content.finish()
            }
        };
        let call = DelayedFn::new(self.callee.clone(), arguments, token);
        Ok(Some(Made {
            node: call.into_node(taken.inputs, key),
            key: key.map(|key| key.clone().unbind()),
            length: self.nout,
        }))
    }
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
    length: Option<u32>,
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
    let node = delayed_fn(call, word.into(), token).into_node(inputs, key.as_ref());
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
