//! Scripts and properties of the state machine.

use proptest::prelude::*;

use super::*;

fn shape(tasks: &[(&[TaskId], usize)], outputs: &[TaskId]) -> Shape {
    let mut shape = Shape::new();
    for (inputs, projected) in tasks {
        shape.push(inputs, *projected, false);
    }
    shape.outputs = outputs.to_vec();
    shape
}

fn on(state: &mut State, event: Event) -> Vec<Action> {
    let mut actions = Vec::new();
    state.on(event, &mut actions);
    actions
}

fn finish(state: &mut State, task: TaskId, bytes: usize) -> Vec<Action> {
    on(state, Event::Finished { task, bytes })
}

#[test]
fn nothing_to_do_is_done() {
    assert_eq!(State::new(Shape::new(), 0).next(0), Work::Done);
    assert_eq!(State::new(shape(&[(&[], 1)], &[]), 0).next(0), Work::Done);
}

#[test]
fn a_chain_runs_in_order_and_releases_what_is_used() {
    let mut state = State::new(shape(&[(&[], 0), (&[0], 0), (&[1], 0)], &[2]), 100);
    assert_eq!(state.next(0), Work::Run(0));
    assert_eq!(state.next(0), Work::Wait);
    assert!(!state.has_work());
    assert_eq!(finish(&mut state, 0, 10), []);
    assert!(state.has_work());
    assert!(state.is_last_use(0));
    assert_eq!(state.next(0), Work::Run(1));
    assert_eq!(finish(&mut state, 1, 20), [Action::Release(0)]);
    assert_eq!(state.live(), 20);
    assert_eq!(state.next(0), Work::Run(2));
    assert_eq!(finish(&mut state, 2, 30), [Action::Release(1)]);
    assert_eq!((state.live(), state.done(), state.total()), (30, 3, 3));
    assert_eq!(state.next(0), Work::Done);
}

#[test]
fn outputs_stay_even_when_tasks_use_them() {
    let mut state = State::new(shape(&[(&[], 0), (&[0], 0)], &[0, 1, 0]), 100);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 1);
    assert!(!state.is_last_use(0));
    assert_eq!(state.next(0), Work::Run(1));
    assert_eq!(finish(&mut state, 1, 1), []);
    assert_eq!(state.next(0), Work::Done);
}

#[test]
fn an_input_that_comes_twice_is_one_input() {
    let mut state = State::new(shape(&[(&[], 0), (&[0, 0], 0)], &[1]), 100);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 1);
    assert!(!state.is_last_use(0), "it is handed over twice");
    assert_eq!(state.next(0), Work::Run(1));
    assert_eq!(finish(&mut state, 1, 1), [Action::Release(0)]);
}

#[test]
fn projected_bytes_hold_tasks_back_but_never_all() {
    let mut state = State::new(shape(&[(&[], 60), (&[], 60), (&[], 500)], &[0, 1, 2]), 100);
    assert_eq!(state.next(0), Work::Run(0));
    assert_eq!(state.next(0), Work::Wait);
    assert_eq!(state.held(), 60);
    finish(&mut state, 0, 0);
    assert_eq!(state.next(0), Work::Run(1));
    assert_eq!(state.next(0), Work::Wait);
    finish(&mut state, 1, 0);
    // It never fits; it runs alone.
    assert_eq!(state.next(0), Work::Run(2));
    finish(&mut state, 2, 0);
    assert_eq!(state.next(0), Work::Done);
}

#[test]
fn memory_of_other_runs_counts() {
    let mut state = State::new(shape(&[(&[], 60), (&[], 10)], &[0, 1]), 100);
    assert_eq!(state.next(1_000), Work::Run(0), "one task may always run");
    assert_eq!(state.next(50), Work::Wait);
    state.reconsider();
    assert_eq!(state.next(30), Work::Run(1));
}

#[test]
fn the_chunk_that_is_needed_last_is_spilled_and_comes_back() {
    // 0 and 1 are made, 2 uses 1, 3 uses 0 and 2
    let mut state = State::new(
        shape(&[(&[], 40), (&[], 40), (&[1], 40), (&[2, 0], 0)], &[3]),
        100,
    );
    assert_eq!(state.next(0), Work::Run(1), "the order makes 0 last");
    finish(&mut state, 1, 40);
    assert_eq!(state.next(0), Work::Run(2));
    finish(&mut state, 2, 90);
    // 2 is needed by the same task as 0, so it may go while 0 is made.
    assert_eq!(state.next(0), Work::Spill(2));
    assert_eq!(state.next(0), Work::Wait);
    assert_eq!(on(&mut state, Event::Spilled(2)), [Action::Forget(2)]);
    assert_eq!(state.live(), 0);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 40);
    // Both inputs don't fit, but nothing else runs and 0 is needed itself.
    assert_eq!(state.next(0), Work::Load(2));
    assert_eq!(state.held(), 130);
    assert_eq!(state.next(0), Work::Wait);
    on(&mut state, Event::Loaded(2));
    assert_eq!(state.next(0), Work::Run(3));
    let mut released = finish(&mut state, 3, 5);
    released.sort_by_key(|action| format!("{action:?}"));
    assert_eq!(released, [Action::Release(0), Action::Release(2)]);
    assert_eq!(state.held(), 5);
    assert_eq!(state.next(0), Work::Done);
}

#[test]
fn a_chunk_that_is_used_while_it_is_spilled_stays() {
    let mut state = State::new(shape(&[(&[], 0), (&[0], 0), (&[0], 0)], &[1, 2]), 100);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 150);
    assert_eq!(state.next(0), Work::Spill(0), "live bytes are over the limit");
    on(&mut state, Event::Excess(0));
    assert_eq!(state.next(0), Work::Wait);
    assert_eq!(on(&mut state, Event::Spilled(0)), [Action::Forget(0)]);
    assert_eq!(state.next(0), Work::Load(0));
    on(&mut state, Event::Loaded(0));
    assert_eq!(state.next(0), Work::Run(1));
    assert_eq!(finish(&mut state, 1, 0), []);
}

#[test]
fn a_chunk_that_cant_be_spilled_is_left_alone() {
    let mut state = State::new(shape(&[(&[], 0), (&[], 0)], &[0, 1]), 10);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 50);
    assert_eq!(state.next(0), Work::Spill(0));
    assert_eq!(on(&mut state, Event::Unspillable(0)), []);
    assert_eq!(state.next(0), Work::Run(1));
    finish(&mut state, 1, 0);
    assert_eq!(state.next(0), Work::Done);
    assert_eq!(state.live(), 50);
}

#[test]
fn held_results_are_never_spilled() {
    let mut graph = Shape::new();
    graph.push(&[], 0, true);
    graph.push(&[], 0, false);
    graph.outputs = vec![0, 1];
    let mut state = State::new(graph, 10);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 1_000);
    assert_eq!(state.live(), 0);
    assert_eq!(state.next(0), Work::Run(1));
}

#[test]
fn the_systems_count_stops_admission_beside_others_and_spills() {
    let mut state = State::new(shape(&[(&[], 0), (&[], 0), (&[], 0)], &[0, 1, 2]), 1_000);
    assert_eq!(state.next(0), Work::Run(0));
    finish(&mut state, 0, 30);
    on(&mut state, Event::Excess(20));
    assert_eq!(state.next(0), Work::Spill(0));
    on(&mut state, Event::Spilled(0));
    assert_eq!(state.next(0), Work::Run(1), "what was over has left");
    on(&mut state, Event::Excess(20));
    assert_eq!(state.next(0), Work::Wait);
    on(&mut state, Event::Excess(0));
    assert_eq!(state.next(0), Work::Run(2));
}

#[test]
fn a_failure_ends_the_run_when_what_runs_has_come_back() {
    let mut state = State::new(shape(&[(&[], 0), (&[], 0), (&[], 0)], &[0, 1, 2]), 100);
    assert_eq!(state.next(0), Work::Run(0));
    assert_eq!(state.next(0), Work::Run(1));
    on(&mut state, Event::Failed(0));
    assert!(!state.has_work());
    assert_eq!(state.next(0), Work::Wait);
    finish(&mut state, 1, 5);
    assert_eq!(state.next(0), Work::Done);
    assert!(state.has_ended());
}

/// A graph of random inputs; the later tasks tend to use near ones.
fn graphs() -> impl Strategy<Value = Shape> {
    let task = (
        prop::collection::vec(0_usize..1_000, 0..4),
        0_usize..60,
        prop::bool::weighted(0.1),
    );
    (
        prop::collection::vec(task, 1..60),
        prop::collection::vec(0_usize..1_000, 1..6),
    )
        .prop_map(|(tasks, outputs)| {
            let mut shape = Shape::new();
            for (position, (inputs, projected, held)) in tasks.iter().enumerate() {
                let inputs: Vec<TaskId> = inputs
                    .iter()
                    .filter(|_| position > 0)
                    .map(|input| (position - 1 - input % position.min(12)) as TaskId)
                    .collect();
                shape.push(&inputs, *projected, *held);
            }
            shape.outputs = outputs
                .iter()
                .map(|output| (output % tasks.len()) as TaskId)
                .collect();
            shape
        })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Where {
    Nowhere,
    Memory,
    File,
    Released,
}

/// What goes wrong in a simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Fail,
    Cancel,
    BadDisk,
    Unspillable,
}

/// Plays workers that answer in a random order, and checks every promise on the way.
fn simulate(
    shape: &Shape,
    limit: usize,
    workers: usize,
    choices: &[usize],
    fault: Fault,
) -> Result<(), TestCaseError> {
    let count = shape.len();
    let mut copy = Shape::new();
    for task in 0..count {
        copy.push(
            shape.inputs.of(task as TaskId),
            shape.projected[task],
            shape.held[task],
        );
    }
    copy.outputs.clone_from(&shape.outputs);
    let mut state = State::new(copy, limit);
    let needed = state.total();
    let mut place = vec![Where::Nowhere; count];
    let mut runs = vec![0; count];
    let mut under_way: Vec<Work> = Vec::new();
    let mut choices = choices.iter().cycle().copied();
    let mut choice = || choices.next().unwrap_or(0);
    let mut steps = 0;
    let mut ended = false;
    let mut done = false;
    let mut sizes = vec![0; count];
    while !done {
        steps += 1;
        prop_assert!(steps < 100_000, "the run doesn't end");
        while under_way.len() < workers {
            let running = under_way
                .iter()
                .filter(|work| !matches!(work, Work::Spill(_)))
                .count();
            let before = state.held();
            let work = state.next(0);
            match work {
                Work::Run(task) => {
                    prop_assert!(!ended, "a task starts after the end");
                    for &input in shape.inputs.of(task) {
                        prop_assert_eq!(
                            place[input as usize],
                            Where::Memory,
                            "input {} of {}",
                            input,
                            task
                        );
                    }
                    runs[task as usize] += 1;
                    let admitted_now = state.held() > before;
                    prop_assert!(
                        !admitted_now || state.held() <= limit || running == 0,
                        "{} held beside {} others within {}",
                        state.held(),
                        running,
                        limit
                    );
                }
                Work::Spill(chunk) => {
                    prop_assert_eq!(place[chunk as usize], Where::Memory);
                    prop_assert!(!shape.held[chunk as usize]);
                }
                Work::Load(chunk) => prop_assert_eq!(place[chunk as usize], Where::File),
                Work::Wait => {
                    prop_assert!(!under_way.is_empty(), "waits for nothing");
                    break;
                }
                Work::Done => {
                    prop_assert!(under_way.is_empty());
                    done = true;
                    break;
                }
            }
            under_way.push(work);
        }
        if done {
            break;
        }
        let mut event = match under_way.swap_remove(choice() % under_way.len()) {
            Work::Run(task) => {
                for &input in shape.inputs.of(task) {
                    prop_assert_eq!(place[input as usize], Where::Memory, "taken away while in use");
                }
                let bytes = choice() % 80;
                Event::Finished { task, bytes }
            }
            Work::Spill(chunk) => Event::Spilled(chunk),
            Work::Load(chunk) => Event::Loaded(chunk),
            Work::Wait | Work::Done => unreachable!(),
        };
        if !ended && steps > 5 && choice() % 7 == 0 {
            event = match (fault, event) {
                (Fault::Fail, Event::Finished { task, .. }) => Event::Failed(task),
                (Fault::BadDisk, Event::Spilled(chunk)) => Event::SpillFailed(chunk),
                (Fault::BadDisk, Event::Loaded(chunk)) => Event::LoadFailed(chunk),
                (Fault::Unspillable, Event::Spilled(chunk)) => Event::Unspillable(chunk),
                (Fault::Cancel, event) => {
                    state.on(Event::Cancel, &mut Vec::new());
                    ended = true;
                    event
                }
                (_, event) => event,
            };
        }
        if choice() % 11 == 0 {
            state.on(Event::Excess(choice() % 50), &mut Vec::new());
        }
        match event {
            Event::Finished { task, bytes } => {
                place[task as usize] = Where::Memory;
                sizes[task as usize] = if shape.held[task as usize] { 0 } else { bytes };
            }
            Event::Loaded(chunk) => place[chunk as usize] = Where::Memory,
            Event::Failed(_) | Event::SpillFailed(_) | Event::LoadFailed(_) => ended = true,
            _ => {}
        }
        let mut actions = Vec::new();
        state.on(event, &mut actions);
        for action in actions {
            let (chunk, now) = match action {
                Action::Release(chunk) => (chunk, Where::Released),
                Action::Forget(chunk) => (chunk, Where::File),
            };
            prop_assert_eq!(place[chunk as usize], Where::Memory);
            place[chunk as usize] = now;
        }
        if !ended {
            let live: usize = (0..count)
                .filter(|&task| place[task] == Where::Memory)
                .map(|task| sizes[task])
                .sum();
            prop_assert_eq!(state.live(), live);
            let of = |pick: &dyn Fn(&TaskId) -> bool| -> usize {
                (0..count as TaskId)
                    .filter(pick)
                    .map(|task| sizes[task as usize])
                    .sum()
            };
            prop_assert_eq!(state.spillable, of(&|&task| state.can_leave(task)));
            prop_assert_eq!(
                state.leaving,
                of(&|&task| state.nodes[task as usize].phase == Phase::Spilling)
            );
        }
    }
    prop_assert_eq!(state.has_ended(), ended);
    prop_assert!(runs.iter().all(|&runs| runs <= 1));
    if !ended {
        prop_assert_eq!(runs.iter().sum::<usize>(), needed);
        prop_assert_eq!(state.held(), state.live());
        for task in 0..count {
            let kept = shape.outputs.contains(&(task as TaskId));
            let expected: &[Where] = match (kept, runs[task]) {
                (true, _) => &[Where::Memory, Where::File],
                (false, 0) => &[Where::Nowhere],
                (false, _) => &[Where::Released],
            };
            prop_assert!(
                expected.contains(&place[task]),
                "task {} is {:?}",
                task,
                place[task]
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_run_ends_and_keeps_its_promises(
        shape in graphs(),
        limit in prop_oneof![Just(0_usize), Just(1), 1_usize..400, Just(usize::MAX)],
        workers in 1_usize..6,
        choices in prop::collection::vec(0_usize..10_000, 20..60),
        fault in prop::sample::select(vec![
            Fault::None, Fault::None, Fault::Fail, Fault::Cancel, Fault::BadDisk, Fault::Unspillable,
        ]),
    ) {
        simulate(&shape, limit, workers, &choices, fault)?;
    }

    #[test]
    fn the_order_is_a_topological_one_of_the_needed_tasks(shape in graphs()) {
        let order = order(&shape);
        for (rank, &task) in order.tasks.iter().enumerate() {
            prop_assert_eq!(order.rank[task as usize] as usize, rank);
            for &input in shape.inputs.of(task) {
                prop_assert!(order.rank[input as usize] < rank as u32);
            }
        }
        for &output in &shape.outputs {
            prop_assert!(order.rank[output as usize] != NEVER);
        }
        prop_assert_eq!(order.rank.iter().filter(|&&rank| rank != NEVER).count(), order.tasks.len());
    }
}
