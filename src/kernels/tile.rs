//! A register program over tiles of rows: chains of elementwise operations run on a thousand rows at a time, so that what
//! lies between them stays in the cache, and only results reach memory.
//!
//! Covers operations on machine types. Missing values are ordinary boolean registers here (`kernels::compile` writes the
//! operations that they mean). Invariants: an operation reads values made before it (single assignment); equal operations
//! are one; a register is written again only after the last read of what it held.

use std::mem::MaybeUninit;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{BooleanBuffer, Buffer, MutableBuffer, NullBuffer};
use hashbrown::HashMap;

use crate::dispatch_lane;
use crate::error::{Error, Result};
use crate::kernels::ops::arith::{self, Arith, Unary};
use crate::kernels::ops::cast;
use crate::kernels::ops::compare::{self, Compare};
use crate::kernels::ops::member::{self, Members};
use crate::kernels::ops::{Element, Lane, Operand, Out, any_row, bits, map2, select};

/// Rows in a tile: two operands and a result of eight-byte values fit the first-level cache.
pub const TILE: usize = 1024;

/// Bytes between registers: a tile of the widest lane, and a line more, so that registers don't share cache sets.
const STRIDE: usize = TILE * 8 + 64;

/// A value that an operation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(u32);

/// Why a program gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Failure {
    NegativePower,
    NonFinite,
    NegativeToUnsigned { from: &'static str, to: &'static str },
    TickOverflow,
    SpanOverflow,
    UnitOverflow { dtype: &'static str },
    MissingToInteger,
    MissingToBool,
    NotEquivalent { from: &'static str, to: &'static str },
    NotBoolLike,
}

impl Failure {
    fn error(self) -> Error {
        match self {
            Self::NegativePower => Error::value("Integers to negative integer powers are not allowed."),
            Self::NonFinite => Error::value(
                "Cannot convert non-finite values (NA or inf) to integer. Replace or remove non-finite values or cast to an \
                 integer type that supports these values (e.g. 'Int64')",
            ),
            Self::NegativeToUnsigned { from, to } => {
                Error::value(format!("Cannot losslessly cast from {from} to {to}"))
            }
            Self::TickOverflow => Error::overflow("Overflow in int64 addition"),
            Self::SpanOverflow => Error::value("Overflow in int64 multiplication"),
            Self::UnitOverflow { dtype } => Error::value(format!("Out of bounds for {dtype}")),
            Self::MissingToInteger => Error::value("cannot convert NA to integer"),
            Self::MissingToBool => Error::value("cannot convert float NaN to bool"),
            Self::NotEquivalent { from, to } => {
                Error::type_(format!("cannot safely cast non-equivalent {from} to {to}"))
            }
            Self::NotBoolLike => Error::type_("Need to pass bool-like values"),
        }
    }
}

/// An operation. Boolean values are bytes of 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Op {
    /// The values of the array in a slot.
    Rows {
        slot: usize,
        lane: Lane,
    },
    /// The bits of the boolean array in a slot.
    Bits {
        slot: usize,
    },
    /// Whether each value of the array in a slot is there.
    Valid {
        slot: usize,
    },
    /// One value for all rows.
    One {
        lane: Lane,
        word: u64,
    },
    Arith {
        op: Arith,
        lane: Lane,
        a: Value,
        b: Value,
    },
    Unary {
        op: Unary,
        lane: Lane,
        a: Value,
    },
    Round {
        lane: Lane,
        decimals: i32,
        a: Value,
    },
    Compare {
        op: Compare,
        lane: Lane,
        a: Value,
        b: Value,
    },
    /// A signed against an unsigned 64-bit integer.
    Signs {
        op: Compare,
        a: Value,
        b: Value,
    },
    /// Ticks of different units.
    Scaled {
        op: Compare,
        a: Value,
        b: Value,
        factors: (i64, i64),
    },
    /// Whether a sum or difference leaves 64 bits (or is the smallest integer, which means "not a time").
    AddOverflows {
        a: Value,
        b: Value,
        sub: bool,
    },
    /// The same for a product.
    MulOverflows {
        a: Value,
        b: Value,
    },
    Cast {
        from: Lane,
        to: Lane,
        a: Value,
    },
    /// `a` where the mask holds, else `b`.
    Select {
        lane: Lane,
        mask: Value,
        a: Value,
        b: Value,
    },
    /// Whether each value is in one of the program's sets.
    Member {
        set: usize,
        lane: Lane,
        a: Value,
    },
    /// `value`, unless `bad` holds for some row.
    Guard {
        value: Value,
        bad: Value,
        failure: Failure,
    },
}

impl Op {
    fn reads(&self) -> [Option<Value>; 3] {
        match *self {
            Self::Rows { .. } | Self::Bits { .. } | Self::Valid { .. } | Self::One { .. } => [None; 3],
            Self::Unary { a, .. } | Self::Round { a, .. } | Self::Cast { a, .. } | Self::Member { a, .. } => {
                [Some(a), None, None]
            }
            Self::Arith { a, b, .. }
            | Self::Compare { a, b, .. }
            | Self::Signs { a, b, .. }
            | Self::Scaled { a, b, .. }
            | Self::AddOverflows { a, b, .. }
            | Self::MulOverflows { a, b } => [Some(a), Some(b), None],
            Self::Select { mask, a, b, .. } => [Some(mask), Some(a), Some(b)],
            Self::Guard { value, bad, .. } => [Some(value), Some(bad), None],
        }
    }
}

/// Operations in the making.
#[derive(Debug, Default)]
pub struct Builder {
    ops: Vec<Op>,
    known: HashMap<Op, Value>,
    sets: Vec<Members>,
}

impl Builder {
    /// The value of an operation; an equal one that was asked for before is reused.
    pub fn push(&mut self, op: Op) -> Value {
        if let Op::Cast { from, to, a } = op {
            if from == to {
                return a;
            }
            if let Op::One { word, .. } = self.op(a) {
                return self.one(to, cast::cast_word(from, to, word));
            }
        }
        *self.known.entry(op).or_insert_with(|| {
            self.ops.push(op);
            Value(self.ops.len() as u32 - 1)
        })
    }

    /// The operation that makes a value.
    #[must_use]
    pub fn op(&self, value: Value) -> Op {
        self.ops[value.0 as usize]
    }

    /// One value for all rows.
    pub fn one(&mut self, lane: Lane, word: u64) -> Value {
        self.push(Op::One { lane, word })
    }

    /// The constant that a value is.
    #[must_use]
    pub fn constant(&self, value: Value) -> Option<u64> {
        match self.op(value) {
            Op::One { word, .. } => Some(word),
            _ => None,
        }
    }

    /// A set for [`Op::Member`].
    pub fn set(&mut self, members: Members) -> usize {
        self.sets.push(members);
        self.sets.len() - 1
    }

    /// `a & b`.
    pub fn and(&mut self, a: Value, b: Value) -> Value {
        match (self.constant(a), self.constant(b)) {
            (Some(1), _) | (_, Some(0)) => b,
            (_, Some(1)) | (Some(0), _) => a,
            _ => self.boolean(Arith::And, a, b),
        }
    }

    /// `a | b`.
    pub fn or(&mut self, a: Value, b: Value) -> Value {
        match (self.constant(a), self.constant(b)) {
            (Some(0), _) | (_, Some(1)) => b,
            (_, Some(0)) | (Some(1), _) => a,
            _ => self.boolean(Arith::Or, a, b),
        }
    }

    /// `not a`.
    pub fn not(&mut self, a: Value) -> Value {
        match self.constant(a) {
            Some(word) => self.one(Lane::Bool, 1 - word),
            None => {
                let one = self.one(Lane::Bool, 1);
                self.boolean(Arith::Xor, a, one)
            }
        }
    }

    /// A bitwise operation on booleans.
    pub fn boolean(&mut self, op: Arith, a: Value, b: Value) -> Value {
        self.push(Op::Arith {
            op,
            lane: Lane::Bool,
            a,
            b,
        })
    }

    /// Both, where each may be absent because it always holds.
    pub fn both(&mut self, a: Option<Value>, b: Option<Value>) -> Option<Value> {
        match (a, b) {
            (Some(a), Some(b)) => Some(self.and(a, b)),
            (a, b) => a.or(b),
        }
    }

    /// The program that makes `outputs`.
    #[must_use]
    pub fn program(&self, outputs: Vec<Output>) -> Tiles {
        let mut used = vec![false; self.ops.len()];
        let mut last = vec![0usize; self.ops.len()];
        for output in &outputs {
            // A mask that a slot's array has already is taken from there.
            let valid = output
                .valid
                .filter(|valid| !matches!(self.op(*valid), Op::Valid { .. }));
            for value in [Some(output.value), valid].into_iter().flatten() {
                used[value.0 as usize] = true;
                last[value.0 as usize] = usize::MAX;
            }
        }
        for at in (0..self.ops.len()).rev() {
            if used[at] {
                for value in self.ops[at].reads().into_iter().flatten() {
                    let read = value.0 as usize;
                    used[read] = true;
                    last[read] = last[read].max(at);
                    // A guard hands on what it guards: that lives as long as the guard's own value.
                    if let Op::Guard { value, .. } = self.ops[at] {
                        let guarded = value.0 as usize;
                        last[guarded] = last[guarded].max(last[at]);
                    }
                }
            }
        }
        let behind_guards = |value: Value| {
            let mut at = value.0 as usize;
            while let Op::Guard { value, .. } = self.ops[at] {
                at = value.0 as usize;
            }
            at
        };
        let mut places: Vec<Place> = vec![Place::Nowhere; self.ops.len()];
        let mut steps = Vec::new();
        let mut free: Vec<usize> = Vec::new();
        let mut live: Vec<(usize, usize)> = Vec::new();
        let mut registers = 0;
        for at in (0..self.ops.len()).filter(|at| used[*at]) {
            live.retain(|(end, register)| {
                let keep = *end >= at;
                if !keep {
                    free.push(*register);
                }
                keep
            });
            places[at] = match self.ops[at] {
                Op::Rows { slot, .. } => Place::Slot(slot),
                Op::One { word, .. } => Place::One(word),
                Op::Guard { value, .. } => {
                    steps.push(at as u32);
                    places[value.0 as usize]
                }
                _ => {
                    steps.push(at as u32);
                    let own = outputs
                        .iter()
                        .position(|output| output.lane != Lane::Bool && behind_guards(output.value) == at);
                    if let Some(output) = own {
                        Place::Out(output)
                    } else {
                        let register = free.pop().unwrap_or_else(|| {
                            registers += 1;
                            registers - 1
                        });
                        live.push((last[at], register));
                        Place::Register(register)
                    }
                }
            };
        }
        Tiles {
            ops: self.ops.clone(),
            places,
            steps,
            registers,
            outputs,
        }
    }

    /// The sets, for running.
    #[must_use]
    pub fn into_sets(self) -> Vec<Members> {
        self.sets
    }
}

/// A result of a program.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Its values.
    pub value: Value,
    /// Their machine type.
    pub lane: Lane,
    /// Which of them are there; `None` when all are.
    pub valid: Option<Value>,
}

/// The buffers of a result: values (a bitmap for booleans) and null mask.
#[derive(Debug)]
pub struct Made {
    /// The values.
    pub values: Buffer,
    /// The null mask, when something is missing.
    pub nulls: Option<NullBuffer>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Nowhere,
    Slot(usize),
    One(u64),
    Register(usize),
    Out(usize),
}

/// A program over tiles.
#[derive(Debug)]
pub struct Tiles {
    ops: Vec<Op>,
    places: Vec<Place>,
    steps: Vec<u32>,
    registers: usize,
    outputs: Vec<Output>,
}

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
            super::ops::map1(self.operand::<T>(output.value, start, tile), to, |value| value);
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
