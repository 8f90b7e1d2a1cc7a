//! Batches one after another.
//!
//! Text that comes in several layouts leaves as `LargeUtf8`, whose 64-bit offsets hold any amount; categoricals over the
//! same categories keep their codes; a range index stays a range where the pieces continue each other.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, LargeStringArray, StringViewArray, new_empty_array,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int32Type};

use crate::chunk::{Batch, IndexData};
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::schema::{FrameSchema, IndexSchema};

/// The rows of all batches in one. The result has the kind of index that the data ask for: a range only where all pieces
/// are ranges that continue each other (which the schema must allow), else written-out levels.
///
/// # Errors
/// [`crate::error::Kind::Internal`] when a batch doesn't fit the schema.
pub fn concat_batches(schema: &FrameSchema, batches: &[Batch]) -> Result<Batch> {
    if let [one] = batches {
        let mut one = one.clone();
        if matches!(schema.index, IndexSchema::Levels(_)) {
            one.index = IndexData::Levels(one.index_levels());
        }
        return Ok(one);
    }
    let len = batches.iter().map(|batch| batch.len).sum();
    // Pieces without rows say nothing about a range, and don't decide the layout of text.
    let mut pieces: Vec<&Batch> = batches.iter().filter(|batch| batch.len > 0).collect();
    if pieces.is_empty() {
        pieces.extend(batches.first());
    }
    let columns = schema
        .columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let arrays = pieces
                .iter()
                .map(|batch| {
                    batch
                        .columns
                        .get(position)
                        .ok_or_else(|| Error::internal(format!("a batch without column {position}")))
                })
                .collect::<Result<Vec<_>>>()?;
            concat_arrays(&column.dtype, &arrays)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Batch {
        index: concat_index(schema, &pieces)?,
        columns,
        len,
    })
}

fn concat_index(schema: &FrameSchema, pieces: &[&Batch]) -> Result<IndexData> {
    if matches!(schema.index, IndexSchema::Range { .. })
        && let Some(range) = one_range(pieces)
    {
        return Ok(range);
    }
    let levels: Vec<Vec<ArrayRef>> = pieces.iter().map(|batch| batch.index_levels()).collect();
    let arrays = schema
        .index
        .levels()
        .iter()
        .enumerate()
        .map(|(position, level)| {
            let arrays = levels
                .iter()
                .map(|levels| {
                    levels
                        .get(position)
                        .ok_or_else(|| Error::internal(format!("a batch without index level {position}")))
                })
                .collect::<Result<Vec<_>>>()?;
            concat_arrays(&level.dtype, &arrays)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(IndexData::Levels(arrays))
}

/// The one range that all pieces make, if they do. A piece of one row fits any step.
fn one_range(pieces: &[&Batch]) -> Option<IndexData> {
    let mut range: Option<(i64, Option<i64>, i64)> = None;
    for batch in pieces {
        let IndexData::Range { start, step } = batch.index else {
            return None;
        };
        let last = start + (batch.len as i64 - 1).max(0) * step;
        let own = (batch.len > 1).then_some(step);
        range = Some(match range {
            None => (start, own, last),
            Some((first, known, end)) => {
                let gap = start - end;
                if known.is_some_and(|known| known != gap) || own.is_some_and(|own| own != gap) || gap == 0 {
                    return None;
                }
                (first, Some(gap), last)
            }
        });
    }
    match pieces {
        [] => Some(IndexData::Range { start: 0, step: 1 }),
        [one] => Some(one.index.clone()),
        _ => range.map(|(start, step, _)| IndexData::Range {
            start,
            step: step.unwrap_or(1),
        }),
    }
}

/// Arrays of one dtype, one after another.
///
/// # Errors
/// When their Arrow types don't go together.
pub fn concat_arrays(dtype: &Dtype, arrays: &[&ArrayRef]) -> Result<ArrayRef> {
    match arrays {
        [] => {
            let data_type = dtype
                .arrow()
                .ok_or_else(|| Error::internal("a host dtype in a native frame"))?;
            return Ok(new_empty_array(&data_type));
        }
        [one] => return Ok((*one).clone()),
        _ => {}
    }
    let plain = |arrays: &[&ArrayRef]| -> Result<ArrayRef> {
        let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &***array as &dyn Array).collect();
        Ok(arrow::compute::concat(&arrays)?)
    };
    let first = arrays[0].data_type();
    if let DataType::Dictionary(..) = first {
        return concat_dictionaries(arrays);
    }
    if arrays.iter().all(|array| array.data_type() == first) && *first != DataType::Utf8 {
        return plain(arrays);
    }
    if dtype.is_text() {
        let large = arrays
            .iter()
            .map(|array| to_large_utf8(array))
            .collect::<Result<Vec<_>>>()?;
        return plain(&large.iter().collect::<Vec<_>>());
    }
    let other = arrays
        .iter()
        .find(|array| array.data_type() != first)
        .map_or(first, |array| array.data_type());
    Err(Error::internal(format!(
        "arrays of types {first} and {other} in one column"
    )))
}

fn concat_dictionaries(arrays: &[&ArrayRef]) -> Result<ArrayRef> {
    let parts = arrays
        .iter()
        .map(|array| {
            array
                .as_dictionary_opt::<Int32Type>()
                .ok_or_else(|| Error::internal(format!("a categorical expected, not {}", array.data_type())))
        })
        .collect::<Result<Vec<_>>>()?;
    let values = parts[0].values();
    if parts
        .iter()
        .any(|part| !Arc::ptr_eq(part.values(), values) && part.values() != values)
    {
        return Err(Error::internal(
            "categoricals over different categories in one column",
        ));
    }
    let keys: Vec<&dyn Array> = parts.iter().map(|part| part.keys() as &dyn Array).collect();
    let keys = arrow::compute::concat(&keys)?;
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
        keys.as_primitive::<Int32Type>().clone(),
        values.clone(),
    )?))
}

/// Text of any layout as `LargeUtf8`.
///
/// # Errors
/// When it isn't text.
pub fn to_large_utf8(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::LargeUtf8 => Ok(array.clone()),
        DataType::Utf8View => Ok(Arc::new(views_to_large(array.as_string_view()))),
        DataType::Utf8 => {
            let small = array.as_string::<i32>();
            let offsets: Vec<i64> = small
                .value_offsets()
                .iter()
                .map(|offset| i64::from(*offset))
                .collect();
            Ok(Arc::new(LargeStringArray::try_new(
                OffsetBuffer::new(ScalarBuffer::from(offsets)),
                small.values().clone(),
                small.nulls().cloned(),
            )?))
        }
        other => Err(Error::internal(format!(
            "an array of type {other} where the schema says text"
        ))),
    }
}

/// Views written out: lengths first, so that the bytes are copied once into their place.
fn views_to_large(views: &StringViewArray) -> LargeStringArray {
    let rows = views.len();
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0i64);
    let mut total = 0i64;
    let nulls = views.nulls().filter(|nulls| nulls.null_count() > 0);
    for (row, view) in views.views().iter().enumerate() {
        let there = nulls.is_none_or(|nulls| nulls.is_valid(row));
        total += if there { i64::from(*view as u32) } else { 0 };
        offsets.push(total);
    }
    // Short text sits in its view: sixteen bytes are copied whatever its length, and the next text overwrites the rest.
    let mut bytes: Vec<u8> = Vec::with_capacity(total as usize + 16);
    let buffers = views.data_buffers();
    for (row, view) in views.views().iter().enumerate() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            continue;
        }
        let length = *view as u32 as usize;
        if length <= 12 {
            let inline = (view >> 32).to_le_bytes();
            let end = bytes.len() + length;
            bytes.extend_from_slice(&inline[..12]);
            bytes.truncate(end);
        } else {
            let buffer = (view >> 64) as u32 as usize;
            let start = (view >> 96) as u32 as usize;
            bytes.extend_from_slice(&buffers[buffer][start..start + length]);
        }
    }
    // SAFETY: offsets ascend from zero to the number of bytes, and each piece between them is a whole text of an array of
    // valid UTF-8.
    unsafe {
        LargeStringArray::new_unchecked(
            OffsetBuffer::new_unchecked(ScalarBuffer::from(offsets)),
            Buffer::from_vec(bytes),
            views.nulls().cloned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, StringArray};

    use super::*;
    use crate::dtype::{Categories, NumpyType};
    use crate::schema::{Column, FrameKind, Label};

    fn schema(dtype: Dtype, index: IndexSchema) -> FrameSchema {
        let column = Column {
            name: Label::str("a"),
            dtype,
        };
        FrameSchema::new(FrameKind::Frame, vec![column], index)
    }

    fn batch(start: i64, step: i64, column: ArrayRef) -> Batch {
        Batch {
            index: IndexData::Range { start, step },
            len: column.len(),
            columns: vec![column],
        }
    }

    fn ints(values: &[i64]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn a_range_stays_one_where_pieces_continue() {
        let schema = schema(Dtype::Numpy(NumpyType::Int64), IndexSchema::range());
        let index = |pieces: &[Batch]| concat_batches(&schema, pieces).unwrap().index;
        let range = |index: IndexData| match index {
            IndexData::Range { start, step } => Some((start, step)),
            IndexData::Levels(_) => None,
        };
        let (two, one, none) = (ints(&[1, 2]), ints(&[3]), ints(&[]));
        let pieces = [
            batch(0, 1, two.clone()),
            batch(99, 7, none.clone()),
            batch(2, 1, one.clone()),
        ];
        assert_eq!(range(index(&pieces)), Some((0, 1)));
        assert_eq!(
            range(index(&[batch(5, 1, one.clone()), batch(3, 1, one.clone())])),
            Some((5, -2))
        );
        assert_eq!(
            range(index(&[batch(0, 2, two.clone()), batch(4, 2, two.clone())])),
            Some((0, 2))
        );
        assert_eq!(
            range(index(&[batch(7, 3, none.clone()), batch(8, 3, none)])),
            Some((7, 3))
        );
        let broken = concat_batches(&schema, &[batch(0, 1, two.clone()), batch(0, 1, two)]).unwrap();
        assert_eq!(
            broken.index_levels()[0]
                .as_primitive::<arrow::datatypes::Int64Type>()
                .values(),
            &[0, 1, 0, 1]
        );
        assert_eq!(broken.len, 4);
    }

    #[test]
    fn one_piece_takes_the_schemas_index() {
        let level = Column {
            name: Label::None,
            dtype: Dtype::Numpy(NumpyType::Int64),
        };
        let schema = schema(Dtype::Numpy(NumpyType::Int64), IndexSchema::Levels(vec![level]));
        let one = concat_batches(&schema, &[batch(3, 1, ints(&[1, 2]))]).unwrap();
        assert!(matches!(one.index, IndexData::Levels(_)));
        let none = concat_batches(&schema, &[]).unwrap();
        assert_eq!((none.len, none.columns[0].len()), (0, 0));
    }

    #[test]
    fn text_of_two_layouts_becomes_large() {
        let long = "text that is longer than its view holds";
        let rows = vec![Some("a"), None, Some(long), Some("é€"), Some("")];
        let views: ArrayRef = Arc::new(StringViewArray::from(rows.clone()));
        let large: ArrayRef = Arc::new(LargeStringArray::from(rows.clone()));
        let small: ArrayRef = Arc::new(StringArray::from(rows.clone()));
        for array in [&views, &large, &small, &views.slice(0, 5)] {
            assert_eq!(
                to_large_utf8(array)
                    .unwrap()
                    .as_string::<i64>()
                    .iter()
                    .collect::<Vec<_>>(),
                rows
            );
        }
        assert_eq!(
            to_large_utf8(&views.slice(2, 2))
                .unwrap()
                .as_string::<i64>()
                .iter()
                .collect::<Vec<_>>(),
            rows[2..4]
        );
        let both = concat_arrays(&Dtype::Str, &[&views, &large]).unwrap();
        assert_eq!(*both.data_type(), DataType::LargeUtf8);
        assert_eq!(
            both.as_string::<i64>().iter().collect::<Vec<_>>(),
            [rows.clone(), rows.clone()].concat()
        );
        assert_eq!(
            *concat_arrays(&Dtype::Str, &[&views, &views]).unwrap().data_type(),
            DataType::Utf8View
        );
        assert!(to_large_utf8(&ints(&[1])).is_err());
    }

    #[test]
    fn equal_categories_keep_their_codes() {
        let values = |words: &[&str]| Arc::new(StringArray::from(words.to_vec())) as ArrayRef;
        let codes = |codes: Vec<Option<i32>>, values: ArrayRef| {
            Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from(codes), values)) as ArrayRef
        };
        let dtype = Dtype::Category(Arc::new(Categories {
            values: values(&["x", "y"]),
            dtype: Dtype::Str,
            ordered: false,
        }));
        let a = codes(vec![Some(1), None], values(&["x", "y"]));
        let b = codes(vec![Some(1), Some(0)], values(&["x", "y"]));
        let both = concat_arrays(&dtype, &[&a, &b]).unwrap();
        let both = both.as_dictionary::<Int32Type>();
        assert_eq!(
            both.keys().iter().collect::<Vec<_>>(),
            [Some(1), None, Some(1), Some(0)]
        );
        assert_eq!(both.values().len(), 2);
        let other = codes(vec![Some(0)], values(&["z"]));
        assert_eq!(
            concat_arrays(&dtype, &[&a, &other]).unwrap_err().kind(),
            crate::error::Kind::Internal
        );
    }

    proptest::proptest! {
        #[test]
        fn views_written_out_read_the_same(rows: Vec<Option<String>>, start: usize, length: usize) {
            let views: ArrayRef = Arc::new(StringViewArray::from_iter(rows.iter().map(Option::as_deref)));
            let start = start % (rows.len() + 1);
            let length = length % (rows.len() - start + 1);
            let large = to_large_utf8(&views.slice(start, length)).unwrap();
            large.to_data().validate_full().unwrap();
            let back: Vec<_> = large.as_string::<i64>().iter().map(|text| text.map(str::to_string)).collect();
            proptest::prop_assert_eq!(&back[..], &rows[start..start + length]);
        }
    }
}
