//! `astype` into operations: what is checked before numbers change their type, and what missing values become.

use crate::dtype::{Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::compile::{Compiled, Compiler, Lanes, lane_of};
use crate::kernels::ops::arith::Arith;
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::{Element, Lane};
use crate::kernels::program::Whole;
use crate::kernels::tile::{Failure, Op, Value};

impl Compiler<'_> {
    /// `astype(a, to)`.
    pub(super) fn cast(&mut self, a: &Compiled, to: Dtype) -> Result<Compiled> {
        let from = a
            .dtype()
            .ok_or_else(|| Error::internal("a cast of a constant"))?
            .clone();
        let whole = match (&from, &to) {
            (Dtype::Category(_), _) => Some(Whole::FromCodes { a: self.array(a)? }),
            (_, Dtype::Category(categories)) => Some(Whole::ToCodes {
                a: self.array(a)?,
                categories: categories.clone(),
            }),
            (from, Dtype::Numpy(NumpyType::Bool)) if from.is_text() => {
                Some(Whole::Truth { a: self.array(a)? })
            }
            (from, Dtype::Numpy(kind)) if from.is_text() => Some(Whole::ToNumbers {
                a: self.array(a)?,
                kind: *kind,
                is_na: matches!(from, Dtype::String { .. }),
            }),
            (_, to) if to.is_text() => Some(Whole::FromNumbers { a: self.array(a)? }),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(self.whole(whole, to));
        }
        let lanes = self.lanes(a)?;
        let (value, valid) = match (&from, &to) {
            (Dtype::Numpy(x), Dtype::Numpy(y)) if x.is_numeric() && y.is_numeric() => {
                (self.numpy_to_numpy(&lanes, *x, *y, None), None)
            }
            (Dtype::Numpy(x), Dtype::Numpy(_)) if x.is_numeric() => {
                // Ticks from integers: the smallest integer is "not a time".
                let value = self.convert(Lane::of(*x), Lane::I64, lanes.value);
                let none = self.builder.one(Lane::I64, i64::MIN.to_word());
                let valid =
                    (*x == NumpyType::Int64).then(|| self.compare(Compare::Ne, Lane::I64, value, none));
                (value, valid)
            }
            (Dtype::Numpy(x), Dtype::Nullable(y)) => self.numpy_to_nullable(&lanes, *x, *y),
            (Dtype::Nullable(x), Dtype::Nullable(y)) => {
                (self.convert(Lane::of(*x), Lane::of(*y), lanes.value), lanes.valid)
            }
            (Dtype::Nullable(x), Dtype::Numpy(y)) => (self.nullable_to_numpy(&lanes, *x, *y), None),
            (_, Dtype::Numpy(NumpyType::Int64)) => {
                let none = self.builder.one(Lane::I64, i64::MIN.to_word());
                let value = match lanes.valid {
                    None => lanes.value,
                    Some(mask) => self.builder.push(Op::Select {
                        lane: Lane::I64,
                        mask,
                        a: lanes.value,
                        b: none,
                    }),
                };
                (value, None)
            }
            _ => (self.unit(&lanes, &to)?, lanes.valid),
        };
        lane_of(&to)?;
        Ok(Compiled::Lanes(Lanes {
            value,
            valid,
            dtype: to,
        }))
    }

    fn convert(&mut self, from: Lane, to: Lane, a: Value) -> Value {
        self.builder.push(Op::Cast { from, to, a })
    }

    /// Fails on floats that an integer can't stand for, as pandas checks them.
    fn check_floats(&mut self, value: Value, x: NumpyType, y: NumpyType, valid: Option<Value>) -> Value {
        let lane = Lane::of(x);
        // Infinity less itself is NaN, as NaN is.
        let none = self.builder.push(Op::Arith {
            op: Arith::Sub,
            lane,
            a: value,
            b: value,
        });
        let bad = self.compare(Compare::Ne, lane, none, none);
        let value = self.guard(value, bad, valid, Failure::NonFinite);
        if !y.is_unsigned() {
            return value;
        }
        let zero = self.builder.one(lane, 0);
        let bad = self.compare(Compare::Lt, lane, value, zero);
        let failure = Failure::NegativeToUnsigned {
            from: x.name(),
            to: y.name(),
        };
        self.guard(value, bad, valid, failure)
    }

    fn numpy_to_numpy(&mut self, lanes: &Lanes, x: NumpyType, y: NumpyType, valid: Option<Value>) -> Value {
        let value = if x.is_float() && y.is_integer() {
            self.check_floats(lanes.value, x, y, valid)
        } else {
            lanes.value
        };
        self.convert(Lane::of(x), Lane::of(y), value)
    }

    fn numpy_to_nullable(&mut self, lanes: &Lanes, x: NumpyType, y: NumpyType) -> (Value, Option<Value>) {
        let (from, to) = (Lane::of(x), Lane::of(y));
        let valid = x.is_float().then(|| self.is_number(from, lanes.value));
        if x == NumpyType::Bool || y.is_float() {
            return (self.convert(from, to, lanes.value), valid);
        }
        if y == NumpyType::Bool {
            let zero = self.builder.one(from, 0);
            let one = match from {
                Lane::F64 => 1f64.to_word(),
                Lane::F32 => 1f32.to_word(),
                _ => 1,
            };
            let one = self.builder.one(from, one);
            let is_zero = self.compare(Compare::Eq, from, lanes.value, zero);
            let is_one = self.compare(Compare::Eq, from, lanes.value, one);
            let good = self.builder.or(is_zero, is_one);
            let bad = self.builder.not(good);
            let value = self.guard(is_one, bad, valid, Failure::NotBoolLike);
            return (value, valid);
        }
        // Cast there and back: the same value, and the same sign.
        let value = self.convert(from, to, lanes.value);
        let back = self.convert(to, from, value);
        let mut bad = self.compare(Compare::Ne, from, back, lanes.value);
        if x.is_integer() && x.is_signed() != y.is_signed() {
            let (lane, signed) = if x.is_signed() {
                (from, lanes.value)
            } else {
                (to, value)
            };
            let zero = self.builder.one(lane, 0);
            let negative = self.compare(Compare::Lt, lane, signed, zero);
            bad = self.builder.or(bad, negative);
        }
        let failure = Failure::NotEquivalent {
            from: x.name(),
            to: y.name(),
        };
        (self.guard(value, bad, valid, failure), valid)
    }

    fn nullable_to_numpy(&mut self, lanes: &Lanes, x: NumpyType, y: NumpyType) -> Value {
        let (from, to) = (Lane::of(x), Lane::of(y));
        if y.is_float() {
            let value = self.convert(from, to, lanes.value);
            return self.or_nan(to, value, lanes.valid);
        }
        let mut plain = lanes.clone();
        if let Some(valid) = lanes.valid {
            let missing = self.builder.not(valid);
            let failure = if y == NumpyType::Bool {
                Failure::MissingToBool
            } else {
                Failure::MissingToInteger
            };
            plain.value = self.guard(lanes.value, missing, None, failure);
        }
        self.numpy_to_numpy(&plain, x, y, lanes.valid)
    }

    /// Ticks in another unit: exact or refused towards a finer one, rounded down towards a coarser one.
    fn unit(&mut self, lanes: &Lanes, to: &Dtype) -> Result<Value> {
        let unit = |dtype: &Dtype| match dtype {
            Dtype::Numpy(NumpyType::Datetime(unit) | NumpyType::Timedelta(unit))
            | Dtype::Datetimetz(unit, _) => Ok(*unit),
            other => Err(Error::internal(format!("{} has no unit", other.name()))),
        };
        let (from, to_unit) = (unit(&lanes.dtype)?.per_second(), unit(to)?);
        let name = match to {
            Dtype::Numpy(kind) => kind.name(),
            _ => NumpyType::Datetime(to_unit).name(),
        };
        let to = to_unit.per_second();
        if to >= from {
            return Ok(self.times(lanes.value, lanes.valid, to / from, name));
        }
        let factor = self.builder.one(Lane::I64, (from / to).to_word());
        Ok(self.builder.push(Op::Arith {
            op: Arith::FloorDiv,
            lane: Lane::I64,
            a: lanes.value,
            b: factor,
        }))
    }
}
