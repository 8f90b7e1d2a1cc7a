//! What is done with whole rows of partitions that are, or may turn out to be, pandas objects: put together, cut, chosen by a
//! mask, columns taken. Chunks that are native are treated natively.
//!
//! Invariant: values and dtypes stay as they are; only [`RowCall::Border`] and [`RowCall::Columns`] promise dtypes, and refuse
//! what doesn't fit them.

use std::any::Any;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::chunk::host::{CallSite, HostOutput};
use crate::chunk::{Batch, Chunk, FrameChunk, HostFn, IndexData};
use crate::error::{Error, Result};
use crate::py::convert::assemble::kind_number;
use crate::py::convert::{call, schema_to_meta};
use crate::py::error::host;
use crate::py::host::{PyHostValue, chunk_to_object, chunks_to_object};
use crate::py::result::chunk_from_result;
use crate::schema::FrameSchema;
use crate::token::{Token, Tokenize, Tokenizer};
use crate::wire::{Decoder, Encoder, Wire, broken};

/// One of these calls.
#[derive(Debug)]
pub enum RowCall {
    /// A partition as the native chunk that was promised.
    Border(Arc<FrameSchema>),
    /// Native columns of a pandas object; an index that Arrow can't hold is left out.
    Columns {
        /// Which.
        positions: Vec<usize>,
        /// Whether the index is kept.
        index: bool,
        /// What comes out.
        schema: Arc<FrameSchema>,
    },
    /// The rows for which the second argument holds.
    Keep,
    /// A frame of columns of the first argument, and of those of the second in order where there is `None`.
    Compose {
        /// For each column, where it comes from.
        columns: Vec<Option<usize>>,
        /// What comes out.
        schema: Arc<FrameSchema>,
    },
    /// All chunks of the argument, one after another.
    Concat,
    /// One of about equal pieces.
    Piece {
        /// Which one.
        piece: usize,
        /// Of how many.
        pieces: usize,
    },
    /// The first or last rows.
    Ends {
        /// How many.
        rows: usize,
        /// The last ones.
        tail: bool,
    },
}

/// Which host function follows on the wire: one of these.
pub const ROW_CALL: u8 = 1;

impl RowCall {
    /// Reads what `encode` wrote behind its tag.
    ///
    /// # Errors
    /// When the bytes are of something else.
    pub fn from_wire(from: &mut Decoder) -> Result<Arc<dyn HostFn>> {
        Ok(Arc::new(match from.tag()? {
            0 => Self::Border(from.take()?),
            1 => Self::Columns {
                positions: from.take()?,
                index: from.take()?,
                schema: from.take()?,
            },
            2 => Self::Keep,
            3 => Self::Compose {
                columns: from.take()?,
                schema: from.take()?,
            },
            4 => Self::Concat,
            5 => Self::Piece {
                piece: from.take()?,
                pieces: from.take()?,
            },
            6 => Self::Ends {
                rows: from.take()?,
                tail: from.take()?,
            },
            _ => return Err(broken("no call on rows")),
        }))
    }

    fn run(&self, py: Python<'_>, mut args: Vec<Vec<Chunk>>) -> PyResult<Chunk> {
        let first = if args.is_empty() {
            Vec::new()
        } else {
            args.remove(0)
        };
        match self {
            Self::Border(schema) => match first.as_slice() {
                [Chunk::Frame(frame)] if frame.schema.columns == schema.columns => {
                    Ok(Chunk::Frame(frame.clone()))
                }
                _ => chunk_from_result(&one(py, first)?, schema),
            },
            Self::Columns {
                positions,
                index,
                schema,
            } => {
                if let [Chunk::Frame(frame)] = first.as_slice()
                    && let Some(taken) = columns_of(frame, positions, *index, schema)?
                {
                    return Ok(Chunk::Frame(Arc::new(taken)));
                }
                let taken = call(py, "columns_of", (one(py, first)?, positions.clone(), *index))?;
                chunk_from_result(&taken, schema)
            }
            Self::Keep => {
                let mask = one(py, args.into_iter().flatten().collect())?;
                Ok(held(&call(py, "keep_rows", (one(py, first)?, mask))?))
            }
            Self::Compose { columns, schema } => {
                let rest: Vec<Chunk> = args.into_iter().flatten().collect();
                let made = if rest.is_empty() {
                    py.None().into_bound(py)
                } else {
                    one(py, rest)?
                };
                let like = schema_to_meta(py, schema)?;
                let kind = kind_number(schema.kind);
                Ok(held(&call(
                    py,
                    "compose",
                    (one(py, first)?, made, columns.clone(), like, kind),
                )?))
            }
            Self::Concat => match together(&first)? {
                Some(frame) => Ok(Chunk::Frame(Arc::new(frame))),
                None => Ok(held(&chunks_to_object(py, None, first)?)),
            },
            Self::Piece { piece, pieces } => cut(py, first, |len| {
                let (start, end) = (len * piece / pieces, len * (piece + 1) / pieces);
                (start, end - start)
            }),
            Self::Ends { rows, tail } => cut(py, first, |len| {
                let count = len.min(*rows);
                (if *tail { len - count } else { 0 }, count)
            }),
        }
    }
}

fn one(py: Python<'_>, chunks: Vec<Chunk>) -> PyResult<Bound<'_, PyAny>> {
    match chunks.as_slice() {
        [chunk] => chunk_to_object(py, chunk),
        _ => chunks_to_object(py, None, chunks),
    }
}

fn held(object: &Bound<'_, PyAny>) -> Chunk {
    Chunk::Host(Arc::new(PyHostValue::new(object)))
}

/// Some columns of a native chunk, where they are what is wanted.
fn columns_of(
    frame: &FrameChunk,
    positions: &[usize],
    index: bool,
    schema: &Arc<FrameSchema>,
) -> Result<Option<FrameChunk>> {
    let own = positions.iter().map(|position| &frame.schema.columns[*position]);
    if !own.eq(&schema.columns) || (index && frame.schema.index != schema.index) {
        return Ok(None);
    }
    let mut before = 0;
    let batches = frame.batches.iter().map(|batch| {
        let start = before;
        before += batch.len as i64;
        Batch {
            index: if index {
                batch.index.clone()
            } else {
                IndexData::Range { start, step: 1 }
            },
            columns: positions
                .iter()
                .map(|position| batch.columns[*position].clone())
                .collect(),
            len: batch.len,
        }
    });
    FrameChunk::new(schema.clone(), batches.collect()).map(Some)
}

/// Some consecutive rows, from the number of all.
fn cut(py: Python<'_>, chunks: Vec<Chunk>, place: impl Fn(usize) -> (usize, usize)) -> PyResult<Chunk> {
    if let [Chunk::Frame(frame)] = chunks.as_slice() {
        let (start, len) = place(frame.len());
        return Ok(Chunk::Frame(Arc::new(frame.slice(start, len))));
    }
    let object = one(py, chunks)?;
    let (start, len) = place(object.len()?);
    let rows = call(py, "select", (object, start, start + len, py.None()))?;
    Ok(held(&rows))
}

/// Native chunks of one schema as one, without copying a row.
fn together(chunks: &[Chunk]) -> Result<Option<FrameChunk>> {
    let mut frames = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        match chunk {
            Chunk::Frame(frame) => frames.push(frame),
            _ => return Ok(None),
        }
    }
    let Some(first) = frames.first() else {
        return Err(Error::internal("nothing to concatenate"));
    };
    if frames
        .iter()
        .any(|frame| frame.schema.columns != first.schema.columns)
    {
        return Ok(None);
    }
    let batches = frames.iter().flat_map(|frame| frame.batches.iter().cloned());
    FrameChunk::new(first.schema.clone(), batches.collect()).map(Some)
}

impl HostFn for RowCall {
    fn call(&self, args: Vec<Vec<Chunk>>, _output: &HostOutput, site: &CallSite) -> Result<Chunk> {
        Python::attach(|py| self.run(py, args).map_err(host(py))).map_err(|error| {
            error.note(format!(
                "in partition {} of {}, key {}",
                site.partition,
                site.npartitions,
                site.key()
            ))
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Border(_) => "check",
            Self::Columns { .. } => "columns",
            Self::Keep => "filter",
            Self::Compose { .. } => "assign",
            Self::Concat => "concat",
            Self::Piece { .. } => "split",
            Self::Ends { tail: false, .. } => "head",
            Self::Ends { tail: true, .. } => "tail",
        }
    }

    fn token(&self) -> Token {
        let mut t = Tokenizer::new();
        t.text("row-call").text(self.name());
        match self {
            Self::Border(schema) => schema.tokenize(&mut t),
            Self::Columns {
                positions,
                index,
                schema,
            } => {
                t.number(u64::from(*index));
                positions.iter().for_each(|position| {
                    t.number(*position as u64);
                });
                schema.tokenize(&mut t);
            }
            Self::Compose { columns, schema } => {
                columns.iter().for_each(|column| {
                    t.number(column.map_or(u64::MAX, |column| column as u64));
                });
                schema.tokenize(&mut t);
            }
            Self::Piece { piece, pieces } => {
                t.number(*piece as u64).number(*pieces as u64);
            }
            Self::Ends { rows, .. } => {
                t.number(*rows as u64);
            }
            Self::Keep | Self::Concat => {}
        }
        t.finish()
    }

    fn is_library(&self) -> bool {
        true
    }

    fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.tag(ROW_CALL);
        match self {
            Self::Border(schema) => {
                out.tag(0);
                schema.encode(out)
            }
            Self::Columns {
                positions,
                index,
                schema,
            } => {
                out.tag(1);
                positions.encode(out)?;
                index.encode(out)?;
                schema.encode(out)
            }
            Self::Keep => {
                out.tag(2);
                Ok(())
            }
            Self::Compose { columns, schema } => {
                out.tag(3);
                columns.encode(out)?;
                schema.encode(out)
            }
            Self::Concat => {
                out.tag(4);
                Ok(())
            }
            Self::Piece { piece, pieces } => {
                out.tag(5);
                piece.encode(out)?;
                pieces.encode(out)
            }
            Self::Ends { rows, tail } => {
                out.tag(6);
                rows.encode(out)?;
                tail.encode(out)
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
