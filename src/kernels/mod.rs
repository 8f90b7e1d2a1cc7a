//! The loops: pure functions over Arrow arrays and n-d buffers.

pub mod agg;
