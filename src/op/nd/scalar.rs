//! Single numbers in array expressions: an exact value, its element type, and whether it is Python's own (weak).
//!
//! Invariant: the value of a strong scalar is one of its type.

use std::hash::{Hash, Hasher};

use super::resolve::{NdArg, can_cast_safely};
use crate::error::{Error, Result};
use crate::nd::Elem;
use crate::token::{Tokenize, Tokenizer};

/// The value of a number. `f64` holds all of the narrower floats, and `i128` all integers of NumPy's.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum NdValue {
    Bool(bool),
    Int(i128),
    Float(f64),
    Complex(f64, f64),
}

impl NdValue {
    fn bits(self) -> (u8, u128) {
        match self {
            Self::Bool(value) => (0, u128::from(value)),
            Self::Int(value) => (1, value.cast_unsigned()),
            Self::Float(value) => (2, u128::from(value.to_bits())),
            Self::Complex(re, im) => (3, u128::from(re.to_bits()) << 64 | u128::from(im.to_bits())),
        }
    }
}

impl PartialEq for NdValue {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for NdValue {}

impl Hash for NdValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

/// A number with as much type as promotion needs. Equal means equal bits: zeros of both signs differ, NaNs don't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NdScalar {
    /// The value.
    pub value: NdValue,
    /// The type; of a weak one, what Python's number is on its own.
    pub elem: Elem,
    /// Whether it takes the type of what it meets.
    pub weak: bool,
}

/// The least and the greatest integer of a type.
#[must_use]
pub fn int_bounds(elem: Elem) -> Option<(i128, i128)> {
    Some(match elem {
        Elem::I8 => (i8::MIN.into(), i8::MAX.into()),
        Elem::I16 => (i16::MIN.into(), i16::MAX.into()),
        Elem::I32 => (i32::MIN.into(), i32::MAX.into()),
        Elem::I64 => (i64::MIN.into(), i64::MAX.into()),
        Elem::U8 => (0, u8::MAX.into()),
        Elem::U16 => (0, u16::MAX.into()),
        Elem::U32 => (0, u32::MAX.into()),
        Elem::U64 => (0, u64::MAX.into()),
        _ => return None,
    })
}

/// The nearest value of a float type, as a double.
pub(super) fn round_to(elem: Elem, value: f64) -> f64 {
    match elem {
        Elem::F16 => half::f16::from_f64(value).to_f64(),
        Elem::F32 | Elem::C64 => f64::from(value as f32),
        _ => value,
    }
}

impl NdScalar {
    /// Python's int. One that fits neither `int64` nor `uint64` is right beside floats and in comparisons only.
    #[must_use]
    pub fn int(value: i128) -> Self {
        Self {
            value: NdValue::Int(value),
            elem: Elem::I64,
            weak: true,
        }
    }

    /// Python's float.
    #[must_use]
    pub fn float(value: f64) -> Self {
        Self {
            value: NdValue::Float(value),
            elem: Elem::F64,
            weak: true,
        }
    }

    /// Python's complex.
    #[must_use]
    pub fn complex(re: f64, im: f64) -> Self {
        Self {
            value: NdValue::Complex(re, im),
            elem: Elem::C128,
            weak: true,
        }
    }

    /// A bool, Python's or NumPy's.
    #[must_use]
    pub fn bool(value: bool) -> Self {
        Self {
            value: NdValue::Bool(value),
            elem: Elem::Bool,
            weak: false,
        }
    }

    /// A scalar of NumPy's.
    ///
    /// # Errors
    /// When the value isn't of the type.
    pub fn strong(elem: Elem, value: NdValue) -> Result<Self> {
        let own = match (value, elem) {
            (NdValue::Bool(_), Elem::Bool) => true,
            (NdValue::Int(value), _) => {
                int_bounds(elem).is_some_and(|(min, max)| (min..=max).contains(&value))
            }
            (NdValue::Float(value), Elem::F16 | Elem::F32 | Elem::F64) => {
                value.is_nan() || round_to(elem, value).to_bits() == value.to_bits()
            }
            (NdValue::Complex(re, im), Elem::C64 | Elem::C128) => [re, im]
                .iter()
                .all(|part| part.is_nan() || round_to(elem, *part).to_bits() == part.to_bits()),
            _ => false,
        };
        if !own {
            return Err(Error::internal(format!(
                "{value:?} as a scalar of {}",
                elem.name()
            )));
        }
        Ok(Self {
            value,
            elem,
            weak: false,
        })
    }

    /// Its type, as far as promotion asks.
    #[must_use]
    pub fn arg(&self) -> NdArg {
        match (self.weak, self.value) {
            (false, _) => NdArg::Strong(self.elem),
            (true, NdValue::Bool(_)) => NdArg::WeakBool,
            (true, NdValue::Int(_)) => NdArg::WeakInt,
            (true, NdValue::Float(_)) => NdArg::WeakFloat,
            (true, NdValue::Complex(..)) => NdArg::WeakComplex,
        }
    }

    /// Whether it is an integer that `elem`, an integer type, doesn't hold: -1 below, 1 above, 0 when it fits.
    #[must_use]
    pub fn beyond(&self, elem: Elem) -> i8 {
        match (self.value, int_bounds(elem)) {
            (NdValue::Int(value), Some((min, _))) if value < min => -1,
            (NdValue::Int(value), Some((_, max))) if value > max => 1,
            _ => 0,
        }
    }

    /// The scalar of type `to` that NumPy makes of it when it meets that type; `None` where that would lose a kind (a
    /// fraction, an imaginary part), which promotion never asks for.
    ///
    /// # Errors
    /// A [`crate::error::Kind::Overflow`] error with NumPy's words for Python's int that doesn't fit.
    pub fn cast(&self, to: Elem) -> Result<Option<Self>> {
        if !self.weak && !can_cast_safely(self.elem, to) {
            return Ok(None);
        }
        let float = |value: f64| match to {
            Elem::F16 | Elem::F32 | Elem::F64 => Some(NdValue::Float(round_to(to, value))),
            Elem::C64 | Elem::C128 => Some(NdValue::Complex(round_to(to, value), 0.0)),
            _ => None,
        };
        let value = match (self.value, to) {
            (value @ NdValue::Bool(_), Elem::Bool) => Some(value),
            (NdValue::Bool(value), to) if int_bounds(to).is_some() => Some(NdValue::Int(value.into())),
            (NdValue::Bool(value), _) => float(f64::from(u8::from(value))),
            (NdValue::Int(value), Elem::Bool) => Some(NdValue::Bool(value != 0)),
            (NdValue::Int(value), to) if int_bounds(to).is_some() => {
                if self.beyond(to) != 0 {
                    return Err(Error::overflow(if to == Elem::I64 {
                        "Python int too large to convert to C long".to_owned()
                    } else {
                        format!("Python integer {value} out of bounds for {}", to.name())
                    }));
                }
                Some(NdValue::Int(value))
            }
            (NdValue::Int(value), _) => float(value as f64),
            (NdValue::Float(value), Elem::Bool) => Some(NdValue::Bool(value != 0.0)),
            (NdValue::Float(value), _) => float(value),
            (NdValue::Complex(re, im), Elem::Bool) => Some(NdValue::Bool(re != 0.0 || im != 0.0)),
            (NdValue::Complex(re, im), Elem::C64 | Elem::C128) => {
                Some(NdValue::Complex(round_to(to, re), round_to(to, im)))
            }
            (NdValue::Complex(..), _) => None,
        };
        Ok(value.map(|value| Self {
            value,
            elem: to,
            weak: false,
        }))
    }
}

impl Tokenize for NdScalar {
    fn tokenize(&self, t: &mut Tokenizer) {
        let (kind, bits) = self.value.bits();
        t.text(self.elem.name())
            .number(u64::from(self.weak))
            .number(u64::from(kind))
            .bytes(&bits.to_le_bytes());
    }
}
