//! Names that no other content has: a number of the process and a count, without a hash.
//!
//! Invariant: no two are equal, also not in a forked process.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::token::Token;

static PROCESS: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A token that no other content has, in this process and in others.
#[must_use]
pub fn counted_token() -> Token {
    let process = match PROCESS.load(Ordering::Relaxed) {
        0 => restart(),
        number => number,
    };
    let mut token = [0; 16];
    token[..8].copy_from_slice(&process.to_le_bytes());
    token[8..].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Token(token)
}

fn restart() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // std seeds it from the system's random numbers, once in a process, so time and process id are mixed in
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    hasher.write_u128(now.map_or(0, |time| time.as_nanos()));
    hasher.write_u32(std::process::id());
    let number = hasher.finish() | 1;
    PROCESS.store(number, Ordering::Relaxed);
    number
}

/// Begins other unique names: those of a forked process must not meet its parent's.
pub fn restart_names() {
    restart();
}

/// Text that no other content has, for names.
#[pyfunction]
pub fn unique_name() -> String {
    counted_token().hex()
}
