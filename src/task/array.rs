//! What array tasks do: read a region, gather elements of several blocks into one, compute an expression for each element.

use std::sync::{Arc, OnceLock};

use arrow::buffer::MutableBuffer;

use crate::chunk::{ArrayChunk, Chunk};
use crate::error::{Error, Result};
use crate::kernels::nd::copy;
use crate::kernels::nd::program::NdProgram;
use crate::kernels::nd::target::Target;
use crate::nd::{Elem, NdDtype};
use crate::op::nd::NdExpr;

/// Part of one input and where it goes.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Along each axis of the input: first element, how many (`usize::MAX` for all), step.
    pub parts: Vec<(usize, usize, isize)>,
    /// Where its first element goes in the result.
    pub at: Vec<usize>,
}

/// How a block is put together.
#[derive(Clone, Debug)]
pub struct Gather {
    /// The shape of the result, where known.
    pub shape: Vec<Option<usize>>,
    /// For each axis of the result, the axis of the inputs that it is.
    pub axes: Vec<Option<usize>>,
    /// One for each input.
    pub pieces: Vec<Piece>,
    /// Type of the elements.
    pub dtype: NdDtype,
}

/// The array in `chunk`.
///
/// # Errors
/// When it is an object of the host language that was promised to be a NumPy array.
pub fn array_in(chunk: &Chunk) -> Result<&ArrayChunk> {
    match chunk {
        Chunk::Array(array) => Ok(array),
        Chunk::Host(_) => Err(Error::type_(
            "a block isn't the NumPy array that was promised: say with meta= (or dtype=object) what the function returns",
        )),
        Chunk::Frame(_) | Chunk::Arrays(_) | Chunk::State(_) => {
            Err(Error::internal("a block that is a frame"))
        }
    }
}

impl Gather {
    /// Puts the block together, in memory of its `own` or as a view of its only input.
    ///
    /// # Errors
    /// When an input doesn't have the planned shape.
    pub fn run(&self, inputs: &[Chunk], own: bool) -> Result<ArrayChunk> {
        let pieces = self.views(inputs)?;
        if let [piece] = pieces.as_slice() {
            let view = &piece.chunk;
            // Whoever reads it can follow strides; it is copied where it would keep much more memory than its own alive.
            let bytes = view.size() * view.dtype.itemsize();
            let repeated =
                (view.shape.iter().zip(&view.strides)).any(|(len, stride)| *len > 1 && *stride == 0);
            if repeated || own || view.nbytes() > 2 * bytes {
                return copy::compact(view);
            }
            return Ok(view.clone());
        }
        let dtype = pieces[0].chunk.dtype.clone();
        let shape: Result<Vec<usize>> = (0..self.shape.len())
            .map(|axis| self.length(&pieces, axis))
            .collect();
        copy::gather(&pieces, &shape?, &dtype)
    }

    /// The length of an axis of the block: that of its pieces, which lie side by side, where the plan doesn't know it.
    fn length(&self, pieces: &[copy::Piece], axis: usize) -> Result<usize> {
        if let Some(length) = self.shape[axis] {
            return Ok(length);
        }
        let mut lengths = pieces.iter().map(|piece| piece.chunk.shape[axis]);
        let first = lengths.next().unwrap_or(0);
        match lengths.find(|length| *length != first) {
            None => Ok(first),
            Some(other) => Err(Error::value(format!(
                "blocks side by side have lengths {first} and {other} along axis {axis}"
            ))),
        }
    }

    /// What of the inputs goes where.
    ///
    /// # Errors
    /// When an input doesn't have the planned shape.
    pub fn views(&self, inputs: &[Chunk]) -> Result<Vec<copy::Piece>> {
        let pieces = inputs.iter().zip(&self.pieces);
        pieces
            .map(|(chunk, piece)| {
                Ok(copy::Piece {
                    chunk: self.view(array_in(chunk)?, piece)?,
                    at: piece.at.clone(),
                })
            })
            .collect()
    }

    /// Whether the block has this shape.
    #[must_use]
    pub fn fits(&self, shape: &[usize]) -> bool {
        let planned = self.shape.iter().zip(shape);
        self.shape.len() == shape.len() && planned.into_iter().all(|(own, len)| *own == Some(*len))
    }

    fn view(&self, chunk: &ArrayChunk, piece: &Piece) -> Result<ArrayChunk> {
        let planned = || {
            let parts: Vec<String> = piece
                .parts
                .iter()
                .map(|(start, len, _)| format!("{start}+{len}"))
                .collect();
            Error::value(format!(
                "a block has shape {:?} where elements {} were planned: say with chunks= which shapes the function returns",
                chunk.shape,
                parts.join(", ")
            ))
        };
        if chunk.shape.len() != piece.parts.len() {
            return Err(planned());
        }
        let parts: Vec<_> = piece
            .parts
            .iter()
            .zip(&chunk.shape)
            .map(|((start, len, step), have)| (*start, if *len == usize::MAX { *have } else { *len }, *step))
            .collect();
        let inside = parts.iter().zip(&chunk.shape).all(|((start, len, step), have)| {
            let last = *start as isize + (*len as isize - 1) * step;
            *len == 0 || (*start < *have && (0..*have as isize).contains(&last))
        });
        if !inside {
            return Err(planned());
        }
        let part = chunk.slice(&parts)?;
        let shape = self.axes.iter().zip(&self.shape);
        let shape: Vec<usize> = shape
            .map(|(axis, len)| axis.map_or(len.unwrap_or(1), |axis| part.shape[axis]))
            .collect();
        let strides = self
            .axes
            .iter()
            .map(|axis| axis.map_or(0, |axis| part.strides[axis]));
        ArrayChunk::strided(
            part.dtype.clone(),
            shape,
            strides.collect(),
            part.offset,
            part.buffer.clone(),
        )
    }
}

/// An expression over blocks, compiled when the first block asks for it.
#[derive(Debug)]
pub struct Compute {
    expr: Arc<NdExpr>,
    elems: Vec<Elem>,
    program: OnceLock<Result<NdProgram>>,
}

impl Compute {
    /// The expression over inputs of these types.
    #[must_use]
    pub fn new(expr: Arc<NdExpr>, elems: Vec<Elem>) -> Self {
        Self {
            expr,
            elems,
            program: OnceLock::new(),
        }
    }

    /// What it was made of.
    #[must_use]
    pub fn parts(&self) -> (&Arc<NdExpr>, &[Elem]) {
        (&self.expr, &self.elems)
    }

    /// In a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} operations on each element", self.expr.size())
    }

    /// The value of each element of `inputs`, broadcast against each other.
    ///
    /// # Errors
    /// When their shapes don't go together, or a loop refuses its operands.
    pub fn run(&self, inputs: &[Chunk]) -> Result<ArrayChunk> {
        let (blocks, shape) = self.blocks(inputs)?;
        self.program()?.run(&blocks, &shape)
    }

    /// As [`Self::run`], into the place of block `number` of a result. False, with nothing done, when what comes out has
    /// another shape.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_into(&self, inputs: &[Chunk], target: &Target, number: usize) -> Result<bool> {
        let (blocks, shape) = self.blocks(inputs)?;
        let program = self.program()?;
        if shape != target.block_shape(number)? || Some(program.out()) != target.dtype().elem() {
            return Ok(false);
        }
        target.fill(number, |slot| {
            slot.compute(|rows, out| {
                let Some((start, len)) = rows.filter(|(_, len)| *len < shape[0]) else {
                    return program.run_into(&blocks, &shape, out);
                };
                let mut part: Vec<(usize, usize, isize)> = shape.iter().map(|len| (0, *len, 1)).collect();
                part[0] = (start, len, 1);
                let of_rows = |block: &ArrayChunk| block.broadcast(&shape)?.slice(&part);
                let rows = blocks.iter().map(of_rows).collect::<Result<Vec<_>>>()?;
                let mut shape = shape.clone();
                shape[0] = len;
                program.run_into(&rows, &shape, out)
            })
        })?;
        Ok(true)
    }

    fn program(&self) -> Result<&NdProgram> {
        self.program
            .get_or_init(|| NdProgram::compile(&self.expr, &self.elems))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The inputs with their planned types, and the shape that they make.
    fn blocks(&self, inputs: &[Chunk]) -> Result<(Vec<ArrayChunk>, Vec<usize>)> {
        let blocks = inputs
            .iter()
            .zip(&self.elems)
            .map(|(chunk, elem)| as_elem(array_in(chunk)?, *elem))
            .collect::<Result<Vec<_>>>()?;
        let shape = broadcast_shape(&blocks)?;
        Ok((blocks, shape))
    }

    /// The shape that the inputs make, and the elements as [`Self::run`] gives them: band by band along the first axis, each
    /// of about `bytes`, in memory that stays in the caches and is written again for the next. `visit` gets a band and where
    /// it begins; `start` is told the shape and the type first.
    ///
    /// # Errors
    /// As [`Self::run`], and what `start` and `visit` report.
    pub fn bands<S>(
        &self,
        inputs: &[Chunk],
        bytes: usize,
        start: impl FnOnce(&[usize], Elem) -> Result<S>,
        mut visit: impl FnMut(&mut S, &ArrayChunk, usize) -> Result<()>,
    ) -> Result<S> {
        let (blocks, shape) = self.blocks(inputs)?;
        if let (NdExpr::Input(place), true) = (&*self.expr, blocks.iter().all(|block| block.shape == shape)) {
            // Nothing to compute.
            let block = blocks
                .get(*place)
                .ok_or_else(|| Error::internal("an expression over an input that isn't there"))?;
            let mut state = start(&shape, self.elems[*place])?;
            visit(&mut state, block, 0)?;
            return Ok(state);
        }
        let program = self.program()?;
        let out = program.out();
        let mut state = start(&shape, out)?;
        let rows = shape.first().copied().unwrap_or(1);
        let row = shape.iter().skip(1).product::<usize>() * out.itemsize();
        let step = (bytes / row.max(1)).max(1);
        let one = blocks
            .iter()
            .all(|block| block.strides.iter().all(|stride| *stride == 0));
        if step >= rows || one {
            visit(&mut state, &program.run(&blocks, &shape)?, 0)?;
            return Ok(state);
        }
        let mut memory = MutableBuffer::new(step * row);
        let mut part = shape.clone();
        for from in (0..rows).step_by(step) {
            part[0] = step.min(rows - from);
            let pieces = blocks
                .iter()
                .map(|block| {
                    let mut parts: Vec<_> = block.shape.iter().map(|len| (0, *len, 1)).collect();
                    if block.shape.len() == shape.len() && block.shape[0] == rows {
                        parts[0] = (from, part[0], 1);
                    }
                    block.slice(&parts)
                })
                .collect::<Result<Vec<_>>>()?;
            memory.resize(part[0] * row, 0);
            program.run_into(&pieces, &part, memory.as_slice_mut())?;
            let band = ArrayChunk::dense(NdDtype::Num(out), part.clone(), memory.into())?;
            visit(&mut state, &band, from)?;
            memory = band
                .buffer
                .into_mutable()
                .unwrap_or_else(|_| MutableBuffer::new(step * row));
        }
        Ok(state)
    }
}

/// The block with the planned type: a function may have returned another one than it promised.
pub(super) fn as_elem(chunk: &ArrayChunk, elem: Elem) -> Result<ArrayChunk> {
    match &chunk.dtype {
        NdDtype::Num(own) if *own == elem => Ok(chunk.clone()),
        NdDtype::Num(own) => {
            let cast = NdExpr::cast(elem, NdExpr::input(0));
            NdProgram::compile(&cast, &[*own])?.run(std::slice::from_ref(chunk), &chunk.shape)
        }
        other => Err(Error::type_(format!(
            "a block has dtype {other:?} where {} was promised: say with dtype= what the function returns",
            elem.name()
        ))),
    }
}

fn broadcast_shape(blocks: &[ArrayChunk]) -> Result<Vec<usize>> {
    let ndim = blocks.iter().map(|block| block.shape.len()).max().unwrap_or(0);
    let mut shape = vec![1; ndim];
    for block in blocks {
        let shift = ndim - block.shape.len();
        for (len, own) in shape[shift..].iter_mut().zip(&block.shape) {
            match (*len, *own) {
                (a, b) if a == b => {}
                (1, b) => *len = b,
                (_, 1) => {}
                _ => {
                    let shapes: Vec<String> =
                        blocks.iter().map(|block| format!("{:?}", block.shape)).collect();
                    return Err(Error::value(format!(
                        "operands could not be broadcast together with shapes {}",
                        shapes.join(" ")
                    )));
                }
            }
        }
    }
    Ok(shape)
}
