//! Programs against the same computed element by element.

use std::sync::Arc;

use arrow::buffer::Buffer;

use super::*;
use crate::chunk::array::ArrayChunk;
use crate::error::Kind;
use crate::kernels::nd::memory::buffer_of;
use crate::nd::NdDtype;
use crate::op::nd::{NdScalar, NdValue};

fn block(shape: &[usize], seed: usize) -> ArrayChunk {
    let len: usize = shape.iter().product();
    let values: Vec<f64> = (0..len)
        .map(|i| ((i * 7919 + seed * 31) % 1009) as f64 - 500.0)
        .collect();
    ArrayChunk::dense(NdDtype::Num(Elem::F64), shape.to_vec(), buffer_of(values)).unwrap()
}

fn values(chunk: &ArrayChunk) -> Vec<f64> {
    let mut all = Vec::new();
    chunk
        .runs(&mut |run| {
            all.extend(
                run.chunks_exact(8)
                    .map(|item| f64::from_ne_bytes(item.try_into().unwrap())),
            );
            Ok(())
        })
        .unwrap();
    all
}

fn call(op: NdOp, args: &[&Arc<NdExpr>], inputs: &[Elem]) -> Arc<NdExpr> {
    NdExpr::call_over(op, args.iter().map(|arg| (*arg).clone()).collect(), inputs).unwrap()
}

fn float(value: f64) -> Arc<NdExpr> {
    NdExpr::constant(NdScalar::float(value))
}

/// `(x + 1) * 2 - y`
fn chain() -> Arc<NdExpr> {
    let types = [Elem::F64; 2];
    let sum = call(NdOp::Add, &[&NdExpr::input(0), &float(1.0)], &types);
    let twice = call(NdOp::Multiply, &[&sum, &float(2.0)], &types);
    call(NdOp::Subtract, &[&twice, &NdExpr::input(1)], &types)
}

/// Views of one shape that lie in memory in many ways.
fn views(shape: &[usize], seed: usize) -> Vec<ArrayChunk> {
    let axes = shape.len();
    let mut made = vec![block(shape, seed)];
    let reversed: Vec<usize> = (0..axes).rev().collect();
    let turned: Vec<usize> = shape.iter().rev().copied().collect();
    made.push(block(&turned, seed).transpose(&reversed));
    if axes > 1 {
        let order: Vec<usize> = (0..axes).map(|axis| (axis + 1) % axes).collect();
        let mut own = vec![0; axes];
        for (axis, place) in order.iter().enumerate() {
            own[*place] = shape[axis];
        }
        made.push(block(&own, seed).transpose(&order));
    }
    let wide: Vec<usize> = shape.iter().map(|len| 2 * len + 3).collect();
    let every: Vec<_> = shape.iter().map(|len| (1, *len, 2)).collect();
    made.push(block(&wide, seed).slice(&every).unwrap());
    let back: Vec<_> = shape.iter().map(|len| (len + 1, *len, -1)).collect();
    made.push(block(&wide, seed).slice(&back).unwrap());
    for axis in 0..axes {
        let mut own = shape.to_vec();
        own[axis] = 1;
        made.push(block(&own, seed));
        made.push(block(&shape[axis..], seed));
    }
    made.push(block(&[], seed));
    made
}

#[test]
fn blocks_of_any_layout_are_read_right() {
    let program = NdProgram::compile(&chain(), &[Elem::F64; 2]).unwrap();
    let shapes: [&[usize]; 13] = [
        &[],
        &[1],
        &[5000],
        &[0],
        &[3, 0, 4],
        &[3, 4],
        &[100, 3],
        &[3, 1000],
        &[130, 67],
        &[513, 600],
        &[5, 6, 7],
        &[2, 300, 130],
        &[4, 1, 5, 70],
    ];
    for shape in shapes {
        for x in views(shape, 1) {
            for y in views(shape, 2) {
                let (x, y) = (x.broadcast(shape).unwrap(), y.broadcast(shape).unwrap());
                let wanted: Vec<f64> = values(&x)
                    .iter()
                    .zip(values(&y))
                    .map(|(x, y)| (x + 1.0) * 2.0 - y)
                    .collect();
                let made = program.run(&[x.clone(), y.clone()], shape).unwrap();
                assert_eq!(made.shape, shape);
                assert_eq!(
                    values(&made),
                    wanted,
                    "{shape:?}: {:?} and {:?}",
                    x.strides,
                    y.strides
                );
                let mut bytes = crate::kernels::nd::memory::fresh(wanted.len() * 8);
                program.run_into(&[x, y], shape, bytes.as_slice_mut()).unwrap();
                assert_eq!(bytes.as_slice(), buffer_of(wanted).as_slice(), "{shape:?}");
            }
        }
    }
}

#[test]
fn what_is_uniform_stays_so() {
    let program = NdProgram::compile(&chain(), &[Elem::F64; 2]).unwrap();
    let one = |value: f64| {
        ArrayChunk::uniform(NdDtype::Num(Elem::F64), vec![300, 1000], buffer_of(vec![value])).unwrap()
    };
    let made = program.run(&[one(3.0), one(1.0)], &[300, 1000]).unwrap();
    assert_eq!(
        (made.strides.as_slice(), made.buffer.len()),
        ([0, 0].as_slice(), 8)
    );
    assert_eq!(values(&made), vec![7.0; 300_000]);
    // A whole constant expression, and one that is only an input.
    let constant = NdProgram::compile(&NdExpr::Const(NdScalar::bool(true)), &[]).unwrap();
    let mut bytes = [0; 6];
    constant.run_into(&[], &[2, 3], &mut bytes).unwrap();
    assert_eq!(bytes, [1; 6]);
    let input = NdProgram::compile(&NdExpr::Input(0), &[Elem::F64]).unwrap();
    let x = block(&[7, 9], 3).transpose(&[1, 0]);
    assert_eq!(
        values(&input.run(std::slice::from_ref(&x), &[9, 7]).unwrap()),
        values(&x)
    );
}

#[test]
fn equal_steps_are_one_and_constants_are_folded() {
    let types = [Elem::F64];
    let x = NdExpr::input(0);
    let sine = |arg: &Arc<NdExpr>| call(NdOp::Sin, &[arg], &types);
    let ten = NdScalar::strong(Elem::F64, NdValue::Float(10.0)).unwrap();
    let folded = call(NdOp::Sqrt, &[&NdExpr::constant(ten)], &types);
    let sum = call(NdOp::Add, &[&sine(&x), &sine(&x)], &types);
    let program = NdProgram::compile(&call(NdOp::Multiply, &[&sum, &folded], &types), &types).unwrap();
    assert_eq!(program.steps.len(), 3);
    let made = program.run(&[block(&[4], 0)], &[4]).unwrap();
    let wanted: Vec<f64> = values(&block(&[4], 0))
        .iter()
        .map(|x| 2.0 * x.sin() * 10f64.sqrt())
        .collect();
    for (made, wanted) in values(&made).iter().zip(wanted) {
        assert!((made - wanted).abs() <= 1e-15 * wanted.abs());
    }
}

#[test]
fn registers_are_not_overwritten_too_early() {
    // Each value is read again far behind the step that made it.
    let types = [Elem::F64];
    let mut made = vec![NdExpr::input(0)];
    for step in 0..30usize {
        let (a, b) = (&made[step], &made[step * 7 % (step + 1)]);
        let op = [NdOp::Add, NdOp::Maximum, NdOp::Subtract][step % 3];
        made.push(call(op, &[a, b], &types));
    }
    let sum = made[1..].iter().fold(NdExpr::input(0), |sum, value| {
        call(NdOp::Minimum, &[&sum, value], &types)
    });
    let program = NdProgram::compile(&sum, &types).unwrap();
    assert!(program.registers < program.steps.len());
    let x = block(&[3000], 5);
    let wanted: Vec<f64> = values(&x)
        .into_iter()
        .map(|x| {
            let mut made = vec![x];
            for step in 0..30usize {
                let (a, b) = (made[step], made[step * 7 % (step + 1)]);
                made.push(match step % 3 {
                    0 => a + b,
                    1 => a.max(b),
                    _ => a - b,
                });
            }
            made.into_iter().fold(f64::INFINITY, f64::min)
        })
        .collect();
    assert_eq!(values(&program.run(&[x], &[3000]).unwrap()), wanted);
}

#[test]
fn refusals_come_from_the_elements() {
    let types = [Elem::I64; 2];
    let power = call(NdOp::Power, &[&NdExpr::input(0), &NdExpr::input(1)], &types);
    let program = NdProgram::compile(&power, &types).unwrap();
    let ints = |values: Vec<i64>| {
        ArrayChunk::dense(NdDtype::Num(Elem::I64), vec![values.len()], buffer_of(values)).unwrap()
    };
    let made = program
        .run(&[ints(vec![2, -3]), ints(vec![10, 3])], &[2])
        .unwrap();
    assert_eq!(made.buffer.typed_data::<i64>(), [1024, -27]);
    let error = program
        .run(&[ints(vec![2, -3]), ints(vec![10, -3])], &[2])
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (
            Kind::Value,
            "Integers to negative integer powers are not allowed."
        )
    );
    let nothing = program.run(&[ints(vec![]), ints(vec![-1])], &[0]).unwrap();
    assert_eq!(nothing.size(), 0);
    assert!(program.run(&[block(&[2], 0), ints(vec![1, 2])], &[2]).is_err());
}

#[test]
fn half_floats_round_after_every_operation() {
    use half::f16;
    let types = [Elem::F16];
    let third = NdExpr::constant(NdScalar::float(0.333));
    let scaled = call(NdOp::Multiply, &[&NdExpr::input(0), &third], &types);
    let sum = call(NdOp::Add, &[&scaled, &NdExpr::input(0)], &types);
    let program = NdProgram::compile(&sum, &types).unwrap();
    let x: Vec<f16> = (0..100u8).map(|i| f16::from_f32(f32::from(i) * 0.37)).collect();
    let third = f16::from_f32(0.333);
    let wanted: Vec<f16> = x.iter().map(|x| *x * third + *x).collect();
    let chunk = ArrayChunk::dense(NdDtype::Num(Elem::F16), vec![100], Buffer::from_vec(x)).unwrap();
    let made = program.run(&[chunk], &[100]).unwrap();
    assert_eq!(made.buffer.typed_data::<f16>(), wanted);
}
