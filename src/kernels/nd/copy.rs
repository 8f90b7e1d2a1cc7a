//! Results put together from views of blocks: slices, transposes, flips, concatenations, rechunks are all this one copy.
//!
//! Covers items of any size. Invariant: the pieces tile the result exactly, which is checked before anything is
//! written; so memory that nobody wrote is never read.

use arrow::buffer::MutableBuffer;
use hashbrown::HashSet;

use super::memory::{bytes_of, fresh};
use super::strided::{CopyPlan, STREAMED};
use crate::chunk::ArrayChunk;
use crate::chunk::array::dense_strides;
use crate::error::{Error, Result};
use crate::nd::NdDtype;

/// A part of a result.
#[derive(Clone, Debug)]
pub struct Piece {
    /// What it is: any view, already sliced, transposed, flipped or broadcast.
    pub chunk: ArrayChunk,
    /// Where it goes in the result.
    pub at: Vec<usize>,
}

/// A dense block of `shape` made of the pieces. A single piece that is such a block already is shared.
///
/// # Errors
/// When the pieces don't tile the shape, or are of another dtype.
pub fn gather(pieces: &[Piece], shape: &[usize], dtype: &NdDtype) -> Result<ArrayChunk> {
    if let [piece] = pieces
        && piece.chunk.shape == shape
        && piece.chunk.dtype == *dtype
        && piece.at.iter().all(|at| *at == 0)
    {
        return compact(&piece.chunk);
    }
    let len = bytes_of(shape, dtype.itemsize())?;
    check(pieces, shape, dtype)?;
    let mut memory = fresh(len);
    let strides = dense_strides(shape, dtype.itemsize());
    // SAFETY: the pieces lie inside the shape, and the shape in the fresh memory.
    unsafe { write(pieces, memory.as_mut_ptr(), &strides, len >= STREAMED) };
    ArrayChunk::dense(dtype.clone(), shape.to_vec(), memory.into())
}

/// Writes the pieces into `out`, whose first byte is that of the first element and which has these strides, none negative.
///
/// # Errors
/// When the pieces don't tile the shape, are of another dtype, or `out` is too short.
pub fn gather_into(
    pieces: &[Piece],
    shape: &[usize],
    dtype: &NdDtype,
    out: &mut [u8],
    out_strides: &[isize],
) -> Result<()> {
    let reach = |(len, stride): (&usize, &isize)| -> Option<usize> {
        usize::try_from(*stride).ok()?.checked_mul(len.saturating_sub(1))
    };
    let steps: Option<Vec<usize>> = shape.iter().zip(out_strides).map(reach).collect();
    let last = steps.and_then(|steps| {
        let last = steps
            .iter()
            .try_fold(0usize, |last, step| last.checked_add(*step));
        last?.checked_add(dtype.itemsize())
    });
    let fits = last.is_some_and(|last| last <= out.len()) || shape.contains(&0);
    if !fits || shape.len() != out_strides.len() {
        return Err(Error::internal("a result that reaches beyond its memory"));
    }
    let streamed = bytes_of(shape, dtype.itemsize())? >= STREAMED;
    // SAFETY: every element lies inside `out`, which is borrowed.
    unsafe { gather_raw(pieces, shape, dtype, out.as_mut_ptr(), out_strides, streamed) }
}

/// Writes the pieces into memory whose first element is at `out`; with `streamed` past the caches. Different threads may
/// write disjoint parts of one array.
///
/// # Errors
/// When the pieces don't tile the shape, or are of another dtype.
///
/// # Safety
/// Every element that shape and strides reach can be written, and nobody else reads or writes it meanwhile.
pub unsafe fn gather_raw(
    pieces: &[Piece],
    shape: &[usize],
    dtype: &NdDtype,
    out: *mut u8,
    out_strides: &[isize],
    streamed: bool,
) -> Result<()> {
    check(pieces, shape, dtype)?;
    // SAFETY: the pieces lie inside the shape, and the shape in the memory, as the caller promises.
    unsafe { write(pieces, out, out_strides, streamed) };
    Ok(())
}

/// The block as a dense one in C order that keeps no more than twice its own bytes alive: itself, or a copy.
///
/// # Errors
/// When it is larger than any memory.
pub fn compact(chunk: &ArrayChunk) -> Result<ArrayChunk> {
    let bytes = bytes_of(&chunk.shape, chunk.dtype.itemsize())?;
    // Buffers have a smallest size, so small ones are never worth a copy.
    if chunk.as_dense().is_some() && chunk.nbytes() <= (2 * bytes).max(256) {
        return Ok(chunk.clone());
    }
    copied(chunk)
}

/// The block as a dense one in C order: itself when it is one, whatever memory it keeps alive.
///
/// # Errors
/// When it is larger than any memory.
pub fn dense(chunk: &ArrayChunk) -> Result<ArrayChunk> {
    if chunk.as_dense().is_some() {
        return Ok(chunk.clone());
    }
    copied(chunk)
}

/// A dense copy in memory of its own.
///
/// # Errors
/// When it is larger than any memory.
pub fn copied(chunk: &ArrayChunk) -> Result<ArrayChunk> {
    let itemsize = chunk.dtype.itemsize();
    let len = bytes_of(&chunk.shape, itemsize)?;
    let mut memory = fresh(len);
    let strides = dense_strides(&chunk.shape, itemsize);
    // SAFETY: the memory is that of a dense block of the chunk's shape.
    unsafe { place(chunk, memory.as_mut_ptr(), &strides, len >= STREAMED) };
    ArrayChunk::dense(chunk.dtype.clone(), chunk.shape.clone(), memory.into())
}

/// The block's elements in C order in memory that nobody else sees: its own if it is alone with it, else a copy.
///
/// # Errors
/// When it is larger than any memory.
pub fn writable(chunk: ArrayChunk) -> Result<MutableBuffer> {
    let bytes = chunk.size() * chunk.dtype.itemsize();
    let whole = chunk.offset == 0 && chunk.buffer.len() == bytes && chunk.as_dense().is_some();
    let chunk = if whole { chunk } else { copied(&chunk)? };
    Ok(chunk.buffer.into_mutable().unwrap_or_else(|shared| {
        let mut memory = MutableBuffer::new(shared.len());
        memory.extend_from_slice(&shared);
        memory
    }))
}

/// Copies a block to where `to` is its first element.
///
/// # Safety
/// Every element that its shape and the strides reach can be written, and nobody else reads or writes it meanwhile.
pub unsafe fn place(chunk: &ArrayChunk, to: *mut u8, strides: &[isize], streamed: bool) {
    let itemsize = chunk.dtype.itemsize();
    let plan = CopyPlan::new(&chunk.shape, &chunk.strides, strides, itemsize, streamed);
    // SAFETY: a chunk's elements lie inside its buffer, which nobody writes to; the target is the caller's.
    unsafe { plan.run(chunk.buffer.as_ptr().add(chunk.offset), to) };
}

/// # Safety
/// The pieces lie inside a shape whose elements by these strides can be written, and nobody else uses them meanwhile.
unsafe fn write(pieces: &[Piece], out: *mut u8, strides: &[isize], streamed: bool) {
    // Pieces often have one shape and strides, and then one plan.
    let mut known: Option<(&ArrayChunk, CopyPlan)> = None;
    for piece in pieces {
        let chunk = &piece.chunk;
        let offset: isize = piece
            .at
            .iter()
            .zip(strides)
            .map(|(at, stride)| *at as isize * stride)
            .sum();
        let plan = match &known {
            Some((like, plan)) if like.shape == chunk.shape && like.strides == chunk.strides => plan,
            _ => {
                let itemsize = chunk.dtype.itemsize();
                let plan = CopyPlan::new(&chunk.shape, &chunk.strides, strides, itemsize, streamed);
                &known.insert((chunk, plan)).1
            }
        };
        if chunk.size() > 0 {
            // SAFETY: as the caller promises; the chunk's elements lie inside its buffer.
            unsafe { plan.run(chunk.buffer.as_ptr().add(chunk.offset), out.offset(offset)) };
        }
    }
}

/// Sees to it that the pieces fill the shape, each place once.
fn check(pieces: &[Piece], shape: &[usize], dtype: &NdDtype) -> Result<()> {
    let mut total = 0;
    for Piece { chunk, at } in pieces {
        if chunk.dtype != *dtype {
            return Err(Error::internal(format!(
                "a piece of dtype {:?} in a result of {dtype:?}",
                chunk.dtype
            )));
        }
        let inside = at.len() == shape.len()
            && chunk.shape.len() == shape.len()
            && (at.iter().zip(&chunk.shape).zip(shape))
                .all(|((at, own), len)| *own <= *len && *at <= *len - *own);
        if !inside {
            return Err(Error::internal(format!(
                "a piece of shape {:?} at {at:?} of a result of shape {shape:?}",
                chunk.shape
            )));
        }
        total += chunk.size();
    }
    if total != shape.iter().product::<usize>() || overlap(pieces, shape) {
        return Err(Error::internal(format!(
            "pieces that don't fill a result of shape {shape:?} exactly"
        )));
    }
    Ok(())
}

/// Whether two pieces share an element. Quick for pieces of a grid.
fn overlap(pieces: &[Piece], shape: &[usize]) -> bool {
    let pieces: Vec<&Piece> = pieces.iter().filter(|piece| piece.chunk.size() > 0).collect();
    if pieces.len() < 2 {
        return false;
    }
    let mut cuts: Vec<Vec<usize>> = Vec::with_capacity(shape.len());
    for (axis, len) in shape.iter().enumerate() {
        let mut cut: Vec<usize> = pieces.iter().map(|piece| piece.at[axis]).collect();
        cut.sort_unstable();
        cut.dedup();
        cut.push(*len);
        cuts.push(cut);
    }
    let mut cells = HashSet::with_capacity(pieces.len());
    let in_grid = pieces.iter().all(|piece| {
        let mut cell = 0u128;
        for (axis, cut) in cuts.iter().enumerate() {
            let i = cut.partition_point(|start| *start < piece.at[axis]);
            if cut[i + 1] != piece.at[axis] + piece.chunk.shape[axis] {
                return false;
            }
            cell = cell * (cut.len() as u128 - 1) + i as u128;
        }
        cells.insert(cell)
    });
    if in_grid {
        return false;
    }
    let apart = |a: &Piece, b: &Piece| {
        (0..shape.len()).any(|axis| {
            a.at[axis] + a.chunk.shape[axis] <= b.at[axis] || b.at[axis] + b.chunk.shape[axis] <= a.at[axis]
        })
    };
    (1..pieces.len()).any(|i| pieces[..i].iter().any(|other| !apart(pieces[i], other)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::nd::memory::buffer_of;
    use crate::nd::Elem;

    /// The elements in C order, read one at a time.
    pub fn naive(chunk: &ArrayChunk) -> Vec<u8> {
        let itemsize = chunk.dtype.itemsize();
        let mut all = Vec::new();
        for number in 0..chunk.size() {
            let mut rest = number;
            let mut at = chunk.offset as isize;
            for (len, stride) in chunk.shape.iter().zip(&chunk.strides).rev() {
                at += (rest % len) as isize * stride;
                rest /= len;
            }
            all.extend_from_slice(&chunk.buffer.as_slice()[at as usize..at as usize + itemsize]);
        }
        all
    }

    fn raw(itemsize: usize) -> NdDtype {
        NdDtype::Raw {
            descr: "|V".into(),
            itemsize,
        }
    }

    fn counted(shape: &[usize], itemsize: usize) -> ArrayChunk {
        let len: usize = shape.iter().product::<usize>() * itemsize;
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
        ArrayChunk::dense(raw(itemsize), shape.to_vec(), buffer_of(bytes)).expect("dense")
    }

    /// A view of any kind: sliced with steps, transposed, with an axis broadcast.
    fn views() -> impl Strategy<Value = ArrayChunk> {
        let axis = (1usize..70, -3isize..4, 0usize..3);
        (
            prop::collection::vec(axis, 0..4),
            prop::sample::select(vec![1usize, 2, 3, 4, 8, 12, 16, 32]),
            any::<u64>(),
        )
            .prop_map(|(axes, itemsize, seed)| {
                let axes: Vec<_> = axes
                    .into_iter()
                    .enumerate()
                    .map(|(i, (len, step, trim))| {
                        let len = if i > 1 { len % 9 + 1 } else { len };
                        (len, if step == 0 { 1 } else { step }, trim)
                    })
                    .collect();
                let shape: Vec<usize> = axes.iter().map(|(len, ..)| *len).collect();
                let parts: Vec<(usize, usize, isize)> = axes
                    .iter()
                    .map(|(len, step, trim)| {
                        let count = (len.saturating_sub(*trim)).div_ceil(step.unsigned_abs());
                        let start = if *step > 0 {
                            (*trim).min(len - 1)
                        } else {
                            len.saturating_sub(1 + trim)
                        };
                        (start, count, *step)
                    })
                    .collect();
                let mut order: Vec<usize> = (0..shape.len()).collect();
                if !order.is_empty() {
                    order.rotate_left(seed as usize % shape.len());
                    if seed.is_multiple_of(3) {
                        order.reverse();
                    }
                }
                let view = counted(&shape, itemsize)
                    .slice(&parts)
                    .expect("slice")
                    .transpose(&order);
                if seed % 5 == 0 && view.shape.len() < 4 {
                    let mut shape = vec![3];
                    shape.extend(&view.shape);
                    let view = view.broadcast(&shape).expect("broadcast");
                    let mut order: Vec<usize> = (0..shape.len()).collect();
                    order.rotate_left(seed as usize % 2);
                    return view.transpose(&order);
                }
                view
            })
    }

    proptest! {
        #[test]
        fn any_view_is_copied_in_c_order(view in views()) {
            let copy = copied(&view).expect("copy");
            prop_assert!(copy.as_dense().expect("dense") == naive(&view));
        }

        #[test]
        fn pieces_of_any_view_make_it_whole(view in views(), cuts in prop::collection::vec(1usize..6, 5)) {
            let pieces = cut(&view, &cuts);
            let whole = gather(&pieces, &view.shape, &view.dtype).expect("gather");
            prop_assert!(whole.as_dense().expect("dense") == naive(&view));
            // Into memory in Fortran order.
            let itemsize = view.dtype.itemsize();
            let mut step = itemsize as isize;
            let strides: Vec<isize> = view.shape.iter().map(|len| {
                let stride = step;
                step *= *len as isize;
                stride
            }).collect();
            let mut out = vec![0; view.size() * itemsize];
            gather_into(&pieces, &view.shape, &view.dtype, &mut out, &strides).expect("gather");
            let out = ArrayChunk::strided(view.dtype.clone(), view.shape.clone(), strides, 0, buffer_of(out));
            prop_assert_eq!(naive(&out.expect("strided")), naive(&view));
        }
    }

    fn cut(view: &ArrayChunk, cuts: &[usize]) -> Vec<Piece> {
        let mut pieces = vec![(vec![], vec![])];
        for (len, cut) in view.shape.iter().zip(cuts) {
            let size = len.div_ceil(*cut).max(1);
            let parts: Vec<(usize, usize)> = (0..len.div_ceil(size))
                .map(|i| (i * size, size.min(len - i * size)))
                .collect();
            pieces = pieces
                .iter()
                .flat_map(|(at, shape): &(Vec<usize>, Vec<(usize, usize, isize)>)| {
                    parts.iter().map(|(start, len)| {
                        let (mut at, mut shape) = (at.clone(), shape.clone());
                        at.push(*start);
                        shape.push((*start, *len, 1));
                        (at, shape)
                    })
                })
                .collect();
        }
        pieces
            .into_iter()
            .map(|(at, parts)| Piece {
                chunk: view.slice(&parts).expect("slice"),
                at,
            })
            .collect()
    }

    #[test]
    fn large_results_are_written_past_the_caches() {
        for (shape, itemsize) in [(vec![600, 4096], 4), (vec![65_541, 16], 8), (vec![3000, 1001], 4)] {
            let chunk = counted(&shape, itemsize);
            let wide = counted(&[shape[0], shape[1] + 3], itemsize);
            let part = wide.slice(&[(0, shape[0], 1), (3, shape[1], 1)]).expect("slice");
            let pieces = [
                Piece {
                    chunk: chunk.clone(),
                    at: vec![0, 0],
                },
                Piece {
                    chunk: part.clone(),
                    at: vec![shape[0], 0],
                },
            ];
            let whole = gather(&pieces, &[2 * shape[0], shape[1]], &chunk.dtype).expect("gather");
            let mut expected = naive(&chunk);
            expected.extend(naive(&part));
            assert!(whole.as_dense().expect("dense") == expected.as_slice());
        }
    }

    #[test]
    fn pieces_that_leave_gaps_or_overlap_are_refused() {
        let dtype = raw(1);
        let piece = |len: usize, at: usize| Piece {
            chunk: counted(&[len], 1),
            at: vec![at],
        };
        assert!(gather(&[piece(2, 0), piece(2, 2)], &[4], &dtype).is_ok());
        for wrong in [
            vec![piece(2, 0), piece(2, 1)],
            vec![piece(2, 0), piece(2, 0)],
            vec![piece(2, 0)],
            vec![piece(2, 3), piece(2, 0)],
            vec![],
        ] {
            assert!(gather(&wrong, &[4], &dtype).is_err());
        }
        // A tiling that is no grid.
        let tile = |shape: [usize; 2], at: [usize; 2]| Piece {
            chunk: counted(&shape, 1),
            at: at.to_vec(),
        };
        let wheel = [
            tile([1, 2], [0, 0]),
            tile([2, 1], [0, 2]),
            tile([1, 2], [2, 1]),
            tile([2, 1], [1, 0]),
            tile([1, 1], [1, 1]),
        ];
        assert!(gather(&wheel, &[3, 3], &dtype).is_ok());
        let other = NdDtype::Num(Elem::U8);
        assert!(gather(&[piece(4, 0)], &[4], &other).is_err());
        assert_eq!(gather(&[], &[0, 3], &dtype).expect("empty").shape, [0, 3]);
    }

    #[test]
    fn compact_shares_what_is_compact() {
        let chunk = counted(&[100, 100], 8);
        let same = compact(&chunk).expect("compact");
        assert_eq!(same.buffer.as_ptr(), chunk.buffer.as_ptr());
        let part = chunk.slice(&[(0, 10, 1), (0, 100, 1)]).expect("slice");
        let own = compact(&part).expect("compact");
        assert!(own.nbytes() < 2 * 8000 && naive(&own) == naive(&part));
        assert!(
            compact(&chunk.transpose(&[1, 0]))
                .expect("compact")
                .as_dense()
                .is_some()
        );
    }
}
