//! Lowering of logical plans to task graphs.
