//! What the scheduler costs per task: graphs of 100,000 tasks that do nothing. The goal is 1 microsecond at most.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use _core::chunk::{ArrayChunk, Chunk};
use _core::config::Settings;
use _core::exec::{NoHook, Progress, Runner, WorkerHook, execute_cells};
use _core::nd::{Elem, NdDtype};
use _core::task::{Task, TaskGraph, TaskId, TaskOp};
use _core::token::Name;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const TASKS: usize = 100_000;

fn graph(inputs: impl Fn(usize) -> Vec<TaskId>, outputs: Vec<TaskId>) -> Arc<TaskGraph> {
    let name = Name::from("nothing");
    let task = |partition| Task {
        name: name.clone(),
        partition,
        op: TaskOp::Concat,
        inputs: inputs(partition),
        projected: 1_000,
        cuts: false,
    };
    Arc::new(TaskGraph {
        tasks: (0..TASKS).map(task).collect(),
        outputs,
        ..TaskGraph::default()
    })
}

fn scheduler(criterion: &mut Criterion) {
    let last = TASKS as TaskId - 1;
    let half = TASKS / 2;
    let graphs = [
        ("flat", graph(|_| Vec::new(), (0..=last).collect())),
        (
            "chain",
            graph(
                |i| i.checked_sub(1).map(|i| i as TaskId).into_iter().collect(),
                vec![last],
            ),
        ),
        (
            "gather",
            graph(
                |i| {
                    if i == TASKS - 1 {
                        (0..last).collect()
                    } else {
                        Vec::new()
                    }
                },
                vec![last],
            ),
        ),
        (
            "tree",
            graph(
                |i| match i.checked_sub(half) {
                    Some(k) => [2 * k, 2 * k + 1]
                        .into_iter()
                        .filter(|&j| j < i)
                        .map(|j| j as TaskId)
                        .collect(),
                    None => Vec::new(),
                },
                vec![last],
            ),
        ),
    ];
    let nothing = ArrayChunk::dense(NdDtype::Num(Elem::U8), vec![0], Vec::<u8>::new().into());
    let chunk = Chunk::Array(Arc::new(nothing.expect("an empty chunk")));
    let runner: Runner = Arc::new(move |_, _, _| Ok(chunk.clone()));
    let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
    let mut group = criterion.benchmark_group("tasks that do nothing");
    group
        .throughput(Throughput::Elements(TASKS as u64))
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    for (name, graph) in &graphs {
        for threads in [0, 1, 2] {
            let settings = Settings {
                threads,
                memory_limit: 1 << 30,
                spill_directory: std::env::temp_dir(),
                batch_rows: 1,
                optimize: true,
            };
            group.bench_function(format!("{name}, {threads} threads"), |bench| {
                bench.iter(|| {
                    let progress = Progress::new();
                    let cells = execute_cells(
                        graph.clone(),
                        &settings,
                        runner.clone(),
                        &progress,
                        &hook,
                        &mut || Ok(()),
                    );
                    black_box(cells.map(|cells| cells.len()).ok())
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, scheduler);
criterion_main!(benches);
