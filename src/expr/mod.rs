//! The logical plan: an immutable DAG of nodes, hashed by content.
//!
//! Covers what a node is and how nodes are made (each constructor computes schema and divisions and refuses what has no
//! native kernel with [`crate::error::Kind::NotNative`]). Does not cover rewriting (`opt`) or lowering (`plan`).
//! Invariant: equal token, equal result; a node never changes.

pub mod array;
pub mod explain;
pub mod frame;
pub mod wire;

use std::sync::Arc;

use crate::chunk::HostFn;
use crate::chunk::host::HostOutput;
use crate::chunk::{Chunk, Source};
use crate::expr::array::ArraySchema;
use crate::host::HostRef;
use crate::op::agg::AggSpec;
use crate::op::tree::ExprRef;
use crate::schema::{Divisions, FrameSchema};
use crate::token::{Name, Token, Tokenize, Tokenizer};

/// A shared node.
pub type NodeRef = Arc<Node>;

/// The closed set of node shapes.
#[derive(Clone, Debug)]
pub enum NodeOp {
    /// Partitions from a source: these of its columns, of these of its partitions, without the rows that the predicate
    /// drops. The predicate reads columns by their position in the source's schema.
    Scan {
        /// The source.
        source: Arc<dyn Source>,
        /// The columns of it that come out, in this order.
        columns: Arc<[usize]>,
        /// The partitions of it that come out; `None` for all.
        partitions: Option<Arc<[usize]>>,
        /// Which rows come out.
        predicate: Option<ExprRef>,
    },
    /// Chunks that are there already (persisted), one for each partition.
    Chunks(Arc<ChunkList>),
    /// One expression for each output column. Inputs after the first are scalars (`Expr::Input`).
    Select(Vec<ExprRef>),
    /// The rows for which the predicate holds. Inputs after the first are scalars.
    Filter(ExprRef),
    /// A reduction to one row or a group-by. Inputs after the first are scalars.
    Aggregate(Arc<AggSpec>),
    /// A host function on each partition of its inputs (inputs with one partition are given to every call).
    PerPartition(HostCall),
    /// One host call on all partitions of all inputs; it gets one chunk for each input.
    Gather(HostCall),
    /// The partitions of all inputs, one after another.
    Concat,
    /// Other cuts through the same rows: output `i` is made of these pieces.
    Repartition(Repartition),
    /// Some of the partitions.
    Partitions(Arc<[usize]>),
    /// The first or last rows of each partition.
    Limit {
        /// How many.
        rows: usize,
        /// The last ones.
        tail: bool,
    },
    /// Blocks of an array.
    Array(array::ArrayOp),
}

/// Chunks held by a node.
#[derive(Debug)]
pub struct ChunkList {
    /// One for each partition.
    pub chunks: Vec<Chunk>,
    /// Content hash, or a unique one.
    pub token: Token,
}

/// A host function and what comes out of it.
#[derive(Clone, Debug)]
pub struct HostCall {
    /// The function.
    pub function: Arc<dyn HostFn>,
    /// What comes out.
    pub output: HostOutput,
}

/// How partitions are cut anew.
#[derive(Clone, Debug)]
pub enum Repartition {
    /// Output `i` is the input partitions `bounds[i]..bounds[i + 1]`.
    Merge(Arc<[usize]>),
    /// Input partition `i` is cut into `parts[i]` pieces of about equal length.
    Split(Arc<[usize]>),
}

/// A node of the logical plan.
#[derive(Debug)]
pub struct Node {
    /// What it does.
    pub op: NodeOp,
    /// What it does it to.
    pub inputs: Vec<NodeRef>,
    /// What comes out; `None` for arrays and objects.
    pub schema: Option<Arc<FrameSchema>>,
    /// What comes out, of an array.
    pub array: Option<Arc<ArraySchema>>,
    /// Partitions and where they begin.
    pub divisions: Divisions,
    /// The word before the token in its name.
    pub prefix: Arc<str>,
    /// Content hash of all above.
    pub token: Token,
    /// What the caller calls it, when he has a name of his own for it: the key that callbacks see.
    pub key: Option<HostRef>,
}

impl Node {
    /// A node of these parts.
    #[must_use]
    pub fn new(
        op: NodeOp,
        inputs: Vec<NodeRef>,
        schema: Option<Arc<FrameSchema>>,
        divisions: Divisions,
        prefix: &str,
    ) -> NodeRef {
        Self::of_parts(op, inputs, schema, None, divisions, prefix)
    }

    /// A node that makes an array.
    #[must_use]
    pub fn with_array(
        op: NodeOp,
        inputs: Vec<NodeRef>,
        array: Arc<ArraySchema>,
        divisions: Divisions,
        prefix: &str,
    ) -> NodeRef {
        Self::of_parts(op, inputs, None, Some(array), divisions, prefix)
    }

    fn of_parts(
        op: NodeOp,
        inputs: Vec<NodeRef>,
        schema: Option<Arc<FrameSchema>>,
        array: Option<Arc<ArraySchema>>,
        divisions: Divisions,
        prefix: &str,
    ) -> NodeRef {
        let mut t = Tokenizer::new();
        op.tokenize(&mut t);
        t.number(inputs.len() as u64);
        for input in &inputs {
            t.token(input.token);
        }
        if let Some(schema) = &schema {
            schema.tokenize(&mut t);
        }
        if let Some(array) = &array {
            array.tokenize(&mut t);
        }
        divisions.tokenize(&mut t);
        let token = t.finish();
        Arc::new(Self {
            op,
            inputs,
            schema,
            array,
            divisions,
            prefix: prefix.into(),
            token,
            key: None,
        })
    }

    /// A call that makes one object, with a token that the caller vouches for: no other content may have it.
    #[must_use]
    pub fn call(
        op: NodeOp,
        inputs: Vec<NodeRef>,
        prefix: Arc<str>,
        token: Token,
        key: Option<HostRef>,
    ) -> NodeRef {
        Arc::new(Self {
            op,
            inputs,
            schema: None,
            array: None,
            divisions: Divisions::Unknown(1),
            prefix,
            token,
            key,
        })
    }

    /// This node with another operation and other inputs, which give what it gives: its token stays.
    #[must_use]
    pub fn standing_in(&self, op: NodeOp, inputs: Vec<NodeRef>) -> NodeRef {
        self.again(op, inputs, self.token, self.key.clone())
    }

    /// The same node with a key of the caller's, or without one.
    #[must_use]
    pub fn keyed(&self, key: Option<HostRef>) -> NodeRef {
        self.again(self.op.clone(), self.inputs.clone(), self.token, key)
    }

    fn again(&self, op: NodeOp, inputs: Vec<NodeRef>, token: Token, key: Option<HostRef>) -> NodeRef {
        Arc::new(Self {
            op,
            inputs,
            schema: self.schema.clone(),
            array: self.array.clone(),
            divisions: self.divisions.clone(),
            prefix: self.prefix.clone(),
            token,
            key,
        })
    }

    /// Whether it makes one object by a call or holds one, so that a token may be vouched for.
    #[must_use]
    pub fn is_single_object(&self) -> bool {
        let object = matches!(
            self.op,
            NodeOp::PerPartition(_) | NodeOp::Gather(_) | NodeOp::Chunks(_)
        );
        object && self.schema.is_none() && self.array.is_none() && self.npartitions() == 1
    }

    /// The same with another operation and the token that follows from it.
    #[must_use]
    pub fn with_op(&self, op: NodeOp) -> NodeRef {
        let (schema, array) = (self.schema.clone(), self.array.clone());
        let (inputs, divisions) = (self.inputs.clone(), self.divisions.clone());
        Self::of_parts(op, inputs, schema, array, divisions, &self.prefix)
    }

    /// Its name, as in Dask: what it does and a hash.
    #[must_use]
    pub fn name(&self) -> String {
        self.label().to_string()
    }

    /// Its name, not made text yet.
    #[must_use]
    pub fn label(&self) -> Name {
        Name::new(self.prefix.clone(), self.token)
    }

    /// The number of partitions.
    #[must_use]
    pub fn npartitions(&self) -> usize {
        self.divisions.npartitions()
    }
}

impl Drop for Node {
    /// Chains may be hundreds of thousands of nodes long: they are let go one by one, not one inside the other.
    fn drop(&mut self) {
        let mut stack = std::mem::take(&mut self.inputs);
        while let Some(node) = stack.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                stack.append(&mut node.inputs);
            }
        }
    }
}

impl Tokenize for NodeOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        match self {
            Self::Scan {
                source,
                columns,
                partitions,
                predicate,
            } => {
                t.number(0).token(source.token()).number(columns.len() as u64);
                columns.iter().for_each(|column| {
                    t.number(*column as u64);
                });
                t.number(partitions.as_ref().map_or(u64::MAX, |list| list.len() as u64));
                partitions
                    .iter()
                    .flat_map(|list| list.iter())
                    .for_each(|partition| {
                        t.number(*partition as u64);
                    });
                predicate.tokenize(t);
            }
            Self::Chunks(list) => {
                t.number(1).token(list.token);
            }
            Self::Select(exprs) => {
                t.number(2);
                exprs.tokenize(t);
            }
            Self::Filter(predicate) => {
                t.number(3);
                predicate.tokenize(t);
            }
            Self::Aggregate(spec) => {
                t.number(4);
                spec.tokenize(t);
            }
            Self::PerPartition(call) => {
                t.number(5).token(call.function.token());
            }
            Self::Gather(call) => {
                t.number(6).token(call.function.token());
            }
            Self::Concat => {
                t.number(7);
            }
            Self::Repartition(Repartition::Merge(list)) | Self::Partitions(list) => {
                t.number(8 + u64::from(matches!(self, Self::Partitions(_))))
                    .number(list.len() as u64);
                list.iter().for_each(|number| {
                    t.number(*number as u64);
                });
            }
            Self::Repartition(Repartition::Split(list)) => {
                t.number(10).number(list.len() as u64);
                list.iter().for_each(|number| {
                    t.number(*number as u64);
                });
            }
            Self::Limit { rows, tail } => {
                t.number(11).number(*rows as u64).number(u64::from(*tail));
            }
            Self::Array(op) => {
                t.number(12);
                op.tokenize(t);
            }
        }
    }
}
