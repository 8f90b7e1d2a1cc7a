//! Expressions into steps: the rules of `op::infer` say what is computed, this file says with which operations, missing
//! values included.
//!
//! A value in the making is a pair of registers: the numbers, and whether they are there (none when all are). NumPy floats
//! hold NaN instead of the second. Invariants: equal expressions are compiled once; what a mask hides may be any bits, so
//! checks look at what is there only. Its
//! neighbours write the operations: `call` for each plan, `times`, `member` and `cast` for theirs.

mod call;
mod cast;
mod member;
mod times;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::{Element, Lane};
use crate::kernels::program::{Found, Program, Source, Step, TextArg, Whole};
use crate::kernels::tile::{Builder, Failure, Op, Output, Tiles, Value};
use crate::op::infer::scalar_dtypes;
use crate::op::promote::{float, whole};
use crate::op::scalar::ScalarOp;
use crate::op::side::{Arg, natural};
use crate::op::tree::{Expr, ExprRef};
use crate::scalar::{Literal, Scalar};
use crate::schema::{Column, FrameKind, FrameSchema, IndexSchema, Label};
use crate::token::{Token, Tokenize};

/// Values in registers.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct Lanes {
    pub(in crate::kernels) value: Value,
    /// Which are there; `None` when all are.
    pub(in crate::kernels) valid: Option<Value>,
    pub(in crate::kernels) dtype: Dtype,
}

/// What an expression has become.
#[derive(Clone, Debug)]
pub(in crate::kernels) enum Compiled {
    Constant(Literal),
    Lanes(Lanes),
    /// The array in a slot.
    Array {
        slot: usize,
        dtype: Dtype,
    },
}

impl Compiled {
    pub(in crate::kernels) fn dtype(&self) -> Option<&Dtype> {
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
pub(in crate::kernels) fn word(lane: Lane, value: &Scalar) -> Result<u64> {
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
    pub(in crate::kernels) builder: Builder,
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

    pub(in crate::kernels) fn slot(&mut self, source: Source, dtype: Dtype) -> usize {
        if source != Source::Step
            && let Some(slot) = self.sources.iter().position(|known| *known == source)
        {
            return slot;
        }
        self.sources.push(source);
        self.slot_dtypes.push(dtype);
        self.sources.len() - 1
    }

    pub(in crate::kernels) fn compile(&mut self, expr: &ExprRef) -> Result<Compiled> {
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

    pub(in crate::kernels) fn flag(&mut self, flag: bool) -> Value {
        self.builder.one(Lane::Bool, u64::from(flag))
    }

    pub(in crate::kernels) fn compare(&mut self, op: Compare, lane: Lane, a: Value, b: Value) -> Value {
        self.builder.push(Op::Compare { op, lane, a, b })
    }

    /// Whether each value of a float register is a number.
    pub(in crate::kernels) fn is_number(&mut self, lane: Lane, value: Value) -> Value {
        self.compare(Compare::Eq, lane, value, value)
    }

    /// `value`, or NaN where it isn't there.
    pub(in crate::kernels) fn or_nan(&mut self, lane: Lane, value: Value, valid: Option<Value>) -> Value {
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
    pub(in crate::kernels) fn guard(
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
    pub(in crate::kernels) fn settled(&mut self, op: Compare, value: Value, valid: Option<Value>) -> Value {
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
    pub(in crate::kernels) fn known_true(&mut self, lanes: &Lanes) -> Value {
        match lanes.valid {
            None => lanes.value,
            Some(valid) => self.builder.and(lanes.value, valid),
        }
    }

    /// A column in registers.
    pub(in crate::kernels) fn lanes(&mut self, compiled: &Compiled) -> Result<Lanes> {
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
    pub(in crate::kernels) fn operand(
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

    pub(in crate::kernels) fn text_arg(&mut self, compiled: &Compiled) -> Result<TextArg> {
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

    pub(in crate::kernels) fn whole(&mut self, op: Whole, dtype: Dtype) -> Compiled {
        let slot = self.slot(Source::Step, dtype.clone());
        self.steps.push(Step::Whole { op, slot });
        Compiled::Array { slot, dtype }
    }

    /// The slot where a value is an array already.
    pub(in crate::kernels) fn in_slot(&self, compiled: &Compiled) -> Option<(usize, Dtype)> {
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

    pub(in crate::kernels) fn output(&self, lanes: &Lanes) -> Output {
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
    pub(in crate::kernels) fn array(&mut self, compiled: &Compiled) -> Result<usize> {
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
}

/// The machine type that holds a dtype.
pub(in crate::kernels) fn lane_of(dtype: &Dtype) -> Result<Lane> {
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
