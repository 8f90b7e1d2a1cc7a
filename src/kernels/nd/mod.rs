//! The loops over n-dimensional blocks.

pub mod copy;
