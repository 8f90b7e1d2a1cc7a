//! Running a program over blocks: axes coalesced, tiles along the inner one, and inputs that don't lie in rows brought into
//! rows a panel at a time.
//!
//! What is the same for all elements is computed once, what is the same for a row once a row.

use arrow::buffer::{Buffer, MutableBuffer};

use super::{NdProgram, Place, REGISTER, Word};
use crate::chunk::array::ArrayChunk;
use crate::error::{Error, Result};
use crate::kernels::nd::memory::{bytes_of, fresh};
use crate::kernels::nd::ops::lane::{Outcome, Src};
use crate::kernels::nd::strided::CopyPlan;
use crate::nd::{Elem, NdDtype};

/// Bytes from a register to the next: a line more than it holds, so that registers don't share cache sets.
const STRIDE: usize = REGISTER + 64;

/// Rows of an input that lies the other way that are brought into rows at once.
const PANEL: usize = 64;

/// Rows shorter than this are put together.
const SHORT: usize = 64;

impl NdProgram {
    /// Runs over `inputs` broadcast to `shape`. The result is dense in C order, or has strides of 0 when all of its
    /// elements are one.
    ///
    /// # Errors
    /// When an input doesn't fit the shape or the types that the program was compiled for, or a loop refuses its operands.
    pub fn run(&self, inputs: &[ArrayChunk], shape: &[usize]) -> Result<ArrayChunk> {
        let dtype = NdDtype::Num(self.out);
        let len = bytes_of(shape, self.out.itemsize())?;
        let inputs = self.inputs_of(inputs, shape)?;
        if len > 0
            && inputs
                .iter()
                .all(|input| input.strides.iter().all(|stride| *stride == 0))
        {
            let mut word = Word::default();
            let item = &mut word.0[..self.out.itemsize()];
            self.over(&inputs, &[1], item)?;
            return ArrayChunk::uniform(dtype, shape.to_vec(), Buffer::from_slice_ref(&*item));
        }
        let mut memory = fresh(len);
        self.over(&inputs, shape, memory.as_slice_mut())?;
        ArrayChunk::dense(dtype, shape.to_vec(), memory.into())
    }

    /// Runs as [`Self::run`], into the bytes of a dense block in C order.
    ///
    /// # Errors
    /// As [`Self::run`], and when `out` hasn't the length or the alignment of such a block.
    pub fn run_into(&self, inputs: &[ArrayChunk], shape: &[usize], out: &mut [u8]) -> Result<()> {
        if bytes_of(shape, self.out.itemsize())? != out.len() {
            return Err(Error::internal(format!(
                "a result of shape {shape:?} in {} bytes",
                out.len()
            )));
        }
        let inputs = self.inputs_of(inputs, shape)?;
        self.over(&inputs, shape, out)
    }

    /// The inputs that the program reads, broadcast; of what is uniform, one element.
    fn inputs_of(&self, inputs: &[ArrayChunk], shape: &[usize]) -> Result<Vec<ArrayChunk>> {
        let of = |(position, elem): &(usize, Elem)| -> Result<ArrayChunk> {
            let input = inputs
                .get(*position)
                .ok_or_else(|| Error::internal(format!("a program that reads input {position}")))?;
            if input.dtype.elem() != Some(*elem) {
                return Err(Error::internal(format!(
                    "input {position} of a program is {:?}, not {}",
                    input.dtype,
                    elem.name()
                )));
            }
            let align = alignment(*elem);
            if !(input.buffer.as_ptr() as usize + input.offset).is_multiple_of(align) {
                return Err(Error::internal("an array chunk that isn't aligned"));
            }
            input.broadcast(shape)
        };
        self.inputs.iter().map(of).collect()
    }

    fn over(&self, inputs: &[ArrayChunk], shape: &[usize], out: &mut [u8]) -> Result<()> {
        if shape.contains(&0) {
            return Ok(());
        }
        if !(out.as_ptr() as usize).is_multiple_of(alignment(self.out)) {
            return Err(Error::internal("a result whose memory isn't aligned"));
        }
        let feeds: Vec<Feed> = inputs
            .iter()
            .zip(&self.inputs)
            .map(|(input, (_, elem))| Feed {
                first: input.buffer.as_ptr().wrapping_add(input.offset),
                item: elem.itemsize() as isize,
            })
            .collect();
        let strides: Vec<&[isize]> = inputs.iter().map(|input| input.strides.as_slice()).collect();
        let grid = Coalesced::of(shape, &strides);
        let mut registers = MutableBuffer::with_capacity(self.registers * STRIDE + 64);
        let mut frame = Frame {
            program: self,
            registers: registers.as_mut_ptr(),
            classes: Vec::new(),
            uniform: vec![Word::default(); self.steps.len()],
            srcs: vec![Src::NONE; inputs.len()],
        };
        frame.walk(&feeds, &grid, out.as_mut_ptr())
    }
}

/// What addresses of an element are multiples of: of its parts, for a complex number.
fn alignment(elem: Elem) -> usize {
    match elem {
        Elem::C64 => align_of::<f32>(),
        Elem::C128 | Elem::F64 => align_of::<f64>(),
        Elem::I64 | Elem::U64 => align_of::<u64>(),
        elem => elem.itemsize(),
    }
}

/// An input as the walk sees it.
struct Feed {
    first: *const u8,
    item: isize,
}

/// A shape without axes that lie together in all inputs and the result.
struct Coalesced {
    shape: Vec<usize>,
    /// For each input, by axis.
    strides: Vec<Vec<isize>>,
}

impl Coalesced {
    fn of(shape: &[usize], strides: &[&[isize]]) -> Self {
        let mut made = Self {
            shape: Vec::new(),
            strides: vec![Vec::new(); strides.len()],
        };
        for (axis, len) in shape.iter().enumerate() {
            if *len == 1 {
                continue;
            }
            let joins = !made.shape.is_empty()
                && made
                    .strides
                    .iter()
                    .zip(strides)
                    .all(|(own, all)| own.last().is_some_and(|last| *last == all[axis] * *len as isize));
            if joins && let Some(last) = made.shape.last_mut() {
                *last *= len;
                for (own, all) in made.strides.iter_mut().zip(strides) {
                    if let Some(stride) = own.last_mut() {
                        *stride = all[axis];
                    }
                }
            } else {
                made.shape.push(*len);
                for (own, all) in made.strides.iter_mut().zip(strides) {
                    own.push(all[axis]);
                }
            }
        }
        if made.shape.is_empty() {
            made.shape.push(1);
            made.strides.iter_mut().for_each(|own| own.push(0));
        }
        made
    }

    /// How far into an input a place is.
    fn offset(&self, input: usize, index: &[usize]) -> isize {
        let steps = index.iter().zip(&self.strides[input]);
        steps.map(|(at, stride)| *at as isize * stride).sum()
    }
}

/// How often a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Once.
    Uniform,
    /// Once for each row, for one element.
    Row,
    /// For every element.
    Full,
}

/// How an input gets into a tile.
enum Access {
    /// As it lies.
    Direct,
    /// One element for each row, or for all.
    One,
    /// Copied to rows first: the memory for them, and the copy of a whole panel.
    Gathered(MutableBuffer, CopyPlan),
}

/// The part of the shape that is brought into rows at once: `rows` along one axis, and all or a part of the inner axes.
struct Panel {
    /// The axis of the rows, when there is more than one.
    axis: Option<usize>,
    rows: usize,
    /// The axis of the columns: it and those after it.
    inner: usize,
    /// Elements of a row of the panel, at most a tile.
    columns: usize,
    /// Of which each step along `inner` makes so many.
    each: usize,
}

impl Panel {
    fn of(grid: &Coalesced, feeds: &[Feed], tile: usize) -> Self {
        let mut inner = grid.shape.len() - 1;
        let mut each = 1;
        // Short rows are put together; all that is in a tile lies together in the result.
        while grid.shape[inner] * each < SHORT && inner > 0 {
            each *= grid.shape[inner];
            inner -= 1;
        }
        let columns = grid.shape[inner].min((tile / each).max(1)) * each;
        let across = (0..inner).find(|axis| {
            each == 1
                && grid.shape[*axis] >= 4
                && grid.strides.iter().zip(feeds).any(|(strides, feed)| {
                    strides[*axis].abs() == feed.item && strides[inner].abs() > feed.item
                })
        });
        Self {
            axis: across,
            rows: across.map_or(1, |axis| grid.shape[axis].min(PANEL)),
            inner,
            columns,
            each,
        }
    }

    /// The copy of `rows` by `columns` elements of an input into rows of the panel.
    fn plan(
        &self,
        strides: &[isize],
        grid: &Coalesced,
        item: isize,
        rows: usize,
        columns: usize,
    ) -> CopyPlan {
        let mut shape = vec![rows, columns / self.each];
        let mut from = vec![self.axis.map_or(0, |axis| strides[axis]), strides[self.inner]];
        let mut to = vec![self.columns as isize * item, self.each as isize * item];
        let mut step = self.each as isize * item;
        for (len, stride) in grid.shape.iter().zip(strides).skip(self.inner + 1) {
            step /= *len as isize;
            shape.push(*len);
            from.push(*stride);
            to.push(step);
        }
        CopyPlan::new(&shape, &from, &to, item as usize, false)
    }
}

/// A program at work.
struct Frame<'a> {
    program: &'a NdProgram,
    registers: *mut u8,
    classes: Vec<Class>,
    /// Results of steps that run once.
    uniform: Vec<Word>,
    /// The operands that inputs are in this tile.
    srcs: Vec<Src>,
}

impl Frame<'_> {
    fn walk(&mut self, feeds: &[Feed], grid: &Coalesced, out: *mut u8) -> Result<()> {
        let panel = Panel::of(grid, feeds, self.program.tile);
        let mut access: Vec<Access> = Vec::with_capacity(feeds.len());
        for (feed, strides) in feeds.iter().zip(&grid.strides) {
            let mut step = feed.item;
            let dense = (panel.inner..grid.shape.len()).rev().all(|axis| {
                let fits = strides[axis] == step;
                step *= grid.shape[axis] as isize;
                fits
            });
            access.push(if strides[panel.inner..].iter().all(|stride| *stride == 0) {
                Access::One
            } else if dense {
                Access::Direct
            } else {
                let bytes = panel.rows * panel.columns * feed.item as usize;
                let plan = panel.plan(strides, grid, feed.item, panel.rows, panel.columns);
                Access::Gathered(MutableBuffer::with_capacity(bytes), plan)
            });
        }
        let uniform: Vec<bool> = grid
            .strides
            .iter()
            .map(|strides| strides.iter().all(|stride| *stride == 0))
            .collect();
        for (src, feed) in self.srcs.iter_mut().zip(feeds) {
            *src = Src {
                ptr: feed.first,
                one: true,
            };
        }
        self.classify(&uniform, &access);
        self.once()?;
        let item = self.program.out.itemsize();
        let mut index = vec![0; grid.shape.len()];
        let mut out_strides = vec![0; grid.shape.len()];
        let mut step = 1;
        for (stride, len) in out_strides.iter_mut().zip(&grid.shape).rev() {
            *stride = step;
            step *= len;
        }
        let steps_in_row = panel.columns / panel.each;
        loop {
            let rows = panel
                .axis
                .map_or(1, |axis| panel.rows.min(grid.shape[axis] - index[axis]));
            let steps = steps_in_row.min(grid.shape[panel.inner] - index[panel.inner]);
            let columns = steps * panel.each;
            for (input, access) in access.iter_mut().enumerate() {
                if let Access::Gathered(memory, plan) = access {
                    let feed = &feeds[input];
                    let from = feed.first.wrapping_offset(grid.offset(input, &index));
                    let whole = rows == panel.rows && columns == panel.columns;
                    // SAFETY: the chunk holds all elements that shape and strides reach, the memory a whole panel.
                    unsafe {
                        if whole {
                            plan.run(from, memory.as_mut_ptr());
                        } else {
                            panel
                                .plan(&grid.strides[input], grid, feed.item, rows, columns)
                                .run(from, memory.as_mut_ptr());
                        }
                    }
                }
            }
            let place: usize = index
                .iter()
                .zip(&out_strides)
                .map(|(at, stride)| at * stride)
                .sum();
            for row in 0..rows {
                for (input, access) in access.iter().enumerate() {
                    let feed = &feeds[input];
                    let down = panel.axis.map_or(0, |axis| grid.strides[input][axis]) * row as isize;
                    let own = grid.offset(input, &index) + down;
                    self.srcs[input] = match access {
                        Access::Direct => Src {
                            ptr: feed.first.wrapping_offset(own),
                            one: false,
                        },
                        Access::One => Src {
                            ptr: feed.first.wrapping_offset(own),
                            one: true,
                        },
                        Access::Gathered(memory, _) => Src {
                            ptr: memory
                                .as_ptr()
                                .wrapping_add(row * panel.columns * feed.item as usize),
                            one: false,
                        },
                    };
                }
                let down = panel.axis.map_or(0, |axis| out_strides[axis]) * row;
                self.tile(columns, out.wrapping_add((place + down) * item))?;
            }
            // The next panel: along the columns first.
            let mut axis = panel.inner;
            loop {
                index[axis] += match axis {
                    axis if axis == panel.inner => steps_in_row,
                    axis if Some(axis) == panel.axis => panel.rows,
                    _ => 1,
                };
                if index[axis] < grid.shape[axis] {
                    break;
                }
                index[axis] = 0;
                if axis == 0 {
                    return Ok(());
                }
                axis -= 1;
            }
        }
    }

    fn classify(&mut self, uniform: &[bool], access: &[Access]) {
        for step in &self.program.steps {
            let class = step
                .args
                .iter()
                .map(|place| match *place {
                    Place::None | Place::Const(_) => 0,
                    Place::Input(input) if uniform[input] => 0,
                    Place::Input(input) if matches!(access[input], Access::One) => 1,
                    Place::Input(_) => 2,
                    Place::Step(step) => self.classes[step] as usize,
                })
                .max();
            self.classes.push(match class {
                Some(2) => Class::Full,
                Some(1) => Class::Row,
                _ => Class::Uniform,
            });
        }
    }

    /// Runs the steps that need to run once; all inputs that they read are one element.
    fn once(&mut self) -> Result<()> {
        for at in 0..self.program.steps.len() {
            if self.classes[at] == Class::Uniform {
                let srcs = self.operands(at);
                let mut word = Word::default();
                // SAFETY: operands hold an element of their type, and a word holds one of any type.
                check(unsafe { (self.program.steps[at].run)(&srcs, word.0.as_mut_ptr(), 1) })?;
                self.uniform[at] = word;
            }
        }
        Ok(())
    }

    fn register(&self, step: usize) -> *mut u8 {
        self.registers
            .wrapping_add(self.program.steps[step].register * STRIDE)
    }

    #[inline]
    fn operands(&self, at: usize) -> [Src; 3] {
        self.program.steps[at].args.map(|place| match place {
            Place::None => Src::NONE,
            Place::Input(input) => self.srcs[input],
            Place::Const(at) => self.program.consts[at].src(),
            Place::Step(step) => match self.classes[step] {
                Class::Uniform => self.uniform[step].src(),
                class => Src {
                    ptr: self.register(step),
                    one: class == Class::Row,
                },
            },
        })
    }

    /// Runs all steps over `n` elements, the last one into `out`.
    fn tile(&self, n: usize, out: *mut u8) -> Result<()> {
        let last = self.program.steps.len() - 1;
        for at in 0..=last {
            let n = match self.classes[at] {
                _ if at == last => n,
                Class::Uniform => continue,
                Class::Row => 1,
                Class::Full => n,
            };
            let srcs = self.operands(at);
            let to = if at == last { out } else { self.register(at) };
            // SAFETY: inputs hold their row of the shape (checked when broadcast), registers a tile of the widest type
            // written by an earlier step of this tile, and no step's output is the place of one of its operands
            // (`NdProgram::allocate` gives a register away only after its last reader). `out` has room for the row.
            check(unsafe { (self.program.steps[at].run)(&srcs, to, n) })?;
        }
        Ok(())
    }
}

fn check(outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::NegativePower => Err(Error::value(
            "Integers to negative integer powers are not allowed.",
        )),
    }
}
