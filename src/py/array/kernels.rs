//! Builders of nodes that move or combine whole blocks: contractions, scans, elements picked; and the BLAS for the first.

use std::sync::Arc;

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use crate::error::Error;
use crate::expr::array::{self, ArraySchema, BlockCall, Blocks, array_of};
use crate::kernels::nd::blas;
use crate::op::nd_pick::{PickOp, Points};
use crate::op::nd_reduce::ScanOp;
use crate::py::array::build::{grid_from_py, picks_from_py, wrap};
use crate::py::array::convert::dtype_from_python;
use crate::py::error::to_pyerr;
use crate::py::node::PyNode;

/// Says where the functions of NumPy's BLAS are, by their addresses: `?gemm` for single, double and both complex, `?syrk` for
/// the first two, those that tell and set the number of threads. Their integers have 64 bits.
#[pyfunction]
pub fn use_blas(gemm: [usize; 4], syrk: [usize; 2], threads: (usize, usize)) -> PyResult<()> {
    if gemm.contains(&0) || syrk.contains(&0) || threads.0 == 0 || threads.1 == 0 {
        return Err(Error::internal("a function of BLAS at no address").into());
    }
    let addresses = blas::Addresses {
        gemm,
        syrk,
        get_threads: threads.0,
        set_threads: threads.1,
    };
    // SAFETY: `dusk._blas` gives addresses of functions of these names and of no others.
    unsafe { blas::provide(addresses) };
    Ok(())
}

/// Holds BLAS to one thread, or ends that; calls of both kinds are counted.
#[pyfunction]
pub fn hold_blas(begin: bool) {
    if begin {
        blas::enter();
    } else {
        blas::leave();
    }
}

/// Products of two arrays of one dtype, added up along the pairs of axes `summed`; the pairs `batch` stay and come first.
/// Raises `NotNative` where NumPy has to do it.
#[pyfunction]
#[pyo3(signature = (a, b, batch, summed, *, prefix))]
pub fn array_contract(
    py: Python<'_>,
    a: &Bound<'_, PyNode>,
    b: &Bound<'_, PyNode>,
    batch: Vec<(usize, usize)>,
    summed: Vec<(usize, usize)>,
    prefix: &str,
) -> PyResult<PyNode> {
    let node = array::contract::contract(&a.get().0, &b.get().0, &batch, &summed, prefix);
    wrap(py, node)
}

/// A running reduction under NumPy's name along an axis. With `ahead` the totals of blocks come first, side by side. Raises
/// `NotNative` where NumPy has to do it.
#[pyfunction]
#[pyo3(signature = (node, op, axis, *, dtype=None, ahead=false))]
pub fn array_scan(
    py: Python<'_>,
    node: &Bound<'_, PyNode>,
    op: &str,
    axis: usize,
    dtype: Option<&Bound<'_, PyAny>>,
    ahead: bool,
) -> PyResult<PyNode> {
    let refuse = |what: &str| to_pyerr(py, &Error::not_native(what));
    let op = ScanOp::parse(op).ok_or_else(|| refuse("this running reduction"))?;
    let dtype = match dtype {
        Some(dtype) if !dtype.is_none() => {
            let elem = dtype_from_python(dtype)?.elem();
            Some(elem.ok_or_else(|| refuse("a dtype that NumPy computes with"))?)
        }
        _ => None,
    };
    wrap(py, array::scan::scan(&node.get().0, op, axis, dtype, ahead))
}

/// Elements picked from blocks by the kernel `op`: `repeat` (`axis`, `number` of times), `tril` and `triu` (`number` is the
/// diagonal), `compress` (`axis`) and `select` by a mask, the second input. `picks` as for `array_blocks`.
#[pyfunction]
#[pyo3(signature = (op, inputs, picks, chunks, *, prefix, axis=0, number=0))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
pub fn array_pick(
    py: Python<'_>,
    op: &str,
    inputs: Vec<Bound<'_, PyNode>>,
    picks: Vec<Vec<Bound<'_, PyAny>>>,
    chunks: &Bound<'_, PyAny>,
    prefix: &str,
    axis: usize,
    number: i64,
) -> PyResult<PyNode> {
    let op = match op {
        "repeat" => PickOp::Repeat {
            axis,
            times: usize::try_from(number)?,
        },
        "tril" | "triu" => PickOp::Triangle {
            lower: op == "tril",
            k: number,
        },
        "compress" => PickOp::Compress { axis },
        "select" => PickOp::Select,
        _ => return Err(to_pyerr(py, &Error::internal(format!("no kernel {op}")))),
    };
    picked(py, op, &inputs, &picks, chunks, prefix)
}

/// The elements of `inputs` at `count` points. Points have positions along `axes`; their axis is number `place` among the
/// others. For each input, `parts` has the positions of its points, a list with one array for each axis, and which points they
/// are.
#[pyfunction]
#[pyo3(signature = (inputs, picks, chunks, axes, place, count, parts, *, prefix))]
#[allow(clippy::too_many_arguments, reason = "the shape of a Python call")]
#[allow(clippy::type_complexity, reason = "the shape of a Python call")]
pub fn array_points(
    py: Python<'_>,
    inputs: Vec<Bound<'_, PyNode>>,
    picks: Vec<Vec<Bound<'_, PyAny>>>,
    chunks: &Bound<'_, PyAny>,
    axes: Vec<usize>,
    place: usize,
    count: usize,
    parts: Vec<(Vec<PyReadonlyArray1<'_, i64>>, PyReadonlyArray1<'_, i64>)>,
    prefix: &str,
) -> PyResult<PyNode> {
    let list =
        |array: &PyReadonlyArray1<'_, i64>| -> Arc<[i64]> { array.as_array().iter().copied().collect() };
    let parts = parts
        .iter()
        .map(|(at, places)| Points {
            at: at.iter().map(list).collect(),
            places: list(places),
        })
        .collect();
    let op = PickOp::Points {
        axes,
        place,
        count,
        parts,
    };
    picked(py, op, &inputs, &picks, chunks, prefix)
}

fn picked(
    py: Python<'_>,
    op: PickOp,
    inputs: &[Bound<'_, PyNode>],
    picks: &[Vec<Bound<'_, PyAny>>],
    chunks: &Bound<'_, PyAny>,
    prefix: &str,
) -> PyResult<PyNode> {
    let inputs: Vec<_> = inputs.iter().map(|node| node.get().0.clone()).collect();
    let first = inputs
        .first()
        .ok_or_else(|| to_pyerr(py, &Error::internal("a kernel without inputs")))?;
    let schema = ArraySchema {
        dtype: array_of(first)
            .map_err(|error| to_pyerr(py, &error))?
            .dtype
            .clone(),
        grid: grid_from_py(chunks)?,
    };
    let blocks = Blocks {
        call: BlockCall::Pick(Arc::new(op)),
        picks: picks_from_py(picks)?,
    };
    wrap(py, array::blocks::blocks(inputs, blocks, schema, prefix))
}
