//! Which loop runs for which arguments: NumPy 2's promotion, with Python's own numbers weak (NEP 50).

use super::table::{NdOp, elem};
use crate::error::{Error, Result};
use crate::nd::Elem;

/// The type of an argument, as far as promotion asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NdArg {
    /// An array, or a scalar of NumPy's.
    Strong(Elem),
    /// Python's bool, which counts as NumPy's.
    WeakBool,
    /// Python's int: takes the type of the others.
    WeakInt,
    /// Python's float: takes the type of the others when they are inexact.
    WeakFloat,
    /// Python's complex: takes the precision of the others when they are inexact.
    WeakComplex,
}

/// The loop that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What each argument is cast to first.
    pub casts: Vec<Elem>,
    /// The type of the result.
    pub out: Elem,
}

/// What kind of number, in the order in which one contains another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Bool,
    Int,
    Float,
    Complex,
}

fn group(elem: Elem) -> Group {
    match elem {
        Elem::Bool => Group::Bool,
        Elem::F16 | Elem::F32 | Elem::F64 => Group::Float,
        Elem::C64 | Elem::C128 => Group::Complex,
        _ => Group::Int,
    }
}

/// Whether every value of `from` is one of `to`, as NumPy's "safe" casting sees it.
#[must_use]
pub fn can_cast_safely(from: Elem, to: Elem) -> bool {
    use Elem as E;
    if from == to || from == E::Bool {
        return true;
    }
    let signed = |elem| matches!(elem, E::I8 | E::I16 | E::I32 | E::I64);
    // The widest integer that a float holds; 64 bits count as fitting into 64.
    let holds = |elem| match elem {
        E::F16 => 1,
        E::F32 | E::C64 => 2,
        _ => 8,
    };
    match (group(from), group(to)) {
        (Group::Int, Group::Int) => match (signed(from), signed(to)) {
            (true, false) => false,
            (false, true) => from.itemsize() < to.itemsize(),
            _ => from.itemsize() <= to.itemsize(),
        },
        (Group::Int, Group::Float | Group::Complex) => from.itemsize() <= holds(to),
        (Group::Float, Group::Complex) => from.itemsize() * 2 <= to.itemsize(),
        (a, b) => a == b && from.itemsize() <= to.itemsize(),
    }
}

/// The type that holds what both hold, as `numpy.promote_types`.
#[must_use]
pub fn promote(a: Elem, b: Elem) -> Elem {
    // Narrow types first, so that the first that fits is the least.
    const BY_SIZE: [Elem; 14] = [
        Elem::Bool,
        Elem::I8,
        Elem::U8,
        Elem::I16,
        Elem::U16,
        Elem::I32,
        Elem::U32,
        Elem::I64,
        Elem::U64,
        Elem::F16,
        Elem::F32,
        Elem::F64,
        Elem::C64,
        Elem::C128,
    ];
    let fits = |to: &Elem| can_cast_safely(a, *to) && can_cast_safely(b, *to);
    BY_SIZE.into_iter().find(fits).unwrap_or(Elem::C128)
}

impl NdArg {
    fn group(self) -> Group {
        match self {
            Self::Strong(elem) => group(elem),
            Self::WeakBool => Group::Bool,
            Self::WeakInt => Group::Int,
            Self::WeakFloat => Group::Float,
            Self::WeakComplex => Group::Complex,
        }
    }

    /// The type that a value of it has on its own.
    #[must_use]
    pub fn own(self) -> Elem {
        match self {
            Self::Strong(elem) => elem,
            Self::WeakBool => Elem::Bool,
            Self::WeakInt => Elem::I64,
            Self::WeakFloat => Elem::F64,
            Self::WeakComplex => Elem::C128,
        }
    }

    fn is_strong(self) -> bool {
        matches!(self, Self::Strong(_) | Self::WeakBool)
    }

    fn fits(self, to: Elem) -> bool {
        if self.is_strong() {
            can_cast_safely(self.own(), to)
        } else {
            self.group() <= group(to)
        }
    }

    /// How NumPy's messages call its type.
    fn class(self) -> String {
        let name = match self {
            Self::WeakInt => "_PyLongDType".to_owned(),
            Self::WeakFloat => "_PyFloatDType".to_owned(),
            Self::WeakComplex => "_PyComplexDType".to_owned(),
            _ => {
                let name = self.own().name();
                let (head, tail) = name.split_at(if name.starts_with("ui") { 2 } else { 1 });
                format!("{}{tail}DType", head.to_uppercase())
            }
        };
        format!("<class 'numpy.dtypes.{name}'>")
    }
}

/// The common type of some arguments.
#[must_use]
pub fn common(args: &[NdArg]) -> Elem {
    strengthen(args)
        .into_iter()
        .map(|arg| match arg {
            // What is still weak fits into the others or has a place beside them.
            NdArg::WeakInt | NdArg::WeakFloat => Elem::Bool,
            NdArg::WeakComplex => Elem::C64,
            arg => arg.own(),
        })
        .fold(Elem::Bool, promote)
}

/// Weak arguments of a higher kind than all others become what Python's number is on its own.
fn strengthen(args: &[NdArg]) -> Vec<NdArg> {
    let top = args
        .iter()
        .filter(|arg| arg.is_strong())
        .map(|arg| arg.group())
        .max();
    let all_weak = !args.iter().any(|arg| matches!(arg, NdArg::Strong(_)));
    let own = |arg: &NdArg| match (arg, top) {
        (arg, _) if arg.is_strong() || all_weak => NdArg::Strong(arg.own()),
        (NdArg::WeakInt, Some(Group::Bool))
        | (NdArg::WeakFloat | NdArg::WeakComplex, Some(Group::Bool | Group::Int)) => NdArg::Strong(arg.own()),
        _ => *arg,
    };
    args.iter().map(own).collect()
}

fn loop_for(op: NdOp, fits: impl Fn(usize, Elem) -> bool) -> Option<Resolved> {
    op.loops().split(' ').find_map(|signature| {
        let (args, out) = signature.split_once('>')?;
        let casts: Vec<Elem> = args.bytes().filter_map(elem).collect();
        let out = elem(*out.as_bytes().first()?)?;
        let all = casts.iter().enumerate().all(|(at, to)| fits(at, *to));
        all.then_some(Resolved { casts, out })
    })
}

/// The loop of `op` for arguments of these types.
///
/// # Errors
/// A [`crate::error::Kind::Type`] error with NumPy's words when it has no loop for them.
pub fn resolve(op: NdOp, args: &[NdArg]) -> Result<Resolved> {
    if args.len() != op.arity() {
        return Err(Error::type_(format!(
            "{} takes {} arguments, not {}",
            op.name(),
            op.arity(),
            args.len()
        )));
    }
    let exactly = |to: Elem| loop_for(op, |_, elem| elem == to);
    let found = match op {
        NdOp::LogicalAnd | NdOp::LogicalOr | NdOp::LogicalXor => match args {
            [NdArg::Strong(a), NdArg::Strong(b)] if a == b => exactly(*a),
            _ => exactly(Elem::Bool),
        },
        NdOp::Divide if args.iter().all(|arg| arg.group() <= Group::Int) => exactly(Elem::F64),
        NdOp::Subtract if args.iter().all(|arg| arg.group() == Group::Bool) => {
            return Err(Error::type_(
                "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` operator, or \
                 the logical_xor function instead.",
            ));
        }
        NdOp::Negative if args[0].group() == Group::Bool => {
            return Err(Error::type_(
                "The numpy boolean negative, the `-` operator, is not supported, use the `~` operator or the \
                 logical_not function instead.",
            ));
        }
        NdOp::Positive | NdOp::Sign if args[0].group() == Group::Bool => None,
        NdOp::Gcd | NdOp::Lcm if args.iter().all(|arg| arg.group() == Group::Bool) => None,
        NdOp::Round(decimals) if args[0].group() == Group::Bool && decimals != 0 => {
            return Err(Error::type_(format!(
                "Cannot cast ufunc '{}' output from dtype('float64') to dtype('bool') with casting rule 'same_kind'",
                if decimals > 0 { "multiply" } else { "divide" }
            )));
        }
        // These are functions of Python, which turn whole numbers into float64.
        NdOp::I0 | NdOp::Sinc if args[0].group() <= Group::Int => exactly(Elem::F64),
        NdOp::I0 if args[0].group() == Group::Complex => {
            return Err(Error::type_("i0 not supported for complex values"));
        }
        NdOp::Where => {
            let to = common(&args[1..]);
            loop_for(op, |at, elem| elem == if at == 0 { Elem::Bool } else { to })
        }
        _ => {
            let args = strengthen(args);
            loop_for(op, |at, elem| args[at].fits(elem))
        }
    };
    found.ok_or_else(|| no_loop(op, args))
}

fn no_loop(op: NdOp, args: &[NdArg]) -> Error {
    if matches!(op, NdOp::Positive | NdOp::Sign | NdOp::Gcd | NdOp::Lcm) {
        let classes: Vec<_> = args.iter().map(|arg| arg.class()).collect();
        let classes = match classes.as_slice() {
            [one] => one.clone(),
            all => format!("({})", all.join(", ")),
        };
        return Error::type_(format!(
            "ufunc '{}' did not contain a loop with signature matching types {classes} -> None",
            op.name()
        ));
    }
    let name = match op {
        NdOp::FrexpMantissa | NdOp::FrexpExponent => "frexp",
        NdOp::ModfFrac | NdOp::ModfInt => "modf",
        op => op.name(),
    };
    Error::type_(format!(
        "ufunc '{name}' not supported for the input types, and the inputs could not be safely coerced to any supported \
         types according to the casting rule ''safe''"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of `numpy.ufunc.resolve_dtypes`: for each operation, one group of letters for each combination of the
    /// arguments below, dashes where NumPy has no loop.
    const ANSWERS: &str = include_str!("resolve_numpy.txt");

    fn args() -> Vec<NdArg> {
        let letters = "?bhilBHILefdFD".bytes().filter_map(elem).map(NdArg::Strong);
        letters
            .chain([NdArg::WeakInt, NdArg::WeakFloat, NdArg::WeakComplex])
            .collect()
    }

    fn letter(wanted: Elem) -> char {
        let found = "?bhilBHILefdFD"
            .bytes()
            .find(|letter| elem(*letter) == Some(wanted));
        char::from(found.unwrap())
    }

    #[test]
    fn loops_are_those_of_numpy() {
        let args = args();
        let mut seen = 0;
        for line in ANSWERS.lines() {
            let (name, answers) = line.split_once(' ').unwrap();
            let op = NdOp::parse(name).unwrap_or_else(|| panic!("{name}"));
            let width = op.arity() + 1;
            let combinations = args.len().pow(op.arity() as u32);
            assert_eq!(answers.len(), combinations * width, "{name}");
            for number in 0..combinations {
                let mut rest = number;
                let mut own = vec![NdArg::WeakInt; op.arity()];
                for arg in own.iter_mut().rev() {
                    *arg = args[rest % args.len()];
                    rest /= args.len();
                }
                let answer = match resolve(op, &own) {
                    Ok(found) => found
                        .casts
                        .iter()
                        .chain([&found.out])
                        .map(|e| letter(*e))
                        .collect(),
                    Err(_) => "-".repeat(width),
                };
                assert_eq!(answer, answers[number * width..][..width], "{name} of {own:?}");
                seen += 1;
            }
        }
        assert!(seen > 10_000, "{seen}");
    }

    #[test]
    fn refusals_are_in_words_of_numpy() {
        let bools = [NdArg::Strong(Elem::Bool); 2];
        let text = |op, args: &[NdArg]| resolve(op, args).unwrap_err().message().to_owned();
        assert!(text(NdOp::Subtract, &bools).starts_with("numpy boolean subtract"));
        assert_eq!(
            text(NdOp::Gcd, &bools),
            "ufunc 'gcd' did not contain a loop with signature matching types (<class 'numpy.dtypes.BoolDType'>, <class \
             'numpy.dtypes.BoolDType'>) -> None"
        );
        assert!(text(NdOp::ModfInt, &[NdArg::Strong(Elem::C64)]).starts_with("ufunc 'modf' not supported"));
    }
}
