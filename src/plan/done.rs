//! Which task makes which partition of which node, while a plan is lowered.
//!
//! There may be a million: an entry is the number of a task, whose name says the rest. Only where a partition is made by a
//! task that goes by another name (a piece of a concatenation is the input's own task) the key itself is kept.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::task::{TaskGraph, TaskId};
use crate::token::Token;

/// The partitions that have a task.
#[derive(Default)]
pub(super) struct Done {
    hasher: DefaultHashBuilder,
    named: HashTable<TaskId>,
    others: HashMap<(Token, usize), TaskId>,
}

impl Done {
    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, count: usize, graph: &TaskGraph) {
        let Self { hasher, named, .. } = self;
        named.reserve(count, |task| hash(hasher, key_of(graph, *task)));
    }

    /// The task of a partition, if it has one.
    pub(super) fn get(&self, graph: &TaskGraph, token: Token, partition: usize) -> Option<TaskId> {
        let key = (token, partition);
        let found = self
            .named
            .find(hash(&self.hasher, key), |task| key_of(graph, *task) == key);
        found.or_else(|| self.others.get(&key)).copied()
    }

    /// Notes the task of a partition.
    pub(super) fn insert(&mut self, graph: &TaskGraph, token: Token, partition: usize, task: TaskId) {
        let key = (token, partition);
        if key_of(graph, task) != key {
            self.others.insert(key, task);
            return;
        }
        let Self { hasher, named, .. } = self;
        let entry = named.entry(
            hash(hasher, key),
            |other| key_of(graph, *other) == key,
            |other| hash(hasher, key_of(graph, *other)),
        );
        entry.insert(task);
    }
}

fn key_of(graph: &TaskGraph, task: TaskId) -> (Token, usize) {
    let task = &graph.tasks[task as usize];
    (task.name.token(), task.partition)
}

fn hash(hasher: &DefaultHashBuilder, key: (Token, usize)) -> u64 {
    hasher.hash_one(key)
}
