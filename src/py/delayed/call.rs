//! Delayed calls: a function with its arguments, as the engine runs it and as Python sees it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use super::arguments::{Part, fill_all, objects};
use crate::chunk::host::{CallSite, HostOutput};
use crate::chunk::{Chunk, HostFn};
use crate::error::{Error, Result};
use crate::expr::{HostCall, Node, NodeOp, NodeRef};
use crate::host::HostRef;
use crate::py::error::host;
use crate::py::host::{PyHostFn, PyHostValue, argument, called_note};
use crate::token::Token;
use crate::wire::Encoder;

/// A function with its arguments, some of which are filled with the inputs of the call.
pub(super) struct Call {
    pub(super) function: Py<PyAny>,
    pub(super) args: Box<[Part]>,
    pub(super) kwargs: Box<[(Py<PyString>, Part)]>,
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
pub struct DelayedCall(pub(super) Arc<Call>);

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

pub(super) fn call_node(
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
