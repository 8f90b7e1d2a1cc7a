//! Reductions of arrays as data: names, what elements become before they are reduced, states, and results, as NumPy has it.
//!
//! Covers what comes out, not how; the loops are in `kernels::nd::reduce`. Sums of float16 and float32 are kept in float64 on
//! the way, whatever the chunks, and rounded once. A state is a list of blocks with one element for each result.

use crate::error::{Error, Result};
use crate::nd::Elem;
use crate::token::{Tokenize, Tokenizer};

/// A reduction. `skipna` is that of NumPy's functions whose name begins with `nan`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ReduceOp {
    Sum {
        skipna: bool,
    },
    Prod {
        skipna: bool,
    },
    Min {
        skipna: bool,
    },
    Max {
        skipna: bool,
    },
    /// Maximum minus minimum.
    Ptp,
    Any,
    All,
    CountNonzero,
    Mean {
        skipna: bool,
    },
    Var {
        skipna: bool,
        ddof: f64,
    },
    Std {
        skipna: bool,
        ddof: f64,
    },
    /// Central moment of an order of at least 2.
    Moment {
        order: u32,
        ddof: f64,
    },
    ArgMin {
        skipna: bool,
    },
    ArgMax {
        skipna: bool,
    },
}

/// A running reduction along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ScanOp {
    Sum { skipna: bool },
    Prod { skipna: bool },
}

/// Which kind of number an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Bool,
    Int,
    Uint,
    Float,
    Complex,
}

fn family(elem: Elem) -> Family {
    match elem {
        Elem::Bool => Family::Bool,
        Elem::I8 | Elem::I16 | Elem::I32 | Elem::I64 => Family::Int,
        Elem::U8 | Elem::U16 | Elem::U32 | Elem::U64 => Family::Uint,
        Elem::F16 | Elem::F32 | Elem::F64 => Family::Float,
        Elem::C64 | Elem::C128 => Family::Complex,
    }
}

fn is_whole(elem: Elem) -> bool {
    matches!(family(elem), Family::Bool | Family::Int | Family::Uint)
}

/// The real type of a complex one.
fn real(elem: Elem) -> Elem {
    match elem {
        Elem::C64 => Elem::F32,
        Elem::C128 => Elem::F64,
        elem => elem,
    }
}

/// What sums of the type are kept in on the way.
#[must_use]
pub fn sum_state(elem: Elem) -> Elem {
    match family(elem) {
        Family::Bool | Family::Int => Elem::I64,
        Family::Uint => Elem::U64,
        Family::Float => Elem::F64,
        Family::Complex => Elem::C128,
    }
}

/// What means of the type are kept in on the way.
fn mean_state(elem: Elem) -> Elem {
    match family(elem) {
        Family::Complex => Elem::C128,
        _ => Elem::F64,
    }
}

/// The type of a sum, product or running one of the type.
#[must_use]
pub fn sum_result(elem: Elem) -> Elem {
    if is_whole(elem) { sum_state(elem) } else { elem }
}

/// Values of the type itself on the way: float16 is computed with as float32.
#[must_use]
pub fn value_state(elem: Elem) -> Elem {
    if elem == Elem::F16 { Elem::F32 } else { elem }
}

impl ReduceOp {
    /// The reduction that NumPy calls `name`; `order` for `moment`.
    #[must_use]
    pub fn parse(name: &str, ddof: f64, order: u32) -> Option<Self> {
        let skipna = name.starts_with("nan");
        Some(match name.strip_prefix("nan").unwrap_or(name) {
            "sum" => Self::Sum { skipna },
            "prod" => Self::Prod { skipna },
            "min" | "amin" => Self::Min { skipna },
            "max" | "amax" => Self::Max { skipna },
            "mean" => Self::Mean { skipna },
            "var" => Self::Var { skipna, ddof },
            "std" => Self::Std { skipna, ddof },
            "argmin" => Self::ArgMin { skipna },
            "argmax" => Self::ArgMax { skipna },
            "ptp" if !skipna => Self::Ptp,
            "any" if !skipna => Self::Any,
            "all" if !skipna => Self::All,
            "count_nonzero" if !skipna => Self::CountNonzero,
            "moment" if !skipna && order >= 2 => Self::Moment { order, ddof },
            _ => return None,
        })
    }

    /// Its name in NumPy.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let pick = |skipna: bool, plain, nan| if skipna { nan } else { plain };
        match *self {
            Self::Sum { skipna } => pick(skipna, "sum", "nansum"),
            Self::Prod { skipna } => pick(skipna, "prod", "nanprod"),
            Self::Min { skipna } => pick(skipna, "min", "nanmin"),
            Self::Max { skipna } => pick(skipna, "max", "nanmax"),
            Self::Ptp => "ptp",
            Self::Any => "any",
            Self::All => "all",
            Self::CountNonzero => "count_nonzero",
            Self::Mean { skipna } => pick(skipna, "mean", "nanmean"),
            Self::Var { skipna, .. } => pick(skipna, "var", "nanvar"),
            Self::Std { skipna, .. } => pick(skipna, "std", "nanstd"),
            Self::Moment { .. } => "moment",
            Self::ArgMin { skipna } => pick(skipna, "argmin", "nanargmin"),
            Self::ArgMax { skipna } => pick(skipna, "argmax", "nanargmax"),
        }
    }

    /// Whether NaN is left out.
    #[must_use]
    pub fn skipna(&self) -> bool {
        match *self {
            Self::Sum { skipna }
            | Self::Prod { skipna }
            | Self::Min { skipna }
            | Self::Max { skipna }
            | Self::Mean { skipna }
            | Self::Var { skipna, .. }
            | Self::Std { skipna, .. }
            | Self::ArgMin { skipna }
            | Self::ArgMax { skipna } => skipna,
            _ => false,
        }
    }

    /// Whether it answers where and not what, so that it needs to know where a block lies.
    #[must_use]
    pub fn is_arg(&self) -> bool {
        matches!(self, Self::ArgMin { .. } | Self::ArgMax { .. })
    }

    /// What elements are cast to before they are reduced, given the `dtype` argument: `elem` when they stay as they are.
    ///
    /// # Errors
    /// When the reduction doesn't exist for the type, or only NumPy does it.
    pub fn input(&self, elem: Elem, dtype: Option<Elem>) -> Result<Elem> {
        if *self == Self::Ptp && elem == Elem::Bool {
            return Err(Error::type_(
                "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` operator, \
                 or the logical_xor function instead.",
            ));
        }
        if matches!(self, Self::Moment { .. }) && family(elem) == Family::Complex {
            return Err(Error::not_native("a moment of complex numbers"));
        }
        let Some(dtype) = dtype else {
            return Ok(elem);
        };
        Ok(match self {
            // Whole numbers wrap around the same way at the end as on the way.
            Self::Sum { .. } | Self::Prod { .. }
                if is_whole(elem) && is_whole(dtype) && dtype != Elem::Bool =>
            {
                elem
            }
            Self::Sum { .. } | Self::Prod { .. } => dtype,
            Self::Mean { .. } if is_whole(elem) && dtype == Elem::F64 => elem,
            Self::Mean { .. } => dtype,
            Self::Var { .. } | Self::Std { .. } | Self::Moment { .. } => {
                let narrows = family(elem) == Family::Complex && family(dtype) != Family::Complex;
                if is_whole(dtype) || narrows {
                    return Err(Error::not_native(format!(
                        "{} with dtype {}",
                        self.name(),
                        dtype.name()
                    )));
                }
                if is_whole(elem) && dtype == Elem::F64 {
                    elem
                } else {
                    dtype
                }
            }
            _ => elem,
        })
    }

    /// The type of the result, given the `dtype` argument.
    ///
    /// # Errors
    /// As for `input`.
    pub fn result(&self, elem: Elem, dtype: Option<Elem>) -> Result<Elem> {
        self.input(elem, dtype)?;
        let floating = |elem: Elem| if is_whole(elem) { Elem::F64 } else { elem };
        Ok(match self {
            Self::Sum { .. } | Self::Prod { .. } => dtype.unwrap_or_else(|| sum_result(elem)),
            Self::Min { .. } | Self::Max { .. } | Self::Ptp => elem,
            Self::Any | Self::All => Elem::Bool,
            Self::CountNonzero | Self::ArgMin { .. } | Self::ArgMax { .. } => Elem::I64,
            Self::Mean { .. } => dtype.unwrap_or_else(|| floating(elem)),
            Self::Var { .. } | Self::Std { .. } | Self::Moment { .. } => {
                real(dtype.unwrap_or_else(|| floating(elem)))
            }
        })
    }

    /// The types of the blocks of a state, for elements as `input` gives them.
    #[must_use]
    pub fn state(&self, elem: Elem) -> Vec<Elem> {
        let (value, mean) = (value_state(elem), mean_state(elem));
        match self {
            Self::Sum { .. } | Self::Prod { .. } => vec![sum_state(elem)],
            Self::Min { .. } | Self::Max { .. } => vec![value, Elem::I64],
            Self::Ptp => vec![value, value, Elem::I64],
            Self::Any | Self::All => vec![Elem::Bool],
            Self::CountNonzero => vec![Elem::I64],
            Self::Mean { .. } => vec![mean, Elem::I64],
            Self::Var { .. } | Self::Std { .. } => vec![mean, Elem::I64, Elem::F64],
            Self::Moment { order, .. } => {
                let mut state = vec![mean, Elem::I64];
                state.extend((2..=*order).map(|_| Elem::F64));
                state
            }
            Self::ArgMin { .. } | Self::ArgMax { .. } => vec![value, Elem::I64],
        }
    }

    /// Whether the state of `other`, of the same elements and axes, can be finished as this one: a mean can be read off
    /// the state of a variance, and one state serves several `ddof`.
    #[must_use]
    pub fn reads_state_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mean { skipna: a }, Self::Var { skipna: b, .. } | Self::Std { skipna: b, .. }) => a == b,
            (
                Self::Var { skipna: a, .. } | Self::Std { skipna: a, .. },
                Self::Var { skipna: b, .. } | Self::Std { skipna: b, .. },
            ) => a == b,
            (
                Self::Mean { skipna: false }
                | Self::Var { skipna: false, .. }
                | Self::Std { skipna: false, .. },
                Self::Moment { .. },
            ) => true,
            (Self::Moment { order: a, .. }, Self::Moment { order: b, .. }) => a <= b,
            (Self::Min { skipna: false } | Self::Max { skipna: false }, Self::Ptp) => false,
            _ => self == other,
        }
    }

    /// The error of a result that comes from no elements, for reductions without an answer then.
    #[must_use]
    pub fn of_nothing(&self) -> Option<Error> {
        let none = |ufunc: &str| {
            Error::value(format!(
                "zero-size array to reduction operation {ufunc} which has no identity"
            ))
        };
        Some(match self {
            Self::Min { skipna: false } => none("minimum"),
            Self::Max { skipna: false } | Self::Ptp => none("maximum"),
            Self::Min { skipna: true } => none("fmin"),
            Self::Max { skipna: true } => none("fmax"),
            Self::ArgMin { .. } => Error::value("attempt to get argmin of an empty sequence"),
            Self::ArgMax { .. } => Error::value("attempt to get argmax of an empty sequence"),
            _ => return None,
        })
    }
}

impl ScanOp {
    /// The running reduction that NumPy calls `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "cumsum" => Self::Sum { skipna: false },
            "cumprod" => Self::Prod { skipna: false },
            "nancumsum" => Self::Sum { skipna: true },
            "nancumprod" => Self::Prod { skipna: true },
            _ => return None,
        })
    }

    /// Its name in NumPy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum { skipna: false } => "cumsum",
            Self::Prod { skipna: false } => "cumprod",
            Self::Sum { skipna: true } => "nancumsum",
            Self::Prod { skipna: true } => "nancumprod",
        }
    }

    /// The reduction of a whole block that a later block carries on from.
    #[must_use]
    pub fn total(self) -> ReduceOp {
        match self {
            Self::Sum { skipna } => ReduceOp::Sum { skipna },
            Self::Prod { skipna } => ReduceOp::Prod { skipna },
        }
    }
}

impl Tokenize for ReduceOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(self.name());
        match *self {
            Self::Var { ddof, .. } | Self::Std { ddof, .. } => {
                t.number(ddof.to_bits());
            }
            Self::Moment { order, ddof } => {
                t.number(u64::from(order)).number(ddof.to_bits());
            }
            _ => {}
        }
    }
}

impl Tokenize for ScanOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(self.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_those_of_numpy() {
        let op = |name: &str| ReduceOp::parse(name, 0.0, 3).expect("known");
        let sums = |elem| op("sum").result(elem, None).expect("sum");
        assert_eq!(
            (sums(Elem::Bool), sums(Elem::I8), sums(Elem::U16)),
            (Elem::I64, Elem::I64, Elem::U64)
        );
        assert_eq!((sums(Elem::F16), sums(Elem::C64)), (Elem::F16, Elem::C64));
        assert_eq!(
            op("prod").result(Elem::F64, Some(Elem::I8)).expect("prod"),
            Elem::I8
        );
        assert_eq!(
            op("prod").input(Elem::F64, Some(Elem::I8)).expect("prod"),
            Elem::I8
        );
        assert_eq!(
            op("sum").input(Elem::I64, Some(Elem::I8)).expect("sum"),
            Elem::I64
        );
        assert_eq!(
            op("sum").input(Elem::F32, Some(Elem::F64)).expect("sum"),
            Elem::F64
        );
        assert_eq!(op("nanmean").result(Elem::I32, None).expect("mean"), Elem::F64);
        assert_eq!(op("mean").result(Elem::F16, None).expect("mean"), Elem::F16);
        assert_eq!(op("std").result(Elem::C64, None).expect("std"), Elem::F32);
        assert_eq!(
            op("var").result(Elem::I8, Some(Elem::F32)).expect("var"),
            Elem::F32
        );
        assert!(op("var").result(Elem::F64, Some(Elem::I64)).is_err());
        assert!(op("ptp").result(Elem::Bool, None).is_err() && op("argmin").result(Elem::Bool, None).is_ok());
        assert_eq!(
            op("moment").state(Elem::F32),
            [Elem::F64, Elem::I64, Elem::F64, Elem::F64]
        );
    }

    #[test]
    fn names_are_read_back_and_empties_are_named_as_in_numpy() {
        for name in "sum prod min max mean var std argmin argmax nansum nanprod nanmin nanmax nanmean nanvar nanstd nanargmin \
                     nanargmax ptp any all count_nonzero moment"
            .split_whitespace()
        {
            assert_eq!(ReduceOp::parse(name, 1.0, 2).expect("known").name(), name);
        }
        assert!(ReduceOp::parse("nanptp", 0.0, 2).is_none() && ReduceOp::parse("moment", 0.0, 1).is_none());
        let error = ReduceOp::Min { skipna: false }.of_nothing().expect("an error");
        assert_eq!(
            error.message(),
            "zero-size array to reduction operation minimum which has no identity"
        );
        assert!(ReduceOp::Any.of_nothing().is_none());
        let std = ReduceOp::parse("std", 1.0, 2).expect("known");
        assert!(
            ReduceOp::parse("mean", 0.0, 2)
                .expect("known")
                .reads_state_of(&std)
        );
    }
}
