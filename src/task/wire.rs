//! The wire form of tasks and of what comes back: a task runs in another process by the same [`run`](super::run::run).
//!
//! A request is a task, what it needs of its sources' data where these are in memory ([`packed`]), and its inputs. A reply is a
//! chunk or an error, the rows and bytes that sources delivered, and what sources found ([`crate::chunk::Source::findings`]).
//! Does not cover where tasks run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::chunk::host::Surroundings;
use crate::chunk::{Chunk, Source};
use crate::error::{Error, Kind, Result};
use crate::task::array::{Compute, Gather, Piece};
use crate::task::pipeline::{Input, Pipeline, Sink, Step};
use crate::task::product::Product;
use crate::task::reduce::{Finish, Partial};
use crate::task::scan::{Scanned, Scanner};
use crate::task::{Control, Task, TaskOp};
use crate::wire::{Decoder, Encoder, Magic, Wire, broken};

/// What the bytes of a task begin with.
pub const TASK: Magic = *b"DUSKTASK";
/// What the bytes of a reply begin with.
pub const REPLY: Magic = *b"DUSKDONE";

impl Wire for TaskOp {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Value(chunk) => {
                out.tag(0);
                chunk.encode(out)
            }
            Self::Pipeline { pipeline, partitions } => {
                out.tag(1);
                encode_pipeline(pipeline, partitions, out)?;
                partitions.encode(out)
            }
            Self::HostScan(source, scan) => {
                out.tag(2);
                packed(source, &[scan.partition], &scan.columns)?.encode(out)?;
                scan.encode(out)
            }
            Self::Merge(plan) => {
                out.tag(3);
                plan.encode(out)
            }
            Self::Finish(plan) => {
                out.tag(4);
                plan.encode(out)
            }
            Self::Host { call, around } => {
                out.tag(5);
                call.encode(out)?;
                out.tag(u8::from(around.is_some()));
                around.as_deref().map_or(Ok(()), |around| around.encode(out))
            }
            Self::Concat => {
                out.tag(6);
                Ok(())
            }
            Self::ReadArray(source, region) if source.projected_bytes(region) == 0 => {
                // in memory: the region travels, not the whole
                out.tag(0);
                Chunk::Array(Arc::new(source.read(region)?)).encode(out)
            }
            Self::ReadArray(source, region) => {
                out.tag(8);
                source.encode(out)?;
                region.encode(out)
            }
            Self::Gather(gather) => {
                out.tag(9);
                gather.encode(out)
            }
            Self::Compute(compute) => {
                out.tag(10);
                compute.encode(out)
            }
            Self::PartialReduce(partial) => {
                out.tag(11);
                partial.spec.encode(out)?;
                partial.compute.encode(out)?;
                partial.start.encode(out)
            }
            Self::MergeReduce(op) => {
                out.tag(12);
                op.encode(out)
            }
            Self::FinishReduce(finish) => {
                out.tag(13);
                finish.op.encode(out)?;
                finish.out.encode(out)?;
                finish.dropped.encode(out)
            }
            Self::Product(product) => {
                out.tag(14);
                product.spec.encode(out)?;
                product.elem.encode(out)?;
                product.sum.encode(out)?;
                product.half.encode(out)?;
                product.wide.encode(out)
            }
            Self::Scan(scanner) => {
                out.tag(15);
                scanner.scan.encode(out)?;
                (scanner.what == Scanned::Total).encode(out)
            }
            Self::Part(number) => {
                out.tag(16);
                number.encode(out)
            }
            Self::Pick(op) => {
                out.tag(17);
                op.encode(out)
            }
            Self::Place(_) => Err(Error::internal("a result is put together in its own process")),
            Self::Piece { piece, pieces } => {
                out.tag(7);
                piece.encode(out)?;
                pieces.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Value(from.take()?),
            1 => Self::Pipeline {
                pipeline: from.take()?,
                partitions: from.take()?,
            },
            2 => Self::HostScan(from.take()?, Box::new(from.take()?)),
            3 => Self::Merge(from.take()?),
            4 => Self::Finish(from.take()?),
            5 => Self::Host {
                call: from.take()?,
                around: from.take::<Option<Surroundings>>()?.map(Box::new),
            },
            6 => Self::Concat,
            7 => Self::Piece {
                piece: from.take()?,
                pieces: from.take()?,
            },
            8 => Self::ReadArray(from.take()?, from.take()?),
            9 => Self::Gather(Arc::new(from.take()?)),
            10 => Self::Compute(from.take()?),
            11 => Self::PartialReduce(Arc::new(Partial {
                spec: from.take()?,
                compute: from.take()?,
                start: from.take()?,
            })),
            12 => Self::MergeReduce(from.take()?),
            13 => Self::FinishReduce(Box::new(Finish {
                op: from.take()?,
                out: from.take()?,
                dropped: from.take()?,
            })),
            14 => Self::Product(Product {
                spec: from.take()?,
                elem: from.take()?,
                sum: from.take()?,
                half: from.take()?,
                wide: from.take()?,
            }),
            15 => Self::Scan(Scanner {
                scan: from.take()?,
                what: if from.take()? {
                    Scanned::Total
                } else {
                    Scanned::Block
                },
            }),
            16 => Self::Part(from.take()?),
            17 => Self::Pick(Arc::new(from.take()?)),
            _ => return Err(broken("no task")),
        })
    }
}

/// The source as it travels with a task: with just the data that the task reads, where that is in memory.
fn packed(source: &Arc<dyn Source>, partitions: &[usize], columns: &[usize]) -> Result<Arc<dyn Source>> {
    let taken = source.taken_along(partitions, columns)?;
    Ok(taken.unwrap_or_else(|| source.clone()))
}

fn encode_pipeline(pipeline: &Pipeline, partitions: &[usize], out: &mut Encoder) -> Result<()> {
    match &pipeline.input {
        Input::Chunks => out.tag(0),
        Input::Scan {
            source,
            columns,
            predicate,
        } => {
            out.tag(1);
            let mut read: std::collections::BTreeSet<usize> = columns.iter().copied().collect();
            predicate
                .iter()
                .for_each(|predicate| predicate.columns(&mut read));
            let read: Vec<usize> = read.into_iter().collect();
            packed(source, partitions, &read)?.encode(out)?;
            columns.encode(out)?;
            predicate.encode(out)?;
        }
    }
    pipeline.input_schema.encode(out)?;
    pipeline.steps.encode(out)?;
    pipeline.schema.encode(out)?;
    pipeline.scalars.encode(out)?;
    pipeline.sink.encode(out)?;
    pipeline.batch_rows.encode(out)
}

/// Read only: a pipeline is written together with the partitions that a task reads.
impl Wire for Arc<Pipeline> {
    fn encode(&self, _out: &mut Encoder) -> Result<()> {
        Err(Error::internal("a pipeline travels with its task"))
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let input = match from.tag()? {
            0 => Input::Chunks,
            1 => Input::Scan {
                source: from.take()?,
                columns: from.take()?,
                predicate: from.take()?,
            },
            _ => return Err(broken("no input of a pipeline")),
        };
        Ok(Self::new(Pipeline::new(
            input,
            from.take()?,
            from.take()?,
            from.take()?,
            from.take()?,
            from.take()?,
            from.take()?,
        )))
    }
}

impl Wire for Arc<Compute> {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        let (expr, elems) = self.parts();
        expr.encode(out)?;
        out.list(elems)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self::new(Compute::new(from.take()?, from.list()?)))
    }
}

impl Wire for Gather {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.shape.encode(out)?;
        self.axes.encode(out)?;
        out.number(self.pieces.len() as u64);
        for piece in &self.pieces {
            out.number(piece.parts.len() as u64);
            for (start, len, step) in &piece.parts {
                start.encode(out)?;
                len.encode(out)?;
                step.encode(out)?;
            }
            piece.at.encode(out)?;
        }
        self.dtype.encode(out)
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        let (shape, axes) = (from.take()?, from.take()?);
        let mut pieces = Vec::new();
        for _ in 0..from.count()? {
            let parts = (0..from.count()?).map(|_| Ok((from.take()?, from.take()?, from.take()?)));
            pieces.push(Piece {
                parts: parts.collect::<Result<_>>()?,
                at: from.take()?,
            });
        }
        Ok(Self {
            shape,
            axes,
            pieces,
            dtype: from.take()?,
        })
    }
}

impl Wire for Step {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Filter { predicate, input } => {
                out.tag(0);
                predicate.encode(out)?;
                input.encode(out)
            }
            Self::Select { exprs, input } => {
                out.tag(1);
                exprs.encode(out)?;
                input.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Filter {
                predicate: from.take()?,
                input: from.take()?,
            },
            1 => Self::Select {
                exprs: from.take()?,
                input: from.take()?,
            },
            _ => return Err(broken("no step")),
        })
    }
}

impl Wire for Sink {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        match self {
            Self::Collect => {
                out.tag(0);
                Ok(())
            }
            Self::Head(rows) => {
                out.tag(1);
                rows.encode(out)
            }
            Self::Tail(rows) => {
                out.tag(2);
                rows.encode(out)
            }
            Self::Aggregate {
                plan,
                keys,
                arguments,
            } => {
                out.tag(3);
                plan.encode(out)?;
                keys.encode(out)?;
                arguments.encode(out)
            }
        }
    }

    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(match from.tag()? {
            0 => Self::Collect,
            1 => Self::Head(from.take()?),
            2 => Self::Tail(from.take()?),
            3 => Self::Aggregate {
                plan: from.take()?,
                keys: from.take()?,
                arguments: from.take()?,
            },
            _ => return Err(broken("no sink")),
        })
    }
}

impl Wire for Task {
    fn encode(&self, out: &mut Encoder) -> Result<()> {
        self.name.encode(out)?;
        self.partition.encode(out)?;
        self.op.encode(out)
    }

    /// The task stands alone: its inputs come with it.
    fn decode(from: &mut Decoder) -> Result<Self> {
        Ok(Self {
            name: from.take()?,
            partition: from.take()?,
            op: from.take()?,
            inputs: Vec::new(),
            projected: 0,
            cuts: false,
        })
    }
}

/// Writes a task and its inputs.
///
/// # Errors
/// When something in it can't leave the process.
pub fn encode_request(task: &Task, inputs: &[Chunk], out: &mut Encoder) -> Result<()> {
    task.encode(out)?;
    out.list(inputs)
}

/// Reads a task and its inputs.
///
/// # Errors
/// [`Kind::Value`] for bytes of something else.
pub fn decode_request(from: &mut Decoder) -> Result<(Task, Vec<Chunk>)> {
    Ok((from.take()?, from.list()?))
}

/// Writes what a task has come to.
///
/// # Errors
/// When the chunk can't leave the process.
pub fn encode_reply(task: &Task, result: &Result<Chunk>, control: &Control, out: &mut Encoder) -> Result<()> {
    control.rows.load(Ordering::Relaxed).encode(out)?;
    control.bytes.load(Ordering::Relaxed).encode(out)?;
    match result {
        Ok(chunk) => {
            out.tag(0);
            chunk.encode(out)?;
        }
        Err(error) => {
            out.tag(1);
            error.encode(out)?;
        }
    }
    match scanned(task) {
        Some(source) if result.is_ok() => source.findings(out),
        _ => Ok(()),
    }
}

/// Reads what a task has come to, and takes in what its source found.
///
/// # Errors
/// The error of the task (a user's exception without the exception itself: that comes beside the bytes), and
/// [`Kind::Retyped`] when the task has to run at home.
pub fn decode_reply(task: &Task, control: &Control, from: &mut Decoder) -> Result<Chunk> {
    control.rows.fetch_add(from.take()?, Ordering::Relaxed);
    control.bytes.fetch_add(from.take()?, Ordering::Relaxed);
    let chunk = match from.tag()? {
        0 => from.take()?,
        1 => return Err(from.take()?),
        _ => return Err(broken("no reply")),
    };
    if let Some(source) = scanned(task) {
        source.confirm(from)?;
    }
    Ok(chunk)
}

/// Whether an error says that only the process which holds the source can go on.
#[must_use]
pub fn concerns_source(error: &Error) -> bool {
    error.kind() == Kind::Retyped
}

/// The source that a task reads by itself; one in memory was packed and is none of its owner's any more.
fn scanned(task: &Task) -> Option<&Arc<dyn Source>> {
    match &task.op {
        TaskOp::Pipeline { pipeline, .. } => match &pipeline.input {
            Input::Scan { source, .. } => Some(source),
            Input::Chunks => None,
        },
        _ => None,
    }
}
