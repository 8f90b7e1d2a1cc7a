//! Whole runs: results, spilling, errors, panics, cancelling, runs inside runs, several at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::chunk::ArrayChunk;
use crate::error::{Error, Kind};
use crate::task::TaskOp;

/// A chunk that holds `value`, `copies` times.
fn chunk(value: i64, copies: usize) -> Chunk {
    array(copies, arrow::buffer::Buffer::from_vec(vec![value; copies]))
}

/// A chunk over `buffer`.
fn array(length: usize, buffer: arrow::buffer::Buffer) -> Chunk {
    let dtype = crate::nd::NdDtype::Num(crate::nd::Elem::I64);
    Chunk::Array(Arc::new(
        ArrayChunk::dense(dtype, vec![length], buffer).expect("dense"),
    ))
}

fn value(chunk: &Chunk) -> i64 {
    let Chunk::Array(array) = chunk else {
        panic!("not an array")
    };
    array.buffer.typed_data::<i64>()[0]
}

fn task(inputs: &[u32], partition: usize) -> Task {
    Task {
        name: "add".into(),
        partition,
        op: TaskOp::Concat,
        inputs: inputs.to_vec(),
        projected: 800,
        cuts: false,
    }
}

/// `width` leaves holding their position, summed pairwise; all levels' last tasks are outputs.
fn tree(width: usize) -> Arc<TaskGraph> {
    let mut graph = TaskGraph::default();
    let mut level: Vec<u32> = (0..width as u32).collect();
    for leaf in 0..width {
        graph.tasks.push(task(&[], leaf));
    }
    while level.len() > 1 {
        let mut next = Vec::new();
        for pair in level.chunks(2) {
            next.push(graph.tasks.len() as u32);
            graph.tasks.push(task(pair, 0));
        }
        level = next;
    }
    graph.outputs = vec![level[0], 0, level[0]];
    Arc::new(graph)
}

#[allow(clippy::unnecessary_wraps)] // it is a runner
fn sum(task: &Task, inputs: Vec<Chunk>, _: &Control) -> Result<Chunk> {
    Ok(match inputs.len() {
        0 => chunk(task.partition as i64, 100),
        _ => chunk(inputs.iter().map(value).sum(), 100),
    })
}

fn settings(threads: usize, memory_limit: usize) -> (Settings, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings {
        threads,
        memory_limit,
        spill_directory: directory.path().to_path_buf(),
        batch_rows: 1,
        optimize: true,
    };
    (settings, directory)
}

fn run(graph: &Arc<TaskGraph>, settings: &Settings, runner: Runner) -> Result<Vec<Chunk>> {
    let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
    execute(
        graph.clone(),
        settings,
        runner,
        &Progress::new(),
        &hook,
        &mut || Ok(()),
    )
}

#[test]
fn results_are_equal_whatever_the_threads_and_the_budget() {
    for width in [1, 2, 7, 200] {
        for threads in [0, 1, 2, 5] {
            for limit in [0, 3_000, usize::MAX] {
                let (settings, directory) = settings(threads, limit);
                let out = run(&tree(width), &settings, Arc::new(sum)).unwrap();
                let expected = (width * (width - 1) / 2) as i64;
                assert_eq!(out.iter().map(value).collect::<Vec<_>>(), [expected, 0, expected]);
                let files = count_files(directory.path());
                assert_eq!(files, 0, "spill files stay");
            }
        }
    }
}

fn count_files(directory: &std::path::Path) -> usize {
    let folders = std::fs::read_dir(directory).unwrap().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten());
    files.filter(|file| file.file_name() != "lock").count()
}

#[test]
fn a_tiny_budget_spills_and_counters_say_so() {
    let (settings, _directory) = settings(2, 0);
    let progress = Progress::new();
    progress.listen(true);
    let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
    let graph = tree(50);
    let cells = execute_cells(
        graph.clone(),
        &settings,
        Arc::new(sum),
        &progress,
        &hook,
        &mut || Ok(()),
    )
    .unwrap();
    let counts = progress.counts();
    assert_eq!(
        (counts.done, counts.total),
        (graph.tasks.len(), graph.tasks.len())
    );
    assert!(counts.spilled > 800, "{counts:?}");
    let mut events: Vec<u32> = progress.take_events().iter().map(|event| event.task).collect();
    events.sort_unstable();
    assert_eq!(events, (0..graph.tasks.len() as u32).collect::<Vec<_>>());
    assert_eq!(value(&cells[1].get().unwrap()), 0);
    assert_eq!(value(&cells[0].clone().take().unwrap()), 1225);
}

#[test]
fn the_caller_holds_the_last_reference() {
    for threads in [0, 2] {
        let (settings, _directory) = settings(threads, usize::MAX);
        let mut graph = TaskGraph::default();
        graph.tasks.push(task(&[], 1));
        graph.outputs = vec![0];
        let out = run(&Arc::new(graph), &settings, Arc::new(sum)).unwrap();
        let Ok([Chunk::Array(array)]) = <[Chunk; 1]>::try_from(out) else {
            panic!()
        };
        let array = Arc::try_unwrap(array).expect("the engine holds the chunk");
        array.buffer.into_mutable().expect("the engine holds the buffer");
    }
}

#[test]
fn the_last_consumer_owns_its_input() {
    let (settings, _directory) = settings(1, usize::MAX);
    let mut graph = TaskGraph::default();
    graph.tasks.push(task(&[], 1));
    graph.tasks.push(task(&[0], 1));
    graph.outputs = vec![1];
    let runner = |task: &Task, mut inputs: Vec<Chunk>, control: &Control| {
        if let Some(Chunk::Array(array)) = inputs.pop() {
            Arc::try_unwrap(array).expect("somebody else holds the input");
        }
        sum(task, Vec::new(), control)
    };
    run(&Arc::new(graph), &settings, Arc::new(runner)).unwrap();
}

#[test]
fn the_first_error_wins_and_names_its_task() {
    for threads in [0, 1, 3] {
        let (settings, _directory) = settings(threads, usize::MAX);
        let started = Arc::new(AtomicUsize::new(0));
        let counter = started.clone();
        let runner = move |task: &Task, inputs: Vec<Chunk>, control: &Control| {
            counter.fetch_add(1, Ordering::Relaxed);
            if task.partition == 5 && inputs.is_empty() {
                return Err(Error::value("no such thing"));
            }
            sum(task, inputs, control)
        };
        let graph = tree(1000);
        let error = run(&graph, &settings, Arc::new(runner)).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Value, "no such thing"));
        assert_eq!(error.notes(), ["in task ('add', 5), partition 5"]);
        assert!(
            started.load(Ordering::Relaxed) < 100,
            "it went on after the error"
        );
    }
}

#[test]
fn a_panic_becomes_an_error_and_the_pool_lives_on() {
    for threads in [0, 2] {
        let (settings, _directory) = settings(threads, usize::MAX);
        let runner = |task: &Task, inputs: Vec<Chunk>, control: &Control| {
            assert!(task.partition != 3, "three is too many");
            sum(task, inputs, control)
        };
        let error = run(&tree(10), &settings, Arc::new(runner)).unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        assert!(error.message().contains("three is too many"), "{error}");
        assert!(error.notes()[0].contains("('add', 3)"), "{error}");
        assert_eq!(value(&run(&tree(10), &settings, Arc::new(sum)).unwrap()[0]), 45);
    }
}

/// Works until it is told to stop.
fn endless(_: &Task, _: Vec<Chunk>, control: &Control) -> Result<Chunk> {
    loop {
        control.check()?;
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_signal_stops_running_tasks_and_its_error_comes_back() {
    let (settings, _directory) = settings(2, usize::MAX);
    let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
    let start = Instant::now();
    let mut polls = 0;
    let mut poll = || {
        polls += 1;
        if polls == 2 {
            return Err(Error::new(Kind::Cancelled, "interrupted"));
        }
        Ok(())
    };
    let error = execute(
        tree(10),
        &settings,
        Arc::new(endless),
        &Progress::new(),
        &hook,
        &mut poll,
    )
    .unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Cancelled, "interrupted"));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(value(&run(&tree(10), &settings, Arc::new(sum)).unwrap()[0]), 45);
}

#[test]
fn progress_cancels_from_another_thread() {
    for threads in [0, 2] {
        let (settings, _directory) = settings(threads, usize::MAX);
        let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
        let progress = Progress::new();
        let other = progress.clone();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            other.cancel();
        });
        let error = execute(
            tree(10),
            &settings,
            Arc::new(endless),
            &progress,
            &hook,
            &mut || Ok(()),
        )
        .unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);
        canceller.join().unwrap();
        let again = execute(tree(10), &settings, Arc::new(sum), &progress, &hook, &mut || {
            Ok(())
        });
        assert_eq!(again.unwrap_err().kind(), Kind::Cancelled);
    }
}

#[test]
fn runs_inside_runs_get_on() {
    for threads in [0, 1, 2] {
        let (settings, _directory) = settings(threads, 5_000);
        let inner = settings.clone();
        let nested = move |task: &Task, inputs: Vec<Chunk>, control: &Control| {
            let extra = value(&run(&tree(20), &inner, Arc::new(sum))?[0]);
            let own = value(&sum(task, inputs, control)?);
            Ok(chunk(own + extra - 190, 100))
        };
        let twice = settings.clone();
        let nested: Runner = Arc::new(nested);
        let deeper: Runner = Arc::new(move |task: &Task, inputs: Vec<Chunk>, control: &Control| {
            if task.partition == 4 {
                run(&tree(5), &twice, nested.clone())?;
            }
            sum(task, inputs, control)
        });
        assert_eq!(value(&run(&tree(10), &settings, deeper).unwrap()[0]), 45);
    }
}

#[test]
fn cancelling_a_run_cancels_the_runs_inside() {
    let (settings, _directory) = settings(2, usize::MAX);
    let inner = settings.clone();
    let begun = Arc::new(AtomicBool::new(false));
    let flag = begun.clone();
    let runner = move |_: &Task, _: Vec<Chunk>, _: &Control| {
        flag.store(true, Ordering::Release);
        Ok(run(&tree(3), &inner, Arc::new(endless))?.remove(0))
    };
    let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
    let mut poll = || {
        if begun.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Cancelled, "interrupted"));
        }
        Ok(())
    };
    let error = execute(
        tree(2),
        &settings,
        Arc::new(runner),
        &Progress::new(),
        &hook,
        &mut poll,
    )
    .unwrap_err();
    assert_eq!(error.message(), "interrupted");
}

#[test]
fn several_runs_at_once_share_the_threads_and_the_budget() {
    let (settings, _directory) = settings(2, 4_000);
    std::thread::scope(|scope| {
        for width in [3, 50, 100, 150] {
            let settings = &settings;
            scope.spawn(move || {
                for _ in 0..5 {
                    let out = run(&tree(width), settings, Arc::new(sum)).unwrap();
                    assert_eq!(value(&out[0]), (width * (width - 1) / 2) as i64);
                }
            });
        }
    });
}

#[test]
fn a_spill_directory_that_cant_be_used_is_named_and_the_session_lives_on() {
    for threads in [0, 2] {
        let (mut settings, directory) = settings(threads, 0);
        let file = directory.path().join("not-a-folder");
        std::fs::write(&file, "x").unwrap();
        settings.spill_directory.clone_from(&file);
        let error = run(&tree(10), &settings, Arc::new(sum)).unwrap_err();
        assert_eq!((error.kind(), error.path()), (Kind::Os, Some(file.as_path())));
        assert!(error.to_string().contains("temporary-directory"), "{error}");
        settings.memory_limit = usize::MAX;
        assert_eq!(value(&run(&tree(10), &settings, Arc::new(sum)).unwrap()[0]), 45);
    }
}

#[test]
fn pieces_of_one_buffer_fit_where_the_buffer_fits() {
    let whole = arrow::buffer::Buffer::from_vec(vec![7_i64; 1000]);
    let piece = |value: &Chunk, at: usize| {
        let Chunk::Array(array) = value else { panic!() };
        self::array(10, array.buffer.slice_with_length(at * 80, 80))
    };
    for held in [false, true] {
        let (settings, directory) = settings(2, if held { 100 } else { 10_000 });
        let source = array(1000, whole.clone());
        let mut graph = TaskGraph::default();
        graph.tasks.push(Task {
            op: if held {
                TaskOp::Value(source.clone())
            } else {
                TaskOp::Concat
            },
            projected: 0,
            ..task(&[], 0)
        });
        for at in 0..100 {
            graph.tasks.push(Task {
                projected: 0,
                ..task(&[0], at)
            });
        }
        graph.outputs = (1..101).collect();
        let runner = move |task: &Task, inputs: Vec<Chunk>, _: &Control| {
            Ok(inputs
                .first()
                .map_or_else(|| source.clone(), |whole| piece(whole, task.partition)))
        };
        let progress = Progress::new();
        let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
        let out = execute(
            Arc::new(graph),
            &settings,
            Arc::new(runner),
            &progress,
            &hook,
            &mut || Ok(()),
        )
        .unwrap();
        assert_eq!(out.len(), 100);
        assert_eq!(progress.counts().spilled, 0);
        assert_eq!(count_files(directory.path()), 0);
    }
}

#[test]
fn a_chunk_that_took_over_its_inputs_memory_can_be_spilled() {
    let (settings, _directory) = settings(1, 2_000);
    let mut graph = TaskGraph::default();
    for pair in 0..5 {
        graph.tasks.push(task(&[], pair));
        graph.tasks.push(task(&[2 * pair as u32], pair));
    }
    graph.outputs = vec![1, 3, 5, 7, 9];
    let pass_on = |task: &Task, mut inputs: Vec<Chunk>, control: &Control| match inputs.pop() {
        Some(chunk) => Ok(chunk),
        None => sum(task, inputs, control),
    };
    let progress = Progress::new();
    let hook: Arc<dyn WorkerHook> = Arc::new(NoHook);
    let cells = execute_cells(
        Arc::new(graph),
        &settings,
        Arc::new(pass_on),
        &progress,
        &hook,
        &mut || Ok(()),
    )
    .unwrap();
    let values: Vec<i64> = cells.iter().map(|cell| value(&cell.get().unwrap())).collect();
    assert_eq!(values, [0, 1, 2, 3, 4]);
    assert!(progress.counts().spilled > 0);
    assert!(progress.counts().live <= 2_000, "{:?}", progress.counts());
}

#[test]
fn a_bad_graph_is_refused() {
    let (settings, _directory) = settings(1, 0);
    let mut graph = TaskGraph::default();
    graph.tasks.push(task(&[0], 0));
    graph.outputs = vec![0];
    assert_eq!(
        run(&Arc::new(graph), &settings, Arc::new(sum))
            .unwrap_err()
            .kind(),
        Kind::Internal
    );
    let graph = TaskGraph {
        tasks: Vec::new(),
        outputs: vec![0],
        ..TaskGraph::default()
    };
    assert_eq!(
        run(&Arc::new(graph), &settings, Arc::new(sum))
            .unwrap_err()
            .kind(),
        Kind::Internal
    );
    assert!(
        run(&Arc::new(TaskGraph::default()), &settings, Arc::new(sum))
            .unwrap()
            .is_empty()
    );
}
