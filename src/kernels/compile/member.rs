//! Operations that put given values into a column or look for them there: `isin`, `fillna`, `where`, `clip`, and what is
//! missing.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::dtype::{Dtype, NumpyType, TimeUnit};
use crate::error::{Error, Result};
use crate::kernels::compile::{Compiled, Compiler, Lanes, lane_of, word};
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::member::Members;
use crate::kernels::ops::{Element, Lane};
use crate::kernels::program::Whole;
use crate::kernels::tile::{Op, Value};
use crate::op::promote::{beside_range, exact_ticks, float, whole};
use crate::op::scalar::ScalarOp;
use crate::op::side::category_position;
use crate::scalar::{Literal, Scalar};

impl Compiler<'_> {
    /// A value as a column of `dtype` stores it, for operations that put it there.
    pub(super) fn stored(&mut self, compiled: &Compiled, dtype: &Dtype) -> Result<(Value, Option<Value>)> {
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

    pub(super) fn plain(&mut self, op: &ScalarOp, args: &[Compiled], dtype: Dtype) -> Result<Compiled> {
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
    pub(super) fn there(&mut self, a: &Compiled) -> Result<Value> {
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

    pub(super) fn isin(&mut self, values: &[Literal], a: &Compiled, dtype: Dtype) -> Result<Compiled> {
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

    pub(super) fn clip(&mut self, a: &Lanes, lower: &Compiled, upper: &Compiled) -> Result<Value> {
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
                let beside = beside_range(*kind, exact);
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
