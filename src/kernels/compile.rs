//! Expressions into steps: the rules of `op::infer` say what is computed, this file says with which operations, missing
//! values included.
//!
//! A value in the making is a pair of registers: the numbers, and whether they are there (none when all are). NumPy floats
//! hold NaN instead of the second. Invariants: equal expressions are compiled once; what a mask hides may be any bits, so
//! checks look at what is there only. Casts are in `compile_cast`.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::kernels::ops::arith::{Arith, Unary};
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::member::Members;
use crate::kernels::ops::{Element, Lane};
use crate::kernels::program::{Found, Program, Source, Step, TextArg, Whole};
use crate::kernels::tile::{Builder, Failure, Op, Output, Tiles, Value};
use crate::op::infer::{resolve, scalar_dtypes};
use crate::op::promote::{exact_ticks, float, parse_moment, whole};
use crate::op::scalar::ScalarOp;
use crate::op::side::{Arg, Plan, category_position, natural};
use crate::op::tree::{Expr, ExprRef};
use crate::scalar::{Literal, Scalar};
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema, Label};
use crate::token::{Token, Tokenize};

/// Values in registers.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) value: Value,
    /// Which are there; `None` when all are.
    pub(super) valid: Option<Value>,
    pub(super) dtype: Dtype,
}

/// What an expression has become.
#[derive(Clone, Debug)]
pub(super) enum Compiled {
    Constant(Literal),
    Lanes(Lanes),
    /// The array in a slot.
    Array {
        slot: usize,
        dtype: Dtype,
    },
}

impl Compiled {
    pub(super) fn dtype(&self) -> Option<&Dtype> {
        match self {
            Self::Constant(_) => None,
            Self::Lanes(lanes) => Some(&lanes.dtype),
            Self::Array { dtype, .. } => Some(dtype),
        }
    }

    fn is_missing(&self) -> bool {
        matches!(self, Self::Constant(literal) if literal.value == Scalar::Missing)
    }
}

/// The bits of a number or of ticks in `lane`.
pub(super) fn word(lane: Lane, value: &Scalar) -> Result<u64> {
    if let Scalar::Timestamp { value, .. } | Scalar::Timedelta { value, .. } = value {
        return Ok(value.to_word());
    }
    let wrong = || Error::internal(format!("{value:?} as {lane:?}"));
    Ok(match lane {
        Lane::F64 => float(value).ok_or_else(wrong)?.to_word(),
        Lane::F32 => match value {
            Scalar::Int(value) => (*value as f32).to_word(),
            value => (float(value).ok_or_else(wrong)? as f32).to_word(),
        },
        Lane::Bool => u64::from(whole(value).ok_or_else(wrong)? != 0),
        // The low bits of any width are those of the narrow type.
        lane => (whole(value).ok_or_else(wrong)? as u64) & (u64::MAX >> (64 - 8 * lane.size())),
    })
}

/// Turns expressions into a program.
pub struct Compiler<'a> {
    schema: &'a FrameSchema,
    position_of: &'a dyn Fn(usize) -> usize,
    pub(super) builder: Builder,
    sources: Vec<Source>,
    slot_dtypes: Vec<Dtype>,
    steps: Vec<Step>,
    known: HashMap<Token, Compiled>,
    results: Vec<Compiled>,
}

impl<'a> Compiler<'a> {
    /// For frames of `schema`; a batch holds the schema's column `i` at `position_of(i)`.
    pub fn new(schema: &'a FrameSchema, position_of: &'a dyn Fn(usize) -> usize) -> Self {
        Self {
            schema,
            position_of,
            builder: Builder::default(),
            sources: Vec::new(),
            slot_dtypes: Vec::new(),
            steps: Vec::new(),
            known: HashMap::new(),
            results: Vec::new(),
        }
    }

    /// Adds an expression to the results.
    ///
    /// # Errors
    /// As [`Program::compile`].
    pub fn add(&mut self, expr: &ExprRef) -> Result<()> {
        let compiled = self.compile(expr)?;
        self.results.push(compiled);
        Ok(())
    }

    /// The program.
    ///
    /// # Errors
    /// When a constant has no dtype.
    pub fn finish(mut self) -> Result<Program> {
        let results = std::mem::take(&mut self.results);
        let mut found = Vec::with_capacity(results.len());
        let mut wanted: Vec<(Output, Dtype)> = Vec::new();
        let mut slots = Vec::new();
        for result in results {
            match self.in_slot(&result) {
                Some((slot, dtype)) => found.push((Found::Slot(slot), dtype)),
                None => match result {
                    Compiled::Constant(literal) => {
                        let dtype = natural(&literal)?;
                        found.push((Found::Constant(literal), dtype));
                    }
                    Compiled::Lanes(lanes) => {
                        let slot = self.slot(Source::Step, lanes.dtype.clone());
                        slots.push(slot);
                        found.push((Found::Slot(slot), lanes.dtype.clone()));
                        wanted.push((self.output(&lanes), lanes.dtype));
                    }
                    Compiled::Array { slot, dtype } => found.push((Found::Slot(slot), dtype)),
                },
            }
        }
        if !wanted.is_empty() {
            let tiles = self
                .builder
                .program(wanted.iter().map(|(output, _)| *output).collect());
            let results = slots
                .into_iter()
                .zip(wanted.into_iter().map(|(_, dtype)| dtype))
                .collect();
            self.steps.push(Step::Tiles { tiles, results });
        }
        Ok(Program {
            sources: self.sources,
            steps: self.steps,
            sets: self.builder.into_sets(),
            results: found,
        })
    }

    /// The steps before a boolean expression and the program of its mask.
    ///
    /// # Errors
    /// As [`Program::compile`].
    pub fn finish_predicate(mut self, expr: &ExprRef) -> Result<(Program, Tiles)> {
        let compiled = self.compile(expr)?;
        let boolean = |dtype: &Dtype| {
            matches!(
                dtype,
                Dtype::Numpy(NumpyType::Bool)
                    | Dtype::Nullable(NumpyType::Bool)
                    | Dtype::Arrow(arrow::datatypes::DataType::Boolean)
            )
        };
        let mask = match &compiled {
            Compiled::Constant(Literal {
                value: Scalar::Bool(flag),
                ..
            }) => self.flag(*flag),
            other if other.dtype().is_some_and(boolean) => {
                let lanes = self.lanes(other)?;
                self.known_true(&lanes)
            }
            _ => return Err(Error::not_native("a filter by an expression that isn't boolean")),
        };
        let tiles = self.builder.program(vec![Output {
            value: mask,
            lane: Lane::Bool,
            valid: None,
        }]);
        let program = Program {
            sources: self.sources,
            steps: self.steps,
            sets: self.builder.into_sets(),
            results: Vec::new(),
        };
        Ok((program, tiles))
    }

    pub(super) fn slot(&mut self, source: Source, dtype: Dtype) -> usize {
        if source != Source::Step {
            if let Some(slot) = self.sources.iter().position(|known| *known == source) {
                return slot;
            }
        }
        self.sources.push(source);
        self.slot_dtypes.push(dtype);
        self.sources.len() - 1
    }

    fn compile(&mut self, expr: &ExprRef) -> Result<Compiled> {
        let token = expr.token();
        if let Some(known) = self.known.get(&token) {
            return Ok(known.clone());
        }
        let compiled = match &**expr {
            Expr::Literal(literal) => Compiled::Constant(literal.clone()),
            Expr::Input(input) => {
                return Err(Error::internal(format!(
                    "input {input} reached a kernel without its value"
                )));
            }
            Expr::Column(position) => {
                let column = self
                    .schema
                    .columns
                    .get(*position)
                    .ok_or_else(|| Error::internal(format!("no column at position {position}")))?;
                let dtype = column.dtype.clone();
                let slot = self.slot(Source::Column((self.position_of)(*position)), dtype.clone());
                Compiled::Array { slot, dtype }
            }
            Expr::Index(level) => {
                let levels = self.schema.index.levels();
                let dtype = levels
                    .get(*level)
                    .ok_or_else(|| Error::internal(format!("no index level at position {level}")))?
                    .dtype
                    .clone();
                let slot = self.slot(Source::Index(*level), dtype.clone());
                Compiled::Array { slot, dtype }
            }
            Expr::Call(op, args) => {
                let args = args
                    .iter()
                    .map(|arg| self.compile(arg))
                    .collect::<Result<Vec<_>>>()?;
                self.call(op, &args)?
            }
        };
        if compiled.dtype().is_some_and(Dtype::is_host) {
            return Err(Error::not_native("no kernels for host dtypes"));
        }
        self.known.insert(token, compiled.clone());
        Ok(compiled)
    }

    fn call(&mut self, op: &ScalarOp, args: &[Compiled]) -> Result<Compiled> {
        let resolved = {
            let sides: Vec<Arg<'_>> = args
                .iter()
                .map(|arg| match arg {
                    Compiled::Constant(literal) => Arg::Literal(literal),
                    Compiled::Lanes(lanes) => Arg::Column(&lanes.dtype),
                    Compiled::Array { dtype, .. } => Arg::Column(dtype),
                })
                .collect();
            if sides.iter().all(|side| matches!(side, Arg::Literal(_))) {
                return fold(op, &sides).map(Compiled::Constant);
            }
            resolve(op, &sides)?
        };
        let dtype = resolved.dtype;
        let lanes = |value: Value, valid: Option<Value>| {
            Ok(Compiled::Lanes(Lanes {
                value,
                valid,
                dtype: dtype.clone(),
            }))
        };
        let compare = Compare::of(op);
        match (resolved.plan, args) {
            (Plan::Same, [a, ..]) => Ok(relabelled(a, &dtype)),
            (Plan::Known(flag), _) => {
                let value = self.flag(flag);
                let mut valid = None;
                if matches!(dtype, Dtype::Nullable(_)) {
                    for arg in args {
                        if arg.dtype().is_some() {
                            let there = self.lanes(arg)?.valid;
                            valid = self.builder.both(valid, there);
                        }
                    }
                }
                lanes(value, valid)
            }
            (Plan::Number(kind), [a]) => {
                let (value, valid) = self.unary(op, a, kind)?;
                lanes(value, valid)
            }
            (Plan::Number(kind), [a, b]) => {
                let (value, valid) = self.binary(op, a, b, kind, &dtype)?;
                lanes(value, valid)
            }
            (Plan::Signs, [a, b]) => {
                let unsigned = |arg: &Compiled| match arg {
                    Compiled::Constant(literal) => literal.dtype == Some(NumpyType::UInt64),
                    other => {
                        matches!(other.dtype(), Some(Dtype::Numpy(k) | Dtype::Nullable(k)) if *k == NumpyType::UInt64)
                    }
                };
                let op = compare.ok_or_else(|| Error::internal("signs outside of a comparison"))?;
                let (signed, other, op) = if unsigned(a) {
                    (b, a, op.mirrored())
                } else {
                    (a, b, op)
                };
                let nullable = matches!(dtype, Dtype::Nullable(_));
                let (x, x_valid) = self.operand(signed, NumpyType::Int64, nullable)?;
                let (y, y_valid) = self.operand(other, NumpyType::UInt64, nullable)?;
                let value = self.builder.push(Op::Signs { op, a: x, b: y });
                let valid = self.builder.both(x_valid, y_valid);
                lanes(value, valid)
            }
            (Plan::Logic, [a, b]) => {
                let (value, valid) = self.logic(op, a, b)?;
                lanes(value, valid)
            }
            (Plan::Invert, [a]) => {
                let a = self.lanes(a)?;
                let value = self.builder.not(a.value);
                lanes(value, a.valid)
            }
            (Plan::Ticks(i, j), [a, b]) => match compare {
                Some(op) => {
                    let (x, x_valid) = self.ticks(a)?;
                    let (y, y_valid) = self.ticks(b)?;
                    let value = if (i, j) == (1, 1) {
                        self.compare(op, Lane::I64, x, y)
                    } else {
                        self.builder.push(Op::Scaled {
                            op,
                            a: x,
                            b: y,
                            factors: (i, j),
                        })
                    };
                    let valid = self.builder.both(x_valid, y_valid);
                    let value = self.settled(op, value, valid);
                    lanes(value, None)
                }
                None => {
                    let (value, valid) = self.add_ticks(*op == ScalarOp::Sub, (a, i), (b, j))?;
                    lanes(value, valid)
                }
            },
            (Plan::SpanTimes, [a, b]) => {
                let (x, x_valid) = self.ticks_or_whole(a)?;
                let (y, y_valid) = self.ticks_or_whole(b)?;
                let valid = self.builder.both(x_valid, y_valid);
                let value = self.builder.push(Op::Arith {
                    op: Arith::Mul,
                    lane: Lane::I64,
                    a: x,
                    b: y,
                });
                let bad = self.builder.push(Op::MulOverflows { a: x, b: y });
                let value = self.guard(value, bad, valid, Failure::SpanOverflow);
                lanes(value, valid)
            }
            (Plan::SpanRatio(i, j), [a, b]) => {
                let (x, x_valid) = self.scaled_ticks(a, i)?;
                let (y, y_valid) = self.scaled_ticks(b, j)?;
                let x = self.builder.push(Op::Cast {
                    from: Lane::I64,
                    to: Lane::F64,
                    a: x,
                });
                let y = self.builder.push(Op::Cast {
                    from: Lane::I64,
                    to: Lane::F64,
                    a: y,
                });
                let ratio = self.builder.push(Op::Arith {
                    op: Arith::Div,
                    lane: Lane::F64,
                    a: x,
                    b: y,
                });
                let valid = self.builder.both(x_valid, y_valid);
                let value = self.or_nan(Lane::F64, ratio, valid);
                lanes(value, None)
            }
            (Plan::Code(position), [a, b]) => {
                let op = compare.ok_or_else(|| Error::internal("a category outside of a comparison"))?;
                let (column, op) = if a.dtype().is_some() {
                    (a, op)
                } else {
                    (b, op.mirrored())
                };
                let codes = self.lanes(column)?;
                let position = self.builder.one(Lane::I32, position.to_word());
                let value = self.compare(op, Lane::I32, codes.value, position);
                let value = self.settled(op, value, codes.valid);
                lanes(value, None)
            }
            (Plan::Codes, [a, b]) => {
                let op = compare.ok_or_else(|| Error::internal("categories outside of a comparison"))?;
                let (x, y) = (self.lanes(a)?, self.lanes(b)?);
                let value = self.compare(op, Lane::I32, x.value, y.value);
                let valid = self.builder.both(x.valid, y.valid);
                let value = self.settled(op, value, valid);
                lanes(value, None)
            }
            (Plan::Text, [a, b]) => {
                let (a, b) = (self.text_arg(a)?, self.text_arg(b)?);
                let whole = match compare {
                    Some(op) => Whole::Compare {
                        op,
                        a,
                        b,
                        settled: matches!(dtype, Dtype::Numpy(_)),
                    },
                    None => Whole::Join { a, b },
                };
                Ok(self.whole(whole, dtype))
            }
            (Plan::Plain, args) => self.plain(op, args, dtype),
            (plan, args) => Err(Error::internal(format!("{plan:?} of {} arguments", args.len()))),
        }
    }

    pub(super) fn flag(&mut self, flag: bool) -> Value {
        self.builder.one(Lane::Bool, u64::from(flag))
    }

    pub(super) fn compare(&mut self, op: Compare, lane: Lane, a: Value, b: Value) -> Value {
        self.builder.push(Op::Compare { op, lane, a, b })
    }

    /// Whether each value of a float register is a number.
    pub(super) fn is_number(&mut self, lane: Lane, value: Value) -> Value {
        self.compare(Compare::Eq, lane, value, value)
    }

    /// `value`, or NaN where it isn't there.
    pub(super) fn or_nan(&mut self, lane: Lane, value: Value, valid: Option<Value>) -> Value {
        match valid {
            None => value,
            Some(mask) => {
                let nan = if lane == Lane::F32 {
                    f32::NAN.to_word()
                } else {
                    f64::NAN.to_word()
                };
                let b = self.builder.one(lane, nan);
                self.builder.push(Op::Select {
                    lane,
                    mask,
                    a: value,
                    b,
                })
            }
        }
    }

    /// `value`, with a failure where `bad` holds of a value that is there.
    pub(super) fn guard(
        &mut self,
        value: Value,
        bad: Value,
        valid: Option<Value>,
        failure: Failure,
    ) -> Value {
        let bad = match valid {
            None => bad,
            Some(valid) => self.builder.and(bad, valid),
        };
        if self.builder.constant(bad) == Some(0) {
            return value;
        }
        self.builder.push(Op::Guard { value, bad, failure })
    }

    /// A comparison where missing values are unequal to everything.
    fn settled(&mut self, op: Compare, value: Value, valid: Option<Value>) -> Value {
        match valid {
            None => value,
            Some(valid) if op == Compare::Ne => {
                let missing = self.builder.not(valid);
                self.builder.or(value, missing)
            }
            Some(valid) => self.builder.and(value, valid),
        }
    }

    /// Where a boolean is there and true.
    pub(super) fn known_true(&mut self, lanes: &Lanes) -> Value {
        match lanes.valid {
            None => lanes.value,
            Some(valid) => self.builder.and(lanes.value, valid),
        }
    }

    /// A column in registers.
    pub(super) fn lanes(&mut self, compiled: &Compiled) -> Result<Lanes> {
        match compiled {
            Compiled::Lanes(lanes) => Ok(lanes.clone()),
            Compiled::Constant(literal) => {
                Err(Error::internal(format!("{literal:?} where a column belongs")))
            }
            Compiled::Array { slot, dtype } => {
                let slot = *slot;
                let masked = self.builder.push(Op::Valid { slot });
                let (lane, valid) = match dtype {
                    Dtype::Numpy(kind) => (Lane::of(*kind), (!kind.is_numeric()).then_some(masked)),
                    Dtype::Nullable(kind) => (Lane::of(*kind), Some(masked)),
                    Dtype::Datetimetz(..) => (Lane::I64, Some(masked)),
                    Dtype::Category(_) => (Lane::I32, Some(masked)),
                    Dtype::Arrow(arrow::datatypes::DataType::Boolean) => (Lane::Bool, Some(masked)),
                    other => return Err(Error::internal(format!("{} in a register", other.name()))),
                };
                let op = if lane == Lane::Bool {
                    Op::Bits { slot }
                } else {
                    Op::Rows { slot, lane }
                };
                Ok(Lanes {
                    value: self.builder.push(op),
                    valid,
                    dtype: dtype.clone(),
                })
            }
        }
    }

    /// An operand as a number of `kind`. In a nullable operation NaN of a NumPy column counts as missing.
    pub(super) fn operand(
        &mut self,
        compiled: &Compiled,
        kind: NumpyType,
        nullable: bool,
    ) -> Result<(Value, Option<Value>)> {
        let to = Lane::of(kind);
        if let Compiled::Constant(literal) = compiled {
            if literal.value == Scalar::Missing && nullable {
                return Ok((self.builder.one(to, 0), Some(self.flag(false))));
            }
            return Ok((self.builder.one(to, word(to, &literal.value)?), None));
        }
        let lanes = self.lanes(compiled)?;
        let from = lane_of(&lanes.dtype)?;
        let mut valid = lanes.valid;
        if nullable && from.is_float() && matches!(lanes.dtype, Dtype::Numpy(_)) {
            valid = Some(self.is_number(from, lanes.value));
        }
        let value = self.builder.push(Op::Cast {
            from,
            to,
            a: lanes.value,
        });
        Ok((value, valid))
    }

    fn binary(
        &mut self,
        op: &ScalarOp,
        a: &Compiled,
        b: &Compiled,
        kind: NumpyType,
        dtype: &Dtype,
    ) -> Result<(Value, Option<Value>)> {
        let nullable = matches!(dtype, Dtype::Nullable(_));
        let lane = Lane::of(kind);
        let (x, x_valid) = self.operand(a, kind, nullable)?;
        let (mut y, y_valid) = self.operand(b, kind, nullable)?;
        let mut valid = self.builder.both(x_valid, y_valid);
        if let Some(op) = Compare::of(op) {
            return Ok((self.compare(op, lane, x, y), valid));
        }
        let arith = match op {
            ScalarOp::Add => Arith::Add,
            ScalarOp::Sub => Arith::Sub,
            ScalarOp::Mul => Arith::Mul,
            ScalarOp::TrueDiv => Arith::Div,
            ScalarOp::FloorDiv => Arith::FloorDiv,
            ScalarOp::Mod => Arith::Mod,
            ScalarOp::Pow => Arith::Pow,
            ScalarOp::And => Arith::And,
            ScalarOp::Or => Arith::Or,
            ScalarOp::Xor => Arith::Xor,
            other => return Err(Error::internal(format!("{} of two numbers", other.name()))),
        };
        if arith == Arith::Pow && kind.is_signed() && self.builder.constant(y).is_none() {
            let zero = self.builder.one(lane, 0);
            let bad = self.compare(Compare::Lt, lane, y, zero);
            y = self.guard(y, bad, valid, Failure::NegativePower);
        }
        let value = self.builder.push(Op::Arith {
            op: arith,
            lane,
            a: x,
            b: y,
        });
        if nullable && lane.is_float() {
            let number = self.is_number(lane, value);
            valid = self.builder.both(valid, Some(number));
        }
        Ok((value, valid))
    }

    fn unary(&mut self, op: &ScalarOp, a: &Compiled, kind: NumpyType) -> Result<(Value, Option<Value>)> {
        let a = self.lanes(a)?;
        let lane = Lane::of(kind);
        let value = match op {
            ScalarOp::Neg => self.builder.push(Op::Unary {
                op: Unary::Neg,
                lane,
                a: a.value,
            }),
            ScalarOp::Abs => self.builder.push(Op::Unary {
                op: Unary::Abs,
                lane,
                a: a.value,
            }),
            ScalarOp::Not => self.builder.push(Op::Unary {
                op: Unary::Not,
                lane,
                a: a.value,
            }),
            ScalarOp::Round(decimals) if lane.is_float() => self.builder.push(Op::Round {
                lane,
                decimals: *decimals,
                a: a.value,
            }),
            ScalarOp::Round(decimals) => {
                // NumPy rounds integers to tens as floats, and casts back.
                let wide = self.builder.push(Op::Cast {
                    from: lane,
                    to: Lane::F64,
                    a: a.value,
                });
                let round = self.builder.push(Op::Round {
                    lane: Lane::F64,
                    decimals: *decimals,
                    a: wide,
                });
                self.builder.push(Op::Cast {
                    from: Lane::F64,
                    to: lane,
                    a: round,
                })
            }
            other => return Err(Error::internal(format!("{} of one number", other.name()))),
        };
        let mut valid = a.valid;
        if lane.is_float() && matches!(a.dtype, Dtype::Nullable(_)) {
            let number = self.is_number(lane, value);
            valid = self.builder.both(valid, Some(number));
        }
        Ok((value, valid))
    }

    /// Kleene's logic: `False & missing` is false, `True | missing` is true.
    fn logic(&mut self, op: &ScalarOp, a: &Compiled, b: &Compiled) -> Result<(Value, Option<Value>)> {
        let (x, x_valid) = self.operand(a, NumpyType::Bool, false)?;
        let (y, y_valid) = self.operand(b, NumpyType::Bool, false)?;
        let arith = match op {
            ScalarOp::And => Arith::And,
            ScalarOp::Or => Arith::Or,
            _ => Arith::Xor,
        };
        let both = self.builder.both(x_valid, y_valid);
        let Some(both) = both else {
            return Ok((self.builder.boolean(arith, x, y), None));
        };
        if arith == Arith::Xor {
            return Ok((self.builder.boolean(arith, x, y), Some(both)));
        }
        let sure = self.flag(true);
        let (x_valid, y_valid) = (x_valid.unwrap_or(sure), y_valid.unwrap_or(sure));
        // A side decides alone when it is there and is what the operation can't undo.
        let mut decides = |value: Value, valid: Value| {
            let value = if arith == Arith::And {
                self.builder.not(value)
            } else {
                value
            };
            self.builder.and(value, valid)
        };
        let (x_decides, y_decides) = (decides(x, x_valid), decides(y, y_valid));
        let one = self.builder.or(x_decides, y_decides);
        let valid = self.builder.or(both, one);
        let value = if arith == Arith::And {
            self.builder.not(one)
        } else {
            one
        };
        Ok((value, Some(valid)))
    }

    /// Ticks of a moment or span, in its own unit.
    fn ticks(&mut self, compiled: &Compiled) -> Result<(Value, Option<Value>)> {
        match compiled {
            Compiled::Constant(literal) => {
                let ticks = match &literal.value {
                    Scalar::Timestamp { value, .. } | Scalar::Timedelta { value, .. } => *value,
                    Scalar::Missing => return Ok((self.builder.one(Lane::I64, 0), Some(self.flag(false)))),
                    Scalar::Str(text) => {
                        parse_moment(text)
                            .ok_or_else(|| Error::not_native(format!("the date {text:?}")))?
                            .0
                    }
                    other => return Err(Error::internal(format!("{other:?} as ticks"))),
                };
                Ok((self.builder.one(Lane::I64, ticks.to_word()), None))
            }
            column => {
                let lanes = self.lanes(column)?;
                Ok((lanes.value, lanes.valid))
            }
        }
    }

    fn ticks_or_whole(&mut self, compiled: &Compiled) -> Result<(Value, Option<Value>)> {
        match compiled {
            Compiled::Constant(Literal {
                value: Scalar::Int(_) | Scalar::Bool(_) | Scalar::Float(_),
                ..
            }) => self.operand(compiled, NumpyType::Int64, false),
            Compiled::Constant(_) => self.ticks(compiled),
            column => match column.dtype() {
                Some(Dtype::Numpy(kind)) if kind.is_integer() => {
                    self.operand(column, NumpyType::Int64, false)
                }
                _ => self.ticks(column),
            },
        }
    }

    /// Ticks times a factor, which must fit.
    fn scaled_ticks(&mut self, compiled: &Compiled, factor: i64) -> Result<(Value, Option<Value>)> {
        let (value, valid) = self.ticks(compiled)?;
        let value = self.times(value, valid, factor, "nanosecond timestamp");
        Ok((value, valid))
    }

    /// A register of ticks times a factor, which must fit.
    pub(super) fn times(
        &mut self,
        value: Value,
        valid: Option<Value>,
        factor: i64,
        dtype: &'static str,
    ) -> Value {
        if factor == 1 {
            return value;
        }
        let factor = self.builder.one(Lane::I64, factor.to_word());
        let product = self.builder.push(Op::Arith {
            op: Arith::Mul,
            lane: Lane::I64,
            a: value,
            b: factor,
        });
        let bad = self.builder.push(Op::MulOverflows { a: value, b: factor });
        self.guard(product, bad, valid, Failure::UnitOverflow { dtype })
    }

    fn add_ticks(
        &mut self,
        sub: bool,
        a: (&Compiled, i64),
        b: (&Compiled, i64),
    ) -> Result<(Value, Option<Value>)> {
        let (x, x_valid) = self.scaled_ticks(a.0, a.1)?;
        let (y, y_valid) = self.scaled_ticks(b.0, b.1)?;
        let valid = self.builder.both(x_valid, y_valid);
        let op = if sub { Arith::Sub } else { Arith::Add };
        let value = self.builder.push(Op::Arith {
            op,
            lane: Lane::I64,
            a: x,
            b: y,
        });
        let bad = self.builder.push(Op::AddOverflows { a: x, b: y, sub });
        Ok((self.guard(value, bad, valid, Failure::TickOverflow), valid))
    }

    /// A value as a column of `dtype` stores it, for operations that put it there.
    fn stored(&mut self, compiled: &Compiled, dtype: &Dtype) -> Result<(Value, Option<Value>)> {
        let kind = match dtype {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => *kind,
            Dtype::Datetimetz(unit, _) => NumpyType::Datetime(*unit),
            Dtype::Category(_) => NumpyType::Int32,
            _ => NumpyType::Bool,
        };
        let lane = Lane::of(kind);
        let Compiled::Constant(literal) = compiled else {
            return match dtype {
                Dtype::Numpy(kind) if kind.is_numeric() => self.operand(compiled, *kind, false),
                _ => {
                    let lanes = self.lanes(compiled)?;
                    Ok((lanes.value, lanes.valid))
                }
            };
        };
        let wrong = || Error::internal(format!("{:?} in a column of {}", literal.value, dtype.name()));
        let word = match (&literal.value, kind) {
            (Scalar::Missing, kind) if matches!(dtype, Dtype::Numpy(_)) && kind.is_float() => {
                word(lane, &Scalar::Float(f64::NAN))?
            }
            (Scalar::Missing, _) => return Ok((self.builder.one(lane, 0), Some(self.flag(false)))),
            (Scalar::Float(value), _) if value.is_nan() && matches!(dtype, Dtype::Nullable(_)) => {
                return Ok((self.builder.one(lane, 0), Some(self.flag(false))));
            }
            (
                Scalar::Timestamp {
                    value, unit: from, ..
                }
                | Scalar::Timedelta { value, unit: from },
                NumpyType::Datetime(unit) | NumpyType::Timedelta(unit),
            ) => exact_ticks(*value, *from, unit).ok_or_else(wrong)?.to_word(),
            (value, _) => match dtype {
                Dtype::Category(categories) => {
                    category_position(categories, value)?.ok_or_else(wrong)?.to_word()
                }
                _ => word(lane, value)?,
            },
        };
        Ok((self.builder.one(lane, word), None))
    }

    pub(super) fn text_arg(&mut self, compiled: &Compiled) -> Result<TextArg> {
        match compiled {
            Compiled::Constant(Literal {
                value: Scalar::Str(text),
                ..
            }) => Ok(TextArg::One(Some(text.clone()))),
            Compiled::Constant(Literal {
                value: Scalar::Missing,
                ..
            }) => Ok(TextArg::One(None)),
            other => self.array(other).map(TextArg::Slot),
        }
    }

    pub(super) fn whole(&mut self, op: Whole, dtype: Dtype) -> Compiled {
        let slot = self.slot(Source::Step, dtype.clone());
        self.steps.push(Step::Whole { op, slot });
        Compiled::Array { slot, dtype }
    }

    /// The slot where a value is an array already.
    fn in_slot(&self, compiled: &Compiled) -> Option<(usize, Dtype)> {
        let lanes = match compiled {
            Compiled::Array { slot, dtype } => return Some((*slot, dtype.clone())),
            Compiled::Lanes(lanes) => lanes,
            Compiled::Constant(_) => return None,
        };
        let (Op::Rows { slot, .. } | Op::Bits { slot }) = self.builder.op(lanes.value) else {
            return None;
        };
        let same_mask = match lanes.valid {
            None => matches!(&self.slot_dtypes[slot], Dtype::Numpy(kind) if kind.is_numeric()),
            Some(valid) => self.builder.op(valid) == Op::Valid { slot },
        };
        (same_mask && self.slot_dtypes[slot].arrow() == lanes.dtype.arrow())
            .then(|| (slot, lanes.dtype.clone()))
    }

    fn output(&self, lanes: &Lanes) -> Output {
        let lane = match &lanes.dtype {
            Dtype::Numpy(kind) | Dtype::Nullable(kind) => Lane::of(*kind),
            Dtype::Category(_) => Lane::I32,
            Dtype::Arrow(_) => Lane::Bool,
            _ => Lane::I64,
        };
        Output {
            value: lanes.value,
            lane,
            valid: lanes.valid,
        }
    }

    /// The slot of a column as an array, made now if need be.
    pub(super) fn array(&mut self, compiled: &Compiled) -> Result<usize> {
        if let Some((slot, _)) = self.in_slot(compiled) {
            return Ok(slot);
        }
        let lanes = self.lanes(compiled)?;
        let tiles = self.builder.program(vec![self.output(&lanes)]);
        let slot = self.slot(Source::Step, lanes.dtype.clone());
        self.steps.push(Step::Tiles {
            tiles,
            results: vec![(slot, lanes.dtype)],
        });
        Ok(slot)
    }

    fn plain(&mut self, op: &ScalarOp, args: &[Compiled], dtype: Dtype) -> Result<Compiled> {
        let (value, valid) = match (op, args) {
            (ScalarOp::IsNa | ScalarOp::NotNa, [a]) => {
                let there = self.there(a)?;
                let value = if *op == ScalarOp::IsNa {
                    self.builder.not(there)
                } else {
                    there
                };
                (value, None)
            }
            (ScalarOp::IsIn(values), [a]) => return self.isin(values, a, dtype),
            (ScalarOp::FillNa, [a, b]) => {
                if dtype.is_text() {
                    let (a, b) = (self.array(a)?, self.text_arg(b)?);
                    return Ok(self.whole(Whole::Fill { a, b }, dtype));
                }
                let lanes = self.lanes(a)?;
                let lane = lane_of(&dtype)?;
                let there = self.there(a)?;
                let (fill, fill_valid) = self.stored(b, &dtype)?;
                let value = self.builder.push(Op::Select {
                    lane,
                    mask: there,
                    a: lanes.value,
                    b: fill,
                });
                let valid = match (lanes.valid, fill_valid) {
                    (Some(valid), Some(fill)) => Some(self.builder.or(valid, fill)),
                    _ => None,
                };
                (value, valid)
            }
            (ScalarOp::Where, [a, condition, other]) => {
                let condition = self.lanes(condition)?;
                let mask = self.known_true(&condition);
                if dtype.is_text() {
                    let mask = Compiled::Lanes(Lanes {
                        value: mask,
                        valid: None,
                        dtype: Dtype::Numpy(NumpyType::Bool),
                    });
                    let mask = self.array(&mask)?;
                    let (a, b) = (self.text_arg(a)?, self.text_arg(other)?);
                    return Ok(self.whole(Whole::Choose { mask, a, b }, dtype));
                }
                let lane = lane_of(&dtype)?;
                let x = self.lanes(a)?;
                let (y, y_valid) = self.stored(other, &dtype)?;
                let value = self.builder.push(Op::Select {
                    lane,
                    mask,
                    a: x.value,
                    b: y,
                });
                let valid = if x.valid.is_none() && y_valid.is_none() {
                    None
                } else {
                    let sure = self.flag(true);
                    let (x_valid, y_valid) = (x.valid.unwrap_or(sure), y_valid.unwrap_or(sure));
                    Some(self.builder.push(Op::Select {
                        lane: Lane::Bool,
                        mask,
                        a: x_valid,
                        b: y_valid,
                    }))
                };
                (value, valid)
            }
            (ScalarOp::Clip, [a, lower, upper]) => {
                let lanes = self.lanes(a)?;
                let value = self.clip(&lanes, lower, upper)?;
                (value, lanes.valid)
            }
            (ScalarOp::Cast(_), [a]) => return self.cast(a, dtype),
            (op, _) => return Err(Error::internal(format!("{} without a plan", op.name()))),
        };
        Ok(Compiled::Lanes(Lanes { value, valid, dtype }))
    }

    /// Which values of a column aren't missing.
    fn there(&mut self, a: &Compiled) -> Result<Value> {
        Ok(match (a, a.dtype()) {
            (_, Some(Dtype::Numpy(kind))) if kind.is_float() => {
                let lanes = self.lanes(a)?;
                self.is_number(Lane::of(*kind), lanes.value)
            }
            (_, Some(Dtype::Numpy(kind))) if kind.is_numeric() => self.flag(true),
            (Compiled::Array { slot, .. }, _) => self.builder.push(Op::Valid { slot: *slot }),
            _ => {
                let lanes = self.lanes(a)?;
                match lanes.valid {
                    Some(valid) => valid,
                    None => self.flag(true),
                }
            }
        })
    }

    fn isin(&mut self, values: &[Literal], a: &Compiled, dtype: Dtype) -> Result<Compiled> {
        let from = a
            .dtype()
            .ok_or_else(|| Error::internal("isin of a constant"))?
            .clone();
        let missing = values.iter().any(|value| {
            value.value == Scalar::Missing || matches!(value.value, Scalar::Float(value) if value.is_nan())
        });
        if from.is_text() {
            let set: HashSet<Box<str>> = values
                .iter()
                .filter_map(|value| match &value.value {
                    Scalar::Str(text) => Some(Box::from(&**text)),
                    _ => None,
                })
                .collect();
            let a = self.array(a)?;
            return Ok(self.whole(
                Whole::Member {
                    set: Arc::new(set),
                    missing,
                    a,
                },
                dtype,
            ));
        }
        let lanes = self.lanes(a)?;
        let lane = lane_of(&from)?;
        let unit: Option<TimeUnit> = match &from {
            Dtype::Numpy(NumpyType::Datetime(unit) | NumpyType::Timedelta(unit))
            | Dtype::Datetimetz(unit, _) => Some(*unit),
            _ => None,
        };
        let members = match (&from, unit) {
            (_, Some(unit)) => Members::ticks(unit, values),
            (Dtype::Category(categories), _) => {
                let mut codes = Vec::new();
                for value in values {
                    codes.extend(category_position(categories, &value.value)?);
                }
                Members::codes(codes.into_iter())
            }
            _ => Members::numbers(lane, values),
        };
        let set = self.builder.set(members);
        let mut value = self.builder.push(Op::Member {
            set,
            lane,
            a: lanes.value,
        });
        if let Some(valid) = lanes.valid {
            value = self.builder.and(value, valid);
            if missing && matches!(from, Dtype::Category(_)) {
                let gone = self.builder.not(valid);
                value = self.builder.or(value, gone);
            }
        }
        Ok(Compiled::Lanes(Lanes {
            value,
            valid: None,
            dtype,
        }))
    }

    fn clip(&mut self, a: &Lanes, lower: &Compiled, upper: &Compiled) -> Result<Value> {
        let lane = lane_of(&a.dtype)?;
        let bound = |compiled: &Compiled| match compiled {
            Compiled::Constant(literal) if !compiled.is_missing() => match literal.value {
                Scalar::Float(value) if value.is_nan() => None,
                _ => Some(literal.clone()),
            },
            _ => None,
        };
        let (mut low, mut high) = (bound(lower), bound(upper));
        // pandas exchanges bounds that are the wrong way round.
        if let (Some(x), Some(y)) = (&low, &high) {
            let key = |literal: &Literal| match &literal.value {
                Scalar::Timestamp { value, unit, .. } | Scalar::Timedelta { value, unit } => {
                    i128::from(*value) * i128::from(1_000_000_000 / unit.per_second())
                }
                value => whole(value).unwrap_or(0),
            };
            let swapped = match (float(&x.value), float(&y.value)) {
                (Some(x_float), Some(y_float)) if whole(&x.value).is_none() || whole(&y.value).is_none() => {
                    x_float > y_float
                }
                _ => key(x) > key(y),
            };
            if swapped {
                std::mem::swap(&mut low, &mut high);
            }
        }
        let mut value = a.value;
        for (bound, op) in [(high, Compare::Gt), (low, Compare::Lt)] {
            let Some(bound) = bound else { continue };
            if let (Some(exact), Dtype::Numpy(kind) | Dtype::Nullable(kind)) = (whole(&bound.value), &a.dtype)
            {
                let beside = crate::op::promote::beside_range(*kind, exact);
                if kind.is_integer() && beside.is_ne() {
                    // A bound beyond the type's range either binds nothing or was refused.
                    continue;
                }
            }
            let (bound, _) = self.stored(&Compiled::Constant(bound), &a.dtype)?;
            let beyond = self.compare(op, lane, value, bound);
            value = self.builder.push(Op::Select {
                lane,
                mask: beyond,
                a: bound,
                b: value,
            });
        }
        Ok(value)
    }
}

/// The machine type that holds a dtype.
pub(super) fn lane_of(dtype: &Dtype) -> Result<Lane> {
    Ok(match dtype {
        Dtype::Numpy(kind) | Dtype::Nullable(kind) => Lane::of(*kind),
        Dtype::Datetimetz(..) => Lane::I64,
        Dtype::Category(_) => Lane::I32,
        Dtype::Arrow(arrow::datatypes::DataType::Boolean) => Lane::Bool,
        other => return Err(Error::internal(format!("{} in a register", other.name()))),
    })
}

fn relabelled(compiled: &Compiled, dtype: &Dtype) -> Compiled {
    match compiled {
        Compiled::Constant(literal) => Compiled::Constant(literal.clone()),
        Compiled::Lanes(lanes) => Compiled::Lanes(Lanes {
            dtype: dtype.clone(),
            ..lanes.clone()
        }),
        Compiled::Array { slot, .. } => Compiled::Array {
            slot: *slot,
            dtype: dtype.clone(),
        },
    }
}

/// An operation on constants, computed now on columns of one row.
fn fold(op: &ScalarOp, args: &[Arg<'_>]) -> Result<Literal> {
    let dtypes = scalar_dtypes(args)?;
    let mut columns = Vec::new();
    let mut arrays = Vec::new();
    let mut exprs = Vec::new();
    for (arg, dtype) in args.iter().zip(dtypes) {
        let Arg::Literal(literal) = arg else {
            return Err(Error::internal("folding a column"));
        };
        exprs.push(match dtype {
            Some(dtype) => {
                arrays.push(super::program::constant(literal, &dtype, 1)?);
                columns.push(Column {
                    name: Label::None,
                    dtype,
                });
                Expr::column(columns.len() - 1)
            }
            None => Arc::new(Expr::Literal((*literal).clone())),
        });
    }
    let schema = FrameSchema::new(FrameKind::Frame, columns, IndexSchema::range());
    let program = Program::compile(&[Expr::call(op.clone(), exprs)], &schema, &|position| position)?;
    let batch = crate::chunk::Batch {
        index: crate::chunk::IndexData::Range { start: 0, step: 1 },
        columns: arrays,
        len: 1,
    };
    let results = program.run(&batch)?;
    match (results.first(), program.dtypes().next()) {
        (Some(array), Some(dtype)) => Literal::of_row(array, dtype, 0),
        _ => Err(Error::internal("a program without a result")),
    }
}
