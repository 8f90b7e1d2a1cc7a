//! Programs over tiles: an elementwise expression compiled to loops and registers, run over strided and broadcast blocks.
//!
//! Covers the form of a program; `lower` makes it of an expression, `run` executes it. Invariants: a step reads what steps
//! before it made (single assignment); equal steps are one; what doesn't depend on an input is computed when compiling; a
//! register is written again only after the last read of what it held; the last step writes the result.

mod lower;
mod run;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;

use super::ops::lane::{Loop, Outcome, Src};
use super::ops::{self, cast};
use crate::error::{Error, Result};
use crate::nd::Elem;
use crate::op::nd::{NdExpr, NdOp};

/// A value that a program makes, reads or holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Val(u32);

/// The bytes of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(C, align(16))]
struct Word([u8; 16]);

impl Word {
    fn src(&self) -> Src {
        Src {
            ptr: self.0.as_ptr(),
            one: true,
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Def {
    Input(usize),
    Const(Word),
    Call(NdOp, [Val; 3], usize),
    Cast(Val),
    Copy(Val),
}

/// Values in the making.
#[derive(Debug, Default)]
struct Builder {
    defs: Vec<(Def, Elem)>,
    loops: Vec<Option<Loop>>,
    known: HashMap<(Def, Elem), Val>,
}

impl Builder {
    fn elem(&self, val: Val) -> Elem {
        self.defs[val.0 as usize].1
    }

    fn constant(&self, val: Val) -> Option<&Word> {
        match &self.defs[val.0 as usize].0 {
            Def::Const(word) => Some(word),
            _ => None,
        }
    }

    /// The value of a definition; an equal one that was asked for before is reused, and constants are computed.
    fn push(&mut self, def: Def, elem: Elem, run: Option<Loop>) -> Val {
        if let Some(val) = self.known.get(&(def, elem)) {
            return *val;
        }
        if let Some(word) = run.and_then(|run| self.folded(&def, run)) {
            return self.push(Def::Const(word), elem, None);
        }
        let val = Val(self.defs.len() as u32);
        self.defs.push((def, elem));
        self.loops.push(run);
        self.known.insert((def, elem), val);
        val
    }

    fn folded(&self, def: &Def, run: Loop) -> Option<Word> {
        let mut srcs = [Src::NONE; 3];
        for (src, arg) in srcs.iter_mut().zip(reads(def)) {
            *src = self.constant(arg)?.src();
        }
        let mut word = Word::default();
        // SAFETY: constants hold an element of their type, a word holds one of any type, and the loop was looked up for
        // the types of these arguments.
        let outcome = unsafe { run(&srcs, word.0.as_mut_ptr(), 1) };
        (outcome == Outcome::Done).then_some(word)
    }

    /// A loop on values that have just the types that it wants.
    fn direct(&mut self, op: NdOp, args: &[Val], out: Elem) -> Result<Val> {
        let elems: Vec<Elem> = args.iter().map(|arg| self.elem(*arg)).collect();
        let run = ops::lookup(op, &elems).ok_or_else(|| {
            let names: Vec<_> = elems.iter().map(|elem| elem.name()).collect();
            Error::not_native(format!("no loop of {} for {}", op.name(), names.join(", ")))
        })?;
        let mut own = [Val(u32::MAX); 3];
        own[..args.len()].copy_from_slice(args);
        Ok(self.push(Def::Call(op, own, args.len()), out, Some(run)))
    }

    /// `val` as type `to`.
    fn cast(&mut self, to: Elem, val: Val) -> Result<Val> {
        let from = self.elem(val);
        if from == to {
            return Ok(val);
        }
        if let Some(between) = cast::over(from, to) {
            let val = self.cast(between, val)?;
            return self.cast(to, val);
        }
        let run = cast::lookup(from, to)
            .ok_or_else(|| Error::internal(format!("no cast from {} to {}", from.name(), to.name())))?;
        Ok(self.push(Def::Cast(val), to, Some(run)))
    }
}

/// What a definition reads.
fn reads(def: &Def) -> impl Iterator<Item = Val> + use<> {
    let (args, count) = match *def {
        Def::Input(_) | Def::Const(_) => ([Val(0); 3], 0),
        Def::Call(_, args, count) => (args, count),
        Def::Cast(arg) | Def::Copy(arg) => ([arg; 3], 1),
    };
    args.into_iter().take(count)
}

/// Where a step finds an operand.
#[derive(Clone, Copy, Debug)]
enum Place {
    None,
    Input(usize),
    Const(usize),
    /// The result of a step.
    Step(usize),
}

/// One loop over a tile.
#[derive(Clone, Copy, Debug)]
struct Step {
    run: Loop,
    args: [Place; 3],
    register: usize,
}

/// A compiled expression.
#[derive(Debug)]
pub struct NdProgram {
    /// Types of the inputs that it reads.
    inputs: Vec<(usize, Elem)>,
    consts: Vec<Word>,
    /// In order; the last one makes the result.
    steps: Vec<Step>,
    registers: usize,
    /// Elements in a tile.
    tile: usize,
    out: Elem,
}

/// Bytes of a register: two operands and a result fit the first-level cache beside what is read ahead.
const REGISTER: usize = 4096;

impl NdProgram {
    /// The program of an expression over inputs of these types.
    ///
    /// # Errors
    /// When the expression reads an input that isn't there, wasn't built by `NdExpr::call`, or needs a function that this
    /// system doesn't have ([`crate::error::Kind::NotNative`]).
    pub fn compile(expr: &NdExpr, inputs: &[Elem]) -> Result<Self> {
        let mut builder = Builder::default();
        let root = lower::lower(&mut builder, expr, inputs)?;
        let out = builder.elem(root);
        let root = match builder.defs[root.0 as usize].0 {
            Def::Input(_) | Def::Const(_) => {
                // Not folded: a program ends with a step.
                builder.defs.push((Def::Copy(root), out));
                builder.loops.push(ops::copy(out));
                Val(builder.defs.len() as u32 - 1)
            }
            _ => root,
        };
        Self::allocate(&builder, root, out)
    }

    fn allocate(builder: &Builder, root: Val, out: Elem) -> Result<Self> {
        let count = root.0 as usize + 1;
        let mut last = vec![0; count];
        let mut used = vec![false; count];
        used[count - 1] = true;
        last[count - 1] = usize::MAX;
        for at in (0..count).rev().filter(|at| builder.loops[*at].is_some()) {
            if used[at] {
                for arg in reads(&builder.defs[at].0) {
                    let read = arg.0 as usize;
                    used[read] = true;
                    last[read] = last[read].max(at);
                }
            }
        }
        let mut program = Self {
            inputs: Vec::new(),
            consts: Vec::new(),
            steps: Vec::new(),
            registers: 0,
            tile: 0,
            out,
        };
        let mut places = vec![Place::None; count];
        let mut free: Vec<usize> = Vec::new();
        let mut live: Vec<(usize, usize)> = Vec::new();
        let mut widest = out.itemsize();
        for at in (0..count).filter(|at| used[*at]) {
            let (def, elem) = builder.defs[at];
            widest = widest.max(elem.itemsize());
            places[at] = match (def, builder.loops[at]) {
                (Def::Input(position), _) => {
                    program.inputs.push((position, elem));
                    Place::Input(program.inputs.len() - 1)
                }
                (Def::Const(word), _) => {
                    program.consts.push(word);
                    Place::Const(program.consts.len() - 1)
                }
                (_, Some(run)) => {
                    // A register whose last reader is an earlier step is free again.
                    live.retain(|(end, register)| {
                        let keep = *end >= at;
                        if !keep {
                            free.push(*register);
                        }
                        keep
                    });
                    let register = free.pop().unwrap_or_else(|| {
                        program.registers += 1;
                        program.registers - 1
                    });
                    live.push((last[at], register));
                    let mut args = [Place::None; 3];
                    for (slot, arg) in args.iter_mut().zip(reads(&def)) {
                        *slot = places[arg.0 as usize];
                    }
                    program.steps.push(Step { run, args, register });
                    Place::Step(program.steps.len() - 1)
                }
                _ => return Err(Error::internal("a step without a loop")),
            };
        }
        program.tile = (REGISTER / widest).min(2048);
        Ok(program)
    }

    /// The type of its results.
    #[must_use]
    pub fn out(&self) -> Elem {
        self.out
    }
}
