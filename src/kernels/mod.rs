//! The loops: pure functions over Arrow arrays and n-d buffers.

pub mod agg;
pub mod concat;
pub mod group;
pub mod ops;
pub mod program;
pub mod take;
