//! Elementwise programs over a million elements: nanoseconds an element (one over the printed throughput).
//! `cargo bench --bench ndprog`.

use std::sync::Arc;

use _core::chunk::array::ArrayChunk;
use _core::kernels::nd::program::NdProgram;
use _core::nd::{Elem, NdDtype};
use _core::op::nd::{NdExpr, NdOp, NdScalar};
use arrow::buffer::Buffer;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SIDE: usize = 1000;

fn call(op: NdOp, args: Vec<Arc<NdExpr>>, elem: Elem) -> Arc<NdExpr> {
    NdExpr::call_over(op, args, &[elem; 2]).expect("a loop for floats")
}

fn float(value: f64) -> Arc<NdExpr> {
    NdExpr::constant(NdScalar::float(value))
}

/// `(x + 1) * 2 - y`
fn affine(elem: Elem) -> Arc<NdExpr> {
    let sum = call(NdOp::Add, vec![NdExpr::input(0), float(1.0)], elem);
    let twice = call(NdOp::Multiply, vec![sum, float(2.0)], elem);
    call(NdOp::Subtract, vec![twice, NdExpr::input(1)], elem)
}

/// `sin(x) ** 2 + cos(x + y) * 0.5 - sqrt(abs(y - 3))`
fn waves(elem: Elem) -> Arc<NdExpr> {
    let (x, y) = (NdExpr::input(0), NdExpr::input(1));
    let sine = call(NdOp::Sin, vec![x.clone()], elem);
    let square = call(NdOp::Power, vec![sine, NdExpr::constant(NdScalar::int(2))], elem);
    let cosine = call(NdOp::Cos, vec![call(NdOp::Add, vec![x, y.clone()], elem)], elem);
    let half = call(NdOp::Multiply, vec![cosine, float(0.5)], elem);
    let size = call(
        NdOp::Absolute,
        vec![call(NdOp::Subtract, vec![y, float(3.0)], elem)],
        elem,
    );
    let root = call(NdOp::Sqrt, vec![size], elem);
    let sum = call(NdOp::Add, vec![square, half], elem);
    call(NdOp::Subtract, vec![sum, root], elem)
}

fn block(elem: Elem, seed: usize) -> ArrayChunk {
    let values = (0..SIDE * SIDE).map(|i| ((i * 7919 + seed) % 2003) as f64 * 0.1 - 100.0);
    let buffer = match elem {
        Elem::F32 => Buffer::from_vec(values.map(|value| value as f32).collect::<Vec<_>>()),
        _ => Buffer::from_vec(values.collect::<Vec<_>>()),
    };
    ArrayChunk::dense(NdDtype::Num(elem), vec![SIDE, SIDE], buffer).expect("a dense block")
}

fn programs(c: &mut Criterion) {
    let mut group = c.benchmark_group("ndprog");
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    group.sample_size(20);
    for elem in [Elem::F64, Elem::F32] {
        let (x, y) = (block(elem, 1), block(elem, 2));
        let mut out = vec![0f64; SIDE * SIDE * elem.itemsize() / 8];
        for (name, expr) in [("affine", affine(elem)), ("waves", waves(elem))] {
            let program = NdProgram::compile(&expr, &[elem; 2]).expect("compiles");
            for (layout, y) in [("dense", y.clone()), ("transposed", y.transpose(&[1, 0]))] {
                let inputs = [x.clone(), y];
                group.bench_function(format!("{name}/{}/{layout}", elem.name()), |b| {
                    b.iter(|| {
                        // SAFETY: floats are bytes, and any bytes written are floats.
                        let bytes = unsafe {
                            std::slice::from_raw_parts_mut(out.as_mut_ptr().cast::<u8>(), size_of_val(&*out))
                        };
                        program.run_into(&inputs, &[SIDE, SIDE], bytes).expect("runs");
                    });
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, programs);
criterion_main!(benches);
