//! `_core.Node`: the builders of logical plans as Python sees them.
//!
//! Invariant: building never runs anything and never touches data; a refusal to run natively is `_core.NotNative`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::chunk::Chunk;
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::expr::frame::{self, GroupCall, GroupOptions, Operand, schema_of};
use crate::expr::{NodeOp, NodeRef, explain};
use crate::op::agg::AggOp;
use crate::op::scalar::ScalarOp;
use crate::py::array::build as array;
use crate::py::convert::scalar::{literal_from_python, scalar_from_python, scalar_to_python};
use crate::py::convert::{dtype, label, schema_to_meta};
use crate::py::error::to_pyerr;
use crate::py::host::{PyHostValue, callable};
use crate::schema::{Division, Divisions, FrameKind, IndexSchema, Label};

/// A node of the logical plan: immutable, hashed by content.
#[pyclass(frozen, name = "Node", module = "dusk._core")]
pub struct PyNode(pub NodeRef);

/// The kind that Python calls `name`.
pub fn kind_from_name(name: &str) -> Result<FrameKind> {
    Ok(match name {
        "frame" => FrameKind::Frame,
        "series" => FrameKind::Series,
        "index" => FrameKind::Index,
        "scalar" => FrameKind::Scalar,
        _ => {
            return Err(Error::value(format!(
                "a kind is frame, series, index or scalar, not {name:?}"
            )));
        }
    })
}

fn labels_from_py(labels: &[Bound<'_, PyAny>]) -> PyResult<Vec<Label>> {
    labels.iter().map(label::from_python).collect()
}

/// Divisions from Python: `None` for unknown ones, a number of partitions, or the values.
pub fn divisions_from_py(divisions: Option<&Bound<'_, PyAny>>, npartitions: usize) -> PyResult<Divisions> {
    let Some(divisions) = divisions.filter(|divisions| !divisions.is_none()) else {
        return Ok(Divisions::Unknown(npartitions));
    };
    if let Ok(count) = divisions.extract::<usize>() {
        return Ok(Divisions::Unknown(count));
    }
    let values = divisions
        .try_iter()?
        .map(|value| {
            let value = value?;
            Ok(if value.is_none() {
                None
            } else {
                Some(match scalar_from_python(&value) {
                    Ok(scalar) => Division::Value(scalar),
                    Err(_) => Division::Host(Arc::new(PyHostValue::new(&value))),
                })
            })
        })
        .collect::<PyResult<Vec<Option<Division>>>>()?;
    let count = values.len().saturating_sub(1);
    Ok(values
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .map_or(Divisions::Unknown(count), Divisions::Known))
}

/// Divisions as Python sees them: a tuple of values, all `None` when they are unknown.
pub fn divisions_to_py<'py>(py: Python<'py>, divisions: &Divisions) -> PyResult<Bound<'py, PyTuple>> {
    match divisions {
        Divisions::Unknown(count) => PyTuple::new(
            py,
            std::iter::repeat_n(py.None().into_bound(py), *count + 1).collect::<Vec<_>>(),
        ),
        Divisions::Known(values) => {
            let values = values
                .iter()
                .map(|value| match value {
                    Division::Value(value) => scalar_to_python(py, value),
                    Division::Host(value) => PyHostValue::object(py, value.as_ref())
                        .ok_or_else(|| Error::internal("a division that isn't a Python object").into()),
                })
                .collect::<PyResult<Vec<_>>>()?;
            PyTuple::new(py, values)
        }
    }
}

fn operand_from_py(value: &Bound<'_, PyAny>) -> PyResult<Operand> {
    if let Ok(node) = value.cast::<PyNode>() {
        return Ok(Operand::Node(node.get().0.clone()));
    }
    literal_from_python(value)
        .map(Operand::Literal)
        .map_err(|error| to_pyerr(value.py(), &error))
}

fn scalar_op(op: &str, params: Option<&Bound<'_, PyDict>>) -> PyResult<ScalarOp> {
    let param = |name: &str| match params {
        Some(params) => params.get_item(name),
        None => Ok(None),
    };
    Ok(match op {
        "round" => ScalarOp::Round(param("decimals")?.map_or(Ok(0), |value| value.extract())?),
        "isin" => {
            let values = param("values")?
                .ok_or_else(|| pyo3::exceptions::PyTypeError::new_err("isin needs values"))?;
            let mut literals = Vec::new();
            for value in values.try_iter()? {
                let value = value?;
                let literal = literal_from_python(&value).map_err(|error| to_pyerr(value.py(), &error))?;
                literals.push(literal);
            }
            ScalarOp::IsIn(literals.into())
        }
        "cast" => {
            let dtype = param("dtype")?
                .ok_or_else(|| pyo3::exceptions::PyTypeError::new_err("cast needs a dtype"))?;
            ScalarOp::Cast(native_dtype(&dtype)?)
        }
        "pow" => ScalarOp::Pow,
        name => ScalarOp::parse(name).ok_or_else(|| {
            pyo3::exceptions::PyValueError::new_err(format!("no elementwise operation {name:?}"))
        })?,
    })
}

fn native_dtype(dtype: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    let parsed = dtype::from_python(dtype)?;
    if parsed.is_host() {
        return Err(to_pyerr(
            dtype.py(),
            &Error::not_native(format!("the dtype {}", parsed.name())),
        ));
    }
    Ok(parsed)
}

/// The aggregation that Python calls `name`.
fn agg_op(name: &str, params: Option<&Bound<'_, PyDict>>) -> PyResult<AggOp> {
    let get = |key: &str| match params {
        Some(params) => params.get_item(key),
        None => Ok(None),
    };
    let skipna = get("skipna")?.map_or(Ok(true), |value| value.extract())?;
    let min_count: i64 = get("min_count")?.map_or(Ok(0), |value| value.extract())?;
    let default_ddof = 1;
    let ddof = get("ddof")?.map_or(Ok(default_ddof), |value| value.extract())?;
    let dropna = get("dropna")?.map_or(Ok(true), |value| value.extract())?;
    // pandas' `min_count=-1` means none
    let min_count = u32::try_from(min_count.max(0)).unwrap_or(u32::MAX);
    Ok(match name {
        "sum" => AggOp::Sum { skipna, min_count },
        "prod" | "product" => AggOp::Prod { skipna, min_count },
        "mean" => AggOp::Mean { skipna },
        "min" => AggOp::Min { skipna, min_count },
        "max" => AggOp::Max { skipna, min_count },
        "count" => AggOp::Count,
        "size" => AggOp::Size,
        "var" => AggOp::Var { skipna, ddof },
        "std" => AggOp::Std { skipna, ddof },
        "first" => AggOp::First { skipna },
        "last" => AggOp::Last { skipna },
        "nunique" => AggOp::NUnique { dropna },
        "any" => AggOp::Any { skipna },
        "all" => AggOp::All { skipna },
        _ => {
            return Err(pyo3::exceptions::PyValueError::new_err(format!(
                "no aggregation {name:?}"
            )));
        }
    })
}

impl PyNode {
    fn wrap(py: Python<'_>, node: Result<NodeRef>) -> PyResult<Self> {
        node.map(Self).map_err(|error| to_pyerr(py, &error))
    }
}

#[pymethods]
impl PyNode {
    /// The name: what it does and a hash.
    #[getter]
    fn name(&self) -> String {
        self.0.name()
    }

    /// What it does, in a word.
    #[getter]
    fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// The content hash.
    #[getter]
    fn token(&self) -> String {
        self.0.token.hex()
    }

    /// `frame`, `series`, `index`, `scalar`, `array` or `object`.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0.schema.as_ref().map(|schema| schema.kind) {
            None if self.0.array.is_some() => "array",
            None => "object",
            Some(FrameKind::Frame) => "frame",
            Some(FrameKind::Series) => "series",
            Some(FrameKind::Index) => "index",
            Some(FrameKind::Scalar) => "scalar",
        }
    }

    /// For each axis of an array the lengths of its chunks, NaN where unknown.
    #[getter]
    fn chunks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        array::chunks_to_py(py, &self.0)
    }

    /// The length of each axis of an array, NaN where unknown.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        array::shape_to_py(py, &self.0)
    }

    /// The dtype of an array; `None` for objects.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        array::dtype_of(py, &self.0)
    }

    /// The number of blocks along each axis of an array.
    #[getter]
    fn numblocks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, crate::expr::array::blocks::numblocks(&self.0))
    }

    /// The number of partitions.
    #[getter]
    fn npartitions(&self) -> usize {
        self.0.npartitions()
    }

    /// Where each partition's index begins; all `None` when that is unknown.
    #[getter]
    fn divisions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        divisions_to_py(py, &self.0.divisions)
    }

    /// Whether the divisions are known.
    #[getter]
    fn known_divisions(&self) -> bool {
        matches!(self.0.divisions, Divisions::Known(_))
    }

    /// Whether its chunks are pandas objects, since Arrow can't hold a column.
    #[getter]
    fn is_host(&self) -> bool {
        self.0.schema.as_ref().is_none_or(|schema| schema.is_host())
    }

    /// How many nodes the plan has, each counted once.
    #[getter]
    fn nops(&self) -> usize {
        crate::opt::topological(std::slice::from_ref(&self.0)).len()
    }

    /// The labels of the columns.
    #[getter]
    fn columns(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let schema = schema_of(&self.0).map_err(|error| to_pyerr(py, &error))?;
        schema
            .columns
            .iter()
            .map(|column| label::to_python(py, &column.name).map(Bound::unbind))
            .collect()
    }

    /// The rows of each partition, where they are known without reading.
    #[getter]
    fn partition_rows(&self) -> Option<Vec<usize>> {
        fn rows(node: &NodeRef) -> Option<Vec<usize>> {
            match &node.op {
                NodeOp::Scan {
                    source,
                    partitions,
                    predicate: None,
                    ..
                } => (0..node.npartitions())
                    .map(|i| source.rows(partitions.as_ref().map_or(i, |list| list[i])))
                    .collect(),
                NodeOp::Chunks(list) => list.chunks.iter().map(crate::chunk::Chunk::rows).collect(),
                NodeOp::Select(_) => rows(&node.inputs[0]),
                NodeOp::Concat => node
                    .inputs
                    .iter()
                    .map(rows)
                    .collect::<Option<Vec<_>>>()
                    .map(|parts| parts.concat()),
                NodeOp::Partitions(list) => {
                    let all = rows(&node.inputs[0])?;
                    Some(list.iter().map(|position| all[*position]).collect())
                }
                _ => None,
            }
        }
        rows(&self.0)
    }

    /// An empty pandas object of this shape.
    fn meta(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let schema = schema_of(&self.0).map_err(|error| to_pyerr(py, &error))?;
        schema_to_meta(py, schema).map(Bound::unbind)
    }

    /// Whether both were made from the rows of one node, so that they can meet in one expression.
    fn same_rows(&self, other: &Bound<'_, Self>) -> bool {
        frame::row_base(&self.0).token == frame::row_base(&other.get().0).token
    }

    /// Some columns, by position.
    fn select(&self, py: Python<'_>, positions: Vec<usize>, kind: &str) -> PyResult<Self> {
        Self::wrap(
            py,
            kind_from_name(kind).and_then(|kind| frame::project(&self.0, &positions, kind)),
        )
    }

    /// The values of an index level as a column.
    fn index_values(&self, py: Python<'_>, level: Option<usize>, kind: &str) -> PyResult<Self> {
        Self::wrap(
            py,
            kind_from_name(kind).and_then(|kind| frame::index_values(&self.0, level.unwrap_or(0), kind)),
        )
    }

    /// An elementwise operation.
    #[staticmethod]
    #[pyo3(signature = (op, args, **params))]
    fn elementwise(
        py: Python<'_>,
        op: &str,
        args: Vec<Bound<'_, PyAny>>,
        params: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let op = scalar_op(op, params)?;
        let operands = args.iter().map(operand_from_py).collect::<PyResult<Vec<_>>>()?;
        Self::wrap(py, frame::elementwise(&op, &operands))
    }

    /// One cast for each column; `None` keeps it.
    fn cast(&self, py: Python<'_>, dtypes: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let dtypes = dtypes
            .iter()
            .map(|dtype| {
                if dtype.is_none() {
                    Ok(None)
                } else {
                    native_dtype(dtype).map(Some)
                }
            })
            .collect::<PyResult<Vec<_>>>()?;
        Self::wrap(py, frame::cast(&self.0, &dtypes))
    }

    /// Columns replaced or appended.
    fn with_columns(
        &self,
        py: Python<'_>,
        labels: Vec<Bound<'_, PyAny>>,
        values: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let columns = labels
            .iter()
            .zip(&values)
            .map(|(label, value)| Ok((label::from_python(label)?, operand_from_py(value)?)))
            .collect::<PyResult<Vec<_>>>()?;
        Self::wrap(py, frame::with_columns(&self.0, &columns))
    }

    /// Other labels for the same columns.
    #[pyo3(signature = (labels, axis_names=None))]
    fn with_labels(
        &self,
        py: Python<'_>,
        labels: Vec<Bound<'_, PyAny>>,
        axis_names: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Self> {
        let axis_names = axis_names.as_deref().map(labels_from_py).transpose()?;
        Self::wrap(
            py,
            frame::with_labels(&self.0, labels_from_py(&labels)?, axis_names),
        )
    }

    /// Other names for the levels of the index.
    fn with_index_names(&self, py: Python<'_>, names: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        Self::wrap(py, frame::with_index_names(&self.0, &labels_from_py(&names)?))
    }

    /// Other divisions, which the caller vouches for.
    #[pyo3(signature = (divisions))]
    fn with_divisions(&self, py: Python<'_>, divisions: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let divisions = divisions_from_py(divisions, self.0.npartitions())?;
        Self::wrap(py, frame::with_divisions(&self.0, divisions))
    }

    /// The rows for which `mask` holds.
    fn filter(&self, py: Python<'_>, mask: &Bound<'_, Self>) -> PyResult<Self> {
        Self::wrap(py, frame::filter(&self.0, &mask.get().0))
    }

    /// Each column reduced to one value.
    #[pyo3(signature = (op, **params))]
    fn reduce(&self, py: Python<'_>, op: &str, params: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let op = agg_op(op, params)?;
        Self::wrap(py, frame::reduce(&self.0, op))
    }

    /// A group-by.
    #[staticmethod]
    #[pyo3(signature = (keys, calls, *, sort, dropna, observed, as_index, kind))]
    #[allow(
        clippy::too_many_arguments,
        clippy::type_complexity,
        reason = "the shape of a Python call"
    )]
    fn aggregate(
        py: Python<'_>,
        keys: Vec<Bound<'_, Self>>,
        calls: Vec<(
            String,
            Bound<'_, PyDict>,
            Option<Bound<'_, Self>>,
            Bound<'_, PyAny>,
        )>,
        sort: bool,
        dropna: bool,
        observed: bool,
        as_index: bool,
        kind: &str,
    ) -> PyResult<Self> {
        let keys: Vec<_> = keys.iter().map(|key| key.get().0.clone()).collect();
        let calls = calls
            .iter()
            .map(|(op, params, value, label)| {
                Ok(GroupCall {
                    op: agg_op(op, Some(params))?,
                    value: value.as_ref().map(|value| value.get().0.clone()),
                    label: label::from_python(label)?,
                })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let options = GroupOptions {
            sort,
            dropna,
            observed,
            as_index,
        };
        Self::wrap(
            py,
            kind_from_name(kind).and_then(|kind| frame::aggregate(&keys, &calls, options, kind)),
        )
    }

    /// Some of the partitions.
    fn partitions(&self, py: Python<'_>, positions: Vec<usize>) -> PyResult<Self> {
        Self::wrap(py, frame::partitions(&self.0, &positions))
    }

    /// Fewer partitions: output `i` is the inputs `bounds[i]..bounds[i + 1]`.
    fn merge_partitions(&self, py: Python<'_>, bounds: Vec<usize>) -> PyResult<Self> {
        Self::wrap(py, frame::merge_partitions(&self.0, &bounds))
    }

    /// More partitions: input `i` is cut into `parts[i]` pieces.
    fn split_partitions(&self, py: Python<'_>, parts: Vec<usize>) -> PyResult<Self> {
        Self::wrap(py, frame::split_partitions(&self.0, &parts))
    }

    /// The first or last rows of each partition.
    fn limit(&self, rows: usize, tail: bool) -> Self {
        Self(frame::limit(&self.0, rows, tail))
    }

    /// The plan as text: `logical`, or `optimized` as it runs.
    fn explain(&self, py: Python<'_>, stage: &str) -> PyResult<String> {
        let node = match stage {
            "logical" => self.0.clone(),
            "optimized" => crate::py::host_rows::prepared(std::slice::from_ref(&self.0))
                .map_err(|error| to_pyerr(py, &error))?
                .swap_remove(0),
            "physical" => {
                return crate::py::plans::explain_tasks(&self.0).map_err(|error| to_pyerr(py, &error));
            }
            _ => {
                let message = format!("stage must be 'logical', 'optimized' or 'physical', not {stage:?}");
                return Err(pyo3::exceptions::PyValueError::new_err(message));
            }
        };
        Ok(explain::explain(&node))
    }

    /// How many nodes of each tier the plan has.
    fn tier_counts(&self) -> std::collections::BTreeMap<&'static str, usize> {
        explain::tier_counts(std::slice::from_ref(&self.0))
    }

    /// The names of the index levels.
    #[getter]
    fn index_names(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let schema = schema_of(&self.0).map_err(|error| to_pyerr(py, &error))?;
        let levels = match &schema.index {
            IndexSchema::Range { name } => return Ok(vec![label::to_python(py, name).map(Bound::unbind)?]),
            IndexSchema::Levels(levels) => levels,
        };
        levels
            .iter()
            .map(|level| label::to_python(py, &level.name).map(Bound::unbind))
            .collect()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::py::wire::reduce(self, py)
    }

    /// The key that its maker gave it.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        PyHostValue::object(py, self.0.key.as_ref()?.as_ref())
    }

    /// The same node with a key of the caller's.
    fn keyed(&self, key: &Bound<'_, PyAny>) -> Self {
        Self(self.0.keyed(Some(std::sync::Arc::new(PyHostValue::new(key)))))
    }

    /// For a call that makes one object: the callable, the nodes that it gets, the word in its name, its token, whether it
    /// gathers partitions, and the key that it was given. For an object that is there: that, its token and its key. Else
    /// None. `_core.restored` makes the node anew.
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let call = match &self.0.op {
            NodeOp::PerPartition(call) | NodeOp::Gather(call) if self.0.schema.is_none() => call,
            NodeOp::Chunks(list) => {
                return match list.chunks.as_slice() {
                    [Chunk::Host(value)] => PyHostValue::object(py, value.as_ref())
                        .map(|object| (object, self.0.token.hex(), self.key(py)).into_pyobject(py))
                        .transpose(),
                    _ => Ok(None),
                };
            }
            _ => return Ok(None),
        };
        let inputs = self.0.inputs.iter().cloned().map(Self);
        let parts = (
            callable(py, &*call.function)?,
            PyList::new(py, inputs.collect::<Vec<_>>())?,
            &*self.0.prefix,
            self.0.token.hex(),
            matches!(self.0.op, NodeOp::Gather(_)),
            self.key(py),
        );
        parts.into_pyobject(py).map(Some)
    }

    /// For some partitions of a node: that node, and which ones. Else None.
    fn picked(&self) -> Option<(Self, Vec<usize>)> {
        match &self.0.op {
            NodeOp::Partitions(positions) => {
                let input = self.0.inputs.first()?.clone();
                Some((Self(input), positions.to_vec()))
            }
            _ => None,
        }
    }

    fn __repr__(&self) -> String {
        format!("<Node {}>", self.0.name())
    }

    fn __hash__(&self) -> u64 {
        let half = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        // tokens that are counted differ in one half only
        half(&self.0.token.0[..8]) ^ half(&self.0.token.0[8..])
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other
            .cast::<Self>()
            .is_ok_and(|other| other.get().0.token == self.0.token)
    }
}
