//! Group-bys over 10 million rows in memory, in batches of 65,536 rows: 8 partial results by 2 threads, one merge, the result
//! in order. Prints the best and the median time and the processor time; `cargo bench --bench groupby [rows]`; `QUERY=id3`
//! runs those whose name holds it, `SPLIT=1` also prints the time of merge and result, `REPEAT=50` runs each that
//! often.

use std::sync::Arc;
use std::time::Instant;

use _core::dtype::{Dtype, NumpyType};
use _core::kernels::agg::{AggPlan, Aggregator, GroupOptions};
use _core::op::agg::{AggOp, AggOptions};
use _core::schema::{Column, FrameKind, FrameSchema, IndexSchema, Label};
use arrow::array::{ArrayRef, Float64Array, Int64Array, LargeStringArray, StringViewArray};

const BATCH: usize = 65_536;
const THREADS: usize = 2;
const TASKS: usize = 8;

/// A small generator of numbers, so that the data is the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct Data {
    /// id1 and id2 (100 texts), id3 (100,000 texts), id4, id5 (100 ints), id6 (100,000 ints), v1, v2 (ints), v3 (float),
    /// then id1 and id3 by offsets.
    batches: Vec<Vec<ArrayRef>>,
}

fn data(rows: usize) -> Data {
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let texts = |prefix: &str, width: usize, codes: &[u64]| -> Vec<String> {
        codes
            .iter()
            .map(|code| format!("{prefix}{code:0width$}"))
            .collect()
    };
    let batches = (0..rows.div_ceil(BATCH))
        .map(|batch| {
            let len = BATCH.min(rows - batch * BATCH);
            let mut codes = |limit: u64| -> Vec<u64> { (0..len).map(|_| numbers.below(limit) + 1).collect() };
            let ints = |codes: &[u64]| -> ArrayRef {
                Arc::new(codes.iter().map(|code| *code as i64).collect::<Int64Array>())
            };
            let id1 = texts("id", 3, &codes(100));
            let id2 = texts("id", 3, &codes(100));
            let id3 = texts("id", 10, &codes(rows as u64 / 100));
            let view = |texts: &[String]| -> ArrayRef { Arc::new(StringViewArray::from_iter_values(texts)) };
            let large =
                |texts: &[String]| -> ArrayRef { Arc::new(LargeStringArray::from_iter_values(texts)) };
            vec![
                view(&id1),
                view(&id2),
                view(&id3),
                ints(&codes(100)),
                ints(&codes(100)),
                ints(&codes(rows as u64 / 100)),
                ints(&codes(5)),
                ints(&codes(15)),
                Arc::new(
                    codes(100_000_000)
                        .iter()
                        .map(|code| *code as f64 / 1e6)
                        .collect::<Float64Array>(),
                ),
                large(&id1),
                large(&id3),
            ]
        })
        .collect();
    Data { batches }
}

fn dtype(column: usize) -> Dtype {
    match column {
        0..=2 | 9 | 10 => Dtype::Str,
        8 => Dtype::Numpy(NumpyType::Float64),
        _ => Dtype::Numpy(NumpyType::Int64),
    }
}

fn run(data: &Data, keys: &[usize], calls: &[(&str, usize)]) -> usize {
    let mut inputs: Vec<usize> = calls.iter().map(|(_, column)| *column).collect();
    inputs.sort_unstable();
    inputs.dedup();
    let ops: Vec<(AggOp, Option<usize>)> = calls
        .iter()
        .map(|(name, column)| {
            let op = AggOp::parse(name, AggOptions::default()).expect("the aggregations of this bench exist");
            (op, inputs.iter().position(|input| input == column))
        })
        .collect();
    let column = |dtype: Dtype| Column {
        name: Label::None,
        dtype,
    };
    let key_dtypes: Vec<Dtype> = keys.iter().map(|key| dtype(*key)).collect();
    let input_dtypes: Vec<Dtype> = inputs.iter().map(|input| dtype(*input)).collect();
    let columns = ops
        .iter()
        .map(|(op, input)| {
            let dtype = op.result(input.map(|input| &input_dtypes[input]), !keys.is_empty());
            column(dtype.expect("the dtypes of this bench have kernels"))
        })
        .collect();
    let index = if keys.is_empty() {
        IndexSchema::range()
    } else {
        IndexSchema::Levels(key_dtypes.iter().cloned().map(column).collect())
    };
    let options = GroupOptions {
        sort: true,
        dropna: true,
        observed: true,
    };
    let output = Arc::new(FrameSchema::new(FrameKind::Frame, columns, index));
    let plan = AggPlan::shared(&key_dtypes, &input_dtypes, &ops, options, output);
    let plan = Arc::new(plan.expect("the dtypes of this bench have kernels"));
    let next = std::sync::atomic::AtomicUsize::new(0);
    let each = data.batches.len().div_ceil(TASKS);
    let mut states: Vec<_> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let task = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if task >= TASKS {
                    return done;
                }
                let mut aggregator = Aggregator::new(plan.clone()).expect("the plan was accepted");
                for batch in data.batches.iter().skip(task * each).take(each) {
                    let keys: Vec<ArrayRef> = keys.iter().map(|key| batch[*key].clone()).collect();
                    let args: Vec<_> = inputs.iter().map(|input| Some(batch[*input].clone())).collect();
                    aggregator
                        .update(&keys, &args, batch[0].len())
                        .expect("the batch fits");
                }
                done.push((task, aggregator.into_state().expect("a state")));
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    states.sort_by_key(|(task, _)| *task);
    let partial = Instant::now();
    let states: Vec<_> = states.into_iter().map(|(_, state)| state).collect();
    let result = plan.finish(states).expect("a result");
    if std::env::var_os("SPLIT").is_some() {
        println!("    finish {:.4}", partial.elapsed().as_secs_f64());
    }
    result.len()
}

/// Seconds of processor time that this process has used, where the system tells.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time, in ticks of 10 ms.
    fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// A name, the keys, the aggregations and their columns.
type Query<'a> = (&'a str, &'a [usize], &'a [(&'a str, usize)]);

fn main() {
    let rows = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(10_000_000);
    let data = data(rows);
    let sums: &[(&str, usize)] = &[("sum", 6), ("sum", 7), ("sum", 8)];
    let queries: [Query; 12] = [
        ("id1 -> sum v1", &[0], &[("sum", 6)]),
        ("id1 by offsets -> sum v1", &[9], &[("sum", 6)]),
        ("id1, id2 -> sum v1", &[0, 1], &[("sum", 6)]),
        ("id3 -> sum v1, mean v3", &[2], &[("sum", 6), ("mean", 8)]),
        ("id3 -> sums", &[2], sums),
        ("id3 by offsets -> sums", &[10], sums),
        ("id4 -> means", &[3], &[("mean", 6), ("mean", 7), ("mean", 8)]),
        ("id6 -> sums", &[5], sums),
        ("id4, id5 -> std v3", &[3, 4], &[("std", 8)]),
        ("id3 -> max v1, min v2", &[2], &[("max", 6), ("min", 7)]),
        (
            "id1..id6 -> sum v3, count",
            &[0, 1, 2, 3, 4, 5],
            &[("sum", 8), ("count", 6)],
        ),
        (
            "no key -> sums, std v3",
            &[],
            &[("sum", 6), ("sum", 7), ("sum", 8), ("std", 8)],
        ),
    ];
    let repeat = std::env::var("REPEAT").ok().and_then(|word| word.parse().ok());
    let wanted = std::env::var("QUERY").unwrap_or_default();
    for (name, keys, calls) in queries.into_iter().filter(|query| query.0.contains(&wanted)) {
        let mut times = Vec::new();
        let mut groups = 0;
        let before = cpu();
        for _ in 0..repeat.unwrap_or(if keys.len() > 2 { 2 } else { 5 }) {
            let start = Instant::now();
            groups = run(&data, keys, calls);
            times.push(start.elapsed().as_secs_f64());
        }
        let each = (cpu() - before) / times.len() as f64;
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{name:28} {groups:>9} groups  best {:.4} s  median {median:.4} s  cpu {each:.3} s",
            times[0]
        );
    }
}
