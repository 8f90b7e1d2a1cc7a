//! dusk's engine: plans, kernels and the scheduler behind the Python package `dusk`.
//!
//! The modules below are in layer order: each may use those above it only (`tests/test_layers.py` checks it).

// layer 0: words
mod allocator;
pub mod config;
pub mod dtype;
pub mod error;
pub mod host;
pub mod nd;
pub mod parallel;
pub mod process;
pub mod scalar;
pub mod schema;
pub mod sync;
pub mod token;
pub mod wire;
// layer 1: operations as data, values
pub mod chunk;
pub mod op;
// layer 2: kernels, files, logical plans
pub mod expr;
pub mod io;
pub mod kernels;
// layer 3: tasks, rewriting of logical plans
pub mod opt;
pub mod task;
// layer 4: lowering, execution
pub mod exec;
pub mod plan;
// layer 6: the border to Python
pub mod py;
