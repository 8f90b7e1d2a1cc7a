//! `nunique`: the distinct values of each group, kept outside the rows of words.
//!
//! A value gets a code, and a table holds the pairs of group and code. State: one list column with the distinct values of
//! each group, so that partial results merge exactly. With `dropna` missing values are never kept.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, UInt32Array};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};

use crate::dtype::Dtype;
use crate::error::Result;
use crate::kernels::group::column::{Coder, code_dtype, codes_of};
use crate::kernels::group::hash::hash_u64;
use crate::kernels::group::ints::check_room;
use crate::kernels::group::tag::{AHEAD, TagTable};

/// The distinct values of all groups.
#[derive(Clone, Debug)]
pub(super) struct Distinct {
    dropna: bool,
    coder: Coder,
    table: TagTable,
    /// `group << 32 | code`.
    pairs: Vec<u64>,
    codes: Vec<u32>,
    groups: usize,
}

impl Distinct {
    pub(super) fn new(dtype: &Dtype, dropna: bool) -> Result<Self> {
        Ok(Self {
            dropna,
            coder: Coder::new(&code_dtype(dtype))?,
            table: TagTable::new(),
            pairs: Vec::new(),
            codes: Vec::new(),
            groups: 0,
        })
    }

    /// The type of its state.
    pub(super) fn state_type(dtype: &Dtype) -> Result<DataType> {
        let values = Coder::new(&code_dtype(dtype))?.uniques()?;
        Ok(DataType::LargeList(Arc::new(Field::new_list_field(
            values.data_type().clone(),
            true,
        ))))
    }

    pub(super) fn grow(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
    }

    pub(super) fn nbytes(&self) -> usize {
        self.coder.nbytes() + self.table.nbytes() + self.pairs.capacity() * 8 + self.codes.capacity() * 4
    }

    pub(super) fn update(&mut self, ids: &[u32], array: &ArrayRef) -> Result<()> {
        self.codes.clear();
        self.coder.codes(&codes_of(array), &mut self.codes)?;
        self.insert(ids)
    }

    pub(super) fn merge(&mut self, ids: &[u32], state: &ArrayRef) -> Result<()> {
        let lists = state.as_list::<i64>();
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0] as usize, offsets[lists.len()] as usize);
        self.codes.clear();
        self.coder
            .codes(&lists.values().slice(first, last - first), &mut self.codes)?;
        let mut repeated = Vec::with_capacity(last - first);
        for (id, pair) in ids.iter().zip(offsets.windows(2)) {
            repeated.extend(std::iter::repeat_n(*id, (pair[1] - pair[0]) as usize));
        }
        self.insert(&repeated)
    }

    fn insert(&mut self, ids: &[u32]) -> Result<()> {
        check_room(self.pairs.len(), ids.len())?;
        let null = self.coder.null().filter(|_| self.dropna);
        let pair = |row: usize| u64::from(ids[row]) << 32 | u64::from(self.codes[row]);
        for row in 0..ids.len() {
            if row + AHEAD < ids.len() {
                self.table.prefetch(hash_u64(pair(row + AHEAD)));
            }
            if null == Some(self.codes[row]) {
                continue;
            }
            let (pair, next) = (pair(row), self.pairs.len() as u32);
            let pairs = &self.pairs;
            if self
                .table
                .entry(hash_u64(pair), next, |at| pairs[at as usize] == pair)
                == next
            {
                self.pairs.push(pair);
            }
        }
        Ok(())
    }

    pub(super) fn state(self) -> Result<ArrayRef> {
        let mut offsets = vec![0_i64; self.groups + 1];
        for pair in &self.pairs {
            offsets[(pair >> 32) as usize + 1] += 1;
        }
        for group in 0..self.groups {
            offsets[group + 1] += offsets[group];
        }
        let mut at = offsets.clone();
        let mut codes = vec![0_u32; self.pairs.len()];
        for pair in &self.pairs {
            let place = &mut at[(pair >> 32) as usize];
            codes[*place as usize] = *pair as u32;
            *place += 1;
        }
        let values = take(&self.coder.uniques()?, &UInt32Array::from(codes), None)?;
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(LargeListArray::try_new(field, offsets, values, None)?))
    }
}

/// How many distinct values each group has.
pub(super) fn counts(state: &ArrayRef) -> Vec<i64> {
    state
        .as_list::<i64>()
        .value_offsets()
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect()
}
