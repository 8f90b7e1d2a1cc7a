//! In which order tasks should start: depth first, so that chunks are released early.
//!
//! One output's subtree is finished before the next is opened, the input that needs the most memory at once comes first
//! (Sethi and Ullman's numbers, which hold for trees and are a good guess for graphs), and a chunk that has been made is
//! used by all its consumers as soon as they can run, when they are few: two reductions over one source then read each
//! partition once. What only cuts its inputs comes as soon as these are there, however many cut the same. Linear in tasks and edges but for sorting the inputs of a task. Tasks that no output needs get no rank.

use crate::exec::shape::{Lists, Shape};
use crate::task::TaskId;

/// The rank of tasks that no output needs.
pub const NEVER: u32 = u32::MAX;

/// More ready consumers than this are left to their own outputs: running all of a broadcast value's consumers at once
/// would fill the memory with their results.
const EAGER: u32 = 8;

/// The order.
#[derive(Debug)]
pub struct Order {
    /// The place of each task; [`NEVER`] when it isn't needed.
    pub rank: Vec<u32>,
    /// The needed tasks by rank.
    pub tasks: Vec<TaskId>,
    /// The needed consumers of each task, by rank.
    pub consumers: Lists,
}

/// Orders the tasks that `shape.outputs` need.
#[must_use]
pub fn order(shape: &Shape) -> Order {
    let needed = needed(shape);
    let all: Vec<TaskId> = (0..shape.len() as TaskId)
        .filter(|&task| needed[task as usize])
        .collect();
    let consumers = shape.inputs.reversed(&all);
    let weights = weights(shape, &needed);
    let mut walk = Walk {
        shape,
        consumers: &consumers,
        rank: vec![NEVER; shape.len()],
        tasks: Vec::with_capacity(all.len()),
        pending: all.iter().fold(vec![0; shape.len()], |mut pending, &task| {
            pending[task as usize] = shape.inputs.of(task).len() as u32;
            pending
        }),
        unranked: (0..shape.len() as TaskId)
            .map(|task| consumers.of(task).len() as u32)
            .collect(),
        ready: vec![0; shape.len()],
        eager: Vec::new(),
    };
    let mut stack: Vec<(TaskId, bool)> = Vec::new();
    let mut sorted: Vec<TaskId> = Vec::new();
    for &output in &shape.outputs {
        stack.push((output, false));
        while let Some((task, opened)) = stack.pop() {
            if walk.rank[task as usize] != NEVER {
                continue;
            }
            if opened || walk.pending[task as usize] == 0 {
                walk.place(task);
                continue;
            }
            stack.push((task, true));
            sorted.clear();
            sorted.extend_from_slice(shape.inputs.of(task));
            // The stack turns the order round: lightest at the bottom, and of equals the first input on top.
            sorted.reverse();
            sorted.sort_by_key(|&input| weights[input as usize]);
            stack.extend(
                sorted
                    .iter()
                    .filter(|&&input| walk.rank[input as usize] == NEVER)
                    .map(|&input| (input, false)),
            );
        }
    }
    let Walk { rank, tasks, .. } = walk;
    let consumers = shape.inputs.reversed(&tasks);
    Order {
        rank,
        tasks,
        consumers,
    }
}

/// Which tasks some output needs.
fn needed(shape: &Shape) -> Vec<bool> {
    let mut needed = vec![false; shape.len()];
    for &output in &shape.outputs {
        needed[output as usize] = true;
    }
    for task in (0..shape.len()).rev() {
        if needed[task] {
            for &input in shape.inputs.of(task as TaskId) {
                needed[input as usize] = true;
            }
        }
    }
    needed
}

/// How many chunks a task's subtree holds at once, at best.
fn weights(shape: &Shape, needed: &[bool]) -> Vec<u32> {
    let mut weights = vec![0_u32; shape.len()];
    let mut inner: Vec<u32> = Vec::new();
    for task in 0..shape.len() {
        if !needed[task] {
            continue;
        }
        let inputs = shape.inputs.of(task as TaskId);
        weights[task] = match inputs {
            [] => 1,
            [only] => weights[*only as usize],
            _ => {
                inner.clear();
                inner.extend(inputs.iter().map(|&input| weights[input as usize]));
                inner.sort_unstable_by(|a, b| b.cmp(a));
                let most = inner.iter().zip(0_u32..).map(|(&weight, held)| weight + held);
                most.max().unwrap_or(1)
            }
        };
    }
    weights
}

struct Walk<'a> {
    shape: &'a Shape,
    consumers: &'a Lists,
    rank: Vec<u32>,
    tasks: Vec<TaskId>,
    /// Inputs without a rank, by task.
    pending: Vec<u32>,
    /// Consumers without a rank, by task.
    unranked: Vec<u32>,
    /// Of these, the ones with all inputs ranked.
    ready: Vec<u32>,
    eager: Vec<TaskId>,
}

impl Walk<'_> {
    /// Gives `task` the next rank, and after it the tasks that free what was made.
    fn place(&mut self, task: TaskId) {
        self.eager.push(task);
        while let Some(task) = self.eager.pop() {
            if self.rank[task as usize] != NEVER {
                continue;
            }
            self.rank[task as usize] = self.tasks.len() as u32;
            self.tasks.push(task);
            let inputs = self.shape.inputs.of(task);
            for &input in inputs {
                self.unranked[input as usize] -= 1;
                self.ready[input as usize] -= 1;
            }
            for &consumer in self.consumers.of(task) {
                let pending = &mut self.pending[consumer as usize];
                *pending -= 1;
                if *pending == 0 {
                    for &input in self.shape.inputs.of(consumer) {
                        self.ready[input as usize] += 1;
                    }
                    if self.shape.cuts[consumer as usize] {
                        self.eager.push(consumer);
                    }
                }
            }
            // The last pushed is placed first: what uses the new chunk before what frees its inputs.
            for &chunk in inputs.iter().rev().chain(std::iter::once(&task)) {
                let left = self.unranked[chunk as usize];
                if left > 0 && left <= EAGER && left == self.ready[chunk as usize] {
                    let waiting = self.consumers.of(chunk).iter().rev();
                    self.eager.extend(
                        waiting
                            .filter(|&&consumer| self.rank[consumer as usize] == NEVER)
                            .copied(),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(inputs: &[&[TaskId]], outputs: &[TaskId]) -> Shape {
        let mut shape = Shape::new();
        for list in inputs {
            shape.push(list, 0, false);
        }
        shape.outputs = outputs.to_vec();
        shape
    }

    #[test]
    fn nothing_gives_nothing() {
        assert!(order(&shape(&[], &[])).tasks.is_empty());
        assert!(order(&shape(&[&[], &[0]], &[])).tasks.is_empty());
    }

    #[test]
    fn tasks_that_no_output_needs_are_left_out() {
        let order = order(&shape(&[&[], &[], &[0], &[1]], &[2]));
        assert_eq!(order.tasks, [0, 2]);
        assert_eq!(order.rank, [0, NEVER, 1, NEVER]);
        assert!(order.consumers.of(1).is_empty());
    }

    #[test]
    fn one_output_is_finished_before_the_next_is_opened() {
        let order = order(&shape(&[&[], &[], &[], &[0], &[1], &[2]], &[3, 4, 5]));
        assert_eq!(order.tasks, [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn a_tree_merges_early() {
        // 0..4 leaves, 4 = 0+1, 5 = 2+3, 6 = 4+5
        let order = order(&shape(&[&[], &[], &[], &[], &[0, 1], &[2, 3], &[4, 5]], &[6]));
        assert_eq!(order.tasks, [0, 1, 4, 2, 3, 5, 6]);
    }

    #[test]
    fn two_reductions_share_each_partition() {
        // 0,1 sources; 2,3 first maps; 4 = 2+3; 5,6 second maps; 7 = 5+6
        let shape = shape(&[&[], &[], &[0], &[1], &[2, 3], &[0], &[1], &[5, 6]], &[4, 7]);
        assert_eq!(order(&shape).tasks, [0, 2, 5, 1, 3, 4, 6, 7]);
    }

    #[test]
    fn a_broadcast_value_doesnt_open_every_output() {
        // 0 is used by 1..=20, each followed by one more task
        let mut graph = Shape::new();
        graph.push(&[], 0, false);
        for _ in 0..20 {
            graph.push(&[0], 0, false);
        }
        for first in 1..=20 {
            let id = graph.push(&[first], 0, false);
            graph.outputs.push(id);
        }
        let order = order(&graph);
        assert_eq!(&order.tasks[..5], [0, 1, 21, 2, 22]);
    }

    #[test]
    fn what_cuts_its_inputs_comes_as_soon_as_they_are_there() {
        // 0..2 are each cut by twenty, of which one of each makes an output
        let mut graph = Shape::new();
        for _ in 0..2 {
            graph.push(&[], 0, false);
        }
        for piece in 0..40 {
            let id = graph.push(&[piece / 20], 0, false);
            graph.cuts[id as usize] = true;
        }
        for output in 0..20 {
            let id = graph.push(&[2 + output, 22 + output], 0, false);
            graph.outputs.push(id);
        }
        let order = order(&graph);
        assert_eq!((order.tasks[0], order.tasks[21]), (0, 1));
        assert!(order.tasks[1..21].iter().all(|task| (2..22).contains(task)));
    }

    #[test]
    fn the_heavier_input_comes_first() {
        // 3 = 0+1+2, 5 = 4 + 3
        let order = order(&shape(&[&[], &[], &[], &[0, 1, 2], &[], &[4, 3]], &[5]));
        assert_eq!(order.tasks, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn inputs_may_come_twice() {
        let order = order(&shape(&[&[], &[0, 0], &[1, 0, 1]], &[2, 2, 0]));
        assert_eq!(order.tasks, [0, 1, 2]);
        assert_eq!(order.consumers.of(0), [1, 1, 2]);
    }
}
