//! Aggregation.

/// A plan.
#[derive(Debug)]
pub struct AggPlan {}
