//! Rewriting of logical plans.
