//! The part of making pandas objects that needs no Python: checks, memory handed over, memory filled in parallel.
//!
//! Answers: which NumPy memory each column and index level gets (`Target`), and what pandas makes of it (`Form`). Columns of
//! one NumPy dtype share a two-dimensional block, as pandas likes it, unless their memory can be handed over as it is.
//!
//! Invariant: memory is handed over only when this call holds the last reference to it; everything else is copied.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::MutableBuffer;
use arrow::datatypes::DataType;
use rayon::prelude::*;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::py::convert::fill::{Fill, check_missing, fill, write_missing};
use crate::py::convert::{arrow as exchange, dtype, numpy};

/// Up to so many columns are handed over as blocks of their own; pandas complains about more.
const MANY: usize = 32;
/// Pieces of text up to so many bytes are joined: pandas works faster on few pieces.
const TEXT_PIECE: usize = 64 << 20;

/// A column or index level on its way to pandas.
pub(super) struct Item<'a> {
    pub(super) dtype: &'a Dtype,
    pub(super) parts: Vec<ArrayRef>,
    /// Whether columns of the same NumPy dtype may share one two-dimensional block.
    pub(super) grouped: bool,
}

impl<'a> Item<'a> {
    pub(super) fn new(dtype: &'a Dtype, grouped: bool) -> Self {
        Self {
            dtype,
            parts: Vec::new(),
            grouped,
        }
    }
}

/// Memory to be filled for some items, one after another.
pub(super) struct Target {
    pub(super) positions: Vec<usize>,
    pub(super) buffer: MutableBuffer,
}

/// What an item is made of in the end.
pub(super) enum Form {
    Numpy(NumpyType),
    Masked,
    Codes(&'static str),
    Datetimetz,
    Arrow(Vec<ArrayRef>, DataType),
}

/// All that needs no Python: checks, hand-overs, copies.
pub(super) fn prepare(
    items: Vec<Item<'_>>,
    rows: usize,
    parallel: bool,
) -> Result<(Vec<Target>, Vec<Target>, Vec<Form>)> {
    let mut forms = Vec::with_capacity(items.len());
    let mut fills: Vec<Option<Fill<'_>>> = Vec::with_capacity(items.len());
    let mut values: Vec<Target> = Vec::new();
    let mut masks: Vec<Target> = Vec::new();
    let mut sources: Vec<Vec<ArrayRef>> = Vec::with_capacity(items.len());
    let mut groups: hashbrown::HashMap<NumpyType, usize> = hashbrown::HashMap::new();
    let mut pending: Vec<(usize, Fill<'_>, usize)> = Vec::new();
    let numpy_columns = items
        .iter()
        .filter(|item| item.grouped && matches!(item.dtype, Dtype::Numpy(_)))
        .count();
    let mut text = Vec::new();
    for (position, item) in items.into_iter().enumerate() {
        let Item {
            dtype,
            mut parts,
            grouped,
        } = item;
        parts.retain(|part| !part.is_empty());
        for part in &parts {
            if !dtype::fits(dtype, part.data_type()) {
                return Err(Error::internal(format!(
                    "an array of type {} in a column of dtype {}",
                    part.data_type(),
                    dtype.name()
                )));
            }
        }
        if parts.iter().map(Array::len).sum::<usize>() != rows {
            return Err(Error::internal("the columns of a result differ in length"));
        }
        let (form, fill) = match dtype {
            Dtype::Numpy(kind) => (Form::Numpy(*kind), Some(Fill::Values(*kind))),
            Dtype::Datetimetz(unit, _) => (Form::Datetimetz, Some(Fill::Values(NumpyType::Datetime(*unit)))),
            Dtype::Nullable(kind) => (Form::Masked, Some(Fill::Masked(*kind))),
            Dtype::Category(categories) => {
                let (name, width) = dtype::code_type(categories.values.len());
                (Form::Codes(name), Some(Fill::Codes(width, categories)))
            }
            Dtype::Str | Dtype::String { .. } | Dtype::Arrow(_) => {
                let data_type = dtype
                    .arrow()
                    .ok_or_else(|| Error::internal("text without an Arrow type"))?;
                text.push(position);
                (Form::Arrow(Vec::new(), data_type), None)
            }
            Dtype::Host { name, .. } => {
                return Err(Error::internal(format!("a native column of dtype {name}")));
            }
        };
        forms.push(form);
        fills.push(fill);
        let Some(fill) = fill else {
            sources.push(parts);
            continue;
        };
        if let Fill::Masked(_) = fill {
            masks.push(Target {
                positions: vec![position],
                buffer: MutableBuffer::from_len_zeroed(rows),
            });
        }
        // A mask is filled from the array, so an array with one isn't given away.
        let fragments = grouped && numpy_columns > MANY;
        let may_give = !matches!(fill, Fill::Masked(_)) && !fragments;
        if may_give && parts.len() == 1 {
            match take_over(parts.swap_remove(0), fill)? {
                Ok(buffer) => {
                    values.push(Target {
                        positions: vec![position],
                        buffer,
                    });
                    sources.push(Vec::new());
                    continue;
                }
                Err(array) => parts.push(array),
            }
        }
        sources.push(parts);
        match fill {
            Fill::Values(kind) if grouped && matches!(forms[position], Form::Numpy(_)) => {
                let target = *groups.entry(kind).or_insert_with(|| {
                    values.push(Target {
                        positions: Vec::new(),
                        buffer: MutableBuffer::new(0),
                    });
                    values.len() - 1
                });
                pending.push((position, fill, target));
            }
            _ => {
                values.push(Target {
                    positions: Vec::new(),
                    buffer: MutableBuffer::new(0),
                });
                pending.push((position, fill, values.len() - 1));
            }
        }
    }
    for &(position, _, target) in &pending {
        values[target].positions.push(position);
    }
    for target in &mut values {
        let first = target.positions[0];
        if target.buffer.is_empty()
            && pending.iter().any(|(position, ..)| *position == first)
            && let Some(fill) = fills[first]
        {
            target.buffer = MutableBuffer::from_len_zeroed(rows * fill.width() * target.positions.len());
            crate::allocator::prefer_large_pages(target.buffer.as_slice_mut());
        }
    }
    let given: Vec<bool> = sources.iter().map(Vec::is_empty).collect();
    let mut jobs: Vec<(&mut [u8], &ArrayRef, Fill<'_>)> = Vec::new();
    for target in &mut values {
        if given[target.positions[0]] {
            continue;
        }
        let mut place = target.buffer.as_slice_mut();
        for &position in &target.positions {
            let Some(fill) = fills[position] else { continue };
            place = cut(place, &sources[position], fill, &mut jobs);
        }
    }
    for target in &mut masks {
        let position = target.positions[0];
        cut(
            target.buffer.as_slice_mut(),
            &sources[position],
            Fill::Mask,
            &mut jobs,
        );
    }
    let run = |(place, array, what): (&mut [u8], &ArrayRef, Fill<'_>)| fill(place, array, what);
    if parallel {
        crate::parallel::install(|| jobs.into_par_iter().try_for_each(run))?;
    } else {
        jobs.into_iter().try_for_each(run)?;
    }
    for position in text {
        if let Form::Arrow(parts, data_type) = &mut forms[position] {
            *parts = text_pieces(std::mem::take(&mut sources[position]), data_type)?;
        }
    }
    Ok((values, masks, forms))
}

/// Cuts a place for each array off `place`; gives back what is left.
fn cut<'a, 'b>(
    mut place: &'a mut [u8],
    arrays: &'a [ArrayRef],
    fill: Fill<'b>,
    jobs: &mut Vec<(&'a mut [u8], &'a ArrayRef, Fill<'b>)>,
) -> &'a mut [u8] {
    for array in arrays {
        let (own, rest) = place.split_at_mut(array.len() * fill.width());
        jobs.push((own, array, fill));
        place = rest;
    }
    place
}

/// The memory of `array`, NaT and NaN written at its missing values, when nobody else holds it; else the array.
fn take_over(array: ArrayRef, what: Fill<'_>) -> Result<Result<MutableBuffer, ArrayRef>> {
    let Fill::Values(kind) = what else {
        return Ok(Err(array));
    };
    if kind == NumpyType::Bool {
        return Ok(Err(array));
    }
    check_missing(&array, what)?;
    let data = array.to_data();
    drop(array);
    let (len, nulls, data_type) = (data.len(), data.nulls().cloned(), data.data_type().clone());
    let width = kind.itemsize();
    let buffer = match data.buffers().first() {
        Some(buffer) => buffer.slice_with_length(data.offset() * width, len * width),
        None => return Err(Error::internal("an array without values")),
    };
    // From here on `buffer` is the only handle that this call has on the memory.
    drop(data);
    match numpy::take_over(buffer) {
        Ok(mut buffer) => {
            if let Some(nulls) = &nulls {
                write_missing(buffer.as_slice_mut(), kind, nulls);
            }
            Ok(Ok(buffer))
        }
        Err(buffer) => {
            let data = exchange::array_data(data_type, len, buffer, nulls)?;
            Ok(Err(data))
        }
    }
}

/// Text as pandas holds it, in pieces of a fair size.
fn text_pieces(parts: Vec<ArrayRef>, data_type: &DataType) -> Result<Vec<ArrayRef>> {
    let mut pieces: Vec<ArrayRef> = Vec::new();
    let mut group: Vec<ArrayRef> = Vec::new();
    let mut size = 0;
    let single = parts.len() == 1;
    for part in parts {
        let part = exchange::cast(part, data_type)?;
        let bytes = part.to_data().get_slice_memory_size()?;
        // A small piece of a large array would keep all of it alive.
        let part = if part.get_buffer_memory_size() > 4 * bytes + (1 << 16) {
            exchange::compact(&part)?
        } else {
            part
        };
        if single {
            return Ok(vec![part]);
        }
        if size + bytes > TEXT_PIECE && !group.is_empty() {
            pieces.push(exchange::join(std::mem::take(&mut group))?);
            size = 0;
        }
        size += bytes;
        group.push(part);
    }
    if !group.is_empty() {
        pieces.push(exchange::join(group)?);
    }
    Ok(pieces)
}
