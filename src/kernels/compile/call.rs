//! Calls: which operations on registers each plan of `op::infer` means.

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::compile::{Compiled, Compiler, Lanes, fold, relabelled};
use crate::kernels::ops::arith::{Arith, Unary};
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::{Element, Lane};
use crate::kernels::program::Whole;
use crate::kernels::tile::{Failure, Op, Value};
use crate::op::infer::resolve;
use crate::op::scalar::ScalarOp;
use crate::op::side::{Arg, Plan};

impl Compiler<'_> {
    #[allow(
        clippy::many_single_char_names,
        reason = "two operands and their two factors or registers"
    )]
    pub(super) fn call(&mut self, op: &ScalarOp, args: &[Compiled]) -> Result<Compiled> {
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

    pub(super) fn binary(
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

    pub(super) fn unary(
        &mut self,
        op: &ScalarOp,
        a: &Compiled,
        kind: NumpyType,
    ) -> Result<(Value, Option<Value>)> {
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
    pub(super) fn logic(
        &mut self,
        op: &ScalarOp,
        a: &Compiled,
        b: &Compiled,
    ) -> Result<(Value, Option<Value>)> {
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
}
