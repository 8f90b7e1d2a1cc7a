//! Running a program over tiles: where its registers, inputs and results lie in memory.

use std::mem::MaybeUninit;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer};

use super::{Made, Op, Output, Place, STRIDE, TILE, Tiles, Value};
use crate::dispatch_lane;
use crate::error::{Error, Result};
use crate::kernels::ops::arith::{self, Arith};
use crate::kernels::ops::member::{self, Members};
use crate::kernels::ops::{Element, Lane, Operand, Out, any_row, bits, cast, compare, map1, map2, select};

/// The array of a slot as the loops read it.
struct View<'a> {
    values: &'a [u8],
    bits: Option<&'a BooleanBuffer>,
    nulls: Option<&'a NullBuffer>,
}

impl Tiles {
    /// Runs over `rows` rows of the arrays in `slots`.
    ///
    /// # Errors
    /// When a guard finds a bad value, with its row.
    pub fn run(&self, slots: &[Option<ArrayRef>], sets: &[Members], rows: usize) -> Result<Vec<Made>> {
        let data = self.views(slots, rows)?;
        let views: Vec<_> = data.iter().map(SlotData::view).collect();
        let mut outs: Vec<MutableBuffer> = self
            .outputs
            .iter()
            .map(|output| match output.lane {
                Lane::Bool => MutableBuffer::from_len_zeroed(rows.div_ceil(8)),
                lane => MutableBuffer::with_capacity(rows * lane.size()),
            })
            .collect();
        let mut masks: Vec<Option<(Value, MutableBuffer, usize)>> = self
            .outputs
            .iter()
            .map(|output| {
                let made = output.valid.filter(|valid| self.mask_slot(*valid).is_none())?;
                Some((made, MutableBuffer::from_len_zeroed(rows.div_ceil(8)), 0))
            })
            .collect();
        let mut registers = MutableBuffer::with_capacity(self.registers * STRIDE + 64);
        let frame = Frame {
            program: self,
            views: &views,
            sets,
            registers: registers.as_mut_ptr(),
            outs: outs.iter_mut().map(MutableBuffer::as_mut_ptr).collect(),
        };
        let mut start = 0;
        while start < rows {
            let tile = TILE.min(rows - start);
            for step in &self.steps {
                frame.step(*step as usize, start, tile)?;
            }
            for (k, output) in self.outputs.iter().enumerate() {
                let bytes = start / 8..(start + tile).div_ceil(8);
                if output.lane == Lane::Bool {
                    let width = bytes.len();
                    // SAFETY: the bitmap has a bit for every row, a tile starts at a whole byte, and nothing else
                    // refers to these bytes.
                    let packed =
                        unsafe { std::slice::from_raw_parts_mut(frame.outs[k].add(start / 8), width) };
                    frame.pack(output.value, start, tile, packed);
                } else {
                    frame.place(k, output, start, tile);
                }
                if let Some((valid, mask, ones)) = &mut masks[k] {
                    *ones += frame.pack(*valid, start, tile, &mut mask.as_slice_mut()[bytes]);
                }
            }
            start += tile;
        }
        drop(frame);
        let mut made = Vec::with_capacity(outs.len());
        for ((mut values, mask), output) in outs.into_iter().zip(masks).zip(&self.outputs) {
            if output.lane != Lane::Bool {
                // SAFETY: each tile wrote all of its rows, so `rows` values are there, within the capacity.
                unsafe { values.set_len(rows * output.lane.size()) };
            }
            let nulls = match (mask, output.valid.and_then(|valid| self.mask_slot(valid))) {
                (Some((_, mask, ones)), _) if ones < rows => {
                    Some(NullBuffer::new(BooleanBuffer::new(mask.into(), 0, rows)))
                }
                (None, Some(slot)) => {
                    let array = slots[slot]
                        .as_ref()
                        .ok_or_else(|| Error::internal(format!("slot {slot} of a program is empty")))?;
                    array.logical_nulls().filter(|nulls| nulls.null_count() > 0)
                }
                _ => None,
            };
            made.push(Made {
                values: values.into(),
                nulls,
            });
        }
        Ok(made)
    }

    /// Appends the rows where the first result, a boolean, is true.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn select(
        &self,
        slots: &[Option<ArrayRef>],
        sets: &[Members],
        rows: usize,
        into: &mut Vec<u32>,
    ) -> Result<()> {
        let Some(output) = self.outputs.first().filter(|output| output.lane == Lane::Bool) else {
            return Err(Error::internal("a selection by something that isn't boolean"));
        };
        let data = self.views(slots, rows)?;
        let views: Vec<_> = data.iter().map(SlotData::view).collect();
        let mut registers = MutableBuffer::with_capacity(self.registers * STRIDE + 64);
        let frame = Frame {
            program: self,
            views: &views,
            sets,
            registers: registers.as_mut_ptr(),
            outs: Vec::new(),
        };
        into.reserve(rows + 64);
        let mut start = 0;
        while start < rows {
            let tile = TILE.min(rows - start);
            for step in &self.steps {
                frame.step(*step as usize, start, tile)?;
            }
            match frame.operand::<u8>(output.value, start, tile) {
                Operand::Rows(bytes) => bits::positions(bytes, start as u32, into),
                Operand::One(0) => {}
                Operand::One(_) => into.extend(start as u32..(start + tile) as u32),
            }
            start += tile;
        }
        Ok(())
    }

    /// The slot whose array has just this mask.
    fn mask_slot(&self, valid: Value) -> Option<usize> {
        match self.ops[valid.0 as usize] {
            Op::Valid { slot } => Some(slot),
            _ => None,
        }
    }

    /// The buffers that the program reads, checked for length.
    fn views(&self, slots: &[Option<ArrayRef>], rows: usize) -> Result<Vec<SlotData>> {
        let mut data: Vec<SlotData> = Vec::new();
        data.resize_with(slots.len(), SlotData::default);
        for (op, place) in self.ops.iter().zip(&self.places) {
            let (slot, wants) = match (op, place) {
                (_, Place::Nowhere) => continue,
                (Op::Rows { slot, lane }, _) => (*slot, Some(*lane)),
                (Op::Bits { slot }, _) => (*slot, Some(Lane::Bool)),
                (Op::Valid { slot }, _) => (*slot, None),
                _ => continue,
            };
            let array = slots[slot]
                .as_ref()
                .ok_or_else(|| Error::internal(format!("slot {slot} of a program is empty")))?;
            if array.len() != rows {
                return Err(Error::internal(format!(
                    "an array of {} rows among {rows} rows",
                    array.len()
                )));
            }
            let entry = &mut data[slot];
            match wants {
                None => entry.nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0),
                Some(Lane::Bool) => {
                    let bits = arrow::array::AsArray::as_boolean_opt(array)
                        .ok_or_else(|| mismatch(array, "bool"))?
                        .values()
                        .clone();
                    entry.bits = Some(bits);
                }
                Some(lane) => {
                    let parts = array.to_data();
                    let width = parts.data_type().primitive_width().or_else(|| {
                        // The codes of a dictionary.
                        matches!(parts.data_type(), arrow::datatypes::DataType::Dictionary(key, _)
                            if **key == arrow::datatypes::DataType::Int32)
                        .then_some(4)
                    });
                    let buffer = parts.buffers().first();
                    match buffer {
                        Some(buffer) if width == Some(lane.size()) => {
                            let values =
                                buffer.slice_with_length(parts.offset() * lane.size(), rows * lane.size());
                            if values.as_ptr().align_offset(lane.size()) != 0 {
                                return Err(Error::internal("an array that isn't aligned"));
                            }
                            entry.values = values;
                        }
                        _ => return Err(mismatch(array, "a number")),
                    }
                }
            }
        }
        Ok(data)
    }
}

#[derive(Default)]
struct SlotData {
    values: Buffer,
    bits: Option<BooleanBuffer>,
    nulls: Option<NullBuffer>,
}

impl SlotData {
    fn view(&self) -> View<'_> {
        View {
            values: self.values.as_slice(),
            bits: self.bits.as_ref(),
            nulls: self.nulls.as_ref(),
        }
    }
}

fn mismatch(array: &ArrayRef, wanted: &str) -> Error {
    Error::internal(format!(
        "an array of type {} where the schema says {wanted}",
        array.data_type()
    ))
}

/// A program at work.
struct Frame<'a> {
    program: &'a Tiles,
    views: &'a [View<'a>],
    sets: &'a [Members],
    registers: *mut u8,
    outs: Vec<*mut u8>,
}

#[allow(
    clippy::cast_ptr_alignment,
    reason = "every place is aligned for the widest lane"
)]
impl Frame<'_> {
    fn operand<T: Element>(&self, value: Value, start: usize, tile: usize) -> Operand<'_, T> {
        let from = match self.program.places[value.0 as usize] {
            Place::One(word) => return Operand::One(T::from_word(word)),
            Place::Slot(slot) => self.views[slot].values.as_ptr().cast::<T>().wrapping_add(start),
            Place::Register(register) => self
                .registers
                .wrapping_add(register * STRIDE)
                .cast::<T>()
                .cast_const(),
            Place::Out(output) => self.outs[output].cast::<T>().wrapping_add(start).cast_const(),
            Place::Nowhere => return Operand::One(T::default()),
        };
        // SAFETY: slots were checked to hold aligned values of this width for all rows; a register holds a tile of the
        // widest lane and an output all rows, both written in this tile by the operation that made `value`, which comes
        // before every reader. No reader's own output overlaps: it has another place (`Builder::program` gives a
        // register away only after its last reader).
        Operand::Rows(unsafe { std::slice::from_raw_parts(from, tile) })
    }

    #[allow(clippy::mut_from_ref)]
    fn out<T: Element>(&self, at: usize, start: usize, tile: usize) -> Out<'_, T> {
        let to = match self.program.places[at] {
            Place::Register(register) => self
                .registers
                .wrapping_add(register * STRIDE)
                .cast::<MaybeUninit<T>>(),
            Place::Out(output) => self.outs[output].cast::<MaybeUninit<T>>().wrapping_add(start),
            Place::Slot(_) | Place::One(_) | Place::Nowhere => return &mut [],
        };
        // SAFETY: registers and outputs are aligned to 64 bytes and have room for the tile; the place belongs to the
        // operation `at` alone while it runs, see `operand`.
        unsafe { std::slice::from_raw_parts_mut(to, tile) }
    }

    /// Copies a result that was made elsewhere to its output.
    fn place(&self, k: usize, output: &Output, start: usize, tile: usize) {
        if matches!(self.program.places[output.value.0 as usize], Place::Out(own) if own == k) {
            return;
        }
        dispatch_lane!(output.lane, T => {
            let to = self.outs[k].cast::<MaybeUninit<T>>().wrapping_add(start);
            // SAFETY: the output has room for all rows, and nothing else refers to it.
            let to = unsafe { std::slice::from_raw_parts_mut(to, tile) };
            map1(self.operand::<T>(output.value, start, tile), to, |value| value);
        });
    }

    fn pack(&self, value: Value, start: usize, tile: usize, into: &mut [u8]) -> usize {
        match self.operand::<u8>(value, start, tile) {
            Operand::Rows(bytes) => bits::pack(bytes, into),
            Operand::One(byte) => bits::pack(&[byte; TILE][..tile], into),
        }
    }

    fn step(&self, at: usize, start: usize, n: usize) -> Result<()> {
        macro_rules! arg {
            ($value:expr, $t:ty) => {
                self.operand::<$t>($value, start, n)
            };
        }
        macro_rules! out {
            ($t:ty) => {
                self.out::<$t>(at, start, n)
            };
        }
        match self.program.ops[at] {
            Op::Rows { .. } | Op::One { .. } => {}
            Op::Bits { slot } => {
                if let Some(buffer) = self.views[slot].bits {
                    bits::unpack(buffer.values(), buffer.offset() + start, out!(u8));
                }
            }
            Op::Valid { slot } => match self.views[slot].nulls {
                Some(nulls) => bits::unpack(nulls.validity(), nulls.offset() + start, out!(u8)),
                None => out!(u8).fill(MaybeUninit::new(1)),
            },
            Op::Arith { op, lane, a, b } => match lane {
                Lane::Bool => {
                    let (a, b) = (arg!(a, u8), arg!(b, u8));
                    match op {
                        Arith::Or | Arith::Add => map2(a, b, out!(u8), |a, b| a | b),
                        Arith::Xor => map2(a, b, out!(u8), |a, b| a ^ b),
                        _ => map2(a, b, out!(u8), |a, b| a & b),
                    }
                }
                Lane::I8 => arith::integers(op, arg!(a, i8), arg!(b, i8), out!(i8)),
                Lane::I16 => arith::integers(op, arg!(a, i16), arg!(b, i16), out!(i16)),
                Lane::I32 => arith::integers(op, arg!(a, i32), arg!(b, i32), out!(i32)),
                Lane::I64 => arith::integers(op, arg!(a, i64), arg!(b, i64), out!(i64)),
                Lane::U8 => arith::integers(op, arg!(a, u8), arg!(b, u8), out!(u8)),
                Lane::U16 => arith::integers(op, arg!(a, u16), arg!(b, u16), out!(u16)),
                Lane::U32 => arith::integers(op, arg!(a, u32), arg!(b, u32), out!(u32)),
                Lane::U64 => arith::integers(op, arg!(a, u64), arg!(b, u64), out!(u64)),
                Lane::F32 => arith::floats(op, arg!(a, f32), arg!(b, f32), out!(f32)),
                Lane::F64 => arith::floats(op, arg!(a, f64), arg!(b, f64), out!(f64)),
            },
            Op::Unary { op, lane, a } => match lane {
                Lane::I8 => arith::integer(op, arg!(a, i8), out!(i8)),
                Lane::I16 => arith::integer(op, arg!(a, i16), out!(i16)),
                Lane::I32 => arith::integer(op, arg!(a, i32), out!(i32)),
                Lane::I64 => arith::integer(op, arg!(a, i64), out!(i64)),
                Lane::Bool | Lane::U8 => arith::integer(op, arg!(a, u8), out!(u8)),
                Lane::U16 => arith::integer(op, arg!(a, u16), out!(u16)),
                Lane::U32 => arith::integer(op, arg!(a, u32), out!(u32)),
                Lane::U64 => arith::integer(op, arg!(a, u64), out!(u64)),
                Lane::F32 => arith::float(op, arg!(a, f32), out!(f32)),
                Lane::F64 => arith::float(op, arg!(a, f64), out!(f64)),
            },
            Op::Round { lane, decimals, a } => {
                let factor = 10f64.powf(f64::from(decimals.unsigned_abs()));
                if lane == Lane::F32 {
                    arith::round(arg!(a, f32), factor as f32, decimals, out!(f32));
                } else {
                    arith::round(arg!(a, f64), factor, decimals, out!(f64));
                }
            }
            Op::Compare { op, lane, a, b } => {
                dispatch_lane!(lane, T => compare::compare(op, arg!(a, T), arg!(b, T), out!(u8)));
            }
            Op::Signs { op, a, b } => compare::signs(op, arg!(a, i64), arg!(b, u64), out!(u8)),
            Op::Scaled { op, a, b, factors } => {
                compare::scaled(op, arg!(a, i64), arg!(b, i64), factors, out!(u8));
            }
            Op::AddOverflows { a, b, sub } => {
                let (a, b) = (arg!(a, i64), arg!(b, i64));
                if sub {
                    map2(a, b, out!(u8), |a: i64, b: i64| {
                        let result = a.wrapping_sub(b);
                        u8::from(((a ^ b) & (a ^ result)) < 0 || result == i64::MIN)
                    });
                } else {
                    map2(a, b, out!(u8), |a: i64, b: i64| {
                        let result = a.wrapping_add(b);
                        u8::from(((a ^ result) & (b ^ result)) < 0 || result == i64::MIN)
                    });
                }
            }
            Op::MulOverflows { a, b } => map2(arg!(a, i64), arg!(b, i64), out!(u8), |a: i64, b: i64| {
                u8::from(a.checked_mul(b).is_none_or(|product| product == i64::MIN))
            }),
            Op::Cast { from, to, a } => {
                if to == Lane::Bool {
                    dispatch_lane!(from, A => cast::truth(arg!(a, A), out!(u8)));
                } else {
                    dispatch_lane!(from, A => dispatch_lane!(to, R => cast::cast(arg!(a, A), out!(R))));
                }
            }
            Op::Select { lane, mask, a, b } => {
                dispatch_lane!(lane, T => select(arg!(mask, u8), arg!(a, T), arg!(b, T), out!(T)));
            }
            Op::Member { set, lane, a } => {
                dispatch_lane!(lane, T => member::member(&self.sets[set], arg!(a, T), out!(u8)));
            }
            Op::Guard { bad, failure, .. } => {
                let bad = arg!(bad, u8);
                if any_row(bad, Operand::One(0u8), n, |bad, _| bad != 0) {
                    let row = (0..n).find(|row| bad.at(*row) != 0).unwrap_or(0);
                    return Err(failure
                        .error()
                        .note(format!("at row {} of the batch", start + row)));
                }
            }
        }
        Ok(())
    }
}
