//! Elementwise expressions over blocks: what a node of arrays computes for each element.
//!
//! Invariants: trees are immutable and shared (`Arc`); in a tree that [`NdExpr::call`] built, every argument of an operation
//! has exactly the type of the loop that runs, casts are nodes of their own, and no constant is weak. Subtrees that are
//! shared are visited once, and without recursion, so that neither deep chains nor doubling ones hurt.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::resolve::{NdArg, Resolved, resolve};
use super::scalar::{NdScalar, NdValue, int_bounds};
use super::table::NdOp;
use crate::error::{Error, Result};
use crate::nd::Elem;
use crate::token::{Token, Tokenize, Tokenizer};

/// An expression that gives one value for each element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NdExpr {
    /// The elements of an input, by position.
    Input(usize),
    /// One value for all elements.
    Const(NdScalar),
    /// An operation on other expressions.
    Call(NdOp, Vec<Arc<NdExpr>>),
    /// The values as another type, as `ndarray.astype` converts them.
    Cast(Elem, Arc<NdExpr>),
}

impl NdExpr {
    /// An input.
    #[must_use]
    pub fn input(position: usize) -> Arc<Self> {
        Arc::new(Self::Input(position))
    }

    /// A constant.
    #[must_use]
    pub fn constant(value: NdScalar) -> Arc<Self> {
        Arc::new(Self::Const(value))
    }

    /// `expr` as type `to`, which it isn't yet.
    #[must_use]
    pub fn cast(to: Elem, expr: Arc<Self>) -> Arc<Self> {
        Arc::new(Self::Cast(to, expr))
    }

    /// `op` on `args` of these types, with the casts that NumPy's promotion asks for. Constants know their types
    /// themselves.
    ///
    /// # Errors
    /// When NumPy has no loop for the types, or a Python integer doesn't fit into the type it meets.
    pub fn call(op: NdOp, args: Vec<Arc<Self>>, types: &[NdArg]) -> Result<Arc<Self>> {
        if args.len() != types.len() {
            return Err(Error::internal("an operation on as many types as arguments"));
        }
        let types: Vec<NdArg> = args
            .iter()
            .zip(types)
            .map(|(arg, given)| match &**arg {
                Self::Const(value) => value.arg(),
                _ => *given,
            })
            .collect();
        let Resolved { casts, .. } = resolve(op, &types)?;
        if op.is_comparison()
            && let Some(known) = Self::known_comparison(op, &args, &types)?
        {
            return Ok(known);
        }
        let mut cast = Vec::with_capacity(args.len());
        for (at, ((arg, own), to)) in args.into_iter().zip(&types).zip(casts).enumerate() {
            cast.push(match &*arg {
                Self::Const(value) => {
                    let value = Self::fitting(op, at, value, to, &types);
                    match value.cast(to)? {
                        Some(value) => Self::constant(value),
                        None => Self::cast(to, arg),
                    }
                }
                _ if own.own() == to => arg,
                _ => Self::cast(to, arg),
            });
        }
        Ok(Arc::new(Self::Call(op, cast)))
    }

    /// [`Self::call`] where the types of the arguments follow from those of the inputs.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_over(op: NdOp, args: Vec<Arc<Self>>, inputs: &[Elem]) -> Result<Arc<Self>> {
        let types: Result<Vec<NdArg>> = args.iter().map(|arg| arg.arg(inputs)).collect();
        Self::call(op, args, &types?)
    }

    /// What NumPy makes of Python's integers that don't fit where it makes no error of them: `where` wraps them around,
    /// and bounds of `clip` beyond the type bound nothing.
    fn fitting(op: NdOp, at: usize, value: &NdScalar, to: Elem, types: &[NdArg]) -> NdScalar {
        let (NdValue::Int(int), Some((min, max))) = (value.value, int_bounds(to)) else {
            return *value;
        };
        match (op, at) {
            (NdOp::Where, 1 | 2) if (i64::MIN.into()..=u64::MAX.into()).contains(&int) => {
                NdScalar::int((int - min).rem_euclid(max - min + 1) + min)
            }
            (NdOp::Clip, 1 | 2) if !matches!(types[0], NdArg::Strong(Elem::Bool)) => match at {
                1 => NdScalar::int(int.max(min)),
                _ => NdScalar::int(int.min(max)),
            },
            _ => *value,
        }
    }

    /// A comparison of integers with a Python integer beyond their type: the answer is the same for all.
    fn known_comparison(op: NdOp, args: &[Arc<Self>], types: &[NdArg]) -> Result<Option<Arc<Self>>> {
        for (at, arg) in args.iter().enumerate() {
            let (Self::Const(value), NdArg::Strong(elem)) = (&**arg, types[1 - at]) else {
                continue;
            };
            let beyond = value.beyond(elem);
            if !value.weak || beyond == 0 {
                continue;
            }
            let order = if at == 1 { -beyond } else { beyond };
            let holds = match op {
                NdOp::Greater | NdOp::GreaterEqual => order > 0,
                NdOp::Less | NdOp::LessEqual => order < 0,
                NdOp::NotEqual => true,
                _ => false,
            };
            let greatest = int_bounds(elem).map_or(0, |(_, max)| max);
            let greatest = Self::constant(NdScalar::strong(elem, NdValue::Int(greatest))?);
            let always = if holds { NdOp::LessEqual } else { NdOp::Greater };
            return Ok(Some(Arc::new(Self::Call(
                always,
                vec![args[1 - at].clone(), greatest],
            ))));
        }
        Ok(None)
    }

    /// What it is computed from directly.
    #[must_use]
    pub fn children(&self) -> &[Arc<Self>] {
        match self {
            Self::Input(_) | Self::Const(_) => &[],
            Self::Call(_, args) => args,
            Self::Cast(_, arg) => std::slice::from_ref(arg),
        }
    }

    /// Calls `visit` for every distinct subtree, children first, with what it answered for them.
    ///
    /// # Errors
    /// What `visit` reports.
    pub fn fold<T: Clone>(&self, visit: &mut dyn FnMut(&Self, &[T]) -> Result<T>) -> Result<T> {
        let mut known: HashMap<*const Self, T> = HashMap::new();
        let mut waiting: Vec<&Self> = vec![self];
        let mut answers = Vec::new();
        while let Some(expr) = waiting.last().copied() {
            let before = waiting.len();
            if !known.contains_key(&std::ptr::from_ref(expr)) {
                answers.clear();
                for child in expr.children() {
                    match known.get(&Arc::as_ptr(child)) {
                        Some(answer) => answers.push(answer.clone()),
                        None => waiting.push(child),
                    }
                }
                if waiting.len() > before {
                    continue;
                }
                let answer = visit(expr, &answers)?;
                known.insert(expr, answer);
            }
            waiting.pop();
        }
        known
            .remove(&std::ptr::from_ref(self))
            .ok_or_else(|| Error::internal("an expression without a root"))
    }

    /// The type of its values, for inputs of these types.
    ///
    /// # Errors
    /// When it reads an input that isn't there, or wasn't built by [`Self::call`].
    pub fn infer(&self, inputs: &[Elem]) -> Result<Elem> {
        self.fold(&mut |expr, children: &[Elem]| match expr {
            Self::Input(position) => inputs
                .get(*position)
                .copied()
                .ok_or_else(|| Error::internal(format!("an expression that reads input {position}"))),
            Self::Const(value) => Ok(value.elem),
            Self::Cast(to, _) => Ok(*to),
            Self::Call(op, _) => {
                let args: Vec<_> = children.iter().map(|elem| NdArg::Strong(*elem)).collect();
                Ok(resolve(*op, &args)?.out)
            }
        })
    }

    /// Its type as an argument of an operation.
    ///
    /// # Errors
    /// As [`Self::infer`].
    pub fn arg(&self, inputs: &[Elem]) -> Result<NdArg> {
        match self {
            Self::Const(value) => Ok(value.arg()),
            other => Ok(NdArg::Strong(other.infer(inputs)?)),
        }
    }

    /// `self` with each input replaced by the expression that `replace` gives for it.
    #[must_use]
    pub fn map_inputs(self: &Arc<Self>, replace: &mut dyn FnMut(usize) -> Arc<Self>) -> Arc<Self> {
        let changed = self.fold(&mut |expr, children: &[Option<Arc<Self>>]| {
            let fresh = || -> Option<Vec<Arc<Self>>> {
                children.iter().any(Option::is_some).then(|| {
                    let pairs = children.iter().zip(expr.children());
                    pairs
                        .map(|(new, old)| new.as_ref().unwrap_or(old).clone())
                        .collect()
                })
            };
            Ok(match expr {
                Self::Input(position) => Some(replace(*position)),
                Self::Const(_) => None,
                Self::Call(op, _) => fresh().map(|args| Arc::new(Self::Call(*op, args))),
                Self::Cast(to, _) => fresh()
                    .and_then(|args| args.into_iter().next())
                    .map(|arg| Self::cast(*to, arg)),
            })
        });
        changed.ok().flatten().unwrap_or_else(|| self.clone())
    }

    /// The positions of the inputs that it reads.
    #[must_use]
    pub fn inputs(&self) -> BTreeSet<usize> {
        let mut inputs = BTreeSet::new();
        let _ = self.fold(&mut |expr, _: &[()]| {
            if let Self::Input(position) = expr {
                inputs.insert(*position);
            }
            Ok(())
        });
        inputs
    }

    /// The number of distinct operations and casts in it.
    #[must_use]
    pub fn size(&self) -> usize {
        let mut size = 0;
        let _ = self.fold(&mut |expr, _: &[()]| {
            size += usize::from(!expr.children().is_empty());
            Ok(())
        });
        size
    }
}

impl Tokenize for NdOp {
    fn tokenize(&self, t: &mut Tokenizer) {
        t.text(self.name());
        if let Self::Round(decimals) = self {
            t.number(u64::from(decimals.cast_unsigned()));
        }
    }
}

impl Tokenize for NdExpr {
    fn tokenize(&self, t: &mut Tokenizer) {
        let token = self.fold(&mut |expr, children: &[Token]| {
            let mut t = Tokenizer::new();
            match expr {
                Self::Input(position) => {
                    t.number(0).number(*position as u64);
                }
                Self::Const(value) => {
                    t.number(1);
                    value.tokenize(&mut t);
                }
                Self::Call(op, _) => {
                    t.number(2);
                    op.tokenize(&mut t);
                }
                Self::Cast(to, _) => {
                    t.number(3).text(to.name());
                }
            }
            children.iter().for_each(|child| {
                t.token(*child);
            });
            Ok(t.finish())
        });
        if let Ok(token) = token {
            t.token(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn typed(op: NdOp, a: Elem, value: NdScalar) -> Result<(Elem, Arc<NdExpr>)> {
        let expr = NdExpr::call_over(op, vec![NdExpr::input(0), NdExpr::constant(value)], &[a])?;
        Ok((expr.infer(&[a])?, expr))
    }

    #[test]
    fn casts_are_written_out() {
        let (elem, expr) = typed(NdOp::Add, Elem::U8, NdScalar::int(1)).unwrap();
        assert_eq!(elem, Elem::U8);
        let one = NdScalar::strong(Elem::U8, NdValue::Int(1)).unwrap();
        assert_eq!(
            *expr,
            NdExpr::Call(NdOp::Add, vec![NdExpr::input(0), NdExpr::constant(one)])
        );
        let (elem, expr) = typed(NdOp::Divide, Elem::I8, NdScalar::int(1)).unwrap();
        assert_eq!(elem, Elem::F64);
        assert!(matches!(&*expr.children()[0].clone(), NdExpr::Cast(Elem::F64, _)));
        assert_eq!(
            typed(NdOp::Add, Elem::Bool, NdScalar::float(1.5)).unwrap().0,
            Elem::F64
        );
        assert_eq!(
            typed(NdOp::Multiply, Elem::F32, NdScalar::float(0.1)).unwrap().0,
            Elem::F32
        );
        assert_eq!(expr.size(), 2);
    }

    #[test]
    fn integers_of_python_fit_or_fail_as_in_numpy() {
        let error = typed(NdOp::Add, Elem::U8, NdScalar::int(300)).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Overflow, "Python integer 300 out of bounds for uint8")
        );
        assert!(typed(NdOp::Less, Elem::U8, NdScalar::int(300)).is_ok());
        assert!(typed(NdOp::Less, Elem::Bool, NdScalar::int(1 << 70)).is_err());
        let (_, wrapped) = (
            0,
            NdExpr::call(
                NdOp::Where,
                vec![
                    NdExpr::input(0),
                    NdExpr::input(1),
                    NdExpr::constant(NdScalar::int(300)),
                ],
                &[NdArg::Strong(Elem::Bool), NdArg::Strong(Elem::U8), NdArg::WeakInt],
            ),
        );
        let NdExpr::Const(value) = &*wrapped.unwrap().children()[2].clone() else {
            panic!()
        };
        assert_eq!(value.value, NdValue::Int(44));
    }

    #[test]
    fn inputs_are_replaced_and_tokens_tell() {
        let sum = NdExpr::call_over(
            NdOp::Add,
            vec![NdExpr::input(0), NdExpr::input(1)],
            &[Elem::F64; 2],
        )
        .unwrap();
        let mut deep = sum.clone();
        for _ in 0..200 {
            // Doubles each time: only shared subtrees keep this small.
            deep = deep.map_inputs(&mut |_| sum.clone());
        }
        assert_eq!(deep.size(), 201);
        assert_eq!(deep.infer(&[Elem::F64; 2]).unwrap(), Elem::F64);
        assert_eq!(deep.inputs().into_iter().collect::<Vec<_>>(), [0, 1]);
        let swapped = sum.map_inputs(&mut |at| NdExpr::input(1 - at));
        assert_ne!(sum.token(), swapped.token());
        assert_eq!(
            sum.token(),
            swapped.map_inputs(&mut |at| NdExpr::input(1 - at)).token()
        );
    }
}
