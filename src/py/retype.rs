//! Plans over sources whose types are settled: what is run again after a source found its types too narrow.

use std::sync::Arc;

use crate::chunk::Source;
use crate::config::Settings;
use crate::error::{Error, Kind, Result};
use crate::expr::frame::schema_of;
use crate::expr::{Node, NodeOp, NodeRef};
use crate::op::tree::ExprRef;
use crate::opt;
use crate::py::by_pandas;
use crate::schema::{FrameSchema, IndexSchema};
use crate::token::Token;

/// The plans over sources with settled types; every schema above them is computed anew.
///
/// # Errors
/// When the data can't be read, or an operation can't be done on what they turned out to be.
pub fn retyped(roots: &[NodeRef], settings: &Settings) -> Result<Vec<NodeRef>> {
    // what is read of each source decides which columns have to be settled: ask the optimised plan
    let mut read: hashbrown::HashMap<Token, (Arc<dyn Source>, Vec<usize>)> = hashbrown::HashMap::new();
    for node in opt::topological(&opt::optimize(roots)?) {
        if let NodeOp::Scan {
            source,
            columns,
            predicate,
            ..
        } = &node.op
        {
            let (_, wanted) = read
                .entry(source.token())
                .or_insert_with(|| (source.clone(), Vec::new()));
            wanted.extend(columns.iter());
            let mut filtered = std::collections::BTreeSet::new();
            predicate
                .iter()
                .for_each(|predicate: &ExprRef| predicate.columns(&mut filtered));
            wanted.extend(filtered);
        }
    }
    let mut settled: hashbrown::HashMap<Token, Arc<dyn Source>> = hashbrown::HashMap::new();
    for (token, (source, mut columns)) in read {
        columns.sort_unstable();
        columns.dedup();
        let new = source
            .retyped(&columns, settings.threads.max(1))
            .map_err(|error| match error.kind() {
                // too late for the pandas path: the plan is made
                Kind::NotNative => {
                    Error::value(format!("{}; say with dtype= how to read it", error.message()))
                }
                _ => error,
            })?;
        settled.insert(token, new);
    }
    // A column that nobody reads must not stop a kernel by what it turned out to be.
    let roots = opt::narrowed(roots)?;
    let mut done: hashbrown::HashMap<Token, NodeRef> = hashbrown::HashMap::new();
    for node in opt::topological(&roots) {
        let new = if let NodeOp::Scan { source, .. } = &node.op {
            let settled = settled.get(&source.token());
            settled.map_or_else(|| Ok(node.clone()), |new| over(&node, new))?
        } else {
            let inputs = node.inputs.iter().map(|input| done[&input.token].clone());
            by_pandas::over(&node, inputs.collect())?
        };
        done.insert(node.token, new);
    }
    Ok(roots.iter().map(|root| done[&root.token].clone()).collect())
}

/// The scan `node` over its source with settled types.
fn over(node: &NodeRef, new: &Arc<dyn Source>) -> Result<NodeRef> {
    let NodeOp::Scan {
        columns,
        partitions,
        predicate,
        ..
    } = &node.op
    else {
        return Err(Error::internal("a source below something that is no scan"));
    };
    let (all, old) = (new.schema(), schema_of(node)?);
    let was_range = matches!(old.index, IndexSchema::Range { .. });
    let schema = FrameSchema {
        columns: columns
            .iter()
            .map(|column| all.columns[*column].clone())
            .collect(),
        index: all.index.clone(),
        ..(**old).clone()
    };
    let schema = if was_range { schema } else { schema.with_levels() };
    if predicate.is_some() && !new.filters() {
        return Err(Error::type_(
            "the types of a filtered source turned out otherwise; compute the collection that wasn't optimized",
        ));
    }
    let op = NodeOp::Scan {
        source: new.clone(),
        columns: columns.clone(),
        partitions: partitions.clone(),
        predicate: predicate.clone(),
    };
    Ok(Node::new(
        op,
        vec![],
        Some(Arc::new(schema)),
        node.divisions.clone(),
        &node.prefix,
    ))
}
