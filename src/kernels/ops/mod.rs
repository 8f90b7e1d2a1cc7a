//! Elementwise loops: over slices of one machine type each, written so that the compiler vectorises them, and compiled for
//! several instruction sets of which the best is chosen at run time.
//!
//! Covers numbers, booleans (a byte each inside a program) and text; knows nothing of dtypes or missing values, which
//! `kernels::compile` turns into plain operations. Invariant: a loop writes every element of its output.

#![allow(
    clippy::inline_always,
    reason = "a loop takes its caller's instruction set only when it is inlined into it"
)]

pub mod arith;
pub mod bits;
pub mod cast;
pub mod compare;
pub mod format;
pub mod member;
pub mod parse;
pub mod text;

use std::mem::MaybeUninit;

use crate::dtype::NumpyType;

/// The machine type of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Lane {
    /// A byte that is 0 or 1.
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

impl Lane {
    /// The machine type of an element type; moments and spans are their ticks.
    #[must_use]
    pub fn of(kind: NumpyType) -> Self {
        use NumpyType as N;
        match kind {
            N::Bool => Self::Bool,
            N::Int8 => Self::I8,
            N::Int16 => Self::I16,
            N::Int32 => Self::I32,
            N::Int64 | N::Datetime(_) | N::Timedelta(_) => Self::I64,
            N::UInt8 => Self::U8,
            N::UInt16 => Self::U16,
            N::UInt32 => Self::U32,
            N::UInt64 => Self::U64,
            N::Float32 => Self::F32,
            N::Float64 => Self::F64,
        }
    }

    /// Bytes of one element.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether it is a float.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// Calls `$body` with the Rust type of a lane named `$t`; booleans are bytes.
#[macro_export]
macro_rules! dispatch_lane {
    ($lane:expr, $t:ident => $body:expr) => {{
        use $crate::kernels::ops::Lane as L;
        match $lane {
            L::Bool | L::U8 => {
                type $t = u8;
                $body
            }
            L::I8 => {
                type $t = i8;
                $body
            }
            L::I16 => {
                type $t = i16;
                $body
            }
            L::I32 => {
                type $t = i32;
                $body
            }
            L::I64 => {
                type $t = i64;
                $body
            }
            L::U16 => {
                type $t = u16;
                $body
            }
            L::U32 => {
                type $t = u32;
                $body
            }
            L::U64 => {
                type $t = u64;
                $body
            }
            L::F32 => {
                type $t = f32;
                $body
            }
            L::F64 => {
                type $t = f64;
                $body
            }
        }
    }};
}

/// A machine type that a register can hold.
pub trait Element: arrow::datatypes::ArrowNativeType + PartialOrd + Send + Sync {
    /// The value whose bits are the low ones of `bits`.
    fn from_word(bits: u64) -> Self;
    /// The bits, zero-extended.
    fn to_word(self) -> u64;
}

macro_rules! elements {
    ($($t:ident: $from:expr, $to:expr;)*) => { $(
        impl Element for $t {
            #[inline(always)]
            fn from_word(bits: u64) -> Self { ($from)(bits) }
            #[inline(always)]
            fn to_word(self) -> u64 { ($to)(self) }
        }
    )* };
}
elements! {
    i8: |bits| bits as i8, |value: i8| u64::from(value.cast_unsigned());
    i16: |bits| bits as i16, |value: i16| u64::from(value.cast_unsigned());
    i32: |bits| bits as i32, |value: i32| u64::from(value.cast_unsigned());
    i64: |bits: u64| bits.cast_signed(), |value: i64| value.cast_unsigned();
    u8: |bits| bits as u8, u64::from;
    u16: |bits| bits as u16, u64::from;
    u32: |bits| bits as u32, u64::from;
    u64: |bits| bits, |value| value;
    f32: |bits| f32::from_bits(bits as u32), |value: f32| u64::from(value.to_bits());
    f64: f64::from_bits, f64::to_bits;
}

/// What a loop reads: one value for each row, or one for all.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, T> {
    /// A value for each row.
    Rows(&'a [T]),
    /// The same for all.
    One(T),
}

impl<T: Copy> Operand<'_, T> {
    /// The value of a row.
    #[inline(always)]
    pub fn at(&self, row: usize) -> T {
        match self {
            Self::Rows(rows) => rows[row],
            Self::One(value) => *value,
        }
    }
}

/// Where a loop writes: memory that may hold nothing yet.
pub type Out<'a, T> = &'a mut [MaybeUninit<T>];

/// A loop to be compiled for several instruction sets. `run` must be `#[inline(always)]`.
pub trait Task {
    /// What it answers.
    type Output;
    /// Runs it.
    fn run(self) -> Self::Output;
}

/// Runs `task` with the best instructions that this machine has.
#[inline]
pub fn vectorised<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if has_avx512() {
            // SAFETY: the features that `with_avx512` names are there.
            return unsafe { with_avx512(task) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: AVX2 is there.
            return unsafe { with_avx2(task) };
        }
    }
    task.run()
}

/// Whether the AVX-512 subsets of every processor since Skylake-X are there.
#[cfg(target_arch = "x86_64")]
#[inline]
#[must_use]
pub fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn with_avx2<T: Task>(task: T) -> T::Output {
    task.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,popcnt")]
fn with_avx512<T: Task>(task: T) -> T::Output {
    task.run()
}

struct Map1<'a, A, R, F> {
    a: Operand<'a, A>,
    out: Out<'a, R>,
    f: F,
}

impl<A: Copy, R: Copy, F: Fn(A) -> R> Task for Map1<'_, A, R, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.a {
            Operand::Rows(a) => {
                for (slot, a) in self.out.iter_mut().zip(a) {
                    slot.write((self.f)(*a));
                }
            }
            Operand::One(a) => {
                let value = (self.f)(a);
                for slot in self.out {
                    slot.write(value);
                }
            }
        }
    }
}

struct Map2<'a, A, B, R, F> {
    a: Operand<'a, A>,
    b: Operand<'a, B>,
    out: Out<'a, R>,
    f: F,
}

impl<A: Copy, B: Copy, R: Copy, F: Fn(A, B) -> R> Task for Map2<'_, A, B, R, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match (self.a, self.b) {
            (Operand::Rows(a), Operand::Rows(b)) => {
                for ((slot, a), b) in self.out.iter_mut().zip(a).zip(b) {
                    slot.write((self.f)(*a, *b));
                }
            }
            (Operand::Rows(a), Operand::One(b)) => {
                for (slot, a) in self.out.iter_mut().zip(a) {
                    slot.write((self.f)(*a, b));
                }
            }
            (Operand::One(a), Operand::Rows(b)) => {
                for (slot, b) in self.out.iter_mut().zip(b) {
                    slot.write((self.f)(a, *b));
                }
            }
            (Operand::One(a), Operand::One(b)) => {
                let value = (self.f)(a, b);
                for slot in self.out {
                    slot.write(value);
                }
            }
        }
    }
}

/// `f` of every row.
#[inline]
pub fn map1<A: Copy, R: Copy>(a: Operand<'_, A>, out: Out<'_, R>, f: impl Fn(A) -> R) {
    vectorised(Map1 { a, out, f });
}

/// `f` of every pair of rows.
#[inline]
pub fn map2<A: Copy, B: Copy, R: Copy>(
    a: Operand<'_, A>,
    b: Operand<'_, B>,
    out: Out<'_, R>,
    f: impl Fn(A, B) -> R,
) {
    vectorised(Map2 { a, b, out, f });
}

struct Select<'a, T> {
    mask: Operand<'a, u8>,
    a: Operand<'a, T>,
    b: Operand<'a, T>,
    out: Out<'a, T>,
}

impl<T: Copy> Task for Select<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let mask = match self.mask {
            Operand::Rows(mask) => mask,
            Operand::One(mask) => {
                let chosen = if mask != 0 { self.a } else { self.b };
                Map1 {
                    a: chosen,
                    out: self.out,
                    f: |value| value,
                }
                .run();
                return;
            }
        };
        match (self.a, self.b) {
            (Operand::Rows(a), Operand::Rows(b)) => {
                for (((slot, mask), a), b) in self.out.iter_mut().zip(mask).zip(a).zip(b) {
                    slot.write(if *mask != 0 { *a } else { *b });
                }
            }
            (Operand::Rows(a), Operand::One(b)) => {
                for ((slot, mask), a) in self.out.iter_mut().zip(mask).zip(a) {
                    slot.write(if *mask != 0 { *a } else { b });
                }
            }
            (Operand::One(a), Operand::Rows(b)) => {
                for ((slot, mask), b) in self.out.iter_mut().zip(mask).zip(b) {
                    slot.write(if *mask != 0 { a } else { *b });
                }
            }
            (Operand::One(a), Operand::One(b)) => {
                for (slot, mask) in self.out.iter_mut().zip(mask) {
                    slot.write(if *mask != 0 { a } else { b });
                }
            }
        }
    }
}

/// `a` where the mask holds, else `b`.
#[inline]
pub fn select<T: Copy>(mask: Operand<'_, u8>, a: Operand<'_, T>, b: Operand<'_, T>, out: Out<'_, T>) {
    vectorised(Select { mask, a, b, out });
}

struct AnyRow<'a, A, B, F> {
    a: Operand<'a, A>,
    b: Operand<'a, B>,
    rows: usize,
    f: F,
}

impl<A: Copy, B: Copy, F: Fn(A, B) -> bool> Task for AnyRow<'_, A, B, F> {
    type Output = bool;
    #[inline(always)]
    fn run(self) -> bool {
        let mut any = false;
        match (self.a, self.b) {
            (Operand::Rows(a), Operand::Rows(b)) => {
                for (a, b) in a.iter().zip(b) {
                    any |= (self.f)(*a, *b);
                }
            }
            (Operand::Rows(a), Operand::One(b)) => {
                for a in a {
                    any |= (self.f)(*a, b);
                }
            }
            (Operand::One(a), Operand::Rows(b)) => {
                for b in b {
                    any |= (self.f)(a, *b);
                }
            }
            (Operand::One(a), Operand::One(b)) => any = self.rows > 0 && (self.f)(a, b),
        }
        any
    }
}

/// Whether `f` holds for some pair of rows; looks at all of them without branches.
#[inline]
pub fn any_row<A: Copy, B: Copy>(
    a: Operand<'_, A>,
    b: Operand<'_, B>,
    rows: usize,
    f: impl Fn(A, B) -> bool,
) -> bool {
    vectorised(AnyRow { a, b, rows, f })
}
