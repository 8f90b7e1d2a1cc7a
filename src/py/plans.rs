//! What plans do, without running them: their optimised forms, their tasks as text, their steps and who does these.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use pyo3::prelude::*;

use crate::config::Settings;
use crate::error::Result;
use crate::expr::NodeRef;
use crate::opt;
use crate::plan;
use crate::py::compute::roots_of;
use crate::py::delayed::Root;
use crate::py::error::to_pyerr;
use crate::py::host_rows::prepared;
use crate::py::node::PyNode;

/// The tasks of a plan as text, most alike ones counted together.
///
/// # Errors
/// When the plan can't be lowered.
pub fn explain_tasks(node: &NodeRef) -> Result<String> {
    use std::fmt::Write;
    let optimized = prepared(std::slice::from_ref(node))?;
    let (graph, _) = plan::lower(&optimized, &Settings::default(), false)?;
    let mut lines: Vec<(String, usize)> = Vec::new();
    for task in &graph.tasks {
        let line = task.describe();
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count += 1,
            None => lines.push((line, 1)),
        }
    }
    let mut text = format!("{} tasks\n", graph.tasks.len());
    for (line, count) in lines {
        let _ = writeln!(text, "{count:>6} x {line}");
    }
    Ok(text)
}

/// The optimised forms of the plans.
#[pyfunction]
pub fn optimize(py: Python<'_>, nodes: Vec<Root>) -> PyResult<Vec<PyNode>> {
    let roots = roots_of(nodes);
    let optimized = py
        .detach(|| prepared(&roots))
        .map_err(|error| to_pyerr(py, &error))?;
    Ok(optimized.into_iter().map(PyNode).collect())
}

/// What the nodes of some plans do, who does it (`native`, `pandas` or `user`), and how many of them do.
#[pyfunction]
pub fn steps(py: Python<'_>, nodes: Vec<Root>, stage: &str) -> PyResult<Vec<(String, &'static str, usize)>> {
    let roots = roots_of(nodes);
    let roots = match stage {
        "logical" => roots,
        "optimized" => py
            .detach(|| prepared(&roots))
            .map_err(|error| to_pyerr(py, &error))?,
        _ => {
            let message = format!("stage must be 'logical' or 'optimized', not {stage:?}");
            return Err(pyo3::exceptions::PyValueError::new_err(message));
        }
    };
    let mut places: HashMap<(String, &'static str), usize> = HashMap::new();
    let mut counts: Vec<(String, &'static str, usize)> = Vec::new();
    for node in opt::topological(&roots) {
        let step = (crate::expr::explain::describe(&node), node.tier().name());
        match places.entry(step) {
            Entry::Occupied(place) => counts[*place.get()].2 += 1,
            Entry::Vacant(place) => {
                let (what, tier) = place.key().clone();
                place.insert(counts.len());
                counts.push((what, tier, 1));
            }
        }
    }
    Ok(counts)
}

/// How many nodes of each tier some plans have, each node counted once.
#[pyfunction]
pub fn tier_counts(nodes: Vec<Root>) -> std::collections::BTreeMap<&'static str, usize> {
    crate::expr::explain::tier_counts(&roots_of(nodes))
}
