//! Reductions and copies of blocks in memory, one thread: nanoseconds for an element and gigabytes of data for a second, the
//! best of several runs. `cargo bench --bench ndreduce [rows]`; `QUERY=sum` runs those whose name holds it, `REPEAT=20`
//! runs each that often.

use std::hint::black_box;
use std::time::Instant;

use _core::chunk::ArrayChunk;
use _core::kernels::nd::copy::{Piece, copied, gather};
use _core::kernels::nd::matmul::{How, product_into};
use _core::kernels::nd::memory::buffer_of;
use _core::kernels::nd::reduce::{Accumulator, Numbering, finish, partial, scan};
use _core::nd::{Elem, NdDtype};
use _core::op::nd_reduce::{ReduceOp, ScanOp};

fn block<T: Copy + 'static>(elem: Elem, shape: [usize; 2], of: impl Fn(f64) -> T) -> ArrayChunk {
    let mut state = 1u64;
    let values: Vec<T> = (0..shape[0] * shape[1])
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            of((state >> 40) as f64 / f64::from(1u32 << 24))
        })
        .collect();
    ArrayChunk::dense(NdDtype::Num(elem), shape.to_vec(), buffer_of(values)).expect("dense")
}

struct Bench {
    query: String,
    repeat: usize,
}

impl Bench {
    fn run<R>(&self, name: &str, elements: usize, itemsize: usize, mut task: impl FnMut() -> R) {
        if !name.contains(&self.query) {
            return;
        }
        let mut best = f64::INFINITY;
        for _ in 0..self.repeat {
            let start = Instant::now();
            black_box(task());
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!(
            "{name:42} {:8.3} ns/element {:7.2} GB/s",
            best * 1e9 / elements as f64,
            (elements * itemsize) as f64 / best / 1e9
        );
    }
}

fn main() {
    let rows = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(4000);
    let bench = Bench {
        query: std::env::var("QUERY").unwrap_or_default(),
        repeat: std::env::var("REPEAT")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(7),
    };
    let shape = [rows, 4000];
    let size = rows * 4000;
    let double = block(Elem::F64, shape, |value| value);
    let single = block(Elem::F32, shape, |value| value as f32);
    let byte = block(Elem::U8, shape, |value| (value * 255.0) as u8);
    for (label, chunk, itemsize) in [("f64", &double, 8), ("f32", &single, 4), ("u8", &byte, 1)] {
        let elem = chunk.dtype.elem().expect("numbers");
        for (axes_label, axes) in [("axis 0", vec![0]), ("axis 1", vec![1]), ("all", vec![0, 1])] {
            for name in [
                "sum",
                "nansum",
                "min",
                "mean",
                "nanmean",
                "var",
                "nanvar",
                "argmin",
                "count_nonzero",
            ] {
                let op = ReduceOp::parse(name, 0.0, 2).expect("known");
                let out = op.result(elem, None).expect("result");
                bench.run(&format!("{name} {label} {axes_label}"), size, itemsize, || {
                    let numbering = Some(Numbering::flat(&chunk.shape, &[0, 0]));
                    finish(op, &partial(op, chunk, &axes, numbering).expect("partial"), out).expect("finish")
                });
            }
        }
    }
    let turned = double.transpose(&[1, 0]);
    let sum = ReduceOp::Sum { skipna: false };
    for (label, axes) in [("axis 0", vec![0]), ("axis 1", vec![1])] {
        bench.run(&format!("sum f64 transposed {label}"), size, 8, || {
            partial(sum, &turned, &axes, None)
        });
    }
    let var = ReduceOp::parse("var", 0.0, 2).expect("known");
    bench.run("var f64 axis 0 in bands of 4 rows", size, 8, || {
        let mut all = Accumulator::new(var, Elem::F64, &double.shape, &[0], None).expect("accumulator");
        for at in (0..rows).step_by(4) {
            let band = double
                .slice(&[(at, 4.min(rows - at), 1), (0, 4000, 1)])
                .expect("slice");
            all.update(&band, at).expect("update");
        }
        all.state().expect("state")
    });
    let narrow = block(Elem::F64, [size / 3, 3], |value| value);
    bench.run("sum f64 of 3 columns, axis 0", size, 8, || {
        partial(sum, &narrow, &[0], None)
    });
    bench.run("sum f64 of 3 columns, axis 1", size, 8, || {
        partial(sum, &narrow, &[1], None)
    });
    for axis in [0, 1] {
        let op = ScanOp::Sum { skipna: false };
        bench.run(&format!("cumsum f64 axis {axis}"), size, 8, || {
            scan(op, &double, axis, None, Elem::F64)
        });
    }
    bench.run("copy f64", size, 8, || copied(&double));
    bench.run("copy f64 transposed", size, 8, || copied(&turned));
    bench.run("copy f32 transposed", size, 4, || {
        copied(&single.transpose(&[1, 0]))
    });
    bench.run("copy u8 transposed", size, 1, || copied(&byte.transpose(&[1, 0])));
    let flipped = double.slice(&[(0, rows, 1), (3999, 4000, -1)]).expect("slice");
    bench.run("copy f64 flipped", size, 8, || copied(&flipped));
    let pieces: Vec<Piece> = (0..20)
        .map(|i| Piece {
            chunk: single.slice(&[(0, rows, 1), (i * 16, 16, 1)]).expect("slice"),
            at: vec![i * rows, 0],
        })
        .collect();
    bench.run("rechunk f32 to 16 columns", 20 * rows * 16, 4, || {
        gather(&pieces, &[20 * rows, 16], &single.dtype)
    });
    let part = double
        .slice(&[(0, 1000.min(rows), 1), (0, 1000, 1)])
        .expect("slice");
    let across = part.transpose(&[1, 0]);
    let mut product = vec![0; part.shape[1] * part.shape[1] * size_of::<f64>()];
    bench.run(
        "matmul f64 1000 (per multiply-add)",
        part.size() * 1000,
        0,
        || product_into(&mut product, false, &across, &part, How::default()),
    );
}
