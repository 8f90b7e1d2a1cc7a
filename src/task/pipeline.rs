//! A fused pipeline.

/// Source, steps, sink.
#[derive(Debug)]
pub struct Pipeline {}
