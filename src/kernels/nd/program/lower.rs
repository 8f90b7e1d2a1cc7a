//! From expressions to loops: what has no loop of its own is written out in operations that have one.
//!
//! Half floats are computed with as single floats, rounded after every operation, as NumPy does.

use super::{Builder, Def, Val, Word};
use crate::error::{Error, Result};
use crate::nd::Elem;
use crate::op::nd::{NdArg, NdExpr, NdOp, NdScalar, NdValue, resolve};

/// The value of an expression over inputs of these types.
pub(super) fn lower(builder: &mut Builder, expr: &NdExpr, inputs: &[Elem]) -> Result<Val> {
    expr.fold(&mut |expr, children: &[Val]| match expr {
        NdExpr::Input(position) => {
            let elem = inputs
                .get(*position)
                .ok_or_else(|| Error::internal(format!("an expression that reads input {position}")))?;
            Ok(builder.push(Def::Input(*position), *elem, None))
        }
        NdExpr::Const(value) => Ok(builder.scalar(value)),
        NdExpr::Cast(to, _) => builder.cast(*to, children[0]),
        NdExpr::Call(op, _) => {
            let args: Vec<_> = children
                .iter()
                .map(|arg| NdArg::Strong(builder.elem(*arg)))
                .collect();
            let resolved = resolve(*op, &args)?;
            let mut cast = Vec::with_capacity(children.len());
            for (arg, to) in children.iter().zip(resolved.casts) {
                cast.push(builder.cast(to, *arg)?);
            }
            builder.call(*op, &cast, resolved.out)
        }
    })
}

fn is_complex(elem: Elem) -> bool {
    matches!(elem, Elem::C64 | Elem::C128)
}

fn is_whole(elem: Elem) -> bool {
    !is_complex(elem) && !matches!(elem, Elem::F16 | Elem::F32 | Elem::F64)
}

/// Ten to a power, as NumPy computes it for rounding.
fn power_of_ten(exponent: u32) -> f64 {
    if exponent < 9 {
        return f64::from(10u32.pow(exponent));
    }
    (9..exponent).fold(1e9, |power, _| power * 10.0)
}

impl Builder {
    fn scalar(&mut self, scalar: &NdScalar) -> Val {
        let mut word = Word::default();
        let mut put = |at: usize, bytes: &[u8]| word.0[at..at + bytes.len()].copy_from_slice(bytes);
        match (scalar.value, scalar.elem) {
            (NdValue::Bool(value), _) => put(0, &[u8::from(value)]),
            // Narrow integers are the low bytes of wide ones.
            (NdValue::Int(value), _) => put(0, &value.to_ne_bytes()[..]),
            (NdValue::Float(value), Elem::F16) => put(0, &half::f16::from_f64(value).to_ne_bytes()),
            (NdValue::Float(value), Elem::F32) => put(0, &(value as f32).to_ne_bytes()),
            (NdValue::Float(value), _) => put(0, &value.to_ne_bytes()),
            (NdValue::Complex(re, im), Elem::C64) => {
                put(0, &(re as f32).to_ne_bytes());
                put(4, &(im as f32).to_ne_bytes());
            }
            (NdValue::Complex(re, im), _) => {
                put(0, &re.to_ne_bytes());
                put(8, &im.to_ne_bytes());
            }
        }
        let size = scalar.elem.itemsize();
        word.0[size..].fill(0);
        self.push(Def::Const(word), scalar.elem, None)
    }

    /// A number of an inexact type.
    fn float(&mut self, elem: Elem, value: f64) -> Val {
        let value = if is_complex(elem) {
            NdValue::Complex(value, 0.0)
        } else {
            NdValue::Float(value)
        };
        self.scalar(&NdScalar {
            value,
            elem,
            weak: false,
        })
    }

    fn float_of(&self, val: Val) -> Option<f64> {
        let word = self.constant(val)?.0;
        match self.elem(val) {
            Elem::F16 => Some(half::f16::from_ne_bytes([word[0], word[1]]).to_f64()),
            Elem::F32 => Some(f32::from_ne_bytes([word[0], word[1], word[2], word[3]]).into()),
            Elem::F64 => {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&word[..8]);
                Some(f64::from_ne_bytes(bytes))
            }
            _ => None,
        }
    }

    /// `op` on values of the types that its loop wants.
    fn call(&mut self, op: NdOp, args: &[Val], out: Elem) -> Result<Val> {
        let a = *args
            .first()
            .ok_or_else(|| Error::internal("an operation on nothing"))?;
        let elem = self.elem(a);
        let truth = |builder: &mut Self, value: bool| builder.scalar(&NdScalar::bool(value));
        match op {
            NdOp::Positive => return Ok(a),
            NdOp::Conj | NdOp::Real if !is_complex(elem) => return Ok(a),
            NdOp::Imag if is_whole(elem) => {
                let zero = self.scalar(&NdScalar::bool(false));
                return self.cast(elem, zero);
            }
            NdOp::Imag if !is_complex(elem) => return Ok(self.float(elem, 0.0)),
            NdOp::Degrees => return self.call(NdOp::Rad2deg, args, out),
            NdOp::Radians => return self.call(NdOp::Deg2rad, args, out),
            NdOp::Fabs => return self.call(NdOp::Absolute, args, out),
            NdOp::Absolute if matches!(elem, Elem::Bool | Elem::U8 | Elem::U16 | Elem::U32 | Elem::U64) => {
                return Ok(a);
            }
            NdOp::Floor | NdOp::Ceil | NdOp::Trunc if is_whole(elem) => return Ok(a),
            NdOp::Isfinite if is_whole(elem) => return Ok(truth(self, true)),
            NdOp::Isinf | NdOp::Isnan if is_whole(elem) => return Ok(truth(self, false)),
            NdOp::LogicalNot => {
                let a = self.cast(Elem::Bool, a)?;
                return self.direct(NdOp::Invert, &[a], out);
            }
            NdOp::LogicalAnd | NdOp::LogicalOr | NdOp::LogicalXor => {
                let bits = match op {
                    NdOp::LogicalAnd => NdOp::BitwiseAnd,
                    NdOp::LogicalOr => NdOp::BitwiseOr,
                    _ => NdOp::BitwiseXor,
                };
                let (a, b) = (self.cast(Elem::Bool, a)?, self.cast(Elem::Bool, args[1])?);
                return self.direct(bits, &[a, b], out);
            }
            NdOp::Add | NdOp::Maximum | NdOp::Fmax if elem == Elem::Bool => {
                return self.direct(NdOp::BitwiseOr, args, out);
            }
            NdOp::Multiply | NdOp::Minimum | NdOp::Fmin if elem == Elem::Bool => {
                return self.direct(NdOp::BitwiseAnd, args, out);
            }
            NdOp::Fmax if is_whole(elem) => return self.direct(NdOp::Maximum, args, out),
            NdOp::Fmin if is_whole(elem) => return self.direct(NdOp::Minimum, args, out),
            NdOp::Square => return self.call(NdOp::Multiply, &[a, a], out),
            NdOp::Reciprocal if is_whole(elem) => {
                // As C converts 1.0 / x, infinity included.
                let wide = self.cast(Elem::F64, a)?;
                let one = self.float(Elem::F64, 1.0);
                let inverse = self.direct(NdOp::Divide, &[one, wide], Elem::F64)?;
                return self.cast(elem, inverse);
            }
            NdOp::Reciprocal if !is_complex(elem) => {
                let one = self.float(elem, 1.0);
                return self.call(NdOp::Divide, &[one, a], out);
            }
            NdOp::Power if matches!(elem, Elem::F16 | Elem::F32 | Elem::F64) => {
                // NumPy has shortcuts for these, with results of their own at the edges.
                match self.float_of(args[1]) {
                    Some(2.0) => return self.call(NdOp::Multiply, &[a, a], out),
                    Some(0.5) => return self.call(NdOp::Sqrt, &[a], out),
                    _ => {}
                }
            }
            NdOp::Deg2rad | NdOp::Rad2deg if elem != Elem::F16 => {
                let factor = match (op, elem) {
                    (NdOp::Deg2rad, Elem::F32) => f64::from(std::f32::consts::PI / 180.0),
                    (NdOp::Deg2rad, _) => std::f64::consts::PI / 180.0,
                    (_, Elem::F32) => f64::from(180.0 / std::f32::consts::PI),
                    _ => 180.0 / std::f64::consts::PI,
                };
                let factor = self.float(elem, factor);
                return self.direct(NdOp::Multiply, &[a, factor], out);
            }
            NdOp::Angle => {
                let (y, x) = if is_complex(elem) {
                    (
                        self.direct(NdOp::Imag, &[a], out)?,
                        self.direct(NdOp::Real, &[a], out)?,
                    )
                } else {
                    (self.float(out, 0.0), self.cast(out, a)?)
                };
                return self.call(NdOp::Arctan2, &[y, x], out);
            }
            NdOp::Sinc => return self.sinc(a, elem),
            NdOp::Clip => {
                let low = self.call(NdOp::Maximum, &[a, args[1]], out)?;
                return self.call(NdOp::Minimum, &[low, args[2]], out);
            }
            NdOp::Round(decimals) => return self.round(a, elem, decimals, out),
            _ => {}
        }
        self.halves(op, args, out)
    }

    /// Half floats are computed with as single ones, but for what depends on their own bits.
    fn halves(&mut self, op: NdOp, args: &[Val], out: Elem) -> Result<Val> {
        let own = matches!(op, NdOp::Nextafter | NdOp::Spacing | NdOp::Where);
        if own || !args.iter().any(|arg| self.elem(*arg) == Elem::F16) {
            return self.direct(op, args, out);
        }
        let mut wide = Vec::with_capacity(args.len());
        for arg in args {
            wide.push(match self.elem(*arg) {
                Elem::F16 => self.cast(Elem::F32, *arg)?,
                _ => *arg,
            });
        }
        if out == Elem::F16 {
            let made = self.call(op, &wide, Elem::F32)?;
            return self.cast(Elem::F16, made);
        }
        self.call(op, &wide, out)
    }

    /// `sin(pi x) / (pi x)`; at zero, by a value so small that the quotient is 1.
    fn sinc(&mut self, x: Val, elem: Elem) -> Result<Val> {
        let pi = self.float(elem, std::f64::consts::PI);
        let y = self.call(NdOp::Multiply, &[pi, x], elem)?;
        let small = self.float(
            elem,
            match elem {
                Elem::F16 => half::f16::EPSILON.to_f64(),
                Elem::F32 => f32::EPSILON.into(),
                Elem::F64 => f64::EPSILON,
                _ => 1e-20,
            },
        );
        let nonzero = self.cast(Elem::Bool, y)?;
        let y = self.direct(NdOp::Where, &[nonzero, y, small], elem)?;
        let sine = self.call(NdOp::Sin, &[y], elem)?;
        self.call(NdOp::Divide, &[sine, y], elem)
    }

    fn round(&mut self, a: Val, elem: Elem, decimals: i32, out: Elem) -> Result<Val> {
        if is_complex(elem) {
            let part = if elem == Elem::C64 { Elem::F32 } else { Elem::F64 };
            let mut parts = [a; 2];
            for (slot, op) in parts.iter_mut().zip([NdOp::Real, NdOp::Imag]) {
                let value = self.direct(op, &[a], part)?;
                *slot = self.round(value, part, decimals, part)?;
            }
            return self.direct(NdOp::MakeComplex, &parts, out);
        }
        if elem == Elem::Bool {
            let wide = self.cast(Elem::F16, a)?;
            return self.call(NdOp::Rint, &[wide], out);
        }
        if is_whole(elem) {
            if decimals >= 0 {
                return Ok(a);
            }
            let wide = self.cast(Elem::F64, a)?;
            let rounded = self.round(wide, Elem::F64, decimals, Elem::F64)?;
            return self.cast(elem, rounded);
        }
        if decimals == 0 {
            return self.call(NdOp::Rint, &[a], elem);
        }
        let factor = power_of_ten(decimals.unsigned_abs());
        let factor = self.float(elem, factor);
        let (before, after) = if decimals > 0 {
            (NdOp::Multiply, NdOp::Divide)
        } else {
            (NdOp::Divide, NdOp::Multiply)
        };
        let scaled = self.call(before, &[a, factor], elem)?;
        let whole = self.call(NdOp::Rint, &[scaled], elem)?;
        self.call(after, &[whole, factor], elem)
    }
}
