//! A register program over tiles of rows: chains of elementwise operations run on a thousand rows at a time, so that what
//! lies between them stays in the cache, and only results reach memory.
//!
//! Covers operations on machine types. Missing values are ordinary boolean registers here (`kernels::compile` writes the
//! operations that they mean). Invariants: an operation reads values made before it (single assignment); equal operations
//! are one; a register is written again only after the last read of what it held.

mod run;

use arrow::buffer::{Buffer, NullBuffer};
use hashbrown::HashMap;

use crate::error::Error;
use crate::kernels::ops::arith::{Arith, Unary};
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::member::Members;
use crate::kernels::ops::{Lane, cast};

/// Rows in a tile: two operands and a result of eight-byte values fit the first-level cache.
pub const TILE: usize = 1024;

/// Bytes between registers: a tile of the widest lane, and a line more, so that registers don't share cache sets.
const STRIDE: usize = TILE * 8 + 64;

/// A value that an operation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(super) u32);

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
    pub(super) fn error(self) -> Error {
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
pub(super) enum Place {
    Nowhere,
    Slot(usize),
    One(u64),
    Register(usize),
    Out(usize),
}

/// A program over tiles.
#[derive(Debug)]
pub struct Tiles {
    pub(super) ops: Vec<Op>,
    pub(super) places: Vec<Place>,
    pub(super) steps: Vec<u32>,
    pub(super) registers: usize,
    pub(super) outputs: Vec<Output>,
}
