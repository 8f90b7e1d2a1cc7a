//! The loops: pure functions over Arrow arrays and n-d buffers.

pub mod agg;
pub mod compile;
pub mod concat;
pub mod content;
pub mod decode;
pub mod group;
pub mod nd;
pub mod ops;
pub mod predicate;
pub mod program;
pub mod take;
pub mod tile;
