//! The finish of a group-by over codes: the distinct values of every key column are put in order once, each partial result's
//! codes become places in that order, and groups meet by place. No group's keys are written out.
//!
//! With one key column the place is the position of the group in the result. With several, the places of a group are packed
//! into a word whose order is the order of the result; words are cut into ranges, each range is sorted and its equal words
//! are merged, in parallel. The result then has a batch a range, with its index levels dictionary-encoded.
//!
//! Doesn't cover unobserved categories, keys of more than 64 bits, or huge dictionaries (`merge` does). Invariant: partial
//! results are merged in the order of their rows, group by group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Int32Type;
use rayon::prelude::*;

use crate::chunk::{Batch, FrameChunk};
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::kernels::agg::finish::{batch_of, shown_key};
use crate::kernels::agg::groups::{Groups, Partial};
use crate::kernels::agg::layout::Extra;
use crate::kernels::agg::rows::Rows;
use crate::kernels::agg::{AggPlan, result};
use crate::kernels::group::column::Coder;
use crate::kernels::group::keys::{Field, GroupKeys, fields};
use crate::kernels::group::order::order_column;
use crate::kernels::group::tag::fetch;
use crate::parallel;
use crate::schema::IndexSchema;

/// Beyond that many values of one column a radix of the keys, which works in parallel, is faster than one dictionary.
const ONE_DICTIONARY: usize = 1 << 20;
/// Groups of a range, about: what is sorted and merged fits in the second-level cache.
const RANGE: usize = 1 << 14;
/// At most that many bits say which range a key is in.
const RANGE_BITS: u32 = 10;
/// How many rows ahead accumulators are fetched.
const AHEAD: usize = 16;
/// The place of a value that isn't shown.
const DROPPED: u32 = u32::MAX;

/// One key column of the result.
struct Level {
    /// Its values, in the order in which groups are shown.
    uniques: ArrayRef,
    /// For each partial result, the place of each of its codes.
    places: Vec<Vec<u32>>,
}

/// The result, unless `merge` has to do it.
pub(super) fn finish(plan: &AggPlan, states: &[Arc<Partial>]) -> Result<Option<FrameChunk>> {
    let total: usize = states.iter().map(|state| state.groups.len).sum();
    let unobserved = !plan.options.observed
        && plan
            .key_dtypes
            .iter()
            .any(|key| matches!(key, Dtype::Category(_)));
    let single = plan.keys.len() == 1;
    if plan.keys.is_empty()
        || unobserved
        || total >= i32::MAX as usize
        || single && total > ONE_DICTIONARY && states.len() > 1
        || !single && !plan.layout.extras.is_empty()
    {
        return Ok(None);
    }
    let states: Vec<&Groups> = states.iter().map(|state| &state.groups).collect();
    let levels: Vec<Level> = (0..plan.keys.len())
        .into_par_iter()
        .map(|key| level(plan, key, &states))
        .collect::<Result<_>>()?;
    if let [level] = levels.as_slice() {
        return by_place(plan, &states, level).map(Some);
    }
    by_word(plan, &states, &levels, total)
}

fn level(plan: &AggPlan, key: usize, states: &[&Groups]) -> Result<Level> {
    let mut coder = Coder::new(&plan.keys[key])?;
    let mut places = Vec::with_capacity(states.len());
    for state in states {
        let values = match &state.keys {
            GroupKeys::Plain(arrays) => arrays,
            GroupKeys::Packed { uniques, .. } => uniques,
        };
        let mut codes = Vec::new();
        coder.codes(&values[key], &mut codes)?;
        places.push(codes);
    }
    let count = coder.len();
    let null = coder.null();
    let uniques = coder.into_uniques()?;
    let mut order = if plan.options.sort {
        order_column(&uniques)?
    } else {
        (0..count as u32).collect()
    };
    if plan.options.dropna {
        order.retain(|code| Some(*code) != null);
    }
    let mut place_of = vec![DROPPED; count];
    for (place, code) in order.iter().enumerate() {
        place_of[*code as usize] = place as u32;
    }
    for code in places.iter_mut().flatten() {
        *code = place_of[*code as usize];
    }
    Ok(Level {
        uniques: take(&uniques, &UInt32Array::from(order), None)?,
        places,
    })
}

/// One key column: a group's place is its position.
fn by_place(plan: &AggPlan, states: &[&Groups], level: &Level) -> Result<FrameChunk> {
    let count = level.uniques.len();
    let layout = &plan.layout;
    let width = layout.template.len();
    let mut rows = layout.rows();
    rows.grow(count);
    let threads = if count < plan.many { 1 } else { parallel::threads() };
    let share = count.div_ceil(threads).max(1);
    if width > 0 {
        // Each thread looks at all groups and merges those of its places.
        rows.words_mut()
            .par_chunks_mut(share * width)
            .enumerate()
            .for_each(|(part, words)| {
                let (first, len) = ((part * share) as u32, (words.len() / width) as u32);
                for (state, places) in states.iter().zip(&level.places) {
                    for (group, place) in places.iter().enumerate() {
                        let at = place.wrapping_sub(first);
                        if at < len {
                            let start = at as usize * width;
                            layout.merge(&mut words[start..start + width], state.rows.row(group as u32));
                        }
                    }
                }
            });
    }
    let mut extras = layout.new_extras()?;
    if !extras.is_empty() {
        extras.iter_mut().for_each(|extra| extra.grow(count + 1));
        for (state, places) in states.iter().zip(&level.places) {
            // What isn't shown goes to one group beyond the others.
            let ids: Vec<u32> = places.iter().map(|place| (*place).min(count as u32)).collect();
            for (extra, columns) in extras.iter_mut().zip(&state.extras) {
                extra.merge(&ids, columns)?;
            }
        }
    }
    let groups = Groups {
        keys: GroupKeys::Plain(Vec::new()),
        rows,
        extras: extras.into_iter().map(Extra::state).collect::<Result<_>>()?,
        len: count,
        distinct: true,
    };
    let positions: Vec<u32> = (0..count as u32).collect();
    let values = columns(plan, &groups, &positions, true)?;
    let key = shown_key(&plan.key_dtypes[0], level.uniques.clone())?;
    FrameChunk::new(
        plan.output.clone(),
        vec![batch_of(plan, vec![key], values, count)],
    )
}

/// A group of a partial result: the word of its places, which result, which group; in the order of these.
type Entry = u128;

/// The groups of a range of words, in the order of these.
struct Part {
    words: Vec<u64>,
    rows: Rows,
    /// For the order of first appearance: partial result and group of the first.
    firsts: Vec<u64>,
}

fn by_word(plan: &AggPlan, states: &[&Groups], levels: &[Level], total: usize) -> Result<Option<FrameChunk>> {
    // The first column decides first, so it is highest; `fields` begins with the lowest.
    let widths: Vec<u32> = levels
        .iter()
        .map(|level| usize::BITS - level.uniques.len().saturating_sub(1).leading_zeros())
        .collect();
    let bits: u32 = widths.iter().sum();
    if bits > 64 {
        return Ok(None);
    }
    let reversed: Vec<u32> = widths.iter().rev().copied().collect();
    let mut places = fields(&reversed);
    places.reverse();
    let range_bits = if total < plan.many {
        0
    } else {
        (total / RANGE).max(2).ilog2().min(RANGE_BITS).min(bits)
    };
    let range = Field::new(bits - range_bits, range_bits);
    let mut ranges: Vec<Vec<Vec<Entry>>> = Vec::new();
    ranges.resize_with(1 << range_bits, Vec::new);
    let scattered: Vec<Vec<Vec<Entry>>> = states
        .par_iter()
        .enumerate()
        .map(|(at, state)| scatter(state, at, levels, &widths, range, 1 << range_bits))
        .collect();
    for state in scattered {
        for (range, entries) in ranges.iter_mut().zip(state) {
            range.push(entries);
        }
    }
    let in_order = !plan.options.sort;
    let parts = ranges
        .into_par_iter()
        .map(|entries| merge_range(plan, states, entries, in_order));
    if in_order {
        let parts: Vec<Part> = parts.collect();
        return appearing(plan, states, levels, &places, parts).map(Some);
    }
    let mut batches: Vec<Batch> = parts
        .map(|part| batch(plan, levels, &places, &part.words, part.rows))
        .collect::<Result<_>>()?;
    if batches.len() > 1 {
        let empty = batches[0].slice(0, 0);
        batches.retain(|batch| batch.len > 0);
        if batches.is_empty() {
            batches.push(empty);
        }
    }
    FrameChunk::new(plan.output.clone(), batches).map(Some)
}

/// The groups of a partial result by ranges of their words.
fn scatter(
    state: &Groups,
    at: usize,
    levels: &[Level],
    widths: &[u32],
    range: Field,
    ranges: usize,
) -> Vec<Vec<Entry>> {
    let places: Vec<(&[u32], u32)> = levels
        .iter()
        .map(|level| &level.places[at][..])
        .zip(widths.iter().copied())
        .collect();
    let words: Vec<Option<u64>> = match &state.keys {
        GroupKeys::Plain(_) => (0..state.len).map(|group| word(&places, |_| group)).collect(),
        GroupKeys::Packed { widths, packed, .. } => {
            let fields = fields(widths);
            packed
                .iter()
                .map(|key| word(&places, |column| fields[column].of(*key) as usize))
                .collect()
        }
    };
    let mut counts = vec![0; ranges];
    for word in words.iter().flatten() {
        counts[range.of(*word) as usize] += 1;
    }
    let mut split: Vec<Vec<Entry>> = counts.into_iter().map(Vec::with_capacity).collect();
    for (group, word) in words.into_iter().enumerate() {
        if let Some(word) = word {
            let entry = u128::from(word) << 64 | (at as u128) << 32 | group as u128;
            split[range.of(word) as usize].push(entry);
        }
    }
    split
}

/// The word of a group, given the places of each column's codes and their widths; none when the group isn't shown.
#[inline]
fn word(places: &[(&[u32], u32)], code_of: impl Fn(usize) -> usize) -> Option<u64> {
    let mut word = 0_u64;
    for (column, (places, width)) in places.iter().enumerate() {
        let place = places[code_of(column)];
        if place == DROPPED {
            return None;
        }
        word = word.checked_shl(*width).unwrap_or(0) | u64::from(place);
    }
    Some(word)
}

/// Where an entry's accumulators are.
fn source_of(entry: Entry) -> (usize, u32) {
    ((entry >> 32) as u32 as usize, entry as u32)
}

fn merge_range(plan: &AggPlan, states: &[&Groups], entries: Vec<Vec<Entry>>, in_order: bool) -> Part {
    let mut entries = entries.into_iter();
    let mut all = entries.next().unwrap_or_default();
    entries.for_each(|more| all.extend(more));
    all.sort_unstable();
    let groups = all
        .iter()
        .zip(all.iter().skip(1))
        .filter(|(a, b)| *a >> 64 != *b >> 64)
        .count()
        + usize::from(!all.is_empty());
    let mut part = Part {
        words: Vec::with_capacity(groups),
        rows: plan.layout.rows(),
        firsts: Vec::with_capacity(if in_order { groups } else { 0 }),
    };
    part.rows.reserve(groups);
    for (at, entry) in all.iter().enumerate() {
        if let Some(later) = all.get(at + AHEAD) {
            let (state, group) = source_of(*later);
            fetch(states[state].rows.row(group).as_ptr());
        }
        let (state, group) = source_of(*entry);
        let row = states[state].rows.row(group);
        let word = (entry >> 64) as u64;
        if part.words.last() == Some(&word) {
            let last = part.rows.len() as u32 - 1;
            plan.layout.merge(part.rows.row_mut(last), row);
            continue;
        }
        part.words.push(word);
        part.rows.push(row);
        if in_order {
            part.firsts.push(*entry as u64);
        }
    }
    part
}

/// The result in order of first appearance.
fn appearing(
    plan: &AggPlan,
    states: &[&Groups],
    levels: &[Level],
    places: &[Field],
    parts: Vec<Part>,
) -> Result<FrameChunk> {
    let mut starts = vec![0];
    for state in states {
        starts.push(starts[starts.len() - 1] + state.len);
    }
    // Where each group of a partial result that is the first of its key stands among the merged ones.
    let mut merged = vec![DROPPED; starts[states.len()]];
    let mut words = Vec::new();
    let mut rows = plan.layout.rows();
    for part in parts {
        for (at, first) in part.firsts.iter().enumerate() {
            let position = starts[(first >> 32) as usize] + *first as u32 as usize;
            merged[position] = (words.len() + at) as u32;
        }
        words.extend(part.words);
        rows.append(part.rows);
    }
    merged.retain(|at| *at != DROPPED);
    let words: Vec<u64> = merged.iter().map(|at| words[*at as usize]).collect();
    let rows = rows.picked(&merged);
    let batch = batch(plan, levels, places, &words, rows)?;
    FrameChunk::new(plan.output.clone(), vec![batch])
}

fn batch(plan: &AggPlan, levels: &[Level], places: &[Field], words: &[u64], rows: Rows) -> Result<Batch> {
    let len = words.len();
    let encoded = matches!(plan.output.index, IndexSchema::Levels(_));
    let mut keys = Vec::with_capacity(levels.len());
    for ((level, field), dtype) in levels.iter().zip(places).zip(&plan.key_dtypes) {
        let codes = words.iter().map(|word| field.of(*word) as i32);
        let codes = Int32Array::from_iter_values(codes);
        keys.push(if encoded && !matches!(dtype, Dtype::Category(_)) {
            Arc::new(DictionaryArray::<Int32Type>::try_new(
                codes,
                level.uniques.clone(),
            )?) as ArrayRef
        } else {
            shown_key(dtype, take(&level.uniques, &codes, None)?)?
        });
    }
    let groups = Groups {
        keys: GroupKeys::Plain(Vec::new()),
        rows,
        extras: Vec::new(),
        len,
        distinct: true,
    };
    let positions: Vec<u32> = (0..len as u32).collect();
    let values = columns(plan, &groups, &positions, false)?;
    Ok(batch_of(plan, keys, values, len))
}

/// The columns of all calls.
fn columns(plan: &AggPlan, groups: &Groups, positions: &[u32], parallel: bool) -> Result<Vec<ArrayRef>> {
    let calls = plan.layout.recipes.len();
    let first = plan
        .output
        .columns
        .len()
        .checked_sub(calls)
        .ok_or_else(|| Error::internal("an aggregation of more calls than columns"))?;
    let column = |call: usize| {
        let dtype = &plan.output.columns[first + call].dtype;
        result::column(&plan.layout.recipes[call], groups, positions, dtype, true)
    };
    if parallel {
        (0..calls).into_par_iter().map(column).collect()
    } else {
        (0..calls).map(column).collect()
    }
}
