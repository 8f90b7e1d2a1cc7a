//! Moments and spans: ticks brought to one unit, with checks that nothing leaves 64 bits.

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::compile::{Compiled, Compiler};
use crate::kernels::ops::arith::Arith;
use crate::kernels::ops::{Element, Lane};
use crate::kernels::tile::{Failure, Op, Value};
use crate::op::promote::parse_moment;
use crate::scalar::{Literal, Scalar};

impl Compiler<'_> {
    /// Ticks of a moment or span, in its own unit.
    pub(super) fn ticks(&mut self, compiled: &Compiled) -> Result<(Value, Option<Value>)> {
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

    pub(super) fn ticks_or_whole(&mut self, compiled: &Compiled) -> Result<(Value, Option<Value>)> {
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
    pub(super) fn scaled_ticks(
        &mut self,
        compiled: &Compiled,
        factor: i64,
    ) -> Result<(Value, Option<Value>)> {
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

    pub(super) fn add_ticks(
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
}
