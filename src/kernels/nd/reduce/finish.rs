//! Results of states, rounded once to the type of the result.

use num_complex::Complex;

use super::arg::NOWHERE;
use super::merge::{counts, shared_count};
use crate::chunk::ArrayChunk;
use crate::error::{Error, Result};
use crate::kernels::nd::copy::dense;
use crate::kernels::nd::memory::buffer_of;
use crate::kernels::nd::number::{Arith, Number, Plain, values};
use crate::nd::{Elem, NdDtype};
use crate::op::nd_reduce::ReduceOp;
use crate::{dispatch_elem, dispatch_number};

/// The result of a state, of type `out`. The state may be that of another reduction that [`ReduceOp::reads_state_of`] names.
///
/// # Errors
/// When a minimum, maximum or place of nothing is asked for, or the state is of another reduction.
pub fn finish(op: ReduceOp, state: &[ArrayChunk], out: Elem) -> Result<ArrayChunk> {
    let state: Vec<ArrayChunk> = state
        .iter()
        .enumerate()
        .map(|(i, chunk)| match i {
            // Counts may be one for all.
            1 if shared_count(chunk).is_some() => Ok(chunk.clone()),
            _ => dense(chunk),
        })
        .collect::<Result<_>>()?;
    let first = state.first().ok_or_else(|| Error::internal("an empty state"))?;
    let block = |index: usize| {
        state
            .get(index)
            .ok_or_else(|| Error::internal("a state without its parts"))
    };
    let elem = first
        .dtype
        .elem()
        .ok_or_else(|| Error::internal("a state without numbers"))?;
    let shape = &first.shape;
    let wrong = || {
        Err(Error::internal(format!(
            "a state of {} in {}",
            op.name(),
            elem.name()
        )))
    };
    match op {
        ReduceOp::Sum { .. }
        | ReduceOp::Prod { .. }
        | ReduceOp::CountNonzero
        | ReduceOp::Any
        | ReduceOp::All => {
            dispatch_number!(elem, T => cast(values::<T>(first)?.iter().copied(), shape, out), _ => wrong())
        }
        ReduceOp::Min { .. } | ReduceOp::Max { .. } => {
            seen(op, block(1)?)?;
            dispatch_number!(elem, T => cast(values::<T>(first)?.iter().copied(), shape, out), _ => wrong())
        }
        ReduceOp::Ptp => {
            seen(op, block(2)?)?;
            dispatch_number!(elem, T => {
                let (min, max) = (values::<T>(first)?, values::<T>(block(1)?)?);
                cast(max.iter().zip(min).map(|(max, min)| <T as Spanned>::span(*max, *min)), shape, out)
            }, _ => wrong())
        }
        ReduceOp::ArgMin { skipna } | ReduceOp::ArgMax { skipna } => {
            let numbers = values::<i64>(block(1)?)?;
            if numbers.contains(&NOWHERE) {
                let none = op.of_nothing().unwrap_or_else(|| Error::internal("no place"));
                return Err(if skipna {
                    Error::value("All-NaN slice encountered")
                } else {
                    none
                });
            }
            cast(numbers.iter().copied(), shape, out)
        }
        ReduceOp::Mean { .. } => {
            let counts = counts(block(1)?)?;
            match elem {
                Elem::F64 => cast(
                    values::<f64>(first)?
                        .iter()
                        .zip(&counts)
                        .map(|(sum, count)| sum / *count as f64),
                    shape,
                    out,
                ),
                Elem::C128 => cast(
                    values::<Complex<f64>>(first)?
                        .iter()
                        .zip(&counts)
                        .map(|(sum, count)| sum / *count as f64),
                    shape,
                    out,
                ),
                _ => wrong(),
            }
        }
        ReduceOp::Var { skipna, ddof } | ReduceOp::Std { skipna, ddof } => {
            let root = matches!(op, ReduceOp::Std { .. });
            let counts = counts(block(1)?)?;
            let var = values::<f64>(block(2)?)?
                .iter()
                .zip(&counts)
                .map(|(squares, count)| {
                    let degrees = *count as f64 - ddof;
                    let var = if skipna && degrees <= 0.0 {
                        f64::NAN
                    } else {
                        squares / degrees.max(0.0)
                    };
                    if root { var.sqrt() } else { var }
                });
            cast(var, shape, out)
        }
        ReduceOp::Moment { order, ddof } => {
            let counts = counts(block(1)?)?;
            let moment = values::<f64>(block(order as usize)?)?
                .iter()
                .zip(&counts)
                .map(|(powers, count)| {
                    let degrees = *count as f64 - ddof;
                    if degrees < 0.0 { f64::NAN } else { powers / degrees }
                });
            cast(moment, shape, out)
        }
    }
}

/// Sees to it that each result comes from something.
fn seen(op: ReduceOp, count: &ArrayChunk) -> Result<()> {
    if count.size() > 0 && counts(count)?.contains(&0) {
        return Err(op
            .of_nothing()
            .unwrap_or_else(|| Error::internal("a result of nothing")));
    }
    Ok(())
}

/// The difference as NumPy computes it.
trait Spanned: Number {
    fn span(max: Self, min: Self) -> Self;
}

macro_rules! spanned {
    ($($t:ty: |$max:ident, $min:ident| $span:expr),* $(,)?) => { $(
        impl Spanned for $t {
            fn span($max: Self, $min: Self) -> Self { $span }
        }
    )* };
}
spanned!(
    i8: |a, b| a.wrapping_sub(b),
    i16: |a, b| a.wrapping_sub(b),
    i32: |a, b| a.wrapping_sub(b),
    i64: |a, b| a.wrapping_sub(b),
    u8: |a, b| a.wrapping_sub(b),
    u16: |a, b| a.wrapping_sub(b),
    u32: |a, b| a.wrapping_sub(b),
    u64: |a, b| a.wrapping_sub(b),
    f32: |a, b| a - b,
    f64: |a, b| a - b,
    Complex<f32>: |a, b| a - b,
    Complex<f64>: |a, b| a - b,
);

/// A value of a state that becomes a value of a result.
pub(super) trait Ending: Plain + Arith {
    /// As a whole number; wraps around.
    fn whole(self) -> i64;
    /// As a real number.
    fn real(self) -> f64;
    /// As a complex number.
    fn complex(self) -> Complex<f64> {
        Complex::new(self.real(), 0.0)
    }
}

macro_rules! endings {
    ($($t:ty),*) => { $(
        impl Ending for $t {
            fn whole(self) -> i64 { self as i64 }
            fn real(self) -> f64 { self as f64 }
        }
    )* };
}
endings!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

impl Ending for Complex<f64> {
    fn whole(self) -> i64 {
        self.re as i64
    }
    fn real(self) -> f64 {
        self.re
    }
    fn complex(self) -> Complex<f64> {
        self
    }
}

impl Ending for Complex<f32> {
    fn whole(self) -> i64 {
        self.re as i64
    }
    fn real(self) -> f64 {
        f64::from(self.re)
    }
    fn complex(self) -> Complex<f64> {
        Complex::new(f64::from(self.re), f64::from(self.im))
    }
}

/// A dense block of type `out` of the values.
pub(super) fn cast<V: Ending>(
    values: impl Iterator<Item = V>,
    shape: &[usize],
    out: Elem,
) -> Result<ArrayChunk> {
    let buffer = dispatch_elem!(
        [I8 => i8, I16 => i16, I32 => i32, I64 => i64, U8 => u8, U16 => u16, U32 => u32, U64 => u64],
        out,
        T => buffer_of(values.map(|value| value.whole() as T).collect::<Vec<T>>()),
        _ => match out {
            Elem::Bool => buffer_of(values.map(|value| u8::from(value != V::ZERO)).collect::<Vec<u8>>()),
            Elem::F16 => buffer_of(
                values.map(|value| half::f16::from_f64(value.real()).to_bits()).collect::<Vec<u16>>()
            ),
            Elem::F32 => buffer_of(values.map(|value| value.real() as f32).collect::<Vec<f32>>()),
            Elem::F64 => buffer_of(values.map(Ending::real).collect::<Vec<f64>>()),
            Elem::C64 => buffer_of(values.map(|value| {
                let value = value.complex();
                Complex::new(value.re as f32, value.im as f32)
            }).collect::<Vec<Complex<f32>>>()),
            _ => buffer_of(values.map(Ending::complex).collect::<Vec<Complex<f64>>>()),
        }
    );
    ArrayChunk::dense(NdDtype::Num(out), shape.to_vec(), buffer)
}
