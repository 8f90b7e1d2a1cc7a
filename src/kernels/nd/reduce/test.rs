//! Every reduction of any view, in any bands and parts, against loops over single elements.

use num_complex::Complex;
use proptest::prelude::*;

use super::finish::cast;
use super::{Accumulator, Numbering, finish, merge_many, partial, scan};
use crate::chunk::ArrayChunk;
use crate::kernels::nd::copy::{copied, dense};
use crate::kernels::nd::memory::buffer_of;
use crate::kernels::nd::number::values;
use crate::nd::{Elem, NdDtype};
use crate::op::nd_reduce::{ReduceOp, ScanOp};

type C = Complex<f64>;

/// The elements in C order.
pub(in crate::kernels::nd) fn read(chunk: &ArrayChunk) -> Vec<C> {
    let chunk = copied(chunk).expect("copy");
    let elem = chunk.dtype.elem().expect("numbers");
    let real = |value: f64| C::new(value, 0.0);
    match elem {
        Elem::F16 => {
            let halves = values::<u16>(&chunk).expect("values");
            halves
                .iter()
                .map(|bits| real(half::f16::from_bits(*bits).to_f64()))
                .collect()
        }
        Elem::C64 => {
            let all = values::<Complex<f32>>(&chunk).expect("values");
            all.iter()
                .map(|value| C::new(value.re.into(), value.im.into()))
                .collect()
        }
        Elem::C128 => values::<C>(&chunk).expect("values").to_vec(),
        Elem::F32 => values::<f32>(&chunk)
            .expect("values")
            .iter()
            .map(|value| real((*value).into()))
            .collect(),
        _ => crate::dispatch_elem!(
            [Bool => u8, I8 => i8, I16 => i16, I32 => i32, I64 => i64, U8 => u8, U16 => u16, U32 => u32, U64 => u64, F64 => f64],
            elem,
            T => values::<T>(&chunk).expect("values").iter().map(|value| real(*value as f64)).collect(),
            _ => unreachable!()
        ),
    }
}

pub(in crate::kernels::nd) fn block(elem: Elem, shape: &[usize], values: &[C]) -> ArrayChunk {
    let signed = !matches!(elem, Elem::Bool | Elem::U8 | Elem::U16 | Elem::U32 | Elem::U64);
    let whole = !matches!(elem, Elem::F16 | Elem::F32 | Elem::F64 | Elem::C64 | Elem::C128);
    let values = values.iter().map(|value| {
        let value = if signed {
            *value
        } else {
            C::new(value.re.abs(), 0.0)
        };
        if whole && value.re.is_nan() {
            C::new(0.0, 0.0)
        } else {
            value
        }
    });
    cast(values, shape, elem).expect("cast")
}

/// A small generator of numbers.
fn numbers(seed: u64, nan: bool) -> impl FnMut() -> C {
    let mut state = seed | 1;
    move || {
        let mut next = |limit: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % limit
        };
        let mut part = || {
            if nan && next(9) == 0 {
                f64::NAN
            } else {
                next(7) as f64 - 3.0
            }
        };
        C::new(part(), part())
    }
}

#[derive(Debug, Clone)]
struct Case {
    view: ArrayChunk,
    axes: Vec<usize>,
    parts: usize,
}

fn cases(elems: &'static [Elem], nan: bool) -> impl Strategy<Value = Case> {
    let lens = prop::collection::vec(prop::sample::select(vec![1usize, 2, 3, 5, 17, 40, 130]), 0..4);
    (
        prop::sample::select(elems),
        lens,
        any::<u64>(),
        prop::collection::vec(any::<bool>(), 4),
        prop::collection::vec(prop::sample::select(vec![-2isize, -1, 1, 1, 2]), 4),
        1usize..4,
    )
        .prop_map(move |(elem, mut lens, seed, reduced, steps, parts)| {
            while lens.iter().product::<usize>() > 12_000 {
                lens.pop();
            }
            let base: Vec<usize> = lens
                .iter()
                .zip(&steps)
                .map(|(len, step)| len * step.unsigned_abs())
                .collect();
            let mut next = numbers(seed, nan);
            let all: Vec<C> = (0..base.iter().product::<usize>()).map(|_| next()).collect();
            let slices: Vec<(usize, usize, isize)> = lens
                .iter()
                .zip(&steps)
                .map(|(len, step)| {
                    (
                        if *step < 0 {
                            len * step.unsigned_abs() - 1
                        } else {
                            0
                        },
                        *len,
                        *step,
                    )
                })
                .collect();
            let mut order: Vec<usize> = (0..lens.len()).collect();
            if !order.is_empty() {
                order.rotate_left(seed as usize % lens.len());
            }
            if seed % 3 == 0 {
                order.reverse();
            }
            let view = block(elem, &base, &all)
                .slice(&slices)
                .expect("slice")
                .transpose(&order);
            let axes = (0..lens.len()).filter(|axis| reduced[*axis]).collect();
            Case { view, axes, parts }
        })
}

/// The elements of each result with their C-order positions among the reduced ones, in C order.
fn groups(case: &Case) -> Vec<Vec<(i64, C)>> {
    let shape = &case.view.shape;
    let kept: usize = (0..shape.len())
        .filter(|axis| !case.axes.contains(axis))
        .map(|axis| shape[axis])
        .product();
    let mut groups = vec![Vec::new(); kept];
    for (flat, value) in read(&case.view).into_iter().enumerate() {
        let (mut rest, mut group, mut step, mut number, mut weight) = (flat, 0, 1, 0, 1);
        for axis in (0..shape.len()).rev() {
            let at = rest % shape[axis];
            rest /= shape[axis];
            if case.axes.contains(&axis) {
                number += at as i64 * weight;
                weight *= shape[axis] as i64;
            } else {
                group += at * step;
                step *= shape[axis];
            }
        }
        groups[group].push((number, value));
    }
    groups
}

/// Positions in C order among the reduced axes.
fn numbering(case: &Case, start: &[usize]) -> Numbering {
    let shape = &case.view.shape;
    let (mut weights, mut weight, mut first) = (vec![0; shape.len()], 1, 0);
    for axis in (0..shape.len()).rev().filter(|axis| case.axes.contains(axis)) {
        weights[axis] = weight;
        first += weight * start[axis] as i64;
        weight *= shape[axis] as i64;
    }
    Numbering { first, weights }
}

/// The result in one go, in bands, and in parts that are merged; all the same.
fn reduced(op: ReduceOp, case: &Case, out: Elem) -> Vec<ArrayChunk> {
    let view = &case.view;
    let zero = vec![0; view.shape.len()];
    let elem = view.dtype.elem().expect("numbers");
    let whole = partial(op, view, &case.axes, Some(numbering(case, &zero))).expect("partial");
    let types: Vec<Elem> = whole
        .iter()
        .map(|chunk| chunk.dtype.elem().expect("numbers"))
        .collect();
    assert_eq!(types, op.state(elem));
    let mut results = vec![finish(op, &whole, out).expect("finish")];
    if let Some(rows) = view.shape.first() {
        let numbers = Some(numbering(case, &zero));
        let mut bands = Accumulator::new(op, elem, &view.shape, &case.axes, numbers).expect("accumulator");
        let step = rows.div_ceil(case.parts).max(1);
        for at in (0..*rows).step_by(step) {
            let mut band: Vec<(usize, usize, isize)> = view.shape.iter().map(|len| (0, *len, 1)).collect();
            band[0] = (at, step.min(rows - at), 1);
            bands
                .update(&view.slice(&band).expect("slice"), at)
                .expect("update");
        }
        results.push(finish(op, &bands.state().expect("state"), out).expect("finish"));
    }
    if let Some(axis) = case.axes.last() {
        let len = view.shape[*axis];
        let step = len.div_ceil(case.parts).max(1);
        let mut states = Vec::new();
        for at in (0..len).step_by(step) {
            let mut part: Vec<(usize, usize, isize)> = view.shape.iter().map(|len| (0, *len, 1)).collect();
            part[*axis] = (at, step.min(len - at), 1);
            let mut start = zero.clone();
            start[*axis] = at;
            let part = view.slice(&part).expect("slice");
            states.push(partial(op, &part, &case.axes, Some(numbering(case, &start))).expect("partial"));
        }
        // An empty block changes nothing.
        let mut none: Vec<(usize, usize, isize)> = view.shape.iter().map(|len| (0, *len, 1)).collect();
        none[*axis] = (0, 0, 1);
        let none = view.slice(&none).expect("slice");
        let empty = partial(op, &none, &case.axes, Some(numbering(case, &zero))).expect("partial");
        states.insert(states.len() / 2, empty);
        let merged = merge_many(op, states).expect("merge");
        results.push(finish(op, &merged, out).expect("finish"));
    }
    results
}

fn same(a: C, b: C, tolerance: f64) -> bool {
    let near =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs());
    near(a.re, b.re) && near(a.im, b.im)
}

fn is_nan(value: C) -> bool {
    value.re.is_nan() || value.im.is_nan()
}

fn less(a: C, b: C) -> bool {
    a.re < b.re || (a.re == b.re && a.im < b.im)
}

/// The answer of a loop, and its tolerance.
fn expected(op: ReduceOp, group: &[(i64, C)], elem: Elem) -> C {
    let real = |value: f64| C::new(value, 0.0);
    let kept: Vec<(i64, C)> = group
        .iter()
        .copied()
        .filter(|(_, value)| !op.skipna() || !is_nan(*value))
        .collect();
    let count = kept.len() as f64;
    let sum: C = kept.iter().map(|(_, value)| *value).sum();
    let mean = if elem == Elem::C64 || elem == Elem::C128 {
        sum / count
    } else {
        real(sum.re / count)
    };
    let extreme = |max: bool| {
        let mut best: Option<(i64, C)> = None;
        for (number, value) in &kept {
            let better = best.is_none_or(|(_, old)| {
                !is_nan(old) && (is_nan(*value) || if max { less(old, *value) } else { less(*value, old) })
            });
            if better {
                best = Some((*number, *value));
            }
        }
        best
    };
    let nothing = (-1, C::new(f64::NAN, f64::NAN));
    match op {
        ReduceOp::Sum { .. } => sum,
        ReduceOp::Prod { .. } => kept.iter().map(|(_, value)| *value).product(),
        ReduceOp::Min { .. } => extreme(false).unwrap_or(nothing).1,
        ReduceOp::Max { .. } => extreme(true).unwrap_or(nothing).1,
        ReduceOp::Ptp => extreme(true).unwrap_or(nothing).1 - extreme(false).unwrap_or(nothing).1,
        ReduceOp::ArgMin { .. } => real(extreme(false).unwrap_or(nothing).0 as f64),
        ReduceOp::ArgMax { .. } => real(extreme(true).unwrap_or(nothing).0 as f64),
        ReduceOp::Any => real(f64::from(kept.iter().any(|(_, value)| *value != real(0.0)))),
        ReduceOp::All => real(f64::from(kept.iter().all(|(_, value)| *value != real(0.0)))),
        ReduceOp::CountNonzero => real(kept.iter().filter(|(_, value)| *value != real(0.0)).count() as f64),
        ReduceOp::Mean { .. } => mean,
        ReduceOp::Var { ddof, skipna } | ReduceOp::Std { ddof, skipna } => {
            let squares: f64 = kept.iter().map(|(_, value)| (value - mean).norm_sqr()).sum();
            let degrees = count - ddof;
            let var = if skipna && degrees <= 0.0 {
                f64::NAN
            } else {
                squares / degrees.max(0.0)
            };
            real(if matches!(op, ReduceOp::Std { .. }) {
                var.sqrt()
            } else {
                var
            })
        }
        ReduceOp::Moment { order, ddof } => {
            let powers: f64 = kept
                .iter()
                .map(|(_, value)| (value - mean).re.powi(order as i32))
                .sum();
            real(if count - ddof < 0.0 {
                f64::NAN
            } else {
                powers / (count - ddof)
            })
        }
    }
}

const NAMES: &[&str] = &[
    "sum",
    "prod",
    "min",
    "max",
    "ptp",
    "any",
    "all",
    "count_nonzero",
    "mean",
    "var",
    "std",
    "moment",
    "argmin",
    "argmax",
    "nansum",
    "nanprod",
    "nanmin",
    "nanmax",
    "nanmean",
    "nanvar",
    "nanstd",
    "nanargmin",
    "nanargmax",
];

fn check(name: &str, case: &Case) {
    let elem = case.view.dtype.elem().expect("numbers");
    let ddof = (case.parts % 2) as f64;
    let op = ReduceOp::parse(name, ddof, 2 + case.parts as u32).expect("known");
    let Ok(_) = op.input(elem, None) else {
        return;
    };
    let groups = groups(case);
    // A product of many factors leaves what is exact.
    let tolerance = match op {
        ReduceOp::Prod { .. } if groups.first().is_some_and(|group| group.len() > 20) => return,
        ReduceOp::Prod { .. } => 1e-5,
        ReduceOp::Moment { .. } => 1e-6,
        _ => 1e-9,
    };
    if matches!(
        op,
        ReduceOp::ArgMin { skipna: true } | ReduceOp::ArgMax { skipna: true }
    ) && groups
        .iter()
        .any(|group| group.iter().all(|(_, value)| is_nan(*value)))
    {
        return;
    }
    // Results of narrow types wrap around; the wide ones tell more.
    let out = match op.result(elem, None).expect("result") {
        Elem::F16 | Elem::F32 => Elem::F64,
        Elem::C64 => Elem::C128,
        out => out,
    };
    let complex_nan = |value: C| {
        if is_nan(value) {
            C::new(f64::NAN, f64::NAN)
        } else {
            value
        }
    };
    for (way, result) in reduced(op, case, out).into_iter().enumerate() {
        let kept: Vec<usize> = (0..case.view.shape.len())
            .map(|axis| {
                if case.axes.contains(&axis) {
                    1
                } else {
                    case.view.shape[axis]
                }
            })
            .collect();
        assert_eq!(result.shape, kept);
        for (value, group) in read(&result).into_iter().zip(&groups) {
            let mut wanted = expected(op, group, elem);
            if matches!(op, ReduceOp::Ptp) && out == Elem::I8 {
                wanted.re = f64::from(wanted.re as i64 as i8);
            }
            let (value, wanted) = (complex_nan(value), complex_nan(wanted));
            assert!(
                same(value, wanted, tolerance),
                "{name} of {elem:?} {:?} over {:?}, way {way}: {value} for {wanted}",
                case.view.shape,
                case.axes
            );
        }
    }
}

const ALL: &[Elem] = &Elem::ALL;
const FLOATING: &[Elem] = &[Elem::F16, Elem::F32, Elem::F64, Elem::C64, Elem::C128];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn reductions_are_those_of_a_loop(case in cases(ALL, false), name in prop::sample::select(NAMES)) {
        check(name, &case);
    }

    #[test]
    fn nan_wins_or_is_left_out(case in cases(FLOATING, true), name in prop::sample::select(NAMES)) {
        check(name, &case);
    }

    #[test]
    fn running_totals_carry_on(case in cases(ALL, true), name in prop::sample::select(vec!["cumsum", "cumprod", "nancumsum"])) {
        let view = &case.view;
        let Some(axis) = case.axes.first().copied() else {
            return Ok(());
        };
        let op = ScanOp::parse(name).expect("known");
        let elem = view.dtype.elem().expect("numbers");
        let state = op.total().state(elem)[0];
        let (all, end) = scan(op, view, axis, None, state).expect("scan");
        let len = view.shape[axis];
        let cut = len / 2;
        let mut parts: Vec<(usize, usize, isize)> = view.shape.iter().map(|len| (0, *len, 1)).collect();
        parts[axis] = (0, cut, 1);
        let first = view.slice(&parts).expect("slice");
        let carry = partial(op.total(), &first, &[axis], None).expect("partial").remove(0);
        parts[axis] = (cut, len - cut, 1);
        let (second, own_end) = scan(op, &view.slice(&parts).expect("slice"), axis, Some(&carry), state).expect("scan");
        // The same as a loop over the second half.
        let later = read(&all.slice(&parts).expect("slice"));
        for (value, wanted) in read(&second).into_iter().zip(later) {
            prop_assert!(same(value, wanted, 1e-9) || is_nan(value) && is_nan(wanted) || wanted.norm() > 1e12);
        }
        for (value, wanted) in read(&own_end).into_iter().zip(read(&end)) {
            prop_assert!(same(value, wanted, 1e-9) || is_nan(value) && is_nan(wanted) || wanted.norm() > 1e12);
        }
        parts[axis] = (len - 1, 1, 1);
        let last = read(&all.slice(&parts).expect("slice"));
        let total = partial(op.total(), view, &[axis], None).expect("partial");
        for (value, wanted) in last.into_iter().zip(read(&total[0])) {
            prop_assert!(same(value, wanted, 1e-9) || is_nan(value) && is_nan(wanted) || wanted.norm() > 1e12);
        }
    }
}

fn floats(values: Vec<f64>) -> ArrayChunk {
    ArrayChunk::dense(NdDtype::Num(Elem::F64), vec![values.len()], buffer_of(values)).expect("dense")
}

#[test]
fn every_reduction_of_every_type_runs() {
    for elem in Elem::ALL {
        let mut next = numbers(77, true);
        let all: Vec<C> = (0..6 * 40).map(|_| next()).collect();
        let view = block(elem, &[6, 40], &all);
        for name in NAMES {
            for axes in [vec![], vec![0], vec![1], vec![0, 1]] {
                let case = Case {
                    view: view.clone(),
                    axes,
                    parts: 2,
                };
                check(name, &case);
            }
        }
    }
}

#[test]
fn nothing_has_no_minimum_but_a_sum() {
    let none = floats(vec![]);
    let run = |name: &str| {
        let op = ReduceOp::parse(name, 0.0, 2).expect("known");
        let state = partial(op, &none, &[0], Some(Numbering::along(0, 1, 0))).expect("partial");
        finish(op, &state, op.result(Elem::F64, None).expect("result"))
    };
    for (name, message) in [
        (
            "min",
            "zero-size array to reduction operation minimum which has no identity",
        ),
        (
            "nanmax",
            "zero-size array to reduction operation fmax which has no identity",
        ),
        ("argmax", "attempt to get argmax of an empty sequence"),
    ] {
        assert_eq!(run(name).expect_err("nothing").message(), message);
    }
    assert_eq!(read(&run("sum").expect("sum")), [C::new(0.0, 0.0)]);
    assert_eq!(read(&run("prod").expect("prod")), [C::new(1.0, 0.0)]);
    assert!(is_nan(read(&run("mean").expect("mean"))[0]) && is_nan(read(&run("var").expect("var"))[0]));
    let op = ReduceOp::Min { skipna: true };
    let state = partial(op, &floats(vec![f64::NAN]), &[0], None).expect("partial");
    assert!(is_nan(read(&finish(op, &state, Elem::F64).expect("finish"))[0]));
    let op = ReduceOp::ArgMin { skipna: true };
    let numbers = Some(Numbering::along(0, 1, 0));
    let state = partial(op, &floats(vec![f64::NAN]), &[0], numbers).expect("partial");
    let error = finish(op, &state, Elem::I64).expect_err("all NaN");
    assert_eq!(error.message(), "All-NaN slice encountered");
}

#[test]
fn sums_are_as_accurate_as_pairwise_ones() {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1u32 << 24)
    };
    let values: Vec<f32> = (0..3_000_000).map(|_| next() as f32).collect();
    let exact: f64 = values.iter().map(|value| f64::from(*value)).sum();
    let sum = ReduceOp::Sum { skipna: false };
    for shape in [vec![3_000_000], vec![3000, 1000], vec![1000, 3000]] {
        let axes: Vec<usize> = (0..shape.len()).collect();
        let chunk =
            ArrayChunk::dense(NdDtype::Num(Elem::F32), shape, buffer_of(values.clone())).expect("dense");
        let total = partial(sum, &chunk, &axes, None).expect("partial");
        let off = (read(&total[0])[0].re / exact - 1.0).abs();
        assert!(off < 1e-7, "{off}");
    }
    // Ten million times a tenth and one large number: what rounding takes is kept.
    let mut values = vec![0.1; 1_000_000];
    values[0] = 1e9;
    let total = partial(sum, &floats(values), &[0], None).expect("partial");
    assert!((read(&total[0])[0].re - (1e9 + 99_999.9)).abs() < 1e-5);
    // Deviations of numbers far from zero.
    let values: Vec<f64> = (0..100_000).map(|i| 1e9 + f64::from(i % 10)).collect();
    let op = ReduceOp::Var {
        skipna: false,
        ddof: 0.0,
    };
    for shape in [vec![100_000], vec![1000, 100]] {
        let axes: Vec<usize> = (0..shape.len()).collect();
        let chunk = floats(values.clone());
        let chunk = crate::kernels::nd::layout::reshape(&chunk, &shape).expect("reshape");
        let state = partial(op, &chunk, &axes, None).expect("partial");
        let var = read(&finish(op, &state, Elem::F64).expect("finish"))[0].re;
        assert!((var - 8.25).abs() < 1e-7, "{var}");
    }
}

#[test]
fn a_mean_is_read_off_the_state_of_a_variance() {
    let chunk = floats(vec![1.0, 2.0, 6.0]);
    let (mean, std) = (
        ReduceOp::Mean { skipna: false },
        ReduceOp::Std {
            skipna: false,
            ddof: 1.0,
        },
    );
    assert!(mean.reads_state_of(&std));
    let state = partial(std, &chunk, &[0], None).expect("partial");
    assert_eq!(read(&finish(mean, &state, Elem::F64).expect("mean"))[0].re, 3.0);
    assert_eq!(
        read(&finish(std, &state, Elem::F64).expect("std"))[0].re,
        7f64.sqrt()
    );
}

#[test]
fn misplaced_bands_are_refused() {
    let op = ReduceOp::Sum { skipna: false };
    let band = floats(vec![1.0, 2.0]);
    let new = || Accumulator::new(op, Elem::F64, &[3], &[0], None).expect("accumulator");
    assert!(new().update(&band, 2).is_err());
    let mut short = new();
    short.update(&band, 0).expect("update");
    assert!(short.state().is_err());
    assert!(Accumulator::new(op, Elem::F64, &[3], &[1], None).is_err());
    assert!(Accumulator::new(ReduceOp::ArgMin { skipna: false }, Elem::F64, &[3], &[0], None).is_err());
    assert!(dense(&band).is_ok());
}
