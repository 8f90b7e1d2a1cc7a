//! Delayed calls: a function with its arguments, as the engine runs it and as Python sees it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::arguments::{Part, clone_all, fill_all, objects};
use crate::chunk::host::{CallSite, HostOutput};
use crate::chunk::{Chunk, HostFn};
use crate::error::{Error, Result};
use crate::expr::{HostCall, Node, NodeOp, NodeRef};
use crate::host::HostRef;
use crate::py::error::host;
use crate::py::host::{PyHostFn, PyHostValue, argument, called_note};
use crate::token::{Token, Tokenizer};
use crate::wire::Encoder;

/// The arguments of a call, some of which are filled with its inputs.
pub(super) struct Arguments {
    pub(super) args: Box<[Part]>,
    /// Most calls have none.
    pub(super) kwargs: Option<Box<Keywords>>,
}

pub(super) type Keywords = Vec<(Py<PyString>, Part)>;

impl Arguments {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        let kwargs = self.keywords().iter();
        let kwargs: Keywords = kwargs
            .map(|(word, value)| (word.clone_ref(py), value.clone_ref(py)))
            .collect();
        Self {
            args: clone_all(py, &self.args),
            kwargs: (!kwargs.is_empty()).then(|| Box::new(kwargs)),
        }
    }

    fn keywords(&self) -> &[(Py<PyString>, Part)] {
        self.kwargs.as_ref().map_or(&[], |kwargs| kwargs.as_slice())
    }

    fn call<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        inputs: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = function.py();
        let args = match &*self.args {
            // the commonest call of all goes without a list on the way
            [arg] => PyTuple::new(py, [arg.fill(py, inputs)?])?,
            args => PyTuple::new(py, fill_all(py, args, inputs)?)?,
        };
        let Some(words) = &self.kwargs else {
            return function.call1(args);
        };
        let kwargs = PyDict::new(py);
        for (word, value) in words.iter() {
            kwargs.set_item(word, value.fill(py, inputs)?)?;
        }
        function.call(args, Some(&kwargs))
    }
}

/// A delayed call as a Python object: for pickles, for tokens, and for those who look into a graph.
#[pyclass(frozen, module = "dusk._core")]
pub struct DelayedCall {
    function: Py<PyAny>,
    arguments: Arguments,
}

/// What is called, and its word in the keys of calls: the same for all calls of one delayed function.
pub(super) struct Callee {
    pub(super) function: Py<PyAny>,
    pub(super) word: Arc<str>,
    /// Its content hash, once it was asked for; nothing where that may change from one call to the next.
    token: OnceLock<Option<Token>>,
}

impl Callee {
    pub(super) fn new(function: Py<PyAny>, word: Arc<str>) -> Self {
        Self {
            function,
            word,
            token: OnceLock::new(),
        }
    }

    /// Its content hash, for calls whose tokens are made here.
    ///
    /// # Errors
    /// What `dusk.tokenize` raises.
    pub(super) fn token(&self, py: Python<'_>) -> PyResult<Option<Token>> {
        static STABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        if let Some(known) = self.token.get() {
            return Ok(*known);
        }
        let ask = STABLE.import(py, "dusk.delayed", "_stable_token")?;
        let text: Option<String> = ask.call1((&self.function,))?.extract()?;
        let token = text.map(|text| Tokenizer::new().text(&text).finish());
        Ok(*self.token.get_or_init(|| token))
    }
}

/// A delayed call as the engine sees it. There may be a million, so it is small and no Python object.
pub struct DelayedFn {
    callee: Arc<Callee>,
    arguments: Arguments,
    token: Token,
}

impl DelayedFn {
    /// The call as a Python object.
    ///
    /// # Errors
    /// When Python has no memory left.
    pub fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let call = DelayedCall {
            function: self.callee.function.clone_ref(py),
            arguments: self.arguments.clone_ref(py),
        };
        Ok(Bound::new(py, call)?.into_any())
    }
}

impl fmt::Debug for DelayedFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedFn")
            .field("name", &self.callee.word)
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
            let function = self.callee.function.bind(py);
            let result = inputs.and_then(|inputs| self.arguments.call(function, &inputs));
            result
                .map(|result| Chunk::Host(Arc::new(PyHostValue::new(&result))))
                .map_err(host(py))
        })
        .map_err(|error| called_note(error, &self.callee.word, site))
    }

    fn name(&self) -> &str {
        &self.callee.word
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
            .collect::<PyResult<Keywords>>()?;
        Ok(Self {
            function: function.unbind(),
            arguments: Arguments {
                args: args.iter().map(|arg| Part::of(&arg)).collect(),
                kwargs: (!kwargs.is_empty()).then(|| Box::new(kwargs)),
            },
        })
    }

    #[getter]
    fn function<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.function.bind(py).clone()
    }

    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        Ok(objects(py, &self.arguments.args)?.to_tuple())
    }

    #[getter]
    fn kwargs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let kwargs = PyDict::new(py);
        for (word, value) in self.arguments.keywords() {
            kwargs.set_item(word, value.object(py)?)?;
        }
        Ok(kwargs)
    }

    #[pyo3(signature = (*inputs))]
    fn __call__<'py>(&self, py: Python<'py>, inputs: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let inputs: Vec<_> = inputs.iter().collect();
        self.arguments.call(self.function.bind(py), &inputs)
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

/// The function of a host call: a delayed call, or any other callable.
#[must_use]
pub fn delayed_function(callable: &Bound<'_, PyAny>, name: Arc<str>, token: Token) -> Arc<dyn HostFn> {
    match callable.cast_exact::<DelayedCall>() {
        Ok(call) => Arc::new(delayed_fn(call, name, token)),
        Err(_) => Arc::new(PyHostFn::named(callable, name, token)),
    }
}

/// The engine's form of a call that Python has made.
pub(super) fn delayed_fn(call: &Bound<'_, DelayedCall>, word: Arc<str>, token: Token) -> DelayedFn {
    let (py, call) = (call.py(), call.get());
    DelayedFn {
        callee: Arc::new(Callee::new(call.function.clone_ref(py), word)),
        arguments: call.arguments.clone_ref(py),
        token,
    }
}

impl DelayedFn {
    pub(super) fn new(callee: Arc<Callee>, arguments: Arguments, token: Token) -> Self {
        Self {
            callee,
            arguments,
            token,
        }
    }

    /// The node that makes this call.
    pub(super) fn into_node(self, inputs: Vec<NodeRef>, key: Option<&Bound<'_, PyAny>>) -> NodeRef {
        let (word, token) = (self.callee.word.clone(), self.token);
        let op = NodeOp::PerPartition(HostCall {
            function: Arc::new(self),
            output: HostOutput::Object,
        });
        let key = key.map(|key| -> HostRef { Arc::new(PyHostValue::new(key)) });
        Node::call(op, inputs, word, token, key)
    }
}
